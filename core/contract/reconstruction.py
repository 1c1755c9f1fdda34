"""A reconstruction and its folder: what the core writes and the add-on reads.

    DIR/reconstruction.npz    the active take's motion, camera and evidence
    DIR/reconstruction.json   what it is, where it came from, its contacts, its takes
    DIR/body.npz              both meshes, without any model file; of the active take, where takes differ in shape
    DIR/takes/ID.npz, .json   every take, the active one too
    DIR/cache/                results of stages (private to the core)

World frame: metres, Z up, floor at z = 0. Rotations: axis-angle in radians relative to the SMPL-X rest pose (Y up,
facing +Z). Camera frame: x right, y down, z forward.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from .contact import Contact
from .errors import UserError
from .files import put_json, put_npz, read_json, read_npz, replacing

SCHEMA = 1
MOTION_FILE = "reconstruction.npz"
INFO_FILE = "reconstruction.json"
BODY_FILE = "body.npz"
TAKES_FOLDER = "takes"

_P, _T = -2, -1  # in the tables of shapes: people (always 2), frames
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
    """[P,T,15,3] on the flat hand."""
    right_hand_pose: np.ndarray
    """[P,T,15,3] on the flat hand."""
    jaw_pose: np.ndarray
    """[P,T,3]"""
    betas: np.ndarray
    """[P,16]"""
    joints: np.ndarray
    """[P,T,55,3] world metres."""
    keypoints: np.ndarray
    """[P,T,33,3] px and confidence, as the 2D stage saw them."""
    confidence: np.ndarray
    """[P,T,22] in 0-1: 1 = seen, 0 = filled in."""
    camera_K: np.ndarray
    """[T,3,3] px."""
    camera_world: np.ndarray
    """[T,4,4] world -> camera."""
    rest_joints: np.ndarray
    """[P,55,3] of each person's shape, SMPL-X axes, metres."""


_MOTION_SHAPES: dict[str, tuple[int, ...]] = {
    "frame_index": (_T,), "time": (_T,), "body_pose": (_P, _T, 21, 3), "global_orient": (_P, _T, 3),
    "pelvis": (_P, _T, 3), "left_hand_pose": (_P, _T, 15, 3), "right_hand_pose": (_P, _T, 15, 3),
    "jaw_pose": (_P, _T, 3), "betas": (_P, 16), "joints": (_P, _T, 55, 3), "keypoints": (_P, _T, 33, 3),
    "confidence": (_P, _T, 22), "camera_K": (_T, 3, 3), "camera_world": (_T, 4, 4), "rest_joints": (_P, 55, 3),
}  # fmt: skip
_MOTION_TYPES = {"frame_index": np.int32, "time": np.float64}


@dataclass(frozen=True)
class BodyArrays:
    """`body.npz`: both meshes. V vertices, F triangles, C face corners = 3 F."""

    faces: np.ndarray
    """int32 [F,3]"""
    uv: np.ndarray
    """float32 [F,3,2] per face corner, in 0-1."""
    skin_joints: np.ndarray
    """int32 [V,8] joint of each weight."""
    skin_weights: np.ndarray
    """float32 [V,8], each row sums to one, unused entries 0."""
    rest_vertices: np.ndarray
    """float32 [P,V,3] of each person's shape, SMPL-X axes, metres."""
    shape_vertices: np.ndarray
    """float32 [V,3,16] metres per beta."""
    shape_joints: np.ndarray
    """float32 [55,3,16] metres per beta."""
    vertex_region: np.ndarray
    """int32 [V], index into `skeleton.REGIONS`, -1 where a vertex belongs to none."""


@dataclass(frozen=True)
class Person:
    """One reconstructed person. `track` is the number that the 2D stage gave them, `height` metres."""

    index: int
    name: str
    track: int
    height: float


@dataclass(frozen=True)
class Scores:
    """What a take is like, in units that say something without the others."""

    reprojection: float
    """How far its landmarks lie beside those that were seen, on average, in percent of the person's height in the picture."""
    penetration: float
    """mm by which the two bodies are inside each other where it is deepest."""
    acceleration: float
    """m/s^2 of the body's joints, on average: what shakes accelerates more."""
    contact: float | None = None
    """mm between the regions of its contacts, on average; None where it has none."""


@dataclass(frozen=True)
class Take:
    """One result for the clip. `energy` is comparable between takes of one clip, lower is better."""

    id: str
    prompt: str
    """What the user said; empty where only a caption was found."""
    seed: int
    energy: float
    origin: str
    """`reconstruct` or `refine`."""
    scores: Scores | None = None
    """None for takes of versions that did not measure."""

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Take:
        """TypeError where it has fields that a take has not, or lacks some."""
        scores = record.get("scores")
        fields: dict[str, Any] = {**record, "scores": None if scores is None else Scores(**scores)}
        return cls(**fields)


def best_of(takes: Sequence[Take]) -> Take:
    """The one of lowest energy, of equal ones the first."""
    return min(takes, key=lambda take: take.energy)


