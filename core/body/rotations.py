"""Conversions between rotations as axis-angle, matrices, quaternions and 6D, with the names of pytorch3d.transforms.

Everything is differentiable, without singular gradients at zero. Axis-angles are in radians; quaternions are unit and have the
real part first; matrices multiply column vectors.
"""

# torch's own annotations are incomplete
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def axis_angle_to_matrix(axis_angle: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """Rodrigues' formula, with its series around zero."""
    squared = (axis_angle * axis_angle).sum(-1)[..., None, None]
    small = squared < 1e-8
    angle = torch.where(small, torch.ones_like(squared), squared).sqrt()
    sine = torch.where(small, 1 - squared / 6, angle.sin() / angle)
    cosine = torch.where(small, 0.5 - squared / 24, (1 - angle.cos()) / (angle * angle))
    cross = skew(axis_angle)
    identity = torch.eye(3, dtype=axis_angle.dtype, device=axis_angle.device)
    return identity + sine * cross + cosine * (cross @ cross)


def matrix_to_axis_angle(matrix: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 3"]:
    """The axis-angle vector whose angle lies between 0 and pi."""
    quaternion = matrix_to_quaternion(matrix)
    vector = quaternion[..., 1:]
    length = (vector.square().sum(-1, keepdim=True) + 1e-14).sqrt()  # keeps the gradient finite at zero
    angle = 2 * torch.atan2(length, quaternion[..., :1])
    return vector * torch.where(length > 1e-7, angle / length.clamp_min(1e-7), torch.full_like(angle, 2.0))


def matrix_to_quaternion(matrix: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 4"]:
    """Unit quaternions with a real part that is not negative."""
    m = matrix
    trace = m[..., 0, 0] + m[..., 1, 1] + m[..., 2, 2]
    # each row is a multiple of the quaternion, scaled by one of its entries: the largest entry is the well-conditioned one
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
    largest = squares.argmax(-1)[..., None, None].expand(*squares.shape[:-1], 1, 4)
    quaternion = rows.gather(-2, largest).squeeze(-2)
    quaternion = quaternion / quaternion.norm(dim=-1, keepdim=True)
    return torch.where(quaternion[..., :1] < 0, -quaternion, quaternion)


def quaternion_to_matrix(quaternion: Float[Tensor, "*batch 4"]) -> Float[Tensor, "*batch 3 3"]:
    """Quaternions need not be normalized."""
    w, x, y, z = (quaternion / quaternion.norm(dim=-1, keepdim=True)).unbind(-1)
    return torch.stack(
        [
            1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
            2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
            2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
        ],
        -1,
    ).reshape(*quaternion.shape[:-1], 3, 3)  # fmt: skip


def matrix_to_rotation_6d(matrix: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 6"]:
    """The first two columns, one after the other (Zhou et al., CVPR 2019; pytorch3d keeps the first two rows instead)."""
    return matrix[..., :2].transpose(-1, -2).reshape(*matrix.shape[:-2], 6)


def rotation_6d_to_matrix(rotation_6d: Float[Tensor, "*batch 6"]) -> Float[Tensor, "*batch 3 3"]:
    """Gram-Schmidt on the two columns."""
    return orthonormal_frame(rotation_6d[..., :3], rotation_6d[..., 3:])


def rotation_about_x(angle: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch 3 3"]:
    """Rotations about the X axis by angles in radians."""
    zero = torch.zeros_like(angle)
    return axis_angle_to_matrix(torch.stack([angle, zero, zero], -1))


def skew(vector: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """The skew-symmetric matrix of the cross product with a vector."""
    x, y, z = vector.unbind(-1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*vector.shape, 3)


def orthonormal_frame(
    primary: Float[Tensor, "*#batch 3"], secondary: Float[Tensor, "*#batch 3"]
) -> Float[Tensor, "*batch 3 3"]:
    """Orthonormal columns: x along `primary`, y along the part of `secondary` orthogonal to x, z their cross product."""
    x = torch.nn.functional.normalize(primary, dim=-1)
    y = torch.nn.functional.normalize(secondary - (x * secondary).sum(-1, keepdim=True) * x, dim=-1)
    x = x.expand_as(y)
    return torch.stack([x, y, torch.linalg.cross(x, y)], -1)


def rotation_between_vectors(
    source: Float[Tensor, "*#batch 3"], target: Float[Tensor, "*#batch 3"]
) -> Float[Tensor, "*batch 3 3"]:
    """The smallest rotation that takes the direction of `source` to the direction of `target`.

    For opposite directions, where the axis is arbitrary, it is the identity.
    """
    source, target = torch.broadcast_tensors(source, target)
    a = torch.nn.functional.normalize(source, dim=-1)
    b = torch.nn.functional.normalize(target, dim=-1)
    axis = torch.linalg.cross(a, b)
    sine = axis.norm(dim=-1, keepdim=True)
    angle = torch.atan2(sine, (a * b).sum(-1, keepdim=True))
    return axis_angle_to_matrix(axis / sine.clamp_min(1e-8) * angle)


def nearest_rotation(matrix: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 3 3"]:
    """The rotation nearest to a matrix in the Frobenius norm: its orthogonal Procrustes projection onto SO(3)."""
    u, _, vt = torch.linalg.svd(matrix)
    sign = torch.linalg.det(u @ vt).sign()
    signs = torch.stack([torch.ones_like(sign), torch.ones_like(sign), sign], -1)
    return (u * signs[..., None, :]) @ vt


def kabsch(source: Float[Tensor, "*#batch N 3"], target: Float[Tensor, "*#batch N 3"]) -> Float[Tensor, "*batch 3 3"]:
    """The rotation about the origin that takes the points `source` closest to the points `target` (Kabsch, 1976).

    Subtract the centroids of both sets first where the best rigid transform is wanted.
    """
    return nearest_rotation(target.mT @ source)


def slerp(
    start: Float[Tensor, "*#batch 3 3"], end: Float[Tensor, "*#batch 3 3"], fraction: Float[Tensor, "*#batch"] | float
) -> Float[Tensor, "*batch 3 3"]:
    """Spherical linear interpolation along the shortest path from `start` (fraction 0) to `end` (fraction 1)."""
    step = matrix_to_axis_angle(start.mT @ end)
    scaled = step * (fraction[..., None] if isinstance(fraction, Tensor) else fraction)
    return start @ axis_angle_to_matrix(scaled)
