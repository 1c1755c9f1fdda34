"""Which stretches of a capture show somebody standing, walking, kicking: decided from how the body moves.

Only dancing is not told from the motion alone: it has to be called so, and then nothing in it is a kick or a punch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d, uniform_filter1d
from scipy.signal import find_peaks

from core.body.files import load_body
from core.body.rotations import axis_angle_to_matrix
from core.contract.skeleton import JOINT_INDEX

from .capture import Capture
from .cycles import find_cycle
from .foot_ik import pose_skeleton, true_runs
from .motion_clip import RATE, Action, Side, Window, standing_height

_SIDES: tuple[Side, Side] = ("left", "right")
_ON_FLOOR = 0.06
"""metres from the floor to the lowest sole while somebody stands or walks on it, not on something else."""
_LEAN = np.radians(40)
"""The trunk's tilt beyond which nobody simply stands or walks."""

_BOW = np.radians(25)
"""The same for standing still."""
_STAND_SPEED, _STAND_WANDER, _STAND_TURN = 0.25, 0.35, np.radians(60)
"""m/s, metres and radians that somebody moves at most who stands for the length of a window."""
_CALM = 0.4
"""m/s of the hands past the chest, mean, while somebody stands and does no more."""
_WALK_SPEED, _RUN_SPEED = 0.5, 1.9
"""m/s"""
_DIRECT = 0.7
"""Least share of a walk's way that gets somewhere."""

_KICK_HEIGHT, _KICK_SPEED, _KICK_REACH, _KICK_AHEAD = 0.24, 3.0, 0.80, 0.20
"""metres of the ankle above where it stands, m/s of the ankle past the hips, share of the leg's length, metres before the
hip."""
_LOW_KICK_SPEED = 6.5
"""m/s that make a kick of a foot that stays low; running legs are slower."""
_CARRYING = 0.35
"""metres of the other ankle above where it stands, about the peak: it may hop."""
_HANGING = 0.2
"""metres of both wrists above the shoulders, beyond which somebody may hang by the hands."""
_KICK_LEAN = np.radians(95)
"""Beyond it somebody who swings a leg up turns a cartwheel."""
_PUNCH_SPEED, _PUNCH_REACH, _PUNCH_AHEAD, _PUNCH_GAIN, _PUNCH_BACK = 1.7, 0.90, 0.25, 0.18, 0.12
"""m/s of the wrist past the chest, share of the arm's length, metres that the wrist is before the shoulder, comes forward for
that, and goes back within half a second."""
_ONE_HAND = 0.5
"""Share of its way forward that the other hand goes at most along with it."""
_AROUND = 0.45
"""Share of a window of a kick or punch that comes before its peak."""
_LYING, _UP = 0.40, 0.90
"""Shares of the standing height of the pelvis, below which somebody is down and above which up again."""
_DOWN = 0.55
"""The same share, above which somebody is no longer down."""
_STAYS_DOWN, _LONGEST_RISE = 20, 110
"""frames that somebody is down at least who then gets up, and that it takes at most."""
_AFTER_UP = 10
"""frames that a window of getting up goes on."""
_SHORTEST = 24
"""frames of a walk, run or dance that can be repeated."""
_LIVELY = 0.35
"""m/s of hands and feet past the hips, mean: who dances or does anything else moves more than that."""


@dataclass(frozen=True)
class MotionFeatures:
    """What is looked at, T frames. Floats."""

    speed: np.ndarray
    """[T] m/s of the pelvis over the floor, over half a second."""
    height: np.ndarray
    """[T] of the pelvis, as a share of its standing height."""
    tilt: np.ndarray
    """[T] radians of the trunk from the vertical."""
    heading: np.ndarray
    """[T] radians, smoothed and without jumps."""
    floating: np.ndarray
    """[T] metres from the floor to the lowest sole."""
    ankles: np.ndarray
    """[T,2] metres of the ankles above where they are when standing."""
    foot_speed: np.ndarray
    """[T,2] m/s of the ankles past the pelvis."""
    foot_reach: np.ndarray
    """[T,2] from hip to ankle, as a share of the leg."""
    foot_ahead: np.ndarray
    """[T,2] metres of the ankles before the hips, in the heading."""
    foot_away: np.ndarray
    """[T,2] metres of the ankles from below the hips, in any direction."""
    hand_speed: np.ndarray
    """[T,2] m/s of the wrists past the chest."""
    hand_reach: np.ndarray
    """[T,2] from shoulder to wrist, as a share of the arm."""
    hand_ahead: np.ndarray
    """[T,2] metres of the wrists before the shoulders, in the heading."""
    hand_up: np.ndarray
    """[T,2] metres of the wrists above the shoulders."""
    rotations: np.ndarray
    """[T,22,3,3] relative to the parent."""
    pelvis: np.ndarray
    """[T,3]"""


