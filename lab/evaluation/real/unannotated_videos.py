"""Videos of two people without ground truth: which frames to reconstruct, and their results."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from core.clip import probe
from core.contract.errors import UserError
from core.contract.files import read_json
from core.perception.landmarks import LIMBS
from core.scores import CONFIDENT

from ..perception_cache import PerceptionCache
from ..results import ClipResult
from ..surface_metrics import contact_matrix
from .method_runner import MethodRunner
from .metrics_without_truth import pair_metrics, person_metrics

_SEARCHED, _LONGEST, _LEAST_SHARE = 300, 100, 0.7
"""Without `frames.json`: frames at the start of a video that are searched, length of the range that is reconstructed, and share
of that range in which two people have to be found."""


def evaluate_video(path: Path, folder: Path, runner: MethodRunner, perception: PerceptionCache) -> Iterator[ClipResult]:
    """All methods on one video."""
    found = perception.detect_two(path, choose_frames(path, folder, perception))
    detections = found.detections
    hidden_share = 1 - float((detections.keypoints[:, :, LIMBS, 2] >= CONFIDENT).mean())
    clip = f"{path.stem} {detections.frame_index[0]}-{detections.frame_index[-1]}"
    for name, estimate in runner.for_two(clip, detections):
        scores = person_metrics(estimate, detections, runner.body)
        scores |= pair_metrics(estimate, detections.frame_index, runner.body)
        contact_share = float(contact_matrix(estimate.contacts, detections.frame_index).any((1, 2)).mean())
        times = {"perception": found.seconds, **estimate.seconds}
        frames = len(detections.frame_index)
        yield ClipResult(clip, f"wild: {clip}", name, frames, scores, {}, hidden_share, contact_share, times)


def choose_frames(path: Path, folder: Path, perception: PerceptionCache) -> tuple[int, int]:
    """First and last frame to reconstruct: from `frames.json` in the folder, otherwise where two people are found most often.

    UserError `bad-range`, or `not-two` where two are found too seldom.
    """
    file = folder / "frames.json"
    if file.is_file():
        frames = read_json(file).get(path.name)
        if isinstance(frames, list) and len(frames) == 2 and all(isinstance(frame, int) for frame in frames):
            return frames[0], frames[1]
        if frames is not None:
            raise UserError(
                "bad-range", f"{file} gives it the frames {frames!r}.", "Write the first and the last one: [10, 110]."
            )
    searched = (0, min(_SEARCHED, probe(path).frame_count) - 1)
    everyone = perception.detect_everyone(path, searched).detections
    frames = best_range(everyone.found)
    if frames is None:
        raise UserError("not-two", "two people are found too seldom in it.", "Give its frames in frames.json.")
    return int(everyone.frame_index[frames[0]]), int(everyone.frame_index[frames[1]])


def best_range(found: Bool[np.ndarray, "P T"]) -> tuple[int, int] | None:
    """First and last index of the range in which at least two people are found most often; None if that is too seldom."""
    two = found.sum(0) >= 2
    length = min(_LONGEST, len(two))
    if length == 0:
        return None
    sums = np.convolve(two, np.ones(length, int), "valid")
    first = int(sums.argmax())
    return (first, first + length - 1) if sums[first] >= _LEAST_SHARE * length else None
