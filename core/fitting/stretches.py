"""Stretches of a clip that are worked on by themselves, and blended into the rest, which stays as it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float

from ..body.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from ..contract.runs import find_runs
from ..motion import PairMotion, Timeline

_ROTATIONS = ("global_orient", "body_pose", "left_hand_pose", "right_hand_pose")


def seconds_from(marked: Bool[np.ndarray, " T"], timeline: Timeline) -> Float[np.ndarray, " T"]:
    """From each frame to the nearest marked one; infinite where none is marked."""
    if not marked.any():
        return np.full(len(marked), np.inf)
    times = np.sort(timeline.time[marked])
    after = np.searchsorted(times, timeline.time)
    nearest = times[np.stack([after - 1, after]).clip(0, len(times) - 1)]
    return np.abs(timeline.time - nearest).min(0)


def stretches_around(marked: Bool[np.ndarray, " T"], timeline: Timeline, seconds: float) -> list[slice]:
    """The frames that are no more than `seconds` from a marked one, in runs without a gap."""
    return find_runs(seconds_from(marked, timeline) <= seconds)


def with_stretch(motion: PairMotion, stretch: slice, part: PairMotion, weight: Float[np.ndarray, " F"]) -> PairMotion:
    """The motion with another one in the F frames of a stretch, as far as the weight, in 0-1, says; at 0 it stays exactly."""
    changed = stretch.start + np.flatnonzero(weight)
    within = blended(motion.frames(changed), part.frames(changed - stretch.start), weight[weight != 0])
    arrays = {name: getattr(motion, name).copy() for name in (*_ROTATIONS, "pelvis")}
    for name, array in arrays.items():
        array[:, changed] = getattr(within, name)
    return replace(motion, **arrays)


def blended(before: PairMotion, after: PairMotion, weight: Float[np.ndarray, " T"]) -> PairMotion:
    """One motion where the weight is 0, the other where it is 1, and in between along the shortest way."""
    rotations = {name: _blended_rotations(getattr(before, name), getattr(after, name), weight) for name in _ROTATIONS}
    w = weight[None, :, None]
    return replace(before, pelvis=(1 - w) * before.pelvis + w * after.pelvis, **rotations)


def _blended_rotations(before: np.ndarray, after: np.ndarray, weight: np.ndarray) -> np.ndarray:
    first, second = (axis_angle_to_matrix(torch.from_numpy(angles)) for angles in (before, after))
    factor = torch.from_numpy(weight).reshape(1, -1, *[1] * (before.ndim - 2))
    step = axis_angle_to_matrix(matrix_to_axis_angle(first.mT @ second) * factor)
    return matrix_to_axis_angle(first @ step).numpy()
