"""Landmarks that may belong to the other person."""

from __future__ import annotations

import numpy as np

from ..contract.skeleton import LANDMARK_INDEX
from .detections import MASK_WIDTH

AMBIGUOUS_CONFIDENCE = 0.3
"""Factor on the confidence of an ambiguous landmark."""
_OTHERS = 160
_OWN = 96
"""Mask values (0-255): certainly the other person's, and not even perhaps one's own."""
_COINCIDE = 0.12
"""Limb joints of two people nearer than this (torso lengths) may be one and the same."""
_NEAR = 0.6
"""A limb is only suspected of being the other person's if its end is this near (torso lengths) to the other person's limbs."""
_SHORT = 0.45
"""Share of the person's usual length (relative to the torso) below which a limb is short."""
_USUAL_SHARE = 75
"""Percentile that stands for a limb's usual length: foreshortening only ever shortens."""


def _limbs() -> list[tuple[int, int]]:
    chains = (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle"))
    names = [
        (f"{side}_{a}", f"{side}_{b}")
        for side in ("left", "right")
        for chain in chains
        for a, b in zip(chain, chain[1:])
    ]
    return [(LANDMARK_INDEX[a], LANDMARK_INDEX[b]) for a, b in names]


LIMBS = _limbs()
_ENDS = sorted({end for _, end in LIMBS})
_FOLLOWERS = {
    LANDMARK_INDEX[f"{side}_{joint}"]: [LANDMARK_INDEX[f"{side}_{name}"] for name in names]
    for side in ("left", "right")
    for joint, names in (("wrist", ("pinky", "index", "thumb")), ("ankle", ("heel", "foot_index")))
}
"""Landmarks that are as doubtful as the joint they hang on."""


def ambiguous(points: np.ndarray, found: np.ndarray, masks: np.ndarray, image_size: np.ndarray) -> np.ndarray:
    """Which landmarks may be the other person's.

    points [2,T,33,2] px, found bool [2,T], masks uint8 [2,T,h,MASK_WIDTH], image_size [2] px -> bool [2,T,33]. Only frames
    in which both are found can be ambiguous. Three alarms: a landmark in the other's mask and not in one's own; limb
    joints of both people at one place; a limb far shorter than usual that ends at the other person.
    """
    both = np.logical_and(found[0], found[1])
    torso = np.stack([_torso_length(points[person], found[person]) for person in (0, 1)])
    size = np.maximum(torso.mean(0), 1.0)
    own = np.stack([_mask_at(masks[person], points[person], image_size) for person in (0, 1)])
    others = np.stack([_mask_at(masks[1 - person], points[person], image_size) for person in (0, 1)])
    alarm = (others > _OTHERS) & (own < _OWN)

    ends = points[:, :, _ENDS]
    distance = np.linalg.norm(ends[0][:, :, None] - ends[1][:, None], axis=-1) / size[:, None, None]
    coincide = np.zeros_like(alarm)
    coincide[0][:, _ENDS] = (distance < _COINCIDE).any(2)
    coincide[1][:, _ENDS] = (distance < _COINCIDE).any(1)
    near = np.zeros_like(alarm)
    near[0][:, _ENDS] = (distance < _NEAR).any(2)
    near[1][:, _ENDS] = (distance < _NEAR).any(1)

    alarm |= coincide
    for person in (0, 1):
        for start, end in LIMBS:
            length = np.linalg.norm(points[person, :, end] - points[person, :, start], axis=-1) / torso[person]
            seen = length[found[person]]
            usual = np.percentile(seen, _USUAL_SHARE) if len(seen) else 0.0
            alarm[person, :, end] |= (length < _SHORT * usual) & near[person, :, end]
    for joint, followers in _FOLLOWERS.items():
        alarm[:, :, followers] |= alarm[:, :, [joint]]
    return alarm & both[:, None]


def _torso_length(points: np.ndarray, found: np.ndarray) -> np.ndarray:
    """float [T], shoulders to hips in px, not below half of the person's median: seen from above it nearly vanishes."""
    corners = [LANDMARK_INDEX[name] for name in ("left_shoulder", "right_shoulder", "left_hip", "right_hip")]
    corner = points[:, corners]
    length = np.linalg.norm(corner[:, :2].mean(1) - corner[:, 2:].mean(1), axis=-1)
    median = np.median(length[found]) if found.any() else 1.0
    return np.maximum(length, max(0.5 * median, 1.0))


def _mask_at(masks: np.ndarray, points: np.ndarray, image_size: np.ndarray) -> np.ndarray:
    """Mask values [T,N] of masks [T,h,w] at points [T,N,2] px; 0 outside the picture."""
    place = np.floor(points * (MASK_WIDTH / image_size[0])).astype(int)
    column, row = place[..., 0], place[..., 1]
    inside = (column >= 0) & (column < masks.shape[2]) & (row >= 0) & (row < masks.shape[1])
    step = np.arange(len(masks))[:, None]
    return np.where(inside, masks[step, np.where(inside, row, 0), np.where(inside, column, 0)], 0)
