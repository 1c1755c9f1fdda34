"""Fits clips of any length, a window at a time: shapes and floor from frames spread over the clip, then overlapping windows.

Memory and the time for a frame stay the same however long the clip is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..body.model import BodyModel
from ..motion import MotionEstimate
from ..observations.observe import Observations
from ..reporting import Reporter, SubProgress
from ..representation.sliding_windows import successive_windows
from . import energies
from .fit import FitSchedule, FittedMotion, fit, motion_energy
from .size import with_betas
from .stretches import blended
from .targets import FitTargets

WINDOW = 480
"""Frames that are fitted at once."""
OVERLAP = 32
"""Frames that two neighbouring windows share and are blended in."""
SPREAD = 240
"""Frames that settle shapes and floor."""


def fit_clip(
    start: MotionEstimate,
    observations: Observations,
    body: BodyModel,
    targets: FitTargets,
    schedule: FitSchedule,
    reporter: Reporter,
) -> FittedMotion:
    """`fit.fit` for clips of any length; the same arguments, the same result on a clip of one window."""
    count = len(observations.time)
    if count <= WINDOW:
        return fit(start, observations, body, targets, schedule, reporter)
    windows = window_positions(count)
    parts = len(windows) + (0 if schedule.fixed_shape else 1)
    done = 0
    if not schedule.fixed_shape:
        spread = np.unique(np.linspace(0, count - 1, SPREAD).round().astype(int))
        settled = fit(
            start.frames(spread),
            observations.frames(spread),
            body,
            FitTargets(prior=None if targets.prior is None else targets.prior.frames(spread)),
            for_spread_frames(schedule, observations.frames(spread)),
            SubProgress(reporter, 0.0, 1 / parts),
        )
        motion = with_betas(start.motion_incam, settled.motion_incam.betas, body)
        start = replace(start, motion_incam=motion, camera=settled.camera)
        done = 1
    fixed = replace(schedule, fixed_shape=True)
    fitted = [
        fit(
            start.frames(window),
            observations.frames(window),
            body,
            targets.frames(window),
            fixed,
            SubProgress(reporter, (done + number) / parts, 1 / parts),
        )
        for number, window in enumerate(windows)
    ]
    return _joined(fitted, windows)


def for_spread_frames(schedule: FitSchedule, observations: Observations) -> FitSchedule:
    """Without the energy of sliding feet where the frames are too far apart for it: a foot may have stepped between any two."""
    if not energies.has_no_neighbours(observations.seconds):
        return schedule
    phases = [replace(phase, weights=replace(phase.weights, foot_slide=0.0)) for phase in schedule.phases]
    return replace(schedule, phases=tuple(phases))


def window_positions(count: int) -> list[np.ndarray]:
    """Positions of the frames of each window."""
    return [np.arange(window.start, window.stop) for window in successive_windows(count, WINDOW, OVERLAP)]


def _joined(parts: Sequence[FittedMotion], windows: Sequence[np.ndarray]) -> FittedMotion:
    """One motion of all windows. In an overlap the later window takes over gradually, rotations along the shortest way."""
    out = parts[0]
    for part, window in zip(parts[1:], windows[1:]):
        count = len(out.foot_contact[0])
        shared = count - int(window[0])
        weight = (np.arange(shared, dtype=np.float32) + 1) / (shared + 1)
        before, after = out.frames(slice(count - shared, count)), part.frames(slice(0, shared))
        middle = replace(before, motion_incam=blended(before.motion_incam, after.motion_incam, weight))
        first, last = out.frames(slice(0, count - shared)), part.frames(slice(shared, len(window)))
        out = FittedMotion.concatenate([first, middle, last], "T")
    return replace(out, energy=_mean_energy([part.energy for part in parts], windows))


def clip_energy(motion: MotionEstimate, observations: Observations, body: BodyModel, targets: FitTargets) -> float:
    """`fit.motion_energy` for clips of any length."""
    windows = window_positions(len(observations.time))
    of_windows = [
        motion_energy(motion.frames(window), observations.frames(window), body, targets.frames(window))
        for window in windows
    ]
    return _mean_energy(of_windows, windows)


def _mean_energy(of_windows: Sequence[float], windows: Sequence[np.ndarray]) -> float:
    return float(np.average(of_windows, weights=[len(window) for window in windows]))
