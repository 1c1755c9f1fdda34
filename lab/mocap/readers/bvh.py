"""Biovision hierarchy files (BVH): a skeleton of offsets, and channels of angles and positions a frame.

Format: Meredith and Maddock, "Motion Capture File Formats Explained" (University of Sheffield, CS-01-11). The angles of a
joint apply in the order of its channels, each about the axes that the ones before it turned. Positions of a joint other than
the root take the place of its offset, as Blender writes them. The files do not say their unit: it is told by the skeleton.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from core.contract.skeleton import BODY_JOINTS

from ..skeleton_motion import Y_UP_TO_Z_UP, SkeletonMotion, forward_kinematics
from .asfamc import CMU_JOINTS
from .text_files import TextFile, text_files, unreadable

_UNITS = (1.0, 0.0254 / 0.45, 0.0254, 0.01, 0.001)
"""metres: metres, CMU's units, inches, centimetres, millimetres."""
_USUAL_HEIGHT = 1.6
"""metres from the soles to where skeletons end, in the head."""
_ACTOR = re.compile(r"^(\d+)_[a-z]+$")
_TEXTS = {"reactidle": "standing idle"}
"""What all of a set shows, where its files' names do not say."""


def _sided(names: dict[str, str], left: str, right: str) -> dict[str, str]:
    """`*` in a file's name stands for the side."""
    return {
        theirs.replace("*", letters): f"{side}_{ours}"
        for side, letters in (("left", left), ("right", right))
        for theirs, ours in names.items()
    }


_RIGIFY = {
    "pelvis": "pelvis", "spine": "spine1", "spine.001": "spine3", "neck": "neck", "face": "head",
    **_sided(
        {
            "thigh.*": "hip", "shin.*": "knee", "foot.*": "ankle", "toe.*": "foot",
            "shoulder.*": "collar", "upper_arm.*": "shoulder", "forearm.*": "elbow", "hand.*": "wrist",
        },
        "L", "R",
    ),
}  # fmt: skip
_MOTIONBUILDER = {
    "Hips": "pelvis", "Spine": "spine1", "Spine1": "spine2", "Spine2": "spine3", "Neck": "neck", "Head": "head",
    **_sided(
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
    {f"mixamorig:{theirs}": ours for theirs, ours in _MOTIONBUILDER.items()},
    _RIGIFY,
)
_BEYOND = {"ankle": "foot", "foot": "toe", "elbow": "wrist", "wrist": "knuckles", "knuckles": "fingertips"}
"""What the end site of a joint is."""


@dataclass(frozen=True)
class _Joint:
    name: str
    parent: int
    offset: tuple[float, ...]
    channels: tuple[str, ...]


def read(path: Path) -> list[SkeletonMotion]:
    """All .bvh of a file, a folder or an archive. UserError `recording-unreadable`.

    The set is named after the folder or archive. A file `007_acted` is of subject 007 of its set, `18_01` with CMU's
    joints of subject cmu-18, any other of a subject of its own.
    """
    set_name = (path.parent.name if path.suffix.lower() == ".bvh" else path.name).partition(".")[0] or "bvh"
    return [_motion(file, set_name) for file in text_files(path, ".bvh")]


def _motion(file: TextFile, set_name: str) -> SkeletonMotion:
    try:
        joints, rate, values = _parsed(file.text)
    except (ValueError, IndexError) as error:
        raise unreadable(str(file.path), f"it is no BVH motion ({error})") from error
    offsets, turns, root = _channels(joints, values)
    parents = tuple(joint.parent for joint in joints)
    still = np.array([joint.offset for joint in joints])
    rest, _ = forward_kinematics(still, parents, np.broadcast_to(np.eye(3), (1, len(joints), 3, 3)), np.zeros(3))
    height = np.ptp(rest[0, :, 1])
    unit = min(_UNITS, key=lambda unit: abs(np.log(max(height, 1e-6) * unit / _USUAL_HEIGHT)))
    places, world = forward_kinematics(offsets * unit, parents, turns, root * unit)
    stem = file.path.stem
    names = _names(joints)
    return SkeletonMotion(
        source=f"{set_name}/{stem}",
        subject=_subject(stem, set_name, joints),
        text=_text(stem, set_name),
        rate=rate,
        names=names,
        parents=parents,
        positions=(places @ Y_UP_TO_Z_UP.T).astype(np.float32),
        rest_positions=rest[0] * unit,
        global_rotations=(Y_UP_TO_Z_UP @ world).astype(np.float32),
        vertical_measured=_is_cmu(joints),
    )


def _parsed(text: str) -> tuple[list[_Joint], float, np.ndarray]:
    """Joints with end sites (`NAME_end`), frames a second, and the channels' values [T,C]."""
    words = iter(text[: text.index("MOTION")].split())
    joints: list[_Joint] = []
    above: list[int] = [-1]
    for word in words:
        if word in ("ROOT", "JOINT", "End"):
            name = next(words) if word != "End" else f"{joints[above[-1]].name}_end{next(words)[4:]}"
            joints.append(_Joint(name, above[-1], (0.0, 0.0, 0.0), ()))
        elif word == "{":
            above.append(len(joints) - 1)
        elif word == "}":
            above.pop()
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
        raise ValueError(f"a frame has not the {width} numbers of its channels")
    return joints, 1 / float(found[1]), np.array(rows, float)


def _channels(joints: list[_Joint], values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Offsets [T,J,3] and turns [T,J,3,3] from the parent, and the root's places [T,3], in the file's unit and axes."""
    frames = len(values)
    offsets = np.broadcast_to([joint.offset for joint in joints], (frames, len(joints), 3)).copy()
    turns = np.broadcast_to(np.eye(3), (frames, len(joints), 3, 3)).copy()
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
            turns[:, index] = Rotation.from_euler(order, np.stack(angles, 1), degrees=True).as_matrix()
    return offsets, turns, offsets[:, 0]


def _names(joints: list[_Joint]) -> tuple[str, ...]:
    """Our names, by the vocabulary that knows most of the file's."""
    vocabulary = max(_VOCABULARIES, key=lambda words: sum(joint.name in words for joint in joints))
    names: list[str] = []
    for joint in joints:
        name = vocabulary.get(joint.name, joint.name)
        if joint.name.endswith("_end"):
            side, _, part = names[joint.parent].partition("_")
            name = f"{side}_{_BEYOND[part]}" if part in _BEYOND else name
        names.append(name)
    return tuple(names)


def _subject(stem: str, set_name: str, joints: list[_Joint]) -> str:
    trial = re.search(r"(\d+)_\d+$", stem)
    if trial and _is_cmu(joints):
        return f"cmu-{int(trial[1]):02d}"
    actor = _ACTOR.match(stem)
    return f"{set_name}-{actor[1] if actor else stem}"


def _is_cmu(joints: list[_Joint]) -> bool:
    return any(joint.name == "lfemur" for joint in joints)


def _text(stem: str, set_name: str) -> tuple[str, ...]:
    words = " ".join(re.findall(r"[A-Za-z]+", stem)).lower()
    common = _TEXTS.get(set_name.lower(), "")
    text = f"{common}, {words}" if common and words else common or words
    return (text,) if text else ()
