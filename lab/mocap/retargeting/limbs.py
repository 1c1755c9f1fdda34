"""Global rotations of the body's joints from a recorded skeleton: trunk, head, legs and arms, one after the other.

Directions of bones come from the recorded positions. Rotations about the bones come from the bend of knees and elbows, and from
the recording's own rotations where it has them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d
from torch import Tensor
from torch.nn.functional import normalize

from core.body.rotations import (
    axis_angle_to_matrix,
    matrix_to_axis_angle,
    orthonormal_frame,
    rotation_between_vectors,
    slerp,
)
from core.contract.skeleton import JOINT_INDEX

from ..capture import FRAME_RATE
from .skeletons import GlobalRotations, SourceSkeleton, TargetSkeleton


@dataclass(frozen=True)
class LimbSettings:
    """Anatomical assumptions of retargeting. Angles in radians."""

    straight_sine: float = 0.30
    bent_sine: float = 0.70
    """Sines of the angle at a knee or an elbow between which the confidence in its observed hinge rises from 0 to 1."""
    hinge_memory: float = 0.4
    """Seconds over which a straight limb keeps the hinge of its last bend."""
    collar_down: float = math.radians(9)
    collar_up: float = math.radians(18)
    """How far the collar turns down with a hanging arm and up with a raised one."""
    max_wrist_correction: float = math.radians(20)
    """Largest correction of a wrist's median bend: markers on the back of the hand may sit askew."""
    usual_turnout: float = math.radians(20)
    """Median turn of a foot about its shank up to which it is not corrected."""
    max_joint_angle: float = math.radians(125)
    """Beyond it an ankle's or a wrist's rotation is an error of the recording."""
    usual_gaze_drop: float = math.radians(4)
    """How far people look down on average, at least."""
    max_head_correction: float = math.radians(16)
    """Largest correction of a head that looks up on average: markers on a headband may sit askew."""


_SETTINGS = LimbSettings()


def solve_global_rotations(source: SourceSkeleton, target: TargetSkeleton) -> GlobalRotations:
    """The pose of all 22 body joints in every frame."""
    rotations = _trunk_rotations(source, target)
    for side in ("left", "right"):
        _add_leg_rotations(source, target, side, rotations)
        _add_arm_rotations(source, target, side, rotations)
    return rotations


def _trunk_rotations(source: SourceSkeleton, target: TargetSkeleton) -> GlobalRotations:
    """Rotations of pelvis, spine, neck and head."""
    up = source.middle("shoulder") - source.middle("hip")
    shoulders = target.joint("left_shoulder") + target.joint("right_shoulder")
    rest_up = 0.5 * (shoulders - target.joint("left_hip") - target.joint("right_hip"))

    def girdle_rotation(part: str) -> Tensor:
        """From the line between both sides' joints."""
        rest_frame = orthonormal_frame(target.bone(f"right_{part}", f"left_{part}"), rest_up)
        return orthonormal_frame(source.bone(f"right_{part}", f"left_{part}"), up) @ rest_frame.mT

    def recorded_rotation(*names: str) -> Tensor | None:
        """Of the first joint that has one."""
        return next((rotation for rotation in map(source.rotation, names) if rotation is not None), None)

    pelvis, chest = recorded_rotation("pelvis"), recorded_rotation("spine3", "spine2", "spine1")
    head = recorded_rotation("head", "neck")
    if pelvis is None or chest is None:
        pelvis, chest = girdle_rotation("hip"), girdle_rotation("shoulder")
    if head is None:
        straight = chest @ target.bone("neck", "head")
        neck = source.bone("neck", "head") if source.has("neck", "head") else straight
        head = rotation_between_vectors(straight, neck) @ chest
    rotations = {"pelvis": pelvis}
    for third, name in enumerate(("spine1", "spine2"), 1):
        recorded = source.rotation(name) if source.has("spine1", "spine2", "spine3") else None
        rotations[name] = slerp(pelvis, chest, third / 3) if recorded is None else recorded
    head = _correct_head(head, chest)
    return rotations | {"spine3": chest, "neck": slerp(chest, head, 0.5), "head": head}


