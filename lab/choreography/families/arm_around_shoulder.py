"""Two people stand or walk side by side, one with an arm around the other's shoulders."""

from __future__ import annotations

from dataclasses import replace

from numpy.random import Generator

from ...mocap.motion_clip import place_at
from ..scene import Actor, ContactGoal, ContactPoint, GazeGoal, HandShapeGoal, Interval, PositionGoal, Scene
from ..scene_sampler import SceneSampler
from ..sentences import InteractionFacts, write_sentences
from ..symmetry import mirror_scene, swap_people
from .hand_in_hand import alike, side_by_side, walk

_PALM = ContactPoint("right_palm", (0.1, -1, 0))


def compose(sampler: SceneSampler, rng: Generator) -> Scene:
    walking = bool(rng.random() < 0.4)
    frames = int(rng.integers(72, 113) if walking else rng.integers(80, 129))
    people = alike(sampler, rng)
    # close enough that the hand reaches the far shoulder, not so close that hips are in each other
    apart = rng.uniform(0.40, 0.45) * people[1].bone_length("left_shoulder", "right_shoulder") / 0.33
    if walking:
        actors = side_by_side(people, walk(sampler, frames, rng), frames, apart)
    else:
        first = frames // 2
        lean = rng.normal(0, 0.08, 2)
        actors = tuple(
            Actor(
                one.body,
                one.betas,
                place_at(sampler.standing_motion(one, frames, rng), turn, (0.0, sign * apart / 2), first),
            )
            for one, sign, turn in zip(people, (1, -1), lean)
        )
        actors = (actors[0], actors[1])
    hold = Interval(-40, frames + 40, 4, 4)
    # person 0 is on the left of person 1: the right arm goes behind the neck to the other's right shoulder
    on = ContactPoint("back", (float(rng.uniform(-0.9, -0.6)), float(rng.uniform(0.6, 0.9)), -0.7))
    chest = (1, "spine3")
    places = [
        PositionGoal(0, "right_elbow", (0.03, 0.10, -0.17), hold, chest, sigma=0.1),
    ]
    touches = [ContactGoal(0, _PALM, on, hold, tolerance=0.03, normal_tolerance=0.5)]
    hands = [HandShapeGoal(0, "right", "flat", hold, closes_on_contact=True)]
    if rng.random() < 0.35:
        waist = Interval(hold.start + 4, hold.end, 18, 18)
        touches.append(
            ContactGoal(
                1,
                ContactPoint("left_palm", (-0.1, -1, 0)),
                ContactPoint("back", (0.2, -0.7, -1)),
                waist,
                tolerance=0.05,
                normal_tolerance=0.5,
            )
        )
        places.append(PositionGoal(1, "left_elbow", (-0.24, -0.10, -0.20), waist, (0, "spine2"), sigma=0.07))
        hands.append(HandShapeGoal(1, "left", "flat", waist))
    look = rng.uniform(5, frames - 30, 2)
    scene = Scene(
        "arm_around_shoulder",
        actors,
        contact_goals=tuple(touches),
        position_goals=tuple(places),
        gaze_goals=tuple(GazeGoal(p, Interval(at, at + 20, 12, 12), sigma=0.5) for p, at in enumerate(look)),
        hand_goals=tuple(hands),
        translation_sigma=0.06,
    )
    turned = bool(rng.random() < 0.5)
    if turned:
        scene = mirror_scene(scene)
    if rng.random() < 0.5:
        scene = swap_people(scene)
    side = "left" if turned else "right"
    details = InteractionFacts(side=side, other_side=side, walking=walking, duration=frames / scene.rate)
    return replace(scene, sentences=write_sentences("arm_around_shoulder", details, rng))
