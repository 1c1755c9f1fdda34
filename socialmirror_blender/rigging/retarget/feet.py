"""Feet on the floor: when a foot stands, where it is held then, and how low the hips have to be for the legs to reach.

T frames. Positions are in the world, metres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....core.contract.runs import find_runs
from ....core.contract.skeleton import JOINT_INDEX
from ...scene.rotations import matrix_to_quaternion, quaternion_about_z, quaternion_to_matrix, slerp
from .rest import SIDES, RestCharacter

_STANDS_BELOW = (0.12, 0.25)
"""Speed of the ball of the foot in m/s below which a foot begins to stand, and up to which it goes on."""
_STANDS_WITHIN = 0.06
"""Metres that the ball may be above its height at rest."""
_SHORTEST = 0.1
"""Seconds of the shortest stand, and of the shortest step between two stands."""
_LARGEST_DRIFT = 0.06
"""Metres over which a foot may creep while it counts as standing: farther than that it makes a step, however slow."""
_HEEL_LIFT = (0.015, 0.05)
"""Metres of the ankle above its height at rest below which a standing foot is flat, and above which it stands on its ball."""
_FADE = 0.12
"""Seconds in which a foot settles on the floor before it stands, and leaves it."""
_REACH = 0.998
"""Longest distance of ankle and hip, relative to the leg, that the hips leave to a standing foot."""
_HIPS_FADE = 0.3
"""Seconds in which the hips go down before a foot needs it."""


@dataclass(frozen=True)
class Plants:
    """Which foot stands when; the first index is left and right."""

    spans: tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]
    """First and last frame, by index, of every stand."""
    weights: np.ndarray
    """[2,T] in 0-1: 1 while the foot stands, between stands falling to 0."""
    flat: np.ndarray
    """[2,T] in 0-1: 1 while the foot stands on its whole sole."""
    frame_rate: float


def find_plants(rest: RestCharacter, positions: np.ndarray, frame_rate: float) -> Plants:
    """The stands of both feet from the positions [T,J,3] of a person's joints."""
    spans, weights, flat = [], [], []
    for side in SIDES:
        ball = JOINT_INDEX[f"{side}_foot"]
        track = positions[:, ball]
        speed = np.linalg.norm(np.gradient(track, axis=0), axis=-1) * frame_rate if len(track) > 1 else np.zeros(1)
        low = track[:, 2] < rest.heads[ball, 2] + _STANDS_WITHIN
        shortest = max(2, round(_SHORTEST * frame_rate))
        found = [
            part for span in _hysteresis(speed, low, shortest) for part in _without_drift(track, speed, span, shortest)
        ]
        spans.append(tuple(found))
        weights.append(_fade_outside(found, len(track), _FADE * frame_rate))
        ankle = JOINT_INDEX[f"{side}_ankle"]
        lift = smooth_envelope(positions[:, ankle, 2] - rest.heads[ankle, 2], max(1, round(_FADE * frame_rate)))
        flat.append(weights[-1] * _smoothstep((_HEEL_LIFT[1] - lift) / (_HEEL_LIFT[1] - _HEEL_LIFT[0])))
    return Plants((spans[0], spans[1]), np.array(weights), np.array(flat), frame_rate)


def settle_feet(rotations: np.ndarray, plants: Plants) -> np.ndarray:
    """The rotations [T,J,3,3] of the joints with feet that lie still and flat while they stand on their whole sole.

    A foot at rest stands on the floor, so a flat one is turned about the vertical only; in each stand by its mean heading.
    """
    result = rotations.copy()
    for number, side in enumerate(SIDES):
        ankle, ball = JOINT_INDEX[f"{side}_ankle"], JOINT_INDEX[f"{side}_foot"]
        forward = -rotations[:, ankle, :, 1]
        heading = np.unwrap(np.arctan2(forward[:, 0], -forward[:, 1]))
        still = heading + hold_in_place(heading[:, None], plants.spans[number], plants.flat[number])[:, 0]
        flat = quaternion_about_z(still)
        for joint in (ankle, ball):
            free = matrix_to_quaternion(rotations[:, joint])
            result[:, joint] = quaternion_to_matrix(slerp(free, flat, plants.flat[number]))
    return result


def hold_in_place(track: np.ndarray, spans: tuple[tuple[int, int], ...], weights: np.ndarray) -> np.ndarray:
    """Offsets [T,n] that keep a track [T,n] at one place during every span: the mean of where it was, weighted by [T].

    Between two spans they go evenly from one to the next.
    """
    frames = len(track)
    if not spans:
        return np.zeros_like(track)
    offsets = np.full(track.shape, np.nan)
    for first, last in spans:
        stand, weight = track[first : last + 1], weights[first : last + 1, None] + 1e-6
        offsets[first : last + 1] = (stand * weight).sum(0) / weight.sum() - stand
    known = np.flatnonzero(np.isfinite(offsets[:, 0]))
    return np.stack([np.interp(np.arange(frames), known, column[known]) for column in offsets.T], -1)


