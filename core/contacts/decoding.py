"""From probabilities of pairs of body parts to contacts between regions, grouped into touches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ..contract.contact import Contact
from ..contract.skeleton import REGIONS
from ..motion import Timeline
from .grouping import group_contacts
from .proximity import hysteresis_spans, stable_id
from .regions import likely_regions
from .settings import ContactDecodingSettings

_NEGLIGIBLE = 0.01
"""Probability below which a pair of parts changes no choice."""
_STEP = 0.15
"""Seconds from one moment for which an onset is chosen to the next; between them it is interpolated."""


class PartSpan(NamedTuple):
    """A body part of person 0 and one of person 1, as indices of `BODY_PARTS`, and the frames in which they touch."""

    part_0: int
    part_1: int
    first: int
    last: int


def decode_contacts(
    probability: Float[np.ndarray, "T Q Q"],
    distance: Float[np.ndarray, "T R R"],
    timeline: Timeline,
    frequencies: Float[np.ndarray, "R R"],
) -> list[Contact]:
    """The contacts that are probable, with their touches, sorted by time; deterministic, ids included.

    `probability` is that of each pair of body parts in each frame, `distance` that of the regions in metres; `frequencies` say
    how often regions touch while their parts do (`load_region_frequencies`). A contact's weight is its probability.
    """
    settings = ContactDecodingSettings()
    time_step = timeline.time_step
    found: list[Contact] = []
    for a, b, first, last in probable_spans(probability, time_step, settings):
        span = slice(first, last + 1)
        certainty = float(np.clip(probability[span, a, b].mean(), 0, 1))
        frames = int(timeline.frame_index[first]), int(timeline.frame_index[last])
        for pair in likely_regions(distance[span], (a, b), frequencies, settings):
            probable = round(certainty * pair.probability, 3)
            found.append(
                Contact(
                    0, REGIONS[pair.first], 1, REGIONS[pair.second], *frames,
                    weight=probable, probability=probable, id=stable_id(pair.first, pair.second, frames[0]),
                )
            )  # fmt: skip
    grouped = group_contacts(found, round(settings.max_interruption / time_step))
    kept = _most_certain_touches(grouped, settings.max_touches)
    return sorted(kept, key=lambda contact: (contact.frame_start, contact.id))


def probable_spans(
    probability: Float[np.ndarray, "T Q Q"], time_step: float, settings: ContactDecodingSettings
) -> list[PartSpan]:
    """When which body parts probably touch; `time_step` is in seconds. Ordered by parts, then by time."""
    min_frames = max(2, round(settings.min_duration / time_step))
    max_gap = max(1, round(settings.max_gap / time_step))
    onset = onsets(probability, time_step, settings)[:, None, None]
    starts, goes_on = probability > onset, probability > settings.release * onset
    return [
        PartSpan(a, b, first, last)
        for a, b in np.argwhere(starts.any(0)).tolist()
        for first, last in hysteresis_spans(starts[:, a, b], goes_on[:, a, b], min_frames, max_gap)
    ]


def onsets(
    probability: Float[np.ndarray, "T Q Q"], time_step: float, settings: ContactDecodingSettings
) -> Float[np.ndarray, "T"]:
    """The probability in each frame above which listing a pair of parts is expected to raise the list's F1.

    That is half of the best F1 that is expected of any list, by what is probable in the time around the frame: where much is
    certain, little is added that is not; where all is doubtful, the likeliest is still listed (Lipton et al., Optimal
    thresholding of classifiers to maximize F1 measure, ECML 2014). It is more than half (`part_of_best_f1`), as the probabilities
    add up to less than what is true.
    """
    frames, half = len(probability), round(settings.window / time_step)
    moments = np.arange(0, frames, max(1, round(_STEP / time_step)))
    best = [_best_expected_f1(probability[max(0, at - half) : at + half + 1]) for at in moments]
    interpolated = np.interp(np.arange(frames), moments, best)
    return np.maximum(settings.part_of_best_f1 * interpolated, settings.least_probability)


def _best_expected_f1(probability: Float[np.ndarray, "N Q Q"]) -> float:
    """Of all lists of pairs and frames: twice the expected hits by the sum of what is listed and what is expected to be true."""
    likeliest = np.sort(probability[probability > _NEGLIGIBLE].astype(np.float64))[::-1]
    if not len(likeliest):
        return 0.0
    return float((2 * likeliest.cumsum() / (np.arange(1, len(likeliest) + 1) + likeliest.sum())).max())


def _most_certain_touches(contacts: Sequence[Contact], most: int) -> list[Contact]:
    certainty: dict[str, float] = {}
    for contact in contacts:
        duration = contact.frame_end - contact.frame_start + 1
        certainty[contact.touch] = max(certainty.get(contact.touch, 0.0), (contact.probability or 0.0) * duration**0.5)
    kept = sorted(certainty, key=lambda touch: (-certainty[touch], touch))[:most]
    return [contact for contact in contacts if contact.touch in kept]
