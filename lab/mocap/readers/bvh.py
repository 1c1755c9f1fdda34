"""Reader of Biovision hierarchy files (BVH): a skeleton of offsets, and channels of angles and positions per frame.

The format is described by Meredith and Maddock, "Motion Capture File Formats Explained" (University of Sheffield, CS-01-11).
The angles of a joint are intrinsic rotations in the order of its channels. Positions of a joint other than the root replace its
offset, as Blender writes them. The files do not contain their unit: it is estimated from the height of the skeleton.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from core.contract.rotations import Y_UP_TO_Z_UP
from core.contract.skeleton import BODY_JOINTS

from ..skeleton_motion import SkeletonMotion, forward_kinematics, rest_pose
from .asfamc import CMU_JOINTS
from .text_files import TextFile, explain_damage, text_files

_UNITS = (1.0, 0.0254 / 0.45, 0.0254, 0.01, 0.001)
"""Metres per unit of files in metres, CMU's units, inches, centimetres and millimetres."""
_SKELETON_HEIGHT = 1.6
"""metres from the soles to the top joint, which is in the head."""
_ACTOR = re.compile(r"^(\d+)_[a-z]+$")
_TEXTS = {"reactidle": "standing idle"}
"""Descriptions of sets whose file names do not describe the motion."""


def _both_sides(names: dict[str, str], left: str, right: str) -> dict[str, str]:
    """Names of both sides; `*` in a key stands for `left` or `right`."""
    return {
        name.replace("*", letters): f"{side}_{joint}"
        for side, letters in (("left", left), ("right", right))
        for name, joint in names.items()
    }


_RIGIFY = {
    "pelvis": "pelvis", "spine": "spine1", "spine.001": "spine3", "neck": "neck", "face": "head",
    **_both_sides(
        {
            "thigh.*": "hip", "shin.*": "knee", "foot.*": "ankle", "toe.*": "foot",
            "shoulder.*": "collar", "upper_arm.*": "shoulder", "forearm.*": "elbow", "hand.*": "wrist",
        },
        "L", "R",
    ),
}  # fmt: skip
_MOTIONBUILDER = {
    "Hips": "pelvis", "Spine": "spine1", "Spine1": "spine2", "Spine2": "spine3", "Neck": "neck", "Head": "head",
    **_both_sides(
        {
            "*UpLeg": "hip", "*Leg": "knee", "*Foot": "ankle", "*ToeBase": "foot",
            "*Shoulder": "collar", "*Arm": "shoulder", "*ForeArm": "elbow", "*Hand": "wrist",
        },
        "Left", "Right",
    ),
}  # fmt: skip
_VOCABULARIES = (
    {name: name for name in BODY_JOINTS},
    CMU_JOINTS | {"hip": "pelvis"},
    _MOTIONBUILDER,
    {f"mixamorig:{name}": joint for name, joint in _MOTIONBUILDER.items()},
    _RIGIFY,
)
_END_SITES = {"ankle": "foot", "foot": "toe", "elbow": "wrist", "wrist": "knuckles", "knuckles": "fingertips"}
"""The point at the end site of a joint."""


@dataclass(frozen=True)
class _Joint:
    name: str
    parent: int
    offset: tuple[float, ...]
    channels: tuple[str, ...]


def read(path: Path) -> list[SkeletonMotion]:
    """All .bvh files of a file, a folder or an archive. UserError `recording-unreadable`.

    The set is named after the folder or archive. The subject of a file `007_acted` is 007 of its set, that of `18_01` with
    CMU's joint names is cmu-18; every other file has a subject of its own.
    """
    set_name = (path.parent.name if path.suffix.lower() == ".bvh" else path.name).partition(".")[0] or "bvh"
    return [_motion(file, set_name) for file in text_files(path, ".bvh")]


def _motion(file: TextFile, set_name: str) -> SkeletonMotion:
    with explain_damage(file, "a BVH motion"):
        return _parse_motion(file, set_name)


def _parse_motion(file: TextFile, set_name: str) -> SkeletonMotion:
    joints, rate, values = _parse(file.text)
    offsets, rotations = _local_transforms(joints, values)
    parents = tuple(joint.parent for joint in joints)
    rest_positions = rest_pose(np.array([joint.offset for joint in joints]), parents)
    height = np.ptp(rest_positions[:, 1])
    unit = min(_UNITS, key=lambda unit: abs(np.log(max(height, 1e-6) * unit / _SKELETON_HEIGHT)))
    positions, global_rotations = forward_kinematics(offsets * unit, parents, rotations, offsets[:, 0] * unit)
    stem = file.path.stem
    return SkeletonMotion(
        source=f"{set_name}/{stem}",
        subject=_subject(stem, set_name, joints),
        text=_text(stem, set_name),
        rate=rate,
        names=_joint_names(joints),
        parents=parents,
        positions=(positions @ Y_UP_TO_Z_UP.T).astype(np.float32),
        rest_positions=rest_positions * unit,
        global_rotations=(Y_UP_TO_Z_UP @ global_rotations).astype(np.float32),
        vertical_measured=_is_cmu(joints),
    )


