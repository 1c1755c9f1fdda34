"""From measures in each frame to grades of the clip, and to the stretches that are fair or bad."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch

from ..body.model import BodyModel
from ..contract.contact import Contact
from ..contract.edits import Pin
from ..contract.reconstruction import BAD, FAIR, GOOD, Measured, Quality, Stretch
from ..contract.touches import group_touches
from ..fitting.fit import FittedMotion
from ..observations.observe import Observations
from .measures import FrameErrors, frame_errors, without_pinned
from .settings import QualitySettings

_MM = 1000.0
_MOST_STRETCHES = 200
_SUSTAINED = 0.95
"""Fraction of the frames that can be judged that stay below the value of a whole clip."""


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
    every = frame_errors(fitted, without_pinned(observations, pins, settings), body, settings)
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


def _contact_gaps(contacts: Sequence[Contact], settings: QualitySettings) -> Iterator[Stretch]:
    """What is left open, in mm, of each touch that is asked for and was measured."""
    for touch in group_touches(contacts):
        if touch.distance is not None and touch.is_asked_for:
            gap = _MM * touch.distance
            yield Stretch("contact", None, touch.frame_start, touch.frame_end, gap, _grade("contact", gap, settings))


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


def _measured(errors: FrameErrors, settings: QualitySettings) -> Measured:
    measure, person, values = errors
    # one jump is enough to be wrong
    value = float(values.max() if measure == "speed" else np.nanquantile(values, _SUSTAINED))
    return Measured(measure, person, _rounded(value), _grade(measure, value, settings))


def _grade(measure: str, value: float, settings: QualitySettings) -> str:
    fair, bad = settings.limits[measure]
    return BAD if value > bad else FAIR if value > fair else GOOD


def _stretches(errors: FrameErrors, observations: Observations, settings: QualitySettings) -> Iterator[Stretch]:
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
