"""How the 2D stage errs, as numbers: what `python -m lab fit-noise` measured on rendered clips and `observe.py` draws from.

Errors depend on what hides a landmark and on how much of the person the other one hides. Their sizes are kept as quantiles, for
tails are heavy, and drawn through Gaussian processes that are slow and fast at once and partly common to a limb and to the
whole person (a Gaussian copula). Failures of another kind are states of Markov chains: nobody found, the skeleton on the other
person or with its sides exchanged, a limb that is the other's.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.signal import lfilter

from core.contract.errors import UserError
from core.contract.files import read_json, write_json
from core.contract.skeleton import LANDMARK_INDEX, LANDMARKS

from ...paths import NOISE_FILE
from ..benchmark_clip import OCCLUDED, TRUNCATED
from ..occlusion.projection import ProjectedClip

GROUPS = ("head", "shoulder", "elbow", "wrist", "hand", "hip", "knee", "ankle", "foot")
_NAMED = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
_HANDS, _FEET = ("pinky", "index", "thumb"), ("heel", "foot_index")


def _group(name: str) -> str:
    part = name.removeprefix("left_").removeprefix("right_")
    if part in _NAMED:
        return part
    return "hand" if part in _HANDS else "foot" if part in _FEET else "head"


GROUP = np.array([GROUPS.index(_group(name)) for name in LANDMARKS])
"""int [33], the group of each landmark."""

LIMBS: tuple[tuple[int, ...], ...] = tuple(
    tuple(LANDMARK_INDEX[f"{side}_{part}"] for part in parts)
    for parts in (("wrist", *_HANDS, "elbow"), ("ankle", *_FEET, "knee"))
    for side in ("left", "right")
)
"""Left arm, right arm, left leg, right leg: each its end first, what hangs on that, its middle joint last."""
LIMB_ENDS = [limb[0] for limb in LIMBS]
OTHER_SIDE = (1, 0, 3, 2)
"""The limb on the other side of the body."""
_TRUNK = [LANDMARK_INDEX[f"{side}_{part}"] for part in ("shoulder", "hip") for side in ("left", "right")]
PARTS = np.array(
    [next((2 + n for n, limb in enumerate(LIMBS) if i in limb), 1 if i in _TRUNK else 0) for i in range(len(LANDMARKS))]
)
"""int [33]: head, trunk, and the four limbs, whose landmarks err together."""


def _bones() -> list[tuple[int, int]]:
    sides = [(f"left_{part}", f"right_{part}") for part in ("shoulder", "hip")]
    pairs = [("nose", "left_shoulder"), ("nose", "right_shoulder"), *sides]
    for side in ("left", "right"):
        pairs += [(f"{side}_shoulder", f"{side}_hip"), ("nose", f"{side}_eye"), ("nose", f"mouth_{side}")]
        pairs += [(f"{side}_eye", f"{side}_eye_{place}") for place in ("inner", "outer")] + [("nose", f"{side}_ear")]
        pairs += [(f"{side}_{a}", f"{side}_{b}") for a, b in (("shoulder", "elbow"), ("elbow", "wrist"))]
        pairs += [(f"{side}_{a}", f"{side}_{b}") for a, b in (("hip", "knee"), ("knee", "ankle"))]
        pairs += [(f"{side}_wrist", f"{side}_{part}") for part in _HANDS]
        pairs += [(f"{side}_ankle", f"{side}_{part}") for part in _FEET]
    return [(LANDMARK_INDEX[a], LANDMARK_INDEX[b]) for a, b in pairs]


BONES = _bones()
"""N pairs of landmarks a fixed length apart, from the trunk outwards: what the networks know of people's build."""
BODY = slice(LANDMARK_INDEX["left_shoulder"], len(LANDMARKS))

CLEAR, SELF_OCCLUDED, OCCLUDED_BY_OTHER, OUTSIDE_IMAGE, FROM_OTHER_PERSON = range(5)
"""States of a landmark: seen, hidden by one's own body, by the other, out of the picture, and taken from the other person."""
LANDMARK_STATES = 5
OWN_SKELETON, SIDES_SWAPPED, OTHER_PERSON, NOT_FOUND, UNRELIABLE = range(5)
"""Whose skeleton a person is given: their own, that with its sides exchanged, the other person's, none, their own so badly
that much of it is wrong at once."""
OWN_LIMB, OTHERS_SAME_LIMB, OTHERS_OPPOSITE_LIMB, OWN_OPPOSITE_LIMB = range(4)
"""Whose limb: one's own, the other person's of the same side, theirs of the other side, one's own of the other side."""
NO_HAND, OWN_HAND, WRONG_HAND = range(3)

