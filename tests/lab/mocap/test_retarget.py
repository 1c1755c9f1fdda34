"""Motions of our own body, given as recordings of its skeleton, are recovered by retargeting."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from core.body.files import load_body
from core.body.model import BodyModel, forward_kinematics
from core.body.rotations import axis_angle_to_matrix
from core.contract.errors import UserError
from core.contract.skeleton import BODY_JOINTS, PARENTS
from core.fitting.soles import sole_vertices
from core.motion import PairMotion, pose_motion
from lab.mocap.capture import Capture
from lab.mocap.retargeting.retarget import retarget
from lab.mocap.skeleton_motion import SkeletonMotion

COUNT = len(BODY_JOINTS)
UPRIGHT = Rotation.from_euler("x", 90, degrees=True)
"""Takes the rest pose (Y up) into the world (Z up); the person faces -Y."""


def joint(name: str) -> int:
    return BODY_JOINTS.index(name)


def posed(turns: np.ndarray, pelvis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Joints [T,22,3] and global rotations [T,22,3,3] of the default body for axis-angles [T,22,3]."""
    rest = load_body(None).J_template[:COUNT].double()
    joints, world = forward_kinematics(axis_angle_to_matrix(torch.from_numpy(turns)), rest, torch.from_numpy(pelvis))
    return joints.numpy(), world.numpy()


def posed_capture(capture: Capture) -> tuple[np.ndarray, np.ndarray]:
    turns = np.concatenate([capture.global_orient[:, None], capture.body_pose], 1).astype(float)
    return posed(turns, capture.pelvis.astype(float))


def skin(capture: Capture, body: BodyModel) -> np.ndarray:
    """[T,V,3]"""
    hands = np.zeros((1, len(capture.pelvis), 15, 3), np.float32)
    shape = np.zeros((1, 16), np.float32)
    motion = PairMotion(capture.global_orient[None], capture.body_pose[None], hands, hands, capture.pelvis[None], shape)
    return pose_motion(load_body(None), motion).skin(body)[0].numpy()


def soles(capture: Capture) -> np.ndarray:
    """[T,2,S,3] points under the feet."""
    body = load_body(None)
    return skin(capture, body.subset(sole_vertices(body).flatten())).reshape(len(capture.pelvis), 2, -1, 3)


def sinusoids(frames: int, rate: float, seed: int, size: float) -> np.ndarray:
    """[T,3] slow sinusoidal angles, radians."""
    rng = np.random.default_rng(seed)
    time = np.arange(frames)[:, None] / rate
    return size * np.sin(2 * np.pi * rng.uniform(0.2, 0.5, 3) * time + rng.uniform(0, 6, 3)) * rng.uniform(0.3, 1, 3)


def squats(frames: int = 120, rate: float = 30.0) -> tuple[np.ndarray, np.ndarray]:
    """Axis-angles [T,22,3] and pelvis [T,3] of a person who squats, leans and swings both arms with flat feet."""
    turns = np.zeros((frames, COUNT, 3))
    turns[:, 0] = UPRIGHT.as_rotvec()
    bend = 0.35 + 0.3 * np.sin(np.arange(frames) / rate * 2)
    for side, out in (("left", 1), ("right", -1)):
        for part, share in (("hip", -1), ("knee", 2), ("ankle", -1)):
            turns[:, joint(f"{side}_{part}"), 0] = share * bend
        shoulder = Rotation.from_euler("z", -55 * out, degrees=True) * Rotation.from_rotvec(
            sinusoids(frames, rate, 1, 0.5)
        )
        turns[:, joint(f"{side}_shoulder")] = shoulder.as_rotvec()
        flexed = 0.9 + 0.6 * np.sin(np.arange(frames) / rate * 3 + out)
        turns[:, joint(f"{side}_elbow"), 1] = -out * flexed
    for name, seed in (("spine1", 2), ("spine2", 3), ("spine3", 4)):
        turns[:, joint(name)] = sinusoids(frames, rate, seed, 0.12)
    turns[:, joint("neck")] = turns[:, joint("head")] = sinusoids(frames, rate, 5, 0.15) + [0.15, 0, 0]
    joints, _ = posed(turns, np.zeros((frames, 3)))
    ankles = joints[:, [joint("left_ankle"), joint("right_ankle")]].mean(1)
    # ankles stand this high when the soles touch the floor
    body = load_body(None)
    under = float(body.J_template[joint("left_ankle"), 1] - body.v_template[sole_vertices(body)[0], 1].min())
    return turns, np.array([0.3, -0.2, under]) - ankles


