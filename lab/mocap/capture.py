"""One person's recorded motion, as motion of our body."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Capture:
    """T frames. World: metres, Z up, floor at z = 0. Rotations as in `PairMotion`: axis-angle on the SMPL-X rest pose."""

    source: str
    """Which recording, `set/name`, unique: `cmu-asf/02_01`."""
    subject: str
    """Who was recorded: `cmu-02`. Splits go by it, so two files of one person say the same."""
    text: tuple[str, ...]
    """What happens, where the set says so: sentences or the words of a file's name; may be empty."""
    rate: float
    """frames a second."""
    global_orient: np.ndarray
    """float32 [T,3]"""
    body_pose: np.ndarray
    """float32 [T,21,3]"""
    pelvis: np.ndarray
    """float32 [T,3] where the pelvis joint of the body below stands."""
    betas: np.ndarray
    """float32 [16] zeros where the recording was retargeted to the mean body."""
    foot_contact: np.ndarray
    """bool [T,2] left and right foot stand still on the floor."""


@dataclass(frozen=True)
class CapturedPair:
    """Two people recorded together, in one world and at the same times."""

    source: str
    people: tuple[Capture, Capture]
    text: tuple[str, ...]
