"""Pictures of the clips on which a method is worst: estimate and ground truth from three sides, at three moments, as SVG."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8

from core.clip import probe, read_frames
from core.contract.errors import UserError
from core.contract.files import read_npz, write_npz
from core.contract.skeleton import BODY_JOINTS, JOINT_INDEX, PARENTS

from .benchmark_clip import OCCLUDED, TRUNCATED

MOMENTS = 3
_BONES = tuple((PARENTS[joint], joint) for joint in range(1, len(BODY_JOINTS)))
_HEAD, _NECK, _PELVIS = (JOINT_INDEX[name] for name in ("head", "neck", "pelvis"))
_HEAD_RADIUS, _HEAD_RISE = 0.10, 0.09
"""metres: radius of the circle that stands for the head, and how far beyond the head's joint its centre is."""
_NEAREST = 0.05
"""metres in front of the camera: the least depth that points are projected with."""
_MOST_MARGIN = 0.6
"""How far a view extends beyond the true people to show estimated ones, in multiples of the true people's extent."""
_LEAST_MARGIN = 1.5
"""metres by which views from above and from the side may extend beyond them in any case."""
_TITLE = 14.0
"""px at the top of a view, for its title."""
_COLUMN, _GAP, _TALL, _LOW = 320.0, 12.0, 240.0, 154.0
"""px: width of a moment's column and of the gap between two, height of the camera's view and of the other two."""
_FRAME_WIDTH, _FRAME_QUALITY = 640, 72
"""Of the video's frames in the page: px, and JPEG quality 0-100."""
Box = tuple[float, float, float, float]
"""Left, top, width, height."""
_ARRAYS = {
    "true_joints": np.float32, "joints": np.float32, "visibility": np.uint8, "K": np.float64, "T_cw": np.float64,
    "image_size": np.int32, "frame_index": np.int32,
}  # fmt: skip
_FILE_KEYS = {"T_cw": "world"}
"""Fields whose array in the file has another name."""


@dataclass(frozen=True)
class ClipPicture:
    """P = 2 people, T frames. Joints are in metres in the camera's frame (x right, y down, z forward), each in its own camera."""

    name: str
    family: str
    method: str
    metrics: Mapping[str, float]
    """As in `ClipResult`."""
    true_joints: Float[np.ndarray, "P T 22 3"]
    """float32, in the true camera."""
    joints: Float[np.ndarray, "P T 22 3"]
    """float32, in the estimated camera; person p is the ground truth's person p."""
    visibility: UInt8[np.ndarray, "P T 22"]
    """As in `GroundTruth`."""
    K: Float[np.ndarray, "3 3"]
    """float64 px, of the true camera."""
    T_cw: Float[np.ndarray, "4 4"]
    """float64, world -> true camera: it gives the vertical for views from above and from the side."""
    image_size: Int[np.ndarray, " 2"]
    """Width and height, px."""
    frame_index: Int[np.ndarray, " T"]
    """Frames of the video."""
    video: Path | None = None


def save_pictures(path: Path, pictures: Sequence[ClipPicture]) -> None:
    """Write all pictures into one npz; joints as float16, exact to 2 mm within 4 m of the camera."""
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
            arrays[f"{index}.{_FILE_KEYS.get(name, name)}"] = (
                value.astype(np.float16) if name.endswith("joints") else value
            )
    arrays["words"] = np.array(json.dumps(words))
    write_npz(path, arrays, compress=True)


def load_pictures(path: Path) -> list[ClipPicture]:
    """Read the file of `save_pictures`. UserError `file-unreadable`."""
    arrays = read_npz(path)
    pictures = []
    for index, words in enumerate(json.loads(arrays["words"].item())):
        values = {name: arrays[f"{index}.{_FILE_KEYS.get(name, name)}"].astype(kind) for name, kind in _ARRAYS.items()}
        words["video"] = None if words["video"] is None else Path(words["video"])
        pictures.append(ClipPicture(**values, **words))
    return pictures


def worst_moments(picture: ClipPicture) -> list[int]:
    """Indices of the frames that are drawn: those with the largest errors, at least a sixth of the clip apart."""
    centred = [joints - joints[:, :, _PELVIS : _PELVIS + 1] for joints in (picture.joints, picture.true_joints)]
    error = np.linalg.norm(centred[0] - centred[1], axis=-1).mean((0, 2))
    apart = len(error) / (2 * MOMENTS)
    chosen: list[int] = []
    for place in np.argsort(-error, kind="stable"):
        if len(chosen) < MOMENTS and all(abs(place - other) >= apart for other in chosen):
            chosen.append(int(place))
    return sorted(chosen)