def as_recording(turns: np.ndarray, pelvis: np.ndarray, rate: float = 30.0) -> SkeletonMotion:
    """The motion as a recording of our body's skeleton and the roots of the middle fingers."""
    joints, world = posed(turns, pelvis)
    rest = load_body(None).J_template.double().numpy()
    names, parents = list(BODY_JOINTS), list(PARENTS[:COUNT])
    for side, finger in (("left", 28), ("right", 43)):
        wrist = joint(f"{side}_wrist")
        place = joints[:, wrist] + world[:, wrist] @ (rest[finger] - rest[wrist])
        joints = np.concatenate([joints, place[:, None]], 1)
        world = np.concatenate([world, world[:, wrist, None]], 1)
        names.append(f"{side}_knuckles")
        parents.append(wrist)
    offsets = np.concatenate([rest[:COUNT], rest[[28, 43]]])
    return SkeletonMotion(
        "set/name", "somebody", ("squats",), rate, tuple(names), tuple(parents), joints, offsets, world
    )


def angle_between(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Angles between axis-angles [N,3], degrees."""
    turn = Rotation.from_rotvec(first.reshape(-1, 3)).inv() * Rotation.from_rotvec(second.reshape(-1, 3))
    return np.degrees(turn.magnitude())


@pytest.fixture(scope="module")
def truth() -> tuple[np.ndarray, np.ndarray]:
    return squats()


def test_motions_of_our_own_skeleton_are_recovered(truth: tuple[np.ndarray, np.ndarray]) -> None:
    turns, pelvis = truth
    capture = retarget(as_recording(turns, pelvis))
    assert (capture.source, capture.subject, capture.text, capture.rate) == ("set/name", "somebody", ("squats",), 30)
    errors = np.linalg.norm(posed_capture(capture)[0] - posed(turns, pelvis)[0], axis=-1)
    # shoulders move a little with raised arms, and feet are aligned by the axis of their skin; all other joints are exact
    apart = [joint(f"{side}_{part}") for side in ("left", "right") for part in ("shoulder", "elbow", "wrist", "foot")]
    assert np.delete(errors, apart, 1).max() < 0.004
    assert errors[:, apart].max() < 0.025
    for name in ("left_knee", "right_elbow", "left_wrist", "right_ankle", "spine2", "head"):
        assert angle_between(capture.body_pose[:, joint(name) - 1], turns[:, joint(name)]).max() < 8, name
    assert capture.foot_contact.all()


def test_positions_alone_determine_limbs_and_trunk(truth: tuple[np.ndarray, np.ndarray]) -> None:
    turns, pelvis = truth
    capture = retarget(replace(as_recording(turns, pelvis), global_rotations=None, rest_positions=None))
    errors = np.linalg.norm(posed_capture(capture)[0] - posed(turns, pelvis)[0], axis=-1)
    assert errors[:, [joint(name) for name in ("left_knee", "right_ankle", "left_foot", "spine3", "neck")]].max() < 0.03
    world, expected = posed_capture(capture)[1], posed(turns, pelvis)[1]
    for name in ("left_shoulder", "right_elbow", "left_hip", "right_knee"):
        off = Rotation.from_matrix(world[:, joint(name)]).inv() * Rotation.from_matrix(expected[:, joint(name)])
        assert np.degrees(off.magnitude()).mean() < 12, name


def test_size_frame_rate_and_position_of_the_recording_do_not_matter(truth: tuple[np.ndarray, np.ndarray]) -> None:
    turns, pelvis = truth
    plain = as_recording(turns, pelvis)
    four = np.repeat(np.arange(len(turns)), 4)
    assert plain.global_rotations is not None and plain.rest_positions is not None
    fast = replace(
        plain,
        rate=120.0,
        positions=1.3 * plain.positions[four] + [4, 5, 0.7],
        rest_positions=1.3 * plain.rest_positions,
        global_rotations=plain.global_rotations[four],
    )
    first, second = retarget(plain), retarget(fast)
    np.testing.assert_allclose(second.body_pose, first.body_pose, atol=0.02)
    np.testing.assert_allclose(second.pelvis - second.pelvis[0], first.pelvis - first.pelvis[0], atol=0.01)
    assert abs(soles(second)[..., 2].min(-1)).max() < 0.004


def test_feet_in_contact_neither_slide_nor_sink_although_the_recorded_ones_do(
    truth: tuple[np.ndarray, np.ndarray],
) -> None:
    turns, pelvis = truth
    rng = np.random.default_rng(0)
    trembling = np.cumsum(rng.normal(0, 0.0015, pelvis.shape), 0)
    trembling -= np.linspace(0, 1, len(pelvis))[:, None] * trembling[-1]
    sloping = np.c_[np.zeros((len(pelvis), 2)), 0.03 * np.sin(np.arange(len(pelvis)) / 20)]
    capture = retarget(as_recording(turns, pelvis + trembling + sloping))
    standing = capture.foot_contact[1:] & capture.foot_contact[:-1]
    assert standing.mean() > 0.8
    points = soles(capture)
    steps = np.linalg.norm(np.diff(points[..., :2], axis=0), axis=-1).max(-1)
    assert steps[standing].mean() < 0.001
    assert points[..., 2].min() > -0.004
    assert abs(points[..., 2].min(-1))[capture.foot_contact].max() < 0.004


def test_a_stepping_foot_has_no_contact_and_keeps_its_step_length(truth: tuple[np.ndarray, np.ndarray]) -> None:
    """The right foot is lifted between frames 30 and 60 and put down 0.3 m ahead; the left one stands."""
    frames = 90
    turns, pelvis = squats(1)
    turns, pelvis = np.repeat(turns, frames, 0), np.repeat(pelvis, frames, 0)
    share = np.clip((np.arange(frames) - 30) / 30, 0, 1)
    smooth = share * share * (3 - 2 * share)
    lifted = 0.5 * np.sin(np.pi * share)
    turns[:, joint("right_hip"), 0] -= 0.35 * smooth + lifted
    turns[:, joint("right_knee"), 0] += 2 * lifted
    turns[:, joint("right_ankle"), 0] += 0.35 * smooth - lifted
    capture = retarget(as_recording(turns, pelvis))
    assert capture.foot_contact[:, 0].all()
    assert not capture.foot_contact[35:56, 1].any()
    assert capture.foot_contact[2:28, 1].all()
    expected = posed(turns, pelvis)[0][:, joint("right_foot")]
    foot = posed_capture(capture)[0][:, joint("right_foot")]
    np.testing.assert_allclose((foot[-1] - foot[0])[:2], (expected[-1] - expected[0])[:2], atol=0.02)
    assert foot[45, 2] - foot[0, 2] > 0.1
    assert soles(capture)[..., 2].min() > -0.004


def test_a_straight_arm_does_not_roll(truth: tuple[np.ndarray, np.ndarray]) -> None:
    """The elbow bends, is straight for a second and bends again. Only positions with a little noise are known."""
    turns, pelvis = squats(120)
    turns[:, joint("left_shoulder")] = (
        Rotation.from_euler("z", -50, degrees=True) * Rotation.from_euler("x", 60, degrees=True)
    ).as_rotvec()
    flexed = np.clip(np.abs(np.arange(120) - 60) / 30 - 0.5, 0, 1) * 1.2
    turns[:, joint("left_elbow"), 1] = -flexed
    motion = as_recording(turns, pelvis)
    noise = np.random.default_rng(1).normal(0, 0.001, motion.positions.shape)
    capture = retarget(replace(motion, positions=motion.positions + noise, global_rotations=None, rest_positions=None))
    upper = Rotation.from_rotvec(capture.body_pose[:, joint("left_shoulder") - 1])
    assert np.degrees((upper[:-1].inv() * upper[1:]).magnitude()).max() < 8


def test_only_an_estimated_vertical_is_corrected(truth: tuple[np.ndarray, np.ndarray]) -> None:
    turns, pelvis = squats(1)
    turns, pelvis = np.repeat(turns, 120, 0), np.repeat(pelvis, 120, 0)
    upright = as_recording(turns, pelvis)
    tilt = Rotation.from_euler("x", 8, degrees=True).as_matrix()  # a person who faces -Y leans backwards
    assert upright.global_rotations is not None
    leaning = replace(upright, positions=upright.positions @ tilt.T, global_rotations=tilt @ upright.global_rotations)
    for motion, low, high in ((leaning, 7.5, 8.5), (replace(leaning, vertical_measured=False), 0.0, 4.0)):
        off = angle_between(retarget(motion).global_orient[60], turns[0, 0])[0]
        assert low <= off <= high


def test_a_lying_body_does_not_sink_into_the_floor() -> None:
    """The person lies face down with stretched toes. The recording's bones are on the floor, but a body has volume."""
    turns = np.zeros((40, COUNT, 3))
    turns[:, 0] = Rotation.from_euler("x", 180, degrees=True).as_rotvec()
    turns[:, [joint("left_ankle"), joint("right_ankle")], 0] = 0.9
    capture = retarget(as_recording(turns, np.zeros((40, 3))))
    assert -0.025 < skin(capture, load_body(None))[20, :, 2].min() < 0.025
    assert not capture.foot_contact.any()


def test_feet_in_contact_are_flat_although_recorded_tilted(truth: tuple[np.ndarray, np.ndarray]) -> None:
    turns, pelvis = truth
    turns = turns.copy()
    turns[:, joint("left_ankle"), 0] += 0.2 + 0.1 * np.sin(np.arange(len(turns)) / 9)
    turns[:, joint("right_foot"), 0] -= 0.3
    capture = retarget(as_recording(turns, pelvis))
    height = soles(capture)[..., 2]
    assert capture.foot_contact.mean() > 0.9
    assert height[capture.foot_contact].max() < 0.015


def test_a_foot_recorded_back_to_front_follows_its_shank(truth: tuple[np.ndarray, np.ndarray]) -> None:
    turns, pelvis = truth
    motion = as_recording(turns, pelvis)
    assert motion.global_rotations is not None
    wrong = motion.global_rotations.copy()
    wrong[60:, joint("left_ankle")] @= np.diag([-1.0, 1.0, -1.0])
    capture = retarget(replace(motion, global_rotations=wrong))
    assert np.degrees(np.linalg.norm(capture.body_pose[:, joint("left_ankle") - 1], axis=-1)).max() < 70


def test_a_recording_without_elbows_raises_an_error(truth: tuple[np.ndarray, np.ndarray]) -> None:
    motion = as_recording(*squats(4))
    renamed = tuple(name.replace("left_elbow", "Bip01") for name in motion.names)
    with pytest.raises(UserError, match="left_elbow"):
        retarget(replace(motion, names=renamed))


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_recordings_of_a_few_frames_are_retargeted(frames: int) -> None:
    capture = retarget(as_recording(*squats(frames)))
    assert len(capture.pelvis) == frames
    assert math.isfinite(float(np.abs(capture.body_pose).sum() + np.abs(capture.pelvis).sum()))
