"""One person carries the other on the back, walking or standing: the rider's thighs around the waist, held from below."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from numpy.random import Generator
from scipy.ndimage import gaussian_filter1d

from core.body.rotations import axis_angle_to_matrix, nearest_rotation
from core.contract.skeleton import JOINT_INDEX
from core.fitting.limits import relaxed_pose

from ...mocap.motion_clip import MotionClip, place_at
from ..scene import (
    Actor,
    ContactGoal,
    ContactPoint,
    DirectionGoal,
    GazeGoal,
    HandShapeGoal,
    Interval,
    PositionGoal,
    Scene,
)
from ..scene_sampler import SceneSampler, actor_joints
from ..sentences import InteractionFacts, write_sentences
from ..symmetry import mirror_scene, swap_people
from ..timing import Side

_LEAN = {"pelvis": 7.0, "spine1": 6.0, "spine2": 6.0, "neck": -6.0, "head": -4.0}
"""Degrees by which a carrier's joints bend forward."""
_STRAIGHT, _SLOW = 0.6, 1.3
"""radians by which a walk may turn, and m/s of somebody who carries."""
_SIDES: tuple[tuple[Side, float], ...] = (("left", 1.0), ("right", -1.0))
"""And where they lie along X."""
_SMOOTH = 2.0
"""frames, sigma, over which the rider follows the carrier's back."""


def compose(sampler: SceneSampler, rng: Generator) -> Scene:
    walking = bool(sampler.find_windows is not None and rng.random() < 0.5)
    frames = int(rng.integers(64, 113))
    people = sorted((sampler.sample_person(rng) for _ in range(2)), key=lambda one: -one.pelvis_height)
    carrier, rider = people
    if walking:
        slow = [
            one
            for one in sampler.windows("walking", frames)
            if abs(one.heading_change) < _STRAIGHT and one.speed < _SLOW
        ]
        motion = sampler.sample_motion("walking", carrier, frames, rng, (lambda one: one in slow) if slow else None)
        way = motion.pelvis[-1, :2] - motion.pelvis[0, :2]
        motion = place_at(motion, 0.0, (-float(np.linalg.norm(way)) / 2, 0.0))
    else:
        motion = place_at(
            sampler.standing_motion(carrier, frames, rng, free_arms=True),
            float(rng.normal(0, 0.3)),
            (0.0, 0.0),
            frames // 2,
        )
    carries = Actor(carrier.body, carrier.betas, _leaning(motion, float(rng.uniform(0.85, 1.25))))
    rides = Actor(rider.body, rider.betas, _riding(carries, rng))
    hold = Interval(-40, frames + 40, 4, 4)
    down = float(rng.uniform(-0.1, 0.4))
    touches, places, directions, hands = [], [], [], []
    for side, out in _SIDES:
        thigh = ContactPoint(f"{side}_thigh", (0.25, float(rng.uniform(-0.55, -0.3)), -1))
        chest = ContactPoint("chest", (0.5 * out, down, 1))
        touches.append(
            ContactGoal(
                0,
                ContactPoint(f"{side}_palm", (0.2, -1, 0)),
                thigh,
                hold,
                tolerance=0.04,
                normal_tolerance=0.5,
                gap=0.003,
            )
        )
        touches.append(
            ContactGoal(
                1, ContactPoint(f"{side}_palm", (0.2, -1, 0)), chest, hold, tolerance=0.04, normal_tolerance=0.5
            )
        )
        places.append(PositionGoal(0, f"{side}_elbow", (0.33 * out, -0.16, -0.10), hold, (0, "spine3"), sigma=0.08))
        places.append(PositionGoal(1, f"{side}_elbow", (0.20 * out, 0.17, 0.02), hold, (0, "spine3"), sigma=0.07))
        places.append(PositionGoal(1, f"{side}_knee", (0.31 * out, 0.05, 0.09), hold, (0, "pelvis"), sigma=0.03))
        along = (out, 0, 0)
        directions.append(
            DirectionGoal(0, f"{side}_wrist", along, (-0.5 * out, 0.2, 0.8), hold, (0, "spine3"), sigma=0.5)
        )
        directions.append(
            DirectionGoal(1, f"{side}_wrist", along, (-0.4 * out, -0.9, 0.1), hold, (0, "spine3"), sigma=0.5)
        )
        hands += [HandShapeGoal(0, side, "flat", hold), HandShapeGoal(1, side, "flat", hold)]
    cheek = float(rng.choice([-1.0, 1.0]) * rng.uniform(0.07, 0.12))
    places.append(
        PositionGoal(1, "head", (cheek, 0.35, -0.12), hold, (0, "spine3"), sigma=0.05, axis_weights=(1, 0.2, 0.2))
    )
    at = float(rng.uniform(5, frames - 30))
    words = InteractionFacts(walking=walking, duration=frames / 30)
    scene = Scene(
        "piggyback",
        (carries, rides),
        contact_goals=tuple(touches),
        position_goals=tuple(places),
        direction_goals=tuple(directions),
        gaze_goals=(GazeGoal(0, Interval(at, at + 15, 14, 14), sigma=0.8),),
        hand_goals=tuple(hands),
        translation_sigma=0.04,
        sentences=write_sentences("piggyback", words, rng),
    )
    if rng.random() < 0.5:
        scene = mirror_scene(scene)
    return swap_people(scene) if rng.random() < 0.5 else scene


