"""Square crops of a picture, possibly turned: what the networks look at."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

_GRID = 64
"""Grid points per size of a crop, in each direction."""
BODY_CROP_SCALE = 1.25
"""How much farther the crop of a body reaches than the body, as in MediaPipe, whose landmark network looks at such crops."""
_SIZES_PER_OCTAVE = 32
_ANGLES_PER_RADIAN = 32


@dataclass(frozen=True)
class Crop:
    """A square around (x, y) with sides of `size`, all in px; `angle` in radians turns it clockwise, 0 is upright."""

    x: float
    y: float
    size: float
    angle: float = 0.0

    def snapped(self) -> Crop:
        """The nearest crop on a grid; landmark networks see snapped crops only.

        The landmarks of one frame decide which crop is cut out of the next. Without a grid that loop amplifies rounding
        errors: landmarks that differ by 0.001 px between two backends are 0.1 px apart five frames later, and every
        decision near a tie falls one way or the other. On the grid, crops are equal as long as no coordinate crosses the
        middle between two grid points, so errors do not accumulate.
        """
        size = float(2 ** (round(np.log2(self.size) * _SIZES_PER_OCTAVE) / _SIZES_PER_OCTAVE))
        step = size / _GRID
        angle = round(self.angle * _ANGLES_PER_RADIAN) / _ANGLES_PER_RADIAN
        return Crop(round(self.x / step) * step, round(self.y / step) * step, size, angle)


def rotation(angle: float) -> np.ndarray:
    """float64 [2,2], turns picture vectors (x right, y down) clockwise by `angle` radians."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s], [s, c]])


def to_picture(crop: Crop, points: np.ndarray) -> np.ndarray:
    """points [...,2] in 0-1 of the crop -> px of the picture."""
    return (points - 0.5) * crop.size @ rotation(crop.angle).T + (crop.x, crop.y)


def to_crop(crop: Crop, points: np.ndarray) -> np.ndarray:
    """px of the picture [...,2] -> 0-1 of the crop."""
    return (points - np.array([crop.x, crop.y])) @ rotation(crop.angle) / crop.size + 0.5


def cut_out(image: np.ndarray, crop: Crop, side: int, *, replicate: bool) -> np.ndarray:
    """Resample the crop to side x side pixels. Outside the picture its edge is repeated, or it is black."""
    turn = rotation(crop.angle).T * (side / crop.size)
    shift = side / 2 - turn @ (crop.x, crop.y)
    return cv2.warpAffine(
        image,
        np.column_stack([turn, shift]),
        (side, side),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE if replicate else cv2.BORDER_CONSTANT,
    )


def put_back(patch: np.ndarray, crop: Crop, picture_size: tuple[int, int], width: int) -> np.ndarray:
    """Put a square patch [S,S] back into the picture, zeros around it.

    `picture_size` is (width, height) in px; the result is `width` wide, its height follows the picture.
    """
    side = patch.shape[0]
    scale = width / picture_size[0]
    turn = rotation(crop.angle) * (crop.size * scale / side)
    shift = np.array([crop.x, crop.y]) * scale - turn @ (side / 2, side / 2)
    height = mask_height(picture_size, width)
    return cv2.warpAffine(patch, np.column_stack([turn, shift]), (width, height), flags=cv2.INTER_LINEAR)


def mask_height(picture_size: tuple[int, int], width: int) -> int:
    """Height of a picture of (width, height) px that is shrunk to `width`."""
    return max(1, round(picture_size[1] * width / picture_size[0]))


def crop_from_axis(start: np.ndarray, end: np.ndarray, scale: float) -> Crop:
    """The crop around `start` that reaches `scale` times as far as `end` [2], and whose top lies towards `end`."""
    dx, dy = np.subtract(end, start)
    angle = _wrapped(np.pi / 2 - np.arctan2(-dy, dx))
    return Crop(float(start[0]), float(start[1]), float(max(2 * np.hypot(dx, dy) * scale, 1.0)), angle)


def blend(old: Crop, new: Crop, weight: float) -> Crop:
    """Between two crops: `weight` 1 is the new one."""
    turn = _wrapped(new.angle - old.angle)
    return Crop(
        old.x + weight * (new.x - old.x),
        old.y + weight * (new.y - old.y),
        old.size + weight * (new.size - old.size),
        _wrapped(old.angle + weight * turn),
    )


def similar(a: Crop, b: Crop, tolerance: float) -> bool:
    """Whether two crops show nearly the same: within `tolerance` sizes, and as many radians."""
    size = max(a.size, b.size)
    return (
        np.hypot(a.x - b.x, a.y - b.y) < tolerance * size
        and abs(a.size - b.size) < tolerance * size
        and abs(_wrapped(a.angle - b.angle)) < tolerance
    )


def tile_windows(width: int, height: int, fraction: float) -> list[Crop]:
    """Overlapping squares with sides of `fraction` of the picture's longer side that together cover it."""
    size = fraction * max(width, height)

    def centres(length: int) -> np.ndarray:
        count = int(np.ceil((length - size) / (0.75 * size))) + 1 if length > size else 1
        return np.linspace(size / 2, length - size / 2, count) if count > 1 else np.array([length / 2])

    return [Crop(x, y, size) for y in centres(height) for x in centres(width)]


def _wrapped(angle: float) -> float:
    return float(angle - 2 * np.pi * np.floor((angle + np.pi) / (2 * np.pi)))
