"""Error sizes, confidence and scale of landmarks in the image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.special import ndtr

from ..evaluation.detection_noise.conditions import condition_bins
from ..evaluation.detection_noise.geometry import bone_lengths
from ..evaluation.detection_noise.landmark_groups import ANKLES, BONES, GROUP, GROUPS, LIMBS, TRUNK
from ..evaluation.detection_noise.states import (
    CONDITION_BINS,
    ERROR_EDGES,
    LANDMARK_STATES,
    NOT_FOUND,
    OTHER_PERSON,
    OTHERS_OPPOSITE_LIMB,
    OTHERS_SAME_LIMB,
    PROBABILITIES,
)
from ..evaluation.detection_noise.targets import NoiseTargets, noise_targets
from .matching import MatchedClip
from .quantile_tables import Scores, part_correlation, process_weights_by_group, quantile_table

_ROBUST = 0.03
"""In body heights: residual at which a landmark loses its influence on the skeleton's scale (Geman-McClure)."""
_SCALE_PRIOR = 0.003
"""Mean square, in body heights, that pulls the skeleton's scale to one."""
_NOTABLE = 0.05
"""A scale nearer to one than this is not an error of its own."""
_LONGEST = 0.97
"""Share of the frames in which a bone is at most as long as the model's longest."""


def fit_middle_joint_follow(clips: Sequence[MatchedClip]) -> float:
    """How far elbows and knees move along with a limb's end that lies on the other person; least squares."""
    numerator = denominator = 0.0
    for clip in clips:
        targets = noise_targets(clip.projected, clip.conditions.landmark_state, clip.skeleton_kind, clip.limb_kind, 1.0)
        for number, limb in enumerate(LIMBS):
            is_taken = np.isin(clip.limb_kind[..., number], (OTHERS_SAME_LIMB, OTHERS_OPPOSITE_LIMB))
            own = clip.projected.landmarks_px[..., limb[-1], :][is_taken]
            offset = targets.aimed_px[..., limb[-1], :][is_taken] - own
            numerator += float((offset * (clip.detections.keypoints[..., limb[-1], :2][is_taken] - own)).sum())
            denominator += float((offset**2).sum())
    return round(float(np.clip(numerator / max(denominator, 1e-9), 0, 1)), 3) if denominator else 0.5


def fit_scales(
    clips: Sequence[MatchedClip], targets: Sequence[NoiseTargets]
) -> tuple[list[Float[np.ndarray, "_ _"]], float]:
    """The scale of the detected skeletons of each clip, and the fixed point of the scaling (`DetectionNoise.scale_centre`)."""
    scales, numerator, denominator = [], 0.0, 1e-9
    for clip, target in zip(clips, targets):
        scale, offset = _similarity(clip, target)
        trunk, ankles = (target.skeleton_px[:, :, part].mean(2) for part in (TRUNK, ANKLES))
        expected = (1 - scale)[..., None] * (ankles - trunk) / target.height_px[..., None]
        chosen = (clip.skeleton_kind != NOT_FOUND) & (notable_scale(scale) != 1)
        numerator += float((offset * expected)[chosen].sum())
        denominator += float((expected**2)[chosen].sum())
        scales.append(scale)
    return scales, round(float(np.clip(numerator / denominator, -1, 1)), 3)


def notable_scale(scale: Float[np.ndarray, "P T"]) -> Float[np.ndarray, "P T"]:
    """The scale, or 1 where it is too near to 1 to be an error of its own."""
    return np.where(np.abs(scale - 1) < _NOTABLE, 1.0, scale)


