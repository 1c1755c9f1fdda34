"""The rotation formulas of `core.body.rotations` for numpy arrays. Results have the floating-point type of the arguments."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float

from core.body import rotations


def axis_angle_to_matrix(axis_angle: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3 3"]:
    return rotations.axis_angle_to_matrix(_tensor(axis_angle)).numpy()


def matrix_to_axis_angle(matrix: Float[np.ndarray, "*batch 3 3"]) -> Float[np.ndarray, "*batch 3"]:
    return rotations.matrix_to_axis_angle(_tensor(matrix)).numpy()


def rotation_between_vectors(
    source: Float[np.ndarray, "*#batch 3"], target: Float[np.ndarray, "*#batch 3"]
) -> Float[np.ndarray, "*batch 3 3"]:
    return rotations.rotation_between_vectors(_tensor(source), _tensor(target)).numpy()


def slerp(
    start: Float[np.ndarray, "*#batch 3 3"],
    end: Float[np.ndarray, "*#batch 3 3"],
    fraction: Float[np.ndarray, "*#batch"],
) -> Float[np.ndarray, "*batch 3 3"]:
    return rotations.slerp(_tensor(start), _tensor(end), _tensor(fraction)).numpy()


def rotation_about_x(angle: Float[np.ndarray, "*batch"]) -> Float[np.ndarray, "*batch 3 3"]:
    return rotations.rotation_about_x(_tensor(angle)).numpy()


def rotation_about_z(angle: Float[np.ndarray, "*batch"]) -> Float[np.ndarray, "*batch 3 3"]:
    """Rotations about the world's vertical by angles in radians, counter-clockwise seen from above."""
    cosine, sine, zero, one = np.cos(angle), np.sin(angle), np.zeros_like(angle), np.ones_like(angle)
    rows = [np.stack(row, -1) for row in ([cosine, -sine, zero], [sine, cosine, zero], [zero, zero, one])]
    return np.stack(rows, -2)


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))
