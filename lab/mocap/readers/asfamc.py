"""Reader of Acclaim skeletons and motions (ASF/AMC), the format of the CMU Graphics Lab Motion Capture Database.

The format is described by Lander (Game Developer, January 1998). The numbers of an AMC line rotate a bone about the axes of its
ASF entry, first about X, then Y, then Z.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from core.contract.rotations import Y_UP_TO_Z_UP

from ..skeleton_motion import SkeletonMotion, forward_kinematics, rest_pose
from .text_files import TextFile, explain_damage, text_files, unreadable

_RATE = 120.0
"""Frames per second of nearly all files of the database; the files do not contain it."""
_INCH = 0.0254
_INDEX_NAMES = ("CMU-INDEX.md", "cmu-mocap-index-text.txt")
_TRIAL = re.compile(r"^(\d+_\d+)\s+(\S.*?)\s*$", re.MULTILINE)

CMU_JOINTS = {
    "root": "pelvis", "lowerback": "spine1", "upperback": "spine2", "thorax": "spine3", "lowerneck": "neck",
    "head": "head", "head_end": "head_top",
    **{
        f"{letter}{bone}": f"{side}_{joint}"
        for letter, side in (("l", "left"), ("r", "right"))
        for bone, joint in (
            ("femur", "hip"), ("tibia", "knee"), ("foot", "ankle"), ("toes", "foot"), ("toes_end", "toe"),
            ("clavicle", "collar"), ("humerus", "shoulder"), ("radius", "elbow"), ("hand", "wrist"),
            ("fingers", "knuckles"), ("fingers_end", "fingertips"), ("thumb_end", "thumb_tip"),
        )
    },
}  # fmt: skip
"""Names of our joints at which each of CMU's bones begins, or ends (`_end`)."""


@dataclass
class _Bone:
    """An entry of an ASF file's bone data."""

    direction: np.ndarray = field(default_factory=lambda: np.zeros(3))
    length: float = 0.0
    axis: np.ndarray = field(default_factory=lambda: np.eye(3))
    channels: tuple[str, ...] = ()
    parent: str = "root"


@dataclass(frozen=True)
class Skeleton:
    """The J joints of an ASF file. Rest axes: Y up, facing +Z. A joint is where its bone begins; the last bone of a
    chain also has a joint `_end`."""

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: Float[np.ndarray, "J 3"]
    """From the parent joint, metres."""
    axes: Float[np.ndarray, "J 3 3"]
    """Columns are the axes about which a bone's angles rotate it."""
    channels: tuple[tuple[str, ...], ...]
    """Meaning of the numbers of an AMC line: `rx`, `ry`, `rz`, and for the root also `tx`, `ty`, `tz`."""
    unit: float
    """Metres per unit of length."""


def read(path: Path) -> list[SkeletonMotion]:
    """All trials of a file, a folder or an archive: .amc files with the .asf file of their subject in the same folder.

    Subjects are named `cmu-02`. Texts come from the database's index (CMU-INDEX.md or cmu-mocap-index-text.txt) in one of the
    folders above. UserError `recording-unreadable`.
    """
    folder = path.parent if path.suffix.lower() == ".amc" else path
    files = text_files(folder, ".asf", ".amc")
    skeletons = {file.path: parse_skeleton(file) for file in files if file.path.suffix.lower() == ".asf"}
    index = _index(path)
    trials = [file for file in files if file.path.suffix.lower() == ".amc"]
    if folder != path:
        trials = [file for file in trials if file.path.name == path.name]
    return [_motion(file, _find_skeleton(file.path, skeletons), index.get(file.path.stem)) for file in trials]


def parse_skeleton(file: TextFile) -> Skeleton:
    """The skeleton of an ASF file. UserError `recording-unreadable`."""
    with explain_damage(file, "an ASF skeleton"):
        return _parse_skeleton(file.text)


def _parse_skeleton(text: str) -> Skeleton:
    bones: dict[str, _Bone] = {}
    section, name, bone = "", "", _Bone()
    unit, in_degrees, root_order, root_axis = _INCH, True, ("tx", "ty", "tz", "rx", "ry", "rz"), np.eye(3)
    for words in (line.split() for line in text.splitlines()):
        if not words or words[0].startswith("#"):
            continue
        key, values = words[0], words[1:]
        if key.startswith(":"):
            section = key
        elif section == ":units" and key == "length":
            unit = _INCH / float(values[0])
        elif section == ":units" and key == "angle":
            in_degrees = values[0].startswith("deg")
        elif section == ":root" and key == "order":
            root_order = tuple(value.lower() for value in values)
        elif section == ":root" and key == "orientation":
            root_axis = _euler_rotation(np.array(values[:3], float), "XYZ", in_degrees)
        elif section == ":bonedata":
            if key == "begin":
                bone = _Bone()
            elif key == "end":
                bones[name] = bone
            elif key == "name":
                name = values[0]
            else:
                _read_bone_line(bone, key, values, in_degrees)
        elif section == ":hierarchy" and key not in ("begin", "end"):
            for child in values:
                bones[child].parent = key
    if not bones:
        raise ValueError("no bones")
    return _build_skeleton(bones, unit, root_order, root_axis)


def _read_bone_line(bone: _Bone, key: str, values: list[str], in_degrees: bool) -> None:
    """Put what a line of the bone data says into the bone; what we have no use for, such as limits, is passed over."""
    if key == "direction":
        bone.direction = np.array(values[:3], float)
    elif key == "length":
        bone.length = float(values[0])
    elif key == "axis":
        order = values[3] if len(values) > 3 else "XYZ"
        bone.axis = _euler_rotation(np.array(values[:3], float), order, in_degrees)
    elif key == "dof":
        bone.channels = tuple(value.lower() for value in values)


