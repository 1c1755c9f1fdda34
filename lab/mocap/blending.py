"""Fitting motion clips to a length: foot planting, cross-fading one clip into the next, cyclic extension, time warping."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import gaussian_filter1d

from core.body.model import BodyModel
from core.contract.skeleton import JOINT_INDEX

from .array_rotations import slerp
from .capture import FRAME_RATE
from .cycles import BLEND_FRAMES as CYCLE_BLEND_FRAMES
from .cycles import find_cycle
from .foot_contact import pose_skeleton
from .foot_ik import plant_blended_feet
from .motion_clip import MotionClip, heading_at, place_at, sample_at, time_warp, trim
from .windows import Window, clip_from_window

_BLEND_FRAMES = 14
"""Duration of the cross-fade from one clip to the next."""
_STEP_HEIGHT = 0.05
"""metres that a foot is lifted to step from its position in one clip to that in the next."""
_MIN_STEP = 0.03
"""metres below which a foot slides imperceptibly instead of stepping."""
_MAX_SLOWDOWN, _MAX_SPEEDUP = 1.35, 0.75
"""Limits of the time warp that fits a kick, a punch or getting up to a length, as ratios of the number of frames."""
_MOVING_START = 4 * 1.0 / FRAME_RATE
"""metres that the pelvis moves in the first four frames of a clip that cannot begin after standing."""
_TURNAROUND_SIGMA = 2.5
"""Frames over which a clip that is played back and forth slows down at its ends."""
_CYCLIC_ACTIONS = ("walking", "running")
_SINGLE_ACTIONS = ("kicking", "punching", "getting_up")


def with_planted_feet(
    motion: MotionClip,
    body: BodyModel,
    betas: Float[np.ndarray, "16"],
    foot_lift: Float[np.ndarray, "T 2"] | None = None,
) -> MotionClip:
    """The clip after `foot_ik.plant_blended_feet`, on the body that it was made for."""
    rotations, pelvis = plant_blended_feet(motion.rotations, motion.pelvis, motion.foot_contact, body, betas, foot_lift)
    return replace(motion, rotations=rotations, pelvis=pelvis)


def fit_to_length(
    window: Window, body: BodyModel, betas: Float[np.ndarray, "16"], frames: int, idle: Window | None = None
) -> MotionClip:
    """A clip of `frames` frames made of a window, with planted feet.

    Longer windows are cut; kicks, punches and getting up are first sped up and keep their peak. Shorter walks and runs repeat
    whole gait cycles; kicks, punches and getting up are slowed down and then padded with standing, from `idle` or from their
    own first and last pose; everything else is played back and forth.
    """
    motion = clip_from_window(window, body, betas)
    if window.action in _SINGLE_ACTIONS:
        motion = _fit_action(motion, body, betas, frames, None if idle is None else clip_from_window(idle, body, betas))
    elif motion.frames < frames and window.action in _CYCLIC_ACTIONS:
        motion = extend_cycles(motion, body, betas, frames)
    if motion.frames < frames:
        motion = _play_back_and_forth(motion, frames)
    return with_planted_feet(trim(motion, 0, frames), body, betas)


def join(
    first: MotionClip,
    second: MotionClip,
    body: BodyModel,
    betas: Float[np.ndarray, "16"],
    blend_frames: int = _BLEND_FRAMES,
) -> MotionClip:
    """`first` cross-faded into `second`, which is rotated and translated to continue it.

    The supporting foot at the end of `first` stays where it is during the cross-fade; the other one steps where it has to.
    """
    blend_frames = max(3, min(blend_frames, first.frames - 1, second.frames - 1))
    start = first.frames - blend_frames
    second = place_at(second, heading_at(first, -1), (0.0, 0.0), frame=blend_frames - 1)
    contact, next_contact = first.foot_contact[start:], second.foot_contact[:blend_frames]
    supporting = _supporting_feet(contact, next_contact)
    ankles = _ankles(first, body, betas)[start:, :, :2]
    next_ankles = _ankles(second, body, betas)[:blend_frames, :, :2]
    offset = np.mean(
        [
            _stance_position(ankles[:, foot], contact[:, foot])
            - _stance_position(next_ankles[:, foot], next_contact[:, foot])
            for foot in supporting
        ],
        0,
    )
    pelvis = second.pelvis.copy()
    pelvis[:, :2] += offset.astype(np.float32)
    motion = _cross_fade(first, replace(second, pelvis=pelvis), blend_frames)
    foot_contact, foot_lift = motion.foot_contact.copy(), np.zeros((motion.frames, 2))
    for foot in range(2):
        position = _stance_position(ankles[:, foot], contact[:, foot])
        step = _stance_position(next_ankles[:, foot], next_contact[:, foot]) + offset - position
        if foot not in supporting and np.linalg.norm(step) > _MIN_STEP:
            foot_contact[start + blend_frames // 3 : start + blend_frames - blend_frames // 3, foot] = False
            foot_lift[start : first.frames, foot] = _STEP_HEIGHT * np.sin(np.linspace(0, np.pi, blend_frames))
    return with_planted_feet(replace(motion, foot_contact=foot_contact), body, betas, foot_lift)


def extend_cycles(motion: MotionClip, body: BodyModel, betas: Float[np.ndarray, "16"], frames: int) -> MotionClip:
    """Cyclic extension: a walk or run of at least `frames` frames that repeats whole gait cycles; unchanged without a cycle."""
    cycle = find_cycle(motion.rotations, motion.pelvis)
    if cycle is None:
        return motion
    start, end = cycle
    repetition = trim(motion, start, end + CYCLE_BLEND_FRAMES)
    result = trim(motion, 0, end + CYCLE_BLEND_FRAMES)
    while result.frames < frames:
        # the first frame of the repetition shows the same pose as this frame of the result
        frame = result.frames - CYCLE_BLEND_FRAMES
        heading = heading_at(trim(result, 0, frame + 1), -1) - heading_at(motion, end) + heading_at(motion, start)
        x, y = result.pelvis[frame, :2]
        result = _cross_fade(result, place_at(repetition, heading, (float(x), float(y))), CYCLE_BLEND_FRAMES)
    return with_planted_feet(result, body, betas)


def _cross_fade(first: MotionClip, second: MotionClip, blend_frames: int) -> MotionClip:
    """The last `blend_frames` frames of one clip blended into the first frames of the other, wherever both are."""
    start, fraction = first.frames - blend_frames, _smoothstep(blend_frames)
    second_peak = None if second.peak is None else second.peak + start
    pelvis, next_pelvis = first.pelvis[start:], second.pelvis[:blend_frames]
    blended_contact = np.where(fraction[:, None] > 0.5, second.foot_contact[:blend_frames], first.foot_contact[start:])
    return MotionClip(
        rotations=np.concatenate(
            [
                first.rotations[:start],
                slerp(first.rotations[start:], second.rotations[:blend_frames], fraction[:, None]),
                second.rotations[blend_frames:],
            ]
        ),
        pelvis=np.concatenate(
            [first.pelvis[:start], pelvis + fraction[:, None] * (next_pelvis - pelvis), second.pelvis[blend_frames:]]
        ),
        foot_contact=np.concatenate([first.foot_contact[:start], blended_contact, second.foot_contact[blend_frames:]]),
        source=_join_names(first.source, second.source),
        subject=_join_names(first.subject, second.subject),
        peak=second_peak if first.peak is None else first.peak,
    )


def _fit_action(
    motion: MotionClip, body: BodyModel, betas: Float[np.ndarray, "16"], frames: int, idle: MotionClip | None
) -> MotionClip:
    """A kick, a punch or getting up as `frames` frames."""
    if motion.frames > frames:
        motion = time_warp(motion, max(frames, round(motion.frames * _MAX_SPEEDUP)))
        middle = motion.frames // 2 if motion.peak is None else motion.peak
        start = int(np.clip(middle - frames // 2, 0, motion.frames - frames))
        return trim(motion, start, start + frames)
    motion = time_warp(motion, min(frames, round(motion.frames * _MAX_SLOWDOWN)))
    missing = frames - motion.frames
    if missing == 0:
        return motion
    starts_low = motion.pelvis[0, 2] < 0.7 * motion.pelvis[-1, 2]
    starts_moving = np.linalg.norm(motion.pelvis[4, :2] - motion.pelvis[0, :2]) > _MOVING_START
    before = 0 if starts_low or starts_moving else missing // 2
    after = missing - before
    if before:
        motion = join(_standing(motion, 0, idle, before + _BLEND_FRAMES), motion, body, betas)
    if after:
        motion = join(motion, _standing(motion, -1, idle, after + _BLEND_FRAMES), body, betas)
    return motion


def _standing(motion: MotionClip, frame: int, idle: MotionClip | None, frames: int) -> MotionClip:
    """Frames of standing: the idle clip back and forth, or the motion's pose in `frame` held."""
    if idle is None:
        return sample_at(motion, np.full(frames, float(range(motion.frames)[frame])))
    return _play_back_and_forth(idle, frames)


