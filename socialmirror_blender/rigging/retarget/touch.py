"""Keeps the touch between two people on other characters: the points of skin that met meet again, in the same way.

The vector between the two anchors of a touch is to be that of the reconstruction, in every frame. Hands, trunk and place on the
floor of both characters are moved for that as little and as smoothly as possible, which is a nonlinear least-squares problem over
all frames; it is solved by Gauss-Newton steps with an approximate Jacobian.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ....core.contract.skeleton import JOINT_INDEX, JOINTS
from ..limbs import SolvedLimb, two_bone_ik
from .anchors import Anchor, posed_points
from .banded import apply_bands, second_difference_bands, solve_smooth
from .feet import fade_outside
from .posing import HANDS, LEAN, MOVES, ROOT, SPINE, Pose, bend_hint, lean_joints, pose
from .rest import SIDES
from .transfer import Performer

_STEPS = 8
_FADE = 0.5
"""Seconds before and after a touch in which it gains and loses its hold."""
_TOLERANCE = (0.002, 0.25)
"""Standard deviation of a touch: metres, and what is added per metre that the anchors are apart in the reconstruction."""
_PARTED = 0.01
"""Metres, the standard deviation of a separation."""
_AGAIN_STEPS = 4
"""Steps from an earlier solution."""
_LARGE_MOVE = np.array([0.06] * 3 + [0.10] * 3 + [0.15] * 6)
"""Standard deviation of the moves: metres, radians, metres."""
_LARGE_ACCELERATION = np.array([0.8] * 3 + [2.0] * 3 + [4.0] * 6)
"""Standard deviation of their accelerations, per second squared."""
_LEG_AT_END = 0.01
"""Metres of a drop of the hips from which on legs are at their end, and hips that are sent up or down do not follow."""
_LEG_SHARE = {"hip": 0.7, "knee": 0.3, "ankle": 0.0, "foot": 0.0}
"""How far points of a leg go along when the hips move over standing feet."""


@dataclass(frozen=True)
class Side:
    """One side of a touch: an anchor on a character, or the path of a point that is not moved."""

    performer: int
    """Index of the character, -1 for a fixed path."""
    anchor: Anchor | None
    path: np.ndarray | None
    """[T,3], for a fixed one."""


@dataclass(frozen=True)
class Touch:
    id: str
    """Of the touch of the contact that it is a part of."""
    sides: tuple[Side, Side]
    first: int
    last: int
    """First and last frame, by index."""
    weight: float
    vectors: np.ndarray
    """[T,3] from the first side's anchor to the second's in the reconstruction."""
    axes: tuple[bool, bool, bool] = (True, True, True)
    """Which world axes count: for the ground only z."""

    def distance(self, vectors: np.ndarray) -> float:
        """Mean distance of the anchors over the touch's frames, for vectors [T,3]."""
        within = vectors[self.first : self.last + 1] * np.array(self.axes)
        return float(np.linalg.norm(within, axis=-1).mean())


@dataclass(frozen=True)
class Separation:
    """Two points of skin of which the first may lie only so deep behind the surface at the second."""

    sides: tuple[Side, Side]
    first: int
    last: int
    """First and last frame, by index."""
    normals: np.ndarray
    """[T,3] out of the surface at the second point."""
    allowed: float
    """Depth in metres."""


@dataclass(frozen=True)
class Solution:
    moves: tuple[np.ndarray, ...]
    """[T,12] of each character."""
    poses: tuple[Pose, ...]


