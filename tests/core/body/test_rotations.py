"""Every representation describes the same rotation, and gradients stay finite at zero."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation, Slerp

from core.body import rotations


def some_rotations(count: int = 200) -> torch.Tensor:
    """Axis-angles [N,3] of every size, with the edge cases: zero, tiny, and half turns about each axis."""
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(count, 3))
    vectors *= generator.uniform(0, np.pi * 0.999, (count, 1)) / np.linalg.norm(vectors, axis=1, keepdims=True)
    edge_cases = np.array([[0, 0, 0], [1e-9, 0, 0], [0, 1e-5, 0], [np.pi, 0, 0], [0, np.pi, 0], [0, 0, np.pi]])
    return torch.from_numpy(np.concatenate([vectors, edge_cases]))


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
def test_rotations_survive_a_round_trip_through_every_representation(there_and_back, dtype, tolerance):
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
def test_gradients_of_the_inverse_conversions_are_finite(convert):
    vectors = some_rotations(20).requires_grad_()
    convert(rotations.axis_angle_to_matrix(vectors)).sum().backward()
    assert vectors.grad is not None
    assert torch.isfinite(vectors.grad).all()


def random_matrices(count: int, seed: int = 0) -> torch.Tensor:
    vectors = torch.randn(count, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return rotations.axis_angle_to_matrix(vectors)


def test_rotation_between_vectors_is_the_smallest_one():
    generator = torch.Generator().manual_seed(1)
    source, target = torch.randn(2, 40, 3, generator=generator, dtype=torch.float64)
    matrices = rotations.rotation_between_vectors(source, target)
    turned = (matrices @ source[..., None])[..., 0]
    assert torch.allclose(
        torch.nn.functional.normalize(turned, dim=-1), torch.nn.functional.normalize(target, dim=-1), atol=1e-9
    )
    cosine = torch.nn.functional.cosine_similarity(source, target)
    assert torch.allclose(rotations.matrix_to_axis_angle(matrices).norm(dim=-1), cosine.arccos(), atol=1e-6)
    assert rotations.rotation_between_vectors(source[0], target).shape == (40, 3, 3)


def test_kabsch_finds_the_rotation_of_noise_free_points():
    matrices = random_matrices(20)
    points = torch.randn(5, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    assert torch.allclose(rotations.kabsch(points, points @ matrices.mT), matrices, atol=1e-9)


def test_nearest_rotation_is_never_a_reflection():
    matrices = torch.randn(50, 3, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    nearest = rotations.nearest_rotation(matrices)
    assert torch.allclose(torch.linalg.det(nearest), torch.ones(50, dtype=torch.float64))
    assert torch.allclose(rotations.nearest_rotation(random_matrices(5)), random_matrices(5), atol=1e-9)


def test_slerp_agrees_with_scipy():
    start, end = random_matrices(1)[0], random_matrices(1, seed=4)[0]
    fractions = torch.linspace(0, 1, 7, dtype=torch.float64)
    between = Slerp([0, 1], Rotation.from_matrix(torch.stack([start, end]).numpy()))(fractions.numpy())
    assert np.abs(rotations.slerp(start, end, fractions).numpy() - between.as_matrix()).max() < 1e-7
    assert torch.allclose(rotations.slerp(start, end, 0.5), rotations.slerp(end, start, 0.5), atol=1e-7)


def test_orthonormal_frame_keeps_its_first_direction():
    primary, secondary = torch.randn(2, 30, 3, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    frames = rotations.orthonormal_frame(primary, secondary)
    assert torch.allclose(frames.mT @ frames, torch.eye(3, dtype=torch.float64).expand(30, 3, 3), atol=1e-12)
    assert torch.allclose(frames[..., 0] * primary.norm(dim=-1, keepdim=True), primary)
    assert ((frames[..., 1] * secondary).sum(-1) > 0).all()
