"""One person kicks the other: a leg from the front, from the side or from behind, or the trunk where the foot gets so high."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.random import Generator

from core.contract.errors import UserError
from core.contract.skeleton import JOINT_INDEX

from ...mocap.motion_clip import MotionClip, heading_at, place_at
from ..scene import Actor, ContactGoal, ContactPoint, GazeGoal, Interval, PositionGoal, Scene
from ..scene_sampler import Person, SceneSampler, actor_joints
from ..sentences import InteractionFacts, write_sentences
from ..strikes import contact_point_at, front_kick, recorded_strike
from ..symmetry import mirror_scene, swap_people
from ..timing import Side

_FOOT = ((0, -0.2, 1), (0, 0.6, 0.4), (0, -1, 0.6), (0, -1, -0.8))
"""Toes, instep, ball, heel: what may hit."""
_RECORDED = 0.5
"""Share of kicks that were recorded as such, where there are any; the others are on top of standing."""
_TARGETS = {
    "front": (
        ("left_shin", (0, 0.2, 1), "shin"), ("left_knee", (0, 0, 1), "knee"), ("left_thigh", (0, -0.4, 1), "thigh"),
        ("right_shin", (0, 0.2, 1), "shin"), ("right_thigh", (0, -0.4, 1), "thigh"), ("belly", (0, 0, 1), "belly"),
        ("chest", (0, -0.5, 1), "chest"),
    ),
    "side": (
        ("left_calf", (1, 0.2, 0), "calf"), ("left_thigh", (1, -0.5, 0), "thigh"), ("left_thigh", (1, 0.2, 0), "thigh"),
        ("hips", (1, 0, 0), "hip"), ("belly", (1, 0, 0), "side"),
    ),
    "behind": (
        ("left_calf", (0, 0.2, -1), "calf"), ("left_thigh", (0, -0.5, -1), "thigh"), ("right_calf", (0, 0.2, -1), "calf"),
        ("right_thigh", (0, -0.5, -1), "thigh"), ("hips", (-0.4, 0, -1), "behind"), ("back", (0, -0.6, -1), "back"),
    ),
}  # fmt: skip
"""Region, place in it, and what it is called, by how the other stands to who kicks."""
_TRIES, _ACROSS, _HIGH = 6, 0.2, 0.35
"""Draws of a recorded kick, metres that its foot goes sideways at most just before it hits, and how high it is then at least,
as a share of the pelvis' height."""
_HEADINGS = {"front": math.pi, "side": -math.pi / 2, "behind": 0.0}
"""Of the other, who stands in +X of the kick."""
_HIGHER = (-0.45, 0.0, 0.35)
_RAISED = 0.05
"""metres by which a foot may well have to go higher or lower than it was recorded."""


def compose(sampler: SceneSampler, rng: Generator) -> Scene:
    frames = int(rng.integers(64, 111))
    people = sampler.sample_person(rng), sampler.sample_person(rng)
    kicks = Actor(people[0].body, people[0].betas, _kick(sampler, people[0], frames, rng))
    hit = kicks.motion.peak or frames // 2
    foot, tip = _leading(kicks, hit)
    stance = str(rng.choice(list(_HEADINGS), p=(0.5, 0.25, 0.25)))
    stands = place_at(
        sampler.standing_motion(people[1], frames, rng), _HEADINGS[stance] + float(rng.normal(0, 0.12)), (0.0, 0.0), hit
    )
    kicked = Actor(people[1].body, people[1].betas, stands)
    target, at, word = _target(kicked, stance, hit, float(tip[2]), rng)
    x, y = tip[:2] - at[:2]
    kicked = Actor(
        kicked.body,
        kicked.betas,
        place_at(stands, heading_at(stands, hit), (x + stands.pelvis[hit, 0], y + stands.pelvis[hit, 1]), hit),
    )
    span = Interval(hit, hit + int(rng.integers(2, 5)), 8, 8)
    scene = Scene(
        "kick",
        (kicks, kicked),
        contact_goals=(ContactGoal(0, foot, target, span, tolerance=0.03, normal_tolerance=None, gap=0.002),),
        position_goals=(PositionGoal(0, foot, (float(tip[0]), float(tip[1]), float(at[2])), span, sigma=0.03),)
        + _gives(kicked, frames, hit, float(tip[2]) / people[1].joint_height("spine3"), rng),
        gaze_goals=(GazeGoal(0, Interval(4, frames, 10, 10)),)
        + ((GazeGoal(1, Interval(4, frames, 10, 10)),) if stance == "front" else ()),
        translation_sigma=0.08,
    )
    flip = rng.random() < 0.5
    other: Side = "right" if target.region.startswith("right_") != flip else "left"
    details = InteractionFacts(
        side="left" if flip else "right", other_side=other, body_part=word, behind=stance == "behind"
    )
    if flip:
        scene = mirror_scene(scene)
    if rng.random() < 0.5:
        scene = swap_people(scene)
    return replace(scene, sentences=write_sentences("kick", details, rng))


