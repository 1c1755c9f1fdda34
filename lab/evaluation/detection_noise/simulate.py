"""Simulated detections: what the 2D networks might return for two people whose motion is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.motion import Camera
from core.perception.detections import MASK_WIDTH, Detections

from ..occlusion.projection import ProjectedClip
from .conditions import noise_conditions
from .context import ClipContext, sample_kinds
from .hands import hold_last, noisy_hands
from .landmarks import metric_landmarks, noisy_landmarks
from .masks import noisy_masks
from .noise_model import DetectionNoise
from .random_processes import look_up_quantile
from .targets import noise_targets


def simulate_detections(
    projected: ProjectedClip,
    camera: Camera,
    image_size: Sequence[int],
    rate: float,
    noise: DetectionNoise,
    rng: np.random.Generator,
) -> Detections:
    """Sample detections of a clip of (width, height) px at `rate` frames per second.

    Person p of the detections is person p of the clip, except in stretches in which the detector confuses the two.
    """
    context = ClipContext(projected, camera, noise_conditions(projected), noise, 1 / rate, rng)
    kinds = sample_kinds(context)
    targets = noise_targets(
        projected, context.conditions.landmark_state, kinds.skeleton, kinds.limb, noise.middle_joint_follow
    )
    scale = look_up_quantile(noise.skeleton_scale, (kinds.condition_bin,), kinds.person_quantile[..., 3])
    targets = targets.scaled(scale, noise.scale_centre)
    points, confidence, sigma = noisy_landmarks(context, kinds, targets)
    metric = metric_landmarks(context, kinds, targets, points)
    hands, hands_metric = noisy_hands(context, kinds)
    found, frames = kinds.is_found, points.shape[1]
    points = hold_last(points, found)
    masks = noisy_masks(context, kinds, points * (MASK_WIDTH / image_size[0]), image_size[0])
    size = np.array(image_size, np.int32)
    confidence = confidence * found[..., None]
    covariance = hold_last(sigma, found)[..., None, None] ** 2 * np.eye(2)
    return Detections(
        frame_index=np.arange(frames, dtype=np.int32),
        time=np.arange(frames) * context.frame_seconds,
        image_size=size,
        keypoints=np.concatenate([points, confidence[..., None]], -1).astype(np.float32),
        covariance=covariance.astype(np.float32),
        world_landmarks=hold_last(metric, found).astype(np.float32),
        found=found,
        hands=hands.astype(np.float32),
        hand_landmarks=hands_metric.astype(np.float32),
        masks=masks,
        track_ids=np.array([0, 1], np.int32),
        camera_motion=np.zeros(frames, np.float32),
        duplicate=np.zeros(frames, bool),
    )
