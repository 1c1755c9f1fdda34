"""Augments recorded motion for training: limbs that swing more than was recorded, and people who sit, kneel or lie.

Motion capture shows what people usually do; film also shows them stretch, balance, point and go down to the floor.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from numpy.random import Generator

from core.body.rotations import axis_angle_to_matrix
from core.contract.skeleton import BODY_JOINTS

from ..choreography.scene import Actor
from ..choreography.scene_sampler import actor_joints
from ..mocap.capture import FRAME_RATE
from ..mocap.motion_clip import MotionClip

_SWINGS = {"shoulder": 80, "elbow": 60, "hip": 55, "knee": 50, "spine1": 20, "spine2": 20, "neck": 25}
"""Largest swing of each joint in degrees."""
_ONE_SIDE = ("hip", "knee")
"""Joints that swing on one side only: the other leg stands."""
_FLOOR_BENDS = {"hip": -110, "knee": 120}
"""Largest bend in degrees about the axis from right to left: thighs come up, shins go back."""
_SOLE_HEIGHT = 0.08
"""metres of the lowest joint above the floor."""
_HEIGHT_SMOOTHING = 5.0
"""Frames, standard deviation over which that height is averaged."""


@dataclass(frozen=True)
class PoseAugmentation:
    """How often people are augmented."""

    swing: float = 0.6
    """Probability that limbs swing."""
    floor: float = 0.3
    """Probability of a floor pose."""


def augment_pose(actor: Actor, augmentation: PoseAugmentation, rng: Generator) -> Actor:
    """A person with swinging limbs, in a floor pose, both or neither."""
    if rng.random() < augmentation.swing:
        actor = replace(actor, motion=swing_limbs(actor.motion, rng))
    return to_floor_pose(actor, rng) if rng.random() < augmentation.floor else actor


def swing_limbs(motion: MotionClip, rng: Generator) -> MotionClip:
    """Add slow swings to arms, trunk and one leg, whose foot then has no contact with the floor."""
    rotations, foot_contact = np.array(motion.rotations), np.array(motion.foot_contact)
    side = int(rng.integers(2))
    for name, largest in _SWINGS.items():
        if name in _ONE_SIDE:
            joints = [f"{('left', 'right')[side]}_{name}"]
        else:
            joints = [name] if name in BODY_JOINTS else [f"left_{name}", f"right_{name}"]
        for joint in joints:
            index = BODY_JOINTS.index(joint)
            swing = axis_angle_to_matrix(torch.from_numpy(_swing(len(rotations), largest, rng))).numpy()
            rotations[:, index] = rotations[:, index] @ swing.astype(rotations.dtype)
    foot_contact[:, side] = False
    return replace(motion, rotations=rotations, foot_contact=foot_contact)


def to_floor_pose(actor: Actor, rng: Generator) -> Actor:
    """The person sitting, kneeling or lying: legs bent, the whole body tilted, and its lowest joint on the floor."""
    motion = actor.motion
    rotations = np.array(motion.rotations)
    tilt = math.radians(rng.uniform(-30, 30) if rng.random() < 0.5 else rng.choice([-1, 1]) * rng.uniform(45, 110))
    heading = rng.uniform(-math.pi, math.pi)
    axis_angle = torch.tensor([[math.cos(heading), math.sin(heading), 0.0]], dtype=torch.float32) * tilt
    rotations[:, 0] = axis_angle_to_matrix(axis_angle).numpy() @ rotations[:, 0]
    for name, largest in _FLOOR_BENDS.items():
        for side in ("left", "right"):
            bend = torch.tensor([[math.radians(largest) * rng.random(), 0.0, 0.0]], dtype=torch.float32)
            index = BODY_JOINTS.index(f"{side}_{name}")
            rotations[:, index] = rotations[:, index] @ axis_angle_to_matrix(bend).numpy()
    tilted = replace(
        actor, motion=replace(motion, rotations=rotations, foot_contact=np.zeros_like(motion.foot_contact))
    )
    lowest = actor_joints(tilted)[..., 2].min(-1)
    frames = np.arange(len(lowest))
    weight = np.exp(-0.5 * ((frames[:, None] - frames) / _HEIGHT_SMOOTHING) ** 2)
    pelvis = np.array(motion.pelvis)
    pelvis[:, 2] += _SOLE_HEIGHT - weight @ lowest / weight.sum(-1)
    return replace(tilted, motion=replace(tilted.motion, pelvis=pelvis))


def _swing(frames: int, largest: float, rng: Generator) -> Float[np.ndarray, "T 3"]:
    """Axis-angles of a sum of two slow sines, rarely more than `largest` degrees."""
    time = np.arange(frames)[:, None] / FRAME_RATE
    amplitude = math.radians(largest) * rng.uniform(0, 1) * rng.normal(0, 0.6, (2, 3))
    frequency, phase = rng.uniform(0.3, 3.0, 2), rng.uniform(0, 2 * math.pi, (2, 3))
    return sum((amplitude[n] * np.sin(frequency[n] * time + phase[n]) for n in range(2)), np.zeros((frames, 3)))
