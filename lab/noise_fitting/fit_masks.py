"""Errors of the masks: dilation, roughness and softness of the outline, leaks onto the other person, and missed parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from ..evaluation.detection_noise.conditions import condition_bins
from ..evaluation.detection_noise.states import CONDITION_BINS, NOT_FOUND, OWN_SKELETON, SIDES_SWAPPED, UNRELIABLE
from .matching import MatchedClip
from .quantile_tables import Scores, process_weights, quantile_table

_CLAIMED = 96 / 255
"""Mask value above which a pixel may be the person's."""
_FEW_PIXELS = 15
"""Areas and outlines with no more pixels are not measured."""


def fit_masks(clips: Sequence[MatchedClip]) -> dict[str, Any]:
    """The fields `mask_…` of the noise model."""
    measured = [_mask_errors(clip) for clip in clips]
    bins = [condition_bins(c.conditions.closeness_bin, c.skeleton_kind) for c in clips]
    own = [np.isin(c.skeleton_kind, (OWN_SKELETON, SIDES_SWAPPED, UNRELIABLE)) for c in clips]
    fitted: dict[str, Any] = {}
    scores = []
    for number, name in enumerate(("mask_dilation", "mask_leak", "mask_miss")):
        fitted[name], score = quantile_table(
            [np.nan_to_num(m[..., number]) for m in measured],
            [valid & ~np.isnan(m[..., number]) for valid, m in zip(own, measured)],
            (bins,),
            (CONDITION_BINS,),
        )
        scores.append(score)
    edges = np.concatenate([m[valid][:, 3:] for m, valid in zip(measured, own)])
    return fitted | {
        "mask_edge_width": round(float(np.nanmedian(edges[:, 0])), 4),
        "mask_roughness": round(float(np.nanmedian(np.maximum(edges[:, 1] - edges[:, 0] / 4, 0))) * 1.25, 4),
        "mask_weights": process_weights(Scores.stack(scores), [c.rate for c in clips]),
    }


def _mask_errors(clip: MatchedClip) -> np.ndarray:
    """[P,T,5] dilation, leak, miss and edge width as in `masks.MaskErrors` (lengths in body heights), and the mean distance of
    the outlines; NaN where there is too little to measure."""
    people, frames = clip.skeleton_kind.shape
    errors = np.full((people, frames, 5), np.nan)
    scale = clip.projected.masks.shape[3] / clip.detections.image_size[0]
    for person in range(people):
        for frame in np.flatnonzero(clip.skeleton_kind[person] != NOT_FOUND):
            mine, theirs = clip.projected.masks[person, frame] > 127, clip.projected.masks[1 - person, frame] > 127
            detected = clip.detections.masks[person, frame] / 255
            height = clip.projected.height_px[person, frame] * scale
            inner = _eroded(mine)
            edge = mine & ~inner
            apart = ~_dilated(theirs, 4) & ~inner
            near = _dilated(mine, 6)
            border = float((edge & apart).sum())
            if border > _FEW_PIXELS:
                errors[person, frame, 0] = (detected[apart & near].sum() - edge[apart].sum()) / border / height
                soft = (detected > 0.1) & (detected < 0.9) & apart & near
                errors[person, frame, 3] = soft.sum() / border / 0.8 / height
                errors[person, frame, 4] = np.abs(detected - edge)[apart & near].sum() / border / height
            if theirs.sum() > _FEW_PIXELS:
                errors[person, frame, 1] = (detected[theirs] > _CLAIMED).mean()
            if inner.sum() > _FEW_PIXELS:
                errors[person, frame, 2] = (detected[inner] <= _CLAIMED).mean()
    return errors


def _eroded(mask: np.ndarray) -> np.ndarray:
    return cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)


def _dilated(mask: np.ndarray, reach: int) -> np.ndarray:
    return cv2.dilate(mask.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)).astype(bool)
