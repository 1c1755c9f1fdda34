"""The add-on's properties of an imported reconstruction in the .blend file: prompt, contacts, touches, feet, camera correction.

An item of the list of contacts has the fields of `Contact` in the contract, with these differences: the field `id` is called
`contact_id`, persons are text ("0", "1", "ground"), and a number that is None is -1. Everything else about an imported
reconstruction is a custom property, see scene/names.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from ..core.contract.contact import SOURCES, STATES
from ..core.contract.reconstruction import PERSON_NAMES
from ..core.contract.skeleton import GROUND, REGIONS

REGION_ITEMS = [(name, name.replace("_", " ").title(), "") for name in REGIONS]
GROUND_ITEM = (GROUND, "Ground", "")
PERSON_ITEMS = [(str(person), name, "") for person, name in enumerate(PERSON_NAMES)]
FOOT_MODE_ITEMS = [
    ("reconstructed", "As Reconstructed", "Feet may slide a little, as in the reconstruction", "DOT", 0),
    ("lock", "Locked", "Feet stand still, heel and toes on the floor", "LOCKED", 1),
    ("free", "Free", "Feet may slide and lift", "UNLOCKED", 2),
]


class SOCIALMIRROR_contact(bpy.types.PropertyGroup):
    contact_id: StringProperty()
    person_a: EnumProperty(name="Who", items=PERSON_ITEMS)
    region_a: EnumProperty(name="Region", items=REGION_ITEMS)
    person_b: EnumProperty(name="Whom", items=[*PERSON_ITEMS, GROUND_ITEM])
    region_b: EnumProperty(name="Region", items=[*REGION_ITEMS, GROUND_ITEM])
    frame_start: IntProperty(name="First Frame", description="First frame of the contact, counted in the clip from 0")
    frame_end: IntProperty(name="Last Frame", description="Last frame of the contact, counted in the clip from 0")
    weight: FloatProperty(name="Weight", min=0.0, max=1.0, default=1.0)
    source: EnumProperty(name="Source", items=[(name, name.capitalize(), "") for name in SOURCES])
    state: EnumProperty(name="State", items=[(name, name.capitalize(), "") for name in STATES])
    distance: FloatProperty(
        name="Distance", description="Measured distance in metres; -1 if not measured", default=-1.0, unit="LENGTH"
    )
    touch: StringProperty(description="Id of the touch that the contact belongs to")
    vertex_a: IntProperty(default=-1)
    vertex_b: IntProperty(default=-1)
    probability: FloatProperty(default=-1.0)
    reached: EnumProperty(items=[(name, name.capitalize(), "") for name in ("unknown", "yes", "no")])


class SOCIALMIRROR_touch(bpy.types.PropertyGroup):
    """A row of the list of touches. All that it shows is computed from its contacts."""

    touch_id: StringProperty()
    marked: BoolProperty(
        name="Select",
        description="Apply the buttons below to all selected touches instead of the active one",
    )


def _choose_touch(listed: Any, _context: bpy.types.Context) -> None:
    """Called when a row of the list of touches is clicked, and when code changes the index."""
    row = listed.touches[listed.touch_index] if 0 <= listed.touch_index < len(listed.touches) else None
    active = listed.contacts[listed.contact_index].touch if listed.contact_index < len(listed.contacts) else ""
    if row is None or row.touch_id == active:
        return
    listed.contact_index = next(
        (index for index, item in enumerate(listed.contacts) if item.touch == row.touch_id), listed.contact_index
    )
    for listener in touch_listeners:
        listener(listed.id_data)


_CORRECTION = ("camera_pitch", "camera_roll", "camera_height", "camera_focal")
_LARGEST_ANGLE = math.radians(45)
_quiet: list[bool] = []
"""Not empty while a correction is set as a whole, which nothing has to follow yet."""
camera_listeners: list[Callable[[bpy.types.Collection], None]] = []
"""Called with the collection whose camera correction was changed."""
ghost_listeners: list[Callable[[bpy.types.Collection, float], None]] = []
"""Called with the collection and the offset of its ghosts when that was changed."""
touch_listeners: list[Callable[[bpy.types.Collection], None]] = []
"""Called with the collection after the user has chosen another touch in its list."""


def _correct_camera(listed: Any, _context: bpy.types.Context) -> None:
    for listener in camera_listeners if not _quiet else ():
        listener(listed.id_data)


def _place_ghosts(listed: Any, _context: bpy.types.Context) -> None:
    for listener in ghost_listeners:
        listener(listed.id_data, listed.ghost_offset)


class SOCIALMIRROR_foot_contact(bpy.types.PropertyGroup):
    """A `FootContact` of the contract; frames are the clip's."""

    person: StringProperty(default="0")
    foot: StringProperty(default="left")
    frame_start: IntProperty()
    frame_end: IntProperty()
    mode: EnumProperty(
        name="Mode",
        description="What Refine does with the foot",
        items=FOOT_MODE_ITEMS,
    )
    confidence: FloatProperty()


