"""The result of the 2D stage: two people followed through a clip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from ..records import Record

MASK_WIDTH = 160
"""Masks are kept this wide (their height follows the picture), so that memory stays small on long clips."""


@dataclass(frozen=True)
class Detections(Record):
    """P = 2 people, T frames. Pixels are of the upright picture, (0, 0) its top left corner.

    A landmark that was not observed in a frame has confidence 0 and its last known position (finite in any case).
    """

    frame_index: Int[np.ndarray, " T"]
    """Frames of the clip."""
    time: Float[np.ndarray, " T"]
    """float64, seconds."""
    image_size: Int[np.ndarray, " 2"]
    """Width and height in pixels."""
    keypoints: Float[np.ndarray, "P T 33 3"]
    """px and confidence 0-1: the probability that the landmark is about there."""
    covariance: Float[np.ndarray, "P T 33 2 2"]
    """px², of the error of the keypoints: how exactly each is known, and in which directions."""
    world_landmarks: Float[np.ndarray, "P T 33 3"]
    """metres about the middle of the hips, in axes of the camera (x right, y down, z forward)."""
    found: Bool[np.ndarray, "P T"]
    """Whether the person was detected in the frame at all."""
    hands: Float[np.ndarray, "P T 2 21 3"]
    """Left then right: px and confidence (0 where no hand was assigned)."""
    hand_landmarks: Float[np.ndarray, "P T 2 21 3"]
    """metres, in axes of the camera."""
    masks: UInt8[np.ndarray, "P T h w"]
    """0-255, the person's mask in the whole picture, w = MASK_WIDTH."""
    track_ids: Int[np.ndarray, " P"]
    """Numbers of the two people among everyone found."""
    camera_motion: Float[np.ndarray, " T"]
    """Mean displacement of the background against the middle frame, in picture widths; 0 for a static camera."""
    duplicate: Bool[np.ndarray, " T"] | None = None
    """Frames that repeat the one before them (their observations are copies); None where that is unknown."""
    background: Float[np.ndarray, "T 3 3"] | None = None
    """float64, homographies that take the background's pixels to those of the middle frame, in units of the picture's width; None
    where they are unknown."""
    lines: Float[np.ndarray, "L 4"] | None = None
    """px, x and y of both ends of the straight segments in the middle frame's background; None where they are unknown."""
