"""What a user does in the panel."""

from __future__ import annotations

from typing import Any

import bpy


def press(name: str, **fields: Any) -> set[str]:
    """Run one of the add-on's operators. RuntimeError where it reports an error or its button is greyed out."""
    operators: Any = bpy.ops
    return getattr(operators.socialmirror, name)(**fields)


def settings() -> Any:
    """The scene's settings for the next reconstruction."""
    scene: Any = bpy.context.scene
    return scene.socialmirror
