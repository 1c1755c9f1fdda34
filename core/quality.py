"""Checks a take before it is handed over: where it contradicts what was plainly seen, or cannot be, it says so.

Nothing here needs ground truth. A take that is bad in a stretch is still saved; its warnings name the person and the frames.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.ndimage import maximum_filter1d
from torch import Tensor

from .body.landmarks import posed_landmarks
from .body.model import BodyModel
from .contract.contact import Contact
from .contract.edits import Pin
from .contract.frames import frames_in_words
from .contract.reconstruction import BAD, FAIR, GOOD, PERSON_NAMES, Measured, Quality, Stretch
from .contract.skeleton import LANDMARK_INDEX, LANDMARKS
from .contract.touches import group_touches
from .fitting.energies import accelerations
from .fitting.fit import FittedMotion
from .fitting.soles import posed_soles
from .fitting.stretches import seconds_from
from .motion import Posed, pose_motion
from .observations.observe import Observations
from .observations.over_time import smooth_over_time
from .projection import project
from .scores import CONFIDENT, landmark_distances, penetration_depths
from .transforms import inverse_transform_points

_PERCENT, _MM = 100.0, 1000.0
_MOST_STRETCHES = 200
_LIMBS = tuple(
    tuple(LANDMARK_INDEX[f"{side}_{name}"] for name in names)
    for side in ("left", "right")
    for names in (("elbow", "wrist", "pinky", "index", "thumb"), ("knee", "ankle", "heel", "foot_index"))
)
"""The landmarks of each arm and leg beyond the shoulder and the hip."""
_SUSTAINED = 0.95
"""Fraction of the frames that can be judged that stay below the value of a whole clip."""


@dataclass(frozen=True)
class QualitySettings:
    """From when on a take is called fair, and bad. The limits are in the units of MEASURES."""

    limits: Mapping[str, tuple[float, float]] = field(
        default_factory=lambda: {
            "picture": (3.0, 6.0),
            "limbs": (8.0, 12.0),
            "floor": (50.0, 80.0),
            "penetration": (40.0, 80.0),
            "contact": (60.0, 120.0),
            "smoothness": (15.0, 30.0),
            "speed": (6.0, 8.0),
        }
    )
    confident: float = CONFIDENT
    """Confidence from which on a landmark counts as plainly seen."""
    landmarks: int = 6
    """Plainly seen landmarks that a frame needs to be judged."""
    limb_landmarks: int = 2
    """The same of a limb."""
    unseen_seconds: float = 0.4
    """Time for which a limb may not be plainly seen and is still taken to be off the picture as far as before and after it."""
    standing: float = 0.6
    """Probability of standing from which on a foot should be on the floor."""
    smoothing_seconds: float = 0.05
    """Over which the seen landmarks are averaged before their acceleration is taken."""
    speed_seconds: float = 0.2
    """Over which a person's speed is the mean. People run at 3 to 6 m/s, and sprinters at 10 to 12."""
    seconds: float = 0.3
    """Length from which on a stretch is reported."""
    bridged_seconds: float = 0.2
    """Better frames between two stretches that are counted to them."""
    pinned_seconds: float = 0.5
    """Before and after a pin, over which a motion comes to it and leaves it."""


@torch.no_grad()
def check_quality(
    fitted: FittedMotion,
    observations: Observations,
    body: BodyModel,
    contacts: Sequence[Contact],
    settings: QualitySettings | None = None,
    *,
    pins: Sequence[Pin] = (),
) -> Quality:
    """Measure a take. `contacts` with their distances, as `contacts.measure_contacts` gives them.

    What the user has pinned is where it should be, so the picture is not held against it, nor against the frames around.
    """
    settings = settings or QualitySettings()
    every = _errors(fitted, _without_pinned(observations, pins, settings), body, settings)
    known = [errors for errors in every if not np.isnan(errors.values).all()]  # else nothing can be said
    gaps = list(_contact_gaps(contacts, settings))
    measured = [_measured(errors, settings) for errors in known]
    if gaps:
        worst = max(gap.value for gap in gaps)
        measured.append(Measured("contact", None, _rounded(worst), _grade("contact", worst, settings)))
    stretches = [stretch for errors in every for stretch in _stretches(errors, observations, settings)]
    stretches += [replace(gap, value=_rounded(gap.value)) for gap in gaps if gap.grade != GOOD]
    stretches.sort(key=lambda stretch: (stretch.grade != BAD, -(stretch.last - stretch.first)))
    return Quality(tuple(measured), tuple(stretches[:_MOST_STRETCHES]))


class _Errors(NamedTuple):
    """One measure of a person, or of both where the person is None, in each frame; NaN where nothing can be said."""

    measure: str
    person: int | None
    values: Float[np.ndarray, " T"]


