"""Action detection: finds windows of captures in which somebody stands, walks, runs, kicks, punches, gets up or dances.

Actions are recognised by thresholds on kinematic features. Dancing alone cannot be told from motion: the capture's text must
mention it, and then nothing in it counts as a kick or a punch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import uniform_filter1d
from scipy.signal import find_peaks

from core.contract.runs import find_runs

from .capture import Capture
from .cycles import find_cycle
from .motion_features import MotionFeatures, motion_features
from .windows import Action, Side, Window

_SIDES: tuple[Side, Side] = ("left", "right")


@dataclass(frozen=True)
class PostureSettings:
    """When somebody stands, walks, runs or does something else. Angles in radians, metres, metres per second, frames.

    Heights of the pelvis are fractions of its height when standing, heights of ankles are above those when standing.
    """

    upright_height: tuple[float, float] = (0.85, 1.1)
    """Of the pelvis, of somebody who stands or walks: lower is a crouch, higher a jump."""
    sole_on_floor: float = 0.06
    """Height of the lowest sole up to which somebody stands or walks on the floor, not on an object."""
    max_tilt: float = np.radians(40)
    """Tilt of the trunk in a walk or a run."""
    standing_tilt: float = np.radians(25)
    standing_speed: float = 0.25
    standing_radius: float = 0.35
    """Distance from the mean position."""
    standing_turn: float = np.radians(60)
    """Range of the heading."""
    standing_hand_speed: float = 0.4
    """Mean speed of the hands relative to the chest."""
    standing_ankle_height: float = 0.12
    """Of the higher ankle: nobody stands on one leg."""
    walking_speed: float = 0.5
    walking_ankle_height: float = 0.35
    """Of the higher ankle."""
    running_speed: float = 1.9
    """It is above walking, and running is above it."""
    running_height: float = 0.75
    """Of the pelvis, at least."""
    running_sole_height: float = 0.3
    """Of the lowest sole, in the flight phase."""
    lively_height: tuple[float, float] = (0.5, 1.2)
    """Of the pelvis of somebody who dances or does anything else."""
    lively_sole_height: float = 0.4
    """Of the lowest sole in the same: they may jump."""
    walking_fraction: float = 0.5
    """Of the frames: from it on, a window is of a walk and not of anything else."""
    path_smoothing: int = 15
    """Frames over which the pelvis' sway is averaged before its path is measured."""
    min_directness: float = 0.7
    """Distance between both ends of a walk as a fraction of the path's length."""
    min_limb_speed: float = 0.35
    """Mean speed of hands and feet relative to the trunk of somebody who dances or does anything else."""
    min_repeatable_frames: int = 24
    """Shortest walk, run or dance: it may be repeated."""
    min_frames: int = 30
    """Shortest window of what cannot be repeated."""


@dataclass(frozen=True)
class KickSettings:
    """When a foot that swings out is a kick. Radians, metres, metres per second, frames."""

    height: float = 0.24
    """Height of the ankle above its height when standing."""
    speed: float = 3.0
    """Of the ankle relative to the pelvis."""
    reach: float = 0.80
    """Fraction of the leg's length."""
    distance: float = 0.20
    """Horizontal distance of the ankle from the hip."""
    low_kick_speed: float = 6.5
    """Makes a kick of a foot that stays below `height`; the legs of runners are slower."""
    max_support_height: float = 0.35
    """Height of the other ankle around the peak: the supporting leg may hop."""
    max_hand_height: float = 0.2
    """Height of both wrists above the shoulders beyond which somebody may hang by the hands."""
    max_tilt: float = np.radians(95)
    """Beyond it somebody who swings a leg up turns a cartwheel."""
    min_pelvis_height: float = 0.7
    """Fraction of the height when standing."""
    max_body_speed: float = 1.5 * PostureSettings.running_speed
    min_interval: int = 15
    """Between the fastest frames of two kicks."""
    frames_around: int = 10
    """Before and after the fastest frame: the body is judged in all of them, and the leg is fully extended in a later one."""
    support_frames: int = 3
    """Before and after full extension, in which the other leg carries the body."""


