"""Contact detection by distances alone: proximity of region pairs with hysteresis along time, then non-maximum suppression."""

from __future__ import annotations

import uuid

import numpy as np
from jaxtyping import Bool, Float

from ..body.model import BodyModel
from ..contract.contact import Contact
from ..contract.runs import find_runs
from ..contract.skeleton import REGIONS
from ..motion import PairMotion, Timeline
from .distances import depth_weights, region_distances, region_pair_confidence
from .grouping import group_contacts
from .merging import suppress_duplicates
from .settings import ContactDetectionSettings

_NAMESPACE = uuid.UUID("6f2c4b0e-5d0c-4f0e-9d56-0d7b1a3f7c11")
_MIN_WEIGHT = 0.3
"""Weight of a detected contact at the release distance; it rises to 1 as the distance falls to zero."""


def detect_contacts(
    motion_incam: PairMotion,
    timeline: Timeline,
    confidence: Float[np.ndarray, "2 T 22"],
    body: BodyModel,
    settings: ContactDetectionSettings | None = None,
) -> list[Contact]:
    """Contacts between regions of the two people, sorted by time.

    `confidence` (0–1) is that of the body joints: regions that are not visible must come closer to start a contact. The result
    is deterministic, ids included.
    """
    settings = settings or ContactDetectionSettings()
    frame_index, time = timeline.frame_index, timeline.time
    distance, speed = region_distances(motion_incam, body, time, depth_weights(settings))
    distance = distance + settings.occlusion_margin * (1 - region_pair_confidence(confidence))
    nearest = _mutually_nearest(distance, settings.nearest_tolerance)
    time_step = timeline.time_step
    min_frames = max(2, round(settings.min_duration / time_step))
    max_gap = max(1, round(settings.max_gap / time_step))
    onset = (distance < settings.onset_distance) & (
        (speed < settings.max_relative_speed) | (distance < settings.certain_distance)
    )
    sustained = distance < settings.release_distance
    scored: list[tuple[float, Contact]] = []
    for a, b in np.argwhere((onset & nearest).any(0)).tolist():
        for first, last in hysteresis_spans(onset[:, a, b], sustained[:, a, b], min_frames, max_gap):
            span = slice(first, last + 1)
            if nearest[span, a, b].mean() < settings.min_nearest_fraction:
                continue
            closeness = float(np.clip(1 - distance[span, a, b].mean() / settings.release_distance, 0, 1))
            contact = Contact(
                0, REGIONS[a], 1, REGIONS[b], int(frame_index[first]), int(frame_index[last]),
                weight=round(_MIN_WEIGHT + (1 - _MIN_WEIGHT) * closeness, 3),
                id=stable_id(a, b, int(frame_index[first])),
            )  # fmt: skip
            scored.append((closeness * (last - first + 1) ** 0.5, contact))
    scored.sort(key=lambda item: -item[0])
    kept = suppress_duplicates([contact for _, contact in scored])[: settings.max_contacts]
    grouped = group_contacts(kept, round(settings.max_interruption / time_step))
    return sorted(grouped, key=lambda contact: (contact.frame_start, contact.id))


def stable_id(a: int, b: int, frame: int) -> str:
    """The id of a detected contact of two regions, by index, that starts in a frame."""
    return str(uuid.uuid5(_NAMESPACE, f"{REGIONS[a]}/{REGIONS[b]}/{frame}"))


def _mutually_nearest(distance: Float[np.ndarray, "T R R"], tolerance: float) -> Bool[np.ndarray, "T R R"]:
    """Whether a pair is the nearest, within the tolerance, that one of its two regions has."""
    return (distance <= distance.min(2, keepdims=True) + tolerance) | (
        distance <= distance.min(1, keepdims=True) + tolerance
    )


def hysteresis_spans(
    onset: Bool[np.ndarray, "T"], sustained: Bool[np.ndarray, "T"], min_frames: int, max_gap: int
) -> list[tuple[int, int]]:
    """Spans (first, last) that start at an onset and last while sustained; short gaps are closed, short spans dropped.

    `sustained` holds in every frame of an onset.
    """
    inside = np.zeros(len(onset), bool)
    for run in find_runs(sustained):
        if onset[run].any():
            inside[run.start + int(onset[run].argmax()) : run.stop] = True
    return [(run.start, run.stop - 1) for run in find_runs(inside, max_gap, min_frames)]
