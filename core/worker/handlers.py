"""What the worker does for each kind of job, and what it reports about itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from .. import __version__
from ..contract.errors import UserError
from ..contract.fields import MAX_PATH, Fields
from ..contract.messages import Message
from ..contract.requests import ReconstructRequest, RefineRequest, folder_from_message, request_from_message
from ..progress import Listener
from .dispatcher import Handler
from .job import Work


def greeting() -> dict[str, Any]:
    """The fields of the message `ready`."""
    from ..doctor import examine
    from ..hub.command import overview

    checks = examine(quick=True)
    device = next((check.detail for check in checks if check.name == "device" and check.ok), "")
    described = [asdict(check) for check in checks]
    return {"version": __version__, "device": device, "doctor": described, "models": overview()["models"]}


def _reconstruct(message: Message) -> Work:
    folder = folder_from_message(message, "out")
    request = request_from_message(ReconstructRequest, message)
    key = message.get("annotator_key") or ""
    if not isinstance(key, str) or len(key) > MAX_PATH or not key.isascii() or not key.isprintable():
        raise UserError(  # without the key, which nothing may show
            "bad-annotator",
            "The key of the annotator's server is not valid.",
            "Enter it again in the add-on's preferences.",
        )

    def work(listener: Listener) -> dict[str, Any]:
        from ..pipeline import jobs

        finished = jobs.reconstruct(request, folder, listener, annotator_key=key)
        return {"folder": str(finished.folder), "take": finished.take.id}

    return work


def _refine(message: Message) -> Work:
    folder = folder_from_message(message, "folder")
    request = request_from_message(RefineRequest, message)

    def work(listener: Listener) -> dict[str, Any]:
        from ..pipeline import jobs

        finished = jobs.refine(request, folder, listener)
        return {"folder": str(finished.folder), "take": finished.take.id}

    return work


def _repair(message: Message) -> Work:
    parts, torch_index = message.get("parts"), message.get("torch_index") or ""
    if not isinstance(parts, list | None) or not isinstance(torch_index, str):
        raise UserError(
            "bad-message",
            "The fields of the request 'repair' have wrong types.",
            "Update the add-on and its environment to the same release.",
        )

    def work(listener: Listener) -> dict[str, Any]:
        from ..environment.repair import PARTS, repair

        checks = repair(listener, PARTS if parts is None else parts, torch_index=torch_index)
        return {"doctor": [asdict(check) for check in checks]}

    return work


def _models(message: Message) -> Work:
    def work(listener: Listener) -> dict[str, Any]:
        from ..hub.command import overview

        return overview()

    return work


def _fetch_models(message: Message) -> Work:
    names, accepted = _model_names(message), message.get("accept_licence") is True
    source = folder_from_message(message, "source") if message.get("source") else None

    def work(listener: Listener) -> dict[str, Any]:
        from ..hub.command import fetch_models, overview

        fetch_models(names, listener, licence_accepted=accepted, source=source)
        return overview()

    return work


def _delete_models(message: Message) -> Work:
    names = _model_names(message)

    def work(listener: Listener) -> dict[str, Any]:
        from ..hub.command import overview
        from ..hub.fetch import delete

        for name in names:
            delete(name)
        return overview()

    return work


def _model_names(message: Message) -> list[str]:
    return list(Fields(message, _bad_message).texts("names", longest=100))


def _bad_message(text: str) -> UserError:
    return UserError(
        "bad-message",
        f"The request {text}.",
        "Update the add-on and its environment to the same release.",
    )


HANDLERS: Mapping[str, Handler] = {
    "reconstruct": _reconstruct,
    "refine": _refine,
    "repair": _repair,
    "models": _models,
    "fetch-models": _fetch_models,
    "delete-models": _delete_models,
}
"""By the type of the request."""