@dataclass(frozen=True)
class Info:
    """`reconstruction.json`."""

    clip: dict[str, Any]
    """path, width, height, frame_rate (average, frames a second), frames [first, last], as probed."""
    people: tuple[Person, ...]
    body: dict[str, Any]
    """id (name and sha256 of the file), path as given or 'default'."""
    prompt: str
    """What the user says that the two do; else what the captioner saw in the motion, which steers nothing."""
    prompt_source: str
    """`user`, `captioner` or `none`."""
    contacts: tuple[Contact, ...]
    take: str
    """id of the active take."""
    takes: tuple[Take, ...]
    warnings: tuple[str, ...]
    seed: int
    device: str
    versions: dict[str, str]
    seconds: dict[str, float]
    """per stage, of the run that made it."""
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    schema: int = SCHEMA

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Info:
        schema = record.get("schema")
        if not isinstance(schema, int) or isinstance(schema, bool):
            raise _damaged("it has no schema number")
        if schema > SCHEMA:
            raise UserError(
                "schema-too-new",
                f"The reconstruction has schema {schema}; this version reads up to {SCHEMA}.",
                "Update SocialMirror.",
            )
        names = {item.name for item in fields(cls)}
        missing = names - {"settings"} - set(record)
        if missing:
            raise _damaged(f"{', '.join(sorted(missing))} missing")
        known = {name: value for name, value in record.items() if name in names}
        try:
            known["people"] = tuple(Person(**person) for person in record["people"])
            known["takes"] = tuple(Take.from_json(take) for take in record["takes"])
        except (TypeError, AttributeError) as error:
            raise _damaged(str(error)) from error
        known["contacts"] = tuple(Contact.from_json(contact) for contact in record["contacts"])
        known["warnings"] = tuple(record["warnings"])
        return cls(**known)


@dataclass(frozen=True)
class Reconstruction:
    motion: MotionArrays
    body: BodyArrays
    info: Info


def save(
    folder: Path,
    reconstruction: Reconstruction,
    before_commit: Callable[[], None] | None = None,
    *,
    others: Sequence[tuple[MotionArrays, Info]] = (),
) -> None:
    """Write it as the active take, and `others` beside it: all files or none, the json last, for it names what is valid.

    `before_commit` is called when everything is written beside its place; if it raises, nothing has changed.
    """
    active = (reconstruction.motion, reconstruction.info)
    takes = [(_checked(motion), info) for motion, info in (active, *others)]
    body = {item.name: getattr(reconstruction.body, item.name) for item in fields(BodyArrays)}
    motion, info = takes[0]
    with ExitStack() as commit:  # it renames in reverse order
        info_file, motion_file, body_file = (
            commit.enter_context(replacing(folder / name)) for name in (INFO_FILE, MOTION_FILE, BODY_FILE)
        )
        put_npz(motion_file, motion)
        put_npz(body_file, body)
        put_json(info_file, info.to_json())
        for take_motion, take_info in takes:
            place = folder / TAKES_FOLDER / take_info.take
            put_json(commit.enter_context(replacing(place.with_suffix(".json"))), take_info.to_json())
            put_npz(commit.enter_context(replacing(place.with_suffix(".npz"))), take_motion)
        if before_commit is not None:
            before_commit()


def _checked(motion: MotionArrays) -> dict[str, np.ndarray]:
    arrays = {item.name: getattr(motion, item.name) for item in fields(MotionArrays)}
    check_motion(arrays)
    return arrays


def load(folder: Path) -> Reconstruction:
    """Read the active take. UserError where there is none, or where it is damaged or too new."""
    info = load_info(folder)
    motion = read_npz(folder / MOTION_FILE)
    check_motion(motion)
    body = read_npz(folder / BODY_FILE)
    missing = {item.name for item in fields(BodyArrays)} - set(body)
    if missing:
        raise _damaged(f"{BODY_FILE} lacks {', '.join(sorted(missing))}")
    return Reconstruction(
        MotionArrays(**{item.name: motion[item.name] for item in fields(MotionArrays)}),
        BodyArrays(**{item.name: body[item.name] for item in fields(BodyArrays)}),
        info,
    )


def load_info(folder: Path, take: str | None = None) -> Info:
    """What the folder's active take is, or a take by id. UserError where there is none, or it is damaged or too new."""
    path = folder / INFO_FILE if take is None else folder / TAKES_FOLDER / f"{take}.json"
    if not path.exists():
        raise UserError(
            "no-reconstruction", f"{folder} holds no reconstruction.", "Choose the folder of a finished reconstruction."
        )
    return Info.from_json(read_json(path))


def check_motion(arrays: dict[str, np.ndarray]) -> None:
    """Names, shapes, types and finiteness of `reconstruction.npz`; UserError `damaged` names the first that is off."""
    missing = set(_MOTION_SHAPES) - set(arrays)
    if missing:
        raise _damaged(f"{', '.join(sorted(missing))} missing")
    sizes = {_P: PEOPLE, _T: len(arrays["frame_index"])}
    for name, shape in _MOTION_SHAPES.items():
        expected = tuple(sizes.get(size, size) for size in shape)
        if arrays[name].shape != expected:
            raise _damaged(f"{name} has shape {arrays[name].shape}, not {expected}")
        kind = _MOTION_TYPES.get(name, np.float32)
        if arrays[name].dtype != kind:
            raise _damaged(f"{name} is {arrays[name].dtype}, not {np.dtype(kind)}")
        if not np.isfinite(arrays[name]).all():
            raise _damaged(f"{name} holds values that are not finite")


def _damaged(problem: str) -> UserError:
    return UserError("damaged", f"The reconstruction is damaged: {problem}.", "Reconstruct the clip again.")