class SOCIALMIRROR_collection(bpy.types.PropertyGroup):
    """The prompt and the lists on the collection of an imported reconstruction."""

    prompt: StringProperty(
        name="Prompt of the Result",
        description="What the two people do in this result, for Refine. A changed prompt replaces the one that the take was made "
        "with, and the contacts that only that one named",
    )
    take_prompt: StringProperty(description="The prompt or the caption of the shown take", options={"HIDDEN"})
    take_prompt_source: StringProperty(description="Who wrote it; empty if it is not known", options={"HIDDEN"})
    contacts: CollectionProperty(type=SOCIALMIRROR_contact)
    contact_index: IntProperty(name="Contact", description="A pair of regions of the touch, for the buttons below")
    touches: CollectionProperty(type=SOCIALMIRROR_touch)
    touch_index: IntProperty(
        name="Touch", description="What touches what. Click to show its regions and markers", update=_choose_touch
    )
    feet: CollectionProperty(type=SOCIALMIRROR_foot_contact)
    foot_sensitivity: FloatProperty(
        name="Sensitivity",
        description="How readily a foot counts as standing: 1 lists every foot that may stand, 0 only those that certainly do",
        min=0.0,
        max=1.0,
        default=0.5,
        subtype="FACTOR",
    )
    only_here: BoolProperty(name="This Frame", description="List only the touches of the current frame")
    show_lines: BoolProperty(
        name="Lines",
        description="Draw a line between the two sides of each contact, from green where they touch to red at 10 cm apart",
        default=True,
    )
    show_strips: BoolProperty(
        name="Strips",
        description="Show the touches as strips in the timeline and the dope sheet, where they can be dragged",
        default=True,
    )
    camera_pitch: FloatProperty(
        name="Pitch",
        description="How much further down the camera looks than estimated. Both people move with it; the floor stays",
        subtype="ANGLE",
        min=-_LARGEST_ANGLE,
        max=_LARGEST_ANGLE,
        update=_correct_camera,
    )
    camera_roll: FloatProperty(
        name="Roll",
        description="How much further the camera is turned clockwise than estimated",
        subtype="ANGLE",
        min=-_LARGEST_ANGLE,
        max=_LARGEST_ANGLE,
        update=_correct_camera,
    )
    camera_height: FloatProperty(
        name="Height",
        description="How much higher above the floor the camera is than estimated",
        unit="LENGTH",
        min=-3.0,
        max=3.0,
        step=1,
        update=_correct_camera,
    )
    camera_focal: FloatProperty(
        name="Focal Length Scale",
        description="Factor on the estimated focal length. With a longer lens both people move away and keep their size",
        min=0.4,
        max=2.5,
        default=1.0,
        step=1,
        update=_correct_camera,
    )
    ghost_offset: FloatProperty(
        name="Ghost Offset",
        description="How far ghosts are moved to the right as the clip's camera sees it. 0: over the people",
        unit="LENGTH",
        soft_min=-5.0,
        soft_max=5.0,
        step=10,
        update=_place_ghosts,
    )


def contact_list(collection: bpy.types.Collection) -> Any:
    """The `SOCIALMIRROR_collection` of a reconstruction's collection."""
    return getattr(collection, _NAME)


def set_correction(listed: Any, correction: Any) -> None:
    """Set the camera correction of a `SOCIALMIRROR_collection`, a `CameraCorrection`, without letting anything follow."""
    _quiet.append(True)
    try:
        for name in _CORRECTION:
            setattr(listed, name, getattr(correction, name.removeprefix("camera_")))
    finally:
        _quiet.pop()


_NAME = "socialmirror"
_CLASSES = (SOCIALMIRROR_contact, SOCIALMIRROR_touch, SOCIALMIRROR_foot_contact, SOCIALMIRROR_collection)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    setattr(bpy.types.Collection, _NAME, PointerProperty(type=SOCIALMIRROR_collection))


def unregister() -> None:
    delattr(bpy.types.Collection, _NAME)
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
