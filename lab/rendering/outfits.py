"""The outfits of rendered people, cut and painted once in a process."""

from __future__ import annotations

from functools import cache

import numpy as np

from core.body.files import DEFAULT_BODY, load_body

from ..choreography.appearance.clothing import ALL_OUTFITS, ClothedBody, dress, paint
from ..face_landmarks import face_landmarks


@cache
def clothed(number: int) -> ClothedBody:
    """Cut for the default body; held-out bodies have the same vertices."""
    return dress(load_body(None), _face(), ALL_OUTFITS[number])


@cache
def texture(number: int) -> np.ndarray:
    """uint8 [S,S,3] sRGB, top row first."""
    return paint(load_body(None), _face(), ALL_OUTFITS[number])


@cache
def _face() -> np.ndarray:
    return face_landmarks(DEFAULT_BODY)
