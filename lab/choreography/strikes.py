"""Kicks and punches that bounce off what they hit, and the position of a contact point in an actor's motion."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from numpy.random import Generator
from scipy.interpolate import PchipInterpolator

from core.body.model import forward_kinematics, rest_joints
from core.contract.skeleton import JOINT_INDEX

from ..mocap.array_rotations import rotation_about_x
from ..mocap.blending import join, with_planted_feet
from ..mocap.motion_clip import MotionClip, heading_at, mirror, place_at, reverse, standing_height, time_warp, trim
from ..mocap.windows import Action, Window
from .contact_points import body_normals, contact_point_vertices
from .hand_shapes import animate_hands, finger_rotations
from .scene import Actor, ContactPoint
from .scene_sampler import Person, SceneSampler, actor_joints
from .skin_points import SkinPoints

_ENDS = {"kicking": "ankle", "punching": "wrist"}
_BACK, _SLOWER = (9, 15), (1.2, 1.7)
"""Ranges of the number of frames that a limb moves back along its path, and of how much slower than on the way there."""
_UPRIGHT = 0.78
"""Least height of the pelvis in a kick, relative to standing."""
_GOES_ON = 1.1
"""m/s of the pelvis from which on a swinging arm belongs to a walk, not to a punch."""


def recorded_strike(sampler: SceneSampler, kind: Action, person: Person, frames: int, rng: Generator) -> MotionClip:
    """A recorded kick or punch of the right limb along +X, the pelvis over the origin when it hits, in frame `peak`.

    There it bounces off: the motion is played back for some frames and ends standing. UserError `no-motion`.
    """
    suits = partial(_stands_up, person) if kind == "kicking" else _stays
    motion = sampler.sample_motion(kind, person, frames, rng, suits)
    hit = frames // 2 if motion.peak is None else motion.peak
    if _outer_side(person, motion, kind, hit) == "left":
        motion = mirror(motion)
    back = min(int(rng.integers(*_BACK)), hit)
    bounce = time_warp(reverse(trim(motion, hit - back, hit + 1)), round(back * rng.uniform(*_SLOWER)) + 1)
    motion = _one_after_the_other(trim(motion, 0, hit), bounce)
    rest = sampler.standing_motion(person, max(frames - motion.frames + 14, 24), rng)
    motion = trim(join(motion, rest, person.body, person.betas), 0, frames)
    return _along_x(person, motion, kind, hit)


def front_kick(sampler: SceneSampler, person: Person, frames: int, rng: Generator) -> MotionClip:
    """A kick from standing with the right foot along +X: the knee comes up, the shin swings out, and the leg goes back.

    As in `recorded_strike`, the pelvis is over the origin when it hits, in frame `peak`.
    """
    standing = sampler.standing_motion(person, frames, rng)
    hit = int(rng.integers(24, max(min(frames - 28, 60), 25)))
    high, slower = math.radians(rng.uniform(55, 105)), rng.uniform(0.85, 1.2)
    t = (np.arange(frames) - hit) / slower

    def course(times: tuple[float, ...], values: tuple[float, ...]) -> np.ndarray:
        return PchipInterpolator((-1e3, *times, 1e3), (0, *values, 0))(t)

    hip = course((-16, -7, 0, 4, 10, 20), (0, 0.85 * high, high, 0.98 * high, 0.75 * high, 0))
    knee = course((-17, -7, 0, 4, 10, 20), (0, 1.7, 0.3, 0.4, 1.4, 0))
    foot = rng.uniform(0.0, 0.45) * course((-12, -3, 4, 14), (0, 1, 1, 0))
    over = course((-24, -9, 9, 26), (0, 1, 1, 0))
    back = rng.uniform(0.12, 0.28) * high * course((-18, -2, 5, 22), (0, 1, 1, 0))
    rotations, pelvis, planted = standing.rotations.copy(), standing.pelvis.copy(), standing.foot_contact.copy()
    for joint, angle in (
        ("right_hip", back - hip),
        ("right_knee", knee),
        ("right_ankle", foot),
        ("spine2", 0.6 * back),
    ):
        index = JOINT_INDEX[joint]
        rotations[:, index] = rotation_about_x(angle.astype(np.float32)) @ rotations[:, index]
    rotations[:, 0] = rotations[:, 0] @ rotation_about_x(-back.astype(np.float32))
    support = actor_joints(Actor(person.body, person.betas, standing))[:, JOINT_INDEX["left_ankle"], :2]
    pelvis[:, :2] += 0.75 * over[:, None] * (support - pelvis[:, :2])
    planted[(t > -15) & (t < 19), 1] = False
    planted[(t > -26) & (t < 28), 0] = True
    motion = replace(standing, rotations=rotations, pelvis=pelvis.astype(np.float32), foot_contact=planted)
    return _along_x(person, with_planted_feet(motion, person.body, person.betas), "kicking", hit)


def _along_x(person: Person, motion: MotionClip, kind: Action, hit: int) -> MotionClip:
    joints = actor_joints(Actor(person.body, person.betas, motion))[hit]
    out = joints[JOINT_INDEX[f"right_{_ENDS[kind]}"]] - joints[0]
    heading = heading_at(motion, hit) - math.atan2(out[1], out[0])
    return replace(place_at(motion, heading, (0.0, 0.0), hit), peak=hit)


def _stands_up(person: Person, window: Window) -> bool:
    """Whether somebody is not down on a knee when a recorded kick hits."""
    at = window.start + (window.peak or 0)
    return float(window.capture.pelvis[at, 2]) > _UPRIGHT * standing_height(person.body, window.capture.betas)


def _stays(window: Window) -> bool:
    return window.speed < _GOES_ON


def _outer_side(person: Person, motion: MotionClip, kind: Action, frame: int) -> str:
    """Of the foot or hand that is out: the one that stands is as far from the pelvis, but below it."""
    joints = actor_joints(Actor(person.body, person.betas, trim(motion, frame, frame + 1)))[0]
    ends = {side: joints[JOINT_INDEX[f"{side}_{_ENDS[kind]}"]] - joints[0] for side in ("left", "right")}
    return max(ends, key=lambda side: np.linalg.norm(ends[side][:2]) + ends[side][2])


def _one_after_the_other(first: MotionClip, second: MotionClip) -> MotionClip:
    parts = ("rotations", "pelvis", "foot_contact")
    return replace(first, **{name: np.concatenate([getattr(first, name), getattr(second, name)]) for name in parts})


def contact_point_at(actor: Actor, spot: ContactPoint, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """Position and outward normal, [3] each, of a contact point in a frame of the actor's motion."""
    betas = torch.from_numpy(actor.betas)
    vertices = contact_point_vertices(actor.body, spot)
    fingers = finger_rotations(animate_hands((), 1)[0])
    points = SkinPoints.from_body(actor.body.subset(vertices), betas, fingers, body_normals(actor.body)[vertices])
    rotations, pelvis = (
        torch.from_numpy(part[frame : frame + 1]) for part in (actor.motion.rotations, actor.motion.pelvis)
    )
    places, normals = points.pose(*forward_kinematics(rotations, rest_joints(actor.body, betas)[:22], pelvis))
    return places[0].mean(0).numpy(), normals[0].mean(0).numpy()
