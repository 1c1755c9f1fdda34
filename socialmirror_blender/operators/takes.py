"""Operators on takes besides choosing one: names and notes, ghosts, blending two, and deleting."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import IntProperty, StringProperty

from ...core.contract.errors import UserError
from ...core.contract.reconstruction import PEOPLE
from .. import scene as scenes
from ..reconstruction_properties import contact_list
from ..reconstructions import require_folder, require_reconstruction
from ..runtime.redraw import redraw
from ..scene.actions import require_takes
from ..scene.ghost import ghost_take, remove_ghosts, show_ghost
from ..scene.objects import require_no_control_rig
from ..scene.take_blend import blend_into_take, blend_weights
from ..scene.take_notes import TakeNote, set_take_note, take_name, take_note
from ..scene.take_values import forget_take
from ..scene.takes import values_of_take
from ..take_files import delete_take, load_take
from ..text import counted
from .reporting import OnIdleReconstruction, OperatorReturn, reports_errors


class SOCIALMIRROR_OT_take_note(OnIdleReconstruction, bpy.types.Operator):
    bl_idname = "socialmirror.take_note"
    bl_label = "Name Take"
    bl_description = "Give the take a name and a note"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    take: StringProperty(options={"SKIP_SAVE", "HIDDEN"})
    name: StringProperty(name="Name", description="Name of the take in all lists", options={"SKIP_SAVE"})
    note: StringProperty(name="Note", description="Text below the take in the panel Takes", options={"SKIP_SAVE"})

    @reports_errors
    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> OperatorReturn:
        known = take_note(require_reconstruction(context), self.take)
        self.name, self.note = known.name, known.note
        return context.window_manager.invoke_props_dialog(self, width=_DIALOG_WIDTH)

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        set_take_note(require_reconstruction(context), self.take, TakeNote(self.name.strip(), self.note.strip()))
        return {"FINISHED"}


class SOCIALMIRROR_OT_take_ghost(OnIdleReconstruction, bpy.types.Operator):
    bl_idname = "socialmirror.take_ghost"
    bl_label = "Show Ghost"
    bl_description = "Show this take as transparent bodies over or beside the current take, or hide them"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    take: StringProperty(options={"SKIP_SAVE", "HIDDEN"})

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        collection = require_reconstruction(context)
        if ghost_take(collection) == self.take:
            remove_ghosts(collection)
        else:
            folder = require_folder(collection)
            show_ghost(collection, load_take(folder, self.take), contact_list(collection).ghost_offset)
        redraw()
        return {"FINISHED"}


class SOCIALMIRROR_OT_take_blend(OnIdleReconstruction, bpy.types.Operator):
    bl_idname = "socialmirror.take_blend"
    bl_label = "Blend In Take"
    bl_description = (
        "Make both people move as in this take over a range of frames, blended in and out. The keys lie over the current take "
        "as your own: Reset to Take removes them"
    )
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    take: StringProperty(options={"SKIP_SAVE", "HIDDEN"})
    first: IntProperty(name="First Frame", description="First frame of the scene that changes", options={"SKIP_SAVE"})
    last: IntProperty(name="Last Frame", description="Last frame of the scene that changes", options={"SKIP_SAVE"})
    ease: IntProperty(
        name="Blend In/Out", description="Frames over which the take is blended in and out", min=0, default=6
    )
    strength: IntProperty(
        name="Strength",
        description="How far the motion follows this take instead of the current one",
        subtype="PERCENTAGE",
        min=1,
        max=100,
        default=100,
    )

    @reports_errors
    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> OperatorReturn:
        state, frame = scenes.read_state(require_reconstruction(context)), context.scene.frame_current
        self.first = max(state.first_frame, frame - _BLEND_REACH)
        self.last = min(state.last_frame, frame + _BLEND_REACH)
        return context.window_manager.invoke_props_dialog(self, width=_DIALOG_WIDTH)

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        collection = require_reconstruction(context)
        if self.first > self.last:
            raise UserError(
                "bad-range", "The range of frames is empty.", "Set a last frame that is not before the first."
            )
        require_no_control_rig(collection)
        require_takes(scenes.rig_of(collection, person) for person in range(PEOPLE))
        other = load_take(require_folder(collection), self.take)
        count = 0
        for person in range(PEOPLE):
            values = values_of_take(collection, other, person)
            weights = blend_weights(values.frames, self.first, self.last, self.ease) * (self.strength / 100)
            count = max(count, blend_into_take(scenes.rig_of(collection, person), values, weights))
        if not count:
            raise UserError(
                "no-take",
                "Nothing was blended: the range has no frame of the clip, or the action was made by an earlier version.",
                "Choose other frames, or choose the take in the panel again.",
            )
        scenes.sync_markers(collection)
        self.report({"INFO"}, f"Blended in {counted(count, 'frame')} of {take_name(collection, self.take)}")
        return {"FINISHED"}


class SOCIALMIRROR_OT_take_delete(OnIdleReconstruction, bpy.types.Operator):
    bl_idname = "socialmirror.take_delete"
    bl_label = "Delete Take"
    bl_description = "Remove this take from the list. Its files are moved to the folder “removed” beside the takes"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    take: StringProperty(options={"SKIP_SAVE", "HIDDEN"})

    @reports_errors
    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> OperatorReturn:
        return context.window_manager.invoke_confirm(self, event)

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        collection = require_reconstruction(context)
        state, name = scenes.read_state(collection), take_name(collection, self.take)
        if state.take == self.take:
            raise UserError("take-shown", f"{name} is the take that is shown.", "Choose another take first.")
        delete_take(require_folder(collection), self.take, shown=state.take)
        if ghost_take(collection) == self.take:
            remove_ghosts(collection)
        for person in range(PEOPLE):
            forget_take(state.id, self.take, person)
        set_take_note(collection, self.take, TakeNote())
        self.report({"INFO"}, f"Removed {name}; its files are in the folder “removed” of the result")
        return {"FINISHED"}


_DIALOG_WIDTH = 320
_BLEND_REACH = 15
"""Frames before and after the playhead that are suggested."""

CLASSES: tuple[Any, ...] = (
    SOCIALMIRROR_OT_take_note,
    SOCIALMIRROR_OT_take_ghost,
    SOCIALMIRROR_OT_take_blend,
    SOCIALMIRROR_OT_take_delete,
)
