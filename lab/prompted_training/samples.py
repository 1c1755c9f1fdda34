"""Training samples of the prompted landmark network: crops of rendered frames with prompts and targets, augmented."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from core.contract.skeleton import LANDMARKS
from core.perception.crops import Crop, cut_out, rotation
from core.perception.landmarks import MIRROR
from core.perception.prompted_landmarks import (
    ASKED_SCALE,
    LIMB_JOINTS,
    PROMPT_JOINTS,
    SIDE,
    Query,
    crop_of_joints,
    to_cells,
)

from .frames import Frame
from .prompts import sample_prompts

CROP_SIZE = 256
_MIRROR_KEYPOINTS = np.array([0, 2, 1, 4, 3, *(5 + (np.arange(LIMB_JOINTS) ^ 1))])
_OTHER_LANDMARK_WEIGHT = 0.5
"""Of face, hands and feet; limb joints weigh 1."""
_OUTSIDE_WEIGHT = 0.4
"""Of landmarks in the crop but outside the image, which can only be guessed."""
_HIDDEN_WEIGHT = 2.0
"""Of landmarks that the other person hides; few are, and what is asked of this network is where they are."""
_NOBODY_WEIGHT = 0.3
"""Of all landmarks of a person who is not there."""


@dataclass(frozen=True)
class Augmentation:
    """How samples vary: probabilities, and ranges that values are drawn from evenly."""

    mirrored: float = 0.5
    crop_of_prompt: float = 0.5
    """The crop is that of the prompt's joints, as when somebody is followed; otherwise that of the true ones."""
    crop_of_other: float = 0.7
    """Of somebody without a prompt, the crop is a wide one around the other person, as when somebody hidden is looked for."""
    without_maps: float = 0.12
    """Without the keypoint maps, as of somebody who is alone."""
    place_sigma: float = 0.03
    """Standard deviation of the crop's middle, in its sizes."""
    size: tuple[float, float] = (0.88, 1.22)
    """Factor of the crop's size."""
    angle_sigma: float = 0.08
    """Standard deviation of the crop's rotation, radians."""
    shrunk: float = 0.3
    pixels: tuple[float, float] = (64, 180)
    """px of a side of the crop that is shrunk, as of people who are far away."""
    blurred: float = 0.2
    blur: tuple[int, int] = (3, 12)
    """px of the motion blur, the upper limit excluded."""
    relit: float = 0.7
    brightness: tuple[float, float] = (0.7, 1.2)
    gamma: tuple[float, float] = (0.7, 1.5)
    tinted: float = 0.3
    """Of the crops that are relit."""
    tint: tuple[float, float] = (0.85, 1.15)
    """Factor of each colour."""
    grey: float = 0.1
    noisy: float = 0.3
    noise: tuple[float, float] = (1, 10)
    """Standard deviation in grey levels of 255."""
    compressed: float = 0.3
    quality: tuple[int, int] = (12, 70)
    """Of JPEG compression, of 100, the upper limit excluded."""
    compressed_scale: tuple[float, float] = (0.4, 1)
    """Factor of the crop's side when it was compressed."""


_AUGMENTATION = Augmentation()


@dataclass(frozen=True)
class Sample:
    """What the network gets, and what it should answer."""

    image: UInt8[np.ndarray, "256 256 3"]
    query: Query
    cells: Float[np.ndarray, "33 2"]
    """Of the landmarks in the head's maps."""
    is_there: bool
    """False where whoever is not the other prompt's person was asked for, and nobody is: no place is likelier than another."""
    weight: Float[np.ndarray, " 33"]
    """0 for landmarks outside the crop."""
    visible: Float[np.ndarray, " 33"]
    """1 where nobody hides the landmark and it is inside the image."""
    metric: Float[np.ndarray, "33 3"]
    """metres about the hips' middle, axes of the crop."""
    mask: Float[np.ndarray, "64 64"]
    front: float
    overlap: float
    """1 where both people overlap, so that one is in front; else 0."""


def mirror_frame(frame: Frame) -> Frame:
    """The frame in a mirror: left and right are exchanged in everything."""
    size = frame.image.shape[1]

    def flipped(points: np.ndarray) -> np.ndarray:
        return points * np.array([-1, 1], np.float32) + np.array([size, 0], np.float32)

    left, top, right, bottom = frame.bounds
    x, y, window = frame.map_window
    return replace(
        frame,
        image=np.ascontiguousarray(frame.image[:, ::-1]),
        seen=np.ascontiguousarray(frame.seen[:, ::-1]),
        bounds=np.array([size - right, top, size - left, bottom], np.float32),
        points=flipped(frame.points[:, MIRROR]),
        is_occluded=frame.is_occluded[:, MIRROR],
        is_self_occluded=frame.is_self_occluded[:, MIRROR],
        metric=frame.metric[:, MIRROR] * np.array([-1, 1, 1], np.float32),
        found_points=flipped(frame.found_points[:, _MIRROR_KEYPOINTS]),
        found_confidence=frame.found_confidence[:, _MIRROR_KEYPOINTS],
        map_window=np.array([size - x, y, window], np.float32),
        map_values=np.ascontiguousarray(frame.map_values[:, ::-1, np.arange(LIMB_JOINTS) ^ 1]),
    )


