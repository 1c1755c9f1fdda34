"""Two people clap one hand each together, up in the air."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from ..scene import (
    PALM_GAP,
    ContactGoal,
    ContactPoint,
    DirectionGoal,
    GazeGoal,
    HandShapeGoal,
    Interval,
    PositionGoal,
    Scene,
)
from ..scene_sampler import SceneSampler
from ..sentences import InteractionFacts, write_sentences
from ..symmetry import mirror_scene, swap_people

_PALM = ContactPoint("right_palm", (0.2, -1, 0))


def compose(sampler: SceneSampler, rng: Generator) -> Scene:
    frames = int(rng.integers(64, 97))
    people = sampler.sample_person(rng), sampler.sample_person(rng)
    clap = int(rng.integers(frames * 2 // 5, frames * 3 // 5))
    span = Interval(clap, clap + int(rng.integers(2, 6)), rng.uniform(11, 16), rng.uniform(12, 18))
    apart = rng.uniform(0.85, 1.05) * (people[0].arm_length + people[1].arm_length) / 2 + 0.18
    comes = bool(rng.random() < 0.5), bool(rng.random() < 0.3)
    actors = sampler.face_to_face(people, frames, rng, apart, clap, coming=comes, free_arms=bool(rng.random() < 0.8))
    height = np.mean([person.joint_height("head") for person in people]) + rng.uniform(-0.08, 0.12)
    around = Interval(clap - 14, clap + 12, 14, 14)
    scene = Scene(
        "high_five",
        actors,
        contact_goals=(ContactGoal(0, _PALM, _PALM, span, tolerance=0.012, gap=PALM_GAP),),
        position_goals=tuple(
            PositionGoal(p, _PALM, (0.0, 0.0, float(height)), span, sigma=0.06, axis_weights=(0.3, 0.0, 1.0))
            for p in (0, 1)
        ),
        direction_goals=tuple(DirectionGoal(p, "right_wrist", (-1, 0, 0), (0, 0, 1), span, sigma=0.3) for p in (0, 1)),
        gaze_goals=tuple(GazeGoal(p, around) for p in (0, 1)),
        hand_goals=tuple(HandShapeGoal(p, "right", "flat", Interval(clap - 4, clap + 6, 10, 12)) for p in (0, 1)),
    )
    left, other_way = rng.random() < 0.4, rng.random() < 0.5
    side = "left" if left else "right"
    details = InteractionFacts(side=side, other_side=side, approaching=(comes[1], comes[0]) if other_way else comes)
    scene = replace(scene, sentences=write_sentences("high_five", details, rng))
    scene = mirror_scene(scene) if left else scene
    return swap_people(scene) if other_way else scene
