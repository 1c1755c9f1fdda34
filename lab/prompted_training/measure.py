"""How well landmarks of two people are found in rendered single frames, by the prompted network and by those it is built on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float

from core.perception.crops import Crop
from core.perception.landmarks import LandmarkNetwork
from core.perception.prompted_landmarks import (
    ASKED_SCALE,
    LIMB_JOINTS,
    PROMPT_JOINTS,
    JointPrompt,
    PromptedLandmarks,
    PromptedPose,
    Query,
    crop_of_joints,
)

from ..evaluation.metrics import procrustes
from .frames import Frame
from .prompts import matched_keypoints

_FOUND_ERROR = 0.1
"""Largest median error, in heights, of a skeleton that counts as found."""


@dataclass(frozen=True)
class Estimate:
    """What a method answers for one person."""

    points: Float[np.ndarray, "12 2"]
    """px, limb joints."""
    metric: Float[np.ndarray, "12 3"] | None = None
    """metres."""
    pose: PromptedPose | None = None


_ALONE = ("PCK.1H", "PCK.05H", "PA-MPJPE")
"""Scores that mean something for somebody alone."""

Method = Callable[[Frame], Sequence[Estimate | None]]
"""Estimates of both people of a frame, or None for whoever was not found."""


@dataclass
class _Tally:
    errors: list[Float[np.ndarray, "2 12"]] = field(default_factory=list)
    """In heights; infinite where nobody was found."""
    hidden: list[Bool[np.ndarray, "2 12"]] = field(default_factory=list)
    valid: list[Bool[np.ndarray, "2 12"]] = field(default_factory=list)
    both: list[bool] = field(default_factory=list)
    metric: list[Float[np.ndarray, "2 12"]] = field(default_factory=list)
    """mm after alignment; not a number where nobody was found."""


def found_by_movenet(frame: Frame) -> list[Estimate | None]:
    """Both people as MoveNet finds them in the frame; None for one whom it misses."""
    return [None if each is None else Estimate(each.points) for each in matched_keypoints(frame)]


def found_by_blazepose(network: LandmarkNetwork) -> Method:
    """BlazePose in the same crops that the prompted network gets."""

    def method(frame: Frame) -> list[Estimate | None]:
        queries = queries_for(frame)
        asked = [number for number in (0, 1) if queries[number] is not None]
        poses = network.predict(frame.image_of_camera, [query.crop for query in queries if query is not None])
        estimates: list[Estimate | None] = [None, None]
        for number, pose in zip(asked, poses):
            estimates[number] = Estimate(pose.points[PROMPT_JOINTS], pose.world[PROMPT_JOINTS])
        return estimates

    return method


def found_by_prompts(network: PromptedLandmarks, rounds: int = 1) -> Method:
    """The prompted network on MoveNet's keypoints, asked again with its own answers in further rounds."""

    def method(frame: Frame) -> list[Estimate | None]:
        image = frame.image_of_camera
        poses = _predict(network, image, queries_for(frame))
        for _ in range(rounds - 1):
            prompts = [None if pose is None else pose.prompt() for pose in poses]
            poses = _predict(network, image, [_query(frame, prompts, number) for number in (0, 1)])
        return [
            None if pose is None else Estimate(pose.points[PROMPT_JOINTS], pose.metric[PROMPT_JOINTS], pose)
            for pose in poses
        ]

    return method


def queries_for(frame: Frame) -> list[Query | None]:
    """Both people as MoveNet found them; whoever it did not find is asked for as "not that one"; None if it found nobody."""
    prompts = matched_keypoints(frame)
    return [_query(frame, prompts, number) if frame.present[number] else None for number in (0, 1)]


