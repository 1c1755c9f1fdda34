"""One person touches the other anywhere: a hand on any part that is within reach, from any side.

It stands for all touches that no family is made of. A network that learns from it sees which parts are near each other, not only
which interaction people are in.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.random import Generator

from core.contract.errors import UserError
from core.contract.skeleton import BODY_JOINTS, JOINT_INDEX, REGIONS, split_side

from ...mocap.motion_clip import heading_at, place_at
from ..scene import (
    Actor,
    ContactGoal,
    ContactPoint,
    GazeGoal,
    HandShape,
    HandShapeGoal,
    Interval,
    PositionGoal,
    Scene,
)
from ..scene_sampler import Person, SceneSampler, actor_joints, least_joint_distance
from ..sentences import InteractionFacts, write_sentences
from ..strikes import contact_point_at
from ..symmetry import mirror_scene, swap_people
from ..timing import Side

_TOUCHES_WITH = {
    ContactPoint("right_palm", (0.35, -1, 0)): 6,
    ContactPoint("right_fingers", (0, -1, 0)): 2,
    ContactPoint("right_hand_back", (0, 1, 0)): 1,
}
"""Points of the hand that touches, and how often in proportion to each other."""
_TARGETS = {
    "palm": 3, "hand_back": 2, "fingers": 2, "wrist": 3, "forearm": 4, "elbow": 2, "upper_arm": 4, "shoulder": 4,
    "chest": 2, "back": 3, "belly": 2, "hips": 2, "head": 2, "face": 1, "neck": 1, "thigh": 2, "knee": 1,
}  # fmt: skip
"""Parts that are touched, and how often in proportion to each other."""
_SHAPES: tuple[HandShape, ...] = ("flat", "relaxed", "hooked")
_OF_ARMS = ("palm", "hand_back", "fingers", "wrist", "forearm", "elbow")
"""Those that may come to meet the hand."""
_SAID = {"hand_back": "hand", "palm": "hand", "fingers": "hand", "hips": "hip"}
"""What sentences call a part, where it has another name there."""
_DRAWS, _FACING = 40, 0.35
"""Draws of a point to touch, and the least cosine of its normal with the direction to who touches it."""
_REACH = (0.55, 0.95)
"""Least and greatest distance of the point from the shoulder, as shares of an arm."""
_SIDEWAYS = (math.radians(-55), math.radians(35))
"""Directions in which it may lie, from straight ahead of who touches: to the side of the arm, and across the body."""
_BESIDE_ARMS = [index for index, name in enumerate(BODY_JOINTS) if "elbow" not in name and "wrist" not in name]
_ROOM = 0.24
"""metres between any two joints of the two, other than elbows and wrists, before anybody reaches out."""


def compose(sampler: SceneSampler, rng: Generator) -> Scene:
    frames = int(rng.integers(72, 121))
    people = sampler.sample_person(rng), sampler.sample_person(rng)
    first = int(rng.integers(22, frames - 24))
    last = min(first + round(math.exp(rng.uniform(math.log(3), math.log(60)))), frames - 8)
    own = (
        sampler.approaching_motion(people[0], frames, rng, first)
        if rng.random() < 0.3
        else sampler.standing_motion(people[0], frames, rng)
    )
    touching = Actor(people[0].body, people[0].betas, place_at(own, 0.0, (0.0, 0.0), first))
    other = (
        sampler.standing_motion(people[1], frames, rng)
        if sampler.find_windows is None or rng.random() < 0.7
        else sampler.sample_motion("other", people[1], frames, rng)
    )
    point = list(_TOUCHES_WITH)[_drawn(_TOUCHES_WITH.values(), rng)]
    touched, target = _within_reach(people, touching, Actor(people[1].body, people[1].betas, other), first, rng)
    part = split_side(target.region)[1]
    hold = Interval(first, last, rng.uniform(10, 20), rng.uniform(10, 20))
    scene = Scene(
        "touch_anywhere",
        (touching, touched),
        contact_goals=(ContactGoal(0, point, target, hold, tolerance=0.02, normal_tolerance=0.6, gap=0.002),),
        position_goals=_meets(touching, touched, target, hold, rng) if part in _OF_ARMS else (),
        gaze_goals=tuple(
            GazeGoal(person, Interval(4, frames, 10, 10), sigma=0.6) for person in (0, 1) if rng.random() < 0.5
        ),
        hand_goals=(HandShapeGoal(0, "right", _SHAPES[int(rng.integers(len(_SHAPES)))], hold),),
        translation_sigma=0.08,
    )
    flip = rng.random() < 0.5
    other_side: Side = "right" if target.region.startswith("right_") != flip else "left"
    details = InteractionFacts(side="left" if flip else "right", other_side=other_side, body_part=_SAID.get(part, part))
    if flip:
        scene = mirror_scene(scene)
    if rng.random() < 0.5:
        scene = swap_people(scene)
    return replace(scene, sentences=write_sentences("touch_anywhere", details, rng))


def _drawn(chances: Iterable[float], rng: Generator) -> int:
    """The number of one, as likely as `chances` say in proportion to each other."""
    share = np.fromiter(chances, float)
    return int(rng.choice(len(share), p=share / share.sum()))


def _within_reach(
    people: tuple[Person, Person], touching: Actor, other: Actor, at: int, rng: Generator
) -> tuple[Actor, ContactPoint]:
    """The other, turned and placed so that a point of their skin faces the right shoulder and is within reach of its arm.

    UserError `out-of-reach` where no draw is.
    """
    shoulder = actor_joints(touching)[at, JOINT_INDEX["right_shoulder"]]
    for _ in range(_DRAWS):
        turned = replace(other, motion=place_at(other.motion, rng.uniform(-math.pi, math.pi), (0.0, 0.0), at))
        target = _random_point(rng)
        place, normal = contact_point_at(turned, target, at)
        distance, rise = rng.uniform(*_REACH) * people[0].arm_length, float(place[2] - shoulder[2])
        if abs(rise) > distance:
            continue
        along, sideways = math.sqrt(distance**2 - rise**2), rng.uniform(*_SIDEWAYS)
        towards = np.array([along * math.cos(sideways), along * math.sin(sideways), rise])
        if -float(normal @ towards) / distance < _FACING:
            continue
        x, y = (shoulder + towards - place)[:2]
        heading = heading_at(turned.motion, at)
        pelvis = turned.motion.pelvis[at]
        placed = replace(
            turned, motion=place_at(turned.motion, heading, (float(x + pelvis[0]), float(y + pelvis[1])), at)
        )
        if least_joint_distance(touching, placed, _BESIDE_ARMS) > _ROOM:
            return placed, target
    raise UserError("out-of-reach", "No point of the other person's skin is within reach.", "Draw another scene.")


def _random_point(rng: Generator) -> ContactPoint:
    part = list(_TARGETS)[_drawn(_TARGETS.values(), rng)]
    region = part if part in REGIONS else f"{rng.choice(['left', 'right'])}_{part}"
    coordinates = rng.normal(size=3)
    x, y, z = (coordinates / np.abs(coordinates).max()).tolist()
    return ContactPoint(region, (x, y, z))


def _meets(
    touching: Actor, touched: Actor, target: ContactPoint, hold: Interval, rng: Generator
) -> tuple[PositionGoal, ...]:
    """Half of the arms that are touched come to meet the hand: to a place between the two."""
    if rng.random() < 0.5:
        return ()
    at = int(hold.start)
    middle = 0.5 * (actor_joints(touching)[at, 0] + actor_joints(touched)[at, 0])
    place, _ = contact_point_at(touched, target, at)
    between = 0.5 * (middle + place)
    between[2] = place[2] + rng.uniform(-0.1, 0.3)
    return (PositionGoal(1, target, (float(between[0]), float(between[1]), float(between[2])), hold, sigma=0.08),)
