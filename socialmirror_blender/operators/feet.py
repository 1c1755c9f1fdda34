"""Operators on the list of foot contacts."""

from __future__ import annotations

from typing import Any, cast

import bpy

from ...core.contract.foot_contact import FootMode
from .. import scene as scenes
from ..reconstruction_properties import FOOT_MODE_ITEMS
from ..reconstructions import require_reconstruction
from ..scene.foot_list import set_foot_mode
from ..text import counted
from .jumping import FRAME_CHANGE
from .reporting import OnEditableReconstruction, OnReconstruction, OperatorReturn, reports_errors


class SOCIALMIRROR_OT_feet_mode(OnEditableReconstruction, bpy.types.Operator):
    bl_idname = "socialmirror.feet_mode"
    bl_label = "Set All Feet"
    bl_description = "Set what the next Refine does with all listed foot contacts"
    bl_options = {"REGISTER", "UNDO"}

    mode: bpy.props.EnumProperty(name="Mode", description="What Refine does with the feet", items=FOOT_MODE_ITEMS)

    @classmethod
    def description(cls, context: bpy.types.Context, properties: Any) -> str:
        does = next(text for mode, _, text, *_ in FOOT_MODE_ITEMS if mode == properties.mode)
        return f"Set all listed foot contacts. {does}"

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        count = set_foot_mode(require_reconstruction(context), cast("FootMode", self.mode))
        self.report({"INFO"}, f"Set {counted(count, 'foot contact')}")
        return {"FINISHED"}


class SOCIALMIRROR_OT_foot_jump(OnReconstruction, bpy.types.Operator):
    bl_idname = "socialmirror.foot_jump"
    bl_label = "Jump to Foot Contact"
    bl_description = "Go to the frame in which the foot is set down"
    bl_options = {"UNDO_GROUPED", "INTERNAL"}
    bl_undo_group = FRAME_CHANGE

    frame: bpy.props.IntProperty(options={"HIDDEN"})

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        timing = scenes.read_state(require_reconstruction(context)).timing
        context.scene.frame_set(timing.scene_range(self.frame, self.frame)[0])
        return {"FINISHED"}


CLASSES = (SOCIALMIRROR_OT_feet_mode, SOCIALMIRROR_OT_foot_jump)
