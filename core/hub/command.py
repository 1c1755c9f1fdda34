"""What `python -m core models` does and prints."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..contract.errors import UserError
from ..progress import JobProgress, Listener
from .catalogue import CATALOGUE
from .fetch import bytes_in, delete, fetch, partial_bytes
from .store import ModelStatus, model_named, models_folder, size_text, status

_STAGE = "downloading models"


def describe(found: ModelStatus) -> dict[str, Any]:
    """A model and its state as the messages of the worker and `models list --json` have it."""
    model = found.model
    return {
        "name": model.name,
        "title": model.title,
        "purpose": model.purpose,
        "licence": model.licence.name,
        "licence_url": model.licence.url,
        "licence_note": model.licence.note,
        "source": model.repository,
        "megabytes": model.megabytes,
        "memory_gigabytes": model.memory_gigabytes,
        "state": found.state,
        "problem": found.problem,
        "bytes_used": bytes_in(found.folder),
        "bytes_begun": partial_bytes(model.name),
        "revision": found.revision,
    }


def overview() -> dict[str, Any]:
    """Every model with its state, and their folder. Reads files only."""
    return {"folder": str(models_folder()), "models": [describe(status(name)) for name in CATALOGUE]}


def fetch_models(
    names: Sequence[str], listener: Listener, *, licence_accepted: bool, source: Path | None = None
) -> None:
    """Fetch models one after the other, as one job. The UserErrors of `fetch`."""
    if not names:
        raise UserError("model-unknown", "No model is named.", f"There are: {', '.join(CATALOGUE)}.")
    models = [model_named(name) for name in dict.fromkeys(names)]
    job = JobProgress(listener)
    job.expect({f"{_STAGE}-{number}": model.megabytes for number, model in enumerate(models, 1)})
    for number, model in enumerate(models, 1):
        reporter = job.begin(f"{_STAGE}-{number}")
        fetch(model.name, reporter, licence_accepted=licence_accepted, source=source)


def verify_models(names: Sequence[str], listener: Listener) -> list[ModelStatus]:
    """Read every file of the models that are there, or of those named, and compare its sha256."""
    chosen = [model_named(name).name for name in names] or list(CATALOGUE)
    job = JobProgress(listener)
    job.expect({"checking models": 1.0})
    reporter = job.begin("checking models")
    found: list[ModelStatus] = []
    for number, name in enumerate(chosen):
        title = model_named(name).title

        def tick(done: float = number / len(chosen), text: str = f"Checking {title}") -> None:
            reporter.progress(done, text)

        found.append(status(name, whole=True, while_reading=tick))
    return found


def table(states: Sequence[ModelStatus]) -> str:
    """The models as lines of text."""
    lines: list[str] = []
    for found in states:
        model = found.model
        size = size_text(bytes_in(found.folder) / 1e6 if found.state != "missing" else model.megabytes)
        begun = partial_bytes(model.name)
        state = f"{size_text(begun / 1e6)} downloaded" if begun and found.state == "missing" else found.state
        lines.append(f"{model.name:18} {state:14} {size:>8}  {model.licence.name:12} {model.purpose}")
        if found.problem:
            lines.append(f"{'':18} {found.problem}")
    return "\n".join(lines)


def run(action: str, names: Sequence[str], listener: Listener, *, accept: bool, source: Path | None) -> int:
    """Run one action of the command line and return its exit code."""
    if action == "download":
        fetch_models(names, listener, licence_accepted=accept, source=source)
    elif action == "delete":
        for name in names:
            print(f"{name}: {size_text(delete(name) / 1e6)} freed", file=sys.stderr)
    elif action == "verify":
        states = [found for found in verify_models(names, listener) if names or found.state != "missing"]
        print(table(states) if states else "No model is installed.")
        return 0 if all(found.state == "installed" for found in states) else 2
    print(table([status(name) for name in names or CATALOGUE]))
    if action == "list":
        print(
            f"They lie in {models_folder()}. Licences: {', '.join(sorted({m.licence.url for m in CATALOGUE.values()}))}"
        )
    return 0
