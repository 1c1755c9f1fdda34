"""Two people who have nothing to do with each other: recorded single motions side by side, so that a model that has only seen
people touch does not make everybody touch."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from numpy.random import Generator

from core.body.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from core.contract.errors import UserError
from core.contract.skeleton import BODY_JOINTS
from core.motion import PairMotion

from ..choreography.hand_shapes import finger_rotations, hand_shape
from ..choreography.interaction import Interaction
from ..choreography.scene import Actor
from ..choreography.scene_sampler import SceneSampler, actor_joints
from ..mocap.motion_clip import RATE, Action, MotionClip, place_at

FAMILY = "strangers"
_DOES: dict[Action, tuple[str, ...]] = {
    "standing": ("stands about", "stands"),
    "walking": ("walks", "walks along"),
    "other": ("moves about", "exercises"),
    "dancing": ("dances",),
    "running": ("runs",),
}
_KINDS: tuple[Action, ...] = tuple(_DOES)
_OFTEN = np.array([0.15, 0.2, 0.4, 0.15, 0.1])
_FRAMES = (72, 96, 128)
_APART = (0.45, 2.2)
"""metres between the pelvises in some frame."""
_CLEAR = 0.22
"""metres between any two joints of the two, all the time: skins do not meet."""
_TRIES = 40
_LIMBERED = 0.6
"""Share of the people whose limbs swing beside what was recorded."""
_LEG = ("hip", "knee")
_LOWERED = 0.3
"""Share of the people who are down on the floor."""
_BENDS = {"hip": -110, "knee": 120}
"""Joints and degrees about the axis from right to left: thighs come up, shins go back."""
_SOLE, _STEADY = 0.08, 5.0
"""metres of the lowest joint over the floor; frames over which that is averaged."""
_SWINGS = {"shoulder": 80, "elbow": 60, "hip": 55, "knee": 50, "spine1": 20, "spine2": 20, "neck": 25}
"""Joints and degrees."""


def stranger_pair(studio: SceneSampler, seed: int, number: int) -> Interaction:
    """The pair of that number: the same for the same seed, whatever else is made.

    UserError `no-motion` where the studio's recordings give nothing that two can do without meeting.
    """
    rng = np.random.default_rng([seed, 7, number])
    for _ in range(_TRIES):
        frames = int(rng.choice(_FRAMES))
        kinds: list[Action] = [_KINDS[int(rng.choice(len(_KINDS), p=_OFTEN))] for _ in range(2)]
        try:
            actors = [_actor(studio, kind, frames, rng) for kind in kinds]
        except UserError:  # the split has no such recording, or none as long
            continue
        apart, at = rng.uniform(*_APART), int(rng.integers(frames))
        first, second = (
            replace(actor, motion=place_at(actor.motion, rng.uniform(-math.pi, math.pi), (side * apart / 2, 0.0), at))
            for actor, side in zip(actors, (-1, 1))
        )
        if _nearest(first, second) > _CLEAR:
            return _interaction(f"{FAMILY}-{number:04d}", (first, second), _words(kinds, rng))
    raise UserError(
        "no-motion", "No two recordings go side by side without meeting.", "Give a folder with more motion capture."
    )


def _actor(studio: SceneSampler, kind: Action, frames: int, rng: Generator) -> Actor:
    person = studio.sample_person(rng)
    base = studio.sample_motion(kind, person, frames, rng)
    actor = Actor(person.body, person.betas, limbered(base, rng) if rng.random() < _LIMBERED else base)
    return lowered(actor, rng) if rng.random() < _LOWERED else actor


def limbered(base: MotionClip, rng: Generator) -> MotionClip:
    """The motion with limbs that swing beside: arms, trunk and one leg, whose foot then stands no more.

    Recordings show what people usually do; film also shows them stretch, balance and point.
    """
    rotations, planted = np.array(base.rotations), np.array(base.foot_contact)
    side = int(rng.integers(2))
    for name, most in _SWINGS.items():
        if name in _LEG:
            joints = [f"{('left', 'right')[side]}_{name}"]
        else:
            joints = [name] if name in BODY_JOINTS else [f"left_{name}", f"right_{name}"]
        for joint in joints:
            number = BODY_JOINTS.index(joint)
            swing = axis_angle_to_matrix(torch.from_numpy(_swing(len(rotations), most, rng))).numpy()
            rotations[:, number] = rotations[:, number] @ swing.astype(rotations.dtype)
    planted[:, side] = False
    return replace(base, rotations=rotations, foot_contact=planted)


def lowered(actor: Actor, rng: Generator) -> Actor:
    """The same person sitting, kneeling or lying: legs bent, the whole body turned over, what is lowest on the floor."""
    base = actor.motion
    rotations = np.array(base.rotations)
    over = math.radians(rng.uniform(-30, 30) if rng.random() < 0.5 else rng.choice([-1, 1]) * rng.uniform(45, 110))
    heading = rng.uniform(-math.pi, math.pi)
    axis = torch.tensor([[math.cos(heading), math.sin(heading), 0.0]], dtype=torch.float32) * over
    rotations[:, 0] = axis_angle_to_matrix(axis).numpy() @ rotations[:, 0]
    for name, most in _BENDS.items():
        for side in ("left", "right"):
            bend = torch.tensor([[math.radians(most) * rng.random(), 0.0, 0.0]], dtype=torch.float32)
            number = BODY_JOINTS.index(f"{side}_{name}")
            rotations[:, number] = rotations[:, number] @ axis_angle_to_matrix(bend).numpy()
    turned = replace(actor, motion=replace(base, rotations=rotations, foot_contact=np.zeros_like(base.foot_contact)))
    lowest = actor_joints(turned)[..., 2].min(-1)
    near = np.exp(-0.5 * ((np.arange(len(lowest))[:, None] - np.arange(len(lowest))) / _STEADY) ** 2)
    pelvis = np.array(base.pelvis)
    pelvis[:, 2] += _SOLE - near @ lowest / near.sum(-1)
    return replace(turned, motion=replace(turned.motion, pelvis=pelvis))


def _swing(frames: int, most: float, rng: Generator) -> np.ndarray:
    """[T,3] slow axis-angles, no more than `most` degrees or so."""
    time = np.arange(frames)[:, None] / RATE
    size = math.radians(most) * rng.uniform(0, 1) * rng.normal(0, 0.6, (2, 3))
    speed, phase = rng.uniform(0.3, 3.0, 2), rng.uniform(0, 2 * math.pi, (2, 3))
    return sum((size[n] * np.sin(speed[n] * time + phase[n]) for n in range(2)), np.zeros((frames, 3)))


def _nearest(first: Actor, second: Actor) -> float:
    """metres"""
    one, other = actor_joints(first), actor_joints(second)
    return float(np.linalg.norm(one[:, :, None] - other[:, None], axis=-1).min())


def _words(kinds: list[Action], rng: Generator) -> tuple[str, ...]:
    does = [str(rng.choice(_DOES[kind])) for kind in kinds]
    return (
        f"One person {does[0]}, another {does[1]}; they do not touch.",
        f"Two people near each other who do not interact: one {does[0]}, the other {does[1]}.",
    )


def _interaction(name: str, actors: tuple[Actor, Actor], sentences: tuple[str, ...]) -> Interaction:
    rotations = torch.from_numpy(np.stack([actor.motion.rotations for actor in actors]))
    angles = matrix_to_axis_angle(rotations).numpy()
    frames = rotations.shape[1]
    relaxed = matrix_to_axis_angle(finger_rotations(hand_shape("relaxed").repeat(2, 1)))[3:].reshape(2, 15, 3).numpy()
    left, right = (np.tile(hand, (2, frames, 1, 1)).astype(np.float32) for hand in relaxed)
    return Interaction(
        name=name,
        family=FAMILY,
        sources=tuple(actor.motion.source for actor in actors),
        subjects=tuple(dict.fromkeys(part for actor in actors for part in actor.motion.subject.split(" + "))),
        rate=RATE,
        motion=PairMotion(
            global_orient=angles[:, :, 0],
            body_pose=angles[:, :, 1:],
            left_hand_pose=left,
            right_hand_pose=right,
            pelvis=np.stack([actor.motion.pelvis for actor in actors]).astype(np.float32),
            betas=np.stack([actor.betas for actor in actors]).astype(np.float32),
        ),
        foot_contact=np.stack([actor.motion.foot_contact for actor in actors]),
        contacts=(),
        sentences=sentences,
    )
