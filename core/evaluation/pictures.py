"""Pictures of a clip on which a method does badly: what it says beside what is true, from three sides at three moments."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..contract.files import read_npz, write_npz

_ARRAYS = {
    "true_joints": np.float32, "joints": np.float32, "visibility": np.uint8, "K": np.float64, "world": np.float64,
    "image_size": np.int32, "frame_index": np.int32,
}  # fmt: skip


@dataclass(frozen=True)
class ClipPicture:
    """P = 2 people, T frames. Joints in metres in the axes of the camera (x right, y down, z forward), each in its own camera."""

    name: str
    family: str
    method: str
    metrics: Mapping[str, float]
    """As in `ClipResult`."""
    true_joints: np.ndarray
    """float32 [P,T,22,3] in the true camera."""
    joints: np.ndarray
    """float32 [P,T,22,3] in the estimated camera; person p is truth's person p."""
    visibility: np.ndarray
    """uint8 [P,T,22] as in `shot.Truth`."""
    K: np.ndarray
    """float64 [3,3] px, of the true camera."""
    world: np.ndarray
    """float64 [4,4] world -> true camera, for views from above and from the side."""
    image_size: np.ndarray
    """int32 [2] width and height in px."""
    frame_index: np.ndarray
    """int32 [T] frames of the video, where there is one."""
    video: Path | None = None


def save_pictures(path: Path, pictures: Sequence[ClipPicture]) -> None:
    """Write one npz for all; joints as float16, exact to 2 mm within 4 m of the camera."""
    words: list[dict[str, Any]] = []
    arrays: dict[str, np.ndarray] = {}
    for index, picture in enumerate(pictures):
        words.append(
            {
                "name": picture.name,
                "family": picture.family,
                "method": picture.method,
                "metrics": dict(picture.metrics),
                "video": None if picture.video is None else str(picture.video),
            }
        )
        for name in _ARRAYS:
            value = np.asarray(getattr(picture, name))
            arrays[f"{index}.{name}"] = value.astype(np.float16) if name.endswith("joints") else value
    arrays["words"] = np.array(json.dumps(words))
    write_npz(path, arrays, compress=True)


def load_pictures(path: Path) -> list[ClipPicture]:
    """Read what `save_pictures` wrote. UserError `file-unreadable` where it is missing or damaged."""
    arrays = read_npz(path)
    pictures = []
    for index, words in enumerate(json.loads(arrays["words"].item())):
        values = {name: arrays[f"{index}.{name}"].astype(kind) for name, kind in _ARRAYS.items()}
        words["video"] = None if words["video"] is None else Path(words["video"])
        pictures.append(ClipPicture(**values, **words))
    return pictures
