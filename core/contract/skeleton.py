"""Names of the SMPL-X joints, of the 33 BlazePose landmarks and of the skin regions that contacts refer to."""

from __future__ import annotations

from typing import Literal

Side = Literal["", "left", "right"]
_FINGERS = ("index", "middle", "pinky", "ring", "thumb")

BODY_JOINTS: tuple[str, ...] = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle", "right_ankle",
    "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head", "left_shoulder",
    "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
)  # fmt: skip
FACE_JOINTS: tuple[str, ...] = ("jaw", "left_eye_smplhf", "right_eye_smplhf")
LEFT_HAND_JOINTS = tuple(f"left_{finger}{i}" for finger in _FINGERS for i in (1, 2, 3))
RIGHT_HAND_JOINTS = tuple(f"right_{finger}{i}" for finger in _FINGERS for i in (1, 2, 3))

JOINTS: tuple[str, ...] = BODY_JOINTS + FACE_JOINTS + LEFT_HAND_JOINTS + RIGHT_HAND_JOINTS
"""The 55 SMPL-X joints in the order of the model."""

JOINT_INDEX: dict[str, int] = {name: index for index, name in enumerate(JOINTS)}


def _parent_names() -> dict[str, str]:
    parents = {
        "spine1": "pelvis", "spine2": "spine1", "spine3": "spine2", "neck": "spine3", "head": "neck",
        "jaw": "head", "left_eye_smplhf": "head", "right_eye_smplhf": "head",
    }  # fmt: skip
    for side in ("left", "right"):
        chain = ("pelvis", f"{side}_hip", f"{side}_knee", f"{side}_ankle", f"{side}_foot")
        parents |= dict(zip(chain[1:], chain))
        chain = ("spine3", *(f"{side}_{part}" for part in ("collar", "shoulder", "elbow", "wrist")))
        parents |= dict(zip(chain[1:], chain))
        for finger in _FINGERS:
            chain = (f"{side}_wrist", *(f"{side}_{finger}{i}" for i in (1, 2, 3)))
            parents |= dict(zip(chain[1:], chain))
    return parents


PARENT_NAME: dict[str, str] = _parent_names()
PARENTS: tuple[int, ...] = tuple(JOINT_INDEX[PARENT_NAME[name]] if name in PARENT_NAME else -1 for name in JOINTS)
"""Index of each joint's parent, -1 for the pelvis. A parent always comes before its children."""

ROOT = "root"
"""The bone on the floor that carries what game engines call root motion."""
BONES: tuple[str, ...] = (ROOT, *JOINTS)
"""The 56 bones of a rig: `root`, then the joints in model order."""
BONE_PARENTS: tuple[int, ...] = (-1, *(parent + 1 for parent in PARENTS))
"""Index of each bone's parent in BONES. A parent always comes before its children."""

LANDMARKS: tuple[str, ...] = (
    "nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye", "right_eye_outer",
    "left_ear", "right_ear", "mouth_left", "mouth_right", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_pinky", "right_pinky", "left_index", "right_index",
    "left_thumb", "right_thumb", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
    "left_heel", "right_heel", "left_foot_index", "right_foot_index",
)  # fmt: skip
"""The 33 BlazePose landmarks. Left and right are those of the person."""

LANDMARK_INDEX: dict[str, int] = {name: index for index, name in enumerate(LANDMARKS)}

_SIDED_REGIONS = (
    "shoulder", "upper_arm", "elbow", "forearm", "wrist", "palm", "hand_back", "fingers",
    "thigh", "knee", "shin", "calf", "foot",
)  # fmt: skip
REGIONS: tuple[str, ...] = (
    *("head", "face", "neck", "chest", "back", "belly", "hips"),
    *(f"{side}_{part}" for side in ("left", "right") for part in _SIDED_REGIONS),
)
"""Skin regions that a contact can refer to."""

GROUND = "ground"
"""The second person and region of a contact with the floor."""


def mirrored(name: str) -> str:
    """The joint, landmark or region on the other side of the body; names without a side are returned unchanged."""
    for left, right in (("left_", "right_"), ("_left", "_right")):
        if left in name:
            return name.replace(left, right)
        if right in name:
            return name.replace(right, left)
    return name


def split_side(name: str) -> tuple[Side, str]:
    """Split the name of a region or joint: `left_palm` -> (`left`, `palm`), `back` -> (``, `back`)."""
    side, _, bare = name.partition("_")
    if side == "left":
        return "left", bare
    return ("right", bare) if side == "right" else ("", name)
