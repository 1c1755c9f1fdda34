"""Motion clips are placed, mirrored, trimmed and time-warped."""

from __future__ import annotations

import numpy as np
import pytest

from core.body.files import load_body
from core.contract.skeleton import JOINT_INDEX
from lab.mocap.foot_contact import pose_skeleton
from lab.mocap.motion_clip import heading_at, mirror, place_at, reverse, standing_height, time_warp, trim
from lab.mocap.runs import consecutive_runs, remove_short_runs
from lab.mocap.windows import clip_from_window
from tests.lab.mocap.synthetic import MEAN_SHAPE, kicking, soles, walking, whole_clip, whole_window


def test_a_clip_is_placed_with_a_heading_at_a_position() -> None:
    motion = place_at(whole_clip(walking()), heading=2.0, position=(3.0, -1.0), frame=-1)
    np.testing.assert_allclose(motion.pelvis[-1, :2], [3, -1], atol=1e-5)
    assert np.cos(heading_at(motion, -1) - 2.0) == pytest.approx(1.0)
    # the walk goes straight ahead, so its path has the same heading
    way = motion.pelvis[-1, :2] - motion.pelvis[0, :2]
    np.testing.assert_allclose(way / np.linalg.norm(way), [np.cos(2.0), np.sin(2.0)], atol=1e-4)
    np.testing.assert_allclose(motion.pelvis[:, 2], whole_clip(walking()).pelvis[:, 2], atol=1e-6)


def test_mirroring_exchanges_left_and_right() -> None:
    motion = whole_clip(kicking())
    mirrored = mirror(motion)
    joints = pose_skeleton(motion.rotations, motion.pelvis, load_body(None), MEAN_SHAPE).joints
    mirrored_joints = pose_skeleton(mirrored.rotations, mirrored.pelvis, load_body(None), MEAN_SHAPE).joints
    right, left = JOINT_INDEX["right_ankle"], JOINT_INDEX["left_ankle"]
    np.testing.assert_allclose(mirrored_joints[:, left], joints[:, right] * [-1, 1, 1], atol=0.01)
    assert mirrored.foot_contact[:, 1].mean() > mirrored.foot_contact[:, 0].mean()
    np.testing.assert_allclose(mirror(mirrored).rotations, motion.rotations, atol=1e-6)


def test_the_peak_follows_trimming_warping_and_reversing() -> None:
    motion = clip_from_window(whole_window(kicking(), "kicking", 50), load_body(None), MEAN_SHAPE)
    highest = lambda clip: int(soles(clip)[:, 1, :, 2].min(1).argmax())  # noqa: E731
    for changed in (motion, trim(motion, 20, 80), time_warp(motion, 140), reverse(motion)):
        assert changed.peak is not None and abs(changed.peak - highest(changed)) <= 2
    assert trim(motion, 60, 80).peak is None


def test_time_warping_keeps_the_poses_and_the_path() -> None:
    motion = whole_clip(walking())
    slow = time_warp(motion, 199)
    np.testing.assert_allclose(slow.pelvis[::2], motion.pelvis, atol=1e-5)
    np.testing.assert_allclose(slow.rotations[::2], motion.rotations, atol=1e-5)


def test_strides_are_scaled_to_the_legs_of_the_body() -> None:
    shapes = [sign * 2 * np.eye(16, dtype=np.float32)[k] for k in range(4) for sign in (-1, 1)]
    small = min(shapes, key=lambda betas: standing_height(load_body(None), betas))
    ratio = standing_height(load_body(None), small) / standing_height(load_body(None), MEAN_SHAPE)
    assert ratio < 0.95
    motion = whole_clip(walking(), small)
    assert np.ptp(motion.pelvis[:, 0]) == pytest.approx(np.ptp(walking().pelvis[:, 0]) * ratio, rel=1e-4)
    assert abs(soles(motion, small)[..., 2].min((1, 2))).max() < 0.02


def test_runs_of_flags() -> None:
    flags = np.array([0, 1, 1, 0, 0, 1], bool)
    assert remove_short_runs(flags, 3).tolist() == [False, False, False, False, False, True]
    assert [run.tolist() for run in consecutive_runs(np.array([2, 3, 7, 8, 9]))] == [[2, 3], [7, 8, 9]]
