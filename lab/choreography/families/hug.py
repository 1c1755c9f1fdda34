"""Two people come together and hold each other in their arms: everyone's right arm over, the left one under the other's."""

from __future__ import annotations

from dataclasses import replace

from numpy.random import Generator

from ..scene import (
    ContactGoal,
    ContactPoint,
    DirectionGoal,
    GazeGoal,
    HandShapeGoal,
    Interval,
    PositionGoal,
    Scene,
    Vector,
)
from ..scene_sampler import Person, SceneSampler
from ..sentences import InteractionFacts, write_sentences
from ..symmetry import mirror_scene, swap_people
from ..timing import Side

_CHEST = ContactPoint("chest", (-0.25, 0.1, 1))
_ARMS: dict[Side, tuple[Vector, Vector, Vector]] = {
    "right": ((0.25, 0.27, 0.07), (0.43, 0.22, 0.24), (-0.6, -0.8, 0)),
    "left": ((-0.33, -0.15, 0.03), (-0.44, -0.14, 0.20), (0.95, 0.3, 0)),
}
"""For each arm, in the frame of the other's `spine3`: where its elbow goes, where its hand passes on the way, and where the
fingers point."""
_USUAL, _HEIGHTS = 0.34, 0.17
"""metres from shoulder to shoulder for which that holds, and metres by which the two may differ in height."""
_PASSES = 12
"""Frames before and after the hold in which hands pass the other's sides."""


def compose(sampler: SceneSampler, rng: Generator) -> Scene:
    frames = int(rng.integers(96, 151))
    people = _of_like_height(sampler, rng)
    meet = int(rng.integers(38, 50))
    parts = frames >= 120 and rng.random() < 0.7
    last = frames - int(rng.integers(36, 46)) if parts else frames + 30
    span = Interval(meet + 5, last, 22, 24)
    apart = rng.uniform(0.37, 0.43) + 0.5 * sum(_depth(person) for person in people) - 0.22
    comes = (True, bool(rng.random() < 0.5))
    aside = rng.uniform(0.03, 0.05)
    leave = last + 6 if parts else None
    actors = sampler.face_to_face(people, frames, rng, apart, meet, aside, comes, free_arms=True, leave=leave)
    high = ContactPoint("back", (float(rng.uniform(0.2, 0.55)), float(rng.uniform(0.25, 0.6)), -1))
    low = ContactPoint("back", (float(rng.uniform(-0.6, -0.2)), float(rng.uniform(-0.35, 0.05)), -1))
    touches = [ContactGoal(0, _CHEST, _CHEST, span, tolerance=0.06, normal_tolerance=None, required=False)]
    places, directions, hands = [], [], []
    for p in (0, 1):
        on = 1 - p
        touches += [
            ContactGoal(p, ContactPoint("right_palm", (0.2, -1, 0)), high, span, tolerance=0.03, normal_tolerance=0.35)
        ]
        touches += [
            ContactGoal(p, ContactPoint("left_palm", (0.2, -1, 0)), low, span, tolerance=0.03, normal_tolerance=0.35)
        ]
        trunk = (on, "spine3")
        size = people[on].bone_length("left_shoulder", "right_shoulder") / _USUAL
        for side, (elbow, way, fingers) in _ARMS.items():
            places.append(
                PositionGoal(
                    p,
                    f"{side}_elbow",
                    _times(elbow, size),
                    Interval(span.start - 10, span.end + 6, 14, 14),
                    trunk,
                    sigma=0.045,
                    axis_weights=(0.5, 1, 0.5),
                )
            )
            for at in (span.start - _PASSES, span.end + _PASSES):
                places.append(
                    PositionGoal(
                        p, f"{side}_wrist", _times(way, size), Interval(at - 1, at + 1, 4, 4), trunk, sigma=0.06
                    )
                )
            along = (-1, 0, 0) if side == "right" else (1, 0, 0)
            directions.append(DirectionGoal(p, f"{side}_wrist", along, fingers, span, trunk, sigma=0.5))
            hands.append(HandShapeGoal(p, side, "flat", Interval(span.start - 6, span.end + 6, 10, 10)))
        places.append(
            PositionGoal(
                p,
                "head",
                (-0.11, 0.0, 0.0),
                Interval(meet, span.end, 18, 12),
                trunk,
                sigma=0.03,
                axis_weights=(1, 0, 0),
            )
        )
    scene = Scene(
        "hug",
        actors,
        contact_goals=tuple(touches),
        position_goals=tuple(places),
        direction_goals=tuple(directions),
        gaze_goals=tuple(
            GazeGoal(p, part)
            for p in (0, 1)
            for part in (Interval(6, meet - 22, 8, 12), Interval(span.end + 18, frames, 10, 10))
        ),
        hand_goals=tuple(hands),
        translation_sigma=0.08,
    )
    other_way = rng.random() < 0.5
    held = (min(span.end, frames) - span.start) / scene.rate
    details = InteractionFacts(both_hands=True, approaching=(comes[1], comes[0]) if other_way else comes, duration=held)
    scene = replace(scene, sentences=write_sentences("hug", details, rng))
    scene = mirror_scene(scene) if rng.random() < 0.4 else scene
    return swap_people(scene) if other_way else scene


def _of_like_height(sampler: SceneSampler, rng: Generator) -> tuple[Person, Person]:
    first = sampler.sample_person(rng)
    for _ in range(50):
        second = sampler.sample_person(rng)
        if abs(first.joint_height("head") - second.joint_height("head")) < _HEIGHTS and second is not first:
            return first, second
    return first, sampler.sample_person(rng)


def _times(vector: Vector, factor: float) -> Vector:
    return (vector[0] * factor, vector[1] * factor, vector[2] * factor)


def _depth(person: Person) -> float:
    """metres from the back to the front of the chest, roughly."""
    return 0.5 * person.bone_length("left_shoulder", "right_shoulder") + 0.04
