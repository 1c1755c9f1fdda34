"""One person punches, and the other stops the arm with a forearm raised."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.random import Generator

from core.contract.skeleton import JOINT_INDEX

from ...mocap.motion_clip import place_at
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
from ..strikes import contact_point_at, recorded_strike
from ..symmetry import mirror_scene, swap_people
from ..timing import Side

_AROUND = 12
"""Places around the puncher's forearm that are looked at."""
_HIGH = (0.70, 1.12)
"""Heights of a punch that a raised forearm stops, as shares of the chest's height."""
_TRIES = 12
_SWING = 0.08
"""metres that a fist goes sideways just before it hits, from which on it swings."""
_SHORT = (0.34, 0.45)
"""metres from the punching wrist to the other's middle: what the punch falls short of."""


def compose(sampler: SceneSampler, rng: Generator) -> Scene:
    frames = int(rng.integers(64, 105))
    people = sampler.sample_person(rng), sampler.sample_person(rng)
    punches = _punch(sampler, people, frames, rng)
    hit = punches.motion.peak or frames // 2
    way = actor_joints(punches)[: hit + 1, JOINT_INDEX["right_wrist"]]
    wrist, swing = way[hit], float(way[hit, 1] - way[max(hit - 4, 0), 1])
    # the arm is met from the other's left, its outer side, or from the other's right; a swing, where it comes to
    leftwards = rng.random() < 0.5 if abs(swing) < _SWING else swing < 0
    side: Side = "left" if leftwards else "right"
    to = -1.0 if side == "left" else 1.0
    away = float(wrist[0]) + rng.uniform(*_SHORT)
    blocks = Actor(
        people[1].body,
        people[1].betas,
        place_at(
            sampler.standing_motion(people[1], frames, rng),
            math.pi + float(rng.normal(0, 0.12)),
            (away, -to * rng.uniform(0.0, 0.06)),
            hit,
        ),
    )
    span = Interval(hit, hit + int(rng.integers(2, 5)), rng.uniform(8, 11), 13)
    idle = "right" if side == "left" else "left"
    along = 1.0 if side == "left" else -1.0
    met = _met(punches, hit, to)
    where, normal = contact_point_at(punches, met, hit)
    forearm = ContactPoint(f"{side}_forearm", (0.35, -0.5, -0.6))
    touch = ContactGoal(
        1,
        forearm,
        met,
        span,
        tolerance=0.03,
        normal_tolerance=0.6,
    )
    scene = Scene(
        "block_punch",
        (punches, blocks),
        contact_goals=(touch,),
        position_goals=(
            PositionGoal(1, forearm, where + 0.01 * normal, span, sigma=0.04),
            # the hand that does not block is out of the punch's way
            PositionGoal(
                1,
                f"{idle}_wrist",
                (-0.27 * along, -0.08, 0.06),
                Interval(hit - 8, hit + 8, 12, 14),
                (1, "pelvis"),
                0.08,
            ),
        ),
        direction_goals=(
            DirectionGoal(1, f"{side}_elbow", (along, 0, 0), (-0.45, -0.25 * to, 0.85), span, sigma=0.25),
        ),
        gaze_goals=tuple(GazeGoal(p, Interval(3, frames, 10, 10)) for p in (0, 1)),
        hand_goals=(
            HandShapeGoal(0, "right", "fist", Interval(hit - 14, hit + 16, 10, 12)),
            HandShapeGoal(1, side, "fist" if rng.random() < 0.5 else "flat", Interval(hit - 5, hit + 8, 10, 12)),
        ),
        translation_sigma=0.06,
    )
    flip = rng.random() < 0.5
    other: Side = "left" if (side == "left") != flip else "right"
    details = InteractionFacts(side="left" if flip else "right", other_side=other)
    if flip:
        scene = mirror_scene(scene)
    if rng.random() < 0.5:
        scene = swap_people(scene)
    return replace(scene, sentences=write_sentences("block_punch", details, rng))


def _punch(sampler: SceneSampler, people: tuple[Person, Person], frames: int, rng: Generator) -> Actor:
    """A punch about as high as the other's chest or head, as far as one is drawn."""
    chest = people[1].joint_height("spine3")
    punches = None
    for _ in range(_TRIES):
        punches = Actor(people[0].body, people[0].betas, recorded_strike(sampler, "punching", people[0], frames, rng))
        high = actor_joints(punches)[punches.motion.peak or 0, JOINT_INDEX["right_wrist"], 2]
        if _HIGH[0] < high / chest < _HIGH[1]:
            break
    assert punches is not None
    return punches


def _met(actor: Actor, hit: int, to: float) -> ContactPoint:
    """The place around the forearm, near the wrist, that faces the side `to` (1: +Y)."""
    spots = [
        ContactPoint("right_forearm", (0.55, math.cos(angle), math.sin(angle)))
        for angle in np.linspace(0, 2 * math.pi, _AROUND, endpoint=False)
    ]
    return max(spots, key=lambda spot: to * float(contact_point_at(actor, spot, hit)[1][1]))
