"""Pins and locked feet hold exactly, and what they change comes and goes without a jerk."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from core.body.files import load_body
from core.body.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from core.contract.edits import Edits, Pin
from core.contract.errors import UserError
from core.contract.foot_contact import FootContact
from core.contract.skeleton import BODY_JOINTS, JOINT_INDEX
from core.fitting.easing import eased
from core.fitting.edited_fit import EarlierTake, farthest_pin, fit_edited, hold_edits
from core.fitting.fit import FitSchedule, Phase
from core.fitting.foot_locks import with_foot_modes
from core.fitting.soles import posed_soles
from core.fitting.targets import FitTargets
from core.motion import MotionEstimate, Posed, pose_motion
from core.reporting import SilentReporter
from tests.core.fitting import synthetic

WRIST = JOINT_INDEX["left_wrist"]


@pytest.fixture(scope="module")
def body():
    return load_body(None)


@pytest.fixture(scope="module")
def scene(body) -> synthetic.Scene:
    return synthetic.scene(body, frames=60)


def posed(motion: MotionEstimate, body) -> Posed:
    return pose_motion(body, motion.motion_inworld)


def held(scene: synthetic.Scene, body, *pins: Pin, feet: tuple[FootContact, ...] = ()) -> MotionEstimate:
    return hold_edits(scene.truth, scene.observations.timeline, body, FitTargets(pins=pins, feet=feet))


def jerkiness(motion: MotionEstimate, body, joint: int) -> float:
    """The largest second difference of a joint's place, metres."""
    return float(posed(motion, body).joints[0, :, joint].diff(n=2, dim=0).norm(dim=-1).max())


def pin_of_turned_arm(scene: synthetic.Scene, body, frame: int, degrees: float) -> Pin:
    """The hand of person 0 where it would be if the arm were turned at the shoulder."""
    before = posed(scene.truth, body)
    shoulder = JOINT_INDEX["left_shoulder"]
    turn = axis_angle_to_matrix(torch.tensor([0.0, 0.6, 0.8]) * np.radians(degrees))
    centre, here = before.joints[0, frame, shoulder], before.joints[0, frame, WRIST]
    place = centre + turn @ (here - centre)
    rotation = matrix_to_axis_angle(turn @ before.global_rotations[0, frame, WRIST])
    number = int(scene.detections.frame_index[frame])
    return Pin(0, "left_wrist", number, position=tuple(place.tolist()), world_rotation=tuple(rotation.tolist()))


def angle_to(motion: MotionEstimate, body, pin: Pin, frame: int) -> float:
    """Degrees between a joint's rotation in the world and its pin's."""
    rotation = posed(motion, body).global_rotations[pin.person, frame, JOINT_INDEX[pin.joint]]
    wanted = axis_angle_to_matrix(torch.tensor(pin.world_rotation))
    return float(torch.rad2deg(matrix_to_axis_angle(wanted @ rotation.mT).norm()))


@pytest.mark.parametrize("degrees", [25, 70, 115])
def test_a_pinned_hand_is_where_it_was_put_and_nothing_pops(scene, body, degrees):
    pin = pin_of_turned_arm(scene, body, 30, degrees)
    motion = held(scene, body, pin)
    moved = posed(motion, body).joints[0, 30, WRIST] - posed(scene.truth, body).joints[0, 30, WRIST]
    assert float(moved.norm()) > 0.15
    assert farthest_pin(motion, scene.observations.timeline, body, [pin]) < 1e-4
    assert angle_to(motion, body, pin, 30) < 0.05
    for joint in ("left_wrist", "left_elbow", "spine3", "head"):
        before = jerkiness(scene.truth, body, JOINT_INDEX[joint])
        assert jerkiness(motion, body, JOINT_INDEX[joint]) < 1.5 * before + 0.004, joint
    other = posed(motion, body).joints[1] - posed(scene.truth, body).joints[1]
    assert float(other.abs().max()) == 0


