"""Which reading of a prompt holds in a clip, and when: the one that a first reconstruction comes nearest to."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ..body.model import BodyModel
from ..contacts import depth_discounted_distances, region_pair_confidence
from ..contract.contact import Contact
from ..contract.skeleton import REGIONS
from ..motion import PairMotion, Timeline
from .prompt_parser import ContactHypothesis, Interpretation

_NAMESPACE = uuid.UUID("b0a3a2f4-6a0e-4c9a-8f50-5b8a4f0a7d02")


@dataclass(frozen=True)
class GroundingSettings:
    """Distances in metres, times in seconds."""

    max_distance: float = 0.40
    """Farther apart than this, the words are not believed."""
    occlusion_margin: float = 0.20
    """How much farther that may be between parts that were not seen."""
    contact_tolerance: float = 0.12
    """A touch lasts while its parts are at most so much farther apart than at its nearest."""
    max_brief_duration: float = 0.20
    """Longest duration of a blow or a tap, in seconds."""
    smoothing_window: float = 0.10
    """Distances are averaged over so long, in seconds."""


def ground_hypotheses(
    hypotheses: Sequence[ContactHypothesis],
    motion_incam: PairMotion,
    timeline: Timeline,
    confidence: Float[np.ndarray, "2 T 22"],
    body: BodyModel,
    settings: GroundingSettings | None = None,
) -> tuple[list[Contact], list[ContactHypothesis]]:
    """Contacts that a prompt asks for, and the hypotheses that the motion is too far from.

    The motion is fitted to the observations; the confidence is that of its joints. Of each hypothesis every reading is tried; the
    one whose parts come nearest together is kept, over the frames in which they stay about as near.
    """
    settings = settings or GroundingSettings()
    frame_index, time = timeline.frame_index, timeline.time
    if not hypotheses:
        return [], []
    distance = _steady(depth_discounted_distances(motion_incam, body, time), time, settings.smoothing_window)
    slack = settings.occlusion_margin * (1 - region_pair_confidence(confidence))
    contacts: list[Contact] = []
    unmet: list[ContactHypothesis] = []
    for hypothesis in hypotheses:
        apart = np.stack([_apart(reading, distance) for reading in hypothesis.interpretations])
        credit = np.stack([_apart(reading, slack) for reading in hypothesis.interpretations])
        best, when = np.unravel_index(int((apart - credit).argmin()), apart.shape)
        if apart[best, when] > settings.max_distance + credit[best, when]:
            unmet.append(hypothesis)
            continue
        longest = settings.max_brief_duration if hypothesis.brief else np.inf
        first, last = _stretch(apart[best], int(when), settings.contact_tolerance, time, longest)
        for touch in sorted(hypothesis.interpretations[best]):
            contacts.append(
                Contact(
                    0, touch.region_0, 1, touch.region_1, int(frame_index[first]), int(frame_index[last]),
                    source="prompt", id=_identity(touch.region_0, touch.region_1, int(frame_index[first])),
                )
            )  # fmt: skip
    return contacts, unmet


def _apart(reading: Interpretation, distance: np.ndarray) -> np.ndarray:
    """[T] mean over the reading's touches of values [T,R,R]."""
    pairs = np.array([(REGIONS.index(touch.region_0), REGIONS.index(touch.region_1)) for touch in sorted(reading)])
    return distance[:, pairs[:, 0], pairs[:, 1]].mean(1)


def _stretch(apart: np.ndarray, when: int, nearly: float, time: np.ndarray, longest: float) -> tuple[int, int]:
    """First and last frame around `when` in which `apart` [T] stays about as small."""
    near = apart <= apart[when] + nearly
    first = last = when
    while first > 0 and near[first - 1] and time[when] - time[first - 1] <= longest / 2:
        first -= 1
    while last < len(near) - 1 and near[last + 1] and time[last + 1] - time[when] <= longest / 2:
        last += 1
    return first, last


def _steady(values: np.ndarray, time: np.ndarray, seconds: float) -> np.ndarray:
    """Running mean of values [T,...] over time stamps [T]."""
    step = float(np.median(np.diff(time))) if len(time) > 1 else seconds
    half = int(seconds / (2 * max(step, 1e-6)))
    total = np.cumsum(np.concatenate([np.zeros_like(values[:1]), values]), 0, dtype=np.float64)
    start, end = (
        np.maximum(np.arange(len(values)) - half, 0),
        np.minimum(np.arange(len(values)) + half + 1, len(values)),
    )
    return (total[end] - total[start]) / (end - start).reshape(-1, *[1] * (values.ndim - 1))


def _identity(region_a: str, region_b: str, frame: int) -> str:
    return str(uuid.uuid5(_NAMESPACE, f"{region_a}/{region_b}/{frame}"))
