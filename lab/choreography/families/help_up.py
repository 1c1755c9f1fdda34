"""One person helps the other up from the floor by the hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from numpy.random import Generator
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from core.body.model import forward_kinematics, rest_joints
from core.contract.skeleton import JOINT_INDEX

from ...mocap.motion_clip import place_at
from ..contact_points import body_sample
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
from ..skin_points import BODY, SkinPoints
from ..symmetry import mirror_scene, swap_people

_PALM = ContactPoint("right_palm", (0.35, -1, -0.1))
_RISING = (0.34, 0.50)
"""Shares of the standing height of the pelvis, between which the hand is taken."""
_EASED = 15
"""frames over which somebody is raised from in the floor."""
_ABOVE = 0.008
"""metres that they then lie above it."""


def compose(sampler: SceneSampler, rng: Generator) -> Scene:
    frames = int(rng.integers(110, 151))
    helper, helped = sampler.sample_person(rng), sampler.sample_person(rng)
    rises = sampler.sample_motion("getting_up", helped, frames, rng)
    upright = frames - 20 if rises.peak is None else rises.peak
    rises = place_at(rises, math.pi, (0.0, 0.0), min(upright, frames - 1))
    rising = rises.pelvis[:, 2] / helped.pelvis_height
    low = np.flatnonzero(rising[: upright + 1] < rng.uniform(*_RISING))
    first = int(low[-1]) if len(low) else max(upright - 25, 0)
    hold = Interval(first, min(upright + int(rng.integers(2, 14)), frames - 8), 30, 18)
    risen = _on_the_floor(Actor(helped.body, helped.betas, rises))
    joints = actor_joints(risen)
    # the helper stands before the chest and feet of who gets up, and never nearer than both have room
    part = slice(int(hold.start), int(hold.end) + 1)
    chest = joints[part, JOINT_INDEX["spine3"], :2]
    nearest = float(
        min(chest[:, 0].min(), joints[part][:, [JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"]], 0].min())
    )
    x = nearest - rng.uniform(0.42, 0.52)
    y = float(chest[:, 1].mean()) + rng.normal(0, 0.04)
    stands = place_at(sampler.standing_motion(helper, frames, rng), float(rng.normal(0, 0.08)), (x, y), int(hold.start))
    helping = Actor(helper.body, helper.betas, stands)
    shoulders = [actor_joints(helping)[:, JOINT_INDEX["right_shoulder"]], joints[:, JOINT_INDEX["right_shoulder"]]]
    share = helper.arm_length / (helper.arm_length + helped.arm_length)
    between = shoulders[0] + share * (shoulders[1] - shoulders[0])
    between[:, 2] -= 0.10
    scene = Scene(
        "help_up",
        (helping, risen),
        contact_goals=(ContactGoal(0, _PALM, _PALM, hold, tolerance=0.012, normal_tolerance=0.35, gap=0.009),),
        position_goals=tuple(PositionGoal(p, _PALM, between.astype(np.float32), hold, sigma=0.10) for p in (0, 1)),
        direction_goals=(
            DirectionGoal(0, "right_wrist", (-1, 0, 0), (0.8, 0, -0.5), hold, frame=(1, "right_wrist"), sigma=0.35),
        ),
        gaze_goals=(
            GazeGoal(0, Interval(4, frames - 6, 12, 12), sigma=0.5),
            GazeGoal(1, Interval(hold.start - 6, frames, 12, 12), sigma=0.6),
        ),
        hand_goals=tuple(HandShapeGoal(p, "right", "clasped", hold, closes_on_contact=True) for p in (0, 1)),
        translation_sigma=0.08,
        rotation_sigma=0.15,
    )
    side = "right"
    if rng.random() < 0.5:
        scene, side = mirror_scene(scene), "left"
    lying = rises.pelvis[0, 2] < 0.16 and abs(joints[0, JOINT_INDEX["neck"], 2] - rises.pelvis[0, 2]) < 0.2
    words = InteractionFacts(side=side, other_side=side, body_part="lying" if lying else "sitting")  # pyright: ignore[reportArgumentType]
    scene = replace(scene, sentences=write_sentences("help_up", words, rng))
    return swap_people(scene) if rng.random() < 0.5 else scene


def _on_the_floor(actor: Actor) -> Actor:
    """Raised where a body that lies or sits would be in the floor."""
    betas, base = torch.from_numpy(actor.betas), actor.motion
    rest = rest_joints(actor.body, betas)[:BODY]
    joints, world = forward_kinematics(torch.from_numpy(base.rotations), rest, torch.from_numpy(base.pelvis))
    sample = body_sample(actor.body)
    skin = SkinPoints.from_body(sample.body, betas, torch.eye(3).repeat(1, 33, 1, 1), sample.normals).pose(
        joints, world
    )[0]
    under = np.maximum(-skin[..., 2].amin(1).numpy(), 0.0)
    under += _ABOVE * (under > 0)
    pelvis = base.pelvis.copy()
    pelvis[:, 2] += gaussian_filter1d(maximum_filter1d(under, _EASED), _EASED / 3, mode="nearest")
    return replace(actor, motion=replace(base, pelvis=pelvis))