def picture_svg(picture: ClipPicture) -> str:
    """One `<svg>` element: a column for each moment, with views from the camera, from above and from the side.

    True people are grey, estimated ones coloured; occluded and truncated joints are rings. The SVG has classes instead of
    colours, because the page has the style. Without the video, its frames are left out.
    """
    moments = worst_moments(picture)
    frames = _video_frames(picture, moments)
    true, estimate = picture.true_joints[:, moments], picture.joints[:, moments]
    unseen = np.isin(picture.visibility[:, moments], (OCCLUDED, TRUNCATED))
    parts = []
    for number, view in enumerate(_views(picture)):
        window = _window(view.project(_with_crown(true)), view.project(_with_crown(estimate)), view)
        for column, moment in enumerate(moments):
            drawing = _Drawing(view, window)
            if number == 0:
                drawing.backdrop(picture.image_size, frames.get(int(picture.frame_index[moment])))
            for person in np.argsort(-true[:, column, _PELVIS, 2]):  # the one behind first
                drawing.person(true[person, column], f"true p{person}")
            for person in np.argsort(-estimate[:, column, _PELVIS, 2]):
                rings = unseen[person, column] if number == 0 else np.zeros(len(BODY_JOINTS), bool)
                drawing.person(estimate[person, column], f"found p{person}", rings)
            title = f"{view.title}, frame {picture.frame_index[moment]}" if number == 0 else view.title
            left, top = column * (_COLUMN + _GAP) + view.box[0], view.box[1]
            parts.append(drawing.svg(left, top, title))
    width, height = len(moments) * (_COLUMN + _GAP) - _GAP, _TALL + _GAP + _LOW
    return f'<svg class="picture" role="img" viewBox="0 0 {width:.0f} {height:.0f}">{"".join(parts)}</svg>'


@dataclass(frozen=True)
class _View:
    """A view of points [...,3] in the true camera's frame."""

    title: str
    project: Callable[[np.ndarray], np.ndarray]
    """[...,3] -> [...,2] on the image plane, right and down."""
    per_metre: Callable[[np.ndarray], float]
    """Length of a metre in the plane's unit, at a point [3]."""
    box: Box
    """Where it is in a moment's column, px."""
    least_margin: float
    """As _LEAST_MARGIN, in the plane's own unit."""


