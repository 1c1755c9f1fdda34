"""Euler angles of rotations about three different axes, for rigs that store joints in them."""

# torch's own annotations are incomplete
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

_AXES = "XYZ"
_SINGULAR = 1e-6
"""Cosine of the middle angle below which the first and the last axis are the same."""


def euler_to_matrix(angles: Float[Tensor, "*batch 3"], order: str) -> Float[Tensor, "*batch 3 3"]:
    """Intrinsic rotations about the axes of `order`, for example "ZYX": R = Rz(a) Ry(b) Rx(c). Radians."""
    first, second, third = (_about_axis(angle, _AXES.index(axis)) for angle, axis in zip(angles.unbind(-1), order))
    return first @ second @ third


def matrix_to_euler(matrix: Float[Tensor, "*batch 3 3"], order: str) -> Float[Tensor, "*batch 3"]:
    """The inverse of `euler_to_matrix`, the middle angle within a quarter turn. Where the axes coincide the last angle is 0."""
    i, j, k = (_AXES.index(axis) for axis in order)
    sign = 1.0 if (j - i) % 3 == 1 else -1.0
    cosine = torch.hypot(matrix[..., i, i], matrix[..., i, j])
    singular = cosine < _SINGULAR
    first = torch.where(
        singular,
        torch.atan2(sign * matrix[..., k, j], matrix[..., j, j]),
        torch.atan2(-sign * matrix[..., j, k], matrix[..., k, k]),
    )
    second = torch.atan2(sign * matrix[..., i, k], cosine)
    third = torch.where(singular, torch.zeros_like(cosine), torch.atan2(-sign * matrix[..., i, j], matrix[..., i, i]))
    return torch.stack([first, second, third], -1)


def fixed_xyz_to_matrix(angles: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """Rotations about the fixed axes x, then y, then z."""
    return euler_to_matrix(angles.flip(-1), "ZYX")


def matrix_to_fixed_xyz(matrix: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 3"]:
    """The inverse of `fixed_xyz_to_matrix`."""
    return matrix_to_euler(matrix, "ZYX").flip(-1)


def _about_axis(angle: Float[Tensor, "*batch"], axis: int) -> Float[Tensor, "*batch 3 3"]:
    sine, cosine = angle.sin(), angle.cos()
    zero, one = torch.zeros_like(angle), torch.ones_like(angle)
    after, last = (axis + 1) % 3, (axis + 2) % 3
    rows = [[zero, zero, zero] for _ in range(3)]
    rows[axis][axis] = one
    rows[after][after], rows[after][last] = cosine, -sine
    rows[last][after], rows[last][last] = sine, cosine
    return torch.stack([torch.stack(row, -1) for row in rows], -2)