def _kick(sampler: SceneSampler, person: Person, frames: int, rng: Generator) -> MotionClip:
    if sampler.find_windows is not None and rng.random() < _RECORDED:
        try:
            for _ in range(_TRIES):
                motion = recorded_strike(sampler, "kicking", person, frames, rng)
                if _comes_straight(person, motion):
                    return motion
        except UserError:  # this split has no such recording
            pass
    return front_kick(sampler, person, frames, rng)


def _comes_straight(person: Person, motion: MotionClip) -> bool:
    """Whether the foot goes up and out, not across: a leg that swings by would go through what it hits."""
    hit = motion.peak or 0
    ankle = actor_joints(Actor(person.body, person.betas, motion))[
        max(hit - 6, 0) : hit + 1, JOINT_INDEX["right_ankle"]
    ]
    return float(np.ptp(ankle[:, 1])) < _ACROSS and float(ankle[-1, 2]) > _HIGH * person.pelvis_height


def _leading(actor: Actor, hit: int) -> tuple[ContactPoint, np.ndarray]:
    """The spot of the right foot that is furthest out along +X and faces it, and where it is."""
    found = []
    for at in _FOOT:
        spot = ContactPoint("right_foot", at)
        place, normal = contact_point_at(actor, spot, hit)
        found.append((float(place[0] + 0.12 * normal[0]), spot, place))
    _, spot, place = max(found, key=lambda one: one[0])
    return spot, place


def _target(actor: Actor, stance: str, hit: int, height: float, rng: Generator) -> tuple[ContactPoint, np.ndarray, str]:
    """A spot of the other about as high as the foot gets, where it is, and its name."""
    spots = [
        (ContactPoint(region, (at[0], at[1] + more, at[2])), word)
        for region, at, word in _TARGETS[stance]
        for more in _HIGHER
    ]
    places = [contact_point_at(actor, spot, hit)[0] for spot, _ in spots]
    off = np.array([abs(place[2] - height) for place in places])
    weight = np.exp(-0.5 * np.square((off - off.min()) / _RAISED)) * (off < off.min() + 1.5 * _RAISED)
    index = int(rng.choice(len(spots), p=weight / weight.sum()))
    return spots[index][0], places[index], spots[index][1]


def _gives(actor: Actor, frames: int, hit: int, high: float, rng: Generator) -> tuple[PositionGoal, ...]:
    """The hips give way a little, and the chest the more the higher the kick (`high`: as a share of the chest's height)."""
    after = np.clip((np.arange(frames) - hit - 1) / 8, 0, None)
    sway = after * np.exp(1 - after)
    far = rng.uniform(0.05, 0.1)
    own = actor_joints(actor)
    places = []
    for joint, share in (("pelvis", 0.6), ("spine3", 1.4 * high - 0.6)):
        path = own[:, JOINT_INDEX[joint]].copy()
        path[:, 0] += share * far * sway
        places.append(
            PositionGoal(1, joint, path, Interval(hit, hit + 22, 6, 14), sigma=0.03, axis_weights=(1.0, 0.2, 0.1))
        )
    return tuple(places)
