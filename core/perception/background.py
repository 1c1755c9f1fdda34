"""What stands still in a scene: straight lines of the background, and how it moves through the picture when the camera turns."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

SIDE = 480
"""px, the longer side of the picture in which the background is followed."""
_MOST_POINTS, _LEAST_POINTS = 300, 12
_BACK_ERROR = 1.0
"""px; a point whose way back misses it by more was not followed."""
_INLIER = 2.0
"""px from where the homography takes a point within which the point belongs to the background."""
_CLEARLY_MORE = 1.2
"""Ratio of inliers from which on a general homography takes the place of a similarity."""
_KEPT = 0.55
"""Fraction of the key frame's points below which the next key frame is taken."""
_FAR = 0.12
"""Median displacement in the picture's longer sides from the key frame from which on the next one is taken."""
_LINES_WIDTH = 960
"""px, the width at which lines are searched for."""
_SHORTEST = 0.045
"""Length of a line in picture diagonals."""
_MOST_LINES = 400
_BORDER = 0.015
"""Lines this near to the picture's border, in its width or height, and along it are the picture's own edge."""


@dataclass(frozen=True)
class _KeyFrame:
    grey: np.ndarray
    points: np.ndarray
    """float32 [N,1,2], corners of the background."""
    to_first: np.ndarray
    """Homography, from this frame's pixels to the first frame's."""


