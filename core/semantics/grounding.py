"""Grounds the hypotheses of a prompt in a motion: which interpretation it means, and in which frames."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from ..contacts import ContactScene, depth_discounted_distances, region_pair_confidence
from ..contacts.decoding import onsets
from ..contacts.settings import ContactDecodingSettings
from ..contract.body_parts import PART_OF_REGION
from ..contract.contact import Contact
from ..contract.skeleton import REGIONS
from ..motion import Timeline
from .kinematics import running_mean
from .prompt_parser import ContactHypothesis, Interpretation, RegionPair
from .settings import GroundingSettings

_SETTINGS = GroundingSettings()
_NAMESPACE = uuid.UUID("b0a3a2f4-6a0e-4c9a-8f50-5b8a4f0a7d02")


@dataclass(frozen=True)
class Refusal:
    """A hypothesis that the motion does not bear out."""

    hypothesis: ContactHypothesis
    contacts: tuple[Contact, ...]
    """What it would ask for where it is likeliest, rejected; none where the two are too far apart in every frame."""


def ground_hypotheses(
    hypotheses: Sequence[ContactHypothesis],
    scene: ContactScene,
    probability: Float[np.ndarray, "T Q Q"] | None = None,
) -> tuple[list[Contact], list[Refusal]]:
    """The contacts that a prompt asks for, and the hypotheses that are refused because the motion does not bear them out.

    Of each hypothesis the interpretation is chosen whose regions come closest together, for the frames around that moment in
    which they stay almost as close; where a hypothesis names frames, that moment lies in or near them. Where `probability` says
    how probable it is, without the prompt, that two body parts touch, it counts as well: the probable interpretation is
    preferred, and a hypothesis is refused of which none is anywhere so probable that it would be listed unasked, see `onsets` and
    `needed_share`. Contacts of one hypothesis are one touch.
    """
    if not hypotheses:
        return [], []
    evidence = _Evidence.of(scene, probability)
    answers = [_ground(hypothesis, evidence) for hypothesis in hypotheses]
    contacts = [contact for answer in answers if not isinstance(answer, Refusal) for contact in answer]
    return contacts, [answer for answer in answers if isinstance(answer, Refusal)]


@dataclass(frozen=True)
class _Evidence:
    """What a motion says of each pair of regions in each frame."""

    timeline: Timeline
    distance: Float[np.ndarray, "T R R"]
    """metres, averaged over time, with depth counted in part."""
    margin: Float[np.ndarray, "T R R"]
    """metres by which regions that are not seen may be farther apart."""
    probability: Float[np.ndarray, "T R R"] | None
    """That their body parts touch, without the prompt; None where no contact head says so."""
    onset: Float[np.ndarray, " T"]
    """Probability from which on a contact would be listed without a prompt."""

    @classmethod
    def of(cls, scene: ContactScene, probability: Float[np.ndarray, "T Q Q"] | None) -> _Evidence:
        timeline = scene.timeline
        distance = depth_discounted_distances(scene.motion_incam, scene.body, timeline.time)
        distance = running_mean(distance, int(_SETTINGS.smoothing_window / (2 * max(timeline.time_step, 1e-6))))
        margin = _SETTINGS.occlusion_margin * (1 - region_pair_confidence(scene.confidence))
        if probability is None:
            return cls(timeline, distance, margin, None, np.ones(len(timeline.time)))
        by_region = probability[:, PART_OF_REGION][:, :, PART_OF_REGION]
        return cls(
            timeline, distance, margin, by_region, onsets(probability, timeline.time_step, ContactDecodingSettings())
        )


def _ground(hypothesis: ContactHypothesis, evidence: _Evidence) -> list[Contact] | Refusal:
    """The contacts of the interpretation that the motion bears out best, if it bears out any."""
    timeline = evidence.timeline
    inside = _frames_inside(hypothesis.frames, timeline, _SETTINGS.span_margin)
    distances = _of_interpretations(hypothesis, evidence.distance)
    margins = _of_interpretations(hypothesis, evidence.margin)
    credit = np.zeros_like(distances)
    if evidence.probability is not None:
        credit = _of_interpretations(hypothesis, evidence.probability)
    cost = np.where(inside, distances - margins - _SETTINGS.probability_credit * credit, np.inf)
    best = _best_interpretation(cost, inside, sustained=hypothesis.frames is not None)
    closest = int(cost[best].argmin())
    if distances[best, closest] > _SETTINGS.max_distance + margins[best, closest]:
        return Refusal(hypothesis, ())
    max_duration = _SETTINGS.max_brief_duration if hypothesis.brief else np.inf
    near = distances[best] <= distances[best, closest] + _SETTINGS.contact_tolerance
    first, last = _extend(near, closest, timeline.time, max_duration)
    certainty = None if evidence.probability is None else round(float(np.clip(credit[best].max(), 0, 1)), 3)
    frames = int(timeline.frame_index[first]), int(timeline.frame_index[last])
    contacts = _contacts(hypothesis, hypothesis.interpretations[best], frames, certainty)
    needed = np.outer([needed_share(interpretation) for interpretation in hypothesis.interpretations], evidence.onset)
    if evidence.probability is not None and not (credit >= needed)[:, inside].any():
        return Refusal(hypothesis, tuple(replace(contact, state="rejected") for contact in contacts))
    return contacts


def _contacts(
    hypothesis: ContactHypothesis, interpretation: Interpretation, frames: tuple[int, int], certainty: float | None
) -> list[Contact]:
    """The contacts of one interpretation in the clip's frames from the first to the last one, as one touch."""
    touch = _stable_id(hypothesis.name, hypothesis.clause, frames[0])
    return [
        Contact(
            0, pair.region_0, 1, pair.region_1, *frames,
            source="prompt", id=_stable_id(pair.region_0, pair.region_1, frames[0]), touch=touch, probability=certainty,
        )
        for pair in sorted(interpretation)
    ]  # fmt: skip


