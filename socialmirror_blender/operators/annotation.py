"""Operators on what a vision–language model says of the clip: its sentence becomes the prompt, its touches contacts."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import IntProperty

from ...core.contract.errors import UserError
from .. import scene as scenes
from ..reconstruction_properties import contact_list
from ..reconstructions import active_annotation, active_reconstruction, require_reconstruction
from ..runtime.redraw import redraw
from ..scene.contact_list import activate_contact, read_contacts, write_contacts
from ..scene.result_prompt import own_prompt
from ..scene.seen_touches import contact_of
from .reporting import OnEditableReconstruction, OperatorReturn, poll_editable, reports_errors


class SOCIALMIRROR_OT_use_suggestion(bpy.types.Operator):
    bl_idname = "socialmirror.use_suggestion"
    bl_label = "Use as Prompt"
    bl_description = "Copy the model's sentence to the prompt of the result, where you can edit it, for Refine"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not poll_editable(cls, context):
            return False
        collection = active_reconstruction(context)
        if collection is not None and own_prompt(collection) is not None:
            cls.poll_message_set("Clear your own prompt first: it would be overwritten")
            return False
        return True

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        annotation = active_annotation(context)
        if annotation is None:
            raise UserError(
                "no-annotation", "No model has looked at this clip.", "Choose an annotator and reconstruct."
            )
        contact_list(require_reconstruction(context)).prompt = annotation.sentence
        redraw()
        return {"FINISHED"}


class SOCIALMIRROR_OT_add_seen_touch(OnEditableReconstruction, bpy.types.Operator):
    bl_idname = "socialmirror.add_seen_touch"
    bl_label = "Add as Contact"
    bl_description = (
        "Add the touch that the model saw as a contact, for Refine to close. Where it did not say left or right, the nearer side "
        "is used"
    )
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    index: IntProperty(description="Number of the touch", options={"SKIP_SAVE", "HIDDEN"})

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        collection = require_reconstruction(context)
        annotation = active_annotation(context)
        touches: Any = () if annotation is None else annotation.touches
        if not 0 <= self.index < len(touches):
            raise UserError("no-annotation", "This touch is no longer listed.", "Look at the list again.")
        contact = contact_of(touches[self.index])
        write_contacts(collection, [*read_contacts(collection), contact])
        activate_contact(collection, contact.id)
        scenes.sync_markers(collection)
        return {"FINISHED"}


CLASSES = (SOCIALMIRROR_OT_use_suggestion, SOCIALMIRROR_OT_add_seen_touch)
