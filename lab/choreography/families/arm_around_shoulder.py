"""Two people stand or walk side by side, one with an arm around the other's shoulders."""

from __future__ import annotations

from dataclasses import replace

from numpy.random import Generator

from ...mocap.motion_clip import placed
from ..scene import Actor, Gaze, HandPose, Place, Scene, Span, Spot, Touch
from ..scene_sampler import Studio
from ..sentences import Details, sentences
from ..symmetry import exchanged, mirrored
from .hand_in_hand import alike, side_by_side, walk

_PALM = Spot("right_palm", (0.1, -1, 0))


def compose(studio: Studio, rng: Generator) -> Scene:
    walking = bool(rng.random() < 0.4)
    frames = int(rng.integers(72, 113) if walking else rng.integers(80, 129))
    people = alike(studio, rng)
    # close enough that the hand reaches the far shoulder, not so close that hips are in each other
    apart = rng.uniform(0.40, 0.45) * people[1].length("left_shoulder", "right_shoulder") / 0.33
    if walking:
        actors = side_by_side(people, walk(studio, frames, rng), frames, apart)
    else:
        first = frames // 2
        lean = rng.normal(0, 0.08, 2)
        actors = tuple(
            Actor(one.body, one.betas, placed(studio.standing(one, frames, rng), turn, (0.0, sign * apart / 2), first))
            for one, sign, turn in zip(people, (1, -1), lean)
        )
        actors = (actors[0], actors[1])
    hold = Span(-40, frames + 40, 4, 4)
    # person 0 is on the left of person 1: the right arm goes behind the neck to the other's right shoulder
    on = Spot("back", (float(rng.uniform(-0.9, -0.6)), float(rng.uniform(0.6, 0.9)), -0.7))
    chest = (1, "spine3")
    places = [
        Place(0, "right_elbow", (0.03, 0.10, -0.17), hold, chest, sigma=0.1),
    ]
    touches = [Touch(0, _PALM, on, hold, loose=0.03, facing=0.5)]
    hands = [HandPose(0, "right", "flat", hold, closes=True)]
    if rng.random() < 0.35:
        waist = Span(hold.first + 4, hold.last, 18, 18)
        touches.append(
            Touch(1, Spot("left_palm", (-0.1, -1, 0)), Spot("back", (0.2, -0.7, -1)), waist, loose=0.05, facing=0.5)
        )
        places.append(Place(1, "left_elbow", (-0.24, -0.10, -0.20), waist, (0, "spine2"), sigma=0.07))
        hands.append(HandPose(1, "left", "flat", waist))
    look = rng.uniform(5, frames - 30, 2)
    scene = Scene(
        "arm_around_shoulder",
        actors,
        touches=tuple(touches),
        places=tuple(places),
        gazes=tuple(Gaze(p, Span(at, at + 20, 12, 12), sigma=0.5) for p, at in enumerate(look)),
        hands=tuple(hands),
        moves=0.06,
    )
    turned = bool(rng.random() < 0.5)
    if turned:
        scene = mirrored(scene)
    if rng.random() < 0.5:
        scene = exchanged(scene)
    side = "left" if turned else "right"
    details = Details(side=side, other_side=side, walking=walking, seconds=frames / scene.rate)
    return replace(scene, sentences=sentences("arm_around_shoulder", details, rng))