_HIDDEN_SHARES = (0.15, 0.45)
_APART, _EMBRACED = 0.45, 0.25
"""Heights of a person between two trunks in the picture: from here on nobody is close; up to here one is upon the other."""
CLOSENESS = 5
"""Bins: nobody close, close, one trunk upon the other; the other hides some of the person, or much."""
BINS = CLOSENESS + 3
"""Of tables: those of closeness for people's own skeletons, and one each for poor ones, exchanged ones and other people's."""
_LIMB_DISTANCES = (0.05, 0.12, 0.3)
"""Heights of a person from a limb's end to the nearest such end of the other."""
LIMB_BINS = 4 * (len(_LIMB_DISTANCES) + 1)
"""Arms before legs, of each those that the other does not hide first."""
ERROR_BINS = (0.015, 0.03, 0.06, 0.12)
"""Heights of a person between which a landmark's error says something else about its confidence."""
HAND_BINS = 6
_HAND_NEAR = 0.08
SMALL_PERSON = 230.0
"""px of a person's height, below which the 2D stage does not look for hands."""

PROBABILITIES = np.array(
    [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.995, 1]
)  # fmt: skip
"""Where quantiles are kept, Q of them."""
CORRELATION_TIMES = np.array([0.012, 0.1, 0.6, 4.0])
"""seconds in which the C = 4 processes that errors are made of forget (to 1/e): from jitter to what stays all the clip."""
REFERENCE_STEP = 1 / 30
"""seconds of one step of the chains."""


@dataclass(frozen=True)
class DetectionNoise:
    """Q quantiles, C processes, G groups, S = 5 states, B = 8 bins. Lengths in heights of the person unless said."""

    provenance: dict[str, Any]
    """Which clips, how many frames."""
    whose_start: np.ndarray
    """[CLOSENESS,5] share of the frames in each of OWN, EXCHANGED, OTHERS, LOST, POOR."""
    whose: np.ndarray
    """[CLOSENESS,5,5] chances of going from one to another in a 30th of a second."""
    limb_start: np.ndarray
    """[LIMB_BINS,4]"""
    limb: np.ndarray
    """[LIMB_BINS,4,4]"""
    middle_follows: float
    """How far elbow or knee go with a stolen limb's end, 0-1."""
    drawn_size: np.ndarray
    """[B,Q] how large skeletons are drawn in the picture, against the true ones."""
    drawn_about: float
    """About which point: 0 the trunk's middle, 1 the middle of the ankles."""
    error_middle: np.ndarray
    """[B,S,G,2] of landmarks across and down: what errors lie about."""
    error: np.ndarray
    """[B,S,G,Q] how far from that."""
    error_times: np.ndarray
    """[G,C] shares of variance of the processes."""
    error_common: np.ndarray
    """[2] correlation of all landmarks of a person, and of those of one limb beyond that."""
    longest: np.ndarray
    """[N] how long bones are made in the picture at most, against their true length: the networks know people's build."""
    confidence: np.ndarray
    """[S,len(ERROR_BINS)+1,G,Q]"""
    confidence_times: np.ndarray
    """[G,C]"""
    confidence_common: np.ndarray
    """[2]"""
    world_size: np.ndarray
    """[B,Q] metres that metric landmarks make a standing person tall."""
    world_turn: np.ndarray
    """[B,2,Q] slopes of depth across and down: errors of turn and of bend."""
    world_follows: np.ndarray
    """[2] how far metric landmarks go with the errors in the picture, across and down."""
    world_depth: np.ndarray
    """[5,2] per OWN, EXCHANGED, ...: depth is this much of the true one of the landmark and of the one on the other side."""
    world_longest: np.ndarray
    """[N] the same of metric landmarks, against bones of the size that the person is given."""
    world_error: np.ndarray
    """[S,G,3,Q] metres, what is left."""
    world_times: np.ndarray
    """[G,C]"""
    world_common: np.ndarray
    """[2]"""
    whole_times: np.ndarray
    """[4,C] of the metric size, the two slopes, and the size in the picture."""
    hand_start: np.ndarray
    """[HAND_BINS,3] NO_HAND, OWN_HAND, WRONG_HAND."""
    hand: np.ndarray
    """[HAND_BINS,3,3]"""
    hand_shift: np.ndarray
    """[2,Q] of the right hand and of a wrong one, all its points, either axis."""
    hand_error: np.ndarray
    """[2,Q] of single points."""
    hand_score: np.ndarray
    """[2,Q]"""
    hand_turn: np.ndarray
    """[2,Q] radians about each axis."""
    hand_world: np.ndarray
    """[2,Q] metres of single points, any axis."""
    hand_size: np.ndarray
    """[2,Q] metric hands against true ones, a factor."""
    hand_times: np.ndarray
    """[C]"""
    mask_grown: np.ndarray
    """[B,Q] how far outlines lie outside of the true ones."""
    mask_soft: float
    """Width of the mask's edge."""
    mask_rough: float
    """How far outlines sway about that."""
    mask_leaked: np.ndarray
    """[B,Q] share of the other's visible part that a mask covers too."""
    mask_missed: np.ndarray
    """[B,Q] share of one's own visible part that it leaves out."""
    mask_times: np.ndarray
    """[C]"""