def _of_interpretations(hypothesis: ContactHypothesis, values: Float[np.ndarray, "T R R"]) -> Float[np.ndarray, "I T"]:
    """The mean of values over the pairs of each of the hypothesis' interpretations."""
    return np.stack([_mean_over_pairs(each, values) for each in hypothesis.interpretations])


def needed_share(interpretation: Interpretation) -> float:
    """How probable the pairs of an interpretation have to be on average, relative to what is listed unasked.

    Less than 1 where it names several pairs of body parts at once, as of a hug: each of them may be doubtful, because people in a
    hug hide each other, but it is less probable that all come near by chance.
    """
    parts = {
        (PART_OF_REGION[REGIONS.index(pair.region_0)], PART_OF_REGION[REGIONS.index(pair.region_1)])
        for pair in interpretation
    }
    return min(1.0, _SETTINGS.joint_support / len(parts))


def nearest_pair(hypothesis: ContactHypothesis, scene: ContactScene) -> tuple[RegionPair, float]:
    """The pair of regions that comes nearest among all interpretations in the hypothesis' frames, and its distance in metres."""
    distance = depth_discounted_distances(scene.motion_incam, scene.body, scene.timeline.time)
    inside = _frames_inside(hypothesis.frames, scene.timeline, _SETTINGS.span_margin)
    pairs = sorted({pair for interpretation in hypothesis.interpretations for pair in interpretation})
    nearest = [float(_mean_over_pairs(frozenset([pair]), distance)[inside].min()) for pair in pairs]
    best = int(np.argmin(nearest))
    return pairs[best], nearest[best]


def _best_interpretation(cost: Float[np.ndarray, "I T"], inside: Bool[np.ndarray, "T"], *, sustained: bool) -> int:
    """The interpretation of least cost at some moment or, if `sustained`, over a third of the frames in which it may hold.

    A hypothesis that names its frames means what lasts in them, not what comes near for a moment at their end.
    """
    count = max(1, int(inside.sum()) // 3) if sustained else 1
    return int(np.sort(cost[:, inside], axis=1)[:, :count].mean(1).argmin())


def _frames_inside(frames: tuple[int, int] | None, timeline: Timeline, margin: float) -> Bool[np.ndarray, "T"]:
    """Frames in which a hypothesis may hold: those that it names and `margin` seconds around, or all where it names none."""
    everywhere = np.ones(len(timeline.time), bool)
    if frames is None:
        return everywhere
    named = np.flatnonzero((timeline.frame_index >= frames[0]) & (timeline.frame_index <= frames[1]))
    if not len(named):
        return everywhere
    first, last = timeline.time[named[0]] - margin, timeline.time[named[-1]] + margin
    return (timeline.time >= first) & (timeline.time <= last)


def _mean_over_pairs(interpretation: Interpretation, values: Float[np.ndarray, "T R R"]) -> Float[np.ndarray, "T"]:
    """Mean of values of region pairs over the pairs of an interpretation."""
    pairs = np.array([(REGIONS.index(pair.region_0), REGIONS.index(pair.region_1)) for pair in sorted(interpretation)])
    return values[:, pairs[:, 0], pairs[:, 1]].mean(1)


def _extend(near: np.ndarray, frame: int, time: Float[np.ndarray, "T"], max_duration: float) -> tuple[int, int]:
    """First and last frame of the run of `near` [T] around a frame, within half of the longest duration on each side."""
    first = last = frame
    while first > 0 and near[first - 1] and time[frame] - time[first - 1] <= max_duration / 2:
        first -= 1
    while last < len(near) - 1 and near[last + 1] and time[last + 1] - time[frame] <= max_duration / 2:
        last += 1
    return first, last


def _stable_id(one: str, other: str, frame: int) -> str:
    return str(uuid.uuid5(_NAMESPACE, f"{one}/{other}/{frame}"))
