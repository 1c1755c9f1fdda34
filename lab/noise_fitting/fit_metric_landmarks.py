"""Errors of the metric landmarks: the height that they give people, heading and lean, mirrored depth, and what is left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from core.perception.landmarks import MIRROR

from ..evaluation.detection_noise.conditions import condition_bins
from ..evaluation.detection_noise.geometry import bone_lengths, landmarks_about_hips, person_heights
from ..evaluation.detection_noise.landmark_groups import GROUP, GROUPS, HIPS
from ..evaluation.detection_noise.states import (
    CONDITION_BINS,
    LANDMARK_STATES,
    NOT_FOUND,
    OTHER_PERSON,
    OWN_SKELETON,
    SIDES_SWAPPED,
    UNRELIABLE,
)
from ..evaluation.detection_noise.targets import NoiseTargets
from .fit_landmarks import bone_ratios, longest_bones, notable_scale
from .matching import MatchedClip
from .quantile_tables import (
    FEW_SAMPLES,
    Scores,
    part_correlation,
    process_weights,
    process_weights_by_group,
    quantile_table,
)


def fit_metric_landmarks(
    clips: Sequence[MatchedClip], targets: Sequence[NoiseTargets], image_scale: Sequence[Float[np.ndarray, "_ _"]]
) -> dict[str, Any]:
    """The fields `metric_…` of the noise model, and those of a whole person; `image_scale` is that of `fit_scales`."""
    metric = [_MetricClip(clip, target) for clip, target in zip(clips, targets)]
    found = [c.skeleton_kind != NOT_FOUND for c in clips]
    follow = np.ones(2)
    for _ in range(3):
        follow = _fit_follow(metric, [m.scale(follow) for m in metric], found)
    scale = [m.scale(follow) for m in metric]
    mix = _fit_depth_mix(metric, scale)
    residuals, slopes = zip(*(m.residual(k, follow, mix) for m, k in zip(metric, scale)))
    bins = [condition_bins(c.conditions.closeness_bin, c.skeleton_kind) for c in clips]
    rates = [c.rate for c in clips]

    def by_condition(values: Sequence[np.ndarray]) -> tuple[np.ndarray, list[Scores]]:
        return quantile_table(values, found, (bins,), (CONDITION_BINS,))

    skeleton_scale = by_condition([notable_scale(size) for size in image_scale])[0]
    scale_scores = by_condition(image_scale)[1]
    height, height_scores = by_condition([k * m.stature for m, k in zip(metric, scale)])
    slope_tables, slope_scores = zip(*(by_condition([s[..., axis] for s in slopes]) for axis in (0, 1)))
    error, error_scores = _residual_tables(residuals, found, [t.state for t in targets])
    return {
        "skeleton_scale": skeleton_scale,
        "metric_max_bone_ratio": longest_bones([m.bone_ratios(k) for m, k in zip(metric, scale)]),
        "metric_height": height,
        "metric_depth_slope": np.stack(slope_tables, 1),
        "metric_follow": follow,
        "metric_depth_mix": mix,
        "metric_error": error,
        "metric_weights": process_weights_by_group(error_scores, rates),
        "metric_correlation": part_correlation(error_scores),
        "person_weights": np.stack(
            [process_weights(scores, rates) for scores in (height_scores, *slope_scores, scale_scores)]
        ),
    }


class _MetricClip:
    """Detected metric landmarks of a clip, and the true ones of whoever was detected. [P,T,...]"""

    def __init__(self, clip: MatchedClip, targets: NoiseTargets) -> None:
        true = landmarks_about_hips(clip.projected, clip.camera)
        stature = person_heights(clip.projected, clip.camera)
        self.clip = clip
        is_other = (clip.skeleton_kind == OTHER_PERSON)[..., None, None]
        self.true = np.where(is_other, true[::-1], true)
        self.stature = np.where(is_other[..., 0, 0], stature[::-1, None], stature[:, None])
        error = clip.detections.keypoints[..., :2] - targets.skeleton_px
        error = error / (targets.height_px * targets.scale)[..., None, None]
        self.image_error = (error - error[:, :, HIPS].mean(2, keepdims=True)) * self.stature[..., None, None]
        """[P,T,33,2] metres"""
        detected = clip.detections.world_landmarks.astype(float)
        self.detected = detected - detected[:, :, HIPS].mean(2, keepdims=True)

    def scale(self, follow: np.ndarray) -> np.ndarray:
        """[P,T] factor from the size of the true landmarks to that of the detected ones, across the line of sight."""
        across = self.true[..., :2] + follow * self.image_error
        scale = (across * self.detected[..., :2]).sum((2, 3)) / (across**2).sum((2, 3))
        return np.clip(scale, 0.2, 2.0)

    def residual(self, scale: np.ndarray, follow: np.ndarray, mix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What the model does not explain [P,T,33,3], metres, and the slopes of the depth error [P,T,2]."""
        across = self.true[..., :2] + follow * self.image_error
        depth = self.detected[..., 2] / scale[..., None] - self._mixed_depth(mix)
        plane = self.true[..., :2]
        normal = np.einsum("ptli,ptlj->ptij", plane, plane) + 0.3 * np.eye(2)
        slopes = np.linalg.solve(normal, np.einsum("ptli,ptl->pti", plane, depth)[..., None])[..., 0]
        depth = depth - (plane * slopes[:, :, None]).sum(-1)
        residual = self.detected[..., :2] - scale[..., None, None] * across
        return np.concatenate([residual, (scale[..., None] * depth)[..., None]], -1), slopes

    def bone_ratios(self, scale: np.ndarray) -> np.ndarray:
        points = self.detected / (scale * self.stature)[..., None, None]
        length = bone_lengths(self.clip.projected, self.clip.camera)[:, None]
        return bone_ratios(points, length, self.clip.skeleton_kind)

    def _mixed_depth(self, mix: np.ndarray) -> np.ndarray:
        kind = self.clip.skeleton_kind
        return mix[kind, :1] * self.true[..., 2] + mix[kind, 1:] * self.true[:, :, MIRROR, 2]


