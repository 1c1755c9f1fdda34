"""The records of a reconstruction: arrays of its motion and bodies, and what `reconstruction.json` holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np

from ..annotation import Annotation
from ..contact import Contact
from ..errors import UserError
from ..fields import MAX_PATH, Fields
from ..foot_contact import FootContact
from ..limits import MAX_FRAME_INDEX, MAX_IMAGE_SIZE, MAX_SEED, MAX_TRACKS
from .quality import Quality

SCHEMA = 1
PEOPLE = 2
PERSON_NAMES = ("Person A", "Person B")
RECONSTRUCT_AGAIN = "Reconstruct the clip again."
RESTORE = (
    "Restore it with Repair Results in Blender or `python -m core verify DIR --repair`, or reconstruct the clip again."
)
ORIGINS = ("reconstruct", "refine")
PROMPT_SOURCES = ("user", "captioner", "none")
_MAX_NAME = 60  # characters; Blender's names have 63 bytes
_MAX_TAKES = 10_000
_LARGE = 1e30  # of numbers that have no limit of their own


@dataclass(frozen=True)
class MotionArrays:
    """`reconstruction.npz`. P = 2 people, T frames."""

    frame_index: np.ndarray
    """int32 [T], frames of the clip."""
    time: np.ndarray
    """float64 [T], seconds from the clip's own time stamps."""
    body_pose: np.ndarray
    """[P,T,21,3]"""
    global_orient: np.ndarray
    """[P,T,3]; takes the rest pose into the world, so +90 degrees about X stands upright facing -Y."""
    pelvis: np.ndarray
    """[P,T,3] position of the pelvis joint, world metres."""
    left_hand_pose: np.ndarray
    """[P,T,15,3] relative to the flat hand."""
    right_hand_pose: np.ndarray
    """[P,T,15,3] relative to the flat hand."""
    jaw_pose: np.ndarray
    """[P,T,3]"""
    betas: np.ndarray
    """[P,16]"""
    joints: np.ndarray
    """[P,T,55,3] world metres."""
    keypoints: np.ndarray
    """[P,T,33,3] x and y in px, and confidence, as detected in the image."""
    confidence: np.ndarray
    """[P,T,22] in 0-1 for each body joint: 1 = visible in the image, 0 = infilled."""
    camera_K: np.ndarray
    """[T,3,3] px."""
    camera_world: np.ndarray
    """[T,4,4] world -> camera."""
    rest_joints: np.ndarray
    """[P,55,3] in the rest pose, for each person's shape; SMPL-X axes, metres."""


@dataclass(frozen=True)
class BodyArrays:
    """`body.npz`: both meshes. P = 2 people, V vertices, F triangles."""

    faces: np.ndarray
    """int32 [F,3]"""
    uv: np.ndarray
    """float32 [F,3,2] in 0-1, for each corner of each triangle."""
    skin_joints: np.ndarray
    """int32 [V,8], index of the joint that a weight belongs to."""
    skin_weights: np.ndarray
    """float32 [V,8], skinning weights; each row sums to 1, unused entries are 0."""
    rest_vertices: np.ndarray
    """float32 [P,V,3] in the rest pose, for each person's shape; SMPL-X axes, metres."""
    shape_vertices: np.ndarray
    """float32 [V,3,16], shape blend shapes of the vertices, metres per unit of beta."""
    shape_joints: np.ndarray
    """float32 [55,3,16], shape blend shapes of the joints, metres per unit of beta."""
    vertex_region: np.ndarray
    """int32 [V], index into `skeleton.REGIONS`; -1 for a vertex of no region."""


@dataclass(frozen=True)
class Person:
    """One reconstructed person."""

    index: int
    name: str
    track: int
    """Number of the person among everyone who was tracked in the clip."""
    height: float
    """Metres."""

    @classmethod
    def read(cls, values: Fields) -> Person:
        return cls(
            values.integer("index", 0, PEOPLE - 1),
            values.text("name", longest=_MAX_NAME),
            values.integer("track", -1, MAX_TRACKS),
            values.number("height", 0, 10),
        )


@dataclass(frozen=True)
class Scores:
    """Quality of a take, in physical units that can be judged without comparing takes."""

    reprojection: float
    """Mean distance of the projected landmarks from those that are plainly seen, in percent of the person's height."""
    penetration: float
    """Maximal depth to which the two bodies penetrate each other, mm."""
    acceleration: float
    """Mean acceleration of the body joints, m/s^2; jitter raises it."""
    contact: float | None = None
    """Mean distance between the two regions of its contacts, mm; None if it has no contacts."""

    @classmethod
    def read(cls, values: Fields) -> Scores:
        values.only(item.name for item in fields(cls))
        return cls(
            values.number("reprojection", 0, _LARGE),
            values.number("penetration", 0, _LARGE),
            values.number("acceleration", 0, _LARGE),
            values.number("contact", 0, _LARGE, None),
        )


