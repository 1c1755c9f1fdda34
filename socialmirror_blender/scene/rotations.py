"""Conversions between rotations, as `core.contract.rotations` has them for the exports too."""

from ...core.contract.rotations import (
    axis_angle_to_quaternion,
    inverse_affine,
    make_sign_continuous,
    matrix_to_quaternion,
    quaternion_about_z,
    quaternion_to_axis_angle,
    quaternion_to_matrix,
    rigid_transform,
    slerp,
)

__all__ = [
    "axis_angle_to_quaternion",
    "inverse_affine",
    "make_sign_continuous",
    "matrix_to_quaternion",
    "quaternion_about_z",
    "quaternion_to_axis_angle",
    "quaternion_to_matrix",
    "rigid_transform",
    "slerp",
]