@dataclass(frozen=True, eq=False)
class _Same:
    """A capture that is equal only to itself."""

    capture: Capture

    def __hash__(self) -> int:
        return id(self.capture)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.capture is self.capture


def find_windows(captures: Iterable[Capture], action: Action, frames: int) -> list[Window]:
    """All windows of one kind, in the order of the captures.

    Standing, walking, running, dancing and other: `frames` long, overlapping by half; where a stretch is shorter, the whole of
    it, if it is at least half as long, or a walk that can be repeated. Kicking and punching: at most `frames` about each peak.
    Getting up: from lying or sitting on the floor until upright, as long as it took. `joining.fitted` makes any of them `frames`
    long.
    """
    found: list[Window] = []
    for capture in captures:
        if len(capture.pelvis) > 3:
            found.extend(_of_kind(capture, motion_features(capture), action, frames))
    return found


def motion_features(capture: Capture) -> MotionFeatures:
    """Remembered for captures seen lately."""
    return _signals(_Same(capture))


@lru_cache(maxsize=4096)
def _signals(same: _Same) -> MotionFeatures:
    capture, body = same.capture, load_body(None)
    angles = np.concatenate([capture.global_orient[:, None], capture.body_pose], 1).astype(np.float32)
    rotations = axis_angle_to_matrix(torch.from_numpy(angles)).numpy()
    posed = pose_skeleton(rotations, capture.pelvis, body, capture.betas)

    def at(name: str) -> np.ndarray:
        return posed.joints[:, JOINT_INDEX[name]]

    def both(name: str) -> np.ndarray:
        return posed.joints[:, [JOINT_INDEX[f"{side}_{name}"] for side in _SIDES]]

    ankles, wrists, shoulders, hips = both("ankle"), both("wrist"), both("shoulder"), both("hip")
    leg = np.linalg.norm(np.diff(np.stack([hips, both("knee"), ankles]), axis=0), axis=-1).sum(0)
    arm = np.linalg.norm(np.diff(np.stack([shoulders, both("elbow"), wrists]), axis=0), axis=-1).sum(0)
    left = rotations[:, 0, :2, 0]
    heading = gaussian_filter1d(np.unwrap(np.arctan2(left[:, 1], left[:, 0]) - np.pi / 2), 5.0, mode="nearest")
    ahead = np.stack([np.cos(heading), np.sin(heading)], -1)
    trunk = at("neck") - at("pelvis")
    rest = body.J_template.numpy()
    standing = standing_height(body, capture.betas)
    ankle_height = standing - (rest[0, 1] - rest[JOINT_INDEX["left_ankle"], 1])
    return MotionFeatures(
        speed=_speed(uniform_filter1d(capture.pelvis[:, :2], 15, axis=0)),
        height=capture.pelvis[:, 2] / standing,
        tilt=np.arctan2(np.linalg.norm(trunk[:, :2], axis=1), trunk[:, 2]),
        heading=heading,
        floating=posed.soles[..., 2].min((1, 2)),
        ankles=ankles[..., 2] - ankle_height,
        foot_speed=_speed(ankles - at("pelvis")[:, None]),
        foot_reach=np.linalg.norm(ankles - hips, axis=-1) / leg,
        foot_ahead=((ankles - hips)[..., :2] * ahead[:, None]).sum(-1),
        foot_away=np.linalg.norm((ankles - hips)[..., :2], axis=-1),
        hand_speed=_speed(wrists - at("spine3")[:, None]),
        hand_reach=np.linalg.norm(wrists - shoulders, axis=-1) / arm,
        hand_ahead=((wrists - shoulders)[..., :2] * ahead[:, None]).sum(-1),
        hand_up=(wrists - shoulders)[..., 2],
        rotations=rotations,
        pelvis=capture.pelvis,
    )


