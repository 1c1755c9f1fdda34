"""Where each of the two people is in every frame, by SAM 2.1's masks: whom it is shown where, and both directions of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...contract.errors import UserError
from ...contract.marks import PersonMark
from ...reporting import Reporter
from ..assignment import same_body
from ..boxes import box_iou
from ..movenet import TRUNK
from ..recording import Recorder
from ..track import Sighting, Track
from ..tracker import ClipSteps
from .running import NoMemory
from .video_masks import MaskNetwork, MaskPrompt, PairMasks, masks_along

_GOOD_ENOUGH = 0.75
"""Of the best frame's value: an earlier frame that is nearly as good to begin with saves going back."""


def track_pair(
    steps: ClipSteps,
    tracks: Sequence[Track[Sighting]],
    marks: tuple[PersonMark, PersonMark] | None,
    network: MaskNetwork,
    recorder: Recorder,
    reporter: Reporter,
) -> dict[int, PairMasks]:
    """The masks of the people of two tracks, by step. UserError `one-person` where no frame shows both; NoMemory."""
    values = {step: value for step in steps.steps if (value := showing(tracks, step)) > 0}
    if not values:
        raise UserError(
            "one-person",
            "No frame shows both people apart enough to tell whose is whose.",
            "Choose frames in which both people are in the picture, or mark them in the panel.",
        )
    start = starting_step(values)
    prompts = prompts_by_step(steps, tracks, marks, start)
    masks: dict[int, PairMasks] = {}
    directions = [lambda: steps.forward(start)]
    if start > steps.first_step:
        directions.append(lambda: steps.backward(start))
    for frames in directions:
        for step, found in masks_along(network, frames, prompts, recorder, _is_no_memory):
            masks[step] = found
            reporter.progress(
                len(masks) / len(steps.findings), f"Following outlines, frame {len(masks)} of {len(steps.findings)}"
            )
    for step in steps.steps:
        if step not in masks and step - 1 in masks:
            masks[step] = masks[step - 1]
    return masks


def _is_no_memory(error: Exception) -> bool:
    from ...hub.memory import out_of_memory

    return not isinstance(error, NoMemory) and out_of_memory(error)


def showing(tracks: Sequence[Track[Sighting]], step: int) -> float:
    """How well a frame shows both people: both clear and none on the other's place; 0 where one is missing."""
    a, b = (track.seen.get(step) for track in tracks)
    if a is None or b is None:
        return 0.0
    same = float(same_body([a.person], [b.person])[0, 0])
    return a.quality * b.quality * (1 - same) * (1 - 0.7 * float(box_iou(_extent(a)[None], _extent(b)[None])[0, 0]))


def starting_step(values: Mapping[int, float]) -> int:
    """The first step that shows both people nearly as well as any."""
    best = max(values.values())
    return min(step for step, value in values.items() if value >= _GOOD_ENOUGH * best)


def prompts_by_step(
    steps: ClipSteps, tracks: Sequence[Track[Sighting]], marks: tuple[PersonMark, PersonMark] | None, start: int
) -> dict[int, Sequence[MaskPrompt]]:
    """What the network is shown: both people in the first frame, and where the user clicked on them.

    It is shown no more than that: who is who after a crossing it tells better than the appearance by which the first pass goes.
    """
    clicks: dict[int, dict[int, np.ndarray]] = {}
    for person, mark in enumerate(marks or ()):
        step = mark.frame - steps.findings[0].index + steps.first_step
        is_click = mark.left == mark.right and mark.top == mark.bottom
        if is_click and all(step in track.seen for track in tracks):
            clicks.setdefault(step, {})[person] = np.array([[mark.left, mark.top]])
    return {step: _prompts(tracks, step, clicks.get(step, {})) for step in (start, *clicks)}


def _prompts(tracks: Sequence[Track[Sighting]], step: int, clicks: Mapping[int, np.ndarray]) -> Sequence[MaskPrompt]:
    prompts: list[MaskPrompt] = []
    for person, track in enumerate(tracks):
        own, other = track.seen[step], tracks[1 - person].seen[step]
        box = _extent(own)
        trunk = other.person.points[TRUNK]
        within = ((trunk > box[:2]) & (trunk < box[2:])).all(1)
        click = clicks.get(person, np.zeros((0, 2)))
        on_other = clicks.get(1 - person, trunk.mean(0, keepdims=True) if within.all() else np.zeros((0, 2)))
        prompts.append(MaskPrompt(box, click, on_other))
    return prompts


def _extent(sighting: Sighting) -> np.ndarray:
    """Left, top, right, bottom in px of the box and the keypoints of somebody."""
    person = sighting.person
    low, high = np.minimum(person.box[:2], person.points.min(0)), np.maximum(person.box[2:], person.points.max(0))
    return np.concatenate([low, high]).astype(np.float32)