def save_noise(path: Path, noise: DetectionNoise) -> None:
    record: dict[str, Any] = {}
    for item in fields(DetectionNoise):
        value = getattr(noise, item.name)
        record[item.name] = np.round(value, 4).tolist() if isinstance(value, np.ndarray) else value
    write_json(path, record)


@lru_cache(maxsize=2)
def load_noise(path: Path = NOISE_FILE) -> DetectionNoise:
    """UserError where the file is missing or of another version."""
    record = read_json(path)
    missing = [item.name for item in fields(DetectionNoise) if item.name not in record]
    if missing:
        raise UserError(
            "noise-outdated",
            f"{path} lacks {missing[0]}: it is of another version.",
            "Run python -m lab fit-noise again.",
        )
    values: dict[str, Any] = {item.name: record[item.name] for item in fields(DetectionNoise)}
    values = {name: np.array(value) if isinstance(value, list) else value for name, value in values.items()}
    return DetectionNoise(**values)


@dataclass(frozen=True)
class NoiseConditions:
    """What makes errors more or less likely. P = 2 people, T frames."""

    landmark_state: np.ndarray
    """int [P,T,33] CLEAR, BEHIND_SELF, BEHIND_OTHER or OUT."""
    closeness_bin: np.ndarray
    """int [P,T] below CLOSENESS."""
    limb_bin: np.ndarray
    """int [P,T,4] below LIMB_BINS."""
    hand_bin: np.ndarray
    """int [P,T,2] below HAND_BINS."""


def noise_conditions(sight: ProjectedClip) -> NoiseConditions:
    hidden = sight.landmark_visibility == OCCLUDED
    state = np.where(hidden, OCCLUDED_BY_OTHER, np.where(sight.self_occluded, SELF_OCCLUDED, CLEAR))
    state = np.where(sight.landmark_visibility == TRUNCATED, OUTSIDE_IMAGE, state)
    trunk = sight.landmarks_px[:, :, _TRUNK].mean(2)
    apart = np.linalg.norm(trunk[0] - trunk[1], axis=-1) / sight.height_px.max(0)
    near = np.where(apart < _EMBRACED, 2, np.where(apart < _APART, 1, 0))
    share = np.digitize(hidden[:, :, BODY].mean(2), _HIDDEN_SHARES)
    closeness = np.where(share > 0, 2 + share, near)
    end = sight.landmarks_px[:, :, LIMB_ENDS]
    distance = np.linalg.norm(end[0][:, :, None] - end[1][:, None], axis=-1) / sight.height_px.max(0)[:, None, None]
    kind = np.array([0, 0, 1, 1])  # arm or leg
    distance = np.where(kind[:, None] == kind, distance, np.inf)
    nearest = np.stack([distance.min(2), distance.min(1)])
    limb = np.digitize(nearest, _LIMB_DISTANCES) + LIMB_BINS // 4 * hidden[:, :, LIMB_ENDS] + LIMB_BINS // 2 * kind
    wrist = state[:, :, LIMB_ENDS[:2]]
    hand = np.where((wrist == CLEAR) & (nearest[:, :, :2] < _HAND_NEAR), 4, wrist)
    hand = np.where(sight.height_px[..., None] < SMALL_PERSON, HAND_BINS - 1, hand)
    return NoiseConditions(state, closeness, limb, hand)


