"""Feet on the floor: where the soles are, which feet stand still, and legs bent so that standing feet stay where they are.

T frames, world frame (metres, Z up, floor at z = 0), body joints without hands and face.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d, maximum_filter1d, uniform_filter1d

from core.body.model import BodyModel, forward_kinematics, linear_blend_skinning, rest_joints, rest_vertices
from core.body.rotations import axis_angle_to_matrix, matrix_to_axis_angle, rotation_between_vectors
from core.contract.skeleton import BODY_JOINTS, JOINT_INDEX, JOINTS
from core.fitting.soles import sole_vertices

_SIDES = ("left", "right")
_STILL = 0.25
"""m/s of the middle of a sole below which the foot stands."""
_NEAR_FLOOR = 0.045
"""metres from the floor to the sole's lowest point, above which a foot does not stand."""
_SHORTEST, _BRIDGED = 3, 2
"""frames that a foot stands at least, and that a gap in standing lasts at most to be closed."""
_STRAIGHTEST = 0.998
"""of a leg's length: as far as an ankle is taken from its hip."""
_EASED_OVER = 4.0
"""frames, sigma, over which the pelvis gives way to legs that are too short."""


@dataclass(frozen=True)
class PosedSkeleton:
    """Where joints and soles are. float32."""

    joints: np.ndarray
    """[T,22,3]"""
    global_rotations: np.ndarray
    """[T,22,3,3] what takes the rest pose's axes to the posed ones."""
    soles: np.ndarray
    """[T,2,S,3] points under the left and right foot, heel to toes."""


def pose_skeleton(rotations: np.ndarray, pelvis: np.ndarray, body: BodyModel, betas: np.ndarray) -> PosedSkeleton:
    """rotations [T,22,3,3] relative to the parent, pelvis [T,3], betas [16]."""
    shape = _shape(betas)[None]
    whole = torch.eye(3).repeat(len(rotations), len(JOINTS), 1, 1)
    whole[:, : len(BODY_JOINTS)] = torch.from_numpy(np.ascontiguousarray(rotations, np.float32))
    rest = rest_joints(body, shape)
    joints, world = forward_kinematics(whole, rest, torch.from_numpy(np.ascontiguousarray(pelvis, np.float32)))
    soles = linear_blend_skinning(body.subset(sole_vertices(body).flatten()), shape, whole, rest, joints, world)
    count = len(BODY_JOINTS)
    return PosedSkeleton(joints[:, :count].numpy(), world[:, :count].numpy(), soles.unflatten(1, (2, -1)).numpy())


def detect_foot_contact(soles: np.ndarray, rate: float) -> np.ndarray:
    """bool [T,2]: which feet stand, from the soles [T,2,S,3] at `rate` frames a second."""
    middle = soles.mean(2)
    if len(middle) < 2:
        return soles[..., 2].min(2) < _NEAR_FLOOR
    speed = uniform_filter1d(np.linalg.norm(np.gradient(middle, axis=0), axis=-1) * rate, 3, axis=0)
    stands = (speed < _STILL) & (soles[..., 2].min(2) < _NEAR_FLOOR)
    for foot in range(2):
        stands[:, foot] = remove_short_runs(~remove_short_runs(~stands[:, foot], _BRIDGED + 1), _SHORTEST)
    return stands


def remove_short_runs(flags: np.ndarray, shortest: int) -> np.ndarray:
    """bool [T] with true stretches of fewer frames than `shortest` made false, unless they touch an end."""
    kept = flags.copy()
    for start, end in true_runs(flags):
        if end - start < shortest and start > 0 and end < len(flags):
            kept[start:end] = False
    return kept


