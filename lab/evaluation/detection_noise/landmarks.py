"""Simulated landmarks: their errors in the image, their confidence, and the metric landmarks."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy.special import ndtr

from core.contract.skeleton import LANDMARK_INDEX
from core.perception.landmarks import MIRROR

from .context import ClipContext, SkeletonKinds
from .geometry import bone_lengths, landmarks_about_hips, person_heights
from .landmark_groups import BONES, GROUP, HIPS, TRUNK
from .random_processes import look_up_quantile
from .states import ERROR_EDGES, LANDMARK_STATES, OTHER_PERSON
from .targets import NoiseTargets

_ROUNDS = 6
"""Passes over all bones in which bones that are too long are shortened."""
_TRUNK_MOBILITY = 0.1
"""Where one end of such a bone is a point of the trunk or the nose: the share of the shortening by which that end moves."""
_STEADY = (LANDMARK_INDEX["nose"], *TRUNK)
_BLEND = 3
"""Frames over which errors change from those of one landmark state to those of the next."""


def noisy_landmarks(
    context: ClipContext, kinds: SkeletonKinds, targets: NoiseTargets
) -> tuple[Float[np.ndarray, "P T 33 2"], Float[np.ndarray, "P T 33"], Float[np.ndarray, "P T 33"]]:
    """Landmarks in px, their confidence in 0-1, and the standard deviation in px that the network gives them."""
    height = targets.height_px[..., None]
    points = targets.aimed_px + _errors(context, kinds, targets.state) * height[..., None]
    longest = context.noise.max_bone_ratio * detected_bone_lengths(context, kinds)
    points = limit_bone_lengths(points, longest * height)
    error = np.linalg.norm(points - targets.aimed_px, axis=-1) / height
    confidence, sigma = _confidences(context, targets.state, error)
    return points, confidence, sigma * height


def metric_landmarks(
    context: ClipContext, kinds: SkeletonKinds, targets: NoiseTargets, points: Float[np.ndarray, "P T 33 2"]
) -> Float[np.ndarray, "P T 33 3"]:
    """Metric landmarks, metres. Across the line of sight they share the errors of the `points` in the image."""
    noise = context.noise
    true = landmarks_about_hips(context.projected, context.camera)
    stature = person_heights(context.projected, context.camera)
    is_other = (kinds.skeleton == OTHER_PERSON)[..., None]
    aimed = np.where(is_other[..., None], true[::-1], true)
    aimed_stature = np.where(is_other[..., 0], stature[::-1, None], stature[:, None])
    error = (points - targets.skeleton_px) / (targets.height_px * targets.scale)[..., None, None]
    error = error - error[:, :, HIPS].mean(2, keepdims=True)
    across = aimed[..., :2] + noise.metric_follow * error * aimed_stature[..., None, None]
    mix = noise.metric_depth_mix[kinds.skeleton]
    depth = mix[..., :1] * aimed[..., 2] + mix[..., 1:] * aimed[:, :, MIRROR, 2]
    for axis in (0, 1):
        slope = look_up_quantile(
            noise.metric_depth_slope, (kinds.condition_bin, axis), kinds.person_quantile[..., 1 + axis]
        )
        depth = depth + slope[..., None] * aimed[..., axis]
    height = look_up_quantile(noise.metric_height, (kinds.condition_bin,), kinds.person_quantile[..., 0])
    scale = height / aimed_stature
    quantiles = ndtr(context.landmark_processes(3, noise.metric_weights, noise.metric_correlation))
    residual = look_up_quantile(noise.metric_error, (targets.state[..., None], GROUP[:, None], np.arange(3)), quantiles)
    metric = scale[..., None, None] * np.concatenate([across, depth[..., None]], -1) + residual
    longest = noise.metric_max_bone_ratio * detected_bone_lengths(context, kinds)
    metric = limit_bone_lengths(metric, longest * (scale * aimed_stature)[..., None])
    return metric - metric[:, :, HIPS].mean(2, keepdims=True)


def detected_bone_lengths(context: ClipContext, kinds: SkeletonKinds) -> Float[np.ndarray, "P T N"]:
    """Bone lengths, in body heights, of the person whose skeleton the detector returns."""
    length = bone_lengths(context.projected, context.camera)[:, None]
    return np.where((kinds.skeleton == OTHER_PERSON)[..., None], length[::-1], length)


def limit_bone_lengths(points: Float[np.ndarray, "P T 33 D"], longest: Float[np.ndarray, "P T N"]) -> np.ndarray:
    """Points moved as little as needed until hardly any bone is longer than allowed."""
    points = points.copy()
    for _ in range(_ROUNDS):
        for bone, (inner, outer) in enumerate(BONES):
            vector = points[:, :, outer] - points[:, :, inner]
            length = np.linalg.norm(vector, axis=-1)
            excess = np.maximum(1 - longest[..., bone] / np.maximum(length, 1e-9), 0)[..., None] * vector
            outer_share = 1 - _TRUNK_MOBILITY if inner in _STEADY else 0.5
            points[:, :, outer] -= outer_share * excess
            points[:, :, inner] += (1 - outer_share) * excess
    return points


def _errors(
    context: ClipContext, kinds: SkeletonKinds, state: Int[np.ndarray, "P T 33"]
) -> Float[np.ndarray, "P T 33 2"]:
    """Errors in body heights."""
    noise = context.noise
    normal = context.landmark_processes(2, noise.error_weights, noise.error_correlation)
    radius = np.maximum(np.linalg.norm(normal, axis=-1), 1e-6)
    direction, quantile = normal / radius[..., None], 1 - np.exp(-(radius**2) / 2)  # Rayleigh distribution
    weight = _blend_states(state)
    total = np.zeros_like(normal)
    for kind in range(LANDMARK_STATES):
        chosen = np.nonzero(weight[..., kind])
        index = (kinds.condition_bin[chosen[:2]], kind, GROUP[chosen[2]])
        distance = look_up_quantile(noise.error_radius, index, quantile[chosen])
        error = noise.error_bias[index] + distance[:, None] * direction[chosen]
        total[chosen] += weight[..., kind][chosen][:, None] * error
    return total


def _blend_states(state: Int[np.ndarray, "P T 33"]) -> Float[np.ndarray, "P T 33 S"]:
    """Weights of the states: one in the middle of a stretch, less near its ends."""
    one_hot = (state[..., None] == np.arange(LANDMARK_STATES)).astype(float)
    reach = _BLEND // 2
    padded = np.concatenate([one_hot[:, :1]] * reach + [one_hot] + [one_hot[:, -1:]] * reach, 1)
    return np.mean([padded[:, first : first + one_hot.shape[1]] for first in range(_BLEND)], 0)


def _confidences(
    context: ClipContext, state: Int[np.ndarray, "P T 33"], error: Float[np.ndarray, "P T 33"]
) -> tuple[Float[np.ndarray, "P T 33"], Float[np.ndarray, "P T 33"]]:
    """Confidence, and sigma in body heights: the two come from one heat map, so one is low where the other is high."""
    noise = context.noise
    normal = context.landmark_processes(1, noise.confidence_weights, noise.confidence_correlation)[..., 0]
    index = (state, np.digitize(error, ERROR_EDGES), GROUP)
    confidence = np.clip(look_up_quantile(noise.confidence, index, ndtr(normal)), 0, 1)
    return confidence, look_up_quantile(noise.sigma, index, ndtr(-normal))
