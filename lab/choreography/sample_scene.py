"""The sample clip's scene: two people walk up, shake hands, step together, hug each other and step apart.

Handshake and hug are those of the families, made for two people who stand at ease; both are then asked of the same two people,
one after the other, who walk from where they stand for the one to where they stand for the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import cycle
from typing import TypeVar

import numpy as np
from numpy.random import Generator

from core.contract.errors import UserError

from ..mocap.blending import with_planted_feet
from ..mocap.motion_clip import MotionClip, place_at
from .families import handshake, hug
from .scene import Actor, ContactGoal, DirectionGoal, GazeGoal, HandShapeGoal, Interval, PositionGoal, Scene
from .scene_sampler import Person, SceneSampler
from .timing import smootherstep

_Wish = TypeVar("_Wish", ContactGoal, PositionGoal, DirectionGoal, GazeGoal, HandShapeGoal)

_SHAKES, _HUGS = (24, 32), (30, 42)
"""Frames that hands and people hold each other, at least and at most."""
_STRIDE, _LONGEST_STRIDE = 0.20, 0.36
"""metres between where somebody stands for the one and for the other."""
_BETWEEN, _AFTER = 36, 40
"""Frames from the end of the handshake to the beginning of the hug, and from its end to the end of the clip."""
_WAITS, _SETTLES = 5, 6
"""Frames after a hold before somebody steps, and after a step before the next hold."""
_STEPS_BACK = 24
"""Frames that stepping apart takes."""
_LIFTED = 0.045
"""metres"""
_LATE = 4
"""Frames that one of the two may be later than the other."""
_HEIGHTS = 0.12
"""metres by which the two may differ in height."""
_TRIES = 1000
SENTENCE = "Two people walk up, shake hands and then hug each other."


@dataclass(frozen=True, kw_only=True)
class _Cast(SceneSampler):
    """The same two people again and again; nobody has a recording underneath."""

    order: Iterator[Person]

    def sample_person(self, rng: Generator) -> Person:
        return next(self.order)


def compose(sampler: SceneSampler, rng: Generator) -> Scene:
    """The first person comes from -X, the second from +X. Everything that varies is drawn from `rng`."""
    people = _of_like_height(sampler, rng)
    shake = _drawn(handshake.compose, people, rng, lambda scene: _lasts(scene, *_SHAKES))

    def follows(scene: Scene) -> bool:
        ways = [np.linalg.norm(_stand(scene, p) - _stand(shake, p)) for p in (0, 1)]
        return _lasts(scene, *_HUGS) and all(_STRIDE < way < _LONGEST_STRIDE for way in ways)

    embrace = _drawn(hug.compose, people, rng, follows)
    met, parted = _held(shake).start, _held(shake).end
    embrace = _later(embrace, math.ceil(parted + _BETWEEN - _held(embrace).start))
    held = _held(embrace)
    frames = round(held.end) + _AFTER
    actors = []
    for p, person in enumerate(people):
        heading = 0.0 if p == 0 else math.pi
        base = sampler.approaching_motion(person, frames, rng, round(met), free_arms=True)
        base = place_at(base, heading, _at(_stand(shake, p)), round(met))
        late = int(rng.integers(0, _LATE + 1))
        there = round(held.start) - _SETTLES
        start = round(parted) + _WAITS + late
        forward = _stand(embrace, p) - base.pelvis[there, :2]
        base = _stepped(base, person, forward, (start, there), int(rng.integers(2)))
        start = round(held.end) + _WAITS + late
        back = _stand(shake, p) - base.pelvis[there, :2]
        base = _stepped(base, person, back, (start, start + _STEPS_BACK), int(rng.integers(2)))
        actors.append(Actor(person.body, person.betas, base))
    looks = (Interval(8, held.start - 26, 8, 12), Interval(held.end + 18, frames, 10, 10))
    return Scene(
        "handshake_hug",
        (actors[0], actors[1]),
        contact_goals=shake.contact_goals + embrace.contact_goals,
        position_goals=shake.position_goals + embrace.position_goals,
        direction_goals=shake.direction_goals + embrace.direction_goals,
        gaze_goals=tuple(GazeGoal(p, span) for p in (0, 1) for span in looks),
        hand_goals=shake.hand_goals + embrace.hand_goals,
        sentences=(SENTENCE,),
        translation_sigma=embrace.translation_sigma,
    )


def _of_like_height(sampler: SceneSampler, rng: Generator) -> tuple[Person, Person]:
    while True:
        first, second = sampler.sample_person(rng), sampler.sample_person(rng)
        if abs(first.joint_height("head") - second.joint_height("head")) < _HEIGHTS:
            return first, second


def _drawn(
    compose: Callable[[SceneSampler, Generator], Scene],
    people: tuple[Person, Person],
    rng: Generator,
    suits: Callable[[Scene], bool],
) -> Scene:
    """A family's scene of these people, the first of whom is at -X, that suits. UserError `no-draw` where none does."""
    for _ in range(_TRIES):
        scene = compose(_Cast(people[0].body, order=cycle(people)), rng)
        if scene.actors[0].betas is people[0].betas and _stand(scene, 0)[0] < 0 and suits(scene):
            return scene
    raise UserError("no-draw", f"None of {_TRIES} draws suits these people.", "Take another seed.")


