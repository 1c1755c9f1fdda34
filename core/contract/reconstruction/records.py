"""The records of a reconstruction: arrays of its motion and bodies, and what `reconstruction.json` holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np

from ..contact import Contact
from ..errors import UserError

SCHEMA = 1
PEOPLE = 2


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


@dataclass(frozen=True)
class Scores:
    """Quality of a take, in physical units that can be judged without comparing takes."""

    reprojection: float
    """Mean distance of the projected landmarks to the detected ones, in percent of the person's height in the image."""
    penetration: float
    """Maximal depth to which the two bodies penetrate each other, mm."""
    acceleration: float
    """Mean acceleration of the body joints, m/s^2; jitter raises it."""
    contact: float | None = None
    """Mean distance between the two regions of its contacts, mm; None if it has no contacts."""


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
    def from_json(cls, record: dict[str, Any]) -> Take:
        """Raises TypeError if a field is missing or unknown."""
        scores = record.get("scores")
        values: dict[str, Any] = {**record, "scores": None if scores is None else Scores(**scores)}
        return cls(**values)


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
    schema: int = SCHEMA

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Info:
        """Raises the UserError `damaged`, `schema-too-new` or `bad-contact`. Fields that are unknown are ignored."""
        schema = record.get("schema")
        if not isinstance(schema, int) or isinstance(schema, bool):
            raise damaged("it has no schema number")
        if schema > SCHEMA:
            raise UserError(
                "schema-too-new",
                f"The reconstruction has schema {schema}; this version reads up to {SCHEMA}.",
                "Update SocialMirror.",
            )
        names = {item.name for item in fields(cls)}
        missing = names - {"settings"} - set(record)
        if missing:
            raise damaged(f"{', '.join(sorted(missing))} missing")
        known = {name: value for name, value in record.items() if name in names}
        try:
            known["people"] = tuple(Person(**person) for person in record["people"])
            known["takes"] = tuple(Take.from_json(take) for take in record["takes"])
            known["contacts"] = tuple(Contact.from_json(contact) for contact in record["contacts"])
            known["warnings"] = tuple(record["warnings"])
        except (TypeError, AttributeError) as error:
            raise damaged(str(error)) from error
        return cls(**known)


@dataclass(frozen=True)
class Reconstruction:
    """The active take of a reconstruction's folder."""

    motion: MotionArrays
    body: BodyArrays
    info: Info


def damaged(problem: str) -> UserError:
    """The error for files that do not hold a valid reconstruction."""
    return UserError("damaged", f"The reconstruction is damaged: {problem}.", "Reconstruct the clip again.")
