"""One person shoves the other with both hands: against the chest, or in the back."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
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


def compose(sampler: SceneSampler, rng: Generator) -> Scene:
    frames = int(rng.integers(64, 105))
    people = sampler.sample_person(rng), sampler.sample_person(rng)
    behind = bool(rng.random() < 0.35)
    hit = int(rng.integers(24, 36))
    pushed = int(rng.integers(5, 10))
    held = Interval(hit, hit + pushed, rng.uniform(8, 12), rng.uniform(8, 13))
    apart = rng.uniform(0.66, 0.78) * people[0].arm_length + 0.16
    coming = bool(rng.random() < 0.5)
    comes = (
        sampler.approaching_motion(people[0], frames, rng, hit - 6)
        if coming
        else sampler.standing_motion(people[0], frames, rng)
    )
    stands = sampler.standing_motion(people[1], frames, rng)
    actors = (
        Actor(people[0].body, people[0].betas, place_at(comes, float(rng.normal(0, 0.06)), (-apart / 2, 0.0), hit)),
        Actor(
            people[1].body,
            people[1].betas,
            place_at(stands, (0.0 if behind else math.pi) + float(rng.normal(0, 0.1)), (apart / 2, 0.0), hit),
        ),
    )
    region, depth = ("back", -1) if behind else ("chest", 1)
    # whoever faces the same way has the other's left before the own left
    ways = {"right": -0.55 if behind else 0.55, "left": 0.55 if behind else -0.55}
    height = float(rng.uniform(0.1, 0.5) if behind else rng.uniform(0.0, 0.35))
    touches = tuple(
        ContactGoal(
            0,
            ContactPoint(f"{side}_palm", (0.2, -1, 0)),
            ContactPoint(region, (way, height, depth)),
            held,
            tolerance=0.03,
            normal_tolerance=0.5,
        )
        for side, way in ways.items()
    )
    scene = Scene(
        "shove",
        actors,
        contact_goals=touches,
        position_goals=_pushed_away(people[1].joint_height("spine3"), actors[1], frames, hit, rng),
        direction_goals=tuple(
            DirectionGoal(0, f"{side}_wrist", along, (0.25, 0.0, 0.95), held, sigma=0.5)
            for side, along in (("right", (-1, 0, 0)), ("left", (1, 0, 0)))
        ),
        gaze_goals=(GazeGoal(0, Interval(4, frames, 10, 10)),)
        + (() if behind else (GazeGoal(1, Interval(4, frames, 10, 10)),)),
        hand_goals=tuple(HandShapeGoal(0, side, "flat", held) for side in ("right", "left")),
        translation_sigma=0.06,
    )
    turned = bool(rng.random() < 0.3)
    if turned:
        scene = mirror_scene(scene)
    if rng.random() < 0.5:
        scene = swap_people(scene)
    details = InteractionFacts(
        both_hands=True, body_part=region, behind=behind, approaching=(coming, False), yields=True
    )
    return replace(scene, sentences=write_sentences("shove", details, rng))


def _pushed_away(height: float, actor: Actor, frames: int, hit: int, rng: Generator) -> tuple[PositionGoal, ...]:
    """The chest of who is shoved goes back and comes upright again, the hips a little less."""
    t = np.arange(frames)
    after = np.clip((t - hit) / 9, 0, None)
    sway = after * np.exp(1 - after)  # rises to 1 at 9 frames, and dies away
    far = rng.uniform(0.10, 0.18)
    places = []
    for joint, share, up in (("spine3", 1.0, height), ("pelvis", 0.45, float(np.median(actor.motion.pelvis[:, 2])))):
        path = actor.motion.pelvis.copy()
        path[:, 0] += share * far * sway
        path[:, 2] = up - 0.02 * share * sway
        places.append(
            PositionGoal(1, joint, path, Interval(hit, hit + 26, 6, 14), sigma=0.03, axis_weights=(1.0, 0.3, 0.2))
        )
    return tuple(places)
