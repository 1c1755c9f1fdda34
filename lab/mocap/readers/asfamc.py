"""Acclaim skeletons and motions (ASF/AMC), as the CMU Graphics Lab Motion Capture Database gives them.

Format: Acclaim's ASF/AMC as described by Lander (Game Developer, January 1998); numbers of an AMC line turn the bone about
the axes that its ASF entry names, first X, then Y, then Z.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
from scipy.spatial.transform import Rotation

from ..skeleton_motion import Y_UP_TO_Z_UP, SkeletonMotion, forward_kinematics
from .text_files import TextFile, text_files, unreadable

_RATE = 120.0
"""frames a second; the files do not say, and the database's are nearly all of this rate."""
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
"""Our name for the joint at which each of CMU's bones begins, or ends (`_end`)."""


@dataclass
class _Bone:
    direction: np.ndarray = field(default_factory=lambda: np.zeros(3))
    length: float = 0.0
    axis: np.ndarray = field(default_factory=lambda: np.eye(3))
    freedoms: tuple[str, ...] = ()
    parent: str = "root"


@dataclass(frozen=True)
class Skeleton:
    """An ASF file. Rest axes: Y up, facing +Z. A joint is where its bone begins; a last bone has an `_end` as well."""

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: np.ndarray
    """[J,3] metres from the parent's joint."""
    axes: np.ndarray
    """[J,3,3] in which a bone's angles turn it."""
    freedoms: tuple[tuple[str, ...], ...]
    """What the numbers of an AMC line are: `rx`, `ry`, `rz`, and for the root `tx` and so on."""
    unit: float
    """metres per unit of length."""


def read(path: Path) -> list[SkeletonMotion]:
    """All trials (.amc with the .asf of their subject beside them) of a file, a folder or an archive.

    Subjects are `cmu-02`, texts the database's index (CMU-INDEX.md or cmu-mocap-index-text.txt) where it lies beside.
    UserError `recording-unreadable`.
    """
    folder = path.parent if path.suffix.lower() == ".amc" else path
    files = text_files(folder, ".asf", ".amc")
    skeletons = {file.path: skeleton(file) for file in files if file.path.suffix.lower() == ".asf"}
    index = _index(path)
    wanted = [file for file in files if file.path.suffix.lower() == ".amc"]
    if folder != path:
        wanted = [file for file in wanted if file.path.name == path.name]
    return [_motion(file, _skeleton_of(file.path, skeletons), index.get(file.path.stem)) for file in wanted]


def skeleton(file: TextFile) -> Skeleton:
    """Parse an ASF. UserError `recording-unreadable`."""
    try:
        return _parsed_skeleton(file.text)
    except (ValueError, IndexError, KeyError) as error:
        raise unreadable(str(file.path), f"it is no ASF skeleton ({error})") from error


def _parsed_skeleton(text: str) -> Skeleton:
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
            root_axis = _turn(np.array(values[:3], float), "XYZ", in_degrees)
        elif section == ":bonedata":
            if key == "begin":
                bone = _Bone()
            elif key == "end":
                bones[name] = bone
            elif key == "name":
                name = values[0]
            elif key == "direction":
                bone.direction = np.array(values[:3], float)
            elif key == "length":
                bone.length = float(values[0])
            elif key == "axis":
                bone.axis = _turn(np.array(values[:3], float), values[3] if len(values) > 3 else "XYZ", in_degrees)
            elif key == "dof":
                bone.freedoms = tuple(value.lower() for value in values)
        elif section == ":hierarchy" and key not in ("begin", "end"):
            for child in values:
                bones[child].parent = key
    if not bones:
        raise ValueError("no bones")
    return _skeleton(bones, unit, root_order, root_axis)