def _views(picture: ClipPicture) -> list[_View]:
    """Camera, from above, from the side. In the last two the camera is at the bottom and at the left."""
    K, up = picture.K, picture.T_cw[:3, 2]
    ahead = np.array([0.0, 0.0, 1.0]) - up[2] * up
    if np.linalg.norm(ahead) < 0.1:  # the camera looks straight down
        ahead = np.array([0.0, -1.0, 0.0])
    ahead = ahead / np.linalg.norm(ahead)
    right = np.cross(ahead, up)
    half = (_COLUMN - _GAP) / 2
    low = _TALL + _GAP

    def pixels(points: np.ndarray) -> np.ndarray:
        return points[..., :2] / np.maximum(points[..., 2:], _NEAREST) @ K[:2, :2].T + K[:2, 2]

    def flat(across: np.ndarray, upwards: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        return lambda points: points @ np.stack([across, -upwards], 1)

    return [
        _View("camera", pixels, lambda point: K[0, 0] / max(point[2], _NEAREST), (0, 0, _COLUMN, _TALL), 0.0),
        _View("from above", flat(right, ahead), lambda _: 1.0, (0, low, half, _LOW), _LEAST_MARGIN),
        _View("from the side", flat(ahead, up), lambda _: 1.0, (half + _GAP, low, half, _LOW), _LEAST_MARGIN),
    ]


def _head(joints: np.ndarray) -> np.ndarray:
    """Centres [...,3] of the heads of joints [...,22,3]."""
    along = joints[..., _HEAD, :] - joints[..., _NECK, :]
    return joints[..., _HEAD, :] + _HEAD_RISE * along / np.maximum(np.linalg.norm(along, axis=-1, keepdims=True), 1e-6)


def _with_crown(joints: np.ndarray) -> np.ndarray:
    """Joints [...,22,3] and the top of the head."""
    head = _head(joints)
    crown = head + _HEAD_RADIUS / _HEAD_RISE * (head - joints[..., _HEAD, :])
    return np.concatenate([joints, crown[..., None, :]], -2)


def _window(true: np.ndarray, found: np.ndarray, view: _View) -> Box:
    """The part of its plane that a view shows, in its box's aspect ratio: all true points [...,2], and estimated ones that are
    not too far from them."""
    low, high = true.min((0, 1, 2)), true.max((0, 1, 2))
    reach = max(_MOST_MARGIN * (high - low).max(), view.least_margin)
    low = np.minimum(low, np.maximum(found.min((0, 1, 2)), low - reach))
    high = np.maximum(high, np.minimum(found.max((0, 1, 2)), high + reach))
    centre, size = (low + high) / 2, 1.16 * (high - low)
    _, _, across, down = view.box
    scale = max(size[0] / across, size[1] / (down - _TITLE))
    top = centre[1] - scale * (down + _TITLE) / 2
    return float(centre[0] - scale * across / 2), float(top), float(scale * across), float(scale * down)


class _Drawing:
    """One view at one moment, as SVG."""

    def __init__(self, view: _View, window: Box) -> None:
        self._view = view
        self._window = window
        self._scale = view.box[2] / window[2]
        self._parts: list[str] = []

    def backdrop(self, image_size: np.ndarray, jpeg: bytes | None) -> None:
        """The image's border, with the video's frame if there is one."""
        (x, y), (right, bottom) = self._place(np.zeros(2)), self._place(np.asarray(image_size, float))
        area = f'x="{x:.1f}" y="{y:.1f}" width="{right - x:.1f}" height="{bottom - y:.1f}"'
        if jpeg is not None:
            data = base64.b64encode(jpeg).decode()
            self._parts.append(f'<image {area} preserveAspectRatio="none" href="data:image/jpeg;base64,{data}"/>')
        self._parts.append(f'<rect class="border" {area}/>')

    def person(self, joints: np.ndarray, kind: str, rings: np.ndarray | None = None) -> None:
        """Joints [22,3] as bones and a head; those in `rings` bool [22] are drawn as rings."""
        places = self._place(self._view.project(joints))
        bones = "".join(
            f"M{places[a][0]:.1f} {places[a][1]:.1f}L{places[b][0]:.1f} {places[b][1]:.1f}" for a, b in _BONES
        )
        middle = _head(joints)
        x, y = self._place(self._view.project(middle))
        radius = min(_HEAD_RADIUS * self._view.per_metre(middle) * self._scale, 0.3 * self._view.box[3])
        self._parts.append(f'<g class="{kind}"><path d="{bones}"/><circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"/>')
        if rings is not None:
            self._parts += [f'<circle class="ring" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in places[rings]]
        self._parts.append("</g>")

    def svg(self, left: float, top: float, title: str) -> str:
        _, _, width, height = self._view.box
        return (
            f'<svg x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}">'
            f'<rect class="ground" width="100%" height="100%"/>{"".join(self._parts)}'
            f'<text x="6" y="14">{title}</text></svg>'
        )

    def _place(self, points: np.ndarray) -> np.ndarray:
        """px within the drawing of points [...,2] of the view's plane."""
        return (points - np.array(self._window[:2])) * self._scale


def _video_frames(picture: ClipPicture, moments: Sequence[int]) -> dict[int, bytes]:
    """JPEGs by number of frame; empty if there is no readable video."""
    if picture.video is None:
        return {}
    wanted = {int(picture.frame_index[moment]) for moment in moments}
    found: dict[int, bytes] = {}
    try:
        for frame in read_frames(probe(picture.video), min(wanted), max(wanted)):
            if frame.index in wanted:
                found[frame.index] = _jpeg(frame.image)
    except UserError:
        return {}
    return found


def _jpeg(image: np.ndarray) -> bytes:
    height = round(image.shape[0] * _FRAME_WIDTH / image.shape[1])
    small = cv2.resize(image, (_FRAME_WIDTH, height), interpolation=cv2.INTER_AREA)[:, :, ::-1]
    _, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _FRAME_QUALITY])
    return data.tobytes()
