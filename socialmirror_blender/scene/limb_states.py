"""The state of each limb: seen in the clip, uncertain, or filled in. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...core.contract.runs import find_runs
from ...core.contract.skeleton import JOINT_INDEX, PARENT_NAME

SEEN, UNCERTAIN, FILLED_IN = 1, 2, 3
STATE_TEXTS = {SEEN: "seen", UNCERTAIN: "uncertain", FILLED_IN: "filled in"}

LIMBS = ("head", "torso", "left arm", "right arm", "left leg", "right leg")
_MEASURED = {
    "head": ("neck", "head"),
    "torso": ("pelvis", "spine1", "spine2", "spine3"),
    "left arm": ("left_elbow", "left_wrist"),
    "right arm": ("right_elbow", "right_wrist"),
    "left leg": ("left_knee", "left_ankle", "left_foot"),
    "right leg": ("right_knee", "right_ankle", "right_foot"),
}
"""The joints whose confidence counts for a limb."""
_ROOTS = {
    "neck": "head",
    "left_collar": "left arm",
    "right_collar": "right arm",
    "left_hip": "left leg",
    "right_hip": "right leg",
}
"""The joints at which limbs begin; what is between them is the torso."""

_SEEN_CONFIDENCE, FILLED_IN_CONFIDENCE = 0.6, 0.3
"""Confidence from which on a joint counts as seen, and below which as filled in."""
_BRIDGED_SECONDS = 0.2
"""Changes shorter than this are no stretches of their own."""


@dataclass(frozen=True)
class LimbStretch:
    """Scene frames in a row, both ends included, in which a limb was not plainly seen."""

    person: int
    limb: str
    first: int
    last: int
    state: int
    """UNCERTAIN or FILLED_IN, the worse of what it contains."""


def limb_of_joint(joint: str) -> str:
    """The limb that a joint, also of a hand or the face, belongs to."""
    name: str | None = joint
    while name is not None:
        if name in _ROOTS:
            return _ROOTS[name]
        name = PARENT_NAME.get(name)
    return "torso"


def limb_states(confidence: np.ndarray, frame_rate: float) -> np.ndarray:
    """uint8 [S,6], the state of each limb from the confidence [S,22] of the body joints in successive frames."""
    means = np.stack([confidence[:, [JOINT_INDEX[joint] for joint in _MEASURED[limb]]].mean(1) for limb in LIMBS], 1)
    return steady(
        np.where(means < FILLED_IN_CONFIDENCE, FILLED_IN, np.where(means < _SEEN_CONFIDENCE, 2, 1)), frame_rate
    )


def filled_in_joints(confidence: np.ndarray, frame_rate: float) -> np.ndarray:
    """bool [S,22], which body joints were filled in, without flicker."""
    return steady((confidence < FILLED_IN_CONFIDENCE).astype(int), frame_rate).astype(bool)


def steady(states: np.ndarray, frame_rate: float) -> np.ndarray:
    """States [S,n] as uint8 without changes that are shorter than a moment: the median of the frames around each."""
    half = int(_BRIDGED_SECONDS * frame_rate) // 2
    if not half or len(states) <= 2 * half:
        return states.astype(np.uint8)
    padded = np.pad(states, ((half, half), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1, axis=0)
    return np.median(windows, axis=-1).astype(np.uint8)


def limb_stretches(frames: np.ndarray, states: Sequence[np.ndarray]) -> list[LimbStretch]:
    """Stretches at scene frames [S] from the states [S,6] of each person, by their first frames."""
    found: list[LimbStretch] = []
    for person, of_person in enumerate(states):
        for column, limb in enumerate(LIMBS):
            for run in find_runs(of_person[:, column] != SEEN):
                worst = int(of_person[run, column].max())
                found.append(LimbStretch(person, limb, int(frames[run.start]), int(frames[run.stop - 1]), worst))
    return sorted(found, key=lambda stretch: (stretch.first, stretch.person, LIMBS.index(stretch.limb)))


def limbs_at(frames: np.ndarray, states: np.ndarray, frame: int) -> dict[int, list[str]]:
    """The limbs in each state at a scene frame, from the states [S,6] at the frames [S]; none beyond these."""
    column = int(np.searchsorted(frames, frame, side="right")) - 1
    if not len(frames) or not frames[0] <= frame <= frames[-1]:
        return {}
    return {state: [limb for limb, of_limb in zip(LIMBS, states[column]) if of_limb == state] for state in STATE_TEXTS}


def next_stretch(stretches: Sequence[LimbStretch], frame: int, backwards: bool = False) -> LimbStretch | None:
    """The stretch that begins first after a frame, or last before it; from the end on it goes round. None if there is none."""
    if backwards:
        earlier = [stretch for stretch in stretches if stretch.first < frame]
        return max(earlier or stretches, key=lambda stretch: stretch.first, default=None)
    later = [stretch for stretch in stretches if stretch.first > frame]
    return min(later or stretches, key=lambda stretch: stretch.first, default=None)
