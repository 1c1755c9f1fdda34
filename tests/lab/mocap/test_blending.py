"""Clips get planted feet, are joined without jumps, extended by gait cycles and fitted to a length."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.body.files import load_body
from lab.mocap.action_detection import find_windows
from lab.mocap.blending import extend_cycles, fit_to_length, join, with_planted_feet
from lab.mocap.foot_contact import pose_skeleton
from lab.mocap.motion_clip import headings, place_at, trim
from lab.mocap.windows import Action
from tests.lab.mocap.synthetic import (
    MEAN_SHAPE,
    WALKING_SPEED,
    all_captures,
    foot_slide,
    soles,
    standing,
    walking,
    whole_clip,
)


def test_feet_in_contact_are_held_exactly() -> None:
    """A person drifts and bobs by centimetres although both feet stand."""
    motion = whole_clip(standing())
    drift = np.zeros(motion.pelvis.shape, np.float32)
    drift[:, 0] = 0.02 * np.sin(np.arange(motion.frames) / 9)
    drift[:, 2] = 0.015 * np.sin(np.arange(motion.frames) / 7)
    drifting = replace(motion, pelvis=motion.pelvis + drift, foot_contact=np.ones((motion.frames, 2), bool))
    assert foot_slide(drifting) > 1e-3
    planted = with_planted_feet(drifting, load_body(None), MEAN_SHAPE)
    assert foot_slide(planted) < 2e-4
    assert abs(soles(planted)[..., 2].min(2)).max() < 5e-4
    assert np.ptp(planted.pelvis[:, 0]) > 0.03  # the body still sways
    # arms and head do not change
    np.testing.assert_allclose(planted.rotations[:, 12:], motion.rotations[:, 12:], atol=1e-5)


def test_feet_of_a_smaller_body_do_not_slide() -> None:
    small = -2 * np.eye(16, dtype=np.float32)[0]
    planted = with_planted_feet(whole_clip(walking(), small), load_body(None), small)
    assert foot_slide(planted, small) < 5e-4


def test_soles_never_sink_below_the_floor() -> None:
    motion = whole_clip(walking())
    low = replace(motion, pelvis=motion.pelvis - np.array([0, 0, 0.03], np.float32))
    assert soles(low)[..., 2].min() < -0.02
    assert soles(with_planted_feet(low, load_body(None), MEAN_SHAPE))[..., 2].min() > -1e-3


def test_a_walk_is_extended_by_whole_gait_cycles() -> None:
    motion = extend_cycles(whole_clip(walking(70)), load_body(None), MEAN_SHAPE, 200)
    assert motion.frames >= 200
    speed = np.linalg.norm(np.diff(motion.pelvis[:, :2], axis=0), axis=1) * 30
    assert speed.min() > 0.6 * WALKING_SPEED and speed.max() < 1.4 * WALKING_SPEED
    assert abs(headings(motion)[-1] - headings(motion)[0]) < 0.2
    assert foot_slide(motion) < 1e-3
    left = soles(motion)[:, 0, :, 2].mean(1)
    lifts = np.flatnonzero((left[1:-1] > left[:-2]) & (left[1:-1] >= left[2:]) & (left[1:-1] > 0.04))
    cycle_starts = lifts[np.concatenate([[True], np.diff(lifts) > 12])]
    assert len(cycle_starts) >= 6 and np.all(np.abs(np.diff(cycle_starts) - 32) <= 3)


def test_a_walk_is_joined_to_standing_without_a_jump() -> None:
    body = load_body(None)
    first = trim(whole_clip(walking()), 0, 60)
    second = place_at(whole_clip(standing()), 1.0, (5.0, 5.0))
    joined = join(first, second, body, MEAN_SHAPE)
    assert joined.frames == 60 + 120 - 14
    assert joined.source == "walking + standing" and joined.subject == "who-walking + who-standing"
    max_steps = [
        np.linalg.norm(
            np.diff(pose_skeleton(one.rotations, one.pelvis, body, MEAN_SHAPE).joints, axis=0), axis=-1
        ).max()
        for one in (first, joined)
    ]
    assert max_steps[1] < 1.1 * max_steps[0]
    assert np.linalg.norm(np.diff(joined.pelvis[65:], axis=0), axis=1).max() < 0.005
    assert foot_slide(joined) < 1e-3 and soles(joined)[..., 2].min() > -1e-3
    assert abs(headings(joined)[-1] - headings(first)[-1]) < 0.3
    assert joined.foot_contact[52:].any(1).all(), "one foot always supports the body after the last step"


@pytest.mark.parametrize("frames", [64, 160])
@pytest.mark.parametrize("action", ["standing", "walking", "kicking", "getting_up"])
def test_windows_are_fitted_to_any_length(action: Action, frames: int) -> None:
    window = find_windows(all_captures(), action, frames)[0]
    idle = find_windows(all_captures(), "standing", 96)[0]
    motion = fit_to_length(window, load_body(None), MEAN_SHAPE, frames, idle)
    assert motion.frames == frames and motion.rotations.dtype == np.float32
    assert foot_slide(motion) < 1e-3 and soles(motion)[..., 2].min() > -2e-3
    if action == "kicking":
        assert motion.peak is not None
        height = soles(motion)[:, 1, :, 2].min(1)
        assert height[motion.peak] > 0.9 * height.max() and height.max() > 0.4
    if action == "getting_up":
        assert motion.pelvis[0, 2] < 0.45 and motion.pelvis[-1, 2] > 0.85
