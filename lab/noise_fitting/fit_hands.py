"""Errors of the hand network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from core.body.rotations import kabsch

from ..evaluation.detection_noise.geometry import hand_targets, metric_hands, project_hands
from ..evaluation.detection_noise.states import NO_HAND, PROBABILITIES, WRONG_HAND
from .matching import MatchedClip
from .quantile_tables import FEW_SAMPLES, process_weights, quantile_table


def fit_hands(clips: Sequence[MatchedClip]) -> dict[str, Any]:
    """The fields of the noise model about hands, without their Markov chain."""
    measured = [_hand_errors(clip) for clip in clips]
    is_there = [clip.hand_kind != NO_HAND for clip in clips]
    is_wrong = [(clip.hand_kind == WRONG_HAND).astype(int) for clip in clips]

    def quantiles(name: str) -> np.ndarray:
        return _quantiles_by_kind([errors[name] for errors in measured], is_there, is_wrong)

    offsets = [errors["hand_offset"] for errors in measured]
    valid = [np.broadcast_to(mask[..., None], offset.shape) for offset, mask in zip(offsets, is_there)]
    kind = [np.broadcast_to(wrong[..., None], offset.shape) for offset, wrong in zip(offsets, is_wrong)]
    offset_scores = quantile_table(offsets, valid, (kind,), (2,))[1]
    fitted: dict[str, Any] = {name: quantiles(name) for name in measured[0]}
    return {**fitted, "hand_weights": process_weights(offset_scores, [c.rate for c in clips])}


def _hand_errors(clip: MatchedClip) -> dict[str, np.ndarray]:
    """Errors of one clip [P,T,2,...], by the field of the noise model that they belong to."""
    targets = hand_targets(clip.projected, clip.camera, clip.hand_kind == WRONG_HAND)
    height = clip.projected.height_px[..., None, None, None]
    error = (clip.detections.hands[..., :2] - project_hands(targets, clip.camera)) / height
    offset = error.mean(3)
    true = metric_hands(targets, clip.detections.hands[..., :2], clip.camera)
    detected = clip.detections.hand_landmarks - clip.detections.hand_landmarks.mean(3, keepdims=True)
    rotation, scale, residual = _hand_similarity(true, detected.astype(float))
    return {
        "hand_offset": offset,
        "hand_error": error - offset[:, :, :, None],
        "hand_score": clip.detections.hands[..., 0, 2],
        "hand_rotation": rotation,
        "metric_hand_error": residual,
        "metric_hand_scale": scale,
    }


def _quantiles_by_kind(
    values: Sequence[np.ndarray], is_there: Sequence[np.ndarray], is_wrong: Sequence[np.ndarray]
) -> np.ndarray:
    """[2,Q] of right and of wrong hands; few hands of one kind take those of both."""
    rows = []
    for kind in (0, 1):
        chosen = [v[there & (wrong == kind)].ravel() for v, there, wrong in zip(values, is_there, is_wrong)]
        pool = np.concatenate(chosen)
        if len(pool) < FEW_SAMPLES:
            pool = np.concatenate([v[there].ravel() for v, there in zip(values, is_there)])
        rows.append(np.quantile(pool, PROBABILITIES) if len(pool) else np.zeros(len(PROBABILITIES)))
    return np.array(rows)


def _hand_similarity(true: np.ndarray, detected: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rotation vectors [P,T,2,3], scales [P,T,2] and residuals [P,T,2,21,3] from true to detected hands about their middles."""
    rotation = kabsch(torch.from_numpy(true), torch.from_numpy(detected)).numpy()
    rotated = true @ rotation.swapaxes(-1, -2)
    scale = (rotated * detected).sum((-1, -2)) / np.maximum((rotated**2).sum((-1, -2)), 1e-9)
    vector = Rotation.from_matrix(rotation.reshape(-1, 3, 3)).as_rotvec().reshape(*rotation.shape[:-2], 3)
    return vector, scale, detected - scale[..., None, None] * rotated