def solve_touches(
    performers: Sequence[Performer],
    touches: Sequence[Touch],
    frame_rate: float,
    start: Solution | None = None,
    separations: Sequence[Separation] = (),
) -> Solution:
    """Moves of the characters that keep the touches and the separations. T frames, at least three."""
    frames, unknowns = len(performers[0].hip_centre), MOVES * len(performers)
    bands = second_difference_bands(frames)
    prior = np.tile(_LARGE_MOVE**-2.0, len(performers))
    smoothness = np.tile((_LARGE_ACCELERATION / frame_rate**2) ** -2.0, len(performers))
    moves = np.zeros((frames, unknowns)) if start is None else np.concatenate(start.moves, 1)
    best, best_cost = moves, np.inf
    steps = _STEPS if start is None else _AGAIN_STEPS
    for step in range(steps + 1):
        poses = _pose_all(performers, moves)
        gradient = prior * moves + smoothness * apply_bands(bands, moves)
        cost = float((moves * gradient).sum())
        blocks = np.zeros((frames, unknowns, unknowns)) + np.diag(prior)
        responses = [_arm_responses(each, posed) for each, posed in zip(performers, poses)]
        terms = [_linearized(performers, poses, responses, each, frame_rate) for each in touches]
        terms += [_linearized_separation(performers, poses, responses, each, frame_rate) for each in separations]
        for residual, jacobian, weight in terms:
            cost += float((weight[:, None] * residual**2).sum())
            weighted = jacobian * weight[:, None, None]
            blocks += np.einsum("tam,tan->tmn", weighted, jacobian)
            gradient += np.einsum("tam,ta->tm", weighted, residual)
        if cost < best_cost:
            best, best_cost = moves, cost
        if step < steps:
            moves = moves - solve_smooth(blocks, smoothness, gradient)
    poses = _pose_all(performers, best)
    return Solution(tuple(best[:, MOVES * n : MOVES * (n + 1)] for n in range(len(performers))), tuple(poses))


def unmoved(performers: Sequence[Performer]) -> Solution:
    """The characters with the motion that they got, feet on the floor, and no touch solved."""
    moves = [np.zeros((len(performer.hip_centre), MOVES)) for performer in performers]
    return Solution(tuple(moves), tuple(pose(performer, each) for performer, each in zip(performers, moves)))


def touch_vectors(performers: Sequence[Performer], poses: Sequence[Pose], touch: Touch) -> np.ndarray:
    """[T,3] from the first side's anchor to the second's on the characters."""
    first, second = (_side_points(performers, poses, side) for side in touch.sides)
    return second - first


def corrected(touch: Touch, predicted: np.ndarray, measured: np.ndarray) -> Touch:
    """The touch with what the real rig does otherwise than predicted, both [T,3], taken off from what is aimed at."""
    return replace(touch, vectors=touch.vectors - (measured - predicted))


def _pose_all(performers: Sequence[Performer], moves: np.ndarray) -> list[Pose]:
    return [pose(each, moves[:, MOVES * n : MOVES * (n + 1)]) for n, each in enumerate(performers)]


def _side_points(performers: Sequence[Performer], poses: Sequence[Pose], side: Side) -> np.ndarray:
    if side.anchor is None:
        assert side.path is not None
        return side.path
    posed, rest = poses[side.performer], performers[side.performer].rest
    place, weights = side.anchor.place[None], side.anchor.weights[None]
    return posed_points(rest, posed.rotations, posed.positions, place, weights)[:, 0]


def _linearized(
    performers: Sequence[Performer],
    poses: Sequence[Pose],
    responses: Sequence[_Responses],
    touch: Touch,
    frame_rate: float,
) -> _Term:
    """Of a touch: the three differences of its vector."""
    axes = np.array(touch.axes, dtype=float)
    vector, moved = _vector_derivative(performers, poses, responses, touch.sides)
    tolerance = _TOLERANCE[0] + _TOLERANCE[1] * touch.distance(touch.vectors)
    hold = fade_outside(np.arange(len(vector)), touch.first, touch.last, _FADE * frame_rate)
    return (vector - touch.vectors) * axes, moved * axes[:, None], touch.weight * (hold / tolerance) ** 2


def _linearized_separation(
    performers: Sequence[Performer],
    poses: Sequence[Pose],
    responses: Sequence[_Responses],
    separation: Separation,
    frame_rate: float,
) -> _Term:
    """Of a separation: how much too deep its first point is, 0 where it is not."""
    vector, moved = _vector_derivative(performers, poses, responses, separation.sides)
    too_deep = (vector * separation.normals).sum(-1) - separation.allowed
    row = np.einsum("ta,tan->tn", separation.normals, moved) * (too_deep > 0)[:, None]
    hold = fade_outside(np.arange(len(vector)), separation.first, separation.last, _FADE * frame_rate / 2)
    return np.maximum(too_deep, 0)[:, None], row[:, None], (hold / _PARTED) ** 2