def _build_skeleton(
    bones: dict[str, _Bone], unit: float, root_order: tuple[str, ...], root_axis: np.ndarray
) -> Skeleton:
    """Joints sorted so that parents come before their children."""
    names, parents, offsets, axes = ["root"], [-1], [np.zeros(3)], [root_axis]
    channels = [root_order]

    def add(name: str, parent: str, offset: np.ndarray, axis: np.ndarray, bone_channels: tuple[str, ...]) -> None:
        names.append(name)
        parents.append(names.index(parent))
        offsets.append(offset)
        axes.append(axis)
        channels.append(bone_channels)

    waiting = list(bones)
    while waiting:
        ready = [name for name in waiting if bones[name].parent in names]
        if not ready:
            raise ValueError("bones without a parent")
        for name in ready:
            bone, parent = bones[name], bones.get(bones[name].parent)
            start = np.zeros(3) if parent is None else parent.direction * parent.length * unit
            add(name, bone.parent, start, bone.axis, bone.channels)
        waiting = [name for name in waiting if name not in ready]
    for name in bones.keys() - {bone.parent for bone in bones.values()}:
        add(f"{name}_end", name, bones[name].direction * bones[name].length * unit, np.eye(3), ())
    return Skeleton(tuple(names), tuple(parents), np.array(offsets), np.array(axes), tuple(channels), unit)


def _euler_rotation(angles: np.ndarray, order: str, in_degrees: bool = True) -> np.ndarray:
    """The rotation about fixed axes, in the given order."""
    by_order = [angles["XYZ".index(letter)] for letter in order.upper()]
    return Rotation.from_euler(order.lower(), by_order, degrees=in_degrees).as_matrix()


def _find_skeleton(trial: PurePosixPath, skeletons: dict[PurePosixPath, Skeleton]) -> Skeleton:
    """The skeleton in the trial's folder that has the name of its subject, or the only one there."""
    beside = [file for file in skeletons if file.parent == trial.parent]
    named = [file for file in beside if file.stem == trial.stem.partition("_")[0]]
    for found in (named, beside):
        if len(found) == 1 or (found and found is named):
            return skeletons[found[0]]
    raise unreadable(str(trial), "the ASF skeleton of its subject is not in the same folder")


def _motion(file: TextFile, skeleton: Skeleton, text: str | None) -> SkeletonMotion:
    with explain_damage(file, "an AMC motion of its skeleton"):
        return _parse_trial(file, skeleton, text)


def _parse_trial(file: TextFile, skeleton: Skeleton, text: str | None) -> SkeletonMotion:
    values, in_degrees = _parse_motion(file.text, skeleton)
    frames = len(values["root"])
    rotations = np.broadcast_to(np.eye(3), (frames, len(skeleton.names), 3, 3)).copy()
    root = np.zeros((frames, 3))
    for joint, (name, channels) in enumerate(zip(skeleton.names, skeleton.channels)):
        if name not in values:
            continue
        angles = np.zeros((frames, 3))
        for column, channel in zip(values[name].T, channels):
            if channel[0] in "rt":
                (angles if channel[0] == "r" else root)[:, "xyz".index(channel[1])] = column
        local = Rotation.from_euler("xyz", angles, degrees=in_degrees).as_matrix()
        rotations[:, joint] = skeleton.axes[joint] @ local @ skeleton.axes[joint].T
    positions, global_rotations = forward_kinematics(
        skeleton.offsets, skeleton.parents, rotations, root * skeleton.unit
    )
    return SkeletonMotion(
        source=f"cmu-asf/{file.path.stem}",
        subject=f"cmu-{file.path.stem.partition('_')[0]}",
        text=() if text is None else (text,),
        rate=_RATE,
        names=tuple(CMU_JOINTS.get(name, name) for name in skeleton.names),
        parents=skeleton.parents,
        positions=(positions @ Y_UP_TO_Z_UP.T).astype(np.float32),
        rest_positions=rest_pose(skeleton.offsets, skeleton.parents),
        global_rotations=(Y_UP_TO_Z_UP @ global_rotations).astype(np.float32),
    )


def _parse_motion(text: str, skeleton: Skeleton) -> tuple[dict[str, np.ndarray], bool]:
    """Values [T,D] of each bone, and whether angles are in degrees. Bones that a file omits stay in their rest pose."""
    rows: dict[str, list[list[str]]] = {}
    degrees, frames = True, 0
    for words in (line.split() for line in text.splitlines()):
        if not words or words[0][0] == "#":
            continue
        if words[0][0] == ":":
            degrees = degrees and words[0].upper() != ":RADIANS"
        elif len(words) == 1 and words[0].isdigit():
            frames += 1
        else:
            rows.setdefault(words[0], []).append(words[1:])
    if "root" not in rows:
        raise ValueError("no frames")
    unknown = rows.keys() - set(skeleton.names)
    if unknown:
        raise ValueError(f"bone {sorted(unknown)[0]} is not in the skeleton")
    uneven = [name for name, lines in rows.items() if len(lines) != frames]
    if uneven:
        raise ValueError(f"{uneven[0]} is missing in some frames")
    return {name: np.array(lines, float) for name, lines in rows.items()}, degrees


def _index(path: Path) -> dict[str, str]:
    """The description of each trial, from an index in the folder of the recording or above."""
    for folder in (path, *path.parents[:3]):
        for name in _INDEX_NAMES:
            file = folder / name
            if file.is_file():
                return dict(_TRIAL.findall(file.read_text(encoding="utf-8", errors="replace")))
    return {}
