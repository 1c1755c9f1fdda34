"""Foot planting by inverse kinematics: legs bend so that feet in contact stay still and flat on the floor.

Motions have T frames in a world in metres, Z up, floor at z = 0, without hands and face.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from core.body.model import BodyModel, rest_joints, rest_vertices
from core.contract.runs import find_runs
from core.contract.skeleton import JOINT_INDEX
from core.fitting.soles import sole_vertices

from .array_rotations import axis_angle_to_matrix, matrix_to_axis_angle, rotation_between_vectors
from .foot_contact import pose_skeleton

_SIDES = ("left", "right")
_MAX_EXTENSION = 0.998
"""Longest distance from hip to ankle as a fraction of the leg's length."""
_PELVIS_SMOOTHING = 4.0
"""Frames over which the pelvis is lowered for legs that are too short."""


@dataclass(frozen=True)
class _LegTarget:
    """Where one ankle goes, and the global rotation of the foot. Float64."""

    ankle: Float[np.ndarray, "T 3"]
    rotation: Float[np.ndarray, "T 3 3"]


def plant_blended_feet(
    rotations: Float[np.ndarray, "T 22 3 3"],
    pelvis: Float[np.ndarray, "T 3"],
    foot_contact: Bool[np.ndarray, "T 2"],
    body: BodyModel,
    betas: Float[np.ndarray, "16"],
    foot_lift: Float[np.ndarray, "T 2"] | None = None,
) -> tuple[Float[np.ndarray, "T 22 3 3"], Float[np.ndarray, "T 3"]]:
    """Rotations (relative to the parent joint) and pelvis of the motion with both feet planted, float32.

    During each contact the foot has one position and one direction, the mean of the contact. The correction of the ankle is
    interpolated linearly between contacts, which keeps the shape of the swing, and no sole is below the floor. The pelvis is
    lowered smoothly where a leg would be too short, and knees bend in their own plane. `foot_lift` raises ankles further while
    the foot is not in contact, metres.
    """
    shape = torch.from_numpy(np.ascontiguousarray(betas, np.float32))
    rest = rest_joints(body, shape[None])[0].numpy()
    rest_floor = rest_vertices(body.subset(sole_vertices(body).flatten()), shape).numpy()[:, 1].min()
    rotations, pelvis = rotations.astype(np.float64), pelvis.astype(np.float64)
    pelvis[:, 2] += _height_correction(pose_skeleton(rotations, pelvis, body, betas).soles[..., 2], foot_contact)
    posed = pose_skeleton(rotations, pelvis, body, betas)
    targets = []
    for foot, side in enumerate(_SIDES):
        ankle, toes = JOINT_INDEX[f"{side}_ankle"], JOINT_INDEX[f"{side}_foot"]
        target = _LegTarget(
            posed.joints[:, ankle].astype(np.float64), posed.global_rotations[:, ankle].astype(np.float64)
        )
        target = _hold_during_contact(target, foot_contact[:, foot], float(rest[ankle, 1] - rest_floor))
        if foot_lift is not None:
            target.ankle[:, 2] += np.where(foot_contact[:, foot], 0, foot_lift[:, foot])
        targets.append(target)
        rotations[:, toes] = _flatten_toes(rotations[:, toes], foot_contact[:, foot])
    pelvis[:, 2] -= _pelvis_lowering(posed.joints, np.stack([target.ankle for target in targets], 1), rest)
    for _ in range(
        2
    ):  # bending a leg may bring the sole of a swinging foot below the floor: it is raised, and bent again
        for side, target in zip(_SIDES, targets):
            rotations = _solve_leg(rotations, pelvis, rest, side, target)
        depth = -np.minimum(pose_skeleton(rotations, pelvis, body, betas).soles[..., 2].min(2), 0)
        if depth.max() < 1e-4:
            break
        for foot, target in enumerate(targets):
            target.ankle[:, 2] += np.where(foot_contact[:, foot], 0, depth[:, foot])
    return rotations.astype(np.float32), pelvis.astype(np.float32)


def _height_correction(
    sole_heights: Float[np.ndarray, "T 2 S"], foot_contact: Bool[np.ndarray, "T 2"]
) -> Float[np.ndarray, " T"]:
    """How far the body is raised to put the soles in contact on the floor, metres; interpolated between contacts."""
    height = np.where(foot_contact, sole_heights.min(2), np.inf)
    in_contact = foot_contact.any(1)
    if not in_contact.any():
        return np.full(len(sole_heights), max(0.0, -float(sole_heights.min())))
    frames = np.arange(len(sole_heights))
    correction = np.interp(frames, frames[in_contact], -height.min(1)[in_contact])
    return gaussian_filter1d(correction, 2.0, mode="nearest")