@dataclass(frozen=True)
class PunchSettings:
    """When a hand that moves fast is a punch. Metres, metres per second, radians, frames."""

    speed: float = 1.7
    """Of the wrist relative to the chest."""
    reach: float = 0.90
    """Fraction of the arm's length."""
    forward: float = 0.25
    """Distance of the wrist in front of the shoulder."""
    gain: float = 0.18
    """How far the wrist comes forward."""
    recoil: float = 0.12
    """How far the wrist goes back within `frames_back`."""
    max_other_gain: float = 0.5
    """How far the other hand comes forward along with it, as a fraction of the gain."""
    max_height: float = 0.3
    """Of the wrist above or below the shoulder."""
    min_pelvis_height: float = 0.7
    """Fraction of the height when standing."""
    max_body_speed: float = 1.6
    max_tilt: float = 1.2 * PostureSettings.max_tilt
    """Of the trunk, which leans into a punch."""
    min_interval: int = 10
    """Between the fastest frames of two punches of a hand."""
    frames_forward: int = 8
    """Before and after the fastest frame, in which the wrist comes forward."""
    frames_back: int = 15
    """After full extension, in which the wrist goes back."""


@dataclass(frozen=True)
class RiseSettings:
    """When somebody gets up from the floor. Heights are fractions of the pelvis' height when standing."""

    lying_height: float = 0.40
    """Below it somebody is down."""
    down_height: float = 0.55
    """Above it somebody is no longer down."""
    upright_height: float = 0.90
    min_frames_down: int = 20
    max_frames: int = 110
    """Longest time from the floor to upright."""
    frames_after: int = 10
    """Frames of the window after somebody is upright."""


_POSTURE, _KICK, _PUNCH, _RISE = PostureSettings(), KickSettings(), PunchSettings(), RiseSettings()
_BEFORE_PEAK = 0.45
"""Fraction of a window of a kick or a punch that comes before its peak."""


def find_windows(captures: Iterable[Capture], action: Action, frames: int) -> list[Window]:
    """All windows of one action, in the order of the captures. `blending.fit_to_length` makes clips of `frames` frames of them.

    - Standing, walking, running, dancing and other: windows of `frames` frames that overlap by half; a shorter stretch as a
      whole if it has at least half the frames, or is a walk, run or dance that can be repeated.
    - Kicking and punching: at most `frames` frames around each peak.
    - Getting up: from lying or sitting on the floor until upright, as long as it took.
    """
    found: list[Window] = []
    for capture in captures:
        if len(capture.pelvis) > 3:
            found.extend(_capture_windows(capture, motion_features(capture), action, frames))
    return found


