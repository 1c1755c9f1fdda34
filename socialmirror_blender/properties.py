"""What the .blend keeps for SocialMirror beside datablocks: the settings of a scene, the contacts of a reconstruction.

scene/contacts.py reads and writes `Collection.socialmirror.contacts`; an item has the fields of the contract's Contact, with
`contact_id` for `id`, persons as text ("0", "1", "ground") and -1 for a distance that is not measured. Everything else
about an imported reconstruction is in scene/state.py.
"""

from __future__ import annotations

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
from ..core.contract.requests import MOST_TAKES, USUAL_SMOOTHNESS
from ..core.contract.skeleton import GROUND, REGIONS
from . import compat

_RELATIVE: Any = {"PATH_SUPPORTS_BLEND_RELATIVE"}
REGION_ITEMS = [(name, name.replace("_", " ").capitalize(), "") for name in REGIONS]
GROUND_ITEM = (GROUND, "Ground", "")
PERSON_ITEMS = [("0", "Person A", ""), ("1", "Person B", "")]


def _movie_strips(_settings: bpy.types.PropertyGroup, context: bpy.types.Context, typed: str) -> list[str]:
    return [strip.name for strip in compat.movie_strips(context) if typed.lower() in strip.name.lower()]


class SOCIALMIRROR_settings(bpy.types.PropertyGroup):
    """What the next reconstruction of this scene is asked for."""

    source: EnumProperty(
        name="Clip from",
        items=[
            ("FILE", "File", "A movie file", "FILE_MOVIE", 0),
            ("STRIP", "Sequencer", "A movie strip of the video sequencer", "SEQUENCE", 1),
        ],
    )
    filepath: StringProperty(
        name="Clip", description="Movie with two people in contact", subtype="FILE_PATH", options=_RELATIVE
    )
    strip: StringProperty(name="Strip", description="Movie strip of the video sequencer", search=_movie_strips)
    use_range: BoolProperty(
        name="Frame Range",
        description="Reconstruct only a part of the clip. Off: the whole file, or the part that the strip shows",
    )
    frame_first: IntProperty(name="First", description="First frame, counted in the clip from 0", min=0)
    frame_last: IntProperty(name="Last", description="Last frame, counted in the clip from 0", min=0, default=100)
    choose_people: BoolProperty(
        name="Choose People",
        description="Name the two people by number where the clip shows more than two. Off: the two most prominent ones",
    )
    track_a: IntProperty(
        name="A", description="Number of person A, counted from 0, largest in the picture first", min=0
    )
    track_b: IntProperty(name="B", description="Number of person B", min=0, default=1)
    prompt: StringProperty(
        name="Prompt",
        description="What the two do, in words. The touches that it names (a handshake, a hug, a hand on a knee) become contacts",
    )
    suggestion: StringProperty(
        description="What the core saw in the motion, as it was put into the prompt; empty where it was not",
        options={"HIDDEN"},
    )
    seed: IntProperty(name="Seed", description="The same seed gives the same motion on the same device", min=0)
    smoothness: FloatProperty(
        name="Smoothness",
        description="How far takes are calmed: 0 leaves every tremble, 1 gives the steadiest motion",
        min=0.0,
        max=1.0,
        default=USUAL_SMOOTHNESS,
        subtype="FACTOR",
    )
    takes: IntProperty(
        name="Takes",
        description="How many results to compute; the best becomes active",
        min=1,
        max=MOST_TAKES,
        default=1,
    )
    device: EnumProperty(
        name="Device",
        items=[
            ("auto", "Automatic", "The fastest that is there"),
            ("cpu", "CPU", ""),
            ("cuda", "NVIDIA GPU", ""),
            ("mps", "Apple GPU", ""),
        ],
    )
    output: StringProperty(
        name="Output",
        description="Folder that keeps the reconstructions. Empty: beside the .blend file; before it is saved, the add-on's own",
        subtype="DIR_PATH",
        options=_RELATIVE,
    )
    fov: FloatProperty(
        name="Field of View",
        description="Horizontal field of view of the clip's camera in degrees; 0 estimates it",
        min=0.0,
        max=170.0,
        precision=1,
    )
    body: StringProperty(
        name="Body Model",
        description="A licensed SMPL-X file or its folder. Empty: the free body that comes with SocialMirror",
        subtype="FILE_PATH",
        options=_RELATIVE,
    )
    frame_start: IntProperty(name="Start at Frame", description="Scene frame of the motion's first frame", default=1)
    match_scene: BoolProperty(
        name="Match Scene to Clip",
        description="Give the scene the clip's frame rate, shape and frame range when the result is imported",
        default=True,
    )
    link_camera: BoolProperty(
        name="Use Clip Camera",
        description="Make the clip's camera the scene's camera when the result is imported",
        default=True,
    )


class SOCIALMIRROR_contact(bpy.types.PropertyGroup):
    contact_id: StringProperty()
    person_a: EnumProperty(name="Who", items=PERSON_ITEMS)
    region_a: EnumProperty(name="Region", items=REGION_ITEMS)
    person_b: EnumProperty(name="Whom", items=[*PERSON_ITEMS, GROUND_ITEM])
    region_b: EnumProperty(name="Region", items=[*REGION_ITEMS, GROUND_ITEM])
    frame_start: IntProperty(name="First Frame", description="Frame of the clip")
    frame_end: IntProperty(name="Last Frame", description="Frame of the clip")
    weight: FloatProperty(name="Weight", min=0.0, max=1.0, default=1.0)
    source: EnumProperty(name="Source", items=[(name, name.capitalize(), "") for name in SOURCES])
    state: EnumProperty(name="State", items=[(name, name.capitalize(), "") for name in STATES])
    distance: FloatProperty(
        name="Distance", description="Measured, metres; -1 before it is", default=-1.0, unit="LENGTH"
    )


class SOCIALMIRROR_collection(bpy.types.PropertyGroup):
    contacts: CollectionProperty(type=SOCIALMIRROR_contact)
    contact_index: IntProperty(name="Contact", description="The contact that the buttons act on")


def settings_of(context: bpy.types.Context) -> Any:
    """The `SOCIALMIRROR_settings` of the scene."""
    return getattr(context.scene, _NAME)


def contact_list(collection: bpy.types.Collection) -> Any:
    """The `SOCIALMIRROR_collection` of a reconstruction's collection."""
    return getattr(collection, _NAME)


def users_prompt(settings: Any) -> str | None:
    """What the user says that the two do; None where the field is empty, or holds a suggestion that nobody has edited."""
    said = settings.prompt.strip()
    return said if said and said != settings.suggestion else None


def suggest(settings: Any, info: Info) -> None:
    """Put what was seen in a reconstruction into the prompt, to be edited, and take back what was suggested before.

    What the user wrote stays.
    """
    if users_prompt(settings) is not None:
        return
    seen = info.prompt.strip() if info.prompt_source == "captioner" else ""
    settings.prompt = settings.suggestion = seen


_NAME = "socialmirror"
_CLASSES = (SOCIALMIRROR_settings, SOCIALMIRROR_contact, SOCIALMIRROR_collection)


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