def _speed(places: np.ndarray) -> np.ndarray:
    return np.linalg.norm(np.gradient(places, axis=0), axis=-1) * RATE


def _of_kind(capture: Capture, seen: MotionFeatures, kind: Action, frames: int) -> Iterator[Window]:
    if kind in ("kicking", "punching"):
        if _called_dance(capture):
            return
        peaks = _kicks(seen) if kind == "kicking" else _punches(seen)
        for peak, side in peaks:
            start = max(0, min(peak - round(_AROUND * frames), len(seen.speed) - frames))
            yield _window(capture, seen, start, min(start + frames, len(seen.speed)), kind, peak, side)
    elif kind == "getting_up":
        for start, up, end in _rises(seen):
            yield _window(capture, seen, start, end, kind, up)
    else:
        shortest = _SHORTEST if kind in ("walking", "running", "dancing") else max(frames // 2, 30)
        for start, end in _parts(_steady(capture, seen, kind), frames, shortest):
            if _is(kind, seen, start, end, frames):
                yield _window(capture, seen, start, end, kind)


def _window(
    capture: Capture,
    seen: MotionFeatures,
    start: int,
    end: int,
    kind: Action,
    peak: int | None = None,
    side: Side | None = None,
) -> Window:
    speed, turn = float(seen.speed[start:end].mean()), float(seen.heading[end - 1] - seen.heading[start])
    return Window(capture, start, end, kind, speed, turn, None if peak is None else peak - start, side)


def _parts(good: np.ndarray, frames: int, shortest: int) -> Iterator[tuple[int, int]]:
    """Stretches of bool [T] as pieces of `frames` that overlap by half, and what is too short for that, whole."""
    for start, end in true_runs(good):
        if end - start >= frames:
            for first in range(start, end - frames + 1, max(frames // 2, 1)):
                yield first, first + frames
        elif end - start >= shortest:
            yield start, end


def _steady(capture: Capture, seen: MotionFeatures, kind: Action) -> np.ndarray:
    """bool [T]: frames that can be part of such a window."""
    upright = (seen.height > 0.85) & (seen.height < 1.1) & (seen.tilt < _LEAN) & (seen.floating < _ON_FLOOR)
    if kind == "standing":
        return upright & (seen.tilt < _BOW) & (seen.speed < _STAND_SPEED) & (seen.ankles.max(1) < 0.12)
    if kind == "walking":
        return upright & (seen.speed > _WALK_SPEED) & (seen.speed < _RUN_SPEED) & (seen.ankles.max(1) < 0.35)
    if kind == "running":
        return (seen.speed > _RUN_SPEED) & (seen.tilt < _LEAN) & (seen.height > 0.75) & (seen.floating < 0.3)
    if kind == "dancing" and not _called_dance(capture):
        return np.zeros(len(seen.speed), bool)
    return (seen.height > 0.5) & (seen.height < 1.2) & (seen.floating < 0.4)


def _called_dance(capture: Capture) -> bool:
    return any("danc" in text.lower() for text in capture.text)


def _is(kind: Action, seen: MotionFeatures, start: int, end: int, frames: int) -> bool:
    """What only a whole stretch can tell."""
    part = slice(start, end)
    place, heading = seen.pelvis[part, :2], seen.heading[part]
    lively = (seen.foot_speed[part].mean() + seen.hand_speed[part].mean()) / 2 > _LIVELY
    if kind == "standing":
        wander = np.linalg.norm(place - place.mean(0), axis=1).max()
        calm = seen.hand_speed[part].mean() < _CALM
        return calm and wander < _STAND_WANDER and np.ptp(heading) < _STAND_TURN and not _strikes(seen, start, end)
    if kind in ("walking", "running"):
        if end - start < frames and find_cycle(seen.rotations[part], seen.pelvis[part]) is None:
            return False
        way = np.linalg.norm(np.diff(uniform_filter1d(place, 15, axis=0), axis=0), axis=1).sum()
        return np.linalg.norm(place[-1] - place[0]) > _DIRECT * way
    if kind == "dancing":
        return lively
    walks = (seen.speed[part] > _WALK_SPEED).mean() > 0.5
    lies = any(start < up and down < end for down, up, _ in _rises(seen))
    return lively and not (_strikes(seen, start, end) or walks or lies)


def _strikes(seen: MotionFeatures, start: int, end: int) -> bool:
    return any(start <= peak < end for peak, _ in [*_kicks(seen), *_punches(seen)])


def _kicks(seen: MotionFeatures) -> list[tuple[int, Side]]:
    """Peaks of a foot that goes out fast while the other carries an upright body, and which foot."""
    found = []
    for foot, side in enumerate(_SIDES):
        speed, ankle = seen.foot_speed[:, foot], seen.ankles[:, foot]
        for fast in find_peaks(speed, height=_KICK_SPEED, distance=15)[0]:
            near = slice(max(fast - 10, 0), fast + 11)
            after = slice(fast, fast + 11)
            out = int((seen.foot_away[after, foot] + ankle[after]).argmax()) + int(fast)
            high = ankle[out] > _KICK_HEIGHT and seen.foot_away[out, foot] > _KICK_AHEAD
            low = speed[fast] > _LOW_KICK_SPEED and seen.foot_ahead[out, foot] > _KICK_AHEAD
            if (
                (high or low)
                and seen.foot_reach[out, foot] > _KICK_REACH
                and seen.ankles[max(out - 3, 0) : out + 4, 1 - foot].max() < _CARRYING
                and seen.hand_up[near].min(1).max() < _HANGING
                and seen.height[near].min() > 0.7
                and seen.tilt[near].max() < _KICK_LEAN
                and seen.speed[near].max() < 1.5 * _RUN_SPEED
            ):
                found.append((out, side))
    return sorted(found)


def _punches(seen: MotionFeatures) -> list[tuple[int, Side]]:
    """Moments in which a hand that came fast is furthest out in front of the chest, and which hand."""
    found = []
    for hand, side in enumerate(_SIDES):
        ahead, other = seen.hand_ahead[:, hand], seen.hand_ahead[:, 1 - hand]
        for fast in find_peaks(seen.hand_speed[:, hand], height=_PUNCH_SPEED, distance=10)[0]:
            out = int(ahead[fast : fast + 8].argmax()) + int(fast)
            before = max(int(fast) - 8, 0)
            gain = ahead[out] - ahead[before]
            if (
                seen.hand_reach[out, hand] > _PUNCH_REACH
                and ahead[out] > _PUNCH_AHEAD
                and gain > _PUNCH_GAIN
                and ahead[out] - ahead[out : out + 15].min() > _PUNCH_BACK
                and other[out] - other[before] < _ONE_HAND * gain
                and abs(seen.hand_up[out, hand]) < 0.3
                and seen.height[out] > 0.7
                and seen.tilt[out] < 1.2 * _LEAN
                and seen.speed[out] < 1.6
                and seen.floating[max(out - 15, 0) : out + 15].max() < _ON_FLOOR
            ):
                found.append((out, side))
    return sorted(found)


def _rises(seen: MotionFeatures) -> list[tuple[int, int, int]]:
    """(a moment down, first moment up, end) of every time that somebody gets up who has been down for a while."""
    found = []
    for _, rising in true_runs(seen.height < _LYING):
        later = np.flatnonzero(seen.height[rising:] > _UP)
        if len(later) == 0 or (seen.height[rising : rising + int(later[0])] < _LYING).any():
            continue
        up = rising + int(later[0])
        standing = np.flatnonzero(seen.height[:rising] > _DOWN)
        down = int(standing[-1]) + 1 if len(standing) else 0
        if rising - down >= _STAYS_DOWN and up - rising < _LONGEST_RISE:
            found.append((max(down, up - _LONGEST_RISE), up, min(up + _AFTER_UP, len(seen.height))))
    return found