def _hold_during_contact(target: _LegTarget, contact: Bool[np.ndarray, " T"], ankle_height: float) -> _LegTarget:
    """The target with one position and a level foot during each contact. `ankle_height` is that of a flat foot, metres."""
    ankle, rotation = target.ankle, target.rotation
    offset, turn = np.zeros_like(ankle), np.zeros_like(ankle)
    for run in find_runs(contact):
        middle = np.median(ankle[run], 0)
        offset[run] = np.array([middle[0], middle[1], ankle_height]) - ankle[run]
        forward = rotation[run, :2, 2].mean(0)  # the foot's Z axis points to the toes
        yaw = np.arctan2(forward[1], forward[0])
        level = np.array([[-np.sin(yaw), 0, np.cos(yaw)], [np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0]])
        turn[run] = matrix_to_axis_angle(level @ np.swapaxes(rotation[run], -1, -2))
    if contact.any():
        frames, known = np.arange(len(ankle)), np.flatnonzero(contact)
        for axis in range(3):
            offset[:, axis] = np.interp(frames, known, offset[known, axis])
            turn[:, axis] = np.interp(frames, known, turn[known, axis])
    return _LegTarget(ankle + offset, axis_angle_to_matrix(turn) @ rotation)


def _flatten_toes(rotations: Float[np.ndarray, "T 3 3"], contact: Bool[np.ndarray, " T"]) -> Float[np.ndarray, "T 3 3"]:
    """The toes' rotations relative to the foot, straight during contact with a smooth transition of a few frames."""
    bend = 1 - np.clip(gaussian_filter1d(contact.astype(float), 1.5, mode="nearest") * 2, 0, 1)
    return axis_angle_to_matrix(matrix_to_axis_angle(rotations) * np.where(contact, 0, bend)[:, None])


def _pelvis_lowering(
    joints: Float[np.ndarray, "T 22 3"], ankles: Float[np.ndarray, "T 2 3"], rest: Float[np.ndarray, "J 3"]
) -> Float[np.ndarray, " T"]:
    """How far the pelvis is lowered so that both legs are long enough to reach the ankles' targets, metres."""
    required = np.zeros(len(joints))
    for foot, side in enumerate(_SIDES):
        hip, knee, ankle = (JOINT_INDEX[f"{side}_{part}"] for part in ("hip", "knee", "ankle"))
        thigh, shank = rest[knee] - rest[hip], rest[ankle] - rest[knee]
        # the knee's hinge is the X axis: offsets along it do not change as it bends, so they add up separately
        length = np.hypot(thigh[0] + shank[0], np.linalg.norm(thigh[1:]) + np.linalg.norm(shank[1:]))
        offset = joints[:, hip] - ankles[:, foot]
        reachable_height = (_MAX_EXTENSION * length) ** 2 - (offset[:, :2] ** 2).sum(1)
        required = np.maximum(required, offset[:, 2] - np.sqrt(np.maximum(reachable_height, 0)))
    peaks = maximum_filter1d(required, 2 * int(_PELVIS_SMOOTHING) + 1, mode="nearest")
    return np.maximum(gaussian_filter1d(peaks, _PELVIS_SMOOTHING / 2, mode="nearest"), required)


def _solve_leg(
    rotations: Float[np.ndarray, "T 22 3 3"],
    pelvis: Float[np.ndarray, "T 3"],
    rest: Float[np.ndarray, "J 3"],
    side: str,
    target: _LegTarget,
) -> Float[np.ndarray, "T 22 3 3"]:
    """Two-bone inverse kinematics: rotations with one leg's ankle at its target as far as the leg reaches."""
    hip, knee, ankle = (JOINT_INDEX[f"{side}_{part}"] for part in ("hip", "knee", "ankle"))
    root = rotations[:, 0]
    hip_position = pelvis + root @ (rest[hip] - rest[0])
    thigh = root @ rotations[:, hip]
    shank = thigh @ rotations[:, knee]
    upper, lower = thigh @ (rest[knee] - rest[hip]), shank @ (rest[ankle] - rest[knee])
    to_target = target.ankle - hip_position
    hinge = thigh[:, :, 0]
    # the knee turns about its hinge until the ankle is at the right distance from the hip (law of cosines); the components of
    # both bones along the hinge stay as they are
    along = (upper * hinge).sum(1) * (lower * hinge).sum(1)
    inside = (upper * lower).sum(1) - along
    flexion = np.arctan2((np.cross(upper, lower) * hinge).sum(1), inside)  # positive: the shank bends backwards
    size = np.hypot((np.cross(upper, lower) * hinge).sum(1), inside)
    straight = (upper**2).sum(1) + (lower**2).sum(1) + 2 * along
    distance = np.minimum(np.linalg.norm(to_target, axis=1), _MAX_EXTENSION * np.sqrt(straight + 2 * size))
    new_flexion = np.arccos(np.clip((distance**2 - straight) / (2 * size), -1, 1))
    bend = axis_angle_to_matrix(hinge * (new_flexion - flexion)[:, None])
    shank = bend @ shank
    reached = upper + (bend @ lower[..., None])[..., 0]
    swing = rotation_between_vectors(reached, to_target)
    thigh, shank = swing @ thigh, swing @ shank
    result = rotations.copy()
    result[:, hip] = np.swapaxes(root, -1, -2) @ thigh
    result[:, knee] = np.swapaxes(thigh, -1, -2) @ shank
    result[:, ankle] = np.swapaxes(shank, -1, -2) @ target.rotation
    return result
