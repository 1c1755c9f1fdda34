"""Two people face each other and shake their right hands."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.random import Generator

from ..scene import ContactGoal, ContactPoint, DirectionGoal, GazeGoal, HandShapeGoal, Interval, PositionGoal, Scene
from ..scene_sampler import Person, SceneSampler
from ..sentences import InteractionFacts, write_sentences
from ..symmetry import swap_people

_PALM = ContactPoint("right_palm", (0.1, -1, -0.1))


def compose(sampler: SceneSampler, rng: Generator) -> Scene:
    frames = int(rng.integers(72, 129))
    people = sampler.sample_person(rng), sampler.sample_person(rng)
    comes = bool(rng.random() < 0.4), bool(rng.random() < 0.4)
    start = int(rng.integers(24, 34)) + 10 * any(comes)
    span = Interval(
        start, min(start + int(rng.integers(20, 50)), frames - 20), rng.uniform(12, 18), rng.uniform(12, 18)
    )
    pumps = max(1, round((span.end - span.start) / rng.uniform(10, 18)))
    apart = rng.uniform(0.68, 0.8) * (people[0].arm_length + people[1].arm_length)
    actors = sampler.face_to_face(people, frames, rng, apart, start, coming=comes, free_arms=bool(rng.random() < 0.8))
    path = _path(people, span, frames, pumps, rng)
    scene = Scene(
        "handshake",
        actors,
        contact_goals=(ContactGoal(0, _PALM, _PALM, span, tolerance=0.006),),
        position_goals=tuple(PositionGoal(p, _PALM, path, span, sigma=0.03, axis_weights=(0.5, 0, 1)) for p in (0, 1)),
        direction_goals=(
            *(DirectionGoal(p, "right_wrist", (0, 0, 1), (0, 0, 1), span, sigma=0.35) for p in (0, 1)),
            DirectionGoal(0, "right_wrist", (-1, 0, 0), (0.75, 0, -0.6), span, frame=(1, "right_wrist")),
        ),
        gaze_goals=tuple(GazeGoal(p, Interval(8, frames - 10)) for p in (0, 1)),
        hand_goals=tuple(HandShapeGoal(p, "right", "clasped", span, closes_on_contact=True) for p in (0, 1)),
    )
    other_way = rng.random() < 0.5
    details = InteractionFacts(
        approaching=(comes[1], comes[0]) if other_way else comes,
        duration=(span.end - span.start) / scene.rate,
        repetitions=pumps,
    )
    scene = replace(scene, sentences=write_sentences("handshake", details, rng))
    return swap_people(scene) if other_way else scene


def _path(people: tuple[Person, Person], span: Interval, frames: int, pumps: int, rng: Generator) -> np.ndarray:
    """[T,3] the hands between the people, going up and down."""
    t = np.arange(frames)
    phase = np.clip((t - span.start - 3) / max(span.end - span.start - 6, 1), 0, 1)
    path = np.zeros((frames, 3), np.float32)
    height = rng.uniform(0.86, 0.94) * float(np.mean([person.joint_height("spine1") for person in people]))
    path[:, 2] = height + rng.uniform(0.02, 0.04) * np.sin(2 * math.pi * pumps * phase)
    return path
