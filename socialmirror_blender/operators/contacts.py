"""Operators on the list of contacts. After every change the markers in the viewport are synchronised."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import EnumProperty

from ...core.contract.contact import STATES, Contact
from .. import scene as scenes
from ..properties import contact_list
from ..reconstructions import active_reconstruction, require_reconstruction
from ..scene.contact_list import read_item, write_item
from ..scene.contact_markers import contact_scene_frames
from .contact_dialog import ContactDialog
from .reporting import OperatorReturn, poll_reconstruction, reports_errors


class _OnReconstruction:
    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return poll_reconstruction(cls, context)


class _OnContact:
    @classmethod
    def poll(cls: Any, context: bpy.types.Context) -> bool:
        collection = active_reconstruction(context)
        if collection is None or _active_item(collection) is None:
            cls.poll_message_set("Select a contact in the list first")
            return False
        return True


class SOCIALMIRROR_OT_contact_add(ContactDialog, _OnReconstruction, bpy.types.Operator):
    bl_idname = "socialmirror.contact_add"
    bl_label = "Add Contact"
    bl_description = (
        "Add a contact between two regions, which Refine then makes. "
        "To have the regions filled in, select a bone on each armature in pose mode"
    )
    bl_options = {"REGISTER", "UNDO"}

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> OperatorReturn:
        self.suggest_selection(context, require_reconstruction(context))
        return self.open(context)

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        collection = require_reconstruction(context)
        contact = Contact(**self.fields(), source="user", state="enforced")
        contacts = contact_list(collection)
        write_item(contacts.contacts.add(), contact)
        contacts.contact_index = len(contacts.contacts) - 1
        scenes.sync_markers(collection)
        return {"FINISHED"}


class SOCIALMIRROR_OT_contact_edit(ContactDialog, _OnContact, bpy.types.Operator):
    bl_idname = "socialmirror.contact_edit"
    bl_label = "Edit Contact"
    bl_description = "Change the regions, frames and weight of the contact. Refine makes an edited contact in any case"
    bl_options = {"REGISTER", "UNDO"}

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> OperatorReturn:
        item = _active_item(require_reconstruction(context))
        for name in ("person_a", "region_a", "person_b", "region_b", "frame_start", "frame_end", "weight"):
            setattr(self, name, getattr(item, name))
        return self.open(context)

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        collection = require_reconstruction(context)
        item = _active_item(collection)
        write_item(item, Contact(**self.fields(), source="user", state="enforced", id=item.contact_id))
        scenes.sync_markers(collection)
        return {"FINISHED"}


class SOCIALMIRROR_OT_contact_remove(_OnContact, bpy.types.Operator):
    bl_idname = "socialmirror.contact_remove"
    bl_label = "Remove Contact"
    bl_description = "Remove the contact from the list. Refine may detect it again; to prevent that, reject it instead"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        collection = require_reconstruction(context)
        contacts = contact_list(collection)
        contacts.contacts.remove(contacts.contact_index)
        contacts.contact_index = max(0, min(contacts.contact_index, len(contacts.contacts) - 1))
        scenes.sync_markers(collection)
        return {"FINISHED"}


class SOCIALMIRROR_OT_contact_state(_OnContact, bpy.types.Operator):
    bl_idname = "socialmirror.contact_state"
    bl_label = "Set Contact State"
    bl_options = {"REGISTER", "UNDO"}

    state: EnumProperty(name="State", items=[(name, name.capitalize(), "") for name in STATES])

    @classmethod
    def description(cls, context: bpy.types.Context, properties: Any) -> str:
        return {
            "auto": "Let Refine weigh this contact by how certain it is",
            "enforced": "Make Refine bring these regions together",
            "rejected": "Keep Refine from pulling these regions together",
        }[properties.state]

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        collection = require_reconstruction(context)
        _active_item(collection).state = self.state
        scenes.sync_markers(collection)
        return {"FINISHED"}


class SOCIALMIRROR_OT_contact_jump(_OnContact, bpy.types.Operator):
    bl_idname = "socialmirror.contact_jump"
    bl_label = "Jump to Contact"
    bl_description = "Set the current frame to the contact's first frame"

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        collection = require_reconstruction(context)
        first, _ = contact_scene_frames(collection, read_item(_active_item(collection)))
        context.scene.frame_set(first)
        return {"FINISHED"}


def _active_item(collection: bpy.types.Collection) -> Any:
    """The list's active item, None if there is none."""
    contacts = contact_list(collection)
    return contacts.contacts[contacts.contact_index] if 0 <= contacts.contact_index < len(contacts.contacts) else None


CLASSES = (
    SOCIALMIRROR_OT_contact_add,
    SOCIALMIRROR_OT_contact_edit,
    SOCIALMIRROR_OT_contact_remove,
    SOCIALMIRROR_OT_contact_state,
    SOCIALMIRROR_OT_contact_jump,
)