def sample(frame: Frame, person: int, rng: np.random.Generator) -> Sample:
    """A random crop with random prompts of one person of the frame; of the other one alone, if that person is not present."""
    if rng.random() < _AUGMENTATION.mirrored:
        frame = mirror_frame(frame)
    own, other = sample_prompts(frame, person, rng)
    limbs = frame.points[:, PROMPT_JOINTS]
    if own is not None and rng.random() < _AUGMENTATION.crop_of_prompt:
        crop = crop_of_joints(own.points, own.confidence)
    elif own is None and other is not None and rng.random() < _AUGMENTATION.crop_of_other:
        crop = crop_of_joints(other.points, other.confidence)
        crop = replace(crop, size=crop.size * ASKED_SCALE)
    else:
        crop = crop_of_joints(limbs[person], np.ones(LIMB_JOINTS))
    crop = _jittered(crop, rng)
    maps = None if rng.random() < _AUGMENTATION.without_maps else frame.keypoint_maps
    picture = frame.image_of_camera
    image = _degraded(cut_out(picture, crop, CROP_SIZE, replicate=True), rng)
    return make_sample(frame, person, Query(crop, own, other, maps), image)


def make_sample(frame: Frame, person: int, query: Query, image: np.ndarray) -> Sample:
    """The targets for a query about a person of the frame, or about nobody if that person is not present."""
    crop, is_there = query.crop, bool(frame.present[person])
    cells = to_cells(crop, frame.points[person])
    inside = ((cells >= 0) & (cells < SIDE)).all(-1)
    outside = frame.is_outside[person]
    weight = np.full(len(LANDMARKS), _OTHER_LANDMARK_WEIGHT)
    weight[PROMPT_JOINTS] = 1
    metric = frame.metric[person].astype(float)
    metric[:, :2] = metric[:, :2] @ rotation(crop.angle)
    weight *= np.where(outside, _OUTSIDE_WEIGHT, np.where(frame.is_occluded[person], _HIDDEN_WEIGHT, 1)) * inside
    hidden = frame.is_occluded[person] | frame.is_self_occluded[person] | outside
    return Sample(
        image=image,
        query=query,
        cells=cells,
        is_there=is_there,
        weight=weight if is_there else np.full(len(LANDMARKS), _NOBODY_WEIGHT),
        visible=(~hidden & is_there).astype(float),
        metric=metric,
        mask=_mask(frame, person, crop),
        front=float(frame.front_fraction[person]),
        overlap=float(bool(frame.is_occluded[:, PROMPT_JOINTS].any())),
    )


def _mask(frame: Frame, person: int, crop: Crop) -> np.ndarray:
    scale = len(frame.seen) / len(frame.image)
    mask = (frame.seen == person).astype(np.uint8) * 255
    left, top, right, bottom = np.clip(np.round(frame.bounds * scale), 0, len(mask)).astype(int)
    shown = np.zeros_like(mask)
    shown[top:bottom, left:right] = mask[top:bottom, left:right]
    small = Crop(crop.x * scale, crop.y * scale, crop.size * scale, crop.angle)
    fine = cut_out(shown, small, 2 * SIDE, replicate=False)
    return cv2.resize(fine, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def _jittered(crop: Crop, rng: np.random.Generator) -> Crop:
    vary = _AUGMENTATION
    x, y = np.array([crop.x, crop.y]) + rng.normal(0, vary.place_sigma, 2) * crop.size
    size = crop.size * rng.uniform(*vary.size)
    return Crop(float(x), float(y), size, crop.angle + rng.normal(0, vary.angle_sigma))


def _degraded(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The crop as other cameras would take it: light, few pixels, motion blur, noise, compression."""
    vary = _AUGMENTATION
    if rng.random() < vary.shrunk:
        side = int(rng.uniform(*vary.pixels))
        small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
        image = cv2.resize(small, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    if rng.random() < vary.blurred:
        image = cv2.filter2D(image, -1, _motion_kernel(int(rng.integers(*vary.blur)), rng.uniform(0, np.pi)))
    if rng.random() < vary.relit:
        brightness = rng.uniform(*vary.brightness)
        brightness = brightness * (rng.uniform(*vary.tint, 3) if rng.random() < vary.tinted else np.ones(3))
        levels = np.linspace(0, 1, 256)[:, None] ** rng.uniform(*vary.gamma) * brightness
        image = cv2.LUT(image, np.clip(255 * levels, 0, 255).astype(np.uint8)[:, None])
    if rng.random() < vary.grey:
        image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if rng.random() < vary.noisy:
        noise = rng.standard_normal(image.shape, np.float32) * rng.uniform(*vary.noise)
        image = cv2.add(image, noise, dtype=cv2.CV_8U)
    if rng.random() < vary.compressed:
        image = _compressed(image, int(rng.integers(*vary.quality)), rng.uniform(*vary.compressed_scale))
    return image


def _compressed(image: np.ndarray, quality: int, scale: float) -> np.ndarray:
    """With JPEG's blocks, whose size depends on how much larger than the crop the video was."""
    side = max(8, round(len(image) * scale))
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    assert decoded is not None
    return cv2.resize(decoded, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def _motion_kernel(length: int, angle: float) -> np.ndarray:
    kernel = np.zeros((length, length), np.float32)
    middle, reach = (length - 1) / 2, (length - 1) / 2 * np.array([np.cos(angle), np.sin(angle)])
    start, end = (tuple(round(float(v)) for v in middle + sign * reach) for sign in (-1, 1))
    cv2.line(kernel, start, end, 1.0)
    return kernel / kernel.sum()
