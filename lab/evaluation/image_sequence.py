"""Pictures in files, one a frame, as a clip that the product can open: unchanged, or put right for the lens that took them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from core.contract.errors import UserError

_CODEC, _ENDING = "FFV1", ".avi"
"""Loses nothing, and its time stamps are exact."""
_SAMPLE = 4096
"""bytes of each picture that tell it from others."""


@dataclass(frozen=True)
class FisheyeLens:
    """A lens whose pictures are bent, and the straight ones that are made of them.

    OpenCV's fisheye model (Kannala and Brandt, 2006), which COLMAP calls OPENCV_FISHEYE.
    """

    K: np.ndarray
    """float64 [3,3] px, of the pictures as they are."""
    distortion: np.ndarray
    """float64 [4] k1 to k4."""
    straight_K: np.ndarray
    """float64 [3,3] px, of the pinhole pictures that are made."""
    straight_size: tuple[int, int]
    """Their width and height."""


@dataclass(frozen=True)
class ImageSequence:
    """Frames 0, 1, ... of a clip."""

    paths: tuple[Path, ...]
    rate: float
    """Frames a second."""
    lens: FisheyeLens | None = None
    """None where the pictures are straight."""

    def key(self) -> str:
        """One word for their content, wherever they lie; read from a sample of each."""
        digest = hashlib.sha256(repr(self.rate).encode())
        if self.lens is not None:
            for array in (self.lens.K, self.lens.distortion, self.lens.straight_K, np.array(self.lens.straight_size)):
                digest.update(np.ascontiguousarray(array, np.float64).tobytes())
        for path in self.paths:
            digest.update(str(path.stat().st_size).encode())
            with path.open("rb") as stream:
                digest.update(stream.read(_SAMPLE))
        return digest.hexdigest()


@contextmanager
def encoded(stills: ImageSequence) -> Iterator[Path]:
    """A video of the pictures, there as long as the context is. UserError `picture-unreadable`."""
    with TemporaryDirectory(prefix="stills-") as folder:
        path = Path(folder) / f"pictures{_ENDING}"
        _write(stills, path)
        yield path


def _write(stills: ImageSequence, path: Path) -> None:
    writer: cv2.VideoWriter | None = None
    shape: tuple[int, ...] = ()
    try:
        for picture in _pictures(stills):
            if writer is None:
                shape = picture.shape
                writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*_CODEC), stills.rate, shape[1::-1])
            if picture.shape != shape:
                raise UserError(
                    "picture-unreadable", f"The pictures in {stills.paths[0].parent} are not all of one size.", ""
                )
            writer.write(picture)
    finally:
        if writer is not None:
            writer.release()


def _pictures(stills: ImageSequence) -> Iterator[np.ndarray]:
    straight = None if stills.lens is None else straightening(stills.lens)
    for path in stills.paths:
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if picture is None:
            raise UserError("picture-unreadable", f"{path} is no picture that can be read.", "Get a whole copy of it.")
        yield picture if straight is None else cv2.remap(picture, *straight, cv2.INTER_LINEAR)


def straightening(lens: FisheyeLens) -> tuple[np.ndarray, np.ndarray]:
    """Where each pixel of the straight picture is in the bent one, as `cv2.remap` takes it."""
    columns, rows = cv2.fisheye.initUndistortRectifyMap(
        lens.K, lens.distortion, np.eye(3), lens.straight_K, lens.straight_size, cv2.CV_32FC1
    )
    return columns, rows


def straightened(K: np.ndarray, distortion: np.ndarray, size: tuple[int, int], most_width: int) -> FisheyeLens:
    """A lens whose straight pictures show what lies in the middle at the same scale, made smaller to fit `most_width` px."""
    scale = min(1.0, most_width / size[0])
    straight_size = (int(size[0] * scale) // 2 * 2, int(size[1] * scale) // 2 * 2)
    straight_K = K.astype(np.float64).copy()
    # pixel centres are whole numbers
    straight_K[:2, 2] = (straight_K[:2, 2] + 0.5) * scale - 0.5
    straight_K[0, 0], straight_K[1, 1] = K[0, 0] * scale, K[1, 1] * scale
    return FisheyeLens(K.astype(np.float64), distortion.astype(np.float64), straight_K, straight_size)
