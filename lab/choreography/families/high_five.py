"""Two people clap one hand each together, up in the air."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from ..scene import PALM_GAP, Direction, Gaze, HandPose, Place, Scene, Span, Spot, Touch
from ..scene_sampler import Studio
from ..sentences import Details, sentences
from ..symmetry import exchanged, mirrored

_PALM = Spot("right_palm", (0.2, -1, 0))


def compose(studio: Studio, rng: Generator) -> Scene:
    frames = int(rng.integers(64, 97))
    people = studio.person(rng), studio.person(rng)
    clap = int(rng.integers(frames * 2 // 5, frames * 3 // 5))
    span = Span(clap, clap + int(rng.integers(2, 6)), rng.uniform(11, 16), rng.uniform(12, 18))
    apart = rng.uniform(0.85, 1.05) * (people[0].arm + people[1].arm) / 2 + 0.18
    comes = bool(rng.random() < 0.5), bool(rng.random() < 0.3)
    actors = studio.face_to_face(people, frames, rng, apart, clap, coming=comes, free_arms=bool(rng.random() < 0.8))
    height = np.mean([person.height_of("head") for person in people]) + rng.uniform(-0.08, 0.12)
    around = Span(clap - 14, clap + 12, 14, 14)
    scene = Scene(
        "high_five",
        actors,
        touches=(Touch(0, _PALM, _PALM, span, loose=0.012, gap=PALM_GAP),),
        places=tuple(
            Place(p, _PALM, (0.0, 0.0, float(height)), span, sigma=0.06, only=(0.3, 0.0, 1.0)) for p in (0, 1)
        ),
        directions=tuple(Direction(p, "right_wrist", (-1, 0, 0), (0, 0, 1), span, sigma=0.3) for p in (0, 1)),
        gazes=tuple(Gaze(p, around) for p in (0, 1)),
        hands=tuple(HandPose(p, "right", "flat", Span(clap - 4, clap + 6, 10, 12)) for p in (0, 1)),
    )
    left, other_way = rng.random() < 0.4, rng.random() < 0.5
    side = "left" if left else "right"
    details = Details(side=side, other_side=side, coming=(comes[1], comes[0]) if other_way else comes)
    scene = replace(scene, sentences=sentences("high_five", details, rng))
    scene = mirrored(scene) if left else scene
    return exchanged(scene) if other_way else scene