def _about(axis: int, degrees: float) -> np.ndarray:
    vector = torch.zeros(3)
    vector[axis] = math.radians(degrees)
    return axis_angle_to_matrix(vector).numpy()


def _leaning(motion: MotionClip, share: float) -> MotionClip:
    """The trunk forward, legs as they were."""
    rotations = motion.rotations.copy()
    for name, degrees in _LEAN.items():
        joint = JOINT_INDEX[name]
        rotations[:, joint] = rotations[:, joint] @ _about(0, share * degrees)
    for side in ("left", "right"):
        hip = JOINT_INDEX[f"{side}_hip"]
        rotations[:, hip] = _about(0, -share * _LEAN["pelvis"]) @ rotations[:, hip]
    return replace(motion, rotations=rotations)


def _riding(carries: Actor, rng: Generator) -> MotionClip:
    """The rider's own motion: sitting on the carrier's back wherever that goes, feet in the air."""
    base = carries.motion
    world = base.rotations[:, 0] @ base.rotations[:, JOINT_INDEX["spine1"]] @ base.rotations[:, JOINT_INDEX["spine2"]]
    turns = _smoothed(world)
    waist = gaussian_filter1d(actor_joints(carries)[:, JOINT_INDEX["spine2"]], _SMOOTH, axis=0, mode="nearest")
    seat = np.array([0.0, rng.uniform(-0.07, -0.03), -rng.uniform(0.255, 0.27)], np.float32)
    angles = relaxed_pose()
    rotations = np.tile(np.eye(3, dtype=np.float32), (base.frames, 22, 1, 1))
    rotations[:, 1:] = axis_angle_to_matrix(angles).numpy()
    rotations[:, 0] = turns @ _about(0, float(rng.uniform(-4, 4)))
    flexed, apart, bent = rng.uniform(76, 86), rng.uniform(29, 35), rng.uniform(70, 95)
    for side, out in _SIDES:
        rotations[:, JOINT_INDEX[f"{side}_hip"]] = _about(1, out * apart) @ _about(0, -flexed)
        rotations[:, JOINT_INDEX[f"{side}_knee"]] = _about(0, bent + float(rng.uniform(-6, 6)))
        rotations[:, JOINT_INDEX[f"{side}_ankle"]] = _about(0, 18)
        # arms begin forward, over the carrier's shoulders
        rotations[:, JOINT_INDEX[f"{side}_shoulder"]] = _about(1, -out * 70) @ _about(2, -out * 12)
        rotations[:, JOINT_INDEX[f"{side}_elbow"]] = _about(1, -out * 25)
    return MotionClip(
        rotations.astype(np.float32),
        (waist + (turns @ seat[:, None])[..., 0]).astype(np.float32),
        np.zeros((base.frames, 2), bool),
        base.source,
        base.subject,
    )


def _smoothed(turns: np.ndarray) -> np.ndarray:
    """[T,3,3] the same, without what is quick."""
    mean = gaussian_filter1d(turns.astype(np.float64), _SMOOTH, axis=0, mode="nearest")
    return nearest_rotation(torch.from_numpy(mean)).numpy().astype(np.float32)