def _play_back_and_forth(motion: MotionClip, frames: int) -> MotionClip:
    """`frames` frames of a clip that is played forwards and backwards in turn, and slows down at both ends."""
    last = motion.frames - 1
    phase = np.arange(frames) % max(2 * last, 1)
    times = gaussian_filter1d(np.minimum(phase, 2 * last - phase).astype(float), _TURNAROUND_SIGMA, mode="mirror")
    return sample_at(motion, np.clip(times, 0, last))


def _supporting_feet(contact: Bool[np.ndarray, "B 2"], next_contact: Bool[np.ndarray, "B 2"]) -> list[int]:
    """The feet (0 left, 1 right) that stand during the whole cross-fade of B frames, or the one that stands the longest."""
    standing = contact.mean(0) + next_contact.mean(0)
    if standing.min() > 1.9:
        return [0, 1]
    return [int(standing.argmax())]


def _stance_position(ankle: Float[np.ndarray, "B 2"], contact: Bool[np.ndarray, " B"]) -> Float[np.ndarray, "2"]:
    """Mean horizontal position of an ankle while its foot stands, or over all frames if it never does."""
    return ankle[contact].mean(0) if contact.any() else ankle.mean(0)


def _ankles(motion: MotionClip, body: BodyModel, betas: Float[np.ndarray, "16"]) -> Float[np.ndarray, "T 2 3"]:
    joints = pose_skeleton(motion.rotations, motion.pelvis, body, betas).joints
    return joints[:, [JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]]]


def _smoothstep(frames: int) -> Float[np.ndarray, " T"]:
    """Fractions that rise from above 0 to below 1."""
    fraction = (np.arange(frames, dtype=np.float32) + 1) / (frames + 1)
    return fraction * fraction * (3 - 2 * fraction)


def _join_names(first: str, second: str) -> str:
    return " + ".join(dict.fromkeys([*first.split(" + "), *second.split(" + ")]))
