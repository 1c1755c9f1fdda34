"""The free default body looks like a person, also when it moves."""

import pytest
import torch

from core.body.model import forward_kinematics, linear_blend_skinning, rest_joints, rest_vertices
from core.body.rotations import axis_angle_to_matrix
from core.contract.skeleton import JOINT_INDEX, JOINTS, mirrored

FLIP = torch.tensor([-1.0, 1.0, 1.0])


def with_arms(body, degrees: float):
    """joints [55,3] and vertices [V,3] with both arms turned about the view axis, down is negative."""
    pose = torch.zeros(55, 3)
    pose[JOINT_INDEX["left_shoulder"], 2] = torch.deg2rad(torch.tensor(degrees))
    pose[JOINT_INDEX["right_shoulder"], 2] = -pose[JOINT_INDEX["left_shoulder"], 2]
    betas, rotations = torch.zeros(16), axis_angle_to_matrix(pose)
    rest = rest_joints(body, betas)
    joints, world = forward_kinematics(rotations, rest, rest[0])
    return joints, linear_blend_skinning(body, betas, rotations, rest, joints, world)


def test_joints_and_skin_are_symmetric(body):
    other = [JOINT_INDEX[mirrored(name)] for name in JOINTS]
    assert torch.allclose(body.J_template[other] * FLIP, body.J_template, atol=1e-3)
    distance = torch.cdist(body.v_template[::7] * FLIP, body.v_template).min(1).values
    assert distance.max() < 1e-3


def test_it_stands_in_the_rest_pose_of_smplx(body):
    """Y up, facing +Z, left at +X, arms out, palms down; so that motions of other SMPL-X bodies can be played."""
    joint = dict(zip(JOINTS, body.J_template))
    assert joint["head"][1] > joint["pelvis"][1] > joint["left_ankle"][1]
    assert joint["left_eye_smplhf"][2] > joint["head"][2]
    assert joint["left_foot"][2] > joint["left_ankle"][2]
    for bone in (("shoulder", "elbow"), ("elbow", "wrist"), ("wrist", "middle1")):
        start, end = (joint[f"left_{name}"] for name in bone)
        direction = (end - start) / (end - start).norm()
        assert direction[0] > 0.97
    assert joint["left_thumb2"][2] > joint["left_pinky2"][2]


def test_hanging_arms_leave_the_shoulders_at_ease(body):
    """With collars at zero the shoulder's top is well below the foot of the neck, and slopes down towards the arm."""
    joints, vertices = with_arms(body, -80)
    not_head = body.lbs_weights[:, [JOINT_INDEX[name] for name in ("neck", "head", "jaw")]].sum(1) < 0.3

    def top(out: float) -> float:
        return float(vertices[((vertices[:, 0] - out).abs() < 0.012) & not_head, 1].max())

    shoulder = float(joints[JOINT_INDEX["left_shoulder"], 0])
    neck = float(joints[JOINT_INDEX["neck"], 1])
    heights = [top(share * shoulder) for share in (0.65, 0.85, 1.0, 1.15)]
    assert heights == sorted(heights, reverse=True)
    assert neck - heights[2] > 0.03


def test_raised_arms_do_not_widen_the_chest(body):
    trunk = [JOINT_INDEX[name] for name in ("spine1", "spine2", "spine3")]
    side = body.lbs_weights[:, trunk].sum(1) > 0.5
    below_armpit = body.v_template[:, 1] < body.J_template[JOINT_INDEX["left_shoulder"], 1] - 0.11
    _, hanging = with_arms(body, -80)
    _, raised = with_arms(body, 50)
    outwards = (raised - hanging)[:, 0] * body.v_template[:, 0].sign()
    assert outwards[side & below_armpit].max() < 0.03


@pytest.mark.parametrize("degrees", [-85, 60])
def test_skin_does_not_tear(body, degrees):
    """No edge is stretched to more than four times its rest length plus 2 cm."""
    _, vertices = with_arms(body, degrees)
    start, end = body.faces[:, [0, 1, 2]].reshape(-1), body.faces[:, [1, 2, 0]].reshape(-1)
    before = (body.v_template[start] - body.v_template[end]).norm(dim=1)
    after = (vertices[start] - vertices[end]).norm(dim=1)
    assert (after < 4 * before + 0.02).all()


def test_coefficients_are_people(body):
    """Two standard deviations of any coefficient leave a grown-up's height; the first is height."""

    def height(betas) -> float:
        vertices = rest_vertices(body, betas)
        return float(vertices[:, 1].max() - vertices[:, 1].min())

    assert 1.65 < height(torch.zeros(16)) < 1.78
    for sign in (-2.0, 2.0):
        heights = [height(sign * row) for row in torch.eye(16)]
        assert all(1.4 < each < 2.05 for each in heights)
    assert height(torch.eye(16)[0] * 2) - height(torch.eye(16)[0] * -2) > 0.3
