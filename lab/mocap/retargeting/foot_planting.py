"""Foot planting of a retargeted motion: puts it on the floor and stops its feet from sliding through or hovering above it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from core.contract.runs import find_runs

from ..runs import consecutive_runs
from .filters import clean_flags, gaussian_smooth, interpolate_gaps
from .floor import flatten_feet, floor_offset, level_feet_on_average, lift_above_floor, soles_face_floor
from .legs import ANKLE, BALL, Legs
from .skeletons import GlobalRotations, TargetSkeleton


@dataclass(frozen=True)
class FootPlantingSettings:
    """When a recorded foot stands. Metres, seconds, metres per second."""

    slow_speed: float = 0.40
    still_speed: float = 0.20
    """A point is still during a run of frames below `slow_speed` that comes below `still_speed`."""
    speed_smoothing: float = 0.012
    """Over which recorded positions are averaged before their speed is taken."""
    min_frames: int = 3
    max_gap: int = 2
    """Shortest stance, and longest gap in it that is closed, frames."""
    max_height: float = 0.06
    """A still foot this near to the floor stands on it, and is put there."""
    max_drift: float = 0.025
    drift_window: float = 0.25
    """A still foot that moves further than `max_drift` within `drift_window` before or after slides, and keeps sliding."""
    max_creep: float = 0.04
    """A foot that drifts further than this during a stance, however slowly, begins a new stance."""
    pelvis_smoothing: float = 0.15
    """Over which the pelvis follows the mean correction of both feet."""


_SETTINGS = FootPlantingSettings()

_Stance = tuple[int, np.ndarray]
"""The foot (0 left, 1 right) and the frames [N] of a stance."""


@dataclass(frozen=True)
class PlantedMotion:
    """A motion on the floor z = 0."""

    global_rotations: GlobalRotations
    pelvis: Float[Tensor, "T 3"]
    foot_contact: Bool[Tensor, "T 2"]
    """Whether the left and the right foot stand."""


def plant_retargeted_feet(
    rotations: GlobalRotations,
    pelvis: Float[Tensor, "T 3"],
    is_still: Bool[Tensor, "T 2 2"],
    rate: float,
    target: TargetSkeleton,
) -> PlantedMotion:
    """The motion on the floor, with level feet that stay in place during each stance.

    The pelvis is in metres, Z up, with the floor at any height; `is_still` is the result of `detect_still_points` for ankle and
    ball of both feet; `rate` is in frames per second.
    """
    rotations, legs = dict(rotations), Legs(target)
    foot_is_still = is_still.all(-1)
    level_feet_on_average(rotations, foot_is_still)
    pelvis = pelvis - floor_offset(legs, rotations, pelvis, foot_is_still)
    pelvis = pelvis + lift_above_floor(rotations, pelvis, target)
    on_floor = (legs.sole_heights(rotations, pelvis).abs() < _SETTINGS.max_height) & soles_face_floor(rotations)
    balls = legs.joints(rotations, pelvis)[:, :, BALL, :2]
    stances = _find_stances(balls, is_still[..., 1], rate)
    is_standing = torch.zeros_like(on_floor)
    for foot, frames in stances:
        is_standing[frames, foot] = True
    foot_contact = clean_flags(is_standing & is_still[..., 0] & on_floor, _SETTINGS.max_gap, _SETTINGS.min_frames)
    flatten_feet(rotations, foot_contact)

    offsets = _foot_offsets(legs, rotations, pelvis, stances, on_floor)
    ankles = legs.joints(rotations, pelvis)[:, :, ANKLE] + offsets
    pelvis = pelvis + gaussian_smooth(offsets.mean(1), _SETTINGS.pelvis_smoothing * rate)
    pelvis = pelvis - legs.pelvis_lowering(rotations, pelvis, ankles, is_standing)
    legs.solve(rotations, pelvis, ankles)
    return PlantedMotion(rotations, pelvis, foot_contact)


def detect_still_points(points: Float[Tensor, "T *points 3"], rate: float) -> Bool[Tensor, "T *points"]:
    """Whether each of some points is still in each frame. Points in metres, at `rate` frames per second."""
    if len(points) < 3:
        return torch.zeros(points.shape[:-1], dtype=torch.bool)
    smoothed = gaussian_filter1d(points.numpy(), _SETTINGS.speed_smoothing * rate, axis=0, mode="nearest")
    speed = np.linalg.norm(np.gradient(smoothed, axis=0), axis=-1) * rate
    is_slow = speed < _SETTINGS.slow_speed
    flat = is_slow.reshape(len(is_slow), -1)
    for column, speeds in zip(flat.T, speed.reshape(len(is_slow), -1).T):
        for run in find_runs(column):
            column[run] = speeds[run].min() < _SETTINGS.still_speed
    return torch.from_numpy(flat.reshape(is_slow.shape))


def _foot_offsets(
    legs: Legs,
    rotations: GlobalRotations,
    pelvis: Float[Tensor, "T 3"],
    stances: list[_Stance],
    on_floor: Bool[Tensor, "T 2"],
) -> Float[Tensor, "T 2 3"]:
    """Translations of both feet: to one position on the floor during each stance, interpolated in between."""
    balls = legs.joints(rotations, pelvis)[:, :, BALL].numpy()
    heights = legs.sole_heights(rotations, pelvis).numpy()
    known = np.full_like(balls, np.nan)
    for foot, frames in stances:
        known[frames, foot, :2] = balls[frames, foot, :2].mean(0) - balls[frames, foot, :2]
        frames_on_floor = frames[on_floor[frames, foot].numpy()]
        known[frames_on_floor, foot, 2] = -heights[frames_on_floor, foot]
    offsets = np.apply_along_axis(interpolate_gaps, 0, known)
    offsets[..., 2] = np.maximum(offsets[..., 2], -heights)
    return torch.from_numpy(offsets)


def _find_stances(balls: Float[Tensor, "T 2 2"], is_still: Bool[Tensor, "T 2"], rate: float) -> list[_Stance]:
    """The stances of both feet, from the horizontal positions of their balls."""
    stances: list[_Stance] = []
    window = round(_SETTINGS.drift_window * rate)
    for foot in range(balls.shape[1]):
        path = balls[:, foot].numpy()
        still_frames = clean_flags(is_still[:, foot], _SETTINGS.max_gap, _SETTINGS.min_frames).numpy()
        for run in consecutive_runs(np.flatnonzero(still_frames)):
            positions = path[run]
            later = positions[np.minimum(np.arange(len(run)) + max(window, 1), len(run) - 1)]
            earlier = positions[np.maximum(np.arange(len(run)) - max(window, 1), 0)]
            drift = np.maximum(np.linalg.norm(later - positions, axis=1), np.linalg.norm(positions - earlier, axis=1))
            for part in consecutive_runs(run[drift < _SETTINGS.max_drift]):
                stances += [(foot, frames) for frames in _split_creeping(path, part, window, _SETTINGS.max_creep)]
    return [(foot, frames) for foot, frames in stances if len(frames) >= _SETTINGS.min_frames]


def _split_creeping(path: Float[np.ndarray, "T 2"], frames: np.ndarray, gap: int, max_creep: float) -> list[np.ndarray]:
    """Frames of a stance, split where the path is further than `max_creep` from its start, with `gap` frames in between."""
    stances = []
    while len(frames):
        crept = np.flatnonzero(np.linalg.norm(path[frames] - path[frames[0]], axis=1) > max_creep)
        end = int(crept[0]) if len(crept) else len(frames)
        stances.append(frames[:end])
        frames = frames[end + gap :]
    return stances