@dataclass(frozen=True)
class Take:
    """One result for a clip."""

    id: str
    prompt: str
    """The user's prompt; empty if there was none."""
    seed: int
    energy: float
    """Final energy of the fit; comparable between takes of one clip, lower is better."""
    origin: str
    """`reconstruct` or `refine`."""
    scores: Scores | None = None
    """None for takes of older versions, which had no scores."""

    @classmethod
    def read(cls, values: Fields) -> Take:
        values.only(item.name for item in fields(cls))
        return cls(
            values.identifier("id"),
            values.text("prompt"),
            values.integer("seed", 0, MAX_SEED),
            values.number("energy", -_LARGE, _LARGE),
            values.text("origin", choices=ORIGINS),
            Scores.read(values.within("scores")) if values.has("scores") else None,
        )


def best_of(takes: Sequence[Take]) -> Take:
    """The take of lowest energy; the first one among equals."""
    return min(takes, key=lambda take: take.energy)


@dataclass(frozen=True)
class Info:
    """`reconstruction.json`: a take, and the reconstruction that it belongs to."""

    clip: dict[str, Any]
    """path; width and height in px; frame_rate, the average in frames per second; frames, [first, last]."""
    people: tuple[Person, ...]
    body: dict[str, Any]
    """id: name and sha256 of the body file; path: as the user gave it, or "default"."""
    prompt: str
    """The user's prompt; without one, a caption of the motion, which had no influence on the result."""
    prompt_source: str
    """`user`, `captioner` or `none`."""
    contacts: tuple[Contact, ...]
    take: str
    """Id of the take that this record describes; in `reconstruction.json`, of the active take."""
    takes: tuple[Take, ...]
    warnings: tuple[str, ...]
    seed: int
    device: str
    versions: dict[str, str]
    seconds: dict[str, float]
    """Computing time of each stage in the run that made the take."""
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    """What the take was made from, so that `refine` can continue from the cache. Only the core reads it."""
    quality: Quality | None = None
    """The check of the take; None for takes of older versions."""
    foot_contacts: tuple[FootContact, ...] = ()
    """When feet stand on the floor, by the estimate that the fit began with; none in results of older versions."""
    annotation: Annotation | None = None
    """What a vision–language model says of the clip; None where none was asked or its answers were of no use."""
    schema: int = SCHEMA

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, record: Any) -> Info:
        """Raises the UserError `damaged`, `schema-too-new` or `bad-contact`. Fields that are unknown are ignored."""
        values = Fields(record, damaged)
        schema = values.integer("schema", 1, 10**9)
        if schema > SCHEMA:
            raise UserError(
                "schema-too-new",
                f"The reconstruction has schema {schema}; this version reads up to {SCHEMA}.",
                "Update SocialMirror.",
            )
        info = cls(
            clip=_read_clip(values.within("clip")),
            people=tuple(Person.read(each) for each in values.records("people")),
            body=_read_body(values.within("body")),
            prompt=values.text("prompt"),
            prompt_source=values.text("prompt_source", choices=PROMPT_SOURCES),
            contacts=tuple(Contact.from_json(each) for each in values.entries("contacts")),
            take=values.identifier("take"),
            takes=tuple(Take.read(each) for each in values.records("takes", longest=_MAX_TAKES)),
            warnings=values.texts("warnings"),
            seed=values.integer("seed", 0, MAX_SEED),
            device=values.text("device", longest=80),
            versions=_read_versions(values.within("versions")),
            seconds=_read_seconds(values.within("seconds")),
            settings=values.record("settings", dict[str, Any]()),
            foot_contacts=tuple(FootContact.from_json(each) for each in values.entries("foot_contacts", ())),
            quality=Quality.read(values.within("quality")) if values.has("quality") else None,
            annotation=Annotation.read(values.within("annotation")) if values.has("annotation") else None,
            schema=schema,
        )
        if [person.index for person in info.people] != list(range(PEOPLE)):
            raise damaged(f"it does not have {PEOPLE} people")
        ids = [take.id.casefold() for take in info.takes]  # file names that differ in case only are one on some systems
        if len(set(ids)) != len(ids):
            raise damaged("two takes have the same id")
        if info.take not in {take.id for take in info.takes}:
            raise damaged(f"it does not list its own take {info.take}")
        return info


def _read_clip(values: Fields) -> dict[str, Any]:
    first, last = values.integers("frames", 2, 0, MAX_FRAME_INDEX)
    if first > last:
        raise damaged("clip.frames ends before it starts")
    return {
        "path": values.text("path", longest=MAX_PATH),
        "width": values.integer("width", 1, MAX_IMAGE_SIZE),
        "height": values.integer("height", 1, MAX_IMAGE_SIZE),
        "frame_rate": values.number("frame_rate", 0.01, 10_000),
        "frames": [first, last],
    }


def _read_body(values: Fields) -> dict[str, Any]:
    return {"id": values.text("id", longest=MAX_PATH), "path": values.text("path", longest=MAX_PATH, default="default")}


def _read_versions(values: Fields) -> dict[str, str]:
    return {name: values.text(name, longest=200) for name in values.names()}


def _read_seconds(values: Fields) -> dict[str, float]:
    return {name: values.number(name, 0, _LARGE) for name in values.names()}


@dataclass(frozen=True)
class Reconstruction:
    """The active take of a reconstruction's folder."""

    motion: MotionArrays
    body: BodyArrays
    info: Info


def damaged(problem: str) -> UserError:
    """The error for files that do not hold a valid reconstruction."""
    return UserError("damaged", f"The reconstruction is damaged: {problem}.", RECONSTRUCT_AGAIN)
