"""One person lifts a hand, and the other turns once around beneath it, the fingers in the leader's palm."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.random import Generator

from ...mocap.blending import with_planted_feet
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
from ..scene_sampler import Person, SceneSampler
from ..sentences import InteractionFacts, write_sentences
from ..symmetry import mirror_scene, swap_people

_PALM, _TIPS = ContactPoint("left_fingers", (-0.4, -1, 0)), ContactPoint("right_fingers", (1.2, -0.2, 0.15))
_STEP, _LIFT = 7, 0.05
"""frames that a small step takes, and metres that the foot is lifted."""


def compose(sampler: SceneSampler, rng: Generator) -> Scene:
    steps = int(rng.integers(6, 9))
    turning = steps * _STEP
    begin = int(rng.integers(22, 34))
    end = begin + turning
    frames = min(end + int(rng.integers(22, 40)), 136)
    leader, follower = sorted((sampler.sample_person(rng) for _ in range(2)), key=lambda one: -one.pelvis_height)
    apart = rng.uniform(0.41, 0.46) * 0.5 * (leader.arm_length + follower.arm_length) / 0.60
    way = float(rng.choice([-1.0, 1.0]))
    stands = place_at(
        sampler.standing_motion(leader, frames, rng, free_arms=True),
        float(rng.normal(0, 0.08)),
        (-apart / 2, 0.0),
        frames // 2,
    )
    turns = _turning(
        sampler.standing_motion(follower, frames, rng, free_arms=True), follower, begin, steps, way, (apart / 2, 0.0)
    )
    actors = Actor(leader.body, leader.betas, stands), Actor(follower.body, follower.betas, turns)
    hold = Interval(max(begin - int(rng.integers(12, 20)), 14), min(end + int(rng.integers(4, 14)), frames - 6), 14, 14)
    high = follower.joint_height("head") + rng.uniform(0.23, 0.29)
    high = min(high, leader.joint_height("left_shoulder") + 0.80 * leader.arm_length)
    path = _path(turns, begin, end, high, 0.82 * follower.joint_height("neck"))
    up = Interval(begin - 2, end + 2, 8, 8)
    scene = Scene(
        "dance_turn",
        actors,
        contact_goals=(ContactGoal(1, _TIPS, _PALM, hold, tolerance=0.012, normal_tolerance=0.6, gap=0.014),),
        position_goals=(
            PositionGoal(0, _PALM, path, hold, sigma=0.09),
            PositionGoal(1, _TIPS, path, hold, sigma=0.07),
            PositionGoal(0, _PALM, path, hold, sigma=0.03, axis_weights=(0, 0, 1)),
            PositionGoal(1, _TIPS, path, hold, sigma=0.03, axis_weights=(0, 0, 1)),
            PositionGoal(1, "right_elbow", (-0.33, 0.20, 0.12), up, (1, "spine3"), sigma=0.10),
            PositionGoal(1, "left_wrist", (0.13, 0.02, 0.21), up, (1, "spine1"), sigma=0.05),
            PositionGoal(0, "left_elbow", (0.30, 0.20, 0.22), up, (0, "spine3"), sigma=0.12),
        ),
        direction_goals=(
            DirectionGoal(0, "spine3", (0, 1, 0), (0.1, 0, 1), hold, sigma=0.12),
            DirectionGoal(1, "spine3", (0, 1, 0), (0, 0, 1), hold, sigma=0.12),
            DirectionGoal(0, "left_wrist", (0, -1, 0), (0, 0, -1), hold, sigma=0.35),
            DirectionGoal(0, "left_wrist", (1, 0, 0), (0.7, 0.0, 0.5), hold, sigma=0.8),
            DirectionGoal(1, "right_wrist", (-1, 0, 0), (0, 0, 1), up, sigma=0.6),
        ),
        gaze_goals=(
            GazeGoal(0, Interval(6, frames, 10, 10)),
            GazeGoal(1, Interval(4, begin - 2, 8, 8)),
            GazeGoal(1, Interval(end + 2, frames, 10, 4)),
        ),
        hand_goals=(HandShapeGoal(0, "left", "flat", hold), HandShapeGoal(1, "right", "flat", hold)),
        translation_sigma=0.06,
    )
    side, other = "left", "right"
    if rng.random() < 0.4:
        scene, side, other = mirror_scene(scene), "right", "left"
    words = InteractionFacts(side=side, other_side=other)  # pyright: ignore[reportArgumentType]
    scene = replace(scene, sentences=write_sentences("dance_turn", words, rng))
    return swap_people(scene) if rng.random() < 0.5 else scene


def _turning(
    motion: MotionClip, person: Person, begin: int, steps: int, way: float, at: tuple[float, float]
) -> MotionClip:
    """Somebody who faces -X turns once around from frame `begin` on with so many small steps, the feet one after the other."""
    frames = motion.frames
    share = np.clip((np.arange(frames) - begin) / (steps * _STEP), 0, 1)
    share = share + 0.10 * np.sin(2 * math.pi * share) / (-2 * math.pi) * 2
    # about the feet as they stand, so that nobody drifts
    motion = place_at(motion, math.pi, at, begin)
    rotations, pelvis = motion.rotations.copy(), motion.pelvis.copy()
    cosine, sine = np.cos(way * 2 * math.pi * share), np.sin(way * 2 * math.pi * share)
    none, one = np.zeros(frames), np.ones(frames)
    turns = np.array([[cosine, -sine, none], [sine, cosine, none], [none, none, one]]).transpose(2, 0, 1)
    rotations[:, 0] = (turns @ rotations[:, 0]).astype(np.float32)
    middle = np.array([*at, 0.0])
    pelvis = ((turns @ (pelvis - middle)[..., None])[..., 0] + middle).astype(np.float32)
    planted, raised = np.ones((frames, 2), bool), np.zeros((frames, 2))
    planted[:begin] = motion.foot_contact[:begin]
    planted[begin + steps * _STEP :] = motion.foot_contact[begin + steps * _STEP :]
    # the foot on the side that one turns to goes first
    for step in range(steps):
        foot = (step + (way < 0)) % 2
        first = begin + step * _STEP
        planted[first : first + _STEP - 1, foot] = False
        raised[first : first + _STEP - 1, foot] = _LIFT * np.sin(np.linspace(0.15 * math.pi, 0.85 * math.pi, _STEP - 1))
    turned = replace(motion, rotations=rotations, pelvis=pelvis, foot_contact=planted)
    return with_planted_feet(turned, person.body, person.betas, raised)


def _path(turns: MotionClip, begin: int, end: int, high: float, low: float) -> np.ndarray:
    """[T,3] of the joined hands: between the two, up beside the follower's head while that turns, and down again."""
    t = np.arange(turns.frames)
    u = np.clip(np.minimum((t - begin + 14) / 14, (end + 12 - t) / 12), 0, 1)
    up = (u * u * (3 - 2 * u))[:, None]
    left = turns.rotations[:, 0, :, 0] * np.array([1, 1, 0])
    left /= np.linalg.norm(left, axis=1, keepdims=True)
    ahead = np.stack([left[:, 1], -left[:, 0], left[:, 2]], 1)
    below = turns.pelvis * np.array([1, 1, 0])
    raised = below - 0.09 * left + 0.08 * ahead + np.array([-0.06, 0, high])
    lowered = np.array([0.0, 0.26, low])
    return (lowered + up * (raised - lowered)).astype(np.float32)