def _fit_follow(
    clips: Sequence[_MetricClip], scale: Sequence[np.ndarray], found: Sequence[Bool[np.ndarray, "_ _"]]
) -> Float[np.ndarray, " 2"]:
    """`DetectionNoise.metric_follow` by least squares on what the scale leaves."""
    numerator, denominator = np.zeros(2), np.zeros(2)
    for metric, factor, valid in zip(clips, scale, found):
        offset = metric.detected[..., :2] / factor[..., None, None] - metric.true[..., :2]
        numerator += (offset * metric.image_error)[valid].sum((0, 1))
        denominator += (metric.image_error**2)[valid].sum((0, 1))
    return np.clip(numerator / np.maximum(denominator, 1e-9), 0, 1.2)


def _fit_depth_mix(clips: Sequence[_MetricClip], scale: Sequence[np.ndarray]) -> Float[np.ndarray, "5 2"]:
    """`DetectionNoise.metric_depth_mix` by least squares for each kind of skeleton."""
    mix = np.tile([1.0, 0.0], (5, 1))
    for kind in (OWN_SKELETON, SIDES_SWAPPED, OTHER_PERSON, UNRELIABLE):
        rows, targets = [], []
        for metric, factor in zip(clips, scale):
            chosen = metric.clip.skeleton_kind == kind
            depth = metric.true[..., 2]
            rows.append(np.stack([depth, depth[:, :, MIRROR]], -1)[chosen].reshape(-1, 2))
            targets.append((metric.detected[..., 2] / factor[..., None])[chosen].ravel())
        both, detected = np.concatenate(rows), np.concatenate(targets)
        if len(both) > FEW_SAMPLES * len(GROUP) / 3:
            mix[kind] = np.linalg.lstsq(both, detected, rcond=None)[0]
    return mix


def _residual_tables(
    residuals: Sequence[np.ndarray], found: Sequence[np.ndarray], state: Sequence[np.ndarray]
) -> tuple[np.ndarray, list[Scores]]:
    """Quantiles [S,G,3,Q] of residuals [P,T,33,3], and their scores."""
    valid = [np.broadcast_to(f[..., None], (*f.shape, len(GROUP))) for f in found]
    group = [np.broadcast_to(GROUP, v.shape) for v in valid]
    tables, scores = zip(
        *(
            quantile_table(
                [r[..., axis] for r in residuals], valid, (state, group), (LANDMARK_STATES, len(GROUPS)), ((0,),)
            )
            for axis in (0, 1, 2)
        )
    )
    return np.stack(tables, -2), Scores.stack(scores)
