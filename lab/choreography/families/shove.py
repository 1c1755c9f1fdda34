"""One person shoves the other with both hands: against the chest, or in the back."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.random import Generator

from ...mocap.motion_clip import placed
from ..scene import Actor, Direction, Gaze, HandPose, Place, Scene, Span, Spot, Touch
from ..scene_sampler import Studio
from ..sentences import Details, sentences
from ..symmetry import exchanged, mirrored


def compose(studio: Studio, rng: Generator) -> Scene:
    frames = int(rng.integers(64, 105))
    people = studio.person(rng), studio.person(rng)
    behind = bool(rng.random() < 0.35)
    hit = int(rng.integers(24, 36))
    pushed = int(rng.integers(5, 10))
    held = Span(hit, hit + pushed, rng.uniform(8, 12), rng.uniform(8, 13))
    apart = rng.uniform(0.66, 0.78) * people[0].arm + 0.16
    coming = bool(rng.random() < 0.5)
    comes = studio.coming(people[0], frames, rng, hit - 6) if coming else studio.standing(people[0], frames, rng)
    stands = studio.standing(people[1], frames, rng)
    actors = (
        Actor(people[0].body, people[0].betas, placed(comes, float(rng.normal(0, 0.06)), (-apart / 2, 0.0), hit)),
        Actor(
            people[1].body,
            people[1].betas,
            placed(stands, (0.0 if behind else math.pi) + float(rng.normal(0, 0.1)), (apart / 2, 0.0), hit),
        ),
    )
    region, depth = ("back", -1) if behind else ("chest", 1)
    # whoever faces the same way has the other's left before the own left
    ways = {"right": -0.55 if behind else 0.55, "left": 0.55 if behind else -0.55}
    height = float(rng.uniform(0.1, 0.5) if behind else rng.uniform(0.0, 0.35))
    touches = tuple(
        Touch(0, Spot(f"{side}_palm", (0.2, -1, 0)), Spot(region, (way, height, depth)), held, loose=0.03, facing=0.5)
        for side, way in ways.items()
    )
    scene = Scene(
        "shove",
        actors,
        touches=touches,
        places=_pushed_away(people[1].height_of("spine3"), actors[1], frames, hit, rng),
        directions=tuple(
            Direction(0, f"{side}_wrist", along, (0.25, 0.0, 0.95), held, sigma=0.5)
            for side, along in (("right", (-1, 0, 0)), ("left", (1, 0, 0)))
        ),
        gazes=(Gaze(0, Span(4, frames, 10, 10)),) + (() if behind else (Gaze(1, Span(4, frames, 10, 10)),)),
        hands=tuple(HandPose(0, side, "flat", held) for side in ("right", "left")),
        moves=0.06,
    )
    turned = bool(rng.random() < 0.3)
    if turned:
        scene = mirrored(scene)
    if rng.random() < 0.5:
        scene = exchanged(scene)
    details = Details(both_hands=True, place=region, behind=behind, coming=(coming, False), gives_way=True)
    return replace(scene, sentences=sentences("shove", details, rng))


def _pushed_away(height: float, actor: Actor, frames: int, hit: int, rng: Generator) -> tuple[Place, ...]:
    """The chest of who is shoved goes back and comes upright again, the hips a little less."""
    t = np.arange(frames)
    after = np.clip((t - hit) / 9, 0, None)
    sway = after * np.exp(1 - after)  # rises to 1 at 9 frames, and dies away
    far = rng.uniform(0.10, 0.18)
    places = []
    for joint, share, up in (("spine3", 1.0, height), ("pelvis", 0.45, float(np.median(actor.base.pelvis[:, 2])))):
        path = actor.base.pelvis.copy()
        path[:, 0] += share * far * sway
        path[:, 2] = up - 0.02 * share * sway
        places.append(Place(1, joint, path, Span(hit, hit + 26, 6, 14), sigma=0.03, only=(1.0, 0.3, 0.2)))
    return tuple(places)