def true_runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """First frames and ends (exclusive) of the stretches of bool [T] that are true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def plant_feet(
    rotations: np.ndarray,
    pelvis: np.ndarray,
    planted: np.ndarray,
    body: BodyModel,
    betas: np.ndarray,
    raised: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Rotations [T,22,3,3] and pelvis [T,3] in which every planted foot stands still and flat on the floor.

    Each stretch of standing has one place and one direction of the foot, its mean; the correction of the ankle changes
    evenly from one stretch to the next, so that the way through the air keeps its form, and no sole is under the floor. The
    pelvis comes down, gently, where a leg would be too short. Legs bend in the plane that they bend in already. `raised` [T,2]
    lifts ankles by so many metres more, where the foot does not stand.
    """
    shape = _shape(betas)
    rest = rest_joints(body, shape[None])[0].numpy()
    floor = rest_vertices(body.subset(sole_vertices(body).flatten()), shape).numpy()[:, 1].min()
    rotations, pelvis = rotations.astype(np.float64), pelvis.astype(np.float64)
    pelvis[:, 2] += _lift(pose_skeleton(rotations, pelvis, body, betas).soles[..., 2], planted)
    now = pose_skeleton(rotations, pelvis, body, betas)
    ankles, feet = [], []
    for foot, side in enumerate(_SIDES):
        ankle = JOINT_INDEX[f"{side}_ankle"]
        height = rest[ankle, 1] - floor
        place, turn = _held(now.joints[:, ankle], now.global_rotations[:, ankle], planted[:, foot], height)
        if raised is not None:
            place[:, 2] += np.where(planted[:, foot], 0, raised[:, foot])
        ankles.append(place)
        feet.append(turn)
        toes = JOINT_INDEX[f"{side}_foot"]
        rotations[:, toes] = _flat_toes(rotations[:, toes], planted[:, foot])
    pelvis[:, 2] -= _too_far(now.joints, np.stack(ankles, 1), rest)
    for _ in range(2):  # what is bent for the first time may put a swinging sole under the floor
        for foot, side in enumerate(_SIDES):
            rotations = _bend_leg(rotations, pelvis, rest, side, ankles[foot], feet[foot])
        under = -np.minimum(pose_skeleton(rotations, pelvis, body, betas).soles[..., 2].min(2), 0)
        if under.max() < 1e-4:
            break
        for foot in range(2):
            ankles[foot][:, 2] += np.where(planted[:, foot], 0, under[:, foot])
    return rotations.astype(np.float32), pelvis.astype(np.float32)


def _shape(betas: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(betas, np.float32))


def _lift(heights: np.ndarray, planted: np.ndarray) -> np.ndarray:
    """[T] metres upwards that put the planted soles on the floor; in between, as before and after. heights [T,2,S]."""
    by_foot = np.where(planted, heights.min(2), np.inf)
    anchored = planted.any(1)
    if not anchored.any():
        return np.full(len(heights), max(0.0, -float(heights.min())))
    frames = np.arange(len(heights))
    lift = np.interp(frames, frames[anchored], -by_foot.min(1)[anchored])
    return gaussian_filter1d(lift, 2.0, mode="nearest")


def _held(place: np.ndarray, turn: np.ndarray, planted: np.ndarray, height: float) -> tuple[np.ndarray, np.ndarray]:
    """Ankle places [T,3] and world rotations [T,3,3] with those of each planted stretch made one and flat."""
    place, turn = place.astype(np.float64), turn.astype(np.float64)
    moved, turned = np.zeros_like(place), np.zeros_like(place)
    for start, end in true_runs(planted):
        middle = np.median(place[start:end], 0)
        moved[start:end] = np.array([middle[0], middle[1], height]) - place[start:end]
        forward = turn[start:end, :2, 2].mean(0)  # the foot's own Z points to the toes
        yaw = np.arctan2(forward[1], forward[0])
        flat = np.array([[-np.sin(yaw), 0, np.cos(yaw)], [np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0]])
        turned[start:end] = _log(flat @ np.swapaxes(turn[start:end], -1, -2))
    if planted.any():
        frames, known = np.arange(len(place)), np.flatnonzero(planted)
        for axis in range(3):
            moved[:, axis] = np.interp(frames, known, moved[known, axis])
            turned[:, axis] = np.interp(frames, known, turned[known, axis])
    return place + moved, _exp(turned) @ turn