def _parse(text: str) -> tuple[list[_Joint], float, Float[np.ndarray, "T C"]]:
    """Joints and end sites (`NAME_end`), frames per second, and the values of all channels."""
    words = iter(text[: text.index("MOTION")].split())
    joints: list[_Joint] = []
    ancestors: list[int] = [-1]
    for word in words:
        if word in ("ROOT", "JOINT", "End"):
            name = next(words) if word != "End" else f"{joints[ancestors[-1]].name}_end{next(words)[4:]}"
            joints.append(_Joint(name, ancestors[-1], (0.0, 0.0, 0.0), ()))
        elif word == "{":
            ancestors.append(len(joints) - 1)
        elif word == "}":
            ancestors.pop()
        elif word == "OFFSET":
            joints[-1] = _Joint(joints[-1].name, joints[-1].parent, tuple(float(next(words)) for _ in range(3)), ())
        elif word == "CHANNELS":
            channels = tuple(next(words) for _ in range(int(next(words))))
            joints[-1] = _Joint(joints[-1].name, joints[-1].parent, joints[-1].offset, channels)
    found = re.search(r"Frame Time:\s*(\S+)[^\n]*\n", text)
    if found is None or not joints:
        raise ValueError("no joints or no frame time")
    width = sum(len(joint.channels) for joint in joints)
    rows = [line.split() for line in text[found.end() :].splitlines() if line.strip()]
    if not rows or any(len(row) != width for row in rows):
        raise ValueError(f"a frame does not have the {width} numbers of its channels")
    return joints, 1 / float(found[1]), np.array(rows, float)


def _local_transforms(
    joints: list[_Joint], values: Float[np.ndarray, "T C"]
) -> tuple[Float[np.ndarray, "T J 3"], Float[np.ndarray, "T J 3 3"]]:
    """Offsets and rotations relative to the parent joint (the root's: to the world), in the file's unit and axes."""
    frames = len(values)
    offsets = np.broadcast_to([joint.offset for joint in joints], (frames, len(joints), 3)).copy()
    rotations = np.broadcast_to(np.eye(3), (frames, len(joints), 3, 3)).copy()
    column = 0
    for index, joint in enumerate(joints):
        order, angles = "", []
        for channel in joint.channels:
            axis = channel[0].upper()
            if channel.lower().endswith("rotation"):
                order += axis
                angles.append(values[:, column])
            else:
                offsets[:, index, "XYZ".index(axis)] = values[:, column]
            column += 1
        if order:
            rotations[:, index] = Rotation.from_euler(order, np.stack(angles, 1), degrees=True).as_matrix()
    return offsets, rotations


def _joint_names(joints: list[_Joint]) -> tuple[str, ...]:
    """Our names of the joints, by the vocabulary that contains most of the file's names."""
    vocabulary = max(_VOCABULARIES, key=lambda known: sum(joint.name in known for joint in joints))
    names: list[str] = []
    for joint in joints:
        name = vocabulary.get(joint.name, joint.name)
        if joint.name.endswith("_end"):
            side, _, part = names[joint.parent].partition("_")
            name = f"{side}_{_END_SITES[part]}" if part in _END_SITES else name
        names.append(name)
    return tuple(names)


def _subject(stem: str, set_name: str, joints: list[_Joint]) -> str:
    trial = re.search(r"(\d+)_\d+$", stem)
    if trial and _is_cmu(joints):
        return f"cmu-{int(trial[1]):02d}"
    actor = _ACTOR.match(stem)
    return f"{set_name}-{actor[1] if actor else stem}"


def _is_cmu(joints: list[_Joint]) -> bool:
    """Whether the joints have the names of the CMU database."""
    return any(joint.name == "lfemur" for joint in joints)


def _text(stem: str, set_name: str) -> tuple[str, ...]:
    words = " ".join(re.findall(r"[A-Za-z]+", stem)).lower()
    common = _TEXTS.get(set_name.lower(), "")
    text = f"{common}, {words}" if common and words else common or words
    return (text,) if text else ()
