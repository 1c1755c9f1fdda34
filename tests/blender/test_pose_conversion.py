"""SMPL-X rotations and the channels of pose bones are converted into each other exactly."""

from __future__ import annotations

import numpy as np

from tests.blender.product import Product


def test_converting_to_bones_and_back_gives_the_same_motion(product: Product) -> None:
    """Any rotations, close to half a turn and upside down too."""
    conversion, rotations = _scene_module(product, "pose_conversion"), _scene_module(product, "rotations")
    rng = np.random.default_rng(3)
    source = rng.normal(size=(500, 55, 4))
    source[:20, 0] = rotations.axis_angle_to_quaternion(np.array([-np.pi / 2, 0, 0]) + rng.normal(0, 0.01, (20, 3)))
    source /= np.linalg.norm(source, axis=-1, keepdims=True)
    pelvis = rng.normal(size=(500, 3))
    rest = _random_rest_pose(product, rng)
    back, pelvis_back = conversion.bones_to_smplx(conversion.smplx_to_bones(source, pelvis, rest), rest)
    np.testing.assert_allclose(np.abs((back * source).sum(-1)), 1, atol=1e-12)
    np.testing.assert_allclose(pelvis_back, pelvis, atol=1e-9)


def test_basis_matrices_are_the_channels_that_forward_kinematics_started_from(product: Product) -> None:
    conversion, rotations = _scene_module(product, "pose_conversion"), _scene_module(product, "rotations")
    rng = np.random.default_rng(4)
    quaternions = rng.normal(size=(7, 56, 4))
    quaternions /= np.linalg.norm(quaternions, axis=-1, keepdims=True)
    channels = conversion.BoneChannels(quaternions, rng.normal(size=(7, 3)), rng.normal(size=(7, 3)))
    rest = _random_rest_pose(product, rng)
    pose = conversion.skinning_matrices(channels, rest) @ rest.matrices_inarmature
    basis = conversion.basis_matrices(pose, rest)
    np.testing.assert_allclose(basis[..., :3, :3], rotations.quaternion_to_matrix(quaternions), atol=1e-9)
    locations = np.zeros((7, 56, 3))
    locations[:, 0], locations[:, 1] = channels.root_location, channels.pelvis_location
    np.testing.assert_allclose(basis[..., :3, 3], locations, atol=1e-9)


def test_axis_angles_quaternions_and_matrices_are_the_same_rotations(product: Product) -> None:
    rotations = _scene_module(product, "rotations")
    rng = np.random.default_rng(5)
    quaternions = rng.normal(size=(500, 4))
    quaternions[:10] = np.eye(4)[rng.integers(0, 4, 10)]  # no rotation and half turns
    quaternions /= np.linalg.norm(quaternions, axis=-1, keepdims=True)
    through_axis_angle = rotations.axis_angle_to_quaternion(rotations.quaternion_to_axis_angle(quaternions))
    through_matrix = rotations.matrix_to_quaternion(rotations.quaternion_to_matrix(quaternions))
    for result in (through_axis_angle, through_matrix):
        np.testing.assert_allclose(np.abs((result * quaternions).sum(-1)), 1, atol=1e-12)


def test_slerp_takes_the_shorter_arc_at_constant_speed(product: Product) -> None:
    rotations = _scene_module(product, "rotations")
    start, end = rotations.quaternion_about_z(np.array(0.0)), -rotations.quaternion_about_z(np.array(1.0))
    for fraction in (0.0, 0.25, 1.0):
        between = rotations.slerp(start, end, np.array(fraction))
        np.testing.assert_allclose(between, rotations.quaternion_about_z(np.array(fraction)), atol=1e-12)


def _scene_module(product: Product, name: str):
    return product(f"socialmirror_blender.scene.{name}")


def _random_rest_pose(product: Product, rng: np.random.Generator):
    return _scene_module(product, "rest_pose").make_rest_pose(rng.normal(size=(55, 3)), np.array([0.1, 0.2, 0.3]))
