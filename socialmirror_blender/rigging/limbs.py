"""Two-bone inverse kinematics of arms and legs in closed form, and where the pole targets of such limbs belong.

All functions take any leading dimensions, so a whole motion is solved at once. Points are in one frame of reference, in metres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_FULL_REACH = 0.9995
"""Longest distance from root to end, relative to the straight limb. A limb that is quite straight has no plane to bend in."""
_STRAIGHT = 1e-3
"""Distance of the middle joint from the line between root and end, relative to the limb's length, below which it is straight."""
_NEARLY_STRAIGHT = 0.05
"""The same for a pole: where the middle joint lies hardly matters then, but how the limb is twisted does."""
_TINY = 1e-9


@dataclass(frozen=True)
class SolvedLimb:
    middle: np.ndarray
    """[...,3] the elbow or knee."""
    end: np.ndarray
    """[...,3] the wrist or ankle: the target, or the point nearest to it that the limb reaches."""
    upper_swing: np.ndarray
    """[...,3,3] to be multiplied onto the global rotation of the upper bone, from the left."""
    lower_swing: np.ndarray
    """[...,3,3] the same for the lower bone."""


def two_bone_ik(
    root: np.ndarray, middle: np.ndarray, end: np.ndarray, target: np.ndarray, bend_hint: np.ndarray
) -> SolvedLimb:
    """Bring the end of a limb to a target by bending its middle joint; all [...,3].

    The limb stays in the plane that it bends in, swung along with the direction to the target, so a target at the end itself
    changes nothing. `bend_hint` is the direction in which the middle joint of a straight limb moves out.
    """
    upper, lower = _length(middle - root), _length(end - middle)
    before = _unit(end - root)
    reach = target - root
    distance = _length(reach)
    direction = np.where(distance > _TINY, reach / np.maximum(distance, _TINY), before)
    distance = np.clip(distance, np.abs(upper - lower) * (1 + 1e-6), (upper + lower) * _FULL_REACH)
    bend = _bend_direction(root, middle, before, (upper + lower) * _STRAIGHT, bend_hint)
    bend = _unit(_perpendicular(np.einsum("...ab,...b->...a", rotation_between(before, direction), bend), direction))
    along = (upper**2 - lower**2 + distance**2) / (2 * np.maximum(distance, _TINY))
    aside = np.sqrt(np.maximum(upper**2 - along**2, 0))
    new_middle = root + along * direction + aside * bend
    new_end = root + distance * direction
    return SolvedLimb(
        new_middle,
        new_end,
        rotation_between(middle - root, new_middle - root),
        rotation_between(end - middle, new_end - new_middle),
    )


def pole_positions(
    root: np.ndarray, middle: np.ndarray, end: np.ndarray, distance: np.ndarray | float, bend_hint: np.ndarray
) -> np.ndarray:
    """Where the pole target of an IK chain that is to bend as the limb does now lies: `distance` beyond the middle joint."""
    length = _length(middle - root) + _length(end - middle)
    bend = _bend_direction(root, middle, _unit(end - root), length * _NEARLY_STRAIGHT, bend_hint)
    return middle + bend * distance


def rotation_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """[...,3,3] the smallest rotation that takes the direction of `a` to that of `b`, both [...,3]."""
    a, b = _unit(a), _unit(b)
    axis, cosine = np.cross(a, b), (a * b).sum(-1)[..., None, None]
    x, y, z = np.moveaxis(axis, -1, 0)
    zero = np.zeros_like(x)
    skew = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*axis.shape, 3)
    rotation = np.eye(3) + skew + skew @ skew / np.maximum(1 + cosine, _TINY)
    aside = _unit(_any_perpendicular(a))
    half_turn = 2 * aside[..., :, None] * aside[..., None, :] - np.eye(3)
    return np.where(cosine < -1 + 1e-7, half_turn, rotation)


def _bend_direction(
    root: np.ndarray, middle: np.ndarray, direction: np.ndarray, straight: np.ndarray, hint: np.ndarray
) -> np.ndarray:
    """Unit vectors from the line between root and end to the middle joint; within `straight` of it gradually the hint."""
    offset = _perpendicular(middle - root, direction)
    bent = np.clip(_length(offset) / np.maximum(straight, _TINY), 0, 1)
    hinted = _perpendicular(np.broadcast_to(hint, offset.shape), direction)
    hinted = np.where(_length(hinted) > _TINY, hinted, _any_perpendicular(direction))
    return _unit(bent * _unit(offset) + (1 - bent) * _unit(hinted))


def _perpendicular(vector: np.ndarray, direction: np.ndarray) -> np.ndarray:
    return vector - (vector * direction).sum(-1, keepdims=True) * direction


def _any_perpendicular(direction: np.ndarray) -> np.ndarray:
    axis = np.eye(3)[np.abs(direction).argmin(-1)]
    return _perpendicular(axis, direction)


def _length(vector: np.ndarray) -> np.ndarray:
    return np.linalg.norm(vector, axis=-1, keepdims=True)


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.maximum(_length(vector), _TINY)
