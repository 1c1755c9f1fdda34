"""One person walks on and pulls the other along by the wrist, who follows a step behind."""

from __future__ import annotations

from dataclasses import replace

from numpy.random import Generator

from ...mocap.motion_clip import MotionClip
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
from .hand_in_hand import alike, side_by_side, walk

_PALM = ContactPoint("right_palm", (0.25, -1, 0))
_AHEAD, _ASIDE = (0.82, 1.0), (0.42, 0.6)
"""How far who pulls is before and beside the other, as shares of an arm."""


def compose(sampler: SceneSampler, rng: Generator) -> Scene:
    frames = int(rng.integers(72, 121))
    people = alike(sampler, rng)
    arm = 0.5 * (people[0].arm_length + people[1].arm_length)
    pulls, follows = side_by_side(people, walk(sampler, frames, rng), frames, rng.uniform(*_ASIDE) * arm + 0.12)
    follows = Actor(follows.body, follows.betas, _moved(follows.motion, -rng.uniform(*_AHEAD) * arm))
    held = ContactPoint("left_wrist" if rng.random() < 0.6 else "left_forearm", (0.3, 1, 0))
    always = Interval(-40, frames + 40, 4, 4)
    between = 0.5 * (actor_joints(pulls)[:, 0] + actor_joints(follows)[:, 0])
    between[:, 2] = 0.5 * (people[0].pelvis_height + people[1].pelvis_height) * rng.uniform(0.86, 0.96)
    scene = Scene(
        "pull_arm",
        (pulls, follows),
        contact_goals=(ContactGoal(0, _PALM, held, always, tolerance=0.02, normal_tolerance=0.4, gap=0.003),),
        position_goals=(
            PositionGoal(0, _PALM, between, always, sigma=0.06),
            PositionGoal(1, "left_wrist", between, always, sigma=0.08),
        ),
        direction_goals=(
            DirectionGoal(0, "right_wrist", (-1, 0, 0), (-0.75, 0.0, -0.6), always, sigma=0.5),
            DirectionGoal(1, "left_elbow", (1, 0, 0), (0.9, 0.2, -0.2), always, sigma=0.4),
        ),
        gaze_goals=(
            GazeGoal(0, _for_a_moment(frames, rng), sigma=0.6),
            GazeGoal(1, Interval(2, frames, 10, 10), sigma=0.6),
        ),
        hand_goals=(
            HandShapeGoal(0, "right", "hooked", always, closes_on_contact=True),
            HandShapeGoal(1, "left", "relaxed", always),
        ),
        translation_sigma=0.08,
    )
    flip = rng.random() < 0.5
    side: Side = "left" if flip else "right"
    other: Side = "right" if flip else "left"
    details = InteractionFacts(
        side=side, other_side=other, body_part=held.region.partition("_")[2], walking=True, yields=True
    )
    if flip:
        scene = mirror_scene(scene)
    if rng.random() < 0.5:
        scene = swap_people(scene)
    return replace(scene, sentences=write_sentences("pull_arm", details, rng))


def _moved(motion: MotionClip, far: float) -> MotionClip:
    """Along +X."""
    pelvis = motion.pelvis.copy()
    pelvis[:, 0] += far
    return replace(motion, pelvis=pelvis)


def _for_a_moment(frames: int, rng: Generator) -> Interval:
    at = rng.uniform(8, frames - 30)
    return Interval(at, at + rng.uniform(8, 18), 12, 12)
