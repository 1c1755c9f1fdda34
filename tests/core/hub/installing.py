"""Installs models for tests without a hub."""

from __future__ import annotations

from pathlib import Path

from core.hub.manifest import make_manifest, write_manifest
from core.hub.store import folder_of, model_named


def seal(name: str) -> Path:
    """Write the manifest of the files that lie in the model's folder, which makes it an installed model; its folder.

    UserError `model-damaged` for a file that may hold code.
    """
    folder = folder_of(name)
    write_manifest(folder, make_manifest(model_named(name), folder, "local", lambda: None))
    return folder
