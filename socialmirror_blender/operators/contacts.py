"""Operators on the list of touches and their contacts. After every change the markers in the viewport are synchronised."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty

from ...core.contract.contact import STATES, Contact
from .. import scene as scenes
from ..reconstruction_properties import contact_list
from ..reconstructions import active_reconstruction, require_reconstruction
from ..scene.contact_list import (
    active_contact,
    change_contacts,
    chosen_touches,
    read_contacts,
    write_edited_contacts,
)
from ..scene.contact_markers import contact_scene_frames
from .contact_dialog import ContactDialog
from .jumping import FRAME_CHANGE
from .reporting import OnEditableReconstruction, OperatorReturn, poll_editable, reports_errors

_STATE_TEXTS: dict[str, str] = {
    "auto": "Let Refine weigh the contact by how certain it is",
    "enforced": "Make Refine close the contact",
    "rejected": "Keep Refine from closing the contact",
}
_STATE_ITEMS = [(name, name.capitalize(), _STATE_TEXTS[name]) for name in STATES]


class _OnContact:
    @classmethod
    def poll(cls: Any, context: bpy.types.Context) -> bool:
        return _poll_contact(cls, context) and poll_editable(cls, context)


def _poll_contact(operator: Any, context: bpy.types.Context) -> bool:
    collection = active_reconstruction(context)
    if collection is None or active_contact(collection) is None:
        operator.poll_message_set("Select a contact in the list first")
        return False
    return True


class _OnTouches(_OnContact):
    """Mixin for operators that apply to whole touches, or to the one contact between two regions that is active."""

    one: BoolProperty(
        name="One Pair of Regions",
        description="Only the active pair of regions, not all of the touch",
        options={"SKIP_SAVE"},
    )

    def change(self, collection: bpy.types.Collection, change: Callable[[Contact], Contact | None]) -> None:
        """Apply a change to the contacts that are meant; None removes one."""
        active, touches = active_contact(collection), chosen_touches(collection)

        def changed(contact: Contact) -> Contact | None:
            meant = active is not None and contact.id == active.id if self.one else contact.touch in touches
            return change(contact) if meant else contact

        change_contacts(collection, changed)
        scenes.sync_markers(collection)


class SOCIALMIRROR_OT_contact_add(ContactDialog, OnEditableReconstruction, bpy.types.Operator):
    bl_idname = "socialmirror.contact_add"
    bl_label = "Add Contact"
    bl_description = (
        "Add a contact between two regions, for Refine to close. To fill in the regions, first select a bone of each armature in "
        "pose mode, or a vertex of each skin in edit mode"
    )
    bl_options = {"REGISTER", "UNDO"}

    @reports_errors
    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> OperatorReturn:
        self.suggest_selection(context, require_reconstruction(context))
        return self.open(context)

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        collection = require_reconstruction(context)
        contact = Contact(**self.fields(collection), source="user", state="enforced")
        write_edited_contacts(collection, [*read_contacts(collection), contact], [contact.id])
        scenes.sync_markers(collection)
        return {"FINISHED"}


class SOCIALMIRROR_OT_contact_edit(ContactDialog, _OnContact, bpy.types.Operator):
    bl_idname = "socialmirror.contact_edit"
    bl_label = "Edit Contact"
    bl_description = "Change the regions, frames and weight of the contact, which is enforced from then on"
    bl_options = {"REGISTER", "UNDO"}

    @reports_errors
    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> OperatorReturn:
        collection = require_reconstruction(context)
        contact = active_contact(collection)
        assert contact is not None  # poll
        self.show(contact, scenes.read_state(collection).timing)
        return self.open(context)

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        collection = require_reconstruction(context)
        active = active_contact(collection)
        assert active is not None  # poll
        edited = Contact(**self.fields(collection), source="user", state="enforced", id=active.id, touch=active.touch)
        contacts = [edited if contact.id == active.id else contact for contact in read_contacts(collection)]
        write_edited_contacts(collection, contacts, [edited.id])
        scenes.sync_markers(collection)
        return {"FINISHED"}


class SOCIALMIRROR_OT_contact_remove(_OnTouches, bpy.types.Operator):
    bl_idname = "socialmirror.contact_remove"
    bl_label = "Remove Contact"
    bl_description = (
        "Remove the contact from the list. If it was detected or named by a prompt, the next take lists it as rejected, so that "
        "Refine does not bring it back"
    )
    bl_options = {"REGISTER", "UNDO"}

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        self.change(require_reconstruction(context), lambda _: None)
        return {"FINISHED"}


class SOCIALMIRROR_OT_contact_state(_OnTouches, bpy.types.Operator):
    bl_idname = "socialmirror.contact_state"
    bl_label = "Set Contact State"
    bl_description = "Set what Refine does with the contact"
    bl_options = {"REGISTER", "UNDO"}

    state: EnumProperty(
        name="State",
        description="What Refine does with the contact",
        items=_STATE_ITEMS,
    )

    @classmethod
    def description(cls, context: bpy.types.Context, properties: Any) -> str:
        return _STATE_TEXTS[properties.state]

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        state: Any = self.state
        self.change(require_reconstruction(context), lambda contact: replace(contact, state=state))
        return {"FINISHED"}


class SOCIALMIRROR_OT_contact_mark(_OnContact, bpy.types.Operator):
    bl_idname = "socialmirror.contact_mark"
    bl_label = "Select All Touches"
    bl_description = "Select all touches, or none if all are selected. The buttons below apply to the selected ones"
    bl_options = {"REGISTER", "UNDO"}

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        rows = contact_list(require_reconstruction(context)).touches
        mark = not all(row.marked for row in rows)
        for row in rows:
            row.marked = mark
        return {"FINISHED"}


class SOCIALMIRROR_OT_contact_jump(bpy.types.Operator):
    bl_idname = "socialmirror.contact_jump"
    bl_label = "Jump to Contact"
    bl_description = "Go to the contact's first frame"
    bl_options = {"UNDO_GROUPED"}
    bl_undo_group = FRAME_CHANGE

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return _poll_contact(cls, context)

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        collection = require_reconstruction(context)
        contact = active_contact(collection)
        assert contact is not None  # poll
        first, _ = contact_scene_frames(collection, contact.frame_start, contact.frame_end)
        context.scene.frame_set(first)
        return {"FINISHED"}


CLASSES = (
    SOCIALMIRROR_OT_contact_add,
    SOCIALMIRROR_OT_contact_edit,
    SOCIALMIRROR_OT_contact_remove,
    SOCIALMIRROR_OT_contact_state,
    SOCIALMIRROR_OT_contact_mark,
    SOCIALMIRROR_OT_contact_jump,
)
