"""Base motions put on the floor, joined one after the other, and made as long as they are wanted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter1d

from core.body.model import BodyModel
from core.contract.skeleton import JOINT_INDEX

from .cycles import BLEND as REPEAT
from .cycles import find_cycle
from .foot_ik import plant_feet, pose_skeleton
from .motion_clip import (
    RATE,
    MotionClip,
    Window,
    between,
    clip_from_window,
    heading_at,
    place_at,
    sample_at,
    time_warp,
    trim,
)

_BLEND = 14
"""frames over which one motion gives way to the next."""
_STEP_HEIGHT = 0.05
"""metres that a foot is lifted which has to step from one motion's place to the next's."""
_SHIFT = 0.03
"""metres within which a foot need not step but is taken to stand."""
_SLOWEST, _FASTEST = 1.35, 0.75
"""How much longer or shorter an action may be made to fit."""
_RUNS_IN = 4 * 1.0 / RATE
"""metres in four frames at the start of an action before which nobody can have stood."""
_TURNING = 2.5
"""frames, sigma, over which a motion that turns back slows down."""
_REPEATED = ("walking", "running")
_ACTIONS = ("kicking", "punching", "getting_up")


def with_planted_feet(
    motion: MotionClip, body: BodyModel, betas: np.ndarray, raised: np.ndarray | None = None
) -> MotionClip:
    """With planted feet exactly on the floor and still, on the body that the motion was made for (`footing.on_the_floor`)."""
    rotations, pelvis = plant_feet(motion.rotations, motion.pelvis, motion.foot_contact, body, betas, raised)
    return replace(motion, rotations=rotations, pelvis=pelvis)


def fit_to_length(
    window: Window, body: BodyModel, betas: np.ndarray, frames: int, idle: Window | None = None
) -> MotionClip:
    """The window as `frames` frames on a body, feet on the floor.

    What is too long is cut (an action is first made quicker, and keeps its peak); walks and runs are repeated by whole cycles;
    actions are made slower, and then filled up with standing, of `idle` or of their own first and last pose; everything else
    goes back and forth.
    """
    motion = clip_from_window(window, body, betas)
    if window.action in _ACTIONS:
        motion = _action(motion, body, betas, frames, None if idle is None else clip_from_window(idle, body, betas))
    elif motion.frames < frames and window.action in _REPEATED:
        motion = extend_cycles(motion, body, betas, frames)
    if motion.frames < frames:
        motion = _back_and_forth(motion, frames)
    return with_planted_feet(trim(motion, 0, frames), body, betas)


def join(first: MotionClip, second: MotionClip, body: BodyModel, betas: np.ndarray, blend: int = _BLEND) -> MotionClip:
    """`first`, then `second`, turned and moved to go on from it; the last frames of one become the first of the other.

    The foot that stands at the end of `first` stays where it is meanwhile; the other, where it has to, takes a step.
    """
    blend = max(3, min(blend, first.frames - 1, second.frames - 1))
    start = first.frames - blend
    second = place_at(second, heading_at(first, -1), (0.0, 0.0), frame=blend - 1)
    before, after = first.foot_contact[start:], second.foot_contact[:blend]
    support = _support(before, after)
    here, there = (_ankles(motion, body, betas)[..., :2] for motion in (first, second))
    here, there = here[start:], there[:blend]
    shift = np.mean([_stands(here[:, f], before[:, f]) - _stands(there[:, f], after[:, f]) for f in support], 0)
    moved = second.pelvis.copy()
    moved[:, :2] += shift.astype(np.float32)
    motion = _crossfaded(first, replace(second, pelvis=moved), blend)
    planted, raised = motion.foot_contact.copy(), np.zeros((motion.frames, 2))
    for foot in range(2):
        step = _stands(there[:, foot], after[:, foot]) + shift - _stands(here[:, foot], before[:, foot])
        if foot not in support and np.linalg.norm(step) > _SHIFT:
            planted[start + blend // 3 : start + blend - blend // 3, foot] = False
            raised[start : first.frames, foot] = _STEP_HEIGHT * np.sin(np.linspace(0, np.pi, blend))
    return with_planted_feet(replace(motion, foot_contact=planted), body, betas, raised)


def extend_cycles(motion: MotionClip, body: BodyModel, betas: np.ndarray, frames: int) -> MotionClip:
    """A walk or a run made at least `frames` long by repeating whole cycles; as it is where it has none."""
    cycle = find_cycle(motion.rotations, motion.pelvis)
    if cycle is None:
        return motion
    start, end = cycle
    piece = trim(motion, start, end + REPEAT)
    result = trim(motion, 0, end + REPEAT)
    while result.frames < frames:
        at = result.frames - REPEAT
        end_position = result.pelvis[at, :2]
        # the piece begins as the result ends: its first frame lies on the result's last but `REPEAT`
        heading = heading_at(trim(result, 0, at + 1), -1) - heading_at(motion, end) + heading_at(motion, start)
        onward = place_at(piece, heading, (float(end_position[0]), float(end_position[1])), frame=0)
        result = _crossfaded(result, onward, REPEAT)
    return with_planted_feet(result, body, betas)


def _crossfaded(first: MotionClip, second: MotionClip, blend: int) -> MotionClip:
    """The last `blend` frames of one run into the first of the other."""
    start, share = first.frames - blend, _smooth(blend)
    late = share[:, None] > 0.5
    peaks = [
        first.peak,
        None if second.peak is None else second.peak + start,
    ]
    return MotionClip(
        rotations=np.concatenate(
            [
                first.rotations[:start],
                between(first.rotations[start:], second.rotations[:blend], share),
                second.rotations[blend:],
            ]
        ),
        pelvis=np.concatenate(
            [
                first.pelvis[:start],
                first.pelvis[start:] + share[:, None] * (second.pelvis[:blend] - first.pelvis[start:]),
                second.pelvis[blend:],
            ]
        ),
        foot_contact=np.concatenate(
            [
                first.foot_contact[:start],
                np.where(late, second.foot_contact[:blend], first.foot_contact[start:]),
                second.foot_contact[blend:],
            ]
        ),
        source=_names(first.source, second.source),
        subject=_names(first.subject, second.subject),
        peak=next((peak for peak in peaks if peak is not None), None),
    )


def _action(motion: MotionClip, body: BodyModel, betas: np.ndarray, frames: int, idle: MotionClip | None) -> MotionClip:
    if motion.frames > frames:
        motion = time_warp(motion, max(frames, round(motion.frames * _FASTEST)))
        middle = motion.frames // 2 if motion.peak is None else motion.peak
        start = int(np.clip(middle - frames // 2, 0, motion.frames - frames))
        return trim(motion, start, start + frames)
    motion = time_warp(motion, min(frames, round(motion.frames * _SLOWEST)))
    missing = frames - motion.frames
    if missing == 0:
        return motion
    lying = motion.pelvis[0, 2] < 0.7 * motion.pelvis[-1, 2]
    runs = np.linalg.norm(motion.pelvis[4, :2] - motion.pelvis[0, :2]) > _RUNS_IN
    before = 0 if lying or runs else missing // 2
    after = missing - before
    if before:
        motion = join(_rest(motion, 0, idle, before + _BLEND), motion, body, betas)
    if after:
        motion = join(motion, _rest(motion, -1, idle, after + _BLEND), body, betas)
    return motion


def _rest(motion: MotionClip, frame: int, idle: MotionClip | None, frames: int) -> MotionClip:
    """So many frames of standing: of `idle` back and forth, or one pose held."""
    if idle is None:
        return sample_at(motion, np.full(frames, float(range(motion.frames)[frame])))
    return _back_and_forth(idle, frames)


def _back_and_forth(motion: MotionClip, frames: int) -> MotionClip:
    """So many frames of a motion that turns round, gently, wherever it ends."""
    last = motion.frames - 1
    phase = np.arange(frames) % max(2 * last, 1)
    times = gaussian_filter1d(np.minimum(phase, 2 * last - phase).astype(float), _TURNING, mode="mirror")
    return sample_at(motion, np.clip(times, 0, last))


def _support(before: np.ndarray, after: np.ndarray) -> list[int]:
    """The feet (0 left, 1 right) that stand all through a blend, or the one that does so the longest. bool [B,2]"""
    standing = before.mean(0) + after.mean(0)
    if standing.min() > 1.9:
        return [0, 1]
    return [int(standing.argmax())]


def _stands(ankle: np.ndarray, planted: np.ndarray) -> np.ndarray:
    """[2] where an ankle [B,2] is while its foot stands, or at all where it never does."""
    return ankle[planted].mean(0) if planted.any() else ankle.mean(0)


def _ankles(motion: MotionClip, body: BodyModel, betas: np.ndarray) -> np.ndarray:
    """[T,2,3]"""
    joints = pose_skeleton(motion.rotations, motion.pelvis, body, betas).joints
    return joints[:, [JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]]]


def _smooth(frames: int) -> np.ndarray:
    share = (np.arange(frames, dtype=np.float32) + 1) / (frames + 1)
    return share * share * (3 - 2 * share)


def _names(first: str, second: str) -> str:
    return " + ".join(dict.fromkeys([*first.split(" + "), *second.split(" + ")]))