class BackgroundMotion:
    """Call `advance` for each frame in order, the first one included.

    Corners of a key frame's background are followed to the frames after it by sparse optical flow (Lucas and Kanade, pyramidal;
    Bouguet, 2001), until too few are left or they have moved far: then the frame is the next key frame. A homography explains how
    they move as long as the camera only turns or zooms, or the background is flat or far away.
    """

    def __init__(self) -> None:
        self._key: _KeyFrame | None = None
        self._there = np.zeros((0, 1, 2), np.float32)
        self._to_first = np.eye(3)
        self._width = SIDE

    def advance(self, image: UInt8[np.ndarray, "H W 3"], people: UInt8[np.ndarray, "h w"]) -> Float[np.ndarray, "3 3"]:
        """The homography that takes this frame's pixels to the first frame's, in units of the picture's width.

        `image` may be shrunk to a longer side of SIDE already. `people` is the union of everyone's boxes or masks, 0-255. A frame
        in which too few points can be followed repeats the homography before.
        """
        size = shrunk_size(image.shape[1], image.shape[0])
        self._width = size[0]
        grey = cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
        background = _background(people, size)
        if self._key is None:
            self._take_as_key(grey, background)
            return np.eye(3)
        there, good = self._follow(grey, background)
        if good.sum() >= _LEAST_POINTS:
            to_key = _motion_between(there[good], self._key.points[good])
            if to_key is not None:
                self._to_first = _unit(self._key.to_first @ to_key)
                self._there = there
                moved = float(np.median(np.linalg.norm((there - self._key.points)[good], axis=-1)))
                if good.mean() > _KEPT and moved < _FAR * SIDE:
                    return self._in_widths()
        self._take_as_key(grey, background)
        return self._in_widths()

    def _in_widths(self) -> np.ndarray:
        scale = np.diag([self._width, self._width, 1.0])
        return _unit(np.linalg.inv(scale) @ self._to_first @ scale)

    def _take_as_key(self, grey: np.ndarray, background: np.ndarray) -> None:
        corners = cv2.goodFeaturesToTrack(grey, _MOST_POINTS, 0.01, 8, mask=background)
        points = np.zeros((0, 1, 2), np.float32) if corners is None else corners.astype(np.float32)
        self._key = _KeyFrame(grey, points, self._to_first)
        self._there = points

    def _follow(self, grey: np.ndarray, background: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where the key frame's points are, float32 [N,1,2], and bool [N], which of them were found in the background."""
        key = self._key
        if key is None or not len(key.points):
            return self._there, np.zeros(0, bool)
        flags = cv2.OPTFLOW_USE_INITIAL_FLOW
        there, ok, _ = cv2.calcOpticalFlowPyrLK(key.grey, grey, key.points, self._there.copy(), flags=flags)
        back, ok_back, _ = cv2.calcOpticalFlowPyrLK(grey, key.grey, there, key.points.copy(), flags=flags)
        missed = np.linalg.norm(back - key.points, axis=-1)[:, 0]
        limit = np.array(background.shape[::-1])
        inside = ((there[:, 0] >= 0) & (there[:, 0] < limit)).all(-1)
        column, row = np.clip(there[:, 0], 0, limit - 1).astype(int).T
        good = (ok[:, 0] == 1) & (ok_back[:, 0] == 1) & (missed < _BACK_ERROR) & inside & (background[row, column] > 0)
        return there, good


def shrunk_size(width: int, height: int) -> tuple[int, int]:
    """Width and height of a picture with a longer side of SIDE."""
    scale = SIDE / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _motion_between(there: np.ndarray, here: np.ndarray) -> np.ndarray | None:
    """The homography from points to points, float32 [N,1,2]; None where too few agree on one.

    A similarity, unless a general homography explains clearly more: from points that are few or near to each other a homography
    is bent by the people who move among them.
    """
    affine, similar = cv2.estimateAffinePartial2D(there, here, method=cv2.RANSAC, ransacReprojThreshold=_INLIER)
    general, agreeing = cv2.findHomography(there, here, cv2.RANSAC, _INLIER)
    counts = [0 if found is None else int(inliers.sum()) for found, inliers in ((affine, similar), (general, agreeing))]
    if max(counts) < _LEAST_POINTS:
        return None
    return general if counts[1] > _CLEARLY_MORE * counts[0] else np.vstack([affine, [0, 0, 1]])


def displacement(homography: Float[np.ndarray, "3 3"], aspect: float) -> float:
    """Mean displacement of the picture's points by a homography in picture widths; `aspect` is height over width."""
    x, y = np.meshgrid(np.linspace(0, 1, 5), np.linspace(0, aspect, 5))
    points = np.stack([x.ravel(), y.ravel()], -1)
    return float(np.linalg.norm(apply_homography(homography, points) - points, axis=-1).mean())


def apply_homography(
    homography: Float[np.ndarray, "*#n 3 3"], points: Float[np.ndarray, "*#n 2"]
) -> Float[np.ndarray, "*n 2"]:
    """Where homographies take points."""
    moved = (homography[..., :2] @ points[..., None])[..., 0] + homography[..., 2]
    return moved[..., :2] / moved[..., 2:]


def background_lines(image: UInt8[np.ndarray, "H W 3"], people: UInt8[np.ndarray, "h w"]) -> Float[np.ndarray, "L 4"]:
    """Straight segments of the background, longest first: x and y of both ends in px of the picture.

    Found by LSD (von Gioi et al., 2010) outside of `people`, the union of everyone's boxes or masks, 0-255.
    """
    scale = min(1.0, _LINES_WIDTH / max(image.shape[:2]))
    size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    grey = cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    found = cv2.createLineSegmentDetector(cv2.LSD_REFINE_STD).detect(grey)[0]
    if found is None:
        return np.zeros((0, 4), np.float32)
    lines = found.reshape(-1, 4).astype(np.float32)
    lengths = np.linalg.norm(lines[:, 2:] - lines[:, :2], axis=-1)
    background = _background(people, size)
    middle = np.clip((lines[:, :2] + lines[:, 2:]) / 2, 0, np.array(size) - 1).astype(int)
    limit = np.array([*size, *size])
    at_border = (lines < _BORDER * limit) | (lines > (1 - _BORDER) * limit)
    along_border = (at_border[:, 0] & at_border[:, 2]) | (at_border[:, 1] & at_border[:, 3])
    kept = ~along_border & (lengths > _SHORTEST * float(np.hypot(*size))) & (background[middle[:, 1], middle[:, 0]] > 0)
    lines, lengths = lines[kept], lengths[kept]
    return lines[np.argsort(-lengths)[:_MOST_LINES]] / scale


def _background(people: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """uint8 [h,w], 1 where nobody is."""
    mask = cv2.resize(people, size, interpolation=cv2.INTER_LINEAR)
    return (cv2.dilate(mask, np.ones((9, 9), np.uint8)) < 64).astype(np.uint8)


def _unit(homography: np.ndarray) -> np.ndarray:
    return homography / homography[2, 2]