def measure(method: Method, frames: Sequence[Frame]) -> dict[str, float]:
    """Scores in percent and mm; landmarks outside the image do not count, a missing person's are wrong.

    `both found`: share of pictures of two people with two skeletons, each nearer to its own truth and with a median error under
    0.1 heights. `hidden` are joints that the other person occludes.
    """
    pairs, alone = _Tally(), _Tally()
    for frame in frames:
        _add(pairs if frame.present.all() else alone, frame, method(frame))
    of_alone = {f"alone, {name}": value for name, value in _scores(alone).items() if name in _ALONE}
    return {**_scores(pairs), **of_alone}


def _predict(
    network: PromptedLandmarks, image: np.ndarray, queries: Sequence[Query | None]
) -> list[PromptedPose | None]:
    answers = iter(network.predict(image, [query for query in queries if query is not None]))
    return [None if query is None else next(answers) for query in queries]


def _query(frame: Frame, prompts: Sequence[JointPrompt | None], person: int) -> Query | None:
    own, other = prompts[person], prompts[1 - person]
    if own is not None:
        crop = crop_of_joints(own.points, own.confidence)
    elif other is not None:
        around = crop_of_joints(other.points, other.confidence)
        crop = Crop(around.x, around.y, around.size * ASKED_SCALE, around.angle)
    else:
        return None
    return Query(crop, own, other, frame.keypoint_maps)


def _add(tally: _Tally, frame: Frame, estimates: Sequence[Estimate | None]) -> None:
    truth = frame.points[:, PROMPT_JOINTS]
    errors, metric = np.full((2, LIMB_JOINTS), np.inf), np.full((2, LIMB_JOINTS), np.nan)
    own_side = True  # each skeleton is nearer to its own truth than to the other
    for number, estimate in enumerate(estimates):
        if estimate is None:
            own_side = False
            continue
        distance = np.linalg.norm(estimate.points - truth, axis=-1) / frame.height[:, None]
        errors[number] = distance[number]
        own_side &= bool(np.median(distance[number]) < np.median(distance[1 - number]))
        if estimate.metric is not None:
            target = frame.metric[number, PROMPT_JOINTS].astype(float)
            aligned = procrustes(estimate.metric.astype(float), target)
            metric[number] = 1000 * np.linalg.norm(aligned - target, axis=-1)
    valid = ~frame.is_outside[:, PROMPT_JOINTS] & frame.present[:, None]
    tally.errors.append(errors)
    tally.hidden.append(frame.is_occluded[:, PROMPT_JOINTS])
    tally.valid.append(valid)
    tally.metric.append(metric)
    tally.both.append(own_side and bool((np.median(errors, 1) < _FOUND_ERROR).all()))


def _scores(tally: _Tally) -> dict[str, float]:
    if not tally.errors:
        return {}
    errors, hidden, valid = (np.stack(each) for each in (tally.errors, tally.hidden, tally.valid))
    metric = np.stack(tally.metric)
    hidden &= valid

    def percent(values: np.ndarray) -> float:
        return 100 * float(values.mean()) if values.size else float("nan")

    def mean(values: np.ndarray) -> float:
        values = values[np.isfinite(values)]
        return float(values.mean()) if values.size else float("nan")

    return {
        "both found": percent(np.array(tally.both)),
        "PCK.1H": percent(errors[valid] < 0.1),
        "PCK.05H": percent(errors[valid] < 0.05),
        "hidden .1H": percent(errors[hidden] < 0.1),
        "hidden .05H": percent(errors[hidden] < 0.05),
        "PA-MPJPE": mean(metric[valid & ~hidden]),
        "PA-MPJPE hidden": mean(metric[hidden]),
    }


def table(rows: Mapping[str, Mapping[str, float]]) -> str:
    """A table in Markdown, one row for each method."""
    names = list(dict.fromkeys(name for scores in rows.values() for name in scores))
    lines = [f"| | {' | '.join(names)} |", f"|---|{'---:|' * len(names)}"]
    for method, scores in rows.items():
        cells = [f"{scores[name]:.0f}" if np.isfinite(scores.get(name, np.nan)) else "–" for name in names]
        lines.append(f"| {method} | {' | '.join(cells)} |")
    return "\n".join(lines)
