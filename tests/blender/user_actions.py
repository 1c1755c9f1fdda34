"""What a user does in the sidebar."""

from __future__ import annotations

from typing import Any

import bpy


def press(operator: str, **properties: Any) -> set[str]:
    """Run an operator of the add-on by its name without prefix. RuntimeError if it reports an error or is disabled."""
    operators: Any = bpy.ops
    return getattr(operators.socialmirror, operator)(**properties)


def settings() -> Any:
    """The settings of the current scene."""
    scene: Any = bpy.context.scene
    return scene.socialmirror


def select_bone(bone: Any, selected: bool) -> None:
    """Select or deselect a pose bone; before 5.0 the selection belongs to its bone."""
    (bone if "select" in bone.bl_rna.properties else bone.bone).select = selected