def ankle_targets(rest: RestCharacter, rotations: np.ndarray, positions: np.ndarray, plants: Plants) -> np.ndarray:
    """[2,T,3] where the ankles belong: standing feet at one place with their sole on the floor, others not below it.

    `rotations` [T,J,3,3] and `positions` [T,J,3] are those of the joints so far.
    """
    targets = []
    for number, side in enumerate(SIDES):
        ankle, ball = JOINT_INDEX[f"{side}_ankle"], JOINT_INDEX[f"{side}_foot"]
        pivot = positions[:, ball] if rest.present[ball] else positions[:, ankle]
        target = positions[:, ankle].copy()
        target[:, :2] += hold_in_place(pivot[:, :2], plants.spans[number], plants.weights[number])
        standing = -_lowest_point(rest, rotations, positions, number)
        weight = plants.weights[number]
        target[:, 2] = weight * standing + (1 - weight) * np.maximum(target[:, 2], standing)
        targets.append(target)
    return np.array(targets)


def hips_drop(positions: np.ndarray, targets: np.ndarray, plants: Plants, legs: np.ndarray) -> np.ndarray:
    """[T] metres by which the hips have to go down for the legs, of lengths [2], to reach standing feet; smooth in time."""
    need = np.zeros(len(positions))
    for number in range(2):
        reach = targets[number] - positions[:, 1 + number]
        across = np.linalg.norm(reach[:, :2], axis=-1)
        height = np.sqrt(np.maximum((_REACH * legs[number]) ** 2 - across**2, (0.3 * legs[number]) ** 2))
        need = np.maximum(need, (-reach[:, 2] - height) * plants.weights[number])
    return smooth_envelope(need, max(1, round(_HIPS_FADE * plants.frame_rate)))


def smooth_envelope(values: np.ndarray, half_width: int) -> np.ndarray:
    """A smooth curve [T] nowhere below `values` [T]: their running maximum, averaged over the same window."""
    padded = np.pad(values, half_width, mode="edge")
    highest = np.lib.stride_tricks.sliding_window_view(padded, 2 * half_width + 1).max(-1)
    window = np.hanning(2 * half_width + 3)[1:-1]
    return np.convolve(np.pad(highest, half_width, mode="edge"), window / window.sum(), mode="valid")


def _lowest_point(rest: RestCharacter, rotations: np.ndarray, positions: np.ndarray, number: int) -> np.ndarray:
    """[T] height of the lowest point of a sole above the ankle, which is negative."""
    side = SIDES[number]
    ankle, ball = JOINT_INDEX[f"{side}_ankle"], JOINT_INDEX[f"{side}_foot"]
    points = rest.soles[number]
    on_toes = (points[:, 1] < rest.heads[ball, 1]) & rest.present[ball]
    heights = []
    for joint, of_joint in ((ankle, points[~on_toes]), (ball, points[on_toes])):
        if len(of_joint):
            above = (of_joint - rest.heads[joint]) @ rotations[:, joint, 2].T
            heights.append(above + (positions[:, joint, 2] - positions[:, ankle, 2]))
    return np.concatenate(heights).min(0)


def _without_drift(track: np.ndarray, speed: np.ndarray, span: tuple[int, int], shortest: int) -> list[tuple[int, int]]:
    """Parts of a span in each of which the foot stays at one place, split where it is fastest, rather in the middle."""
    first, last = span
    if last - first + 1 < shortest:
        return []
    place = track[first : last + 1, :2]
    if np.linalg.norm(np.ptp(place, axis=0)) <= _LARGEST_DRIFT:
        return [span]
    central = 1 - np.abs(np.linspace(-0.5, 0.5, last - first + 1))
    fastest = first + int((speed[first : last + 1] * central).argmax())
    step = shortest // 2 + 1
    before, after = (first, min(fastest - step, last)), (max(fastest + step, first), last)
    return _without_drift(track, speed, before, shortest) + _without_drift(track, speed, after, shortest)


def _hysteresis(speed: np.ndarray, low: np.ndarray, shortest: int) -> list[tuple[int, int]]:
    begins, goes_on = (speed < _STANDS_BELOW[0]) & low, (speed < _STANDS_BELOW[1]) & low
    stands = np.zeros_like(goes_on)
    for run in find_runs(goes_on):
        stands[run] = begins[run].any()
    return [(run.start, run.stop - 1) for run in find_runs(stands, shortest - 1, shortest)]


def _smoothstep(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def _fade_outside(spans: list[tuple[int, int]], frames: int, fade: float) -> np.ndarray:
    """[T] 1 within spans, falling to 0 over `fade` frames beside them as a cosine."""
    at = np.arange(frames)
    weight = np.zeros(frames)
    for first, last in spans:
        weight = np.maximum(weight, fade_outside(at, first, last, fade))
    return weight


def fade_outside(at: np.ndarray, first: float, last: float, fade: float) -> np.ndarray:
    """1 from `first` to `last`, falling to 0 as a cosine over `fade` frames on both sides."""
    away = np.maximum(np.maximum(first - at, at - last), 0)
    return 0.5 + 0.5 * np.cos(np.pi * np.clip(away / max(fade, 1e-9), 0, 1))