def _errors(
    fitted: FittedMotion, observations: Observations, body: BodyModel, settings: QualitySettings
) -> list[_Errors]:
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
    found = [_Errors(name, person, values[person]) for person in range(people) for name, values in of_people.items()]
    if people > 1:
        found.append(_Errors("penetration", None, _MM * penetration_depths(posed, body)))
    return found


def _contact_gaps(contacts: Sequence[Contact], settings: QualitySettings) -> Iterator[Stretch]:
    """What is left open, in mm, of each touch that is asked for and was measured."""
    for touch in group_touches(contacts):
        if touch.distance is not None and touch.is_asked_for:
            gap = _MM * touch.distance
            yield Stretch("contact", None, touch.frame_start, touch.frame_end, gap, _grade("contact", gap, settings))


def _without_pinned(observations: Observations, pins: Sequence[Pin], settings: QualitySettings) -> Observations:
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


def error_score(quality: Quality, settings: QualitySettings | None = None) -> float:
    """One number to compare takes of one clip by: the mean of all measures but contacts over the limits from which they are bad.

    Contacts are left out because each take finds its own, and a speed that people can have is no error.
    """
    limits = (settings or QualitySettings()).limits
    values = [
        0.0 if (each.measure, each.grade) == ("speed", GOOD) else min(each.value / limits[each.measure][1], 3.0)
        for each in quality.measured
        if each.measure != "contact"
    ]
    return float(np.mean(values)) if values else 0.0


def quality_warnings(quality: Quality) -> tuple[str, ...]:
    """What a user should know about a take, a sentence for each person and kind of error that is bad."""
    sentences = {
        "picture": "{who} does not lie over the picture in {frames}: off by {worst:.0f}% of the body's height. "
        "Look at these frames, pin a pose there and refine.",
        "limbs": "An arm or a leg of {who} does not lie over the picture in {frames}: off by {worst:.0f}% of the body's height. "
        "Look at these frames, reject a touch that is none or pin a pose there, and refine.",
        "floor": "{who} is in the floor or above it by {worst:.0f} mm in {frames}.",
        "penetration": "The bodies intersect by {worst:.0f} mm in {frames}.",
        "smoothness": "{who} jitters in {frames}, unlike in the clip.",
        "speed": "{who} moves at {worst:.0f} m/s in {frames}, faster than people run: somebody else may have been followed. "
        "Look at these frames, or choose others.",
    }
    found: list[str] = []
    for measure, person in dict.fromkeys((each.measure, each.person) for each in quality.stretches):
        if measure not in sentences:  # of contacts, `contacts.unreached` says more
            continue
        wrong = [s for s in quality.stretches if (s.measure, s.person, s.grade) == (measure, person, BAD)]
        if wrong:
            who = "" if person is None else PERSON_NAMES[person]
            worst = max(stretch.value for stretch in wrong)
            frames = frames_in_words(*((stretch.first, stretch.last) for stretch in wrong))
            found.append(sentences[measure].format(who=who, worst=worst, frames=frames))
    return tuple(sorted(found))


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


def _measured(errors: _Errors, settings: QualitySettings) -> Measured:
    measure, person, values = errors
    # one jump is enough to be wrong
    value = float(values.max() if measure == "speed" else np.nanquantile(values, _SUSTAINED))
    return Measured(measure, person, _rounded(value), _grade(measure, value, settings))


def _grade(measure: str, value: float, settings: QualitySettings) -> str:
    fair, bad = settings.limits[measure]
    return BAD if value > bad else FAIR if value > fair else GOOD


def _stretches(errors: _Errors, observations: Observations, settings: QualitySettings) -> Iterator[Stretch]:
    """Bad stretches that last long enough, and fair ones beside them."""
    measure, person, values = errors
    time, frames = observations.time, observations.frame_index
    fair, bad = settings.limits[measure]
    is_bad = np.zeros(len(values), bool)
    for first, last in _runs(values > bad, time, settings):
        is_bad[first : last + 1] = True
        yield Stretch(measure, person, int(frames[first]), int(frames[last]), _mean(values, first, last), BAD)
    for first, last in _runs((values > fair) & ~is_bad, time, settings):
        yield Stretch(measure, person, int(frames[first]), int(frames[last]), _mean(values, first, last), FAIR)


def _runs(wrong: np.ndarray, time: np.ndarray, settings: QualitySettings) -> Iterator[tuple[int, int]]:
    """First and last position of each run of wrong frames. Runs with a short gap are one; short ones are left out."""
    positions = np.flatnonzero(wrong)
    if not len(positions):
        return
    breaks = np.flatnonzero((np.diff(positions) > 1) & (np.diff(time[positions]) > settings.bridged_seconds))
    for part in np.split(positions, breaks + 1):
        if time[part[-1]] - time[part[0]] >= settings.seconds:
            yield int(part[0]), int(part[-1])


def _mean(values: np.ndarray, first: int, last: int) -> float:
    return _rounded(float(np.nanmean(values[first : last + 1])))


def _rounded(value: float) -> float:
    return round(value, 2)
