"""How far a network's joints are from the true ones, in the benchmark's units, beside the initial motion's.

Views of truth and of the initial motion are laid over each other, so places can be compared, too. Arrays: P = 2 people, T frames,
22 joints, metres.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from core.motion import BODY_COUNT

from ..evaluation.benchmark_clip import OCCLUDED, VISIBLE
from ..evaluation.metrics import MM, about_root, acceleration_error, interaction, mpjpe

UNITS = {"within_1_sigma": "", "within_2_sigma": "", "accel": "mm/frame²"}
"""Of the measures that are not in mm."""


@dataclass(frozen=True)
class Guess:
    """Joints of one clip [P,T,22,3], the true ones, and who saw them [P,T,22] (evaluation.shot)."""

    joints: np.ndarray
    true: np.ndarray
    visibility: np.ndarray
    sigma: np.ndarray | None = None
    """[P,T,22] as `optimizer.run.Optimized`; None for joints without."""


def joint_errors(guesses: Iterable[Guess]) -> dict[str, float]:
    """Means over clips, but for `seen` and `hidden`: over all such joints.

    mpjpe, seen, hidden: about the own pelvis; int: distances across people; depth: how far apart the pelvises are along the line
    of sight; place: each pelvis in the view; accel;
    within_1_sigma and within_2_sigma: shares of errors along an axis (0.68 and 0.95 of a normal distribution).
    """
    sums: dict[str, list[float]] = {}
    for guess in guesses:
        error = np.linalg.norm(about_root(guess.joints) - about_root(guess.true), axis=-1) * MM
        found = {
            "mpjpe": mpjpe(about_root(guess.joints), about_root(guess.true)),
            "int": interaction(guess.joints, guess.true),
            "depth": float(np.abs(_apart(guess.joints) - _apart(guess.true)).mean() * MM),
            "place": mpjpe(guess.joints[:, :, 0], guess.true[:, :, 0]),
        }
        if guess.joints.shape[1] > 2:
            found["accel"] = acceleration_error(guess.joints, guess.true)
        for name, value in found.items():
            sums.setdefault(name, []).append(value)
        for name, code in (("seen", VISIBLE), ("hidden", OCCLUDED)):
            sums.setdefault(name, []).extend(error[guess.visibility == code].tolist())
        if guess.sigma is not None:
            along = _about_pelvis(guess.joints) - _about_pelvis(guess.true)
            share = np.abs(along) / guess.sigma[..., None]
            for count in (1, 2):
                sums.setdefault(f"within_{count}_sigma", []).append(float((share < count).mean()))
    return {name: float(np.mean(values)) for name, values in sums.items() if values}


def _apart(joints: np.ndarray) -> np.ndarray:
    """[T] how much farther away the second pelvis is."""
    return joints[1, :, 0, 1] - joints[0, :, 0, 1]


def _about_pelvis(joints: np.ndarray) -> np.ndarray:
    """What each sigma is of: places of pelvises, of other joints the places relative to them."""
    assert joints.shape[-2] == BODY_COUNT
    return np.concatenate([joints[..., :1, :], joints[..., 1:, :] - joints[..., :1, :]], -2)
