"""Two people face each other and shake their right hands."""

from __future__ import annotations

import math

import numpy as np
from numpy.random import Generator

from ..scene import Direction, Gaze, HandPose, Place, Scene, Span, Spot, Touch
from ..studio import Studio

_PALM = Spot("right_palm", (0.1, -1, -0.1))


def compose(studio: Studio, rng: Generator) -> Scene:
    frames = int(rng.integers(72, 121))
    people = studio.person(rng), studio.person(rng)
    start = int(rng.integers(22, 32))
    span = Span(start, min(start + int(rng.integers(22, 50)), frames - 22), rng.uniform(12, 18), rng.uniform(12, 18))
    apart = rng.uniform(0.68, 0.8) * (people[0].arm + people[1].arm)
    actors = studio.face_to_face(people, frames, rng, apart, start)
    everything = Span(8, frames - 10, 14, 14)
    return Scene(
        "handshake",
        actors,
        touches=(Touch(0, _PALM, _PALM, span, loose=0.006),),
        places=tuple(Place(p, _PALM, _path(people, span, frames, rng), span, sigma=0.03) for p in (0, 1)),
        directions=tuple(Direction(p, "right_wrist", (0, 0, 1), (0, 0, 1), span, sigma=0.35) for p in (0, 1))
        + (Direction(0, "right_wrist", (-1, 0, 0), (0.75, 0, -0.6), span, near=(1, "right_wrist"), sigma=0.3),),
        gazes=tuple(Gaze(p, everything) for p in (0, 1)),
        hands=tuple(HandPose(p, "right", "clasped", span, closes=True) for p in (0, 1)),
    )


def _path(people, span: Span, frames: int, rng: Generator) -> np.ndarray:
    """[T,3] the hands go up and down."""
    height = 0.5 * sum(0.9 * person.height_of("spine1") for person in people)
    t = np.arange(frames)
    phase = np.clip((t - span.first - 3) / max(span.last - span.first - 6, 1), 0, 1)
    pumps = 2
    path = np.zeros((frames, 3), np.float32)
    path[:, 2] = height + 0.03 * np.sin(2 * math.pi * pumps * phase)
    return path
