"""How far the background has moved since the first frame: the later stages assume a camera that stands still."""

from __future__ import annotations

import cv2
import numpy as np

_WIDTH = 320
_MOST_POINTS = 200
_LEAST_POINTS = 12
_BACK_ERROR = 1.0
"""A point whose way back misses it by more (px at low resolution) was not followed."""


class CameraMotion:
    """Call `displacement` for each frame in order, the first one included.

    Corners of the first frame's background are followed to every frame by sparse optical flow (Lucas and Kanade, pyramidal;
    Bouguet, 2001), starting where they were last.
    """

    def __init__(self) -> None:
        self._first: np.ndarray | None = None
        self._start = np.zeros((0, 1, 2), np.float32)
        self._last = np.zeros((0, 1, 2), np.float32)
        self._moved = 0.0

    def displacement(self, image: np.ndarray, people: np.ndarray) -> float:
        """Median displacement of the background since the first frame, in picture widths.

        image uint8 [H,W,3]; people uint8 [h,w], the union of everyone's masks, 0-255. A frame in which too few points can
        be followed repeats the last value.
        """
        height = max(1, round(image.shape[0] * _WIDTH / image.shape[1]))
        grey = cv2.cvtColor(cv2.resize(image, (_WIDTH, height), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
        people = cv2.resize(people, (_WIDTH, height), interpolation=cv2.INTER_LINEAR)
        background = (cv2.dilate(people, np.ones((9, 9), np.uint8)) < 64).astype(np.uint8)
        if self._first is None:
            self._first = grey
            corners = cv2.goodFeaturesToTrack(grey, _MOST_POINTS, 0.01, 8, mask=background)
            if corners is not None:
                self._start = self._last = corners.astype(np.float32)
            return 0.0
        if len(self._start) < _LEAST_POINTS:
            return 0.0
        flags = cv2.OPTFLOW_USE_INITIAL_FLOW
        there, ok, _ = cv2.calcOpticalFlowPyrLK(self._first, grey, self._start, self._last.copy(), flags=flags)
        back, ok_back, _ = cv2.calcOpticalFlowPyrLK(grey, self._first, there, self._start.copy(), flags=flags)
        missed = np.linalg.norm(back - self._start, axis=-1)[:, 0]
        column, row = np.clip(there[:, 0].T.astype(int), 0, [[_WIDTH - 1], [height - 1]])
        good = (ok[:, 0] == 1) & (ok_back[:, 0] == 1) & (missed < _BACK_ERROR) & (background[row, column] == 1)
        if good.sum() >= _LEAST_POINTS:
            step = np.median((there - self._start)[good, 0], 0)
            self._moved = float(np.linalg.norm(step)) / _WIDTH
            self._last = np.where(good[:, None, None], there, self._start + step.astype(np.float32))
        return self._moved