def _correct_head(head: Float[Tensor, "T 3 3"], chest: Float[Tensor, "T 3 3"]) -> Float[Tensor, "T 3 3"]:
    """The head tilted forward by a constant angle if its median gaze is above the horizon while the chest is upright."""
    is_upright = chest[:, 2, 1] > math.cos(math.radians(35))
    if not is_upright.any():
        return head
    excess = float(head[is_upright, 2, 2].clamp(-1, 1).asin().median()) + _SETTINGS.usual_gaze_drop
    tilt = min(max(excess, 0.0), _SETTINGS.max_head_correction)
    return head @ axis_angle_to_matrix(head.new_tensor([tilt, 0.0, 0.0]))


def _add_leg_rotations(source: SourceSkeleton, target: TargetSkeleton, side: str, rotations: GlobalRotations) -> None:
    hip, knee, ankle, foot = (f"{side}_{part}" for part in ("hip", "knee", "ankle", "foot"))
    lateral = target.rest_joints.new_tensor([1.0, 0.0, 0.0])
    pelvis = rotations["pelvis"]
    thigh = _recorded_bone_rotation(source, target, hip, knee)
    if thigh is None:
        thigh = rotation_between_vectors(pelvis @ target.bone(hip, knee), source.bone(hip, knee)) @ pelvis
    rotations[hip], rotations[knee] = _limb_rotations(
        source, target, _Limb((hip, knee, ankle), rest_hinge=lateral, is_knee=True), thigh @ lateral
    )
    recorded = _recorded_foot_rotations(source, target, side)
    if recorded is not None:
        recorded_ankle, recorded_toes = recorded
        plausible = _replace_implausible(rotations[knee], recorded_ankle)
        rotations[ankle] = _remove_median_turn(rotations[knee], plausible, (1,), _SETTINGS.usual_turnout, math.inf)
        rotations[foot] = rotations[ankle] @ recorded_ankle.mT @ recorded_toes
    elif source.has(foot):
        rest_frame = orthonormal_frame(target.bone(ankle, foot), lateral)
        across = rotations[knee] @ lateral
        rotations[ankle] = rotations[foot] = orthonormal_frame(source.bone(ankle, foot), across) @ rest_frame.mT
    else:
        rotations[ankle] = rotations[foot] = rotations[knee]


def _recorded_bone_rotation(
    source: SourceSkeleton, target: TargetSkeleton, joint: str, end: str
) -> Float[Tensor, "T 3 3"] | None:
    """The recording's rotation of a bone, from our rest pose instead of its own; None where it has no rotations."""
    rotation, rest_bone = source.rotation(joint), source.rest_bone(joint, end)
    if rotation is None or rest_bone is None:
        return None
    return rotation @ rotation_between_vectors(target.bone(joint, end), rest_bone)


def _recorded_foot_rotations(
    source: SourceSkeleton, target: TargetSkeleton, side: str
) -> tuple[Float[Tensor, "T 3 3"], Float[Tensor, "T 3 3"]] | None:
    """The recording's rotations of ankle and ball, from our rest pose; None where it has none.

    In a recording's rest pose the foot is flat, but the shank may be spread sideways.
    """
    knee, ankle, foot = (f"{side}_{part}" for part in ("knee", "ankle", "foot"))
    rotation, shank, sole = source.rotation(ankle), source.rest_bone(knee, ankle), source.rest_bone(ankle, foot)
    if rotation is None or shank is None or sole is None:
        return None
    frontal, horizontal = shank.new_tensor([1.0, 1.0, 0.0]), shank.new_tensor([1.0, 0.0, 1.0])
    spread = rotation_between_vectors(target.bone(knee, ankle) * frontal, shank * frontal)
    heading = rotation_between_vectors(target.foot_axis(side), (spread.mT @ sole) * horizontal)
    toes = source.rotation(foot)
    return rotation @ spread @ heading, (rotation if toes is None else toes) @ spread @ heading


