"""Two people face each other and shake their right hands."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.random import Generator

from ..scene import Direction, Gaze, HandPose, Place, Scene, Span, Spot, Touch
from ..scene_sampler import Person, Studio
from ..sentences import Details, sentences
from ..symmetry import exchanged

_PALM = Spot("right_palm", (0.1, -1, -0.1))


def compose(studio: Studio, rng: Generator) -> Scene:
    frames = int(rng.integers(72, 129))
    people = studio.person(rng), studio.person(rng)
    comes = bool(rng.random() < 0.4), bool(rng.random() < 0.4)
    start = int(rng.integers(24, 34)) + 10 * any(comes)
    span = Span(start, min(start + int(rng.integers(20, 50)), frames - 20), rng.uniform(12, 18), rng.uniform(12, 18))
    pumps = max(1, round((span.last - span.first) / rng.uniform(10, 18)))
    apart = rng.uniform(0.68, 0.8) * (people[0].arm + people[1].arm)
    actors = studio.face_to_face(people, frames, rng, apart, start, coming=comes, free_arms=bool(rng.random() < 0.8))
    path = _path(people, span, frames, pumps, rng)
    scene = Scene(
        "handshake",
        actors,
        touches=(Touch(0, _PALM, _PALM, span, loose=0.006),),
        places=tuple(Place(p, _PALM, path, span, sigma=0.03, only=(0.5, 0, 1)) for p in (0, 1)),
        directions=(
            *(Direction(p, "right_wrist", (0, 0, 1), (0, 0, 1), span, sigma=0.35) for p in (0, 1)),
            Direction(0, "right_wrist", (-1, 0, 0), (0.75, 0, -0.6), span, near=(1, "right_wrist")),
        ),
        gazes=tuple(Gaze(p, Span(8, frames - 10)) for p in (0, 1)),
        hands=tuple(HandPose(p, "right", "clasped", span, closes=True) for p in (0, 1)),
    )
    other_way = rng.random() < 0.5
    details = Details(
        coming=(comes[1], comes[0]) if other_way else comes, seconds=(span.last - span.first) / scene.rate, times=pumps
    )
    scene = replace(scene, sentences=sentences("handshake", details, rng))
    return exchanged(scene) if other_way else scene


def _path(people: tuple[Person, Person], span: Span, frames: int, pumps: int, rng: Generator) -> np.ndarray:
    """[T,3] the hands between the people, going up and down."""
    t = np.arange(frames)
    phase = np.clip((t - span.first - 3) / max(span.last - span.first - 6, 1), 0, 1)
    path = np.zeros((frames, 3), np.float32)
    height = rng.uniform(0.86, 0.94) * float(np.mean([person.height_of("spine1") for person in people]))
    path[:, 2] = height + rng.uniform(0.02, 0.04) * np.sin(2 * math.pi * pumps * phase)
    return path
