"""One person punches, and the other stops the arm with a forearm raised."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.random import Generator

from core.contract.skeleton import JOINT_INDEX

from ...mocap.motion_clip import placed
from ..scene import Actor, Direction, Gaze, HandPose, Place, Scene, Span, Spot, Touch
from ..scene_sampler import Person, Studio, joints_of
from ..sentences import Details, sentences
from ..strikes import skin_place, striking
from ..symmetry import exchanged, mirrored
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


def compose(studio: Studio, rng: Generator) -> Scene:
    frames = int(rng.integers(64, 105))
    people = studio.person(rng), studio.person(rng)
    punches = _punch(studio, people, frames, rng)
    hit = punches.base.peak or frames // 2
    way = joints_of(punches)[: hit + 1, JOINT_INDEX["right_wrist"]]
    wrist, swing = way[hit], float(way[hit, 1] - way[max(hit - 4, 0), 1])
    # the arm is met from the other's left, its outer side, or from the other's right; a swing, where it comes to
    leftwards = rng.random() < 0.5 if abs(swing) < _SWING else swing < 0
    side: Side = "left" if leftwards else "right"
    to = -1.0 if side == "left" else 1.0
    away = float(wrist[0]) + rng.uniform(*_SHORT)
    blocks = Actor(
        people[1].body,
        people[1].betas,
        placed(
            studio.standing(people[1], frames, rng),
            math.pi + float(rng.normal(0, 0.12)),
            (away, -to * rng.uniform(0.0, 0.06)),
            hit,
        ),
    )
    span = Span(hit, hit + int(rng.integers(2, 5)), rng.uniform(8, 11), 13)
    idle = "right" if side == "left" else "left"
    along = 1.0 if side == "left" else -1.0
    met = _met(punches, hit, to)
    where, normal = skin_place(punches, met, hit)
    forearm = Spot(f"{side}_forearm", (0.35, -0.5, -0.6))
    touch = Touch(
        1,
        forearm,
        met,
        span,
        loose=0.03,
        facing=0.6,
    )
    scene = Scene(
        "block_punch",
        (punches, blocks),
        touches=(touch,),
        places=(
            Place(1, forearm, where + 0.01 * normal, span, sigma=0.04),
            # the hand that does not block is out of the punch's way
            Place(
                1, f"{idle}_wrist", (-0.27 * along, -0.08, 0.06), Span(hit - 8, hit + 8, 12, 14), (1, "pelvis"), 0.08
            ),
        ),
        directions=(Direction(1, f"{side}_elbow", (along, 0, 0), (-0.45, -0.25 * to, 0.85), span, sigma=0.25),),
        gazes=tuple(Gaze(p, Span(3, frames, 10, 10)) for p in (0, 1)),
        hands=(
            HandPose(0, "right", "fist", Span(hit - 14, hit + 16, 10, 12)),
            HandPose(1, side, "fist" if rng.random() < 0.5 else "flat", Span(hit - 5, hit + 8, 10, 12)),
        ),
        moves=0.06,
    )
    flip = rng.random() < 0.5
    other: Side = "left" if (side == "left") != flip else "right"
    details = Details(side="left" if flip else "right", other_side=other)
    if flip:
        scene = mirrored(scene)
    if rng.random() < 0.5:
        scene = exchanged(scene)
    return replace(scene, sentences=sentences("block_punch", details, rng))


def _punch(studio: Studio, people: tuple[Person, Person], frames: int, rng: Generator) -> Actor:
    """A punch about as high as the other's chest or head, as far as one is drawn."""
    chest = people[1].height_of("spine3")
    punches = None
    for _ in range(_TRIES):
        punches = Actor(people[0].body, people[0].betas, striking(studio, "punching", people[0], frames, rng))
        high = joints_of(punches)[punches.base.peak or 0, JOINT_INDEX["right_wrist"], 2]
        if _HIGH[0] < high / chest < _HIGH[1]:
            break
    assert punches is not None
    return punches


def _met(actor: Actor, hit: int, to: float) -> Spot:
    """The place around the forearm, near the wrist, that faces the side `to` (1: +Y)."""
    spots = [
        Spot("right_forearm", (0.55, math.cos(angle), math.sin(angle)))
        for angle in np.linspace(0, 2 * math.pi, _AROUND, endpoint=False)
    ]
    return max(spots, key=lambda spot: to * float(skin_place(actor, spot, hit)[1][1]))