def test_feet_stay_when_hips_are_pinned(scene, body):
    before = posed(scene.truth, body)
    x, y, z = before.joints[1, 25, 0].tolist()
    pin = Pin(1, "pelvis", int(scene.detections.frame_index[25]), position=(x + 0.05, y, z - 0.12))
    after = posed(held(scene, body, pin), body)
    assert float((after.joints[1, 25, 0] - torch.tensor(pin.position)).norm()) < 1e-4
    for foot in ("left_ankle", "right_ankle"):
        moved = (after.joints[1, :, JOINT_INDEX[foot]] - before.joints[1, :, JOINT_INDEX[foot]]).norm(dim=-1)
        assert float(moved.max()) < 1e-3


@pytest.mark.parametrize("metres", [0.1, 0.4])
def test_feet_follow_hips_that_are_pinned_higher_than_legs_reach(scene, body, metres):
    before = posed(scene.truth, body)
    x, y, z = before.joints[0, 30, 0].tolist()
    pin = Pin(0, "pelvis", int(scene.detections.frame_index[30]), position=(x, y, z + metres))
    motion = held(scene, body, pin)
    assert farthest_pin(motion, scene.observations.timeline, body, [pin]) < 1e-4
    for foot in ("left_ankle", "right_ankle"):
        moved = posed(motion, body).joints[0, :, JOINT_INDEX[foot]] - before.joints[0, :, JOINT_INDEX[foot]]
        assert float(moved.norm(dim=-1).max()) < metres
        assert jerkiness(motion, body, JOINT_INDEX[foot]) < 0.01


def test_a_range_holds_in_every_frame_and_two_hands_do_not_disturb_each_other(scene, body):
    first = pin_of_turned_arm(scene, body, 20, 20)
    pins = [replace(first, frame=first.frame + step) for step in range(8)]
    place = posed(scene.truth, body).joints[0, 24, JOINT_INDEX["right_wrist"]] + torch.tensor([0.0, 0.05, 0.1])
    pins.append(Pin(0, "right_wrist", first.frame + 4, position=tuple(place.tolist())))
    motion = held(scene, body, *pins)
    assert farthest_pin(motion, scene.observations.timeline, body, pins) < 1e-3


def test_other_joints_are_pinned_by_their_own_rotation(scene, body):
    rotation = (0.0, -1.2, 0.0)
    pin = Pin(0, "left_elbow", int(scene.detections.frame_index[30]), rotation=rotation)
    motion = held(scene, body, pin).motion_incam
    np.testing.assert_allclose(motion.body_pose[0, 30, BODY_JOINTS.index("left_elbow") - 1], rotation, atol=1e-5)
    without = np.arange(21) != BODY_JOINTS.index("left_elbow") - 1
    np.testing.assert_allclose(
        motion.body_pose[0, :, without], scene.truth.motion_incam.body_pose[0, :, without], atol=1e-5
    )


def test_a_hand_out_of_reach_is_as_near_as_it_gets_and_is_reported(scene, body):
    pin = Pin(0, "left_wrist", int(scene.detections.frame_index[30]), position=(5.0, 5.0, 5.0))
    reporter = SilentReporter()
    earlier = EarlierTake(scene.truth)
    schedule = FitSchedule((Phase(2, 0.005),), fixed_shape=True)
    fit_edited(scene.truth, earlier, scene.observations, body, FitTargets(pins=(pin,)), schedule, reporter)
    assert any("out of reach" in warning for warning in reporter.warnings)


def test_who_is_pulled_far_out_of_reach_leans_and_does_not_fly(scene, body):
    pin = Pin(0, "left_wrist", int(scene.detections.frame_index[30]), position=(5.0, 5.0, 5.0))
    motion = held(scene, body, pin)
    before, after = posed(scene.truth, body), posed(motion, body)
    gap = torch.tensor(pin.position) - after.joints[0, 30, WRIST]
    assert gap.norm() < (torch.tensor(pin.position) - before.joints[0, 30, WRIST]).norm() - 0.5
    for foot in ("left_ankle", "right_ankle"):
        moved = after.joints[0, :, JOINT_INDEX[foot]] - before.joints[0, :, JOINT_INDEX[foot]]
        assert float(moved.norm(dim=-1).max()) < 0.2
        assert jerkiness(motion, body, JOINT_INDEX[foot]) < 0.03


