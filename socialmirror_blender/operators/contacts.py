"""Editing the list of contacts. After every change the handles in the viewport follow."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
from bpy.props import EnumProperty, FloatProperty, IntProperty

from ...core.contract.contact import STATES, Contact
from ...core.contract.errors import UserError
from ...core.contract.skeleton import GROUND, JOINTS
from .. import scene as scenes
from ..properties import GROUND_ITEM, PERSON_ITEMS, REGION_ITEMS, contact_list
from ..reconstructions import active_import, require_import
from ..scene.contacts import read_item, scene_range, write_item
from ..scene.state import clip_times
from .reports import Returned, reported

_AROUND = 5
"""Frames of the clip before and after the current one that a new contact spans."""
_MIDLINE_REGIONS = {
    "pelvis": "hips", "spine1": "belly", "spine2": "chest", "spine3": "chest", "neck": "neck", "head": "head",
    "jaw": "face", "left_eye_smplhf": "face", "right_eye_smplhf": "face",
}  # fmt: skip
_SIDED_REGIONS = {
    "collar": "shoulder", "shoulder": "upper_arm", "elbow": "forearm", "wrist": "palm",
    "hip": "thigh", "knee": "shin", "ankle": "foot", "foot": "foot",
}  # fmt: skip


def region_of_bone(bone: str) -> str | None:
    """The region of the skin that a bone moves first of all; None for bones that are no joints."""
    if bone not in JOINTS:
        return None
    if bone in _MIDLINE_REGIONS:
        return _MIDLINE_REGIONS[bone]
    side, _, part = bone.partition("_")
    return f"{side}_{_SIDED_REGIONS.get(part, 'fingers')}"


class _OnActiveImport:
    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return active_import(context) is not None


class _OnActiveContact:
    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        collection = active_import(context)
        return collection is not None and _active_item(collection) is not None


class _ContactDialog:
    """The fields of a contact, asked for in a dialog."""

    person_a: EnumProperty(name="Who", items=PERSON_ITEMS)
    region_a: EnumProperty(name="Region", items=REGION_ITEMS)
    person_b: EnumProperty(name="Whom", items=[*PERSON_ITEMS, GROUND_ITEM])
    region_b: EnumProperty(name="Region", items=[*REGION_ITEMS, GROUND_ITEM])
    frame_start: IntProperty(name="First Frame", description="Frame of the clip")
    frame_end: IntProperty(name="Last Frame", description="Frame of the clip, inclusive")
    weight: FloatProperty(name="Weight", description="How much it counts in Refine", min=0.0, max=1.0, default=1.0)

    def draw(self: Any, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        layout.use_property_split = True
        for names in (("person_a", "region_a"), ("person_b", "region_b"), ("frame_start", "frame_end"), ("weight",)):
            column = layout.column(align=True)
            for name in names:
                if name != "region_b" or self.person_b != GROUND:
                    column.prop(self, name)

    def read(self) -> dict[str, Any]:
        """The fields as Contact takes them."""
        on_ground = self.person_b == GROUND
        if self.person_a == self.person_b:
            raise UserError(
                "bad-contact", "A contact is between two people, or one and the ground.", "Choose another person."
            )
        return {
            "person_a": int(self.person_a),
            "region_a": self.region_a,
            "person_b": GROUND if on_ground else int(self.person_b),
            "region_b": GROUND if on_ground else self.region_b,
            "frame_start": self.frame_start,
            "frame_end": self.frame_end,
            "weight": self.weight,
        }


class SOCIALMIRROR_OT_contact_add(_ContactDialog, _OnActiveImport, bpy.types.Operator):
    bl_idname = "socialmirror.contact_add"
    bl_label = "Add Contact"
    bl_description = "Say that two regions touch. Bones that are selected on both armatures in pose mode are suggested"
    bl_options = {"REGISTER", "UNDO"}

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> Returned:
        collection = require_import(context)
        selected = selected_regions(context, collection)
        (self.person_a, self.region_a), (self.person_b, self.region_b) = (
            ("0", selected.get(0, "right_palm")),
            ("1", selected.get(1, "right_palm")),
        )
        if len(selected) == 1:
            (only,) = selected
            self.person_a, self.region_a = str(only), selected[only]
            self.person_b = str(1 - only)
        self.frame_start, self.frame_end = _frames_around(context, collection)
        return context.window_manager.invoke_props_dialog(self, width=320)

    @reported
    def execute(self, context: bpy.types.Context) -> Returned:
        collection = require_import(context)
        contact = Contact(**self.read(), source="user", state="enforced")
        held = contact_list(collection)
        write_item(held.contacts.add(), contact)
        held.contact_index = len(held.contacts) - 1
        scenes.sync_handles(collection)
        return {"FINISHED"}


class SOCIALMIRROR_OT_contact_edit(_ContactDialog, _OnActiveContact, bpy.types.Operator):
    bl_idname = "socialmirror.contact_edit"
    bl_label = "Edit Contact"
    bl_description = "Change who touches whom, where and when. An edited contact is enforced"
    bl_options = {"REGISTER", "UNDO"}

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> Returned:
        item = _active_item(require_import(context))
        for name in ("person_a", "region_a", "person_b", "region_b", "frame_start", "frame_end", "weight"):
            setattr(self, name, getattr(item, name))
        return context.window_manager.invoke_props_dialog(self, width=320)

    @reported
    def execute(self, context: bpy.types.Context) -> Returned:
        collection = require_import(context)
        item = _active_item(collection)
        write_item(item, Contact(**self.read(), source="user", state="enforced", id=item.contact_id))
        scenes.sync_handles(collection)
        return {"FINISHED"}


class SOCIALMIRROR_OT_contact_remove(_OnActiveContact, bpy.types.Operator):
    bl_idname = "socialmirror.contact_remove"
    bl_label = "Remove Contact"
    bl_description = "Take the contact off the list. To keep Refine from finding it again, reject it instead"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> Returned:
        collection = require_import(context)
        held = contact_list(collection)
        held.contacts.remove(held.contact_index)
        held.contact_index = max(0, min(held.contact_index, len(held.contacts) - 1))
        scenes.sync_handles(collection)
        return {"FINISHED"}


class SOCIALMIRROR_OT_contact_state(_OnActiveContact, bpy.types.Operator):
    bl_idname = "socialmirror.contact_state"
    bl_label = "Set Contact State"
    bl_options = {"REGISTER", "UNDO"}

    state: EnumProperty(name="State", items=[(name, name.capitalize(), "") for name in STATES])

    @classmethod
    def description(cls, context: bpy.types.Context, properties: Any) -> str:
        return {
            "auto": "Let Refine weigh this contact by how sure it is",
            "enforced": "Make Refine close this contact",
            "rejected": "Keep Refine from pulling these regions together",
        }[properties.state]

    @reported
    def execute(self, context: bpy.types.Context) -> Returned:
        collection = require_import(context)
        _active_item(collection).state = self.state
        scenes.sync_handles(collection)
        return {"FINISHED"}


class SOCIALMIRROR_OT_contact_jump(_OnActiveContact, bpy.types.Operator):
    bl_idname = "socialmirror.contact_jump"
    bl_label = "Jump to Contact"
    bl_description = "Go to the frame at which the contact begins"

    @reported
    def execute(self, context: bpy.types.Context) -> Returned:
        collection = require_import(context)
        first, _ = scene_range(collection, read_item(_active_item(collection)))
        context.scene.frame_set(first)
        return {"FINISHED"}


def selected_regions(context: bpy.types.Context, collection: bpy.types.Collection) -> dict[int, str]:
    """For each person with selected bones in pose mode, the region of the first of them."""
    regions: dict[int, str] = {}
    rigs: dict[Any, int] = {scenes.rig_of(collection, person): person for person in (0, 1)}
    for bone in context.selected_pose_bones or ():
        person, region = rigs.get(bone.id_data), region_of_bone(bone.name)
        if person is not None and region is not None:
            regions.setdefault(person, region)
    return regions


def _frames_around(context: bpy.types.Context, collection: bpy.types.Collection) -> tuple[int, int]:
    """Frames of the clip around the scene's current one."""
    frames, seconds = clip_times(collection)
    now = scenes.read_state(collection).timeline.seconds(context.scene.frame_current)
    middle = int(np.abs(seconds - now).argmin())
    return int(frames[max(0, middle - _AROUND)]), int(frames[min(len(frames) - 1, middle + _AROUND)])


def _active_item(collection: bpy.types.Collection) -> Any:
    """The list's selected item, None where there is none."""
    held = contact_list(collection)
    return held.contacts[held.contact_index] if 0 <= held.contact_index < len(held.contacts) else None


CLASSES = (
    SOCIALMIRROR_OT_contact_add,
    SOCIALMIRROR_OT_contact_edit,
    SOCIALMIRROR_OT_contact_remove,
    SOCIALMIRROR_OT_contact_state,
    SOCIALMIRROR_OT_contact_jump,
)
