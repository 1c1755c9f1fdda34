"""One person walks on and pulls the other along by the wrist, who follows a step behind."""

from __future__ import annotations

from dataclasses import replace

from numpy.random import Generator

from ...mocap.motion_clip import BaseMotion
from ..scene import Actor, Direction, Gaze, HandPose, Place, Scene, Span, Spot, Touch
from ..scene_sampler import Studio, joints_of
from ..sentences import Details, sentences
from ..symmetry import exchanged, mirrored
from ..timing import Side
from .hand_in_hand import alike, side_by_side, walk

_PALM = Spot("right_palm", (0.25, -1, 0))
_AHEAD, _ASIDE = (0.82, 1.0), (0.42, 0.6)
"""How far who pulls is before and beside the other, as shares of an arm."""


def compose(studio: Studio, rng: Generator) -> Scene:
    frames = int(rng.integers(72, 121))
    people = alike(studio, rng)
    arm = 0.5 * (people[0].arm + people[1].arm)
    pulls, follows = side_by_side(people, walk(studio, frames, rng), frames, rng.uniform(*_ASIDE) * arm + 0.12)
    follows = Actor(follows.body, follows.betas, _moved(follows.base, -rng.uniform(*_AHEAD) * arm))
    held = Spot("left_wrist" if rng.random() < 0.6 else "left_forearm", (0.3, 1, 0))
    always = Span(-40, frames + 40, 4, 4)
    between = 0.5 * (joints_of(pulls)[:, 0] + joints_of(follows)[:, 0])
    between[:, 2] = 0.5 * (people[0].pelvis_height + people[1].pelvis_height) * rng.uniform(0.86, 0.96)
    scene = Scene(
        "pull_arm",
        (pulls, follows),
        touches=(Touch(0, _PALM, held, always, loose=0.02, facing=0.4, gap=0.003),),
        places=(
            Place(0, _PALM, between, always, sigma=0.06),
            Place(1, "left_wrist", between, always, sigma=0.08),
        ),
        directions=(
            Direction(0, "right_wrist", (-1, 0, 0), (-0.75, 0.0, -0.6), always, sigma=0.5),
            Direction(1, "left_elbow", (1, 0, 0), (0.9, 0.2, -0.2), always, sigma=0.4),
        ),
        gazes=(Gaze(0, _for_a_moment(frames, rng), sigma=0.6), Gaze(1, Span(2, frames, 10, 10), sigma=0.6)),
        hands=(HandPose(0, "right", "hooked", always, closes=True), HandPose(1, "left", "relaxed", always)),
        moves=0.08,
    )
    flip = rng.random() < 0.5
    side: Side = "left" if flip else "right"
    other: Side = "right" if flip else "left"
    details = Details(side=side, other_side=other, place=held.region.partition("_")[2], walking=True, gives_way=True)
    if flip:
        scene = mirrored(scene)
    if rng.random() < 0.5:
        scene = exchanged(scene)
    return replace(scene, sentences=sentences("pull_arm", details, rng))


def _moved(motion: BaseMotion, far: float) -> BaseMotion:
    """Along +X."""
    pelvis = motion.pelvis.copy()
    pelvis[:, 0] += far
    return replace(motion, pelvis=pelvis)


def _for_a_moment(frames: int, rng: Generator) -> Span:
    at = rng.uniform(8, frames - 30)
    return Span(at, at + rng.uniform(8, 18), 12, 12)
