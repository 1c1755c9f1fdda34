"""The models that are on this machine: their folders, whether they are whole, and what to say where one is missing."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..contract.errors import UserError
from ..weights import cache_folder
from .catalogue import CATALOGUE, HubModel
from .manifest import problems, read_manifest

MODELS_VARIABLE = "SOCIALMIRROR_MODELS"
"""Environment variable with the folder that keeps the models, instead of one in the cache."""

State = Literal["installed", "missing", "damaged"]


@dataclass(frozen=True)
class ModelStatus:
    """Whether and where a model lies on this machine."""

    model: HubModel
    state: State
    folder: Path
    problem: str = ""
    """Of a damaged model: what is wrong, as a clause."""
    bytes_used: int = 0
    revision: str = ""


def models_folder() -> Path:
    """The folder of `SOCIALMIRROR_MODELS`, else `models` in the cache. It may not exist."""
    chosen = os.environ.get(MODELS_VARIABLE)
    return Path(chosen).expanduser() if chosen else cache_folder() / "models"


def model_named(name: str) -> HubModel:
    """UserError `model-unknown` for a name that is not in the catalogue."""
    if name not in CATALOGUE:
        raise UserError("model-unknown", f"There is no model {name!r}.", f"There are: {', '.join(CATALOGUE)}.")
    return CATALOGUE[name]


def folder_of(name: str) -> Path:
    """The place of a model, whether or not it is there. UserError `model-unknown`."""
    return models_folder() / model_named(name).name


def status(name: str, *, whole: bool = False, while_reading: Callable[[], None] = lambda: None) -> ModelStatus:
    """The state of one model. With `whole` every file is read and its sha256 compared; else sizes and times are."""
    model, folder = model_named(name), folder_of(name)
    if not folder.is_dir():
        return ModelStatus(model, "missing", folder)
    try:
        manifest = read_manifest(folder)
        wrong = next(problems(model, folder, manifest, whole=whole, while_reading=while_reading), "")
    except UserError as error:
        return ModelStatus(model, "damaged", folder, error.message.rstrip("."))
    except OSError as error:
        return ModelStatus(model, "damaged", folder, error.strerror or str(error))
    state: State = "damaged" if wrong else "installed"
    return ModelStatus(model, state, folder, wrong, manifest.size, manifest.revision)


def installed(name: str) -> Path | None:
    """The complete and verified folder of a model; None where it is missing or damaged."""
    found = status(name)
    return found.folder if found.state == "installed" else None


def require(name: str) -> Path:
    """The complete and verified folder of a model. UserError `model-missing` or `model-damaged`, which say how to get it."""
    found = status(name)
    if found.state == "installed":
        return found.folder
    why = f" ({found.problem})" if found.problem else ""
    raise UserError(
        f"model-{found.state}",
        f"{found.model.title}, which {found.model.purpose}, is {_STATES[found.state]}{why}.",
        how_to_get(found.model),
    )


def identity(name: str) -> str:
    """A digest of the model's files, for the keys of stages that use it. The same errors as `require`."""
    return read_manifest(require(name)).identity()


def how_to_get(model: HubModel) -> str:
    """A sentence for the user."""
    return (
        f"Press Download under Models in the sidebar, or run `python -m core models download {model.name} --accept-licence` "
        f"({size_text(model.megabytes)}; licence {model.licence.name}, {model.licence.url})."
    )


def size_text(megabytes: float) -> str:
    """A size in words: `3.2 GB`, `80 MB`."""
    return f"{megabytes / 1000:.1f} GB" if megabytes >= 1000 else f"{megabytes:.0f} MB"


_STATES = {"missing": "not installed", "damaged": "damaged"}
