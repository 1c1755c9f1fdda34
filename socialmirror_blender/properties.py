"""The add-on's properties in the .blend file: the settings of a scene, and the contacts of an imported reconstruction.

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
from ..core.contract.reconstruction import Info
from ..core.contract.requests import DEFAULT_SMOOTHNESS, MAX_FOV, MAX_TAKES
from ..core.contract.skeleton import GROUND, REGIONS
from . import compat

_RELATIVE: Any = {"PATH_SUPPORTS_BLEND_RELATIVE"}
REGION_ITEMS = [(name, name.replace("_", " ").capitalize(), "") for name in REGIONS]
GROUND_ITEM = (GROUND, "Ground", "")
PERSON_ITEMS = [("0", "Person A", ""), ("1", "Person B", "")]


def _search_movie_strips(_settings: bpy.types.PropertyGroup, context: bpy.types.Context, text: str) -> list[str]:
    return [strip.name for strip in compat.movie_strips(context) if text.lower() in strip.name.lower()]


def _suggest_range(settings: Any, context: bpy.types.Context) -> None:
    """Start the range of a strip with the frames that it plays in."""
    for strip in compat.movie_strips(context) if settings.source == "STRIP" else ():
        if strip.name == settings.strip:
            settings.scene_first, settings.scene_last = compat.strip_handles(strip)


class SOCIALMIRROR_settings(bpy.types.PropertyGroup):
    """Settings for the next job that is started in a scene."""

    source: EnumProperty(
        name="Clip from",
        items=[
            ("FILE", "File", "A movie file", "FILE_MOVIE", 0),
            ("STRIP", "Sequencer", "A movie strip of the video sequencer", "SEQUENCE", 1),
        ],
    )
    filepath: StringProperty(
        name="Clip", description="Movie of two people in contact", subtype="FILE_PATH", options=_RELATIVE
    )
    strip: StringProperty(
        name="Strip",
        description="Movie strip of the video sequencer",
        search=_search_movie_strips,
        update=_suggest_range,
    )
    use_range: BoolProperty(
        name="Frame Range",
        description="Reconstruct only a part of the clip. Off: the whole file, or the part that the strip shows",
        update=_suggest_range,
    )
    frame_first: IntProperty(
        name="First", description="First frame of the file, which is not in the scene yet; its first one is 0", min=0
    )
    frame_last: IntProperty(
        name="Last", description="Last frame of the file, which is not in the scene yet", min=0, default=100
    )
    scene_first: IntProperty(name="First", description="First frame of the strip, counted in the scene", default=1)
    scene_last: IntProperty(name="Last", description="Last frame of the strip, counted in the scene", default=100)
    choose_people: BoolProperty(
        name="Choose People",
        description="Choose two people by number if the clip shows more than two. Off: the two most prominent ones",
    )
    track_a: IntProperty(
        name="A", description="Number of person A, counted from 0; the largest person in the image comes first", min=0
    )
    track_b: IntProperty(name="B", description="Number of person B", min=0, default=1)
    people_marks: StringProperty(
        name="Marks",
        description="Where the two people are: FRAME:X,Y;FRAME:X,Y in frames and pixels of the clip. Empty: by their numbers",
    )
    prompt: StringProperty(
        name="Prompt",
        description="Describe what the two people do. Contacts that it names (a handshake, a hug, a hand on a knee) are added",
    )
    suggestion: StringProperty(
        description="The caption that was suggested as the prompt; empty if there was none",
        options={"HIDDEN"},
    )
    seed: IntProperty(
        name="Seed", description="Random seed. The same seed gives the same motion on the same device", min=0
    )
    smoothness: FloatProperty(
        name="Smoothness",
        description="How strongly the motion is smoothed: 0 keeps all jitter, 1 gives the smoothest motion",
        min=0.0,
        max=1.0,
        default=DEFAULT_SMOOTHNESS,
        subtype="FACTOR",
    )
    takes: IntProperty(
        name="Takes",
        description="How many takes to make; the best one becomes active",
        min=1,
        max=MAX_TAKES,
        default=1,
    )
    device: EnumProperty(
        name="Device",
        items=[
            ("auto", "Automatic", "The fastest available device"),
            ("cpu", "CPU", ""),
            ("cuda", "NVIDIA GPU", ""),
            ("mps", "Apple GPU", ""),
        ],
    )
    output: StringProperty(
        name="Output",
        description="Folder for reconstructions. Empty: beside the .blend file, or the add-on's own folder if it is not saved",
        subtype="DIR_PATH",
        options=_RELATIVE,
    )
    fov: FloatProperty(
        name="Field of View",
        description="Horizontal field of view of the clip's camera in degrees; 0 estimates it",
        min=0.0,
        max=MAX_FOV,
        precision=1,
    )
    know_camera: BoolProperty(
        name="Known Camera",
        description="Take the camera's pitch, roll and height as they are given here. Off: they are estimated",
    )
    camera_pitch: FloatProperty(
        name="Pitch", description="Degrees by which the camera looks down", min=-90.0, max=90.0, precision=1
    )
    camera_roll: FloatProperty(
        name="Roll", description="Degrees by which the camera is turned clockwise", min=-180.0, max=180.0, precision=1
    )
    camera_height: FloatProperty(
        name="Height", description="Metres over the floor", min=0.05, max=30.0, default=1.5, precision=2
    )
    body: StringProperty(
        name="Body Model",
        description="A licensed SMPL-X file or its folder. Empty: the free body that comes with SocialMirror",
        subtype="FILE_PATH",
        options=_RELATIVE,
    )
    frame_start: IntProperty(
        name="Start Frame", description="Scene frame at which the imported motion starts", default=1
    )
    match_scene: BoolProperty(
        name="Match Scene to Clip",
        description="Set the scene's frame rate, resolution and frame range to those of the clip on import. "
        "Off: the scene stays as it is, and the motion is resampled to its frame rate",
        default=False,
    )
    link_camera: BoolProperty(
        name="Use Clip Camera",
        description="Make the clip's camera the scene's active camera on import",
        default=True,
    )


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
        name="Apply Buttons to It",
        description="Apply the buttons below to all marked touches instead of the active one",
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
        items=[
            ("reconstructed", "As It Is", "As reconstructed: the foot may slide a little"),
            ("lock", "Lock", "The foot stands still, heel and toes on the floor"),
            ("free", "Slide", "The foot may slide and lift"),
        ],
    )
    confidence: FloatProperty()


class SOCIALMIRROR_collection(bpy.types.PropertyGroup):
    """The list of contacts on the collection of an imported reconstruction."""

    contacts: CollectionProperty(type=SOCIALMIRROR_contact)
    contact_index: IntProperty(name="Contact", description="The contact that the buttons apply to")
    touches: CollectionProperty(type=SOCIALMIRROR_touch)
    touch_index: IntProperty(
        name="Touch", description="What touches what. Click to see its regions and markers", update=_choose_touch
    )
    feet: CollectionProperty(type=SOCIALMIRROR_foot_contact)
    foot_sensitivity: FloatProperty(
        name="Sensitivity",
        description="How readily a foot counts as standing: 1 lists all that may stand, 0 only what is certain",
        min=0.0,
        max=1.0,
        default=0.5,
        subtype="FACTOR",
    )
    only_here: BoolProperty(name="This Frame", description="List only what touches at the current frame")
    show_lines: BoolProperty(
        name="Lines",
        description="Draw a line between the two sides of each contact: green where they touch, red where they are 10 cm apart",
        default=True,
    )
    show_strips: BoolProperty(
        name="Strips",
        description="Show the touches in the timeline and the dope sheet; drag their ends there",
        default=True,
    )
    camera_pitch: FloatProperty(
        name="Pitch",
        description="How much further down the camera looks than was estimated. The pair moves with it, the floor stays",
        subtype="ANGLE",
        min=-_LARGEST_ANGLE,
        max=_LARGEST_ANGLE,
        update=_correct_camera,
    )
    camera_roll: FloatProperty(
        name="Roll",
        description="How much further the camera is turned clockwise than was estimated",
        subtype="ANGLE",
        min=-_LARGEST_ANGLE,
        max=_LARGEST_ANGLE,
        update=_correct_camera,
    )
    camera_height: FloatProperty(
        name="Height",
        description="How much higher over the floor the camera stands than was estimated",
        unit="LENGTH",
        min=-3.0,
        max=3.0,
        step=1,
        update=_correct_camera,
    )
    camera_focal: FloatProperty(
        name="Focal Length",
        description="Factor of the estimated focal length. A longer lens moves the pair away, so that it keeps its size",
        min=0.4,
        max=2.5,
        default=1.0,
        step=1,
        update=_correct_camera,
    )
    ghost_offset: FloatProperty(
        name="Ghost Offset",
        description="How far the ghosts stand to the right of the people, as the clip's camera sees it; 0: over them",
        unit="LENGTH",
        soft_min=-5.0,
        soft_max=5.0,
        step=10,
        update=_place_ghosts,
    )


def settings_of(context: bpy.types.Context) -> Any:
    """The `SOCIALMIRROR_settings` of the context's scene."""
    return getattr(context.scene, _NAME)


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


def user_prompt(settings: Any) -> str | None:
    """The prompt that the user wrote; None if the field is empty or holds a suggestion that was not edited."""
    prompt = settings.prompt.strip()
    return prompt if prompt and prompt != settings.suggestion else None


def suggest_prompt(settings: Any, info: Info) -> None:
    """Put a reconstruction's caption into the prompt, unless the user wrote one. It replaces an earlier suggestion."""
    if user_prompt(settings) is not None:
        return
    caption = info.prompt.strip() if info.prompt_source == "captioner" else ""
    settings.prompt = settings.suggestion = caption


_NAME = "socialmirror"
_CLASSES = (
    SOCIALMIRROR_settings,
    SOCIALMIRROR_contact,
    SOCIALMIRROR_touch,
    SOCIALMIRROR_foot_contact,
    SOCIALMIRROR_collection,
)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    setattr(bpy.types.Scene, _NAME, PointerProperty(type=SOCIALMIRROR_settings))
    setattr(bpy.types.Collection, _NAME, PointerProperty(type=SOCIALMIRROR_collection))


def unregister() -> None:
    delattr(bpy.types.Collection, _NAME)
    delattr(bpy.types.Scene, _NAME)
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
