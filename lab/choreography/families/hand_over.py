"""One person hands something small to the other, who takes it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from ..scene import Direction, Gaze, HandPose, Place, Scene, Span, Spot, Touch
from ..scene_sampler import Studio
from ..sentences import Details, sentences
from ..symmetry import exchanged, mirrored

_GIVES = Spot("right_fingers", (-0.2, -1, 0.2))
_TAKES = Spot("right_fingers", (-0.2, -1, 0.0))


def compose(studio: Studio, rng: Generator) -> Scene:
    frames = int(rng.integers(72, 121))
    people = studio.person(rng), studio.person(rng)
    meet = int(rng.integers(28, 44))
    held = Span(meet, meet + int(rng.integers(6, 20)), rng.uniform(13, 20), rng.uniform(12, 18))
    apart = rng.uniform(0.72, 0.86) * (people[0].arm + people[1].arm)
    coming = (bool(rng.random() < 0.4), bool(rng.random() < 0.25))
    actors = studio.face_to_face(people, frames, rng, apart, meet, coming=coming)
    height = rng.uniform(0.72, 1.0) * 0.5 * sum(person.height_of("spine2") for person in people)
    taker = rng.choice(["right", "left"])
    takes = _TAKES if taker == "right" else Spot("left_fingers", _TAKES.at)
    place = np.tile(np.array([rng.uniform(-0.06, 0.06), rng.uniform(-0.08, 0.05), height], np.float32), (frames, 1))
    along = {"right": (-1, 0, 0), "left": (1, 0, 0)}
    scene = Scene(
        "hand_over",
        actors,
        # the giver's palm is up under the thing, the taker's fingers come over it
        touches=(Touch(0, _GIVES, takes, held, loose=0.02, facing=0.6),),
        places=(Place(0, _GIVES, place, held, sigma=0.05), Place(1, takes, place, held, sigma=0.05)),
        directions=(
            Direction(0, "right_wrist", (0, -1, 0), (0, 0, 1), held, sigma=0.5),
            Direction(0, "right_wrist", (-1, 0, 0), (1, 0, 0.1), held, sigma=0.4),
            Direction(1, f"{taker}_wrist", along[taker], (-1, 0, -0.1), held, sigma=0.4),
        ),
        gazes=tuple(
            gaze
            for p in (0, 1)
            for gaze in (Gaze(p, Span(4, meet - 14, 10, 10)), Gaze(p, Span(held.last + 12, frames, 12, 4)))
        ),
        hands=(HandPose(0, "right", "hooked", held), HandPose(1, taker, "hooked", held)),
        moves=0.08,
    )
    turned = bool(rng.random() < 0.4)
    if turned:
        scene = mirrored(scene)
    if rng.random() < 0.5:
        scene = exchanged(scene)
    side = "left" if turned else "right"
    other_side = side if taker == "right" else ("right" if turned else "left")
    details = Details(side=side, other_side=other_side, coming=coming)
    return replace(scene, sentences=sentences("hand_over", details, rng))
