"""Rotations: every form describes the same rotation, and gradients stay finite at zero."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from core.body import rotations


def some_rotations(count: int = 200) -> torch.Tensor:
    """Axis-angles [N,3] of every size, with the awkward ones: none, tiny, and half turns about each axis."""
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(count, 3))
    vectors *= generator.uniform(0, np.pi * 0.999, (count, 1)) / np.linalg.norm(vectors, axis=1, keepdims=True)
    awkward = np.array([[0, 0, 0], [1e-9, 0, 0], [0, 1e-5, 0], [np.pi, 0, 0], [0, np.pi, 0], [0, 0, np.pi]])
    return torch.from_numpy(np.concatenate([vectors, awkward]))


def test_axis_angle_to_matrix_agrees_with_scipy():
    vectors = some_rotations()
    expected = Rotation.from_rotvec(vectors.numpy()).as_matrix()
    assert np.abs(rotations.axis_angle_to_matrix(vectors).numpy() - expected).max() < 1e-12


@pytest.mark.parametrize(
    "there_and_back",
    [
        lambda m: rotations.axis_angle_to_matrix(rotations.matrix_to_axis_angle(m)),
        lambda m: rotations.quaternion_to_matrix(rotations.matrix_to_quaternion(m)),
        lambda m: rotations.rotation_6d_to_matrix(rotations.matrix_to_rotation_6d(m)),
    ],
    ids=["axis_angle", "quaternion", "6d"],
)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-7), (torch.float32, 2e-6)])
def test_round_trip(there_and_back, dtype, tolerance):
    matrices = rotations.axis_angle_to_matrix(some_rotations()).to(dtype)
    assert (there_and_back(matrices) - matrices).abs().max() < tolerance


def test_quaternions_are_unit_and_on_one_side():
    quaternions = rotations.matrix_to_quaternion(rotations.axis_angle_to_matrix(some_rotations()))
    assert torch.allclose(quaternions.norm(dim=-1), torch.ones(len(quaternions), dtype=quaternions.dtype))
    assert (quaternions[:, 0] >= 0).all()


def test_6d_gives_a_rotation_for_any_numbers():
    matrices = rotations.rotation_6d_to_matrix(
        torch.randn(50, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    )
    identity = torch.eye(3, dtype=torch.float64).expand_as(matrices)
    assert torch.allclose(matrices @ matrices.transpose(-1, -2), identity, atol=1e-12)
    assert torch.allclose(torch.linalg.det(matrices), torch.ones(50, dtype=torch.float64))


def test_leading_shapes_are_kept():
    vectors = torch.randn(2, 5, 7, 3)
    matrices = rotations.axis_angle_to_matrix(vectors)
    assert matrices.shape == (2, 5, 7, 3, 3)
    assert rotations.matrix_to_quaternion(matrices).shape == (2, 5, 7, 4)
    assert rotations.matrix_to_rotation_6d(matrices).shape == (2, 5, 7, 6)
    assert rotations.matrix_to_axis_angle(matrices).shape == (2, 5, 7, 3)


def test_gradients_match_differences_also_at_zero():
    vectors = torch.cat([torch.zeros(1, 3), torch.full((1, 3), 1e-5), torch.randn(3, 3)]).double().requires_grad_()
    assert torch.autograd.gradcheck(rotations.axis_angle_to_matrix, vectors)


@pytest.mark.parametrize(
    "convert", [rotations.matrix_to_axis_angle, rotations.matrix_to_quaternion, rotations.matrix_to_rotation_6d]
)
def test_gradients_through_the_way_back_are_finite(convert):
    vectors = some_rotations(20).requires_grad_()
    convert(rotations.axis_angle_to_matrix(vectors)).sum().backward()
    assert vectors.grad is not None
    assert torch.isfinite(vectors.grad).all()
