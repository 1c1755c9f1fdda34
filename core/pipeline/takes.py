"""Takes of a clip: they are computed one after the other, measured and compared; those that move like one before are left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..contacts import measure_contacts, unreached_warnings
from ..contract.annotation import Annotation
from ..contract.contact import Contact
from ..contract.foot_contact import FootContact
from ..contract.reconstruction import Quality, Scores
from ..fitting.fit import FittedMotion
from ..fitting.foot_locks import foot_intervals
from ..motion import PairMotion
from ..perception.detections import Detections
from ..progress import JobProgress
from ..quality import check_quality, quality_warnings
from ..scores import score
from . import stages
from .nodes import ClipNodes, TakeNodes, TakeSettings
from .stage import Given, Node, Results, ResultStore, expected_cost, in_order, run

SAME_MOTION = 1e-4
"""radians, metres: less than a seed changes, more than the order of a sum does."""


@dataclass(frozen=True)
class TakeResult:
    """A take before it is saved."""

    settings: TakeSettings
    fitted: FittedMotion
    contacts: tuple[Contact, ...]
    """With their distances."""
    scores: Scores
    quality: Quality
    foot_contacts: tuple[FootContact, ...]
    caption: str
    annotation: Annotation | None
    """With its verdicts; None without an annotator, and for a take that goes on from another."""
    infilled: bool
    """Whether the seed had a part in it."""
    key: str
    warnings: tuple[str, ...]
    seconds: dict[str, float]


@dataclass(frozen=True)
class MadeTakes:
    """At least one take, and the detections that all are made from."""

    takes: tuple[TakeResult, ...]
    detections: Detections


def make_takes(
    clip: ClipNodes,
    takes: Sequence[TakeNodes],
    store: ResultStore,
    progress: JobProgress,
    within: tuple[float, float] = (0.0, 1.0),
) -> MadeTakes:
    """Compute takes of a clip one after the other; those that differ from the ones before them. Only the store is written to.

    `within`: the part of the job's progress that it takes.
    """
    made: list[TakeResult] = []
    sampled: list[PairMotion] = []
    is_sampled = True
    detections = None
    for number, (take, (first, last)) in enumerate(zip(takes, _parts_of_progress(takes, store))):
        start, length = within[0], within[1] - within[0]
        progress.set_range(
            start + length * first,
            start + length * last,
            f"take {number + 1} of {len(takes)}" if len(takes) > 1 else "",
        )
        wanted = [clip.detections, clip.agreement, clip.scene, take.infilled, take.starting_fit, *take.targets]
        results = run([node for node in wanted if isinstance(node, Node)], store, progress)
        detections = clip.detections.value if isinstance(clip.detections, Given) else results[clip.detections]
        infilled = results[take.infilled].motion_incam
        # not one bit differs only where there is no noise in it
        is_sampled = not any(stages.same_motion(infilled, other, tolerance=0.0) for other in sampled)
        sampled.append(infilled)
        result = _result(clip, take, results)
        if not any(stages.same_motion(_moving(result), _moving(other), SAME_MOTION) for other in made):
            made.append(result)
        elif not is_sampled:
            break
        progress.check()
    if detections is None:
        raise ValueError("no takes to make")
    if len(made) < len(takes):
        progress.warn(_too_few(len(made), takes, is_sampled=is_sampled, infilled=made[0].infilled))
    return MadeTakes(tuple(made), detections)


def _result(clip: ClipNodes, take: TakeNodes, results: Results) -> TakeResult:
    scene, fitted = results[clip.scene], results[take.motion]
    targets = results[take.constraints].targets
    contacts = measure_contacts(targets.contacts, fitted, scene.body, scene.observations.frame_index)
    quality = check_quality(fitted, scene.observations, scene.body, contacts, pins=targets.pins)
    if clip.agreement is not None:
        quality = replace(quality, camera=results[clip.agreement].found)
    return TakeResult(
        settings=take.settings,
        fitted=fitted,
        contacts=tuple(contacts),
        scores=score(fitted, scene.observations, scene.body, contacts),
        quality=quality,
        foot_contacts=foot_intervals(results[take.starting_fit].foot_contact, scene.observations.timeline),
        caption=results[take.caption].sentence,
        annotation=None if take.suggested is None else next(iter(results[take.suggested].judged), None),
        infilled=stages.is_infilled(results[take.infilled], results[take.starting_fit]),
        key=take.motion.key,
        warnings=(*results.warnings, *quality_warnings(quality), *unreached_warnings(contacts)),
        seconds=results.seconds,
    )


def _moving(result: TakeResult) -> Any:
    return result.fitted.motion_incam


def _parts_of_progress(takes: Sequence[TakeNodes], store: ResultStore) -> list[tuple[float, float]]:
    """Where in the whole job each take begins and ends: what is stored, or is stored by an earlier take, takes no time.

    What is stored counts as used, so that one take does not evict what another needs.
    """
    computed: set[str] = set()
    costs = []
    for take in takes:
        costs.append(expected_cost(take.targets, store, computed))
        computed |= {node.key for node in in_order(take.targets)}
    ends = np.cumsum([0.0, *costs]) / (sum(costs) or 1.0)
    return [(float(first), float(last)) for first, last in zip(ends, ends[1:])]


def _too_few(made: int, takes: Sequence[TakeNodes], *, is_sampled: bool, infilled: bool) -> str:
    if made > 1:
        return f"{made} of {len(takes)} takes differ; the others moved like one of these and were left out."
    if is_sampled:
        why = "what is sampled comes out the same"
    elif takes[0].refines:
        why = "nothing is sampled anew away from your edits"
    else:
        why = "nothing is sampled" if infilled else "no learned model fills in the hidden motion"
    return f"One take was made instead of {len(takes)}: {why}, so every seed gives the same motion."