def _skeleton(bones: dict[str, _Bone], unit: float, root_order: tuple[str, ...], root_axis: np.ndarray) -> Skeleton:
    names, parents, offsets, axes = ["root"], [-1], [np.zeros(3)], [root_axis]
    freedoms = [root_order]

    def add(name: str, parent: str, offset: np.ndarray, axis: np.ndarray, free: tuple[str, ...]) -> None:
        names.append(name)
        parents.append(names.index(parent))
        offsets.append(offset)
        axes.append(axis)
        freedoms.append(free)

    waiting = list(bones)
    while waiting:
        ready = [name for name in waiting if bones[name].parent in names]
        if not ready:
            raise ValueError("bones without a parent")
        for name in ready:
            bone, above = bones[name], bones.get(bones[name].parent)
            start = np.zeros(3) if above is None else above.direction * above.length * unit
            add(name, bone.parent, start, bone.axis, bone.freedoms)
        waiting = [name for name in waiting if name not in ready]
    for name in bones.keys() - {bone.parent for bone in bones.values()}:
        add(f"{name}_end", name, bones[name].direction * bones[name].length * unit, np.eye(3), ())
    return Skeleton(tuple(names), tuple(parents), np.array(offsets), np.array(axes), tuple(freedoms), unit)


def _turn(degrees: np.ndarray, order: str, in_degrees: bool = True) -> np.ndarray:
    """The rotation about fixed axes in the named order, the first first."""
    by_order = [degrees["XYZ".index(letter)] for letter in order.upper()]
    return Rotation.from_euler(order.lower(), by_order, degrees=in_degrees).as_matrix()


def _skeleton_of(trial: PurePosixPath, skeletons: dict[PurePosixPath, Skeleton]) -> Skeleton:
    beside = [file for file in skeletons if file.parent == trial.parent]
    named = [file for file in beside if file.stem == trial.stem.partition("_")[0]]
    for found in (named, beside):
        if len(found) == 1 or (found and found is named):
            return skeletons[found[0]]
    raise unreadable(str(trial), "the ASF skeleton of its subject does not lie beside it")


def _motion(file: TextFile, bones: Skeleton, text: str | None) -> SkeletonMotion:
    try:
        values, in_degrees = _values(file.text, bones)
    except (ValueError, IndexError, KeyError) as error:
        raise unreadable(str(file.path), f"it is no AMC motion of its skeleton ({error})") from error
    frames = len(values["root"])
    turns = np.broadcast_to(np.eye(3), (frames, len(bones.names), 3, 3)).copy()
    root = np.zeros((frames, 3))
    for joint, (name, freedoms) in enumerate(zip(bones.names, bones.freedoms)):
        if name not in values:
            continue
        angles = np.zeros((frames, 3))
        for column, freedom in zip(values[name].T, freedoms):
            place = angles if freedom[0] == "r" else root if freedom[0] == "t" else None
            if place is not None:
                place[:, "xyz".index(freedom[1])] = column
        own = Rotation.from_euler("xyz", angles, degrees=in_degrees).as_matrix()
        turns[:, joint] = bones.axes[joint] @ own @ bones.axes[joint].T
    places, world = forward_kinematics(bones.offsets, bones.parents, turns, root * bones.unit)
    rest, _ = forward_kinematics(
        bones.offsets, bones.parents, np.broadcast_to(np.eye(3), (1, len(bones.names), 3, 3)), np.zeros(3)
    )
    return SkeletonMotion(
        source=f"cmu-asf/{file.path.stem}",
        subject=f"cmu-{file.path.stem.partition('_')[0]}",
        text=() if text is None else (text,),
        rate=_RATE,
        names=tuple(CMU_JOINTS.get(name, name) for name in bones.names),
        parents=bones.parents,
        positions=(places @ Y_UP_TO_Z_UP.T).astype(np.float32),
        rest_positions=rest[0],
        global_rotations=(Y_UP_TO_Z_UP @ world).astype(np.float32),
    )


def _values(text: str, bones: Skeleton) -> tuple[dict[str, np.ndarray], bool]:
    """Arrays [T,D] by bone, and whether angles are in degrees. Bones that a file leaves out stay in their rest pose."""
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
    unknown = rows.keys() - set(bones.names)
    if unknown:
        raise ValueError(f"bone {sorted(unknown)[0]} is not in the skeleton")
    uneven = [name for name, lines in rows.items() if len(lines) != frames]
    if uneven:
        raise ValueError(f"{uneven[0]} is not in every frame")
    return {name: np.array(lines, float) for name, lines in rows.items()}, degrees


def _index(path: Path) -> dict[str, str]:
    """What happens in each trial, from an index in one of the folders around the recording."""
    for folder in (path, *path.parents[:3]):
        for name in _INDEX_NAMES:
            file = folder / name
            if file.is_file():
                return dict(_TRIAL.findall(file.read_text(encoding="utf-8", errors="replace")))
    return {}
