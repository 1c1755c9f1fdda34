"""Rendered pictures of two people with exact truth, and the files that hold them: one for each interaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from core.contract.files import read_npz, write_npz
from core.perception.movenet import KEYPOINTS, KeypointMaps

PICTURE_SIZE = 512
"""px of a side of the pictures, which show a square around the two people."""
_JPEG_QUALITY = 90


@dataclass(frozen=True)
class Frame:
    """One picture of P = 2 people. Positions are px of the picture."""

    image: UInt8[np.ndarray, "S S 3"]
    """RGB"""
    seen: UInt8[np.ndarray, "s s"]
    """At half the picture's size, who is seen at each pixel: 0, 1, or more for nobody."""
    bounds: Float[np.ndarray, " 4"]
    """Left, top, right and bottom edge of the camera's image; beyond it the picture holds what no camera would have shown."""
    present: Bool[np.ndarray, " 2"]
    """Whether each of the two is in the picture; some pictures show one person alone."""
    points: Float[np.ndarray, "2 33 2"]
    is_occluded: Bool[np.ndarray, "2 33"]
    """By the other person."""
    is_self_occluded: Bool[np.ndarray, "2 33"]
    metric: Float[np.ndarray, "2 33 3"]
    """metres about the hips' middle, in axes whose third one is the line of sight."""
    height: Float[np.ndarray, " 2"]
    """px that each person would be tall, standing upright."""
    front_fraction: Float[np.ndarray, " 2"]
    """Of the area that both people cover, the share in which each is in front; 0.5 where there is none."""
    found_points: Float[np.ndarray, "n 17 2"]
    """Keypoints of the people whom MoveNet found."""
    found_confidence: Float[np.ndarray, "n 17"]
    """Zero for people who were not found."""
    map_window: Float[np.ndarray, " 3"]
    """Middle and size of the square in which MoveNet looked."""
    map_values: UInt8[np.ndarray, "m m 12"]
    """MoveNet's keypoint maps of the limb joints, 0-255."""

    @property
    def is_outside(self) -> Bool[np.ndarray, "2 33"]:
        """Landmarks beyond the image's edge."""
        return np.any((self.points < self.bounds[:2]) | (self.points >= self.bounds[2:]), axis=-1)

    @property
    def image_of_camera(self) -> UInt8[np.ndarray, "S S 3"]:
        """The picture with the image's edge repeated beyond its bounds, as networks see it."""
        left, top = np.maximum(np.ceil(self.bounds[:2]).astype(int), 0)
        right, bottom = np.minimum(np.floor(self.bounds[2:]).astype(int), len(self.image))
        inside = self.image[top:bottom, left:right]
        size = len(self.image)
        return cv2.copyMakeBorder(inside, top, size - bottom, left, size - right, cv2.BORDER_REPLICATE)

    @property
    def keypoint_maps(self) -> KeypointMaps:
        """Of the limb joints; the face's are zero, and so are all offsets."""
        x, y, size = self.map_window.tolist()
        shape = self.map_values.shape[:2]
        values, offsets = (np.zeros((*shape, channels * len(KEYPOINTS)), np.float32) for channels in (1, 2))
        values[..., -self.map_values.shape[2] :] = self.map_values / np.float32(255)
        return KeypointMaps((x - size / 2, y - size / 2), size / len(values), values, offsets)


def save_frames(path: Path, frames: Sequence[Frame]) -> None:
    """Write all frames of an interaction, completely or not at all."""
    encoded = [
        cv2.imencode(".jpg", frame.image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].ravel()
        for frame in frames
    ]
    arrays = {
        item.name: np.stack([getattr(frame, item.name) for frame in frames])
        for item in fields(Frame)
        if item.name != "image"
    }
    arrays |= {"jpeg": np.concatenate(encoded), "jpeg_size": np.array([len(each) for each in encoded])}
    write_npz(path, arrays, compress=True)


def load_frames(path: Path) -> list[Frame]:
    """UserError `file-unreadable` where the file is missing or damaged."""
    arrays = read_npz(path)
    ends = np.cumsum(arrays.pop("jpeg_size"))
    encoded = np.split(arrays.pop("jpeg"), ends[:-1])
    images = [_decoded(each) for each in encoded]
    return [
        Frame(image=image, **{name: values[index] for name, values in arrays.items()})
        for index, image in enumerate(images)
    ]


def _decoded(encoded: np.ndarray) -> np.ndarray:
    image = cv2.imdecode(encoded, cv2.IMREAD_COLOR_RGB)
    assert image is not None
    return image