def test_the_fit_keeps_pins_and_leaves_the_rest_of_the_take(body):
    scene = synthetic.scene(body, frames=90)
    pin = pin_of_turned_arm(scene, body, 15, 25)
    schedule = FitSchedule((Phase(6, 0.01),), fixed_shape=True)
    fitted = fit_edited(
        scene.truth,
        EarlierTake(scene.truth),
        scene.observations,
        body,
        FitTargets(pins=(pin,)),
        schedule,
        SilentReporter(),
    )
    assert farthest_pin(fitted, scene.observations.timeline, body, [pin]) < 1e-4
    assert angle_to(fitted, body, pin, 15) < 0.05
    moved = (posed(fitted, body).joints - posed(scene.truth, body).joints).norm(dim=-1).amax((0, 2))
    assert float(moved[70:].max()) < 1e-4 < float(moved[15])


def sliding(motion: MotionEstimate, body, foot: int, frames: slice) -> float:
    """The largest speed of a sole's points of person 0, metres per frame."""
    return float(posed_soles(posed(motion, body), body)[0, frames, foot].diff(dim=0).norm(dim=-1).max())


def test_a_locked_foot_stands_still_with_heel_and_toes_on_the_floor(scene, body):
    drift = np.linspace(0, 0.3, 60, dtype=np.float32)[None, :, None] * np.array([1, 0, 0], np.float32)
    motion = scene.truth.motion_inworld
    moving = replace(motion, pelvis=motion.pelvis + drift).transformed(scene.camera.T_cw)
    start = replace(scene.truth, motion_incam=moving)
    numbers = scene.detections.frame_index
    lock = FootContact(0, "left", int(numbers[20]), int(numbers[32]), "lock")
    locked = hold_edits(start, scene.observations.timeline, body, FitTargets(feet=(lock,)))
    assert sliding(start, body, 0, slice(20, 33)) > 0.004
    assert sliding(locked, body, 0, slice(20, 33)) < 1e-5
    heights = posed_soles(posed(locked, body), body)[0, 26, 0, :, 2]
    assert abs(float(heights.min())) < 1e-4 and float(heights.max()) < 0.013  # the sole is round at its ends
    known = with_foot_modes(np.zeros((2, 60, 2), np.float32), numbers, (lock,))
    assert known[0, 20:33, 0].all() and known.sum() == 13


def test_an_eased_change_keeps_what_is_given_and_ends_where_it_should():
    values, given = np.zeros((80, 1)), np.zeros(80, bool)
    values[[30, 31, 78]], given[[30, 31, 78]] = [[1.0], [0.8], [-0.5]], True
    curve = eased(values, given, 10)
    np.testing.assert_allclose(curve[given], values[given])
    assert np.abs(curve[:20]).max() == 0 and np.abs(curve[43:68]).max() == 0
    assert np.abs(curve).max() < 1.2 and np.abs(np.diff(curve[:, 0], n=2)).max() < 0.35


def test_world_rotations_and_feet_are_part_of_the_edits_and_older_ones_can_be_read():
    pin = Pin(1, "left_wrist", 4, position=(0.0, 0.1, 1.0), world_rotation=(0.1, 0.2, 0.3))
    edits = Edits(pins=(pin,), feet=(FootContact(0, "right", 3, 9, "free"),))
    assert Edits.from_json(edits.to_json()) == edits
    assert Edits.from_json({"pins": [{"person": 0, "joint": "head", "frame": 1, "rotation": [0, 0, 1]}]}).feet == ()
    with pytest.raises(UserError, match="two turns"):
        Pin(0, "head", 1, world_rotation=(20.0, 0.0, 0.0))
    for wrong in ({"foot": "middle"}, {"mode": "stuck"}, {"frame_start": 9, "frame_end": 3}):
        record = {"person": 0, "foot": "left", "frame_start": 1, "frame_end": 2} | wrong
        with pytest.raises(UserError, match="foot contact"):
            Edits.from_json({"feet": [record]})
