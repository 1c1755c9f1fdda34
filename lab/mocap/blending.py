"""Base motions put on the floor, joined one after the other, and made as long as they are wanted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter1d

from core.body.model import BodyModel
from core.contract.skeleton import JOINT_INDEX

from .cycles import BLEND as REPEAT
from .cycles import find_cycle
from .foot_ik import on_the_floor, stance
from .motion_clip import RATE, BaseMotion, Window, at_times, base_motion, between, cut, facing, placed, warped

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


def grounded(motion: BaseMotion, body: BodyModel, betas: np.ndarray, raised: np.ndarray | None = None) -> BaseMotion:
    """With planted feet exactly on the floor and still, on the body that the motion was made for (`footing.on_the_floor`)."""
    rotations, pelvis = on_the_floor(motion.rotations, motion.pelvis, motion.planted, body, betas, raised)
    return replace(motion, rotations=rotations, pelvis=pelvis)


def fitted(window: Window, body: BodyModel, betas: np.ndarray, frames: int, idle: Window | None = None) -> BaseMotion:
    """The window as `frames` frames on a body, feet on the floor.

    What is too long is cut (an action is first made quicker, and keeps its peak); walks and runs are repeated by whole cycles;
    actions are made slower, and then filled up with standing, of `idle` or of their own first and last pose; everything else
    goes back and forth.
    """
    motion = base_motion(window, body, betas)
    if window.kind in _ACTIONS:
        motion = _action(motion, body, betas, frames, None if idle is None else base_motion(idle, body, betas))
    elif motion.frames < frames and window.kind in _REPEATED:
        motion = looped(motion, body, betas, frames)
    if motion.frames < frames:
        motion = _back_and_forth(motion, frames)
    return grounded(cut(motion, 0, frames), body, betas)


def joined(
    first: BaseMotion, second: BaseMotion, body: BodyModel, betas: np.ndarray, blend: int = _BLEND
) -> BaseMotion:
    """`first`, then `second`, turned and moved to go on from it; the last frames of one become the first of the other.

    The foot that stands at the end of `first` stays where it is meanwhile; the other, where it has to, takes a step.
    """
    blend = max(3, min(blend, first.frames - 1, second.frames - 1))
    start = first.frames - blend
    second = placed(second, facing(first, -1), (0.0, 0.0), frame=blend - 1)
    before, after = first.planted[start:], second.planted[:blend]
    support = _support(before, after)
    here, there = (_ankles(motion, body, betas)[..., :2] for motion in (first, second))
    here, there = here[start:], there[:blend]
    shift = np.mean([_stands(here[:, f], before[:, f]) - _stands(there[:, f], after[:, f]) for f in support], 0)
    moved = second.pelvis.copy()
    moved[:, :2] += shift.astype(np.float32)
    motion = _crossfaded(first, replace(second, pelvis=moved), blend)
    planted, raised = motion.planted.copy(), np.zeros((motion.frames, 2))
    for foot in range(2):
        step = _stands(there[:, foot], after[:, foot]) + shift - _stands(here[:, foot], before[:, foot])
        if foot not in support and np.linalg.norm(step) > _SHIFT:
            planted[start + blend // 3 : start + blend - blend // 3, foot] = False
            raised[start : first.frames, foot] = _STEP_HEIGHT * np.sin(np.linspace(0, np.pi, blend))
    return grounded(replace(motion, planted=planted), body, betas, raised)


def looped(motion: BaseMotion, body: BodyModel, betas: np.ndarray, frames: int) -> BaseMotion:
    """A walk or a run made at least `frames` long by repeating whole cycles; as it is where it has none."""
    cycle = find_cycle(motion.rotations, motion.pelvis)
    if cycle is None:
        return motion
    start, end = cycle
    piece = cut(motion, start, end + REPEAT)
    result = cut(motion, 0, end + REPEAT)
    while result.frames < frames:
        at = result.frames - REPEAT
        place = result.pelvis[at, :2]
        # the piece begins as the result ends: its first frame lies on the result's last but `REPEAT`
        heading = facing(cut(result, 0, at + 1), -1) - facing(motion, end) + facing(motion, start)
        onward = placed(piece, heading, (float(place[0]), float(place[1])), frame=0)
        result = _crossfaded(result, onward, REPEAT)
    return grounded(result, body, betas)


def _crossfaded(first: BaseMotion, second: BaseMotion, blend: int) -> BaseMotion:
    """The last `blend` frames of one run into the first of the other."""
    start, share = first.frames - blend, _smooth(blend)
    late = share[:, None] > 0.5
    peaks = [
        first.peak,
        None if second.peak is None else second.peak + start,
    ]
    return BaseMotion(
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
        planted=np.concatenate(
            [
                first.planted[:start],
                np.where(late, second.planted[:blend], first.planted[start:]),
                second.planted[blend:],
            ]
        ),
        source=_names(first.source, second.source),
        subject=_names(first.subject, second.subject),
        peak=next((peak for peak in peaks if peak is not None), None),
    )


def _action(motion: BaseMotion, body: BodyModel, betas: np.ndarray, frames: int, idle: BaseMotion | None) -> BaseMotion:
    if motion.frames > frames:
        motion = warped(motion, max(frames, round(motion.frames * _FASTEST)))
        middle = motion.frames // 2 if motion.peak is None else motion.peak
        start = int(np.clip(middle - frames // 2, 0, motion.frames - frames))
        return cut(motion, start, start + frames)
    motion = warped(motion, min(frames, round(motion.frames * _SLOWEST)))
    missing = frames - motion.frames
    if missing == 0:
        return motion
    lying = motion.pelvis[0, 2] < 0.7 * motion.pelvis[-1, 2]
    runs = np.linalg.norm(motion.pelvis[4, :2] - motion.pelvis[0, :2]) > _RUNS_IN
    before = 0 if lying or runs else missing // 2
    after = missing - before
    if before:
        motion = joined(_rest(motion, 0, idle, before + _BLEND), motion, body, betas)
    if after:
        motion = joined(motion, _rest(motion, -1, idle, after + _BLEND), body, betas)
    return motion


def _rest(motion: BaseMotion, frame: int, idle: BaseMotion | None, frames: int) -> BaseMotion:
    """So many frames of standing: of `idle` back and forth, or one pose held."""
    if idle is None:
        return at_times(motion, np.full(frames, float(range(motion.frames)[frame])))
    return _back_and_forth(idle, frames)


def _back_and_forth(motion: BaseMotion, frames: int) -> BaseMotion:
    """So many frames of a motion that turns round, gently, wherever it ends."""
    last = motion.frames - 1
    phase = np.arange(frames) % max(2 * last, 1)
    times = gaussian_filter1d(np.minimum(phase, 2 * last - phase).astype(float), _TURNING, mode="mirror")
    return at_times(motion, np.clip(times, 0, last))


def _support(before: np.ndarray, after: np.ndarray) -> list[int]:
    """The feet (0 left, 1 right) that stand all through a blend, or the one that does so the longest. bool [B,2]"""
    standing = before.mean(0) + after.mean(0)
    if standing.min() > 1.9:
        return [0, 1]
    return [int(standing.argmax())]


def _stands(ankle: np.ndarray, planted: np.ndarray) -> np.ndarray:
    """[2] where an ankle [B,2] is while its foot stands, or at all where it never does."""
    return ankle[planted].mean(0) if planted.any() else ankle.mean(0)


def _ankles(motion: BaseMotion, body: BodyModel, betas: np.ndarray) -> np.ndarray:
    """[T,2,3]"""
    joints = stance(motion.rotations, motion.pelvis, body, betas).joints
    return joints[:, [JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]]]


def _smooth(frames: int) -> np.ndarray:
    share = (np.arange(frames, dtype=np.float32) + 1) / (frames + 1)
    return share * share * (3 - 2 * share)


def _names(first: str, second: str) -> str:
    return " + ".join(dict.fromkeys([*first.split(" + "), *second.split(" + ")]))
