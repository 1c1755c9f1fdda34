"""Operators that show which limbs the clip shows, and go through the stretches in which it does not."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import BoolProperty, IntProperty

from ...core.contract.errors import UserError
from ...core.contract.reconstruction import PERSON_NAMES
from ..reconstructions import require_reconstruction
from ..runtime.redraw import redraw
from ..scene.confidence_overlay import (
    collection_stretches,
    hide_overlay,
    is_overlay_shown,
    is_skin_edited,
    show_overlay,
)
from ..scene.limb_states import STATE_TEXTS, LimbStretch, next_stretch
from ..scene.names import rig_role
from ..scene.objects import object_with_role
from ..viewing import select_only
from .jumping import FRAME_CHANGE
from .reporting import OnReconstruction, OperatorReturn, poll_editable, reports_errors


class SOCIALMIRROR_OT_confidence_overlay(bpy.types.Operator):
    bl_idname = "socialmirror.confidence_overlay"
    bl_label = "Show Confidence"
    bl_description = (
        "Color the limbs of both skins in the viewport: green where the clip hides them and they were filled in, yellow where "
        "they are uncertain"
    )
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls: Any, context: bpy.types.Context) -> bool:
        if not poll_editable(cls, context):
            return False
        if is_skin_edited(require_reconstruction(context)):
            cls.poll_message_set("Leave Edit Mode first")
            return False
        return True

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        collection = require_reconstruction(context)
        redraw()
        if is_overlay_shown(collection):
            hide_overlay(collection)
            return {"FINISHED"}
        show_overlay(collection)
        if not is_overlay_shown(collection):
            raise UserError(
                "no-confidence",
                "This take was imported by an earlier version, without confidence.",
                "Choose the take again under Take.",
            )
        return {"FINISHED"}


class SOCIALMIRROR_OT_uncertain_stretch(OnReconstruction, bpy.types.Operator):
    bl_idname = "socialmirror.uncertain_stretch"
    bl_label = "Low-Confidence Range"
    bl_description = "Go to the next range of frames in which a limb is uncertain or was filled in"
    bl_options = {"REGISTER", "UNDO"}

    backwards: BoolProperty(options={"SKIP_SAVE", "HIDDEN"})

    @classmethod
    def description(cls, context: bpy.types.Context, properties: Any) -> str:
        which = "previous" if properties.backwards else "next"
        return f"Go to the {which} range of frames in which a limb is uncertain or was filled in, and select its person"

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        collection = require_reconstruction(context)
        found = next_stretch(collection_stretches(collection), context.scene.frame_current, self.backwards)
        if found is None:
            self.report({"INFO"}, "All limbs are visible throughout the clip")
            return {"CANCELLED"}
        context.scene.frame_set(found.first)
        select_only(context, object_with_role(collection, rig_role(found.person)))
        self.report({"INFO"}, stretch_text(found))
        return {"FINISHED"}


class SOCIALMIRROR_OT_jump_to_frame(bpy.types.Operator):
    bl_idname = "socialmirror.jump_to_frame"
    bl_label = "Jump to Frames"
    bl_description = "Go to the first of these frames"
    bl_options = {"UNDO_GROUPED", "INTERNAL"}
    bl_undo_group = FRAME_CHANGE

    frame: IntProperty(options={"SKIP_SAVE", "HIDDEN"})

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        context.scene.frame_set(self.frame)
        return {"FINISHED"}


def stretch_text(stretch: LimbStretch) -> str:
    """`Person A, left arm: filled in, frames 12–40`."""
    frames = f"frames {stretch.first}–{stretch.last}" if stretch.last > stretch.first else f"frame {stretch.first}"
    return f"{PERSON_NAMES[stretch.person]}, {stretch.limb}: {STATE_TEXTS[stretch.state]}, {frames}"


CLASSES = (SOCIALMIRROR_OT_confidence_overlay, SOCIALMIRROR_OT_uncertain_stretch, SOCIALMIRROR_OT_jump_to_frame)
