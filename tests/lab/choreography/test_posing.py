"""Legs that reach their feet, skin that 22 joints carry, hands that take shapes, poses from few numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.body.rotations import axis_angle_to_matrix
from core.contract.errors import UserError
from core.contract.skeleton import JOINT_INDEX
from core.motion import pose
from lab.choreography.contact_points import body_normals, contact_point_vertices
from lab.choreography.foot_planting import sole_positions
from lab.choreography.hand_shapes import animate_hands, finger_rotations, hand_shape
from lab.choreography.leg_ik import Leg, solve_leg
from lab.choreography.pose_parameters import FOOT_OFFSET, PARAMETERS, PELVIS_OFFSET, UPPER_BODY, ReferenceMotions
from lab.choreography.scene import ContactPoint, HandShapeGoal, Interval, Scene
from lab.choreography.skin_points import SkinPoints, joint_transforms, point_matrix, rest_skin


def leg() -> Leg:
    """Hip at 0.8 m, knee 5 cm before the line down to the ankle, facing +Y, left at -X."""
    left, up, forward = torch.tensor([[-1.0, 0, 0], [0, 0, 1.0], [0, 1.0, 0]])
    turn = torch.stack([left, up, forward], 1)
    hip, knee, ankle = torch.tensor([[0, 0, 0.8], [0, 0.05, 0.4], [0, 0, 0.0]])
    return Leg(hip, knee, ankle, turn, turn)


def test_a_leg_that_is_asked_nothing_stays():
    before = leg()
    after = solve_leg(before, before.hip, before.ankle, torch.tensor(0.0))
    assert torch.allclose(after.knee, before.knee, atol=1e-4)
    assert torch.allclose(after.thigh_rotation, before.thigh_rotation, atol=1e-4)
    assert torch.allclose(after.shank_rotation, before.shank_rotation, atol=1e-4)


def test_a_leg_bends_forward_to_a_foot_that_comes_nearer():
    before = leg()
    after = solve_leg(before, before.hip, torch.tensor([0.0, 0.1, 0.15]), torch.tensor(0.0))
    thigh, shank = (before.knee - before.hip).norm(), (before.ankle - before.knee).norm()
    assert torch.allclose(after.ankle, torch.tensor([0.0, 0.1, 0.15]), atol=1e-5)
    assert float((after.knee - before.hip).norm()) == pytest.approx(float(thigh), abs=1e-4)
    assert float((after.ankle - after.knee).norm()) == pytest.approx(float(shank), abs=1e-4)
    assert float(after.knee[1]) > 0.15 and abs(float(after.knee[0])) < 1e-4
    assert float(after.shortfall) == 0


def test_a_leg_says_by_how_much_it_is_too_short():
    before = leg()
    length = (before.knee - before.hip).norm() + (before.ankle - before.knee).norm()
    after = solve_leg(before, before.hip, torch.tensor([0.0, 0.0, -0.2]), torch.tensor(0.0))
    assert float(after.shortfall) == pytest.approx(1.0 - float(length), abs=2e-3)


def test_swivelling_turns_the_knee_about_the_line_from_hip_to_ankle():
    before = leg()
    after = solve_leg(before, before.hip, before.ankle, torch.tensor(np.pi / 2))
    assert abs(float(after.knee[0])) == pytest.approx(0.05, abs=1e-3) and abs(float(after.knee[1])) < 1e-3
    assert torch.allclose(after.ankle, before.ankle, atol=1e-5)


def test_twenty_two_joints_carry_the_skin_as_all_joints_do(body):
    """Whole bodies posed with their fingers, against the product's own skinning."""
    generator = torch.Generator().manual_seed(1)
    vertices = torch.arange(0, len(body.v_template), 97)
    betas = torch.randn(16, generator=generator)
    rotations = axis_angle_to_matrix(0.3 * torch.randn(1, 1, 55, 3, generator=generator))
    rotations[:, :, 22:25] = torch.eye(3)
    posed = pose(body, rotations, torch.zeros(1, 1, 3), betas[None])
    true = posed.skin(body.subset(vertices))[0]
    points = SkinPoints.from_body(body.subset(vertices), betas, rotations[0, :, 22:], body_normals(body)[vertices])
    found, _ = points.pose(posed.joints[0, :, :22], posed.global_rotations[0, :, :22])
    # skin at a wrist is shared by the forearm and a finger's root, which the short cut cannot tell apart
    assert float((found - true).norm(dim=-1).max()) < 0.004
    assert float((found - true).norm(dim=-1).mean()) < 0.0003
    product = joint_transforms(posed.joints[0, :, :22], posed.global_rotations[0, :, :22]) @ point_matrix(
        points.weighted_offsets()[0], points.dense_weights()
    )
    assert torch.allclose(product.mT, found, atol=1e-5)


