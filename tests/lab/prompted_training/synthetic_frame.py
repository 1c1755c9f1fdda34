"""A made-up frame of two people, without a renderer."""

from __future__ import annotations

import numpy as np

from core.perception.prompted_landmarks import PROMPT_JOINTS
from lab.prompted_training.frames import PICTURE_SIZE, Frame

_HALF_WIDTH = np.array([30.0, 30, 45, 45, 50, 50, 20, 20, 22, 22, 24, 24])
_HEIGHT = np.array([0.0, 0, 45, 45, 85, 85, 90, 90, 150, 150, 210, 210])


def synthetic_frame(seed: int = 0) -> Frame:
    """Person 0 on the left, person 1 on the right behind it; MoveNet found both."""
    rng = np.random.default_rng(seed)
    side = np.where(np.arange(12) % 2 == 0, 1, -1)
    points = np.zeros((2, 33, 2), np.float32)
    for person, x in enumerate((200, 290)):
        points[person] = (x, 90)
        points[person, PROMPT_JOINTS] = np.stack([x + side * _HALF_WIDTH, 140 + _HEIGHT], 1)
    image = rng.integers(60, 90, (PICTURE_SIZE, PICTURE_SIZE, 3), np.uint8)
    seen = np.full((PICTURE_SIZE // 2, PICTURE_SIZE // 2), 255, np.uint8)
    for person in (1, 0):
        low, high = points[person].min(0).astype(int), points[person].max(0).astype(int)
        image[low[1] : high[1], low[0] : high[0]] = (200, 60, 60) if person == 0 else (60, 60, 200)
        seen[low[1] // 2 : high[1] // 2, low[0] // 2 : high[0] // 2] = person
    occluded = np.zeros((2, 33), bool)
    occluded[1, PROMPT_JOINTS[3]] = True
    found = np.zeros((6, 17, 2), np.float32)
    found[:2, 5:] = points[::-1, PROMPT_JOINTS] + 3
    confidence = np.zeros((6, 17), np.float32)
    confidence[:2] = 0.7
    metric = np.zeros((2, 33, 3), np.float32)
    metric[..., :2] = (points - points[:, PROMPT_JOINTS[6:8]].mean(1, keepdims=True)) / 180
    return Frame(
        image=image,
        seen=seen,
        bounds=np.array([40, 20, 470, 500], np.float32),
        present=np.ones(2, bool),
        points=points,
        is_occluded=occluded,
        is_self_occluded=np.zeros((2, 33), bool),
        metric=metric,
        height=np.full(2, 300, np.float32),
        front_fraction=np.array([1, 0], np.float32),
        found_points=found,
        found_confidence=confidence,
        map_window=np.array([256, 256, 512], np.float32),
        map_values=rng.integers(0, 40, (96, 96, 12), np.uint8),
    )
