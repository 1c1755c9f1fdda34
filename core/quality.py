"""Checks a take before it is handed over: where it contradicts what was plainly seen, or stands in the floor, it says so.

Nothing here needs ground truth. A take that is bad in a stretch is still saved; its warnings name the person and the frames.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float

from .body.model import BodyModel
from .contract.reconstruction import PERSON_NAMES
from .fitting.fit import FittedMotion
from .fitting.soles import posed_soles
from .motion import Posed, pose_motion
from .observations.observe import Observations
from .scores import landmark_distances
from .transforms import inverse_transform_points


@dataclass(frozen=True)
class QualitySettings:
    """From when on a stretch of a take is called bad."""

    confident: float = 0.5
    """Confidence from which on a landmark counts as plainly seen."""
    landmarks: int = 6
    """Plainly seen landmarks that a frame needs to be judged."""
    reprojection: float = 0.06
    """Heights of the person from projected landmarks to the seen ones, median of a frame."""
    depth_in_floor: float = 0.08
    """metres by which both soles are under the floor."""
    seconds: float = 0.3
    """Length from which on a bad stretch is reported."""
    bridged_seconds: float = 0.2
    """Good frames between two bad stretches that are counted to them."""


@dataclass(frozen=True)
class Stretch:
    """Frames of a take in which a person is wrong."""

    first: int
    last: int
    """Frames of the clip, both included."""
    value: float
    """Mean of what was measured: heights of the person, or metres."""


@torch.no_grad()
def quality_warnings(
    fitted: FittedMotion,
    observations: Observations,
    body: BodyModel,
    settings: QualitySettings | None = None,
) -> tuple[str, ...]:
    """What a user should know about a take, a sentence for each person and kind of error."""
    settings = settings or QualitySettings()
    posed = pose_motion(body, fitted.motion_incam)
    off = reprojection_errors(posed, observations, body, settings)
    sunk = depth_in_floor(posed, fitted, body)
    sentences: list[str] = []
    for person, name in enumerate(PERSON_NAMES):
        wrong = bad_stretches(off[person], off[person] > settings.reprojection, observations, settings)
        if wrong:
            worst = max(stretch.value for stretch in wrong)
            sentences.append(
                f"{name} does not lie over the picture in {_frames(wrong)}: off by {100 * worst:.0f}% of the body's height. "
                "Look at these frames, lock a pose there and refine."
            )
        under = bad_stretches(sunk[person], sunk[person] > settings.depth_in_floor, observations, settings)
        if under:
            worst = max(stretch.value for stretch in under)
            sentences.append(f"{name} stands {100 * worst:.0f} cm in the floor in {_frames(under)}.")
    return tuple(sentences)


def reprojection_errors(
    posed: Posed, observations: Observations, body: BodyModel, settings: QualitySettings
) -> Float[np.ndarray, "P T"]:
    """Median distance of projected landmarks from plainly seen ones in heights of the person; 0 in frames with too few of them.

    `posed` in the camera's frame.
    """
    error = landmark_distances(posed, observations, body)
    seen = (observations.confidence >= settings.confident) & ~observations.ambiguous
    median = torch.where(seen, error, torch.nan).nanmedian(-1).values
    enough = (seen.sum(-1) >= settings.landmarks) & observations.found
    return torch.where(enough, median, 0.0).cpu().numpy()


def depth_in_floor(posed: Posed, fitted: FittedMotion, body: BodyModel) -> Float[np.ndarray, "P T"]:
    """metres by which the higher of a person's two soles is under the floor; negative above it."""
    soles = posed_soles(posed, body)
    T_cw = torch.as_tensor(fitted.camera.T_cw, dtype=soles.dtype, device=soles.device)
    lowest = inverse_transform_points(T_cw, soles)[..., 2].amin(-1)
    return (-lowest.amax(-1)).cpu().numpy()


def bad_stretches(
    values: Float[np.ndarray, " T"],
    bad: Bool[np.ndarray, " T"],
    observations: Observations,
    settings: QualitySettings,
) -> list[Stretch]:
    """Stretches of bad frames that last long enough, in order."""
    time, frame_index = observations.time, observations.frame_index
    return [
        Stretch(int(frame_index[first]), int(frame_index[last]), float(values[first : last + 1].mean()))
        for first, last in _runs(bad, time, settings.bridged_seconds)
        if time[last] - time[first] >= settings.seconds
    ]


def _runs(bad: np.ndarray, time: np.ndarray, bridged_seconds: float) -> Iterator[tuple[int, int]]:
    """First and last position of each run of bad frames; runs with a short gap between them are one."""
    positions = np.flatnonzero(bad)
    if not len(positions):
        return
    breaks = np.flatnonzero((np.diff(positions) > 1) & (np.diff(time[positions]) > bridged_seconds))
    for part in np.split(positions, breaks + 1):
        yield int(part[0]), int(part[-1])


def _frames(stretches: Sequence[Stretch], most: int = 3) -> str:
    ranges = [f"{stretch.first} to {stretch.last}" for stretch in stretches[:most]]
    more = len(stretches) - most
    return f"frames {', '.join(ranges)}" + (f" and {more} more stretches" if more > 0 else "")
