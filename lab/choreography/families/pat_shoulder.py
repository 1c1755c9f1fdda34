"""Somebody pats another on the shoulder: from the front, or from behind."""

from __future__ import annotations

import math
from dataclasses import replace

from numpy.random import Generator

from ...mocap.motion_clip import placed
from ..scene import Actor, Direction, Gaze, HandPose, Place, Scene, Span, Spot, Touch
from ..scene_sampler import Studio
from ..sentences import Details, sentences
from ..symmetry import exchanged, mirrored

_PALM = Spot("right_palm", (0.35, -1, 0))
_LIFTED = 0.09
"""metres that the hand rises between two pats."""


def compose(studio: Studio, rng: Generator) -> Scene:
    frames = int(rng.integers(72, 121))
    people = studio.person(rng), studio.person(rng)
    behind = bool(rng.random() < 0.4)
    first = int(rng.integers(24, 34))
    pats, each = int(rng.integers(2, 5)), int(rng.integers(8, 12))
    while first + pats * each > frames - 18:
        pats -= 1
    last = first + pats * each
    apart = rng.uniform(0.72, 0.85) * people[0].arm + 0.12
    # the patting hand is right in front of the shoulder it goes to
    across = 0.30 * people[0].length("left_shoulder", "right_shoulder")
    comes = bool(rng.random() < 0.5)
    own = (
        studio.coming(people[0], frames, rng, first, free_arms=True)
        if comes
        else studio.standing(people[0], frames, rng, free_arms=True)
    )
    other = studio.standing(people[1], frames, rng, free_arms=behind or rng.random() < 0.8)
    turn = float(rng.normal(0, 0.12))
    actors = (
        Actor(people[0].body, people[0].betas, placed(own, turn, (-apart / 2, across if behind else 0.0), first)),
        Actor(
            people[1].body,
            people[1].betas,
            placed(other, (0.0 if behind else math.pi) + float(rng.normal(0, 0.15)), (apart / 2, 0.0), first),
        ),
    )
    side = "right" if behind else "left"
    on = Spot(f"{side}_shoulder", (0.1, 1, -0.2 if behind else 0.0))
    hold = Span(first, last, rng.uniform(12, 18), rng.uniform(12, 18))
    spans = [Span(first + k * each, first + k * each + max(each // 2 - 1, 2), 4, 4) for k in range(pats)]
    spans[-1] = Span(spans[-1].first, last, 4, 4)
    collar = (1, f"{side}_collar")
    out = 1.0 if side == "left" else -1.0
    lifted = tuple(
        Place(
            0,
            "right_wrist",
            (out * 0.12, 0.10 + _LIFTED, 0.0 if behind else 0.05),
            Span(span.last + (each - each // 2) / 2, span.last + (each - each // 2) / 2, 3, 3),
            collar,
            sigma=0.03,
            only=(0.0, 1.0, 0.0),
        )
        for span in spans[:-1]
    )
    over = Place(
        0,
        "right_wrist",
        (out * 0.14, 0.20, -0.14 if behind else 0.18),
        Span(first - 6, first - 5, 5, 3),
        collar,
        sigma=0.06,
    )
    everything = Span(first - 8, last + 6, 14, 14)
    scene = Scene(
        "pat_shoulder",
        actors,
        touches=tuple(Touch(0, _PALM, on, span, loose=0.02, facing=0.4) for span in spans),
        places=(*lifted, over),
        directions=(Direction(0, "right_wrist", (-1, 0, 0), (0.9, 0.0, -0.25), hold, sigma=0.4),),
        gazes=(Gaze(0, everything),) + (() if behind else (Gaze(1, everything),)),
        hands=(HandPose(0, "right", "flat", Span(first, last, 10, 10)),),
    )
    left = rng.random() < 0.4
    details = Details(
        side="left" if left else "right",
        other_side="right" if (side == "left") == left else "left",
        behind=behind,
        coming=(comes, False),
        times=pats,
    )
    scene = replace(scene, sentences=sentences("pat_shoulder", details, rng))
    scene = mirrored(scene) if left else scene
    return exchanged(scene) if rng.random() < 0.5 else scene
