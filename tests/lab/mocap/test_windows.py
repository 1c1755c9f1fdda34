"""Made-up people who stand, walk, kick, punch and get up: what is found of them, and what can be made of it."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
import torch

from core.body.files import load_body
from core.body.rotations import axis_angle_to_matrix
from core.contract.skeleton import JOINT_INDEX
from lab.mocap.action_detection import find_windows
from lab.mocap.blending import extend_cycles, fit_to_length, join, with_planted_feet
from lab.mocap.capture import Capture
from lab.mocap.foot_ik import detect_foot_contact, pose_skeleton
from lab.mocap.motion_clip import (
    Action,
    MotionClip,
    Window,
    clip_from_window,
    heading_at,
    headings,
    mirror,
    place_at,
    reverse,
    standing_height,
    time_warp,
    trim,
)

MEAN = np.zeros(16, np.float32)
LEG = 0.86
"""metres from hip to ankle."""
PACE = LEG * 2 * np.radians(24) / 16 * 30
"""m/s, about: two swings of a leg in a cycle of 32 frames."""


def capture(name: str, angles: dict[str, np.ndarray], way: np.ndarray, text: tuple[str, ...] = ()) -> Capture:
    """Somebody upright who faces +X, with some joints turned (axis-angle [T,3]), moved over the floor [T,2]; the lowest sole is
    always on it."""
    frames = len(way)
    pose = np.zeros((frames, 22, 3), np.float32)
    # +90 degrees about X (upright, facing -Y), then +90 about Z: a third of a turn about the diagonal
    pose[:, 0] = 2 * np.pi / 3 / np.sqrt(3)
    for side, sign in (("left", -1), ("right", 1)):
        pose[:, JOINT_INDEX[f"{side}_shoulder"], 2] = sign * np.radians(75)
    for joint, turn in angles.items():
        pose[:, JOINT_INDEX[joint]] = turn
    rotations = axis_angle_to_matrix(torch.from_numpy(pose)).numpy()
    pelvis = np.concatenate([way, np.zeros((frames, 1))], 1).astype(np.float32)
    pelvis[:, 2] -= pose_skeleton(rotations, pelvis, load_body(None), MEAN).soles[..., 2].min((1, 2))
    planted = detect_foot_contact(pose_skeleton(rotations, pelvis, load_body(None), MEAN).soles, 30.0)
    return Capture(name, f"who-{name}", text, 30.0, pose[:, 0], pose[:, 1:], pelvis, MEAN, planted)


def about(axis: int, angle: np.ndarray) -> np.ndarray:
    turn = np.zeros((len(angle), 3), np.float32)
    turn[:, axis] = angle
    return turn


@lru_cache
def standing(frames: int = 120) -> Capture:
    t = np.arange(frames)
    return capture("standing", {"spine2": about(1, 0.05 * np.sin(t / 15))}, np.zeros((frames, 2)))


@lru_cache
def walking(frames: int = 100) -> Capture:
    """Steps of 32 frames a cycle at an even pace: one stiff leg carries, the other bends its knee and comes forwards; soles stay
    level."""
    angles, carried = {}, np.zeros(frames)
    for side, start in (("left", 0.0), ("right", 0.5)):
        share = (np.arange(frames) / 32 + start) % 1
        carries = share < 0.5
        swing = np.radians(24) * np.where(carries, 1 - 4 * share, 4 * share - 3)
        knee = 0.9 * np.where(carries, 0, np.sin(np.pi * (2 * share - 1)))
        angles |= {
            f"{side}_hip": about(0, -swing),
            f"{side}_knee": about(0, knee),
            f"{side}_ankle": about(0, swing - knee),
        }
        back = np.clip(-np.diff(LEG * np.sin(swing), prepend=LEG * np.sin(swing[:1])), 0, None)
        carried = np.maximum(carried, np.where(carries, back, 0))
    carried[carried == 0] = PACE / 30  # as one foot takes over from the other
    return capture("walking", angles, np.stack([np.cumsum(carried), np.zeros(frames)], 1))


def bump(frames: int, peak: int, width: float) -> np.ndarray:
    return np.exp(-0.5 * ((np.arange(frames) - peak) / width) ** 2)


@lru_cache
def kicking() -> Capture:
    lift = bump(90, 50, 4)
    angles = {"right_hip": about(0, -1.3 * lift), "right_knee": about(0, 0.3 * bump(90, 44, 3))}
    return capture("kicking", angles, np.zeros((90, 2)))


@lru_cache
def punching() -> Capture:
    """The left arm goes from the side to straight ahead and back."""
    out = bump(90, 40, 5)
    down = np.stack([np.zeros(90), np.zeros(90), np.full(90, -np.radians(75))], 1)
    ahead = np.stack([np.zeros(90), np.full(90, -np.radians(85)), np.zeros(90)], 1)
    return capture("punching", {"left_shoulder": down + out[:, None] * (ahead - down)}, np.zeros((90, 2)))


@lru_cache
def getting_up() -> Capture:
    """From a deep squat of one second."""
    bend = 1 / (1 + np.exp((np.arange(110) - 55) / 5))
    angles = {}
    for side in ("left", "right"):
        angles[f"{side}_hip"] = about(0, -2.5 * bend)
        angles[f"{side}_knee"] = about(0, 2.75 * bend)
    return capture("getting_up", angles, np.zeros((110, 2)))


def everybody() -> list[Capture]:
    return [standing(), walking(), kicking(), punching(), getting_up()]


def whole(of: Capture, kind: Action = "other", peak: int | None = None) -> Window:
    return Window(of, 0, len(of.pelvis), kind, 0.0, 0.0, peak, None)


def on_body(of: Capture, betas: np.ndarray = MEAN) -> MotionClip:
    return clip_from_window(whole(of), load_body(None), betas)


def soles(motion: MotionClip, betas: np.ndarray = MEAN) -> np.ndarray:
    return pose_skeleton(motion.rotations, motion.pelvis, load_body(None), betas).soles


def slide(motion: MotionClip, betas: np.ndarray = MEAN) -> float:
    """Furthest that a point under a planted foot moves from one frame to the next, metres."""
    step = np.linalg.norm(np.diff(soles(motion, betas), axis=0), axis=-1).max(-1)
    return float(step[motion.foot_contact[1:] & motion.foot_contact[:-1]].max())


@pytest.mark.parametrize("kind", ["walking", "kicking", "punching", "getting_up"])
def test_what_somebody_does_is_told_from_the_motion(kind: Action) -> None:
    """No capture has a text, and names are not looked at."""
    found = find_windows([replace(one, source=f"recording-{index}") for index, one in enumerate(everybody())], kind, 64)
    assert found and {window.capture.subject for window in found} == {f"who-{kind}"}


def test_nobody_stands_who_does_something_else() -> None:
    found = find_windows(everybody(), "standing", 64)
    assert "walking" not in {window.capture.source for window in found}
    for window in found:
        busy = {"kicking": 50, "punching": 40, "getting_up": 50}.get(window.capture.source, -1)
        assert not window.start <= busy < window.end
    assert sum(window.capture.source == "standing" for window in found) == 2


def test_kicks_and_punches_say_when_and_with_what() -> None:
    (kick,) = find_windows(everybody(), "kicking", 60)
    assert kick.side == "right" and kick.peak is not None and abs(kick.start + kick.peak - 50) <= 3
    (punch,) = find_windows(everybody(), "punching", 60)
    assert punch.side == "left" and punch.peak is not None and abs(punch.start + punch.peak - 40) <= 3
    assert kick.frames == punch.frames == 60


def test_getting_up_begins_on_the_floor_and_ends_upright() -> None:
    (rise,) = find_windows(everybody(), "getting_up", 64)
    height = rise.capture.pelvis[:, 2]
    assert rise.peak is not None
    assert height[rise.start] < 0.45 < 0.85 < height[rise.start + rise.peak] <= height[rise.end - 1] + 0.05


def test_a_longer_stretch_gives_several_windows_and_a_shorter_one_itself() -> None:
    found = find_windows([standing(120)], "standing", 40)
    assert [(window.start, window.end) for window in found] == [(0, 40), (20, 60), (40, 80), (60, 100), (80, 120)]
    (short,) = find_windows([walking()], "walking", 300)
    assert 60 < short.frames <= 100 and short.speed == pytest.approx(PACE, rel=0.1)


def test_dancing_has_to_be_called_so_as_well() -> None:
    moving = replace(walking(), text=("walk",))
    assert not find_windows([moving], "dancing", 64)
    assert find_windows([replace(moving, text=("a slow dance",))], "dancing", 64)


def test_a_motion_goes_where_it_is_wanted() -> None:
    motion = place_at(on_body(walking()), heading=2.0, at=(3.0, -1.0), frame=-1)
    np.testing.assert_allclose(motion.pelvis[-1, :2], [3, -1], atol=1e-5)
    assert np.cos(heading_at(motion, -1) - 2.0) == pytest.approx(1.0)
    # it walked there straight ahead, so it comes from behind itself
    way = motion.pelvis[-1, :2] - motion.pelvis[0, :2]
    np.testing.assert_allclose(way / np.linalg.norm(way), [np.cos(2.0), np.sin(2.0)], atol=1e-4)
    np.testing.assert_allclose(motion.pelvis[:, 2], on_body(walking()).pelvis[:, 2], atol=1e-6)


def test_mirroring_exchanges_the_sides() -> None:
    motion = on_body(kicking())
    other = mirror(motion)
    here = pose_skeleton(motion.rotations, motion.pelvis, load_body(None), MEAN).joints
    there = pose_skeleton(other.rotations, other.pelvis, load_body(None), MEAN).joints
    right, left = JOINT_INDEX["right_ankle"], JOINT_INDEX["left_ankle"]
    np.testing.assert_allclose(there[:, left], here[:, right] * [-1, 1, 1], atol=0.01)
    assert other.foot_contact[:, 1].mean() > other.foot_contact[:, 0].mean()
    again = mirror(other)
    np.testing.assert_allclose(again.rotations, motion.rotations, atol=1e-6)


def test_peaks_move_along() -> None:
    motion = clip_from_window(whole(kicking(), "kicking", 50), load_body(None), MEAN)
    highest = lambda one: int(soles(one)[:, 1, :, 2].min(1).argmax())  # noqa: E731
    for changed in (motion, trim(motion, 20, 80), time_warp(motion, 140), reverse(motion)):
        assert changed.peak is not None and abs(changed.peak - highest(changed)) <= 2
    assert trim(motion, 60, 80).peak is None


def test_warping_keeps_the_ends_and_the_way() -> None:
    motion = on_body(walking())
    slow = time_warp(motion, 199)
    np.testing.assert_allclose(slow.pelvis[::2], motion.pelvis, atol=1e-5)
    np.testing.assert_allclose(slow.rotations[::2], motion.rotations, atol=1e-5)


def test_steps_fit_the_legs_of_the_body() -> None:
    shapes = [sign * 2 * np.eye(16, dtype=np.float32)[k] for k in range(4) for sign in (-1, 1)]
    small = min(shapes, key=lambda betas: standing_height(load_body(None), betas))
    ratio = standing_height(load_body(None), small) / standing_height(load_body(None), MEAN)
    assert ratio < 0.95
    motion = on_body(walking(), small)
    assert np.ptp(motion.pelvis[:, 0]) == pytest.approx(np.ptp(walking().pelvis[:, 0]) * ratio, rel=1e-4)
    assert abs(soles(motion, small)[..., 2].min((1, 2))).max() < 0.02
    assert slide(with_planted_feet(motion, load_body(None), small), small) < 5e-4


def test_planted_feet_are_held_exactly() -> None:
    """A person who drifts and bobs by centimetres although both feet stand."""
    motion = on_body(standing())
    drift = np.zeros(motion.pelvis.shape, np.float32)
    drift[:, 0] = 0.02 * np.sin(np.arange(motion.frames) / 9)
    drift[:, 2] = 0.015 * np.sin(np.arange(motion.frames) / 7)
    loose = replace(motion, pelvis=motion.pelvis + drift, foot_contact=np.ones((motion.frames, 2), bool))
    assert slide(loose) > 1e-3
    held = with_planted_feet(loose, load_body(None), MEAN)
    assert slide(held) < 2e-4
    assert abs(soles(held)[..., 2].min(2)).max() < 5e-4
    assert np.ptp(held.pelvis[:, 0]) > 0.03  # the body still sways
    # arms and head are as they were
    np.testing.assert_allclose(held.rotations[:, 12:], motion.rotations[:, 12:], atol=1e-5)


def test_soles_never_go_under_the_floor() -> None:
    motion = on_body(walking())
    low = replace(motion, pelvis=motion.pelvis - np.array([0, 0, 0.03], np.float32))
    assert soles(low)[..., 2].min() < -0.02
    assert soles(with_planted_feet(low, load_body(None), MEAN))[..., 2].min() > -1e-3


def test_a_walk_is_repeated_by_whole_cycles() -> None:
    motion = extend_cycles(on_body(walking(70)), load_body(None), MEAN, 200)
    assert motion.frames >= 200
    steps = np.linalg.norm(np.diff(motion.pelvis[:, :2], axis=0), axis=1) * 30
    assert steps.min() > 0.6 * PACE and steps.max() < 1.4 * PACE  # it walks on, without a jump
    assert abs(headings(motion)[-1] - headings(motion)[0]) < 0.2
    assert slide(motion) < 1e-3
    left = soles(motion)[:, 0, :, 2].mean(1)
    lifts = np.flatnonzero((left[1:-1] > left[:-2]) & (left[1:-1] >= left[2:]) & (left[1:-1] > 0.04))
    rising = lifts[np.concatenate([[True], np.diff(lifts) > 12])]
    assert len(rising) >= 6 and np.all(np.abs(np.diff(rising) - 32) <= 3)


def test_after_a_walk_somebody_stands_without_a_jump() -> None:
    body = load_body(None)
    first = trim(on_body(walking()), 0, 60)
    second = place_at(on_body(standing()), 1.0, (5.0, 5.0))
    both = join(first, second, body, MEAN)
    assert both.frames == 60 + 120 - 14
    assert both.source == "walking + standing" and both.subject == "who-walking + who-standing"
    fastest = [
        np.linalg.norm(np.diff(pose_skeleton(one.rotations, one.pelvis, body, MEAN).joints, axis=0), axis=-1).max()
        for one in (first, both)
    ]
    assert fastest[1] < 1.1 * fastest[0]
    assert np.linalg.norm(np.diff(both.pelvis[65:], axis=0), axis=1).max() < 0.005
    assert slide(both) < 1e-3 and soles(both)[..., 2].min() > -1e-3
    assert abs(headings(both)[-1] - headings(first)[-1]) < 0.3
    assert both.foot_contact[52:].any(1).all()  # from the last step on one foot always carries


@pytest.mark.parametrize("frames", [64, 160])
@pytest.mark.parametrize("kind", ["standing", "walking", "kicking", "getting_up"])
def test_any_window_can_be_made_as_long_as_wanted(kind: Action, frames: int) -> None:
    window = find_windows(everybody(), kind, frames)[0]
    idle = find_windows(everybody(), "standing", 96)[0]
    motion = fit_to_length(window, load_body(None), MEAN, frames, idle)
    assert motion.frames == frames and motion.rotations.dtype == np.float32
    assert slide(motion) < 1e-3 and soles(motion)[..., 2].min() > -2e-3
    if kind == "kicking":
        assert motion.peak is not None
        height = soles(motion)[:, 1, :, 2].min(1)
        assert height[motion.peak] > 0.9 * height.max() and height.max() > 0.4
    if kind == "getting_up":
        assert motion.pelvis[0, 2] < 0.45 and motion.pelvis[-1, 2] > 0.85
