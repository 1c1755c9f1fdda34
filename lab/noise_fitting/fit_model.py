"""Fits the noise model of `lab.evaluation.detection_noise` to clips whose detections and ground truth are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..evaluation.detection_noise.noise_model import DetectionNoise
from ..evaluation.detection_noise.targets import noise_targets
from .fit_chains import fit_chains
from .fit_hands import fit_hands
from .fit_landmarks import fit_landmarks, fit_middle_joint_follow, fit_scales, notable_scale
from .fit_masks import fit_masks
from .fit_metric_landmarks import fit_metric_landmarks
from .matching import MatchedClip


def fit_detection_noise(clips: Sequence[MatchedClip], provenance: dict[str, Any]) -> DetectionNoise:
    """The noise model of the clips' detections; `provenance` says where they come from."""
    follow = fit_middle_joint_follow(clips)
    targets = [
        noise_targets(c.projected, c.conditions.landmark_state, c.skeleton_kind, c.limb_kind, follow) for c in clips
    ]
    scales, centre = fit_scales(clips, targets)
    targets = [target.scaled(notable_scale(scale), centre) for target, scale in zip(targets, scales)]
    return DetectionNoise(
        provenance=provenance,
        middle_joint_follow=follow,
        scale_centre=centre,
        **fit_chains(clips),
        **fit_landmarks(clips, targets),
        **fit_metric_landmarks(clips, targets, scales),
        **fit_hands(clips),
        **fit_masks(clips),
    )
