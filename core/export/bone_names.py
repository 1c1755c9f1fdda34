"""Names that other programs give to the 56 bones, so that their automatic mappings find each one."""

from __future__ import annotations

from collections.abc import Callable

from ..contract.skeleton import BONES

_SIDES = ("left", "right")
_FINGERS = ("thumb", "index", "middle", "ring", "pinky")


def _sided(name: Callable[[str, str], str], parts: dict[str, str]) -> dict[str, str]:
    return {f"{side}_{joint}": name(side, part) for side in _SIDES for joint, part in parts.items()}


def _fingers(name: Callable[[str, str, int], str]) -> dict[str, str]:
    return {f"{side}_{finger}{i}": name(side, finger, i) for side in _SIDES for finger in _FINGERS for i in (1, 2, 3)}


def _manny() -> dict[str, str]:
    """Unreal Engine 5's mannequins, Manny and Quinn."""
    centre = {
        "root": "root", "pelvis": "pelvis", "spine1": "spine_01", "spine2": "spine_02", "spine3": "spine_03",
        "neck": "neck_01", "head": "head", "jaw": "jaw", "left_eye_smplhf": "eye_l", "right_eye_smplhf": "eye_r",
    }  # fmt: skip
    limbs = {
        "hip": "thigh", "knee": "calf", "ankle": "foot", "foot": "ball",
        "collar": "clavicle", "shoulder": "upperarm", "elbow": "lowerarm", "wrist": "hand",
    }  # fmt: skip
    return (
        centre
        | _sided(lambda side, part: f"{part}_{side[0]}", limbs)
        | _fingers(lambda side, finger, i: f"{finger}_0{i}_{side[0]}")
    )


def _mixamo() -> dict[str, str]:
    centre = {
        "root": "root", "pelvis": "Hips", "spine1": "Spine", "spine2": "Spine1", "spine3": "Spine2",
        "neck": "Neck", "head": "Head", "jaw": "Jaw", "left_eye_smplhf": "LeftEye", "right_eye_smplhf": "RightEye",
    }  # fmt: skip
    limbs = {
        "hip": "UpLeg", "knee": "Leg", "ankle": "Foot", "foot": "ToeBase",
        "collar": "Shoulder", "shoulder": "Arm", "elbow": "ForeArm", "wrist": "Hand",
    }  # fmt: skip
    names = (
        centre
        | _sided(lambda side, part: side.title() + part, limbs)
        | _fingers(lambda side, finger, i: f"{side.title()}Hand{finger.title()}{i}")
    )
    return {bone: name if bone == "root" else f"mixamorig:{name}" for bone, name in names.items()}


_HUMANOID_CENTRE = {
    "pelvis": "Hips", "spine1": "Spine", "spine2": "Chest", "spine3": "UpperChest", "neck": "Neck", "head": "Head",
    "jaw": "Jaw", "left_eye_smplhf": "LeftEye", "right_eye_smplhf": "RightEye",
}  # fmt: skip
_HUMANOID_LIMBS = {
    "hip": "UpperLeg", "knee": "LowerLeg", "ankle": "Foot", "foot": "Toes",
    "collar": "Shoulder", "shoulder": "UpperArm", "elbow": "LowerArm", "wrist": "Hand",
}  # fmt: skip
_PHALANGES = ("Proximal", "Intermediate", "Distal")
_THUMB_OF_GODOT = ("Metacarpal", "Proximal", "Distal")


def _godot() -> dict[str, str]:
    """Godot 4's `SkeletonProfileHumanoid`."""

    def finger_name(side: str, finger: str, i: int) -> str:
        phalanges = _THUMB_OF_GODOT if finger == "thumb" else _PHALANGES
        return side.title() + ("Little" if finger == "pinky" else finger.title()) + phalanges[i - 1]

    limbs = _sided(lambda side, part: side.title() + part, _HUMANOID_LIMBS)
    return {"root": "Root"} | _HUMANOID_CENTRE | limbs | _fingers(finger_name)


def _unity() -> dict[str, str]:
    """Unity's `HumanBodyBones`; VRM has the same names with a small first letter."""

    def finger_name(side: str, finger: str, i: int) -> str:
        return side.title() + ("Little" if finger == "pinky" else finger.title()) + _PHALANGES[i - 1]

    limbs = _sided(lambda side, part: side.title() + part, _HUMANOID_LIMBS)
    return {"root": "Root"} | _HUMANOID_CENTRE | limbs | _fingers(finger_name)


NAME_SETS: dict[str, dict[str, str]] = {
    "smplx": {bone: bone for bone in BONES},
    "manny": _manny(),
    "mixamo": _mixamo(),
    "unity": _unity(),
    "godot": _godot(),
}
"""For each set, the name of every bone."""

NAME_SET_LABELS: dict[str, str] = {
    "smplx": "SMPL-X",
    "manny": "Unreal Manny",
    "mixamo": "Mixamo",
    "unity": "Unity Humanoid",
    "godot": "Godot Humanoid",
}


def bone_names(name_set: str, prefix: str = "") -> list[str]:
    """Names of the bones in the order of BONES."""
    names = NAME_SETS[name_set]
    return [prefix + names[bone] for bone in BONES]
