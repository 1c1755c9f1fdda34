"""The dialog for the fields of a contact, and the defaults that it starts with."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import EnumProperty, FloatProperty, IntProperty

from ...core.contract.contact import Contact
from ...core.contract.errors import UserError
from ...core.contract.reconstruction import PEOPLE
from ...core.contract.skeleton import GROUND, REGIONS
from .. import scene as scenes
from ..reconstruction_properties import GROUND_ITEM, PERSON_ITEMS, REGION_ITEMS
from ..scene.contact_anchors import selected_vertex, vertex_regions
from ..scene.names import rig_role, skin_role
from ..scene.objects import object_with_role
from ..scene.regions import region_of_bone
from ..scene.timeline import ClipTiming

_NEW_CONTACT_MARGIN = 5
"""Frames of the clip before and after the current one that a new contact lasts."""
_DEFAULT_REGION = "right_palm"
NO_VERTEX = -1
"""A side that is a whole region."""
_WIDTH = 320


class ContactDialog:
    """Mixin for operators that ask for the fields of a contact."""

    person_a: EnumProperty(name="Person", description="Who touches", items=PERSON_ITEMS)
    region_a: EnumProperty(name="Region", description="The part of the body that touches", items=REGION_ITEMS)
    person_b: EnumProperty(name="Touches", description="Who or what is touched", items=[*PERSON_ITEMS, GROUND_ITEM])
    region_b: EnumProperty(
        name="Region", description="The part of the body that is touched", items=[*REGION_ITEMS, GROUND_ITEM]
    )
    frame_start: IntProperty(name="First Frame", description="First frame of the scene in which they touch")
    frame_end: IntProperty(name="Last Frame", description="Last frame of the scene in which they touch")
    vertex_a: IntProperty(default=NO_VERTEX, options={"HIDDEN", "SKIP_SAVE"})
    vertex_b: IntProperty(default=NO_VERTEX, options={"HIDDEN", "SKIP_SAVE"})
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
        """Fill the fields from the bones or vertices that are selected and from the current frame."""
        picked = selected_skin(context, collection)
        first = next(iter(picked), 0)  # the only person with a selection touches, the other one is touched
        sides = ((first, "a"), (1 - first, "b")) if len(picked) == 1 else ((0, "a"), (1, "b"))
        for person, side in sides:
            region, vertex = picked.get(person, (_DEFAULT_REGION, NO_VERTEX))
            for field, value in (("person", str(person)), ("region", region), ("vertex", vertex)):
                setattr(self, f"{field}_{side}", value)
        timing = scenes.read_state(collection).timing
        current = timing.nearest_index(context.scene.frame_current)
        last_index = len(timing.clip_frames) - 1
        ends = [max(0, current - _NEW_CONTACT_MARGIN), min(last_index, current + _NEW_CONTACT_MARGIN)]
        self.frame_start, self.frame_end = timing.to_scene_frames(timing.clip_frames[ends]).tolist()

    def show(self, contact: Contact, timing: ClipTiming) -> None:
        """Fill the fields from a contact."""
        self.person_a, self.person_b = str(contact.person_a), str(contact.person_b)
        self.region_a, self.region_b = contact.region_a, contact.region_b
        self.vertex_a, self.vertex_b = (
            NO_VERTEX if each is None else each for each in (contact.vertex_a, contact.vertex_b)
        )
        self.frame_start, self.frame_end = timing.to_scene_frames([contact.frame_start, contact.frame_end]).tolist()
        self.weight = contact.weight

    def fields(self, collection: bpy.types.Collection) -> dict[str, Any]:
        """The fields as `Contact` takes them, frames as those of the clip.

        A vertex holds only as long as its region was not changed. UserError `bad-contact` for a contact of a person with
        themselves, or one that ends before it starts.
        """
        on_ground = self.person_b == GROUND
        if self.person_a == self.person_b:
            raise UserError(
                "bad-contact", "A contact needs two people, or one and the ground.", "Choose another person."
            )
        if self.frame_end < self.frame_start:
            raise UserError(
                "bad-contact",
                f"The contact ends ({self.frame_end}) before it starts ({self.frame_start}).",
                "Set the last frame after the first one.",
            )
        timing = scenes.read_state(collection).timing
        return {
            "person_a": int(self.person_a),
            "region_a": self.region_a,
            "person_b": GROUND if on_ground else int(self.person_b),
            "region_b": GROUND if on_ground else self.region_b,
            "frame_start": timing.to_clip_frame(self.frame_start),
            "frame_end": timing.to_clip_frame(self.frame_end),
            "weight": self.weight,
            "vertex_a": self._vertex(collection, self.person_a, self.region_a, self.vertex_a),
            "vertex_b": None if on_ground else self._vertex(collection, self.person_b, self.region_b, self.vertex_b),
        }

    @staticmethod
    def _vertex(collection: bpy.types.Collection, person: str, region: str, vertex: int) -> int | None:
        skin = object_with_role(collection, skin_role(int(person)))
        regions = None if skin is None else vertex_regions(skin.data)
        in_region = regions is not None and 0 <= vertex < len(regions) and regions[vertex] == REGIONS.index(region)
        return vertex if in_region else None


def selected_skin(context: bpy.types.Context, collection: bpy.types.Collection) -> dict[int, tuple[str, int]]:
    """For each person with a selection, the region and the vertex (NO_VERTEX for a bone) that it means.

    Of bones that are selected in pose mode the first counts; of vertices that are selected on a skin in edit mode the active one,
    else the one in their middle.
    """
    picked: dict[int, tuple[str, int]] = {}
    rigs: dict[Any, int] = {object_with_role(collection, rig_role(person)): person for person in range(PEOPLE)}
    for bone in context.selected_pose_bones or ():
        person, region = rigs.get(bone.id_data), region_of_bone(bone.name)
        if person is not None and region is not None:
            picked.setdefault(person, (region, NO_VERTEX))
    skins: dict[Any, int] = {object_with_role(collection, skin_role(person)): person for person in range(PEOPLE)}
    for edited in context.objects_in_mode if context.mode == "EDIT_MESH" else ():
        regions, vertex = vertex_regions(edited.data), selected_vertex(edited.data)
        if (
            edited in skins
            and regions is not None
            and vertex is not None
            and vertex < len(regions)
            and regions[vertex] >= 0
        ):
            picked[skins[edited]] = (REGIONS[regions[vertex]], vertex)
    return picked
