"""Legs that end outside the picture.

Where a picture ends at the thighs or the shins, as in a medium shot, the networks often find knees and ankles all the same: they
squeeze them into what is left of the picture, and are confident. What gives such joints away is that they lie near the picture's
edge, at the end of a segment that is too short for the person.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float
from scipy.special import expit

from ..contract.skeleton import LANDMARK_INDEX
from .landmarks import HEIGHT_IN_TORSOS, Pose
from .track import Track, TrackedPose

_SEGMENT = 0.245
"""Length of a thigh or a shin in heights of the person."""
_BIAS, _PER_DISTANCE, _PER_LENGTH = 6.9, -22.0, -6.5
"""Of a logistic regression of what lies outside: per height of the person from the edge, and per usual length of the segment.
Fitted to knees and ankles in rendered clips of the train split, medium shots and others."""
_DOUBTFUL, _TRUNCATED = 0.5, 0.8
"""Probabilities up to which a joint counts as seen, and from which on as truncated: whole people often stand near the edge."""
_LEGS = tuple(
    tuple(
        [LANDMARK_INDEX[f"{side}_{part}"] for part in parts]
        for parts in (("hip",), ("knee",), ("ankle", "heel", "foot_index"))
    )
    for side in ("left", "right")
)


def without_truncated_legs(track: Track[TrackedPose], picture_size: tuple[int, int]) -> Track[TrackedPose]:
    """The track with knees and feet seen as much less as they are likely to lie outside the picture of (width, height) px."""
    return Track(
        {step: replace(seen, pose=_with_visible_legs(seen.pose, picture_size)) for step, seen in track.seen.items()}
    )


def _with_visible_legs(pose: Pose, picture_size: tuple[int, int]) -> Pose:
    visibility = pose.visibility.copy()
    height = HEIGHT_IN_TORSOS * pose.torso_length
    for hip, knee, foot in _LEGS:
        knee_inside = _inside(pose.points[knee[0]], pose.points[hip[0]], height, picture_size)
        foot_inside = _inside(pose.points[foot[0]], pose.points[knee[0]], height, picture_size)
        visibility[knee] *= knee_inside
        visibility[foot] *= knee_inside * foot_inside
    return replace(pose, visibility=visibility)


def _inside(
    joint: Float[np.ndarray, " 2"], parent: Float[np.ndarray, " 2"], height: float, picture_size: tuple[int, int]
) -> float:
    """In 0-1, how much a knee or an ankle found at `joint` px counts as seen.

    `parent` is the other end of its segment, and `height` px the person's.
    """
    edge = float(min(*joint, *(np.asarray(picture_size) - joint))) / max(height, 1.0)
    length = float(np.linalg.norm(joint - parent)) / max(_SEGMENT * height, 1.0)
    truncated = expit(_BIAS + _PER_DISTANCE * max(edge, 0.0) + _PER_LENGTH * length)
    return float(np.clip((_TRUNCATED - truncated) / (_TRUNCATED - _DOUBTFUL), 0, 1))
