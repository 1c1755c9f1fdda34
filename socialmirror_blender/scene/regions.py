"""The regions of the skin that bones move."""

from __future__ import annotations

from ...core.contract.skeleton import JOINTS

_MIDLINE_REGIONS = {
    "pelvis": "hips", "spine1": "belly", "spine2": "chest", "spine3": "chest", "neck": "neck", "head": "head",
    "jaw": "face", "left_eye_smplhf": "face", "right_eye_smplhf": "face",
}  # fmt: skip
_SIDED_REGIONS = {
    "collar": "shoulder", "shoulder": "upper_arm", "elbow": "forearm", "wrist": "palm",
    "hip": "thigh", "knee": "shin", "ankle": "foot", "foot": "foot",
}  # fmt: skip


def region_of_bone(bone: str) -> str | None:
    """The region that a bone moves most; None for `root` and for bones that the animator added."""
    if bone not in JOINTS:
        return None
    if bone in _MIDLINE_REGIONS:
        return _MIDLINE_REGIONS[bone]
    side, _, part = bone.partition("_")
    return f"{side}_{_SIDED_REGIONS.get(part, 'fingers')}"
