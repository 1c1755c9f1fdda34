"""Clips that are image files, one per frame, as videos that the product can open; fisheye images are undistorted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from jaxtyping import Float

from core.contract.errors import UserError

_CODEC, _ENDING = "FFV1", ".avi"
"""Lossless, with exact time stamps."""
_SAMPLE = 4096
"""bytes of each image that its key is made from."""


@dataclass(frozen=True)
class FisheyeLens:
    """OpenCV's fisheye model (Kannala and Brandt, 2006), which COLMAP calls OPENCV_FISHEYE, and the pinhole camera that images
    are undistorted to."""

    K: Float[np.ndarray, "3 3"]
    """float64 px, of the distorted images."""
    distortion: Float[np.ndarray, " 4"]
    """float64, k1 to k4."""
    pinhole_K: Float[np.ndarray, "3 3"]
    """float64 px, of the undistorted images."""
    pinhole_size: tuple[int, int]
    """Width and height of the undistorted images."""


@dataclass(frozen=True)
class ImageSequence:
    """Frames 0, 1, ... of a clip."""

    paths: tuple[Path, ...]
    rate: float
    """Frames per second."""
    lens: FisheyeLens | None = None
    """None for images without distortion."""

    def key(self) -> str:
        """A hash of the content, from a sample of each file; it does not depend on the paths."""
        digest = hashlib.sha256(repr(self.rate).encode())
        if self.lens is not None:
            for array in (self.lens.K, self.lens.distortion, self.lens.pinhole_K, np.array(self.lens.pinhole_size)):
                digest.update(np.ascontiguousarray(array, np.float64).tobytes())
        for path in self.paths:
            digest.update(str(path.stat().st_size).encode())
            with path.open("rb") as stream:
                digest.update(stream.read(_SAMPLE))
        return digest.hexdigest()


@contextmanager
def encoded(images: ImageSequence) -> Iterator[Path]:
    """A temporary video of the images. UserError `picture-unreadable`."""
    with TemporaryDirectory(prefix="images-") as folder:
        path = Path(folder) / f"images{_ENDING}"
        _write(images, path)
        yield path


def undistortion_maps(lens: FisheyeLens) -> tuple[Float[np.ndarray, "h w"], Float[np.ndarray, "h w"]]:
    """Column and row, in the distorted image, of each pixel of the undistorted one, as `cv2.remap` takes them."""
    columns, rows = cv2.fisheye.initUndistortRectifyMap(
        lens.K, lens.distortion, np.eye(3), lens.pinhole_K, lens.pinhole_size, cv2.CV_32FC1
    )
    return columns, rows


def undistorting_lens(
    K: Float[np.ndarray, "3 3"], distortion: Float[np.ndarray, " 4"], size: tuple[int, int], most_width: int
) -> FisheyeLens:
    """A lens whose undistorted images keep the focal length, but are scaled down to at most `most_width` px."""
    scale = min(1.0, most_width / size[0])
    pinhole_size = (int(size[0] * scale) // 2 * 2, int(size[1] * scale) // 2 * 2)
    pinhole_K = K.astype(np.float64).copy()
    # pixel centres have integer coordinates
    pinhole_K[:2, 2] = (pinhole_K[:2, 2] + 0.5) * scale - 0.5
    pinhole_K[0, 0], pinhole_K[1, 1] = K[0, 0] * scale, K[1, 1] * scale
    return FisheyeLens(K.astype(np.float64), distortion.astype(np.float64), pinhole_K, pinhole_size)


def _write(images: ImageSequence, path: Path) -> None:
    writer: cv2.VideoWriter | None = None
    shape: tuple[int, ...] = ()
    try:
        for image in _read(images):
            if writer is None:
                shape = image.shape
                writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*_CODEC), images.rate, shape[1::-1])
            if image.shape != shape:
                folder = images.paths[0].parent
                raise UserError(
                    "picture-unreadable", f"The images in {folder} differ in size.", "Get a whole copy of them."
                )
            writer.write(image)
    finally:
        if writer is not None:
            writer.release()


def _read(images: ImageSequence) -> Iterator[np.ndarray]:
    maps = None if images.lens is None else undistortion_maps(images.lens)
    for path in images.paths:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            raise UserError("picture-unreadable", f"The image {path} cannot be read.", "Get a whole copy of it.")
        yield image if maps is None else cv2.remap(image, *maps, cv2.INTER_LINEAR)
