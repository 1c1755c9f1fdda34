"""A person's recorded motion, retargeted to the SMPL-X body."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

FRAME_RATE = 30.0
"""Frames per second of every capture."""


@dataclass(frozen=True)
class Capture:
    """T frames in a world in metres, Z up, floor at z = 0. Rotations are those of `PairMotion`: axis-angle on the SMPL-X rest
    pose."""

    source: str
    """Unique name of the recording, `set/name`, such as `cmu-asf/02_01`."""
    subject: str
    """Who was recorded, such as `cmu-02`. Splits go by subject, so all files of one person must give the same."""
    text: tuple[str, ...]
    """Descriptions that the set gives: sentences, or words from the file's name. May be empty."""
    rate: float
    """Frames per second."""
    global_orient: Float[np.ndarray, "T 3"]
    body_pose: Float[np.ndarray, "T 21 3"]
    pelvis: Float[np.ndarray, "T 3"]
    """Position of the pelvis joint, metres."""
    betas: Float[np.ndarray, "16"]
    """Zeros where the recording was retargeted to the mean shape."""
    foot_contact: Bool[np.ndarray, "T 2"]
    """Whether the left and the right foot stand on the floor."""
