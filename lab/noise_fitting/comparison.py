"""Statistics that show how alike real and simulated detections of the same motions are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from core.perception.landmarks import LIMBS as LIMB_JOINTS

from ..evaluation.detection_noise.geometry import landmarks_about_hips
from ..evaluation.detection_noise.landmark_groups import GROUP, GROUPS
from ..evaluation.detection_noise.states import (
    CLEAR,
    NO_HAND,
    NOT_FOUND,
    OCCLUDED_BY_OTHER,
    OTHER_PERSON,
    OTHERS_OPPOSITE_LIMB,
    OTHERS_SAME_LIMB,
    OUTSIDE_IMAGE,
    OWN_OPPOSITE_LIMB,
    OWN_SKELETON,
    SELF_OCCLUDED,
    SIDES_SWAPPED,
    UNRELIABLE,
    WRONG_HAND,
)
from ..evaluation.metrics import pa_mpjpe
from .matching import MatchedClip

SECOND_DIFFERENCE = "error: second difference q0.5 %"
METRIC_SECOND_DIFFERENCE = "metric: second difference q0.5 mm"
_SKELETONS = {
    "not found": NOT_FOUND,
    "sides swapped": SIDES_SWAPPED,
    "other person": OTHER_PERSON,
    "unreliable": UNRELIABLE,
}
_LANDMARKS = {
    "visible": CLEAR,
    "self-occluded": SELF_OCCLUDED,
    "occluded by the other": OCCLUDED_BY_OTHER,
    "outside the image": OUTSIDE_IMAGE,
}
_FEW = 50
"""Landmarks of a state; with fewer there are no statistics of it."""


def detection_statistics(clips: Sequence[MatchedClip]) -> dict[str, float]:
    """Named statistics over all clips. Errors and their differences in percent of body height."""
    return _failures(clips) | _errors(clips) | _differences(clips) | _metric(clips) | _hands(clips) | _masks(clips)


def comparison_table(real: Mapping[str, float], simulated: Mapping[str, float]) -> str:
    """Real and simulated values side by side, as plain text."""
    rows = [f"{'':50s} {'real':>9s} {'simulated':>9s}"]
    rows += [f"{name:50s} {real[name]:9.2f} {simulated.get(name, float('nan')):9.2f}" for name in real]
    return "\n".join(rows)


def _failures(clips: Sequence[MatchedClip]) -> dict[str, float]:
    skeleton = np.concatenate([c.skeleton_kind for c in clips], 1)
    limb = np.concatenate([c.limb_kind for c in clips], 1)[skeleton == OWN_SKELETON]
    found = {f"skeleton: {name} %": _percent(skeleton == kind) for name, kind in _SKELETONS.items()}
    found["limb: other person's %"] = _percent(np.isin(limb, (OTHERS_SAME_LIMB, OTHERS_OPPOSITE_LIMB)))
    found["limb: opposite one %"] = _percent(limb == OWN_OPPOSITE_LIMB)
    return found


def _errors(clips: Sequence[MatchedClip]) -> dict[str, float]:
    valid = np.concatenate([c.skeleton_kind for c in clips], 1) != NOT_FOUND
    error = np.concatenate([np.linalg.norm(_error_vectors(c), axis=-1) for c in clips], 1)[valid]
    state = np.concatenate([c.conditions.landmark_state for c in clips], 1)[valid]
    confidence = np.concatenate([c.detections.keypoints[..., 2] for c in clips], 1)[valid]
    sigma = np.concatenate([c.sigma for c in clips], 1)[valid]
    found = {"PCK@0.1 %": _percent(error < 0.1), "PCK@0.03 %": _percent(error < 0.03)}
    for name, kind in _LANDMARKS.items():
        chosen = state == kind
        if chosen.sum() < _FEW:
            continue
        for probability in (0.5, 0.9, 0.98):
            found[f"error: {name} q{probability:g} %"] = 100 * float(np.quantile(error[chosen], probability))
        found[f"confidence: {name}"] = float(confidence[chosen].mean())
        found[f"sigma: {name} q0.5 %"] = 100 * float(np.median(sigma[chosen]))
        found[f"within 2 sigma: {name} %"] = _percent((error < 2 * sigma)[chosen])
        found[f"confident (>0.5): {name} %"] = _percent(confidence[chosen] > 0.5)
        found[f"confident and wrong (>0.1): {name} %"] = _percent(((confidence > 0.5) & (error > 0.1))[chosen])
    for number, group in enumerate(GROUPS):
        found[f"error: {group} q0.5 %"] = 100 * float(np.median(error[:, number == GROUP]))
        found[f"error: {group} q0.9 %"] = 100 * float(np.quantile(error[:, number == GROUP], 0.9))
    return found


def _differences(clips: Sequence[MatchedClip]) -> dict[str, float]:
    found: dict[str, float] = {}
    for order, name in ((1, "first difference"), (2, "second difference")):
        steps = []
        for clip in clips:
            error = np.where((clip.skeleton_kind != NOT_FOUND)[..., None, None], _error_vectors(clip), np.nan)
            steps.append(np.linalg.norm(np.diff(error, n=order, axis=1), axis=-1).ravel())
        found[f"error: {name} %"] = 100 * float(np.nanmean(np.concatenate(steps)))
        found[f"error: {name} q0.5 %"] = 100 * float(np.nanmedian(np.concatenate(steps)))
    return found


def _error_vectors(clip: MatchedClip) -> np.ndarray:
    """[P,T,33,2] in body heights."""
    error = clip.detections.keypoints[..., :2] - clip.projected.landmarks_px
    return error / clip.projected.height_px[..., None, None]


def _metric(clips: Sequence[MatchedClip]) -> dict[str, float]:
    valid = np.concatenate([c.skeleton_kind for c in clips], 1) != NOT_FOUND
    true = np.concatenate([landmarks_about_hips(c.projected, c.camera) for c in clips], 1)[valid][:, LIMB_JOINTS]
    detected = np.concatenate([c.detections.world_landmarks for c in clips], 1)[valid][:, LIMB_JOINTS].astype(float)
    error = np.abs(detected - true).mean((0, 1))
    steps = np.concatenate(
        [np.diff(c.detections.world_landmarks, n=2, axis=1)[:, :, LIMB_JOINTS].ravel() for c in clips]
    )
    return {
        "metric: MPJPE mm": 1000 * float(np.linalg.norm(detected - true, axis=-1).mean()),
        "metric: PA-MPJPE mm": pa_mpjpe(detected, true),
        "metric: to the right mm": 1000 * float(error[0]),
        "metric: down mm": 1000 * float(error[1]),
        "metric: depth mm": 1000 * float(error[2]),
        "metric: second difference mm": 1000 * float(np.abs(steps).mean()),
        METRIC_SECOND_DIFFERENCE: 1000 * float(np.median(np.abs(steps))),
    }


def _hands(clips: Sequence[MatchedClip]) -> dict[str, float]:
    kind = np.concatenate([c.hand_kind for c in clips], 1)
    score = np.concatenate([c.detections.hands[..., 0, 2] for c in clips], 1)
    return {
        "hand: detected %": _percent(kind != NO_HAND),
        "hand: wrong %": _percent(kind == WRONG_HAND),
        "hand: score": float(score[kind != NO_HAND].mean()),
    }


def _masks(clips: Sequence[MatchedClip]) -> dict[str, float]:
    ious, leaks = [], []
    for clip in clips:
        for person in (0, 1):
            valid = clip.skeleton_kind[person] != NOT_FOUND
            detected, true = clip.detections.masks[person][valid] / 255, clip.projected.masks[person][valid] / 255
            other = clip.projected.masks[1 - person][valid] / 255
            intersection = np.minimum(detected, true).sum((1, 2))
            ious.append(intersection / np.maximum(np.maximum(detected, true).sum((1, 2)), 1))
            is_visible = other.sum((1, 2)) > 15
            leaks.append((detected * other)[is_visible].sum((1, 2)) / other[is_visible].sum((1, 2)))
    iou, leak = np.concatenate(ious), np.concatenate(leaks)
    return {
        "mask: IoU q0.5 %": 100 * float(np.median(iou)),
        "mask: IoU q0.1 %": 100 * float(np.quantile(iou, 0.1)),
        "mask: leak onto the other q0.9 %": 100 * float(np.quantile(leak, 0.9)),
    }


def _percent(mask: np.ndarray) -> float:
    return 100 * float(mask.mean())
