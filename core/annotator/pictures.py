"""What a vision–language model is shown: square pictures around the two people, who are outlined and labelled A and B."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from ..clip import Clip, read_frames
from ..perception.detections import Detections
from .frame_choice import CONFIDENT

COLORS = {"A": (255, 140, 0), "B": (0, 160, 255)}
"""RGB, named in the question as orange and blue."""
_MARGIN = 0.12
"""Of the two people's common box, on each side."""
_HEAD = slice(0, 11)
"""The landmarks of the face."""
_BACKGROUND = 110
"""Grey of what lies outside the clip's picture."""
_LABEL = 0.028
"""Radius of a label in widths of the picture."""


def labelled_pictures(
    clip: Clip, detections: Detections, positions: Sequence[int], size: int, check: Callable[[], None]
) -> dict[int, UInt8[np.ndarray, "s s 3"]]:
    """RGB pictures by position among the frames of the detections. `check` is called while the clip is read.

    A clip that breaks off gives fewer pictures.
    """
    wanted = {int(detections.frame_index[position]): int(position) for position in positions}
    if not wanted:
        return {}
    pictures: dict[int, np.ndarray] = {}
    for frame in read_frames(clip, min(wanted), max(wanted), while_skipping=check):
        check()
        if frame.index in wanted:
            position = wanted[frame.index]
            pictures[position] = labelled_picture(frame.image, detections, position, size)
    return pictures


def labelled_picture(
    image: UInt8[np.ndarray, "h w 3"], detections: Detections, position: int, size: int
) -> UInt8[np.ndarray, "s s 3"]:
    """One frame cut to the two people; each is outlined by their mask and labelled over the head where they are found."""
    square = _square_around(detections, position, image.shape[1], image.shape[0])
    picture = _cut(image, square, size)
    for person, color in enumerate(COLORS.values()):
        if detections.found[person, position]:
            _outline(picture, _mask_in(detections, person, position, square, size), color)
    for person, (name, color) in enumerate(COLORS.items()):
        place = _label_place(detections, person, position, square, size)
        if place is not None:
            _label(picture, name, place, color)
    return picture


def _square_around(detections: Detections, position: int, width: int, height: int) -> Float[np.ndarray, " 3"]:
    """Left, top and side in px of the square about both people; the whole frame where nobody is found."""
    corners = [points for person in (0, 1) for points in _extent(detections, person, position)]
    if not corners:
        side = float(max(width, height))
        return np.array([(width - side) / 2, (height - side) / 2, side])
    points = np.array(corners)
    low, high = points.min(0), points.max(0)
    side = max(float((high - low).max()) * (1 + 2 * _MARGIN), 32.0)
    centre = (low + high) / 2
    return np.array([centre[0] - side / 2, centre[1] - side / 2, side])


def _extent(detections: Detections, person: int, position: int) -> Iterator[Float[np.ndarray, " 2"]]:
    """Corners of what is seen of a person: of confident landmarks and of the mask, px."""
    if not detections.found[person, position]:
        return
    seen = detections.keypoints[person, position]
    points = seen[seen[:, 2] > CONFIDENT, :2].astype(np.float64)
    if len(points) >= 5:
        yield points.min(0)
        yield points.max(0)
    rows, columns = np.nonzero(detections.masks[person, position] > 127)
    if len(rows):
        scale = _mask_scale(detections)
        yield np.array([columns.min(), rows.min()]) * scale
        yield np.array([columns.max() + 1, rows.max() + 1]) * scale


def _mask_scale(detections: Detections) -> float:
    """Pixels of the clip in one of the masks."""
    return float(detections.image_size[0]) / detections.masks.shape[-1]


def _cut(image: UInt8[np.ndarray, "h w 3"], square: Float[np.ndarray, " 3"], size: int) -> UInt8[np.ndarray, "s s 3"]:
    matrix = _to_picture(square, size)
    shrinks = square[2] > size
    return cv2.warpAffine(
        cv2.GaussianBlur(image, (0, 0), 0.4 * square[2] / size) if shrinks else image,
        matrix,
        (size, size),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(_BACKGROUND,) * 3,
    )


def _to_picture(square: Float[np.ndarray, " 3"], size: int, scale: float = 1.0) -> Float[np.ndarray, "2 3"]:
    """The affine map of pixels of the clip, or of ones that are `scale` of those wide, to the picture's."""
    left, top, side = square
    zoom = size / side
    return np.array([[zoom * scale, 0, -left * zoom], [0, zoom * scale, -top * zoom]])


def _mask_in(
    detections: Detections, person: int, position: int, square: Float[np.ndarray, " 3"], size: int
) -> UInt8[np.ndarray, "s s"]:
    matrix = _to_picture(square, size, _mask_scale(detections))
    return cv2.warpAffine(detections.masks[person, position], matrix, (size, size), flags=cv2.INTER_LINEAR)


def _outline(picture: UInt8[np.ndarray, "s s 3"], mask: UInt8[np.ndarray, "s s"], color: tuple[int, int, int]) -> None:
    contours, _ = cv2.findContours((mask > 127).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(picture, contours, -1, color, max(1, picture.shape[0] // 200), cv2.LINE_AA)


def _label_place(
    detections: Detections, person: int, position: int, square: Float[np.ndarray, " 3"], size: int
) -> tuple[int, int] | None:
    """Above the head where it is seen, else at the top of what is seen; None for a person who is not found."""
    corners = np.array(list(_extent(detections, person, position)))
    if not len(corners):
        return None
    head = detections.keypoints[person, position, _HEAD]
    head = head[head[:, 2] > CONFIDENT, :2]
    x = float(head[:, 0].mean()) if len(head) else float(corners[:, 0].mean())
    place = _to_picture(square, size) @ np.array([x, float(corners[:, 1].min()), 1.0])
    radius = _LABEL * size
    inside = np.clip(place - (0, 1.2 * radius), 1.2 * radius, size - 1.2 * radius)
    return round(float(inside[0])), round(float(inside[1]))


def _label(picture: UInt8[np.ndarray, "s s 3"], name: str, place: tuple[int, int], color: tuple[int, int, int]) -> None:
    radius = max(6, round(_LABEL * picture.shape[0]))
    cv2.circle(picture, place, radius, color, cv2.FILLED, cv2.LINE_AA)
    scale = radius / 16
    (width, height), _ = cv2.getTextSize(name, cv2.FONT_HERSHEY_SIMPLEX, scale, 2)
    corner = (place[0] - width // 2, place[1] + height // 2)
    cv2.putText(picture, name, corner, cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255), 2, cv2.LINE_AA)