def condition_bins(closeness: np.ndarray, whose: np.ndarray) -> np.ndarray:
    """int [P,T] below BINS, of closeness [P,T] and whose [P,T]."""
    kinds = (whose == UNRELIABLE, whose == SIDES_SWAPPED, whose == OTHER_PERSON)
    return np.select(kinds, [CLOSENESS, CLOSENESS + 1, CLOSENESS + 2], closeness)


def sample_markov_chains(
    start: np.ndarray, steps: np.ndarray, bins: np.ndarray, seconds: float, rng: np.random.Generator
) -> np.ndarray:
    """Draw Markov chains, int [N,T]: start [B,S] and steps [B,S,S] by the bins [N,T] that each is in, `seconds` a frame."""
    speed = seconds / REFERENCE_STEP
    leave = steps * (1 - np.eye(steps.shape[-1])) * speed
    stay = 1 - leave.sum(-1)
    chances = leave + np.eye(steps.shape[-1]) * np.maximum(stay, 0)[..., None]
    chances = chances / chances.sum(-1, keepdims=True)
    draws = rng.random(bins.shape)
    state = _drawn(start[bins[:, 0]], draws[:, 0])
    states = [state]
    for frame in range(1, bins.shape[1]):
        state = _drawn(chances[bins[:, frame], state], draws[:, frame])
        states.append(state)
    return np.stack(states, 1)


def _drawn(chances: np.ndarray, draw: np.ndarray) -> np.ndarray:
    """Which of the S outcomes, [N], of chances [N,S] for uniform draws [N]."""
    return np.minimum((np.cumsum(chances, -1) < draw[:, None]).sum(-1), chances.shape[-1] - 1)


def look_up_quantile(table: np.ndarray, index: tuple[np.ndarray | int, ...], share: np.ndarray) -> np.ndarray:
    """Values of a table [...,Q], at an index that broadcasts with the probabilities `share`."""
    right = np.clip(np.searchsorted(PROBABILITIES, share), 1, len(PROBABILITIES) - 1)
    low, high = PROBABILITIES[right - 1], PROBABILITIES[right]
    part = (share - low) / (high - low)
    return (1 - part) * table[(*index, right - 1)] + part * table[(*index, right)]


def sample_gaussian_processes(shape: tuple[int, ...], seconds: float, rng: np.random.Generator) -> np.ndarray:
    """Standard Gaussian processes [C,T,...], each of TIMES' memory, `shape` = (T,...), `seconds` a frame."""
    white = rng.standard_normal((len(CORRELATION_TIMES), *shape))
    out = np.empty_like(white)
    for number, memory in enumerate(np.exp(-seconds / CORRELATION_TIMES)):
        fresh = np.sqrt(1 - memory**2)
        white[number, 0] /= fresh
        out[number] = lfilter([fresh], [1, -memory], white[number], axis=0)
    return out


def mix_processes(parts: np.ndarray, times: np.ndarray) -> np.ndarray:
    """One standard process [T,...] of parts [C,T,...] by shares of variance `times` [...,C] that broadcast with it."""
    return np.einsum("c...,...c->...", parts, np.sqrt(times))


def sample_landmark_processes(
    frames: int, axes: int, times: np.ndarray, common: np.ndarray, seconds: float, rng: np.random.Generator
) -> np.ndarray:
    """Standard processes [2,T,33,axes] of two people's landmarks: `times` [G,C], `common` [2] as in Noise."""
    whole = sample_gaussian_processes((frames, 2, 1, axes), seconds, rng)
    limbs = sample_gaussian_processes((frames, 2, int(PARTS.max()) + 1, axes), seconds, rng)[:, :, :, PARTS]
    own = sample_gaussian_processes((frames, 2, len(LANDMARKS), axes), seconds, rng)
    rest = max(0.0, 1 - float(common.sum()))
    parts = np.sqrt(common[0]) * whole + np.sqrt(common[1]) * limbs + np.sqrt(rest) * own
    return mix_processes(parts, times[GROUP][:, None]).swapaxes(0, 1)
