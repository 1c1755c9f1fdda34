"""What is measured of a take in each frame: how far it is from what was plainly seen, and from what can be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.ndimage import maximum_filter1d
from torch import Tensor

from ..body.landmarks import posed_landmarks
from ..body.model import BodyModel
from ..contract.edits import Pin
from ..contract.skeleton import LANDMARK_INDEX, LANDMARKS
from ..fitting.energies import accelerations
from ..fitting.fit import FittedMotion
from ..fitting.soles import posed_soles
from ..fitting.stretches import seconds_from
from ..motion import Posed, pose_motion
from ..observations.observe import Observations
from ..observations.over_time import smooth_over_time
from ..projection import project
from ..scores import landmark_distances, penetration_depths
from ..transforms import inverse_transform_points
from .settings import QualitySettings

_PERCENT, _MM = 100.0, 1000.0
_LIMBS = tuple(
    tuple(LANDMARK_INDEX[f"{side}_{name}"] for name in names)
    for side in ("left", "right")
    for names in (("elbow", "wrist", "pinky", "index", "thumb"), ("knee", "ankle", "heel", "foot_index"))
)
"""The landmarks of each arm and leg beyond the shoulder and the hip."""


class FrameErrors(NamedTuple):
    """One measure of a person, or of both where the person is None, in each frame; NaN where nothing can be said."""

    measure: str
    person: int | None
    values: Float[np.ndarray, " T"]


def frame_errors(
    fitted: FittedMotion, observations: Observations, body: BodyModel, settings: QualitySettings
) -> list[FrameErrors]:
    """All that is measured frame by frame, in the order in which it is reported."""
    posed = pose_motion(body, fitted.motion_incam)
    landmarks = posed_landmarks(posed, body)
    picture = median_reprojection_errors(landmarks, observations, settings)
    # where all of a person is off the picture, that says it all
    limbs = np.where(picture > settings.limits["picture"][1], 0.0, limb_errors(landmarks, observations, settings))
    of_people = {
        "picture": picture,
        "limbs": limbs,
        "floor": floor_errors(posed, fitted, body, settings),
        "smoothness": unseen_acceleration(landmarks, observations, settings),
        "speed": pelvis_speeds(fitted, observations, settings),
    }
    people = len(observations.found)
    found = [
        FrameErrors(name, person, values[person]) for person in range(people) for name, values in of_people.items()
    ]
    if people > 1:
        found.append(FrameErrors("penetration", None, _MM * penetration_depths(posed, body)))
    return found


def without_pinned(observations: Observations, pins: Sequence[Pin], settings: QualitySettings) -> Observations:
    """The observations without the landmarks of pinned arms and legs, around the pins; of a pinned trunk or head without all."""
    if not pins:
        return observations
    confidence = observations.confidence.clone()
    for pin in pins:
        pinned = observations.frame_index == pin.frame
        frames = np.flatnonzero(seconds_from(pinned, observations.timeline) <= settings.pinned_seconds)
        for landmark in _moved_by(pin.joint):
            confidence[pin.person, frames, landmark] = 0
    return replace(observations, confidence=confidence)


def _moved_by(joint: str) -> Sequence[int]:
    """Landmarks that are elsewhere where that joint is pinned."""
    side, _, part = joint.partition("_")
    if side not in ("left", "right"):
        return range(len(LANDMARKS))
    arm, leg = _LIMBS[2 * (side == "right") :][:2]
    return leg if part in ("hip", "knee", "ankle", "foot") else arm


def median_reprojection_errors(
    landmarks: Float[Tensor, "P T 33 3"], observations: Observations, settings: QualitySettings
) -> Float[np.ndarray, "P T"]:
    """Median distance of projected landmarks from plainly seen ones, percent of the height; NaN in frames with too few."""
    error = landmark_distances(landmarks, observations)
    return _PERCENT * _median_of_seen(error, observations.plainly_seen(settings.confident), settings)


def limb_errors(
    landmarks: Float[Tensor, "P T 33 3"], observations: Observations, settings: QualitySettings
) -> Float[np.ndarray, "P T"]:
    """Of the arm or leg that is farthest off: what the median distance of its projected landmarks from plainly seen ones stays
    above for `settings.seconds`, percent of the height.

    A whole arm is too few of a person's landmarks to change the median over all of them. On 18 simulated dev clips it is at most
    7 for 33 of 36 people; the other three have an arm that is truly off: 10, 12 and 18. The arm of a false high five had 17.
    """
    error = _PERCENT * landmark_distances(landmarks, observations)
    seen = observations.plainly_seen(settings.confident)
    worst = np.zeros(tuple(error.shape[:2]), np.float32)
    for limb in _LIMBS:
        median = torch.where(seen[..., limb], error[..., limb], torch.nan).nanmedian(-1).values.cpu().numpy()
        known = (seen[..., limb].sum(-1) >= settings.limb_landmarks).cpu().numpy()
        for person in range(len(worst)):
            values = _between_known(median[person], known[person], observations.time, settings.unseen_seconds)
            worst[person] = np.maximum(worst[person], _lasting(values, observations.time, settings.seconds))
    return worst


def _lasting(values: Float[np.ndarray, " T"], time: Float[np.ndarray, " T"], seconds: float) -> Float[np.ndarray, " T"]:
    """The highest value that is exceeded for so many seconds in a row around each frame: short peaks vanish (an opening)."""
    last = np.searchsorted(time, time + seconds - 1e-6)
    lasting = np.zeros_like(values)
    for first in np.flatnonzero(last < len(values)):
        window = slice(first, last[first] + 1)
        lasting[window] = np.maximum(lasting[window], values[window].min())
    return lasting


def _between_known(
    values: Float[np.ndarray, " T"], known: Bool[np.ndarray, " T"], time: Float[np.ndarray, " T"], seconds: float
) -> Float[np.ndarray, " T"]:
    """Values where they are known, interpolated in gaps of up to so many seconds; 0 elsewhere."""
    positions = np.flatnonzero(known)
    if not len(positions):
        return np.zeros_like(values)
    frames = np.arange(len(values))
    before = positions[np.maximum(np.searchsorted(positions, frames, side="right") - 1, 0)]
    after = positions[np.minimum(np.searchsorted(positions, frames), len(positions) - 1)]
    inside = (before <= frames) & (after >= frames)
    inside &= time[after] - time[before] <= seconds
    return np.where(inside, np.interp(time, time[positions], values[positions]), 0.0)


def floor_errors(
    posed: Posed, fitted: FittedMotion, body: BodyModel, settings: QualitySettings
) -> Float[np.ndarray, "P T"]:
    """mm by which the higher of a person's two soles is under the floor, or the lowest standing one above it."""
    soles = posed_soles(posed, body)
    T_cw = torch.as_tensor(fitted.camera.T_cw, dtype=soles.dtype, device=soles.device)
    lowest = inverse_transform_points(T_cw, soles)[..., 2].amin(-1)
    stands = torch.as_tensor(fitted.foot_contact, device=soles.device) >= settings.standing
    above = torch.where(stands, lowest, torch.inf).amin(-1)
    above = torch.where(stands.any(-1), above, 0.0)
    return _MM * torch.maximum(-lowest.amax(-1), above).clamp_min(0).cpu().numpy()


