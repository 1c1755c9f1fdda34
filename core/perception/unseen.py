"""Names what is not seen of the two people, and in which frames: their motion there is guessed."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool

from ..contract.frames import frame_in_words, frames_in_words
from ..contract.reconstruction import PERSON_NAMES
from ..contract.runs import find_runs, frames_in
from ..contract.skeleton import LANDMARK_INDEX
from .detections import Detections

_SECONDS = 0.3
"""Length from which on a stretch is worth a warning. What is shorter is interpolated well."""
_BRIDGED_SECONDS = 0.1
"""Seen frames between two unseen stretches that are counted to them."""
_LEAST_FRAMES = 5
"""Fewer frames are not worth choosing."""
_LOWER_LEGS = [LANDMARK_INDEX[f"{side}_{part}"] for side in ("left", "right") for part in ("knee", "ankle")]
_SEEN_CONFIDENCE, _MOSTLY = 0.3, 0.7
"""Mean confidence of knees and ankles from which on legs are seen in a frame, and part of the frames that are most of them."""


def unseen_people(detections: Detections) -> list[str]:
    """A sentence for each person who is not seen for a while, with the frames of the clip.

    Where that is at an end of the range, it says which frames show both people.
    """
    sentences: list[str] = []
    both = np.flatnonzero(_seen_from_first_to_last(detections.found).all(0))
    for person, found in enumerate(detections.found):
        where, at_end = _unseen_frames(found, detections)
        if not where:
            continue
        listed = " and ".join([*([", ".join(where[:-1])] if where[1:] else []), where[-1]])
        sentence = f"{PERSON_NAMES[person]} is not seen {listed}, so the motion there is guessed"
        if at_end and len(both) >= _LEAST_FRAMES:
            first, last = detections.frame_index[both[[0, -1]]].tolist()
            sentence += f": choose {frames_in_words((first, last))} to leave that out"
        sentences.append(f"{sentence}.")
    return sentences


def unseen_legs(detections: Detections) -> list[str]:
    """A sentence if somebody's legs are seen in few of the frames that show the person, as in a medium shot."""
    without = [
        name
        for name, keypoints, found in zip(PERSON_NAMES, detections.keypoints, detections.found)
        if found.any() and (keypoints[found][:, _LOWER_LEGS, 2].mean(-1) < _SEEN_CONFIDENCE).mean() > _MOSTLY
    ]
    if not without:
        return []
    return [
        f"The legs of {' and '.join(without)} are hardly ever seen, so they are guessed: people are taken to stand."
    ]


def _unseen_frames(found: Bool[np.ndarray, " T"], detections: Detections) -> tuple[list[str], bool]:
    """Phrases for the stretches in which one person is not seen, and whether one of them is at an end of the range."""
    steps = len(found)
    interval = float(np.diff(detections.time).mean()) if steps > 1 else np.inf
    runs = find_runs(~found, round(_BRIDGED_SECONDS / interval), frames_in(_SECONDS, interval))
    frames = detections.frame_index.tolist()
    if len(runs) == 1 and runs[0] == slice(0, steps):
        return [f"in {frames_in_words((frames[0], frames[-1]))}"], False
    where: list[str] = []
    within = [(frames[run.start], frames[run.stop - 1]) for run in runs if run.start > 0 and run.stop < steps]
    if runs and runs[0].start == 0:
        where.append(f"before {frame_in_words(frames[runs[0].stop])}")
    if within:
        where.append(f"in {frames_in_words(*within)}")
    if runs and runs[-1].stop == steps:
        where.append(f"after {frame_in_words(frames[runs[-1].start - 1])}")
    return where, len(where) > bool(within)


def _seen_from_first_to_last(found: Bool[np.ndarray, "P T"]) -> Bool[np.ndarray, "P T"]:
    """Frames from the first to the last one in which each person is seen."""
    begun = np.logical_or.accumulate(found, 1)
    to_come = np.logical_or.accumulate(found[:, ::-1], 1)[:, ::-1]
    return begun & to_come