def test_a_fist_brings_the_fingertips_to_the_palm(body):
    tip = int((body.lbs_weights[:, JOINT_INDEX["right_middle3"]] > 0.9).nonzero()[0, 0])
    palm = contact_point_vertices(body, ContactPoint("right_palm", (0, -1, 0)))

    def reaches(name) -> float:
        shape = hand_shape(name).expand(1, 2, -1)
        skin = rest_skin(body.subset(torch.cat([torch.tensor([tip]), palm])), torch.zeros(16), finger_rotations(shape))
        return float((skin[0, 0] - skin[0, 1:].mean(0)).norm())

    assert reaches("fist") < 0.06 < reaches("relaxed") < reaches("flat")


def test_hands_blend_from_relaxed_into_their_shape_and_back():
    pose_ = HandShapeGoal(1, "left", "fist", Interval(10, 12, 5, 5))
    shapes = animate_hands((pose_,), 30)
    assert torch.allclose(shapes[1, 11, 0], hand_shape("fist"))
    assert torch.allclose(shapes[1, 4, 0], hand_shape("relaxed")) and torch.allclose(
        shapes[1, 18, 0], hand_shape("relaxed")
    )
    assert torch.allclose(shapes[0], hand_shape("relaxed").expand(30, 2, -1))


def test_spots_lie_where_they_say(body):
    back, palm = (
        contact_point_vertices(body, ContactPoint("back", (0.5, 0.5, -1))),
        contact_point_vertices(body, ContactPoint("left_palm", (0, -1, 0))),
    )
    left_back = body.v_template[back].mean(0)
    assert left_back[0] > 0.03 and left_back[2] < -0.05
    assert body_normals(body)[palm].mean(0)[1] < -0.7
    other = body.v_template[contact_point_vertices(body, ContactPoint("right_shoulder", (0.5, 1, 0)))].mean(0)
    one = body.v_template[contact_point_vertices(body, ContactPoint("left_shoulder", (0.5, 1, 0)))].mean(0)
    assert torch.allclose(other * torch.tensor([-1.0, 1, 1]), one, atol=0.01)
    with pytest.raises(UserError, match="no region"):
        contact_point_vertices(body, ContactPoint("tail"))


def test_without_numbers_people_do_what_they_did(body, facing):
    scene = Scene("test", facing(1.0, 12), ())
    bases = ReferenceMotions.from_scenes([scene])
    poses = bases.pose(torch.zeros(2, 12, PARAMETERS), torch.zeros(2, 3))
    above = list(UPPER_BODY)
    assert torch.allclose(poses.joints[:, :, above], bases.joints[:, :, above], atol=1e-5)
    assert torch.allclose(poses.global_rotations[:, :, above], bases.global_rotations[:, :, above], atol=1e-5)
    soles = [
        sole_positions(actor, poses.joints[p], poses.global_rotations[p])[..., 2]
        for p, actor in enumerate(scene.actors)
    ]
    assert float(torch.stack(soles).amin(-1).abs().max()) < 1e-4


def test_planted_feet_stay_whatever_the_rest_does(body, facing):
    bases = ReferenceMotions.from_scenes([Scene("test", facing(1.0, 12), ())])
    numbers = torch.randn(2, 12, PARAMETERS, generator=torch.Generator().manual_seed(3)) * 0.4
    numbers[..., PELVIS_OFFSET] = torch.tensor([0.5, 0.3, -2.0])
    poses = bases.pose(numbers, torch.zeros(2, 3))
    ankles = poses.joints[:, :, [JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]]]
    assert float((ankles - ankles[:, :1]).norm(dim=-1).max()) < 1e-4
    assert float(poses.leg_shortfall.max()) < 1e-4
    knees = poses.joints[:, :, JOINT_INDEX["left_knee"]]
    assert float((knees - bases.joints[:, :, JOINT_INDEX["left_knee"]]).norm(dim=-1).min()) > 0.005


def test_people_are_moved_as_a_whole_and_free_feet_go_where_they_are_sent(body, facing):
    actors = facing(1.0, 12)
    actors[0].motion.foot_contact[:, 1] = False
    bases = ReferenceMotions.from_scenes([Scene("test", actors, ())])
    numbers = torch.zeros(2, 12, PARAMETERS)
    numbers[0, :, FOOT_OFFSET.start + 3 : FOOT_OFFSET.start + 6] = torch.tensor([0.0, 0.0, 1.0])
    still = bases.pose(torch.zeros(2, 12, PARAMETERS), torch.zeros(2, 3))
    moved = bases.pose(numbers, torch.tensor([[0.3, -0.2, 0.0], [0.0, 0.0, 0.0]]))
    change = moved.joints - still.joints
    assert torch.allclose(change[0, :, JOINT_INDEX["head"]], torch.tensor([0.3, -0.2, 0.0]).expand(12, 3), atol=1e-5)
    assert torch.allclose(
        change[0, :, JOINT_INDEX["left_ankle"]], torch.tensor([0.3, -0.2, 0.0]).expand(12, 3), atol=1e-4
    )
    assert float(change[0, :, JOINT_INDEX["right_ankle"], 2].min()) > 0.1
    assert float(change[1].abs().max()) < 1e-5