def _held(scene: Scene) -> Interval:
    return next(touch.interval for touch in scene.contact_goals if touch.required)


def _lasts(scene: Scene, least: float, most: float) -> bool:
    return least <= _held(scene).end - _held(scene).start <= most


def _stand(scene: Scene, person: int) -> np.ndarray:
    """[2] where somebody stands who stands still."""
    return scene.actors[person].motion.pelvis[0, :2]


def _at(place: np.ndarray) -> tuple[float, float]:
    return float(place[0]), float(place[1])


def _later(scene: Scene, frames: int) -> Scene:
    """All that is wanted, so many frames later; the motion underneath stays."""

    def later(item: _Wish) -> _Wish:
        span = replace(item.interval, start=item.interval.start + frames, end=item.interval.end + frames)
        moved = replace(item, interval=span)
        if isinstance(moved, PositionGoal) and isinstance(moved.target, np.ndarray):
            return replace(moved, target=np.concatenate([moved.target[:1].repeat(frames, 0), moved.target]))
        return moved

    return replace(
        scene,
        contact_goals=tuple(map(later, scene.contact_goals)),
        position_goals=tuple(map(later, scene.position_goals)),
        direction_goals=tuple(map(later, scene.direction_goals)),
        gaze_goals=tuple(map(later, scene.gaze_goals)),
        hand_goals=tuple(map(later, scene.hand_goals)),
    )


def _stepped(motion: MotionClip, person: Person, by: np.ndarray, frames: tuple[int, int], first: int) -> MotionClip:
    """Somebody who stands takes one step with each foot, `first` (0 left, 1 right) and then the other, `by` [2] metres."""
    start, end = frames
    t, middle = np.arange(motion.frames), (start + end) / 2
    pelvis, planted = motion.pelvis.copy(), motion.foot_contact.copy()
    pelvis[:, :2] += (smootherstep(t, start - 1, end + 1)[:, None] * by).astype(np.float32)
    raised = np.zeros((motion.frames, 2))
    for foot, lift, land in ((first, start, math.floor(middle)), (1 - first, math.ceil(middle), end)):
        planted[start : end + 1, foot] = True
        planted[lift + 1 : land, foot] = False
        raised[:, foot] = _LIFTED * np.sin(np.pi * np.clip((t - lift) / (land - lift), 0, 1))
    return with_planted_feet(replace(motion, pelvis=pelvis, foot_contact=planted), person.body, person.betas, raised)