def fit_landmarks(clips: Sequence[MatchedClip], targets: Sequence[NoiseTargets]) -> dict[str, Any]:
    """The fields `error_…`, `confidence…` and `max_bone_ratio` of the noise model."""
    errors = [
        (c.detections.keypoints[..., :2] - t.aimed_px) / t.height_px[..., None, None] for c, t in zip(clips, targets)
    ]
    found = [
        np.broadcast_to((c.skeleton_kind != NOT_FOUND)[..., None], (*c.skeleton_kind.shape, len(GROUP))) for c in clips
    ]
    group = [np.broadcast_to(GROUP, f.shape) for f in found]
    bins = [
        np.broadcast_to(condition_bins(c.conditions.closeness_bin, c.skeleton_kind)[..., None], f.shape)
        for c, f in zip(clips, found)
    ]
    state = [t.state for t in targets]
    keys, sizes, pooling = (bins, state, group), (CONDITION_BINS, LANDMARK_STATES, len(GROUPS)), ((1, 2), (1,))
    medians = [
        quantile_table([e[..., axis] for e in errors], found, keys, sizes, pooling)[0][..., len(PROBABILITIES) // 2]
        for axis in (0, 1)
    ]
    bias = np.stack(medians, -1)
    centred = [e - bias[b, s, g] for e, b, s, g in zip(errors, bins, state, group)]
    radius, ranks = quantile_table([np.linalg.norm(e, axis=-1) for e in centred], found, keys, sizes, pooling)
    scores = [_scores_of_vectors(e, rank) for e, rank in zip(centred, ranks)]
    error_bin = [np.digitize(np.linalg.norm(e, axis=-1), ERROR_EDGES) for e in errors]
    confidence, confidence_scores = quantile_table(
        [c.confidence for c in clips],
        found,
        (state, error_bin, group),
        (LANDMARK_STATES, len(ERROR_EDGES) + 1, len(GROUPS)),
        ((0, 1), (0,)),
    )
    confidence_scores = Scores.stack([confidence_scores])
    sigma, _ = quantile_table(
        [c.sigma for c in clips],
        found,
        (state, error_bin, group),
        (LANDMARK_STATES, len(ERROR_EDGES) + 1, len(GROUPS)),
        ((0, 1), (0,)),
    )
    rates = [c.rate for c in clips]
    return {
        "max_bone_ratio": longest_bones(_bone_ratios_in_image(clips, targets)),
        "error_bias": bias,
        "error_radius": radius,
        "error_weights": process_weights_by_group(scores, rates),
        "error_correlation": part_correlation(scores),
        "confidence": confidence,
        "sigma": sigma,
        "confidence_weights": process_weights_by_group(confidence_scores, rates),
        "confidence_correlation": part_correlation(confidence_scores),
    }


def bone_ratios(
    points: Float[np.ndarray, "P T 33 D"], length: np.ndarray, skeleton_kind: Int[np.ndarray, "P T"]
) -> Float[np.ndarray, "F N"]:
    """Lengths of bones relative to the true ones ([P,1,N] or [P,T,N]) of whoever was detected, in frames with a detection."""
    ends = np.array(BONES)
    detected = np.linalg.norm(points[:, :, ends[:, 0]] - points[:, :, ends[:, 1]], axis=-1)
    true = np.where((skeleton_kind == OTHER_PERSON)[..., None], length[::-1], length)
    return (detected / true)[skeleton_kind != NOT_FOUND]


def longest_bones(ratios: Sequence[Float[np.ndarray, "_ N"]]) -> Float[np.ndarray, " N"]:
    """How many times its expected length each of N bones has at most, but for outliers."""
    return np.quantile(np.concatenate(ratios), _LONGEST, axis=0).clip(1.0, None)


def _bone_ratios_in_image(clips: Sequence[MatchedClip], targets: Sequence[NoiseTargets]) -> list[np.ndarray]:
    return [
        bone_ratios(
            clip.detections.keypoints[..., :2] / target.height_px[..., None, None],
            bone_lengths(clip.projected, clip.camera)[:, None],
            clip.skeleton_kind,
        )
        for clip, target in zip(clips, targets)
    ]


def _similarity(clip: MatchedClip, targets: NoiseTargets) -> tuple[np.ndarray, np.ndarray]:
    """Scale [P,T] of the detected skeleton by most of its landmarks (iteratively reweighted least squares), and how far that
    similarity moves the trunk [P,T,2], in body heights."""
    height = targets.height_px[..., None, None]
    true, detected = (points / height for points in (targets.aimed_px, clip.detections.keypoints[..., :2]))
    weight = np.ones(true.shape[:-1])
    scale, means = np.ones(true.shape[:2]), (true.mean(2), detected.mean(2))
    residual = np.zeros(true.shape[:-1])
    for _ in range(6):
        share = (weight / weight.sum(-1, keepdims=True))[..., None]
        means = ((share * true).sum(2), (share * detected).sum(2))
        a, b = true - means[0][:, :, None], detected - means[1][:, :, None]
        scale = ((share * a * b).sum((2, 3)) + _SCALE_PRIOR) / ((share * a * a).sum((2, 3)) + _SCALE_PRIOR)
        residual = np.linalg.norm(b - scale[..., None, None] * a, axis=-1)
        weight = (1 + (residual / _ROBUST) ** 2) ** -2
    is_similar = (residual < _ROBUST).mean(-1) > 0.5  # otherwise the skeleton is wrong, not scaled
    scale = np.where(is_similar, np.clip(scale, 0.3, 1.3), 1.0)
    trunk = targets.skeleton_px[:, :, TRUNK].mean(2) / targets.height_px[..., None]
    return scale, means[1] + scale[..., None] * (trunk - means[0]) - trunk


def _scores_of_vectors(error: np.ndarray, rank: Scores) -> Scores:
    """Two normal scores [...,2] of errors [...,2], whose length has the quantile of the rank (Rayleigh distribution)."""
    radius = np.sqrt(-2 * np.log(1 - ndtr(rank.score)))
    direction = error / np.maximum(np.linalg.norm(error, axis=-1, keepdims=True), 1e-9)
    return Scores(radius[..., None] * direction, np.stack([rank.cell, rank.cell], -1))