def _add_arm_rotations(source: SourceSkeleton, target: TargetSkeleton, side: str, rotations: GlobalRotations) -> None:
    collar, shoulder, elbow, wrist = (f"{side}_{part}" for part in ("collar", "shoulder", "elbow", "wrist"))
    upper, lower = source.bone(shoulder, elbow), source.bone(elbow, wrist)
    chest = rotations["spine3"]
    rotations[collar] = _collar_rotation(source, side, upper, chest)
    # elbows of the T-pose bend forward: about -Y on the left, +Y on the right
    rest_hinge = target.rest_joints.new_tensor([0.0, -1.0 if side == "left" else 1.0, 0.0])
    upper_arm = _recorded_bone_rotation(source, target, shoulder, elbow)
    if upper_arm is None:
        upper_arm = rotation_between_vectors(chest @ target.bone(shoulder, elbow), upper) @ chest
    limb = _Limb((shoulder, elbow, wrist), rest_hinge, is_knee=False)
    rotations[shoulder], rotations[elbow] = _limb_rotations(source, target, limb, upper_arm @ rest_hinge)
    rotations[wrist] = rotations[elbow]
    rotation, palm = source.rotation(wrist), source.rest_bone(wrist, f"{side}_knuckles")
    if rotation is not None and palm is not None:
        rest_palm = target.body.J_template[JOINT_INDEX[f"{side}_middle1"]].double() - target.joint(wrist)
        recorded = rotation @ rotation_between_vectors(rest_palm, palm)
        rotations[wrist] = _replace_implausible(rotations[elbow], recorded)
        _share_forearm_twist(rotations, elbow, wrist, lower)
        rotations[wrist] = _remove_median_turn(
            rotations[elbow], rotations[wrist], (1, 2), 0.0, _SETTINGS.max_wrist_correction
        )


def _collar_rotation(
    source: SourceSkeleton, side: str, upper_arm: Float[Tensor, "T 3"], chest: Float[Tensor, "T 3 3"]
) -> Float[Tensor, "T 3 3"]:
    """The recording's rotation of the collar or the chest's, and the collar's part in raising the arm."""
    recorded = source.rotation(f"{side}_collar")
    elevation = (normalize(upper_arm, dim=-1) * chest[..., 1]).sum(-1).clamp(-1, 1)
    angle = torch.where(elevation < 0, _SETTINGS.collar_down, _SETTINGS.collar_up) * elevation
    angle = angle * (1.0 if side == "left" else -1.0)
    zero = torch.zeros_like(angle)
    return (chest if recorded is None else recorded) @ axis_angle_to_matrix(torch.stack([zero, zero, angle], -1))


@dataclass(frozen=True)
class _Limb:
    """Two bones with a hinge between them."""

    joints: tuple[str, str, str]
    """Where the first bone begins, the hinge, and where the second bone ends."""
    rest_hinge: Float[Tensor, "3"]
    """Axis of the hinge in the rest pose."""
    is_knee: bool
    """Knees bend one way: a bend against the predicted hinge is a knee pushed backwards, not another hinge."""