def _capture_windows(capture: Capture, features: MotionFeatures, action: Action, frames: int) -> Iterator[Window]:
    total = len(features.speed)

    def window(start: int, end: int, peak: int | None = None, side: Side | None = None) -> Window:
        speed = float(features.speed[start:end].mean())
        heading_change = float(features.heading[end - 1] - features.heading[start])
        return Window(capture, start, end, action, speed, heading_change, None if peak is None else peak - start, side)

    if action in ("kicking", "punching"):
        if _mentions_dancing(capture):
            return
        for peak, side in _find_kicks(features) if action == "kicking" else _find_punches(features):
            start = max(0, min(peak - round(_BEFORE_PEAK * frames), total - frames))
            yield window(start, min(start + frames, total), peak, side)
    elif action == "getting_up":
        for start, upright, end in _find_rises(features):
            yield window(start, end, upright)
    else:
        repeatable = action in ("walking", "running", "dancing")
        shortest = _POSTURE.min_repeatable_frames if repeatable else max(frames // 2, _POSTURE.min_frames)
        for start, end in _split_runs(_candidate_frames(capture, features, action), frames, shortest):
            if _is_action(action, features, start, end, frames):
                yield window(start, end)


def _split_runs(flags: Bool[np.ndarray, " T"], frames: int, shortest: int) -> Iterator[tuple[int, int]]:
    """Runs of true flags as pieces of `frames` frames that overlap by half; shorter runs as a whole."""
    for start, end in ((run.start, run.stop) for run in find_runs(flags)):
        if end - start >= frames:
            for first in range(start, end - frames + 1, max(frames // 2, 1)):
                yield first, first + frames
        elif end - start >= shortest:
            yield start, end


def _candidate_frames(capture: Capture, features: MotionFeatures, action: Action) -> Bool[np.ndarray, " T"]:
    """Frames that can be part of a window of an action."""
    is_upright = (
        _is_between(features.height, _POSTURE.upright_height)
        & (features.tilt < _POSTURE.max_tilt)
        & (features.sole_height < _POSTURE.sole_on_floor)
    )
    ankle_height = features.ankle_height.max(1)
    if action == "standing":
        is_still = (features.tilt < _POSTURE.standing_tilt) & (features.speed < _POSTURE.standing_speed)
        return is_upright & is_still & (ankle_height < _POSTURE.standing_ankle_height)
    if action == "walking":
        walks = (features.speed > _POSTURE.walking_speed) & (features.speed < _POSTURE.running_speed)
        return is_upright & walks & (ankle_height < _POSTURE.walking_ankle_height)
    if action == "running":
        runs = (features.speed > _POSTURE.running_speed) & (features.tilt < _POSTURE.max_tilt)
        is_flight_or_step = features.sole_height < _POSTURE.running_sole_height
        return runs & (features.height > _POSTURE.running_height) & is_flight_or_step
    if action == "dancing" and not _mentions_dancing(capture):
        return np.zeros(len(features.speed), bool)
    is_near_floor = features.sole_height < _POSTURE.lively_sole_height
    return _is_between(features.height, _POSTURE.lively_height) & is_near_floor


def _is_between(values: Float[np.ndarray, " T"], limits: tuple[float, float]) -> Bool[np.ndarray, " T"]:
    return (values > limits[0]) & (values < limits[1])


def _mentions_dancing(capture: Capture) -> bool:
    return any("danc" in text.lower() for text in capture.text)


def _is_action(action: Action, features: MotionFeatures, start: int, end: int, frames: int) -> bool:
    """The criteria that only a whole window can meet."""
    part = slice(start, end)
    position, heading = features.pelvis[part, :2], features.heading[part]
    hand_speed = features.hand_speed[part].mean()
    is_lively = bool((features.foot_speed[part].mean() + hand_speed) / 2 > _POSTURE.min_limb_speed)
    if action == "standing":
        radius = np.linalg.norm(position - position.mean(0), axis=1).max()
        is_still = hand_speed < _POSTURE.standing_hand_speed and radius < _POSTURE.standing_radius
        return bool(is_still and np.ptp(heading) < _POSTURE.standing_turn) and not _has_strike(features, start, end)
    if action in ("walking", "running"):
        if end - start < frames and find_cycle(features.rotations[part], features.pelvis[part]) is None:
            return False
        path = uniform_filter1d(position, _POSTURE.path_smoothing, axis=0)
        path_length = np.linalg.norm(np.diff(path, axis=0), axis=1).sum()
        return bool(np.linalg.norm(position[-1] - position[0]) > _POSTURE.min_directness * path_length)
    if action == "dancing":
        return is_lively
    walks = (features.speed[part] > _POSTURE.walking_speed).mean() > _POSTURE.walking_fraction
    rises = any(start < upright and down < end for down, upright, _ in _find_rises(features))
    return is_lively and not (_has_strike(features, start, end) or walks or rises)


def _has_strike(features: MotionFeatures, start: int, end: int) -> bool:
    return any(start <= peak < end for peak, _ in [*_find_kicks(features), *_find_punches(features)])


def _find_kicks(features: MotionFeatures) -> list[tuple[int, Side]]:
    """Frames in which a foot that moved out fast is fully extended while the other carries an upright body, with the side."""
    found = []
    for foot, side in enumerate(_SIDES):
        speed, height = features.foot_speed[:, foot], features.ankle_height[:, foot]
        for fastest in find_peaks(speed, height=_KICK.speed, distance=_KICK.min_interval)[0]:
            end = fastest + _KICK.frames_around + 1
            near, after = slice(max(fastest - _KICK.frames_around, 0), end), slice(fastest, end)
            peak = int((features.foot_distance[after, foot] + height[after]).argmax()) + int(fastest)
            supporting = slice(max(peak - _KICK.support_frames, 0), peak + _KICK.support_frames + 1)
            is_high = height[peak] > _KICK.height and features.foot_distance[peak, foot] > _KICK.distance
            is_fast = speed[fastest] > _KICK.low_kick_speed and features.foot_forward[peak, foot] > _KICK.distance
            if (
                (is_high or is_fast)
                and features.foot_reach[peak, foot] > _KICK.reach
                and features.ankle_height[supporting, 1 - foot].max() < _KICK.max_support_height
                and features.hand_height[near].min(1).max() < _KICK.max_hand_height
                and features.height[near].min() > _KICK.min_pelvis_height
                and features.tilt[near].max() < _KICK.max_tilt
                and features.speed[near].max() < _KICK.max_body_speed
            ):
                found.append((peak, side))
    return sorted(found)


def _find_punches(features: MotionFeatures) -> list[tuple[int, Side]]:
    """Frames in which a hand that moved fast is furthest in front of the chest, with the side."""
    found = []
    for hand, side in enumerate(_SIDES):
        forward, other = features.hand_forward[:, hand], features.hand_forward[:, 1 - hand]
        speed = features.hand_speed[:, hand]
        for fastest in find_peaks(speed, height=_PUNCH.speed, distance=_PUNCH.min_interval)[0]:
            peak = int(forward[fastest : fastest + _PUNCH.frames_forward].argmax()) + int(fastest)
            before, end = max(int(fastest) - _PUNCH.frames_forward, 0), peak + _PUNCH.frames_back
            gain = forward[peak] - forward[before]
            if (
                features.hand_reach[peak, hand] > _PUNCH.reach
                and forward[peak] > _PUNCH.forward
                and gain > _PUNCH.gain
                and forward[peak] - forward[peak:end].min() > _PUNCH.recoil
                and other[peak] - other[before] < _PUNCH.max_other_gain * gain
                and abs(features.hand_height[peak, hand]) < _PUNCH.max_height
                and features.height[peak] > _PUNCH.min_pelvis_height
                and features.tilt[peak] < _PUNCH.max_tilt
                and features.speed[peak] < _PUNCH.max_body_speed
                and features.sole_height[max(peak - _PUNCH.frames_back, 0) : end].max() < _POSTURE.sole_on_floor
            ):
                found.append((peak, side))
    return sorted(found)


def _find_rises(features: MotionFeatures) -> list[tuple[int, int, int]]:
    """(a frame on the floor, first frame upright, end) of every time that somebody gets up after a while on the floor."""
    found = []
    for rising in (run.stop for run in find_runs(features.height < _RISE.lying_height)):
        later = np.flatnonzero(features.height[rising:] > _RISE.upright_height)
        if len(later) == 0 or (features.height[rising : rising + int(later[0])] < _RISE.lying_height).any():
            continue
        upright = rising + int(later[0])
        before = np.flatnonzero(features.height[:rising] > _RISE.down_height)
        down = int(before[-1]) + 1 if len(before) else 0
        if rising - down >= _RISE.min_frames_down and upright - rising < _RISE.max_frames:
            end = min(upright + _RISE.frames_after, len(features.height))
            found.append((max(down, upright - _RISE.max_frames), upright, end))
    return found
