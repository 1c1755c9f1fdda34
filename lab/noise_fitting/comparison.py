"""How alike really seen and simulated tracks of the same motions are, in numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from core.perception.assignment import LIMBS as LIMB_JOINTS

from ..evaluation.detection_noise.model import (
    CLEAR,
    GROUP,
    GROUPS,
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
from ..evaluation.detection_noise.simulate import landmarks_about_hips
from ..evaluation.metrics import pa_mpjpe
from .matching import MatchedClip

_STATES = {
    "seen": CLEAR,
    "behind oneself": SELF_OCCLUDED,
    "behind the other": OCCLUDED_BY_OTHER,
    "outside": OUTSIDE_IMAGE,
}


def detection_statistics(clips: Sequence[MatchedClip]) -> dict[str, float]:
    """Named measures over all clips. Errors in percent of the person's height."""
    out: dict[str, float] = {}
    whose = np.concatenate([c.skeleton_kind for c in clips], 1)
    out |= {f"whose: {name} %": 100 * float((whose == kind).mean()) for name, kind in
            (("nobody", NOT_FOUND), ("exchanged", SIDES_SWAPPED), ("the other", OTHER_PERSON), ("poor", UNRELIABLE))}  # fmt: skip
    limbs = np.concatenate([c.limb_kind for c in clips], 1)[whose == OWN_SKELETON]
    out["limbs stolen %"] = 100 * float(np.isin(limbs, (OTHERS_SAME_LIMB, OTHERS_OPPOSITE_LIMB)).mean())
    out["limbs exchanged %"] = 100 * float((limbs == OWN_OPPOSITE_LIMB).mean())
    found = whose != NOT_FOUND
    error = np.concatenate([_errors(c) for c in clips], 1)[found]
    state = np.concatenate([c.conditions.landmark_state for c in clips], 1)[found]
    confidence = np.concatenate([c.detections.keypoints[..., 2] for c in clips], 1)[found]
    ambiguous = np.concatenate([c.detections.ambiguous for c in clips], 1)[found]
    out["PCK@0.1 %"] = 100 * float((error < 0.1).mean())
    out["PCK@0.03 %"] = 100 * float((error < 0.03).mean())
    for name, kind in _STATES.items():
        chosen = state == kind
        if chosen.sum() < 50:
            continue
        for share in (0.5, 0.9, 0.98):
            out[f"error {name} q{share:g} %"] = 100 * float(np.quantile(error[chosen], share))
        out[f"confidence {name}"] = float(confidence[chosen].mean())
        out[f"confident (>0.5) {name} %"] = 100 * float((confidence[chosen] > 0.5).mean())
        out[f"confident and wrong (>0.1) {name} %"] = 100 * float(((confidence > 0.5) & (error > 0.1))[chosen].mean())
    for number, group in enumerate(GROUPS):
        out[f"error {group} q0.5 %"] = 100 * float(np.median(error[:, number == GROUP]))
        out[f"error {group} q0.9 %"] = 100 * float(np.quantile(error[:, number == GROUP], 0.9))
    out["contested %"] = 100 * float(ambiguous.mean())
    for order, name in ((1, "step"), (2, "second difference")):
        steps = np.concatenate([_differences(c, order) for c in clips])
        out[f"error's {name} %"] = 100 * float(np.nanmean(steps))
        out[f"error's {name} q0.5 %"] = 100 * float(np.nanmedian(steps))
    out |= _metric(clips) | _hands(clips) | _masks(clips)
    return out


def _errors(clip: MatchedClip) -> np.ndarray:
    return (
        np.linalg.norm(clip.detections.keypoints[..., :2] - clip.projected.landmarks_px, axis=-1)
        / clip.projected.height_px[..., None]
    )


def _differences(clip: MatchedClip, order: int) -> np.ndarray:
    error = (clip.detections.keypoints[..., :2] - clip.projected.landmarks_px) / clip.projected.height_px[
        ..., None, None
    ]
    error = np.where((clip.skeleton_kind != NOT_FOUND)[..., None, None], error, np.nan)
    return np.linalg.norm(np.diff(error, n=order, axis=1), axis=-1).ravel()


def _metric(clips: Sequence[MatchedClip]) -> dict[str, float]:
    found = np.concatenate([c.skeleton_kind for c in clips], 1) != NOT_FOUND
    true = np.concatenate([landmarks_about_hips(c.projected, c.camera) for c in clips], 1)[found][:, LIMB_JOINTS]
    seen = np.concatenate([c.detections.world_landmarks for c in clips], 1)[found][:, LIMB_JOINTS]
    seen = seen.astype(float)
    error = np.abs(seen - true).mean((0, 1))
    steps = np.concatenate(
        [np.diff(c.detections.world_landmarks, n=2, axis=1)[:, :, LIMB_JOINTS].ravel() for c in clips]
    )
    return {
        "metric MPJPE mm": 1000 * float(np.linalg.norm(seen - true, axis=-1).mean()),
        "metric PA-MPJPE mm": pa_mpjpe(seen, true),
        "metric across mm": 1000 * float(error[0]),
        "metric down mm": 1000 * float(error[1]),
        "metric depth mm": 1000 * float(error[2]),
        "metric second difference mm": 1000 * float(np.abs(steps).mean()),
        "metric second difference q0.5 mm": 1000 * float(np.median(np.abs(steps))),
    }


def _hands(clips: Sequence[MatchedClip]) -> dict[str, float]:
    kinds = np.concatenate([c.hand_kind for c in clips], 1)
    return {
        "hands given %": 100 * float((kinds != NO_HAND).mean()),
        "hands wrong %": 100 * float((kinds == WRONG_HAND).mean()),
        "hands' score": float(
            np.concatenate([c.detections.hands[..., 0, 2] for c in clips], 1)[kinds != NO_HAND].mean()
        ),
    }


def _masks(clips: Sequence[MatchedClip]) -> dict[str, float]:
    overlaps, taken = [], []
    for clip in clips:
        for person in (0, 1):
            found = clip.skeleton_kind[person] != NOT_FOUND
            seen, true = clip.detections.masks[person][found] / 255, clip.projected.masks[person][found] / 255
            others = clip.projected.masks[1 - person][found] / 255
            both = np.minimum(seen, true).sum((1, 2))
            overlaps.append(both / np.maximum(np.maximum(seen, true).sum((1, 2)), 1))
            there = others.sum((1, 2)) > 15
            taken.append((seen * others)[there].sum((1, 2)) / others[there].sum((1, 2)))
    overlap, share = np.concatenate(overlaps), np.concatenate(taken)
    return {
        "mask IoU q0.5 %": 100 * float(np.median(overlap)),
        "mask IoU q0.1 %": 100 * float(np.quantile(overlap, 0.1)),
        "mask takes of the other's q0.9 %": 100 * float(np.quantile(share, 0.9)),
    }


def comparison_table(real: Mapping[str, float], simulated: Mapping[str, float]) -> str:
    rows = [f"{'':42s} {'real':>9s} {'simulated':>9s}"]
    rows += [f"{name:42s} {real[name]:9.2f} {simulated.get(name, float('nan')):9.2f}" for name in real]
    return "\n".join(rows)