def unseen_acceleration(
    landmarks: Float[Tensor, "P T 33 3"], observations: Observations, settings: QualitySettings
) -> Float[np.ndarray, "P T"]:
    """m/s² across the picture by which plainly seen landmarks accelerate more than the clip shows, median of a frame; NaN in
    frames with too few of them, and at both ends, where nothing has an acceleration."""
    seconds = observations.seconds.to(landmarks)
    if len(seconds) < 3:
        return np.full(tuple(landmarks.shape[:2]), np.nan)
    pixels, depth = project(landmarks, observations.K)
    seen = observations.plainly_seen(settings.confident)
    weight = (seen + 1e-3).to(landmarks)[..., None].expand_as(pixels)
    shown = smooth_over_time(observations.keypoints.flatten(2), weight.flatten(2), seconds, settings.smoothing_seconds)
    to_metres = (depth / observations.K[0, 0])[:, 1:-1]
    posed, observed = (accelerations(each, seconds).norm(dim=-1) for each in (pixels, shown.unflatten(2, (-1, 2))))
    excess = ((posed - observed) * to_metres).clamp_min(0)
    return np.pad(_median_of_seen(excess, seen[:, 1:-1], settings), ((0, 0), (1, 1)), constant_values=np.nan)


def _median_of_seen(
    values: Float[Tensor, "P T 33"], seen: Bool[Tensor, "P T 33"], settings: QualitySettings
) -> Float[np.ndarray, "P T"]:
    """The median over the landmarks that are seen; NaN in frames with too few."""
    median = torch.where(seen, values, torch.nan).nanmedian(-1).values
    return torch.where(seen.sum(-1) >= settings.landmarks, median, torch.nan).cpu().numpy()


def pelvis_speeds(
    fitted: FittedMotion, observations: Observations, settings: QualitySettings
) -> Float[np.ndarray, "P T"]:
    """m/s of the pelvis, the greatest within half of `settings.seconds` of a frame: one jump is long enough to report."""
    time = observations.time
    pelvis = np.asarray(fitted.motion_incam.pelvis, np.float64)
    before, after = (np.clip(time + sign * settings.speed_seconds / 2, time[0], time[-1]) for sign in (-1, 1))
    at_before, at_after = (
        np.stack([[np.interp(ends, time, along) for along in place.T] for place in pelvis]) for ends in (before, after)
    )
    speeds = np.linalg.norm(at_after - at_before, axis=1) / np.maximum(after - before, 1e-6)
    interval = float(np.diff(time).mean()) if len(time) > 1 else settings.seconds
    return maximum_filter1d(speeds, 2 * math.ceil(settings.seconds / 2 / interval) + 1, axis=1, mode="nearest")