def _vector_derivative(
    performers: Sequence[Performer],
    poses: Sequence[Pose],
    responses: Sequence[_Responses],
    sides: tuple[Side, Side],
) -> tuple[np.ndarray, np.ndarray]:
    """The vector [T,3] from the first side to the second, and its derivatives [T,3,n] by all moves."""
    points = [_side_points(performers, poses, side) for side in sides]
    jacobian = np.zeros((len(points[0]), 3, MOVES * len(performers)))
    for sign, side, point in zip((-1.0, 1.0), sides, points):
        if side.anchor is not None:
            number = side.performer
            columns = slice(MOVES * number, MOVES * (number + 1))
            moved = _point_derivative(performers[number], poses[number], responses[number], side.anchor, point)
            jacobian[:, :, columns] += sign * moved
    return points[1] - points[0], jacobian


def _point_derivative(
    performer: Performer, posed: Pose, responses: _Responses, anchor: Anchor, point: np.ndarray
) -> np.ndarray:
    """[T,3,12] how a point of the skin [T,3] follows the moves, by the joints that carry it."""
    rest, frames = performer.rest, len(point)
    result = np.zeros((frames, 3, MOVES))
    spine = lean_joints(rest)
    follows = np.ones((frames, 3))
    follows[:, 2] = 1 - np.clip(posed.hips_drop / _LEG_AT_END, 0, 1)
    for joint in np.flatnonzero(anchor.weights > 0.01).tolist():
        weight, name = float(anchor.weights[joint]), JOINTS[joint]
        side, _, part = name.partition("_")
        on_leg = _LEG_SHARE.get(part) if side in SIDES else None
        result[:, :, ROOT] += weight * (1.0 if on_leg is None else on_leg) * np.eye(3) * follows[:, None]
        if on_leg is not None or not spine or name == "pelvis":
            continue
        below = [each for each in spine if each <= joint or joint not in SPINE]
        if below:
            pivot = posed.positions[:, below].mean(1)
            result[:, :, LEAN] += weight * len(below) / len(spine) * _cross_matrix(pivot - point)
        if part in _ARM or (side in SIDES and part[:-1] in _FINGERS):
            number = SIDES.index(side)
            result[:, :, HANDS[number]] += weight * _follow_wrist(posed, responses[number], side, part, point)
    return result


_ARM = ("shoulder", "elbow", "wrist")
_FINGERS = ("index", "middle", "pinky", "ring", "thumb")
_SMALL_STEP = 1e-4
"""Metres by which wrists are moved to see how their arms respond."""
_Term = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Residuals [T,a], their derivatives [T,a,n] by all moves, and their weights [T]."""
_Responses = tuple[tuple[SolvedLimb, ...], ...]
"""For the left and the right arm what it does when its wrist is sent along x, y and z."""


def _arm_responses(performer: Performer, posed: Pose) -> _Responses:
    responses = []
    for side in SIDES:
        shoulder, elbow, wrist = (JOINT_INDEX[f"{side}_{part}"] for part in _ARM)
        limb = (posed.positions[:, shoulder], posed.positions[:, elbow], posed.positions[:, wrist])
        hint = bend_hint(performer, shoulder)
        responses.append(tuple(two_bone_ik(*limb, limb[2] + _SMALL_STEP * axis, hint) for axis in np.eye(3)))
    return tuple(responses)


def _follow_wrist(posed: Pose, responses: Sequence[SolvedLimb], side: str, part: str, point: np.ndarray) -> np.ndarray:
    """[T,3,3] how a point [T,3] that a joint of the arm or hand carries follows the wrist. A straight arm gets no longer."""
    shoulder, elbow, wrist = (posed.positions[:, JOINT_INDEX[f"{side}_{name}"]] for name in _ARM)
    columns = []
    for solved in responses:
        if part == "shoulder":
            moved = shoulder + np.einsum("tab,tb->ta", solved.upper_swing, point - shoulder)
        elif part == "elbow":
            moved = solved.middle + np.einsum("tab,tb->ta", solved.lower_swing, point - elbow)
        else:
            moved = point + solved.end - wrist
        columns.append((moved - point) / _SMALL_STEP)
    return np.stack(columns, -1)


def _cross_matrix(vector: np.ndarray) -> np.ndarray:
    """[T,3,3] with `matrix @ x = vector x x`."""
    x, y, z = np.moveaxis(vector, -1, 0)
    zero = np.zeros_like(x)
    return np.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(len(vector), 3, 3)