def _limb_rotations(
    source: SourceSkeleton, target: TargetSkeleton, limb: _Limb, predicted_hinge: Float[Tensor, "T 3"]
) -> tuple[Float[Tensor, "T 3 3"], Float[Tensor, "T 3 3"]]:
    """Global rotations of a limb's two bones.

    The bend of a limb shows the axis of its hinge. While the limb is straight, the hinge is the predicted one, rotated about
    the limb by the difference between prediction and bend in the frames around.
    """
    first, middle, last = limb.joints
    upper, lower = source.bone(first, middle), source.bone(middle, last)
    observed = torch.linalg.cross(normalize(upper, dim=-1), normalize(lower, dim=-1))
    sine = observed.norm(dim=-1, keepdim=True)
    observed = observed / sine.clamp_min(1e-9)
    frame = orthonormal_frame(upper, predicted_hinge)
    confidence = ((sine - _SETTINGS.straight_sine) / (_SETTINGS.bent_sine - _SETTINGS.straight_sine)).clamp(0, 1)
    if limb.is_knee:
        confidence = confidence * ((observed * frame[..., 1]).sum(-1, keepdim=True) > 0.3)
    # the observed hinge in the plane across the upper bone, relative to the predicted one
    across = torch.stack([(observed * frame[..., 1]).sum(-1), (observed * frame[..., 2]).sum(-1)], -1)
    smoothed = _smooth_directions(across, confidence)
    hinge = smoothed[..., :1] * frame[..., 1] + smoothed[..., 1:] * frame[..., 2]
    hinge = confidence * observed + (1 - confidence) * hinge
    rest_upper, rest_lower = target.bone(first, middle), target.bone(middle, last)
    return (
        orthonormal_frame(upper, hinge) @ orthonormal_frame(rest_upper, limb.rest_hinge).mT,
        orthonormal_frame(lower, hinge) @ orthonormal_frame(rest_lower, limb.rest_hinge).mT,
    )


def _smooth_directions(directions: Float[Tensor, "T 2"], confidence: Float[Tensor, "T 1"]) -> Float[Tensor, "T 2"]:
    """Unit vectors averaged over time by confidence, with a weak prior of their overall mean and a weaker one of (1, 0)."""
    sigma = _SETTINGS.hinge_memory * FRAME_RATE
    weighted = confidence * directions
    local_mean = gaussian_filter1d(weighted.numpy(), sigma, axis=0, mode="constant")
    overall_mean = weighted.sum(0).numpy() / (float(confidence.sum()) + sigma * 0.1)
    return normalize(torch.from_numpy(local_mean + 0.02 * overall_mean + np.array([1e-3, 0.0])), dim=-1)


def _replace_implausible(parent: Float[Tensor, "T 3 3"], rotation: Float[Tensor, "T 3 3"]) -> Float[Tensor, "T 3 3"]:
    """A joint's global rotation, its parent's where no joint turns so far: markers of both sides were exchanged."""
    angle = matrix_to_axis_angle(parent.mT @ rotation).norm(dim=-1)
    return torch.where((angle > _SETTINGS.max_joint_angle)[:, None, None], parent, rotation)


def _remove_median_turn(
    parent: Float[Tensor, "T 3 3"],
    rotation: Float[Tensor, "T 3 3"],
    axes: tuple[int, ...],
    allowed: float,
    max_correction: float,
) -> Float[Tensor, "T 3 3"]:
    """A joint's global rotation without the part of its median angle about some axes of the parent that exceeds `allowed`.

    At most `max_correction` radians are removed about each axis.
    """
    median = matrix_to_axis_angle(parent.mT @ rotation).median(0).values
    excess = median - median.clamp(-allowed, allowed)
    correction = torch.zeros_like(median)
    correction[list(axes)] = excess[list(axes)].clamp(-max_correction, max_correction)
    return parent @ axis_angle_to_matrix(-correction) @ parent.mT @ rotation


def _share_forearm_twist(rotations: GlobalRotations, elbow: str, wrist: str, forearm: Float[Tensor, "T 3"]) -> None:
    """Give the forearm half of the hand's twist about it, as in pronation; the wrist keeps the rest."""
    axis = normalize(forearm, dim=-1)
    turn = matrix_to_axis_angle(rotations[wrist] @ rotations[elbow].mT)
    twist = (turn * axis).sum(-1, keepdim=True) * axis
    rotations[elbow] = axis_angle_to_matrix(twist / 2) @ rotations[elbow]
