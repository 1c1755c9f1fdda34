"""The add-on's operators. They read settings and the selection, call the runtime or the scene package, and report errors."""

from __future__ import annotations

import bpy

from . import (
    annotation,
    camera,
    clip_queue,
    confidence,
    contact_interval,
    contacts,
    control_rig,
    environment,
    export,
    feet,
    first_steps,
    imports,
    jobs,
    marking,
    models,
    pins,
    retarget,
    takes,
)

_CLASSES = (
    *environment.CLASSES,
    *models.CLASSES,
    *jobs.CLASSES,
    *clip_queue.CLASSES,
    *first_steps.CLASSES,
    *camera.CLASSES,
    *imports.CLASSES,
    *marking.CLASSES,
    *annotation.CLASSES,
    *contacts.CLASSES,
    *contact_interval.CLASSES,
    *pins.CLASSES,
    *control_rig.CLASSES,
    *feet.CLASSES,
    *takes.CLASSES,
    *confidence.CLASSES,
    *retarget.CLASSES,
    *export.CLASSES,
)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    contact_interval.register_keymap()


def unregister() -> None:
    contact_interval.unregister_keymap()
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
