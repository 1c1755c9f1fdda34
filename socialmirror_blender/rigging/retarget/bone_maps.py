"""Bone maps: which bones of a target armature correspond to the joints of SMPL-X, and which bones its animator keys.

Maps are JSON files; those in the folder `maps` are offered by the names of an armature's bones, others are the user's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from ....core.contract.errors import UserError
from ....core.contract.fields import Fields
from ....core.contract.files import read_json, write_json
from ....core.contract.skeleton import JOINT_INDEX, JOINTS

SCHEMA = 1
_FOLDER = Path(__file__).with_name("maps")
_ORDER = ("smplx", "rigify", "auto_rig_pro", "mixamo", "ue5", "ue4", "vrm", "rigify_metarig")
"""The maps that come with the add-on, by file. Of two that fit equally well the first one is offered."""
_LONGEST_NAME = 63  # bytes that Blender allows
_MAX_CONTROLS = 500

REQUIRED: tuple[str, ...] = ("pelvis",) + tuple(
    f"{side}_{part}" for side in ("left", "right") for part in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
)
"""Joints without which a motion cannot be taken to an armature."""
POLE_LIMBS = ("left_elbow", "right_elbow", "left_knee", "right_knee")


@dataclass(frozen=True)
class Control:
    """A bone that gets keyframes. It moves rigidly with a joint."""

    bone: str
    joint: str
    """The joint whose rotation it has."""
    at: str
    """The joint whose position it follows."""
    location: bool = False
    """Whether its location is keyed, too."""


@dataclass(frozen=True)
class Pole:
    bone: str
    limb: str
    """The elbow or knee that points to it."""


@dataclass(frozen=True)
class Switch:
    """A custom property of a bone that chooses between FK and IK."""

    bone: str
    property: str
    fk: float
    ik: float


@dataclass(frozen=True)
class BoneMap:
    name: str
    joints: Mapping[str, tuple[str, ...]]
    """For each joint the names that its bone may have."""
    prefixes: tuple[str, ...] = ()
    """What may stand before every name."""
    controls: tuple[Control, ...] = ()
    """Bones that are keyed in any case; empty if the joints' own bones are."""
    fk: tuple[Control, ...] = ()
    ik: tuple[Control, ...] = ()
    poles: tuple[Pole, ...] = ()
    switches: tuple[Switch, ...] = ()

    def to_json(self) -> dict[str, Any]:
        record: dict[str, Any] = {"schema": SCHEMA, "name": self.name}
        record["joints"] = {joint: list(names) for joint, names in self.joints.items()}
        if self.prefixes:
            record["prefixes"] = list(self.prefixes)
        for key in ("controls", "fk", "ik"):
            entries: tuple[Control, ...] = getattr(self, key)
            if entries:
                record[key] = [_control_record(entry) for entry in entries]
        if self.poles:
            record["poles"] = [{"bone": pole.bone, "limb": pole.limb} for pole in self.poles]
        if self.switches:
            record["switches"] = [
                {"bone": each.bone, "property": each.property, "fk": each.fk, "ik": each.ik} for each in self.switches
            ]
        return record

    @classmethod
    def from_json(cls, record: Any) -> BoneMap:
        """Raises the UserError `bad-bone-map`, which names what is missing, unknown or of a wrong type."""
        values = Fields(record, _bad)
        values.only(("schema", "name", "joints", "prefixes", "controls", "fk", "ik", "poles", "switches"))
        values.integer("schema", 1, SCHEMA)
        joints = values.within("joints")
        joints.only(JOINTS)
        return cls(
            values.text("name", longest=_LONGEST_NAME),
            {joint: _names(joints, joint) for joint in JOINTS if joints.has(joint)},
            prefixes=_names(values, "prefixes") if values.has("prefixes") else (),
            controls=_read_all(values, "controls", _read_control),
            fk=_read_all(values, "fk", _read_control),
            ik=_read_all(values, "ik", _read_control),
            poles=_read_all(values, "poles", _read_pole),
            switches=_read_all(values, "switches", _read_switch),
        )


@dataclass(frozen=True)
class ResolvedMap:
    """A map on one armature: only bones that it has."""

    name: str
    bones: Mapping[str, str]
    """The bone of each joint that was found, in the order of JOINTS."""
    missing: tuple[str, ...]
    """Joints of the map without a bone."""
    controls: tuple[Control, ...]
    poles: tuple[Pole, ...]
    switches: Mapping[tuple[str, str], float]
    """Value of each property, by bone and property."""


@dataclass(frozen=True)
class Detected:
    """The map that fits an armature best."""

    map: BoneMap
    bones: Mapping[str, str] = field(default_factory=dict[str, str])


@cache
def shipped_maps() -> tuple[BoneMap, ...]:
    return tuple(map(shipped_map, _ORDER))


@cache
def shipped_map(name: str) -> BoneMap:
    """A map by the name of its file."""
    return load_map(_FOLDER / f"{name}.json")


def load_map(path: Path) -> BoneMap:
    """UserError `file-unreadable` or `bad-bone-map`."""
    return BoneMap.from_json(read_json(path))


def save_map(path: Path, bone_map: BoneMap) -> None:
    """UserError `not-writable` or `disk-full`."""
    write_json(path, bone_map.to_json())


def detect_map(bones: Iterable[str]) -> Detected | None:
    """The map of which an armature with these bones has the largest part, None if none has all that is required."""
    names = list(bones)
    best, best_score = None, (0.0, 0)
    for bone_map in shipped_maps():
        found = find_bones(bone_map, names)
        score = (len(found) / len(bone_map.joints), len(found))
        if all(joint in found for joint in REQUIRED) and score > best_score:
            best, best_score = Detected(bone_map, found), score
    return best


