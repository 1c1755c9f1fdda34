"""What the add-on draws over Blender's editors. Each module computes plain geometry, and draws it in a window."""

from __future__ import annotations

import bpy

from . import contact_lines, contact_strips, pin_marks

_MODULES = (contact_lines, contact_strips, pin_marks)


def register() -> None:
    if not bpy.app.background:
        for module in _MODULES:
            module.register()


def unregister() -> None:
    if not bpy.app.background:
        for module in reversed(_MODULES):
            module.unregister()
