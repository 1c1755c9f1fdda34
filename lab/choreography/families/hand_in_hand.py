"""Two people walk side by side, the inner hands in each other."""

from __future__ import annotations

import math
from dataclasses import replace

from numpy.random import Generator

from ...mocap.blending import fitted
from ...mocap.motion_clip import Window, facing, placed
from ..scene import Actor, Direction, Gaze, HandPose, Place, Scene, Span, Spot, Touch
from ..scene_sampler import Person, Studio, joints_of
from ..sentences import Details, sentences
from ..symmetry import exchanged, mirrored

_RIGHT, _LEFT = Spot("right_palm", (0.15, -1, 0)), Spot("left_palm", (0.15, -1, 0))
_ALIKE = 0.02
"""Share by which legs may differ: nobody has to run to keep up."""
_STRAIGHT = 0.5
"""radians by which a walk may turn."""


def compose(studio: Studio, rng: Generator) -> Scene:
    frames = int(rng.integers(72, 121))
    people = alike(studio, rng)
    window = walk(studio, frames, rng)
    apart = rng.uniform(0.55, 0.63) * 0.5 * (people[0].arm + people[1].arm) / 0.66
    actors = side_by_side(people, window, frames, apart)
    always = Span(-40, frames + 40, 4, 4)
    inner = [joints_of(actor)[:, 0] for actor in actors]
    middle = 0.5 * (inner[0] + inner[1])
    middle[:, 2] = 0.5 * (people[0].pelvis_height + people[1].pelvis_height) * rng.uniform(0.80, 0.86)
    scene = Scene(
        "hand_in_hand",
        actors,
        touches=(Touch(0, _RIGHT, _LEFT, always, loose=0.012, facing=0.35, gap=0.006),),
        places=tuple(Place(p, spot, middle, always, sigma=0.06) for p, spot in ((0, _RIGHT), (1, _LEFT))),
        directions=(
            Direction(0, "right_wrist", (-1, 0, 0), (0.45, 0, -0.9), always, sigma=0.25),
            Direction(1, "left_wrist", (1, 0, 0), (-0.45, 0, -0.9), always, sigma=0.25),
        ),
        gazes=tuple(
            Gaze(p, Span(at, at + 18, 12, 12), sigma=0.5) for p, at in enumerate(rng.uniform(5, frames - 30, 2))
        ),
        hands=(
            HandPose(0, "right", "clasped", always, closes=True),
            HandPose(1, "left", "clasped", always, closes=True),
        ),
        moves=0.05,
    )
    turned = bool(rng.random() < 0.5)
    if turned:
        scene = mirrored(scene)
    if rng.random() < 0.5:
        scene = exchanged(scene)
    side, other = ("left", "right") if turned else ("right", "left")
    details = Details(side=side, other_side=other, walking=True, seconds=frames / scene.rate)
    return replace(scene, sentences=sentences("hand_in_hand", details, rng))


def alike(studio: Studio, rng: Generator) -> tuple[Person, Person]:
    """Two people whose legs are as long, as far as the studio has such."""
    first = studio.person(rng)
    others = [studio.person(rng) for _ in range(24)]
    fitting = [one for one in others if abs(one.pelvis_height / first.pelvis_height - 1) < _ALIKE and one is not first]
    nearest = min(others, key=lambda one: abs(one.pelvis_height - first.pelvis_height))
    return first, (fitting[0] if fitting else nearest)


def walk(studio: Studio, frames: int, rng: Generator) -> Window:
    """A walk that goes about straight."""
    found = [window for window in studio.windows("walking", frames) if abs(window.turn) < _STRAIGHT]
    found = found or list(studio.windows("walking", frames))
    return found[int(rng.integers(len(found)))]


def side_by_side(people: tuple[Person, Person], window: Window, frames: int, apart: float) -> tuple[Actor, Actor]:
    """Both walk the same walk along X, `apart` metres from each other, person 0 on the left."""
    actors = []
    for person, sign in zip(people, (1, -1)):
        motion = fitted(window, person.body, person.betas, frames)
        way = motion.pelvis[-1, :2] - motion.pelvis[0, :2]
        heading = facing(motion, 0) - math.atan2(way[1], way[0])
        middle = placed(motion, heading, (0.0, 0.0)).pelvis[:, :2].mean(0)
        at = (-float(middle[0]), sign * apart / 2 - float(middle[1]))
        actors.append(Actor(person.body, person.betas, placed(motion, heading, at)))
    return actors[0], actors[1]
