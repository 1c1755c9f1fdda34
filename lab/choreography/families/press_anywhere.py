"""Two people press against each other with any two parts but the hands: side by side, back to back, a shoulder, an arm, a hip.

With `touch_anywhere` it stands for all touches that no family is made of.
"""

from __future__ import annotations

import math
from dataclasses import replace

from numpy.random import Generator

from core.contract.errors import UserError
from core.contract.skeleton import split_side

from ...mocap.motion_clip import heading_at, place_at
from ..scene import Actor, ContactGoal, GazeGoal, Interval, Scene
from ..scene_sampler import SceneSampler, least_joint_distance
from ..sentences import InteractionFacts, write_sentences
from ..strikes import contact_point_at
from ..symmetry import mirror_scene, swap_people
from ..timing import Side
from .touch_anywhere import BESIDE_ARMS, random_point

_PARTS = {
    "shoulder": 4, "upper_arm": 4, "elbow": 1, "forearm": 3, "chest": 2, "back": 4, "belly": 1, "hips": 2, "thigh": 1,
    "knee": 1, "head": 1,
}  # fmt: skip
"""Parts that touch, and how often in proportion to each other."""
_DRAWS, _HORIZONTAL = 150, 0.7
"""Draws of two points, and how near to horizontal the normals of both are at least: the length of their horizontal part."""
_RISE = 0.15
"""metres by which one point may be higher than the other before anybody moves."""
_NORMALS = 0.3
"""radians, standard deviation of the angle between one normal and the opposite of the other."""
_ROOM = 0.14
"""metres between any two joints of the two, other than elbows and wrists, before anybody moves."""
_SAID = {"hips": "hip"}


def compose(sampler: SceneSampler, rng: Generator) -> Scene:
    frames = int(rng.integers(72, 121))
    people = sampler.sample_person(rng), sampler.sample_person(rng)
    first = int(rng.integers(22, frames - 24))
    last = min(first + round(math.exp(rng.uniform(math.log(6), math.log(60)))), frames - 8)
    motions = [
        sampler.approaching_motion(people[0], frames, rng, first)
        if rng.random() < 0.3
        else sampler.standing_motion(people[0], frames, rng),
        sampler.standing_motion(people[1], frames, rng)
        if sampler.find_windows is None or rng.random() < 0.7
        else sampler.sample_motion("other", people[1], frames, rng),
    ]
    one, other = (
        Actor(person.body, person.betas, place_at(motion, 0.0, (0.0, 0.0), first))
        for person, motion in zip(people, motions)
    )
    other, goal = _side_by_side(one, other, Interval(first, last, rng.uniform(10, 20), rng.uniform(10, 20)), rng)
    part = split_side(goal.target.region)[1]
    scene = Scene(
        "press_anywhere",
        (one, other),
        contact_goals=(goal,),
        gaze_goals=tuple(
            GazeGoal(person, Interval(4, frames, 10, 10), sigma=0.6) for person in (0, 1) if rng.random() < 0.3
        ),
        translation_sigma=0.08,
    )
    flip = rng.random() < 0.5
    other_side: Side = "right" if goal.target.region.startswith("right_") != flip else "left"
    details = InteractionFacts(other_side=other_side, body_part=_SAID.get(part, part))
    if flip:
        scene = mirror_scene(scene)
    if rng.random() < 0.5:
        scene = swap_people(scene)
    return replace(scene, sentences=write_sentences("press_anywhere", details, rng))


def _side_by_side(one: Actor, other: Actor, hold: Interval, rng: Generator) -> tuple[Actor, ContactGoal]:
    """The other, turned and placed so that a point of each skin meets the other's, normal against normal.

    UserError `out-of-reach` where no draw does.
    """
    at = int(hold.start)
    for _ in range(_DRAWS):
        point, target = random_point(_PARTS, rng), random_point(_PARTS, rng)
        (place, normal), (goal, opposed) = contact_point_at(one, point, at), contact_point_at(other, target, at)
        level = min(math.hypot(*normal[:2]), math.hypot(*opposed[:2]))
        if level < _HORIZONTAL or abs(place[2] - goal[2]) > _RISE:
            continue
        turn = math.atan2(-normal[1], -normal[0]) - math.atan2(opposed[1], opposed[0]) + rng.normal(0, _NORMALS)
        heading = heading_at(other.motion, at) + turn
        turned = replace(other, motion=place_at(other.motion, heading, (0.0, 0.0), at))
        there, _ = contact_point_at(turned, target, at)
        x, y = (place - there + turned.motion.pelvis[at])[:2]
        placed = replace(turned, motion=place_at(turned.motion, heading, (float(x), float(y)), at))
        if least_joint_distance(one, placed, BESIDE_ARMS) > _ROOM:
            return placed, ContactGoal(0, point, target, hold, tolerance=0.03, normal_tolerance=0.6, gap=0.002)
    raise UserError("out-of-reach", "No two points of their skins meet.", "Draw another scene.")
