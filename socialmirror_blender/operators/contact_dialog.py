"""The dialog for the fields of a contact, and the defaults that it starts with."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import EnumProperty, FloatProperty, IntProperty

from ...core.contract.errors import UserError
from ...core.contract.skeleton import GROUND
from .. import scene as scenes
from ..properties import GROUND_ITEM, PERSON_ITEMS, REGION_ITEMS
from ..scene.regions import region_of_bone

_NEW_CONTACT_MARGIN = 5
"""Frames of the clip before and after the current one that a new contact lasts."""
_DEFAULT_REGION = "right_palm"
_WIDTH = 320


class ContactDialog:
    """Mixin for operators that ask for the fields of a contact."""

    person_a: EnumProperty(name="Who", items=PERSON_ITEMS)
    region_a: EnumProperty(name="Region", items=REGION_ITEMS)
    person_b: EnumProperty(name="Whom", items=[*PERSON_ITEMS, GROUND_ITEM])
    region_b: EnumProperty(name="Region", items=[*REGION_ITEMS, GROUND_ITEM])
    frame_start: IntProperty(name="First Frame", description="First frame of the contact, counted in the clip from 0")
    frame_end: IntProperty(name="Last Frame", description="Last frame of the contact, counted in the clip from 0")
    weight: FloatProperty(
        name="Weight",
        description="How strongly Refine pulls the two regions together",
        min=0.0,
        max=1.0,
        default=1.0,
    )

    def draw(self: Any, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        layout.use_property_split = True
        for names in (("person_a", "region_a"), ("person_b", "region_b"), ("frame_start", "frame_end"), ("weight",)):
            column = layout.column(align=True)
            for name in names:
                if name != "region_b" or self.person_b != GROUND:
                    column.prop(self, name)

    def open(self: Any, context: bpy.types.Context) -> Any:
        """Open the dialog with the fields as they are."""
        return context.window_manager.invoke_props_dialog(self, width=_WIDTH)

    def suggest_selection(self, context: bpy.types.Context, collection: bpy.types.Collection) -> None:
        """Fill the fields from the bones that are selected in pose mode and from the current frame."""
        regions = selected_regions(context, collection)
        self.person_a, self.region_a = "0", regions.get(0, _DEFAULT_REGION)
        self.person_b, self.region_b = "1", regions.get(1, _DEFAULT_REGION)
        if len(regions) == 1:
            (person,) = regions
            self.person_a, self.region_a = str(person), regions[person]
            self.person_b = str(1 - person)
        timing = scenes.read_state(collection).timing
        current = timing.nearest_index(context.scene.frame_current)
        first, last = current - _NEW_CONTACT_MARGIN, current + _NEW_CONTACT_MARGIN
        self.frame_start = int(timing.clip_frames[max(0, first)])
        self.frame_end = int(timing.clip_frames[min(len(timing.clip_frames) - 1, last)])

    def fields(self) -> dict[str, Any]:
        """The fields as `Contact` takes them. UserError `bad-contact` for a contact of a person with themselves."""
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


def selected_regions(context: bpy.types.Context, collection: bpy.types.Collection) -> dict[int, str]:
    """For each person with bones selected in pose mode, the region of the first of them."""
    regions: dict[int, str] = {}
    people: dict[Any, int] = {scenes.rig_of(collection, person): person for person in (0, 1)}
    for bone in context.selected_pose_bones or ():
        person, region = people.get(bone.id_data), region_of_bone(bone.name)
        if person is not None and region is not None:
            regions.setdefault(person, region)
    return regions
