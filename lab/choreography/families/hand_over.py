"""One person hands something small to the other, who takes it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from ..scene import ContactGoal, ContactPoint, DirectionGoal, GazeGoal, HandShapeGoal, Interval, PositionGoal, Scene
from ..scene_sampler import SceneSampler
from ..sentences import InteractionFacts, write_sentences
from ..symmetry import mirror_scene, swap_people

_GIVES = ContactPoint("right_fingers", (-0.2, -1, 0.2))
_TAKES = ContactPoint("right_fingers", (-0.2, -1, 0.0))


def compose(sampler: SceneSampler, rng: Generator) -> Scene:
    frames = int(rng.integers(72, 121))
    people = sampler.sample_person(rng), sampler.sample_person(rng)
    meet = int(rng.integers(28, 44))
    held = Interval(meet, meet + int(rng.integers(6, 20)), rng.uniform(13, 20), rng.uniform(12, 18))
    apart = rng.uniform(0.72, 0.86) * (people[0].arm_length + people[1].arm_length)
    coming = (bool(rng.random() < 0.4), bool(rng.random() < 0.25))
    actors = sampler.face_to_face(people, frames, rng, apart, meet, coming=coming)
    height = rng.uniform(0.72, 1.0) * 0.5 * sum(person.joint_height("spine2") for person in people)
    taker = rng.choice(["right", "left"])
    takes = _TAKES if taker == "right" else ContactPoint("left_fingers", _TAKES.coordinates)
    place = np.tile(np.array([rng.uniform(-0.06, 0.06), rng.uniform(-0.08, 0.05), height], np.float32), (frames, 1))
    along = {"right": (-1, 0, 0), "left": (1, 0, 0)}
    scene = Scene(
        "hand_over",
        actors,
        # the giver's palm is up under the thing, the taker's fingers come over it
        contact_goals=(ContactGoal(0, _GIVES, takes, held, tolerance=0.02, normal_tolerance=0.6),),
        position_goals=(
            PositionGoal(0, _GIVES, place, held, sigma=0.05),
            PositionGoal(1, takes, place, held, sigma=0.05),
        ),
        direction_goals=(
            DirectionGoal(0, "right_wrist", (0, -1, 0), (0, 0, 1), held, sigma=0.5),
            DirectionGoal(0, "right_wrist", (-1, 0, 0), (1, 0, 0.1), held, sigma=0.4),
            DirectionGoal(1, f"{taker}_wrist", along[taker], (-1, 0, -0.1), held, sigma=0.4),
        ),
        gaze_goals=tuple(
            gaze
            for p in (0, 1)
            for gaze in (
                GazeGoal(p, Interval(4, meet - 14, 10, 10)),
                GazeGoal(p, Interval(held.end + 12, frames, 12, 4)),
            )
        ),
        hand_goals=(HandShapeGoal(0, "right", "hooked", held), HandShapeGoal(1, taker, "hooked", held)),
        translation_sigma=0.08,
    )
    turned = bool(rng.random() < 0.4)
    if turned:
        scene = mirror_scene(scene)
    if rng.random() < 0.5:
        scene = swap_people(scene)
    side = "left" if turned else "right"
    other_side = side if taker == "right" else ("right" if turned else "left")
    details = InteractionFacts(side=side, other_side=other_side, approaching=coming)
    return replace(scene, sentences=write_sentences("hand_over", details, rng))
