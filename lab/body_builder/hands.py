"""A basis of hand poses, in the place where SMPL-X keeps its learned one."""

from __future__ import annotations

import numpy as np

_FINGERS = ("index", "middle", "pinky", "ring", "thumb")
_CURL = np.array([1.0, 1.0, 0.7])
"""The last phalanx bends less."""


def hand_basis(out: float) -> np.ndarray:
    """Orthonormal rows [45,45] over a hand's axis-angles: the first curl all fingers, turn the thumb, spread, and curl
    the index, the little and the middle finger; the rest complete the space. `out` is 1 for the left, -1 for the right.
    """
    first = [
        _pose(curl=dict.fromkeys(_FINGERS[:4], -out)),
        _pose(thumb=out),
        _pose(spread={"index": -out, "ring": out * 0.5, "pinky": out}),
        *(_pose(curl={name: -out}) for name in ("index", "pinky", "middle")),
    ]
    chosen = np.array(first).T
    basis = np.linalg.qr(np.c_[chosen, np.eye(45)])[0][:, :45]
    basis[:, : len(first)] *= np.sign((basis[:, : len(first)] * chosen).sum(0))
    return basis.T


def _pose(curl: dict[str, float] | None = None, spread: dict[str, float] | None = None, thumb: float = 0) -> np.ndarray:
    """Axis-angles [45] of 5 fingers by 3 joints: curls about Z, spreads of the first joint about Y."""
    pose = np.zeros((5, 3, 3))
    for name, amount in (curl or {}).items():
        pose[_FINGERS.index(name), :, 2] = _CURL * amount
    for name, amount in (spread or {}).items():
        pose[_FINGERS.index(name), 0, 1] = amount
    pose[4, :, 1] = thumb
    return pose.ravel()
