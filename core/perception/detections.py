"""What the 2D stage hands on: two people followed through the clip."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

MASK_WIDTH = 160
"""Masks are kept this wide (height follows the picture), so that memory stays small on long clips."""


@dataclass(frozen=True)
class Detections:
    """P = 2 people, T frames. Pixels are of the upright picture, (0, 0) its top left corner.

    A landmark that was not observed in a frame has confidence 0 and the last position known (finite in any case).
    """

    frame_index: np.ndarray
    """int32 [T], frames of the clip."""
    time: np.ndarray
    """float64 [T], seconds."""
    image_size: np.ndarray
    """int32 [2], width and height in pixels."""
    keypoints: np.ndarray
    """float32 [P,T,33,3], px and confidence 0-1 (the detector's visibility x presence, lowered where contested)."""
    ambiguous: np.ndarray
    """bool [P,T,33], landmarks that may belong to the other person."""
    world_landmarks: np.ndarray
    """float32 [P,T,33,3], metres about the hips' middle, axes of the camera (x right, y down, z forward)."""
    found: np.ndarray
    """bool [P,T], whether the person was detected in the frame at all."""
    hands: np.ndarray
    """float32 [P,T,2,21,3], left then right, px and confidence (0 where no hand was assigned)."""
    hand_landmarks: np.ndarray
    """float32 [P,T,2,21,3], metric hand landmarks, axes of the camera."""
    masks: np.ndarray
    """uint8 [P,T,h,w] 0-255, the person's mask in the whole picture, w = MASK_WIDTH."""
    track_ids: np.ndarray
    """int32 [P], numbers of the chosen people among everyone found."""
    camera_motion: np.ndarray
    """float32 [T], median background displacement against the first frame, in picture widths; 0 for a static camera."""
    duplicate: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    """bool [T], frames that repeat the one before them (their observations are copies); empty where that is unknown."""
