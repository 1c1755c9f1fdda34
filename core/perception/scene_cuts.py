"""Finds scene cuts: frames that show something else than the frame before them."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import UInt8

_SIZE = (64, 36)
"""px, width and height of the shrunk pictures."""
_BINS = (8, 4, 4)
"""Of the colour histograms: lightness and the two opponent colours of CIELAB."""
_LEAST_DIFFERENCE = 0.4
"""Distance of colour histograms, in 0-1, across a cut; moving people and a panning camera stay far below."""
_LEAST_CHANGE = 22.0
"""Mean difference of the shrunk pictures, in grey levels, across a cut."""
_PEAK = 2.5
"""A cut differs this many times more than the frames before it."""
_MEMORY = 0.3
"""What the last frame counts in the usual change, a moving average."""
_LARGEST_SHIFT = 4
"""px of the shrunk pictures by which a camera may have moved between two frames."""


class SceneCuts:
    """Call `is_cut` for each frame in order."""

    def __init__(self) -> None:
        self._last: tuple[np.ndarray, np.ndarray] | None = None
        self._usual = 0.0

    def is_cut(self, image: UInt8[np.ndarray, "H W 3"]) -> bool:
        """Whether another shot begins with this frame: colours and picture change at once, and much more than just before."""
        small = cv2.resize(image, _SIZE, interpolation=cv2.INTER_AREA)
        lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB)
        histogram = (
            cv2.calcHist([lab], [0, 1, 2], None, list(_BINS), [0, 256, 96, 160, 96, 160]).ravel() / lab[..., 0].size
        )
        last, self._last = self._last, (small.astype(np.float32), histogram)
        if last is None:
            return False
        change = _change(last[0], self._last[0])
        difference = float(np.sqrt(max(0.0, 1 - np.sqrt(histogram * last[1]).sum())))
        cut = change > max(_LEAST_CHANGE, _PEAK * self._usual) and difference > _LEAST_DIFFERENCE
        self._usual = 0.0 if cut else self._usual + _MEMORY * (change - self._usual)
        return cut


def _change(before: np.ndarray, after: np.ndarray) -> float:
    """Mean difference in grey levels, of the shift of the picture that makes it least."""
    reach = _LARGEST_SHIFT
    height, width = before.shape[:2]
    middle = after[reach : height - reach, reach : width - reach]
    return min(
        float(np.abs(middle - before[y : y + middle.shape[0], x : x + middle.shape[1]]).mean())
        for y in range(0, 2 * reach + 1, 2)
        for x in range(2 * reach + 1)
    )
