"""Draws what the 2D stage found over the picture, for contact sheets."""

from __future__ import annotations

import cv2
import numpy as np

from core.contract.skeleton import LANDMARK_INDEX
from core.perception.detections import Detections

_COLOURS = ((60, 220, 60), (255, 90, 255))
_UNCERTAIN = 4
"""Widths of a bone: smaller standard deviations are not drawn."""
_HAND_BONES = [(0, 1), (0, 5), (0, 17), (5, 9), (9, 13), (13, 17)] + [
    (joint, joint + 1) for finger in range(5) for joint in range(4 * finger + 1, 4 * finger + 4)
]
_FAINT = 0.4
"""Confidence below which a bone is drawn thin."""


def _bones() -> list[tuple[int, int]]:
    names = [
        ("left_shoulder", "right_shoulder"),
        ("left_hip", "right_hip"),
        ("nose", "left_ear"),
        ("nose", "right_ear"),
    ]
    for side in ("left", "right"):
        chain = [
            f"{side}_{part}" for part in ("index", "wrist", "elbow", "shoulder", "hip", "knee", "ankle", "foot_index")
        ]
        names += [*zip(chain, chain[1:]), (f"{side}_ankle", f"{side}_heel")]
    return [(LANDMARK_INDEX[a], LANDMARK_INDEX[b]) for a, b in names]


_BONES = _bones()


def draw_overlay(image: np.ndarray, tracks: Detections, frame: int) -> np.ndarray:
    """A copy of image uint8 [H,W,3] RGB, of any size, with the skeletons and hands of clip frame `frame` drawn over it.

    Each person has a colour; thin bones are uncertain, circles are the standard deviation of landmarks where it is large,
    a person who was not found in the frame is not drawn. ValueError for a frame that the tracks do not have.
    """
    steps = np.flatnonzero(tracks.frame_index == frame)
    if not len(steps):
        raise ValueError(f"frame {frame} is not in the tracks")
    step = int(steps[0])
    drawn = np.ascontiguousarray(image.copy())
    scale = image.shape[1] / float(tracks.image_size[0])
    width = max(1, round(max(image.shape[:2]) / 400))
    for person in np.flatnonzero(tracks.found[:, step]):
        colour = _COLOURS[person % len(_COLOURS)]
        points, confidence = _pixels(tracks.keypoints[person, step], scale)
        for a, b in _BONES:
            sure = min(confidence[a], confidence[b]) >= _FAINT
            cv2.line(drawn, points[a], points[b], colour, 2 * width if sure else width, cv2.LINE_AA)
        sigma = scale * np.sqrt(np.trace(tracks.covariance[person, step], axis1=1, axis2=2) / 2)
        for landmark in np.flatnonzero(sigma > _UNCERTAIN * width):
            cv2.circle(drawn, points[landmark], round(sigma[landmark]), colour, 1, cv2.LINE_AA)
        for hand in tracks.hands[person, step]:
            points, confidence = _pixels(hand, scale)
            if confidence[0] > 0:
                for a, b in _HAND_BONES:
                    cv2.line(drawn, points[a], points[b], colour, 1, cv2.LINE_AA)
    return drawn


def _pixels(landmarks: np.ndarray, scale: float) -> tuple[list[tuple[int, int]], np.ndarray]:
    """landmarks [N,3] px and confidence -> whole pixels of a picture shrunk by `scale`, and the confidences [N]."""
    places = np.clip(landmarks[:, :2] * scale, -10000, 10000).round().astype(int)
    return [(int(x), int(y)) for x, y in places], landmarks[:, 2]
