"""Rotations as axis-angle, matrices, quaternions and 6D, differentiable and without singular gradients."""

from __future__ import annotations

import torch
from torch import Tensor


def axis_angle_to_matrix(axis_angle: Tensor) -> Tensor:
    """[..., 3] radians -> [..., 3, 3], by Rodrigues' formula; smooth at zero."""
    squared = (axis_angle * axis_angle).sum(-1)[..., None, None]
    small = squared < 1e-8
    angle = torch.where(small, torch.ones_like(squared), squared).sqrt()
    sine = torch.where(small, 1 - squared / 6, angle.sin() / angle)
    cosine = torch.where(small, 0.5 - squared / 24, (1 - angle.cos()) / (angle * angle))
    cross = skew(axis_angle)
    identity = torch.eye(3, dtype=axis_angle.dtype, device=axis_angle.device)
    return identity + sine * cross + cosine * (cross @ cross)


def rotation_about_x(angle: Tensor) -> Tensor:
    """Angles [...] in radians -> rotations [...,3,3] about the X axis."""
    zero = torch.zeros_like(angle)
    return axis_angle_to_matrix(torch.stack([angle, zero, zero], -1))


def skew(vector: Tensor) -> Tensor:
    """[..., 3] -> the matrix [..., 3, 3] of the cross product with it."""
    x, y, z = vector.unbind(-1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*vector.shape, 3)


def matrix_to_quaternion(matrix: Tensor) -> Tensor:
    """[..., 3, 3] -> unit quaternions [..., 4], w first and not negative."""
    m = matrix
    trace = m[..., 0, 0] + m[..., 1, 1] + m[..., 2, 2]
    # the four ways to start; the largest is the well-conditioned one
    squares = torch.stack(
        [1 + trace, 1 + 2 * m[..., 0, 0] - trace, 1 + 2 * m[..., 1, 1] - trace, 1 + 2 * m[..., 2, 2] - trace], -1
    )
    wx, wy, wz = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    xy, xz, yz = m[..., 0, 1] + m[..., 1, 0], m[..., 0, 2] + m[..., 2, 0], m[..., 1, 2] + m[..., 2, 1]
    rows = torch.stack(
        [
            torch.stack([squares[..., 0], wx, wy, wz], -1),
            torch.stack([wx, squares[..., 1], xy, xz], -1),
            torch.stack([wy, xy, squares[..., 2], yz], -1),
            torch.stack([wz, xz, yz, squares[..., 3]], -1),
        ],
        -2,
    )
    best = squares.argmax(-1)[..., None, None].expand(*squares.shape[:-1], 1, 4)
    quaternion = rows.gather(-2, best).squeeze(-2)
    quaternion = quaternion / quaternion.norm(dim=-1, keepdim=True)
    return torch.where(quaternion[..., :1] < 0, -quaternion, quaternion)


def quaternion_to_matrix(quaternion: Tensor) -> Tensor:
    """[..., 4], w first, any length -> [..., 3, 3]."""
    w, x, y, z = (quaternion / quaternion.norm(dim=-1, keepdim=True)).unbind(-1)
    return torch.stack(
        [
            1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
            2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
            2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
        ],
        -1,
    ).reshape(*quaternion.shape[:-1], 3, 3)  # fmt: skip


def matrix_to_axis_angle(matrix: Tensor) -> Tensor:
    """[..., 3, 3] -> [..., 3] radians, angle in 0-pi."""
    quaternion = matrix_to_quaternion(matrix)
    vector = quaternion[..., 1:]
    length = (vector.square().sum(-1, keepdim=True) + 1e-14).sqrt()  # its gradient stays finite at zero
    angle = 2 * torch.atan2(length, quaternion[..., :1])
    return vector * torch.where(length > 1e-7, angle / length.clamp_min(1e-7), torch.full_like(angle, 2.0))


def matrix_to_rotation_6d(matrix: Tensor) -> Tensor:
    """[..., 3, 3] -> its first two columns [..., 6] (Zhou et al., CVPR 2019)."""
    return matrix[..., :2].transpose(-1, -2).reshape(*matrix.shape[:-2], 6)


def rotation_6d_to_matrix(six: Tensor) -> Tensor:
    """[..., 6] -> the rotation [..., 3, 3] whose first two columns it spans, by Gram-Schmidt."""
    first, second = six[..., :3], six[..., 3:]
    x = torch.nn.functional.normalize(first, dim=-1)
    y = torch.nn.functional.normalize(second - (x * second).sum(-1, keepdim=True) * x, dim=-1)
    return torch.stack([x, y, torch.linalg.cross(x, y)], -1)
