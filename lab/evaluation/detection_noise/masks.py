"""Simulated masks: true masks with a wavering outline, that leak onto the other person and miss parts of their own."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from core.contract.skeleton import LANDMARK_INDEX

from .context import ClipContext, SkeletonKinds
from .landmark_groups import LIMBS, TRUNK
from .random_processes import look_up_quantile
from .states import NOT_FOUND, OTHER_PERSON

_SKELETON_LINES = [
    (LANDMARK_INDEX["nose"], *TRUNK[:2]),
    *((limb[1], limb[0], limb[-1]) for limb in LIMBS),
    *((TRUNK[corner], limb[-1]) for corner, limb in enumerate(LIMBS)),
    (TRUNK[0], TRUNK[2]),
    (TRUNK[1], TRUNK[3]),
]
_WAVE_LENGTH = 10
"""px of the mask: length of the waves in which outlines waver."""
_WAVE_SPEED = 2.0
"""radians per second."""


@dataclass(frozen=True)
class MaskErrors:
    """How a mask differs from the true one."""

    dilation: Float[np.ndarray, "h w"] | float
    """px by which the outline lies outside the true one."""
    leak: float
    """Share of the other person's visible part that the mask covers."""
    miss: float
    """Share of the person's own visible part that the mask leaves out."""
    edge_width: float
    """px"""


def noisy_masks(
    context: ClipContext, kinds: SkeletonKinds, points: Float[np.ndarray, "P T 33 2"], image_width: int
) -> UInt8[np.ndarray, "P T h w"]:
    """Masks in 0-255. `points` are the detected landmarks in px of the masks: leaks lie around the detected skeleton."""
    noise, true = context.noise, context.projected.masks
    people, frames = kinds.skeleton.shape
    quantiles = context.quantiles((frames, people, 3), noise.mask_weights)
    tables = (noise.mask_dilation, noise.mask_leak, noise.mask_miss)
    dilation, leak, miss = (
        look_up_quantile(table, (kinds.condition_bin,), quantiles[..., n]) for n, table in enumerate(tables)
    )
    masks = np.zeros_like(true)
    for person in range(people):
        waves = _sample_waves(masks.shape[2:], context.rng)
        for frame in np.flatnonzero(kinds.skeleton[person] != NOT_FOUND):
            aimed = 1 - person if kinds.skeleton[person, frame] == OTHER_PERSON else person
            height = float(context.projected.height_px[aimed, frame]) * masks.shape[3] / image_width
            angle = frame * context.frame_seconds * _WAVE_SPEED
            waver = noise.mask_roughness * height * (np.cos(angle) * waves[0] + np.sin(angle) * waves[1])
            errors = MaskErrors(
                dilation=float(dilation[person, frame]) * height + waver,
                leak=float(leak[person, frame]),
                miss=float(miss[person, frame]),
                edge_width=noise.mask_edge_width * height,
            )
            skeleton = draw_skeleton(points[person, frame], masks.shape[2:])
            masks[person, frame] = apply_mask_errors(true[aimed, frame], true[1 - aimed, frame], skeleton, errors)
    return masks


def apply_mask_errors(
    own: UInt8[np.ndarray, "h w"],
    other: UInt8[np.ndarray, "h w"],
    skeleton: Bool[np.ndarray, "h w"],
    errors: MaskErrors,
) -> UInt8[np.ndarray, "h w"]:
    """A mask with errors. Leaks cover the other's pixels that are nearest to the skeleton; the pixels that are missed are those
    nearest to the other."""
    mine, theirs = own > 127, other > 127
    inside = _distance(mine) - _distance(~mine) + errors.dilation
    edge = np.clip(0.5 + inside / max(errors.edge_width, 1.0), 0, 1)
    edge[_nearest(mine, _distance(~theirs), errors.miss)] = 0
    edge[theirs] = 0
    edge[_nearest(theirs, _distance(~skeleton), errors.leak)] = 1
    return (255 * edge).astype(np.uint8)


def draw_skeleton(points: Float[np.ndarray, "33 2"], shape: tuple[int, ...]) -> Bool[np.ndarray, "h w"]:
    """Lines between the landmarks of one skeleton, in px."""
    picture = np.zeros(shape, np.uint8)
    ends = np.clip(points, -1000, 1000).round().astype(np.int32)
    cv2.polylines(picture, [ends[list(line)] for line in _SKELETON_LINES], False, 1)
    return picture.astype(bool)


def _sample_waves(shape: tuple[int, ...], rng: np.random.Generator) -> list[np.ndarray]:
    """Two smooth random pictures."""
    coarse = rng.standard_normal((2, *(side // _WAVE_LENGTH + 2 for side in shape))).astype(np.float32)
    return [cv2.resize(wave, shape[::-1], interpolation=cv2.INTER_CUBIC) for wave in coarse]


def _distance(mask: np.ndarray) -> np.ndarray:
    """px from each pixel inside the mask to the nearest one outside; 0 outside."""
    return cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3)


def _nearest(mask: np.ndarray, distance: np.ndarray, share: float) -> tuple[np.ndarray, ...]:
    """Indices of the given share of a mask's pixels, those with the least distance."""
    pixels = np.nonzero(mask)
    count = int(np.clip(share, 0, 1) * len(pixels[0]))
    chosen = np.argsort(distance[pixels], kind="stable")[:count]
    return tuple(index[chosen] for index in pixels)
