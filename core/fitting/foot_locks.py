"""Feet that the animator locks to the floor for a while, or lets slide: where they stand, and what the fit is to know."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..body.model import BodyModel
from ..body.rotations import axis_angle_to_matrix, nearest_rotation
from ..contract.foot_contact import FEET, FootContact
from ..contract.runs import find_runs, frames_in
from ..contract.skeleton import JOINT_INDEX
from ..motion import MotionEstimate, Posed, Timeline, pose_motion
from .soles import posed_soles

_LARGEST_CORRECTION = math.radians(25)
"""Pitch up to which a standing foot is laid flat; beyond it stands on its heel or toes."""
_STANDS, _LEAVES = 0.5, 0.3
"""Probabilities that a foot has to exceed somewhere in an interval, and everywhere in it."""
_SHORTEST_SECONDS = 0.13


@dataclass(frozen=True)
class FootHold:
    """A foot that stands still in some frames."""

    person: int
    foot: int
    """0 = left, 1 = right."""
    frames: Int[np.ndarray, " F"]
    """Positions in the clip's range."""
    place: Float[np.ndarray, " 3"]
    """Of the ankle in the world, metres."""
    rotation: Float[np.ndarray, "3 3"]
    """Of the ankle, from the rest pose into the world."""
    toes: Float[np.ndarray, "3 3"]
    """Rotation of the toes' joint relative to the ankle."""


def foot_holds(
    motion: MotionEstimate, body: BodyModel, frame_index: Int[np.ndarray, " T"], feet: Sequence[FootContact]
) -> list[FootHold]:
    """Where locked feet stand: in the middle of where the motion has them, heel and toes on the floor."""
    locked = [foot for foot in feet if foot.mode == "lock"]
    if not locked:
        return []
    posed = pose_motion(body, motion.motion_inworld)
    soles = posed_soles(posed, body)
    holds = [_foot_hold(posed, soles, frame_index, foot) for foot in locked]
    return [hold for hold in holds if len(hold.frames)]


def with_foot_modes(
    foot_contact: Float[np.ndarray, "P T 2"], frame_index: Int[np.ndarray, " T"], feet: Sequence[FootContact]
) -> Float[np.ndarray, "P T 2"]:
    """The probability that feet stand, where the animator knows it: 1 for a locked foot, 0 for one that may slide."""
    known = foot_contact.copy()
    for foot in feet:
        if foot.mode != "reconstructed":
            known[foot.person, _inside(foot, frame_index), FEET.index(foot.foot)] = foot.mode == "lock"
    return known


def foot_intervals(foot_contact: Float[np.ndarray, "P T 2"], timeline: Timeline) -> tuple[FootContact, ...]:
    """When feet stand, in the order of time: where the probability is high, and as long as it does not fall too low."""
    shortest = frames_in(_SHORTEST_SECONDS, timeline.time_step)
    found: list[FootContact] = []
    for person, foot in np.ndindex(foot_contact.shape[0], foot_contact.shape[2]):
        probability = foot_contact[person, :, foot]
        for run in find_runs(probability > _LEAVES, min_length=shortest):
            inside = probability[run]
            if inside.max() > _STANDS:
                confidence = round(float(np.clip(inside.mean(), 0, 1)), 3)
                numbers = int(timeline.frame_index[run.start]), int(timeline.frame_index[run.stop - 1])
                found.append(FootContact(person, FEET[foot], *numbers, confidence=confidence))
    return tuple(sorted(found, key=lambda each: (each.frame_start, each.person, each.foot)))


def _inside(foot: FootContact, frame_index: np.ndarray) -> Int[np.ndarray, " F"]:
    return np.flatnonzero((frame_index >= foot.frame_start) & (frame_index <= foot.frame_end))


def _foot_hold(posed: Posed, soles: Float[Tensor, "P T 2 S 3"], frame_index: np.ndarray, foot: FootContact) -> FootHold:
    frames, side = _inside(foot, frame_index), FEET.index(foot.foot)
    if not len(frames):
        return FootHold(foot.person, side, frames, np.zeros(3), np.eye(3), np.eye(3))
    ankle = JOINT_INDEX[f"{foot.foot}_ankle"]
    rotations = posed.global_rotations[foot.person, frames, ankle].double().cpu()
    places = posed.joints[foot.person, frames, ankle].double().cpu()
    toes = posed.rotations[foot.person, frames, JOINT_INDEX[f"{foot.foot}_foot"]].double().cpu()
    from_ankle = (soles[foot.person, frames, side].double().cpu() - places[:, None]) @ rotations
    sole = from_ankle.median(0).values
    rotation = _laid_flat(nearest_rotation(rotations.mean(0)), sole)
    place = places.median(0).values
    place[2] = -(sole @ rotation.mT)[:, 2].min()
    return FootHold(foot.person, side, frames, place.numpy(), rotation.numpy(), nearest_rotation(toes.mean(0)).numpy())


def _laid_flat(rotation: Float[Tensor, "3 3"], sole: Float[Tensor, "S 3"]) -> Float[Tensor, "3 3"]:
    """The rotation of a foot that is as level as in the rest pose (Y up), from heel to toes, its first and last points."""
    at_rest = sole[-1] - sole[0]
    along = rotation @ at_rest
    flat = torch.hypot(along[0], along[1])
    pitch = float(torch.atan2(along[2], flat) - torch.atan2(at_rest[1], torch.hypot(at_rest[0], at_rest[2])))
    if abs(pitch) > _LARGEST_CORRECTION:
        return rotation
    axis = torch.stack([-along[1], along[0], torch.zeros_like(flat)]) / flat.clamp_min(1e-9)
    return axis_angle_to_matrix(axis * pitch) @ rotation
