"""How the noise model groups the 33 landmarks: groups with common error sizes, limbs, body parts, and bones."""

from __future__ import annotations

import numpy as np

from core.contract.skeleton import LANDMARK_INDEX, LANDMARKS

GROUPS = ("head", "shoulder", "elbow", "wrist", "hand", "hip", "knee", "ankle", "foot")
_JOINT_GROUPS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
_HAND_PARTS, _FOOT_PARTS = ("pinky", "index", "thumb"), ("heel", "foot_index")


def _group(name: str) -> str:
    part = name.removeprefix("left_").removeprefix("right_")
    if part in _JOINT_GROUPS:
        return part
    return "hand" if part in _HAND_PARTS else "foot" if part in _FOOT_PARTS else "head"


def _bones() -> list[tuple[int, int]]:
    left_and_right = [(f"left_{part}", f"right_{part}") for part in ("shoulder", "hip")]
    pairs = [("nose", "left_shoulder"), ("nose", "right_shoulder"), *left_and_right]
    for side in ("left", "right"):
        pairs += [(f"{side}_shoulder", f"{side}_hip"), ("nose", f"{side}_eye"), ("nose", f"mouth_{side}")]
        pairs += [(f"{side}_eye", f"{side}_eye_{corner}") for corner in ("inner", "outer")] + [("nose", f"{side}_ear")]
        pairs += [(f"{side}_{a}", f"{side}_{b}") for a, b in (("shoulder", "elbow"), ("elbow", "wrist"))]
        pairs += [(f"{side}_{a}", f"{side}_{b}") for a, b in (("hip", "knee"), ("knee", "ankle"))]
        pairs += [(f"{side}_wrist", f"{side}_{part}") for part in _HAND_PARTS]
        pairs += [(f"{side}_ankle", f"{side}_{part}") for part in _FOOT_PARTS]
    return [(LANDMARK_INDEX[a], LANDMARK_INDEX[b]) for a, b in pairs]


GROUP = np.array([GROUPS.index(_group(name)) for name in LANDMARKS])
"""int [33]: the group of each landmark, an index into GROUPS."""
HIPS = [LANDMARK_INDEX["left_hip"], LANDMARK_INDEX["right_hip"]]
ANKLES = [LANDMARK_INDEX["left_ankle"], LANDMARK_INDEX["right_ankle"]]
TRUNK = [LANDMARK_INDEX[f"{side}_{part}"] for part in ("shoulder", "hip") for side in ("left", "right")]
LIMBS: tuple[tuple[int, ...], ...] = tuple(
    tuple(LANDMARK_INDEX[f"{side}_{part}"] for part in parts)
    for parts in (("wrist", *_HAND_PARTS, "elbow"), ("ankle", *_FOOT_PARTS, "knee"))
    for side in ("left", "right")
)
"""Left arm, right arm, left leg, right leg. Each limb lists its end (wrist or ankle) first and its middle joint last."""
LIMB_ENDS = [limb[0] for limb in LIMBS]
OPPOSITE_LIMB = (1, 0, 3, 2)
"""For each limb, the same limb on the other side of the body."""
PARTS = np.array(
    [next((2 + n for n, limb in enumerate(LIMBS) if i in limb), 1 if i in TRUNK else 0) for i in range(len(LANDMARKS))]
)
"""int [33]: 0 head, 1 trunk, 2-5 the limbs. Errors of landmarks in the same part are correlated."""
BONES = _bones()
"""N pairs of landmarks at a fixed distance, from the trunk outwards: the networks do not stretch bones much."""
BODY = slice(LANDMARK_INDEX["left_shoulder"], len(LANDMARKS))
"""The landmarks below the head."""
