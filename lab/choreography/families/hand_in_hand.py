"""Two people walk side by side, the inner hands in each other."""

from __future__ import annotations

import math
from dataclasses import replace

from numpy.random import Generator

from ...mocap.blending import fit_to_length
from ...mocap.motion_clip import heading_at, place_at
from ...mocap.windows import Window
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
from ..scene_sampler import Person, SceneSampler, actor_joints
from ..sentences import InteractionFacts, write_sentences
from ..symmetry import mirror_scene, swap_people

_RIGHT, _LEFT = ContactPoint("right_palm", (0.15, -1, 0)), ContactPoint("left_palm", (0.15, -1, 0))
_ALIKE = 0.02
"""Share by which legs may differ: nobody has to run to keep up."""
_STRAIGHT = 0.5
"""radians by which a walk may turn."""


def compose(sampler: SceneSampler, rng: Generator) -> Scene:
    frames = int(rng.integers(72, 121))
    people = alike(sampler, rng)
    window = walk(sampler, frames, rng)
    apart = rng.uniform(0.55, 0.63) * 0.5 * (people[0].arm_length + people[1].arm_length) / 0.66
    actors = side_by_side(people, window, frames, apart)
    always = Interval(-40, frames + 40, 4, 4)
    inner = [actor_joints(actor)[:, 0] for actor in actors]
    middle = 0.5 * (inner[0] + inner[1])
    middle[:, 2] = 0.5 * (people[0].pelvis_height + people[1].pelvis_height) * rng.uniform(0.80, 0.86)
    scene = Scene(
        "hand_in_hand",
        actors,
        contact_goals=(ContactGoal(0, _RIGHT, _LEFT, always, tolerance=0.012, normal_tolerance=0.35, gap=0.006),),
        position_goals=tuple(
            PositionGoal(p, spot, middle, always, sigma=0.06) for p, spot in ((0, _RIGHT), (1, _LEFT))
        ),
        direction_goals=(
            DirectionGoal(0, "right_wrist", (-1, 0, 0), (0.45, 0, -0.9), always, sigma=0.25),
            DirectionGoal(1, "left_wrist", (1, 0, 0), (-0.45, 0, -0.9), always, sigma=0.25),
        ),
        gaze_goals=tuple(
            GazeGoal(p, Interval(at, at + 18, 12, 12), sigma=0.5) for p, at in enumerate(rng.uniform(5, frames - 30, 2))
        ),
        hand_goals=(
            HandShapeGoal(0, "right", "clasped", always, closes_on_contact=True),
            HandShapeGoal(1, "left", "clasped", always, closes_on_contact=True),
        ),
        translation_sigma=0.05,
    )
    turned = bool(rng.random() < 0.5)
    if turned:
        scene = mirror_scene(scene)
    if rng.random() < 0.5:
        scene = swap_people(scene)
    side, other = ("left", "right") if turned else ("right", "left")
    details = InteractionFacts(side=side, other_side=other, walking=True, duration=frames / scene.rate)
    return replace(scene, sentences=write_sentences("hand_in_hand", details, rng))


def alike(sampler: SceneSampler, rng: Generator) -> tuple[Person, Person]:
    """Two people whose legs are as long, as far as the sampler has such."""
    first = sampler.sample_person(rng)
    others = [sampler.sample_person(rng) for _ in range(24)]
    fitting = [one for one in others if abs(one.pelvis_height / first.pelvis_height - 1) < _ALIKE and one is not first]
    nearest = min(others, key=lambda one: abs(one.pelvis_height - first.pelvis_height))
    return first, (fitting[0] if fitting else nearest)


def walk(sampler: SceneSampler, frames: int, rng: Generator) -> Window:
    """A walk that goes about straight."""
    found = [window for window in sampler.windows("walking", frames) if abs(window.heading_change) < _STRAIGHT]
    found = found or list(sampler.windows("walking", frames))
    return found[int(rng.integers(len(found)))]


def side_by_side(people: tuple[Person, Person], window: Window, frames: int, apart: float) -> tuple[Actor, Actor]:
    """Both walk the same walk along X, `apart` metres from each other, person 0 on the left."""
    actors = []
    for person, sign in zip(people, (1, -1)):
        motion = fit_to_length(window, person.body, person.betas, frames)
        way = motion.pelvis[-1, :2] - motion.pelvis[0, :2]
        heading = heading_at(motion, 0) - math.atan2(way[1], way[0])
        middle = place_at(motion, heading, (0.0, 0.0)).pelvis[:, :2].mean(0)
        at = (-float(middle[0]), sign * apart / 2 - float(middle[1]))
        actors.append(Actor(person.body, person.betas, place_at(motion, heading, at)))
    return actors[0], actors[1]
