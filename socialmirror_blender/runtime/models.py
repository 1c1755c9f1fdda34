"""The hub's models as the worker tells of them: plain data for the panel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

LIST, FETCH, DELETE = "models", "fetch-models", "delete-models"
"""The worker's requests about models."""
JOBS = (LIST, FETCH, DELETE)


@dataclass(frozen=True)
class Model:
    """One model that can be downloaded, as in the worker's message `ready`."""

    name: str
    title: str
    purpose: str
    licence: str
    licence_url: str
    licence_note: str
    source: str
    megabytes: float
    memory_gigabytes: float
    state: str
    """installed, missing or damaged."""
    problem: str
    bytes_used: int
    bytes_begun: int
    """Of a download that was broken off."""

    @property
    def size(self) -> str:
        """What it takes on the disk, or would take."""
        return size_text(self.bytes_used / 1e6 if self.state == "installed" else self.megabytes)


def read_models(message: dict[str, Any]) -> tuple[Model, ...] | None:
    """The models of a message of the worker; None where it tells of none, as those of older versions do."""
    entries = cast("list[dict[str, Any]] | None", message.get("models"))
    if not isinstance(entries, list):
        return None
    names = Model.__dataclass_fields__
    try:
        return tuple(Model(**{name: entry[name] for name in names}) for entry in entries)
    except (KeyError, TypeError):
        return None


def disk_used(models: Sequence[Model]) -> str:
    return size_text(sum(model.bytes_used + model.bytes_begun for model in models) / 1e6)


def size_text(megabytes: float) -> str:
    return f"{megabytes / 1000:.1f} GB" if megabytes >= 1000 else f"{megabytes:.0f} MB"
