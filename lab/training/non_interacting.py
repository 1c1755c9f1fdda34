"""Pairs of people of whom nobody choreographed the interaction: recordings of single people side by side, or close together.

A model that is trained on people in contact alone predicts contact for everybody, and one that is trained on choreographies alone
knows no other places for two people than those.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.random import Generator

from core.body.rotations import matrix_to_axis_angle
from core.contract.errors import UserError
from core.motion import PairMotion

from ..choreography.hand_shapes import finger_rotations, hand_shape
from ..choreography.interaction import Interaction
from ..choreography.scene import Actor
from ..choreography.scene_sampler import SceneSampler, least_joint_distance
from ..mocap.capture import FRAME_RATE
from ..mocap.motion_clip import place_at
from ..mocap.windows import Action
from .pose_augmentation import PoseAugmentation, augment_pose

FAMILY = "non-interacting"
CLOSE_FAMILY = "close together"
_VERBS: dict[Action, tuple[str, ...]] = {
    "standing": ("stands about", "stands"),
    "walking": ("walks", "walks along"),
    "other": ("moves about", "exercises"),
    "dancing": ("dances",),
    "running": ("runs",),
}
_ACTIONS: tuple[Action, ...] = tuple(_VERBS)
_STREAM = 7
"""Makes the random numbers independent of those that other parts draw from the same seed."""


@dataclass(frozen=True)
class PairSettings:
    """How pairs are drawn."""

    family: str = FAMILY
    says_apart: bool = True
    """Whether sentences say that the two do not touch; otherwise nothing is said."""
    action_probabilities: tuple[float, ...] = (0.15, 0.2, 0.4, 0.15, 0.1)
    """Of standing, walking, other, dancing and running."""
    frames: tuple[int, ...] = (72, 96, 128)
    pelvis_distance: tuple[float, float] = (0.45, 2.2)
    """metres, in one frame."""
    clearance: float = 0.22
    """Least distance in metres between any joints of the two, in all frames: their skins do not touch."""
    attempts: int = 40
    lifted: float = 0.0
    """Probability that one of the two is off the floor, as somebody who is carried."""
    lift: tuple[float, float] = (0.15, 0.9)
    """metres"""
    augmentation: PoseAugmentation = field(default_factory=PoseAugmentation)


CLOSE = PairSettings(CLOSE_FAMILY, False, pelvis_distance=(0.25, 0.9), clearance=0.15, attempts=400, lifted=0.3)
"""Two who are as near each other as in an interaction, in any pose and any place: their skins may touch."""


def non_interacting_pair(
    sampler: SceneSampler, seed: int, number: int, settings: PairSettings | None = None
) -> Interaction:
    """The pair of that number: the same for the same seed, whatever else is drawn.

    Nothing is known of contacts, so where they may touch (`CLOSE`) only joints are to be learned from them. UserError
    `no-motion` if no two recordings fit side by side.
    """
    settings = settings or PairSettings()
    rng = np.random.default_rng([seed, _STREAM, number])
    for _ in range(settings.attempts):
        frames = int(rng.choice(settings.frames))
        actions: list[Action] = [
            _ACTIONS[int(rng.choice(len(_ACTIONS), p=settings.action_probabilities))] for _ in range(2)
        ]
        try:
            actors = [_draw_actor(sampler, action, frames, settings, rng) for action in actions]
        except UserError:  # the split has no recording of the action, or none that is long enough
            continue
        distance, at = rng.uniform(*settings.pelvis_distance), int(rng.integers(frames))
        first, second = (
            replace(
                actor, motion=place_at(actor.motion, rng.uniform(-math.pi, math.pi), (side * distance / 2, 0.0), at)
            )
            for actor, side in zip(actors, (-1, 1))
        )
        if rng.random() < settings.lifted:
            second = _lifted(second, rng.uniform(*settings.lift))
        if least_joint_distance(first, second) > settings.clearance:
            sentences = _sentences(actions, rng) if settings.says_apart else ()
            return _interaction(settings.family, number, (first, second), sentences)
    raise UserError(
        "no-motion", "No two recordings fit side by side without contact.", "Give a folder with more motion capture."
    )


def _draw_actor(sampler: SceneSampler, action: Action, frames: int, settings: PairSettings, rng: Generator) -> Actor:
    person = sampler.sample_person(rng)
    motion = sampler.sample_motion(action, person, frames, rng)
    return augment_pose(Actor(person.body, person.betas, motion), settings.augmentation, rng)


def _lifted(actor: Actor, height: float) -> Actor:
    """The person so many metres higher, without contact with the floor."""
    motion = actor.motion
    pelvis = motion.pelvis + np.array([0, 0, height], motion.pelvis.dtype)
    return replace(actor, motion=replace(motion, pelvis=pelvis, foot_contact=np.zeros_like(motion.foot_contact)))


def _sentences(actions: list[Action], rng: Generator) -> tuple[str, ...]:
    first, second = (str(rng.choice(_VERBS[action])) for action in actions)
    return (
        f"One person {first}, another {second}; they do not touch.",
        f"Two people near each other who do not interact: one {first}, the other {second}.",
    )


def _interaction(family: str, number: int, actors: tuple[Actor, Actor], sentences: tuple[str, ...]) -> Interaction:
    rotations = torch.from_numpy(np.stack([actor.motion.rotations for actor in actors]))
    axis_angle = matrix_to_axis_angle(rotations).numpy()
    frames = rotations.shape[1]
    relaxed = matrix_to_axis_angle(finger_rotations(hand_shape("relaxed").repeat(2, 1)))[3:].reshape(2, 15, 3).numpy()
    left, right = (np.tile(hand, (2, frames, 1, 1)).astype(np.float32) for hand in relaxed)
    return Interaction(
        name=f"{family.replace(' ', '-')}-{number:04d}",
        family=family,
        sources=tuple(actor.motion.source for actor in actors),
        subjects=tuple(dict.fromkeys(part for actor in actors for part in actor.motion.subject.split(" + "))),
        rate=FRAME_RATE,
        motion=PairMotion(
            global_orient=axis_angle[:, :, 0],
            body_pose=axis_angle[:, :, 1:],
            left_hand_pose=left,
            right_hand_pose=right,
            pelvis=np.stack([actor.motion.pelvis for actor in actors]).astype(np.float32),
            betas=np.stack([actor.betas for actor in actors]).astype(np.float32),
        ),
        foot_contact=np.stack([actor.motion.foot_contact for actor in actors]),
        contacts=(),
        sentences=sentences,
    )
