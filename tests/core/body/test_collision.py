"""The spheres that stand for the body's volume."""

import pytest
import torch

from core.body.collision import collision_spheres, sphere_centres, with_shape
from core.body.model import forward_kinematics, linear_blend_skinning, rest_joints, rest_vertices
from core.body.regions import vertex_regions
from core.body.rotations import axis_angle_to_matrix
from core.contract.skeleton import BODY_JOINTS, JOINT_INDEX, REGIONS


@pytest.fixture(scope="module")
def spheres(body):
    return collision_spheres(body)


@pytest.fixture(scope="module")
def is_skin(body):
    return vertex_regions(body) >= 0


def above_spheres(vertices, centres, radii):
    """Metres [N] from each vertex to the spheres' surface, negative inside."""
    return (torch.cdist(vertices, centres) - radii).min(-1).values


def test_they_fill_the_mean_body(body, spheres, is_skin):
    centres = body.J_template[spheres.joint] + spheres.offset
    distance = above_spheres(body.v_template[is_skin], centres, spheres.radius).abs()
    assert 60 <= len(spheres.joint) <= 100
    assert distance.mean() < 0.006
    assert distance.quantile(0.95) < 0.017
    assert (spheres.radius > 0.005).all()


@pytest.mark.parametrize(
    "region", ["left_palm", "right_fingers", "head", "chest", "back", "left_forearm", "right_thigh"]
)
def test_what_touches_is_filled(body, spheres, region):
    members = body.v_template[vertex_regions(body) == REGIONS.index(region)]
    centres = body.J_template[spheres.joint] + spheres.offset
    assert above_spheres(members, centres, spheres.radius).abs().mean() < 0.011


def test_they_follow_shape_and_pose(body, spheres, is_skin):
    generator = torch.Generator().manual_seed(0)
    betas = torch.randn(3, 16, generator=generator)
    pose = torch.randn(3, 55, 3, generator=generator) * 0.3
    rotations, rest = axis_angle_to_matrix(pose), rest_joints(body, betas)
    joints, world = forward_kinematics(rotations, rest, torch.zeros(3, 3))
    vertices = linear_blend_skinning(body, betas, rotations, rest, joints, world)[:, is_skin]
    own = with_shape(spheres, betas)
    distance = above_spheres(vertices, sphere_centres(own, joints, world), own.radius[:, None]).abs()
    assert distance.mean() < 0.008
    assert distance.quantile(0.95) < 0.022

    tall = torch.zeros(1, 16)
    tall[0, 0] = 3.0
    vertices, rest = rest_vertices(body, tall)[:, is_skin], rest_joints(body, tall)
    still = torch.eye(3).expand(1, 55, 3, 3)
    own = with_shape(spheres, tall)
    shaped = above_spheres(vertices, sphere_centres(own, rest, still), own.radius[:, None]).abs().mean()
    without = above_spheres(vertices, sphere_centres(spheres, rest, still), spheres.radius).abs().mean()
    assert shaped < 0.007
    assert shaped < 0.6 * without


def test_both_sides_are_alike(spheres):
    names = [BODY_JOINTS[joint] if joint < len(BODY_JOINTS) else "hand" for joint in spheres.joint.tolist()]
    for part in ("hip", "knee", "shoulder", "elbow", "wrist"):
        assert names.count(f"left_{part}") == names.count(f"right_{part}") > 0
    left, right = (spheres.joint == JOINT_INDEX[f"{side}_elbow"] for side in ("left", "right"))
    assert torch.allclose(spheres.radius[left], spheres.radius[right], atol=1e-3)


def test_centres_are_differentiable_for_people_by_frames(body, spheres):
    betas = torch.zeros(2, 16, requires_grad=True)
    pose = torch.zeros(2, 4, 55, 3, requires_grad=True)
    joints, world = forward_kinematics(
        axis_angle_to_matrix(pose), rest_joints(body, betas)[:, None], torch.zeros(2, 4, 3)
    )
    own = with_shape(spheres, betas[:, None])
    centres = sphere_centres(own, joints, world)
    assert centres.shape == (2, 4, len(spheres.joint), 3)
    weights = torch.randn(centres.shape, generator=torch.Generator().manual_seed(0))
    (centres * weights).sum().backward()
    assert pose.grad is not None and torch.isfinite(pose.grad).all()
    assert (pose.grad[0, 0, JOINT_INDEX["left_shoulder"]] != 0).any()
    assert betas.grad is not None and (betas.grad != 0).all()


def test_the_same_every_time(body, spheres):
    again = collision_spheres(body)
    assert torch.equal(again.offset, spheres.offset)
    assert torch.equal(again.radius, spheres.radius)
