"""From probabilities of pairs of body parts to contacts between regions, grouped into touches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from ..contract.contact import Contact
from ..contract.skeleton import REGIONS
from ..motion import Timeline
from .detection import hysteresis_spans, stable_id
from .grouping import group_contacts
from .regions import likely_regions
from .settings import ContactDecodingSettings


def decode_contacts(
    probability: Float[np.ndarray, "T Q Q"],
    distance: Float[np.ndarray, "T R R"],
    timeline: Timeline,
    frequencies: Float[np.ndarray, "R R"],
    settings: ContactDecodingSettings | None = None,
) -> list[Contact]:
    """The contacts that are probable, with their touches, sorted by time; deterministic, ids included.

    `probability` is that of each pair of body parts in each frame, `distance` that of the regions in metres; `frequencies` say
    how often regions touch while their parts do (`load_region_frequencies`). A contact's weight is its probability.
    """
    settings = settings or ContactDecodingSettings()
    time_step = timeline.time_step
    min_frames = max(2, round(settings.min_duration / time_step))
    max_gap = max(1, round(settings.max_gap / time_step))
    onset, sustained = probability > settings.onset, probability > settings.release
    found: list[Contact] = []
    for a, b in np.argwhere(onset.any(0)).tolist():
        for first, last in hysteresis_spans(onset[:, a, b], sustained[:, a, b], min_frames, max_gap):
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


def _most_certain_touches(contacts: Sequence[Contact], most: int) -> list[Contact]:
    certainty: dict[str, float] = {}
    for contact in contacts:
        duration = contact.frame_end - contact.frame_start + 1
        certainty[contact.touch] = max(certainty.get(contact.touch, 0.0), (contact.probability or 0.0) * duration**0.5)
    kept = sorted(certainty, key=lambda touch: (-certainty[touch], touch))[:most]
    return [contact for contact in contacts if contact.touch in kept]