def _flat_toes(toes: np.ndarray, planted: np.ndarray) -> np.ndarray:
    """The toes' rotations [T,3,3], straight where the foot stands, eased over a few frames."""
    share = 1 - np.clip(gaussian_filter1d(planted.astype(float), 1.5, mode="nearest") * 2, 0, 1)
    return _exp(_log(toes) * np.where(planted, 0, share)[:, None])


def _too_far(joints: np.ndarray, ankles: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """[T] metres that the pelvis comes down so that both ankles [T,2,3] are within the legs' length."""
    need = np.zeros(len(joints))
    for foot, side in enumerate(_SIDES):
        hip, knee, ankle = (JOINT_INDEX[f"{side}_{part}"] for part in ("hip", "knee", "ankle"))
        upper, lower = rest[knee] - rest[hip], rest[ankle] - rest[knee]
        # bones that are not at right angles to the knee's hinge (X) never lie in one line
        length = np.hypot(upper[0] + lower[0], np.linalg.norm(upper[1:]) + np.linalg.norm(lower[1:]))
        offset = joints[:, hip] - ankles[:, foot]
        reach = (_STRAIGHTEST * length) ** 2 - (offset[:, :2] ** 2).sum(1)
        need = np.maximum(need, offset[:, 2] - np.sqrt(np.maximum(reach, 0)))
    held = maximum_filter1d(need, 2 * int(_EASED_OVER) + 1, mode="nearest")
    return np.maximum(gaussian_filter1d(held, _EASED_OVER / 2, mode="nearest"), need)


def _bend_leg(
    rotations: np.ndarray, pelvis: np.ndarray, rest: np.ndarray, side: str, target: np.ndarray, foot: np.ndarray
) -> np.ndarray:
    """Rotations with one leg's ankle at `target` [T,3], as far as the leg reaches, and the foot turned as `foot` [T,3,3]."""
    hip, knee, ankle = (JOINT_INDEX[f"{side}_{part}"] for part in ("hip", "knee", "ankle"))
    root = rotations[:, 0]
    hip_place = pelvis + root @ (rest[hip] - rest[0])
    thigh = root @ rotations[:, hip]
    shin = thigh @ rotations[:, knee]
    upper, lower = thigh @ (rest[knee] - rest[hip]), shin @ (rest[ankle] - rest[knee])
    wanted = target - hip_place
    hinge = thigh[:, :, 0]
    # the knee turns about its hinge until the ankle is as far from the hip as is wanted (law of cosines; what lies along the
    # hinge does not change)
    along = (upper * hinge).sum(1) * (lower * hinge).sum(1)
    inside = (upper * lower).sum(1) - along
    flexed = np.arctan2((np.cross(upper, lower) * hinge).sum(1), inside)  # positive: the shin goes backwards
    size = np.hypot((np.cross(upper, lower) * hinge).sum(1), inside)
    straight = (upper**2).sum(1) + (lower**2).sum(1) + 2 * along
    distance = np.minimum(np.linalg.norm(wanted, axis=1), _STRAIGHTEST * np.sqrt(straight + 2 * size))
    bend = np.arccos(np.clip((distance**2 - straight) / (2 * size), -1, 1))
    bent = _exp(hinge * (bend - flexed)[:, None])
    shin = bent @ shin
    reached = upper + (bent @ lower[..., None])[..., 0]
    swing = rotation_between_vectors(torch.from_numpy(reached), torch.from_numpy(wanted)).numpy()
    thigh, shin = swing @ thigh, swing @ shin
    result = rotations.copy()
    result[:, hip] = np.swapaxes(root, -1, -2) @ thigh
    result[:, knee] = np.swapaxes(thigh, -1, -2) @ shin
    result[:, ankle] = np.swapaxes(shin, -1, -2) @ foot
    return result


def _exp(vectors: np.ndarray) -> np.ndarray:
    return axis_angle_to_matrix(torch.from_numpy(np.ascontiguousarray(vectors, np.float64))).numpy()


def _log(matrices: np.ndarray) -> np.ndarray:
    return matrix_to_axis_angle(torch.from_numpy(np.ascontiguousarray(matrices, np.float64))).numpy()
