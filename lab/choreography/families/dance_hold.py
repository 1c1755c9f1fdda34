"""Two people dance face to face in a closed hold: on the spot, or one goes forwards and the other backwards."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.random import Generator

from ...mocap.blending import fit_to_length
from ...mocap.motion_clip import MotionClip, mirror, place_at, reverse, trim
from ...mocap.windows import Window
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
from ..scene_sampler import Person, SceneSampler
from ..sentences import InteractionFacts, write_sentences
from ..symmetry import mirror_scene
from .hand_in_hand import alike

_STRAIGHT, _SLOW = 0.4, 1.15
"""radians by which a walk may turn, and m/s: nobody runs in a closed hold."""
_SPARE = 44
"""frames among which a walk's stretch is chosen that goes with another's steps."""


def compose(sampler: SceneSampler, rng: Generator) -> Scene:
    walking = bool(rng.random() < 0.3)
    frames = int(rng.integers(64, 97) if walking else rng.integers(72, 137))
    people = alike(sampler, rng)
    apart = (
        (0.39 + 0.03 * walking + rng.uniform(0.0, 0.04)) * 0.5 * (people[0].arm_length + people[1].arm_length) / 0.60
    )
    # the follower is a little to the leader's right, whose arm so gets around the back
    aside = rng.uniform(0.03, 0.05)
    hold = Interval(-40, frames + 40, 4, 4)
    if walking:
        actors = _there_and_back(sampler, people, frames, rng, apart, aside)
        sways: tuple[PositionGoal, ...] = ()
    else:
        actors = sampler.face_to_face(people, frames, rng, apart, aside=aside, free_arms=True)
        sways = _swaying(actors, frames, rng)
    follower = (1, "spine3")
    blade = ContactPoint("back", (float(rng.uniform(0.55, 0.8)), float(rng.uniform(0.0, 0.35)), -1))
    rest = float(rng.uniform(0.04, 0.12))
    clasp = ContactPoint("left_palm", (0.1, -1, -0.1)), ContactPoint("right_palm", (0.1, -1, -0.1))
    height = float(rng.uniform(-0.04, 0.08))
    palm = ContactPoint("left_palm", (0.2, -1, 0))
    scene = Scene(
        "dance_hold",
        actors,
        contact_goals=(
            ContactGoal(0, ContactPoint("right_palm", (0.2, -1, 0)), blade, hold, tolerance=0.03, normal_tolerance=0.5),
            ContactGoal(0, clasp[0], clasp[1], hold, tolerance=0.010, normal_tolerance=0.3, gap=0.010),
        ),
        position_goals=(
            *sways,
            # the hand lies on the arm as it may: asked for a touch, it would pull at everything else
            PositionGoal(1, palm, (-rest, 0.07, 0.0), hold, (0, "right_shoulder"), sigma=0.025),
            PositionGoal(0, "right_elbow", (0.33, -0.02, 0.20), hold, follower, sigma=0.07),
            PositionGoal(1, "left_elbow", (0.36, 0.06, 0.22), hold, follower, sigma=0.14),
            PositionGoal(0, clasp[0], (0.48, height, 0.22), hold, (0, "spine3"), sigma=0.06),
            PositionGoal(1, clasp[1], (-0.48, height, 0.22), hold, follower, sigma=0.06),
        ),
        direction_goals=(
            DirectionGoal(0, "right_wrist", (-1, 0, 0), (-0.9, 0.25, -0.3), hold, follower, sigma=0.5),
            DirectionGoal(0, "left_wrist", (1, 0, 0), (0.1, 0.1, 1.0), hold, sigma=0.3),
            DirectionGoal(1, "right_wrist", (-1, 0, 0), (-0.1, 0.95, 0.3), hold, sigma=0.3),
            DirectionGoal(0, "left_wrist", (1, 0, 0), (-0.35, 0, 0.95), hold, (1, "right_wrist"), sigma=0.2),
            DirectionGoal(1, "left_wrist", (0, -1, 0), (0, 0, -1), hold, sigma=0.5),
            DirectionGoal(1, "left_wrist", (1, 0, 0), (-0.85, -0.2, 0.2), hold, sigma=0.7),
        ),
        gaze_goals=tuple(
            GazeGoal(p, Interval(at, at + rng.uniform(10, 40), 14, 14), sigma=0.5)
            for p, at in enumerate(rng.uniform(0, frames - 20, 2))
        ),
        hand_goals=(
            HandShapeGoal(0, "right", "flat", hold),
            HandShapeGoal(1, "left", "flat", hold, closes_on_contact=True),
            HandShapeGoal(0, "left", "clasped", hold, closes_on_contact=True),
            HandShapeGoal(1, "right", "clasped", hold, closes_on_contact=True),
        ),
        translation_sigma=0.05,
    )
    side = "right"
    if rng.random() < 0.25:
        scene, side = mirror_scene(scene), "left"
    words = write_sentences(
        "dance_hold", InteractionFacts(side=side, walking=walking, duration=frames / scene.rate), rng
    )
    return replace(scene, sentences=words)


def _there_and_back(
    sampler: SceneSampler, people: tuple[Person, Person], frames: int, rng: Generator, apart: float, aside: float
) -> tuple[Actor, Actor]:
    """Person 0 walks along X, and person 1 before them the same walk backwards, the legs opposite each other in step."""
    found = [
        one for one in sampler.windows("walking", frames) if abs(one.heading_change) < _STRAIGHT and one.speed < _SLOW
    ]
    found = found or list(sampler.windows("walking", frames))
    window: Window = found[int(rng.integers(len(found)))]
    long = [fit_to_length(window, person.body, person.betas, frames + _SPARE) for person in people]
    leads = _along(trim(long[0], 0, frames), 0.0, (0.0, 0.0))
    best, follows = -math.inf, leads
    for start in range(0, _SPARE, 2):
        for turned in (False, True):
            part = trim(long[1], start, start + frames)
            part = _along(reverse(mirror(part) if turned else part), math.pi, (apart, 0.0))
            off = part.pelvis[:, :2] - leads.pelvis[:, :2]
            agree = (part.foot_contact[:, ::-1] == leads.foot_contact).mean()
            score = agree - 4 * float(off[:, 0].std()) - 4 * float(off[:, 1].std())
            if score > best:
                best, follows = score, part
    off = (follows.pelvis[:, :2] - leads.pelvis[:, :2]).mean(0) - np.array([apart, -2 * aside])
    middle = leads.pelvis[:, :2].mean(0) + np.array([apart / 2, 0.0])
    shifted = [_moved(leads, -middle), _moved(follows, -middle - off)]
    return tuple(Actor(one.body, one.betas, base) for one, base in zip(people, shifted))  # pyright: ignore[reportReturnType]


def _along(motion: MotionClip, faces: float, at: tuple[float, float]) -> MotionClip:
    """Turned so that the whole way goes along X, to whichever side they face."""
    motion = place_at(motion, faces, at)
    way = motion.pelvis[-1, :2] - motion.pelvis[0, :2]
    return place_at(motion, faces - math.atan2(way[1], way[0]), at)


def _moved(motion: MotionClip, by: np.ndarray) -> MotionClip:
    pelvis = motion.pelvis.copy()
    pelvis[:, :2] += by.astype(np.float32)
    return replace(motion, pelvis=pelvis)


def _swaying(actors: tuple[Actor, Actor], frames: int, rng: Generator) -> tuple[PositionGoal, ...]:
    """Both shift their weight to the same side, to and fro."""
    t = np.arange(frames)
    far, period, phase = rng.uniform(0.03, 0.055), rng.uniform(36, 54), rng.uniform(0, 2 * math.pi)
    sway = far * np.sin(2 * math.pi * t / period + phase)
    always = Interval(-40, frames + 40, 4, 4)
    places = []
    for p, actor in enumerate(actors):
        path = np.tile(actor.motion.pelvis.mean(0), (frames, 1)).astype(np.float32)
        path[:, 1] += sway
        places.append(PositionGoal(p, "pelvis", path, always, sigma=0.02, axis_weights=(0.3, 1.0, 0.0)))
    return tuple(places)