def find_bones(bone_map: BoneMap, bones: Iterable[str]) -> dict[str, str]:
    """The bone of each joint of a map that an armature has, in the order of JOINTS; no bone twice."""
    names = list(bones)
    by_key: dict[str, str] = {}
    for name in reversed(names):  # the first one of several counts
        by_key[_key(name.rpartition(":")[2])] = name
    for name in reversed(names):
        by_key[_key(name)] = name
    exact = set(names)
    found: dict[str, str] = {}
    for joint in JOINTS:
        for wanted in _spellings(bone_map, joint):
            name = wanted if wanted in exact else by_key.get(_key(wanted))
            if name is not None and name not in found.values():
                found[joint] = name
                break
    return found


def resolve_map(bone_map: BoneMap, bones: Iterable[str], *, ik: bool) -> ResolvedMap:
    """The map's bones on an armature.

    UserError `bones-missing`, with their names, if what is required is not there, or `no-ik-controls`.
    """
    names = list(bones)
    found, exact = find_bones(bone_map, names), set(names)
    absent = [joint for joint in REQUIRED if joint not in found]
    if absent:
        raise UserError("bones-missing", missing_text(bone_map, absent), "Set these bones in the bone map.")
    if ik and not bone_map.ik:
        raise UserError(
            "no-ik-controls",
            f"The bone map {bone_map.name!r} names no IK controls.",
            "Choose FK, or load a bone map that names them.",
        )
    if not bone_map.controls:
        controls = [Control(bone, joint, joint, joint == "pelvis") for joint, bone in found.items()]
    else:
        controls = [*bone_map.controls, *(bone_map.ik if ik else bone_map.fk)]
    lacking = [each.bone for each in controls if each.location and each.bone not in exact]
    if lacking:
        raise UserError(
            "bones-missing",
            f"The armature has no control {', '.join(lacking)}, which the bone map {bone_map.name!r} names.",
            "Correct the bone map.",
        )
    return ResolvedMap(
        bone_map.name,
        found,
        tuple(joint for joint in bone_map.joints if joint not in found),
        tuple(each for each in controls if each.bone in exact and each.joint in found and each.at in found),
        tuple(pole for pole in bone_map.poles if pole.bone in exact) if ik else (),
        {(each.bone, each.property): each.ik if ik else each.fk for each in bone_map.switches if each.bone in exact},
    )


def with_bones(bone_map: BoneMap, bones: Mapping[str, str]) -> BoneMap:
    """The map with exactly these bones for its joints, as the user edited them."""
    return replace(bone_map, joints={joint: (bones[joint],) for joint in JOINTS if bones.get(joint)}, prefixes=())


def missing_text(bone_map: BoneMap, joints: Iterable[str]) -> str:
    """A sentence that names the bones that are missing, by joint and by the name that the map expects."""
    parts = []
    for joint in joints:
        expected = bone_map.joints.get(joint, ())
        parts.append(f"{joint.replace('_', ' ')} ({expected[0]})" if expected else joint.replace("_", " "))
    return f"With the bone map {bone_map.name!r} the armature lacks: {', '.join(parts)}."


def _spellings(bone_map: BoneMap, joint: str) -> list[str]:
    names = bone_map.joints.get(joint, ())
    return [*(prefix + name for prefix in bone_map.prefixes for name in names), *names]


def _key(name: str) -> str:
    return name.casefold()


def _control_record(control: Control) -> dict[str, Any]:
    record: dict[str, Any] = {"bone": control.bone, "joint": control.joint}
    if control.at != control.joint:
        record["at"] = control.at
    if control.location:
        record["location"] = True
    return record


def _read_all(values: Fields, key: str, read: Any) -> tuple[Any, ...]:
    return tuple(read(each) for each in values.records(key, longest=_MAX_CONTROLS)) if values.has(key) else ()


def _read_control(values: Fields) -> Control:
    values.only(("bone", "joint", "at", "location"))
    joint = _joint(values, "joint")
    at = _joint(values, "at") if values.has("at") else joint
    return Control(_bone(values), joint, at, values.boolean("location", False))


def _read_pole(values: Fields) -> Pole:
    values.only(("bone", "limb"))
    return Pole(_bone(values), values.text("limb", choices=POLE_LIMBS))


def _read_switch(values: Fields) -> Switch:
    values.only(("bone", "property", "fk", "ik"))
    return Switch(
        _bone(values),
        values.text("property", longest=_LONGEST_NAME),
        values.number("fk", -1000, 1000),
        values.number("ik", -1000, 1000),
    )


def _joint(values: Fields, key: str) -> str:
    name = values.text(key, longest=_LONGEST_NAME)
    if name not in JOINT_INDEX:
        raise _bad(f"{key} names {name!r}, which is no joint of SMPL-X")
    return name


def _bone(values: Fields) -> str:
    return values.text("bone", longest=_LONGEST_NAME)


def _names(values: Fields, key: str) -> tuple[str, ...]:
    names = values.texts(key, longest=20)
    if not names or any(not name or len(name) > _LONGEST_NAME for name in names):
        raise _bad(f"{key} is not a list of names")
    return names


def _bad(problem: str) -> UserError:
    return UserError(
        "bad-bone-map", f"The bone map is not valid: {problem}.", "Correct the file, or choose another one."
    )
