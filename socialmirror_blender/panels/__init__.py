"""The add-on's tab in the sidebar of the 3D view. Drawing only reads state."""

from __future__ import annotations

import bpy

from . import (
    annotation,
    camera,
    clip_queue,
    confidence,
    contacts,
    control_rig,
    feet,
    models,
    own_keys,
    pins,
    reconstruct,
    result,
    retarget,
    takes,
)
from .environment import draw_environment
from .job import draw_job

__all__ = ["draw_environment", "draw_job", "register", "unregister"]

_CLASSES = (
    *reconstruct.CLASSES,
    *clip_queue.CLASSES,
    *models.CLASSES,
    *result.CLASSES,
    *takes.CLASSES,
    *confidence.CLASSES,
    *annotation.CLASSES,
    *contacts.CLASSES,
    *camera.CLASSES,
    *own_keys.CLASSES,
    *pins.CLASSES,
    *control_rig.CLASSES,
    *feet.CLASSES,
    *retarget.CLASSES,
)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
