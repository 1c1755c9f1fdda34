"""The settings of a scene in the .blend file, from which the next job is made."""

from __future__ import annotations

import math
from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from ..core.contract.requests import (
    DEFAULT_SMOOTHNESS,
    MAX_CAMERA_HEIGHT,
    MAX_CAMERA_PITCH,
    MAX_CAMERA_ROLL,
    MAX_FOV,
    MAX_TAKES,
    MIN_CAMERA_HEIGHT,
)
from . import compat
from .picked_people import note_movie

_RELATIVE: Any = {"PATH_SUPPORTS_BLEND_RELATIVE"}


def _angle(degrees: str, least: float, most: float, **options: Any) -> Any:
    """A property that shows another one, which is in degrees as in requests and earlier files, in the scene's unit of angles."""

    def get(settings: Any) -> float:
        return math.radians(getattr(settings, degrees))

    def put(settings: Any, value: float) -> None:
        setattr(settings, degrees, math.degrees(value))

    return FloatProperty(subtype="ANGLE", min=math.radians(least), max=math.radians(most), get=get, set=put, **options)


def _length(metres: str, **options: Any) -> Any:
    """A property that shows another one, which is in metres as in requests, by the scene's unit scale."""

    def get(settings: Any) -> float:
        return getattr(settings, metres) / settings.id_data.unit_settings.scale_length

    def put(settings: Any, value: float) -> None:
        setattr(settings, metres, value * settings.id_data.unit_settings.scale_length)

    return FloatProperty(unit="LENGTH", get=get, set=put, **options)


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
        name="Clip From",
        description="Where the clip is",
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
    frame_first: IntProperty(name="First", description="First frame to reconstruct, counted in the file from 0", min=0)
    frame_last: IntProperty(
        name="Last", description="Last frame to reconstruct, counted in the file from 0", min=0, default=100
    )
    scene_first: IntProperty(name="First", description="First frame to reconstruct, counted in the scene", default=1)
    scene_last: IntProperty(name="Last", description="Last frame to reconstruct, counted in the scene", default=100)
    choose_people: BoolProperty(
        name="Choose People",
        description="Choose two people if the clip shows more than two. Off: the two most prominent ones",
    )
    track_a: IntProperty(
        name="A", description="Number of person A, counted from 0; the largest person in the image comes first", min=0
    )
    track_b: IntProperty(name="B", description="Number of person B", min=0, default=1)
    people_marks: StringProperty(
        name="Picked",
        description="Where the two people are: FRAME:X,Y;FRAME:X,Y in frames and pixels of the clip. Empty: by their numbers",
        update=note_movie,
    )
    people_movie: StringProperty(
        description="The movie in which the two people were picked; empty if it is not known", options={"HIDDEN"}
    )
    person_a: StringProperty(
        name="Person A",
        description="Describe person A as seen in the clip, such as “the dancer in red”. Needs the model Grounding DINO",
    )
    person_b: StringProperty(
        name="Person B", description="Describe person B, such as “the man in the white shirt”. Empty: by their numbers"
    )
    perception: EnumProperty(
        name="Perception",
        description="Which networks find the people in the clip",
        items=[
            (
                "auto",
                "Automatic",
                "The downloaded models where they are installed and there is a GPU, else the embedded networks",
            ),
            ("embedded", "Embedded", "The networks that come with the extension; they need no GPU"),
            (
                "hub",
                "Downloaded Models",
                "RF-DETR, SAM 2.1 and ViTPose++, which see more in an embrace and are slow without a GPU",
            ),
        ],
    )
    prompt: StringProperty(
        name="Prompt",
        description="Describe what the two people do in the clip, for Reconstruct. Contacts that it names (a handshake, a hug, a "
        "hand on a knee) are added. A result has a prompt of its own",
    )
    suggestion: StringProperty(
        description="The caption that an earlier version suggested as the prompt; empty if there was none",
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
        description="What the reconstruction is computed on",
        items=[
            ("auto", "Automatic", "The fastest available device"),
            ("cpu", "CPU", "The processor, on any computer"),
            ("cuda", "NVIDIA GPU", "A graphics card with CUDA"),
            ("mps", "Apple GPU", "The GPU of Apple silicon"),
        ],
    )
    lifting: EnumProperty(
        name="Lifting",
        description="Which networks lift the people to 3D",
        items=[
            ("auto", "Automatic", "SAM 3D Body where it is installed and there is a GPU, else the embedded networks"),
            ("embedded", "Embedded", "The networks that come with SocialMirror"),
            ("sam-3d-body", "SAM 3D Body", "Must be downloaded once; very slow without a GPU"),
        ],
    )
    camera_model: EnumProperty(
        name="Camera Model",
        description="Whether a model that looks at the scene helps to estimate the clip's camera",
        items=[
            ("auto", "Automatic", "MoGe-2 where it is installed; it sees the floor, walls and the lens"),
            ("off", "None", "The camera is estimated from the people and the lines of the picture alone"),
        ],
    )
    initial_a: StringProperty(
        name="Initial Motion",
        description="Start from another tool's motion of this clip: an npz or GVHMR's pt file of one of the two people, "
        "or one npz with both. Empty: the motion is estimated here",
        subtype="FILE_PATH",
        options=_RELATIVE,
    )
    initial_b: StringProperty(
        name="Second Motion",
        description="The file of the other person, unless the first one holds both",
        subtype="FILE_PATH",
        options=_RELATIVE,
    )
    annotator: EnumProperty(
        name="Annotator",
        description="A vision–language model that looks at the clip and says what the two do. Without a prompt its words guide "
        "the motion; your own prompt always comes first",
        items=[
            ("auto", "Automatic", "A model that is on this computer, if there is one; nothing is sent anywhere"),
            ("off", "None", "No model looks at the clip"),
            ("smolvlm2-500m", "SmolVLM2 500M", "Small; runs on any computer"),
            ("qwen3-vl-4b", "Qwen3-VL 4B", "Sees more; needs a GPU with 11 GB, or a lot of time"),
            (
                "server",
                "Server",
                "The model on the server in the preferences; pictures of the clip are sent there",
            ),
        ],
    )
    output: StringProperty(
        name="Output",
        description="Folder for reconstructions. Empty: beside the .blend file, or the add-on's own folder if it is not saved",
        subtype="DIR_PATH",
        options=_RELATIVE,
    )
    fov: FloatProperty(min=0.0, max=MAX_FOV, options={"HIDDEN"})
    fov_angle: _angle(
        "fov",
        0.0,
        MAX_FOV,
        name="Field of View",
        description="Horizontal field of view of the clip's camera. 0: it is estimated",
    )
    know_camera: BoolProperty(
        name="Known Camera",
        description="Use the camera's pitch, roll and height as given here. Off: they are estimated",
    )
    camera_pitch: FloatProperty(min=-MAX_CAMERA_PITCH, max=MAX_CAMERA_PITCH, options={"HIDDEN"})
    camera_pitch_angle: _angle(
        "camera_pitch",
        -MAX_CAMERA_PITCH,
        MAX_CAMERA_PITCH,
        name="Pitch",
        description="How far down the camera looks. Negative: up",
    )
    camera_roll: FloatProperty(min=-MAX_CAMERA_ROLL, max=MAX_CAMERA_ROLL, options={"HIDDEN"})
    camera_roll_angle: _angle(
        "camera_roll",
        -MAX_CAMERA_ROLL,
        MAX_CAMERA_ROLL,
        name="Roll",
        description="How far the camera is turned clockwise, seen from behind it",
    )
    camera_height: FloatProperty(min=MIN_CAMERA_HEIGHT, max=MAX_CAMERA_HEIGHT, default=1.5, options={"HIDDEN"})
    camera_height_length: _length("camera_height", name="Height", description="Height of the camera above the floor")
    body: StringProperty(
        name="Body Model",
        description="A licensed SMPL-X file or its folder. Empty: the free body that comes with SocialMirror",
        subtype="FILE_PATH",
        options=_RELATIVE,
    )
    frame_start: IntProperty(
        name="Start Frame",
        description="Scene frame at which the imported motion starts. What is imported again stays where it is in time",
        default=1,
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


def settings_of(context: bpy.types.Context) -> Any:
    """The `SOCIALMIRROR_settings` of the context's scene."""
    return getattr(context.scene, _NAME)


def user_prompt(settings: Any) -> str | None:
    """The prompt that the user wrote for the next clip; None if the field is empty.

    In a file of an earlier version it may hold a caption, which was suggested there; None if that was not edited, too.
    """
    prompt = settings.prompt.strip()
    return prompt if prompt and prompt != settings.suggestion else None


_NAME = "socialmirror"


def register() -> None:
    bpy.utils.register_class(SOCIALMIRROR_settings)
    setattr(bpy.types.Scene, _NAME, PointerProperty(type=SOCIALMIRROR_settings))


def unregister() -> None:
    delattr(bpy.types.Scene, _NAME)
    bpy.utils.unregister_class(SOCIALMIRROR_settings)
