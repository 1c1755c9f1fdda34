"""Sides of the body, and weights of goals that fade in and out over frames."""

from __future__ import annotations

from typing import Literal

import numpy as np

Side = Literal["left", "right"]


def smootherstep(frames: np.ndarray, start: float, end: float) -> np.ndarray:
    """0 before `start`, 1 after `end`, between them the quintic with zero velocity and acceleration at both ends."""
    u = np.clip((frames - start) / max(end - start, 1e-9), 0, 1)
    return u**3 * (u * (6 * u - 15) + 10)


def fade_weights(frames: np.ndarray, start: float, end: float, fade_in: float, fade_out: float) -> np.ndarray:
    """1 from `start` to `end`, 0 outside the fades, smooth in between (`smootherstep`)."""
    return smootherstep(frames, start - fade_in, start) * (1 - smootherstep(frames, end, end + fade_out))
