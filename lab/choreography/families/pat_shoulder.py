"""Somebody pats another on the shoulder: from the front, or from behind."""

from __future__ import annotations

import math
from dataclasses import replace

from numpy.random import Generator

from ...mocap.motion_clip import place_at
from ..scene import (
    Actor,
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

_PALM = ContactPoint("right_palm", (0.35, -1, 0))
_LIFTED = 0.09
"""metres that the hand rises between two pats."""


def compose(sampler: SceneSampler, rng: Generator) -> Scene:
    frames = int(rng.integers(72, 121))
    people = sampler.sample_person(rng), sampler.sample_person(rng)
    behind = bool(rng.random() < 0.4)
    first = int(rng.integers(24, 34))
    pats, each = int(rng.integers(2, 5)), int(rng.integers(8, 12))
    while first + pats * each > frames - 18:
        pats -= 1
    last = first + pats * each
    apart = rng.uniform(0.72, 0.85) * people[0].arm_length + 0.12
    # the patting hand is right in front of the shoulder it goes to
    across = 0.30 * people[0].bone_length("left_shoulder", "right_shoulder")
    comes = bool(rng.random() < 0.5)
    own = (
        sampler.approaching_motion(people[0], frames, rng, first, free_arms=True)
        if comes
        else sampler.standing_motion(people[0], frames, rng, free_arms=True)
    )
    other = sampler.standing_motion(people[1], frames, rng, free_arms=behind or rng.random() < 0.8)
    turn = float(rng.normal(0, 0.12))
    actors = (
        Actor(people[0].body, people[0].betas, place_at(own, turn, (-apart / 2, across if behind else 0.0), first)),
        Actor(
            people[1].body,
            people[1].betas,
            place_at(other, (0.0 if behind else math.pi) + float(rng.normal(0, 0.15)), (apart / 2, 0.0), first),
        ),
    )
    side = "right" if behind else "left"
    on = ContactPoint(f"{side}_shoulder", (0.1, 1, -0.2 if behind else 0.0))
    hold = Interval(first, last, rng.uniform(12, 18), rng.uniform(12, 18))
    spans = [Interval(first + k * each, first + k * each + max(each // 2 - 1, 2), 4, 4) for k in range(pats)]
    spans[-1] = Interval(spans[-1].start, last, 4, 4)
    collar = (1, f"{side}_collar")
    out = 1.0 if side == "left" else -1.0
    lifted = tuple(
        PositionGoal(
            0,
            "right_wrist",
            (out * 0.12, 0.10 + _LIFTED, 0.0 if behind else 0.05),
            Interval(span.end + (each - each // 2) / 2, span.end + (each - each // 2) / 2, 3, 3),
            collar,
            sigma=0.03,
            axis_weights=(0.0, 1.0, 0.0),
        )
        for span in spans[:-1]
    )
    over = PositionGoal(
        0,
        "right_wrist",
        (out * 0.14, 0.20, -0.14 if behind else 0.18),
        Interval(first - 6, first - 5, 5, 3),
        collar,
        sigma=0.06,
    )
    everything = Interval(first - 8, last + 6, 14, 14)
    scene = Scene(
        "pat_shoulder",
        actors,
        contact_goals=tuple(ContactGoal(0, _PALM, on, span, tolerance=0.02, normal_tolerance=0.4) for span in spans),
        position_goals=(*lifted, over),
        direction_goals=(DirectionGoal(0, "right_wrist", (-1, 0, 0), (0.9, 0.0, -0.25), hold, sigma=0.4),),
        gaze_goals=(GazeGoal(0, everything),) + (() if behind else (GazeGoal(1, everything),)),
        hand_goals=(HandShapeGoal(0, "right", "flat", Interval(first, last, 10, 10)),),
    )
    left = rng.random() < 0.4
    details = InteractionFacts(
        side="left" if left else "right",
        other_side="right" if (side == "left") == left else "left",
        behind=behind,
        approaching=(comes, False),
        repetitions=pats,
    )
    scene = replace(scene, sentences=write_sentences("pat_shoulder", details, rng))
    scene = mirror_scene(scene) if left else scene
    return swap_people(scene) if rng.random() < 0.5 else scene
