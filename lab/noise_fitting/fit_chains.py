"""Initial and transition probabilities of the Markov chains: kinds of skeletons, limbs and hands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from ..evaluation.detection_noise.states import (
    CLOSENESS_BINS,
    HAND_BINS,
    HAND_KINDS,
    LIMB_BINS,
    LIMB_KINDS,
    NOT_FOUND,
    OWN_SKELETON,
    REFERENCE_STEP,
    SKELETON_KINDS,
)
from .matching import MatchedClip

_PRIOR_STEPS = 4.0
"""Steps of the average over all bins that each bin counts in addition to its own."""


@dataclass(frozen=True)
class _Chains:
    """Chains of one clip: states, conditions, and the frames in which the state is defined."""

    states: Int[np.ndarray, "n T"]
    bins: Int[np.ndarray, "n T"]
    valid: Bool[np.ndarray, "n T"]
    rate: float


def fit_chains(clips: Sequence[MatchedClip]) -> dict[str, Any]:
    """The fields `…_initial` and `…_transitions` of the noise model."""
    skeletons = [
        _Chains(c.skeleton_kind, c.conditions.closeness_bin, np.ones_like(c.skeleton_kind, bool), c.rate) for c in clips
    ]
    limbs = [_chains(c.limb_kind, c.conditions.limb_bin, c.skeleton_kind == OWN_SKELETON, c.rate) for c in clips]
    hands = [_chains(c.hand_kind, c.conditions.hand_bin, c.skeleton_kind != NOT_FOUND, c.rate) for c in clips]
    found: dict[str, Any] = {}
    for name, chains, bins, kinds in (
        ("skeleton", skeletons, CLOSENESS_BINS, SKELETON_KINDS),
        ("limb", limbs, LIMB_BINS, LIMB_KINDS),
        ("hand", hands, HAND_BINS, HAND_KINDS),
    ):
        found[f"{name}_initial"], found[f"{name}_transitions"] = _probabilities(chains, bins, kinds)
    return found


def _chains(states: np.ndarray, bins: np.ndarray, valid: np.ndarray, rate: float) -> _Chains:
    """One chain per limb or hand [P,T,n], valid where the person [P,T] is."""

    def rows(values: np.ndarray) -> np.ndarray:
        return values.swapaxes(1, 2).reshape(-1, values.shape[1])

    return _Chains(rows(states), rows(bins), rows(np.repeat(valid[..., None], states.shape[2], 2)), rate)


def _probabilities(clips: Sequence[_Chains], bins: int, kinds: int) -> tuple[np.ndarray, np.ndarray]:
    """Initial [bins,kinds] and transition probabilities [bins,kinds,kinds] per 30th of a second."""
    initial, transitions = np.zeros((bins, kinds)), np.zeros((bins, kinds, kinds))
    for chains in clips:
        np.add.at(initial, (chains.bins[chains.valid], chains.states[chains.valid]), 1)
        both = chains.valid[:, 1:] & chains.valid[:, :-1]
        before, after = chains.states[:, :-1][both], chains.states[:, 1:][both]
        weight = np.where(before == after, 1.0, REFERENCE_STEP * chains.rate)
        np.add.at(transitions, (chains.bins[:, 1:][both], before, after), weight)
    average = transitions.sum(0) / np.maximum(transitions.sum((0, 2))[:, None], 1)
    average[transitions.sum((0, 2)) == 0] = np.eye(kinds)[0]
    transitions = transitions + _PRIOR_STEPS * average
    initial = initial + _PRIOR_STEPS * (initial.sum(0) / initial.sum())
    return initial / initial.sum(-1, keepdims=True), transitions / transitions.sum(-1, keepdims=True)
