"""What the user's buttons do. Operators read settings, call the runtime or the scene, and report."""

from __future__ import annotations

import bpy

from . import contacts, environment, export, imports, jobs, keys

_CLASSES = (*environment.CLASSES, *jobs.CLASSES, *imports.CLASSES, *contacts.CLASSES, *keys.CLASSES, *export.CLASSES)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
