"""Scenes are solved: touches are made, feet stay, people keep out of each other; and clips are judged for what they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from core.contract.errors import UserError
from core.motion import motion_from_rotations
from lab.choreography.bodies import bodies_from_templates
from lab.choreography.contact_points import contact_point_vertices
from lab.choreography.families import FAMILIES
from lab.choreography.generation import GeneratedClip, generate_clips, summarize
from lab.choreography.scene import (
    ContactGoal,
    ContactPoint,
    DirectionGoal,
    GazeGoal,
    HandShapeGoal,
    Interval,
    PositionGoal,
    Scene,
)
from lab.choreography.scene_sampler import SceneSampler
from lab.choreography.solve import Solution, Stage, solve, solve_batch
from lab.choreography.symmetry import mirror_scene, swap_people
from lab.choreography.validation import pose_people, validate

QUICK = (Stage(8, 4, 60, 0.14, 4.0, False, 20), Stage(4, 2, 40, 0.05, 1.0, True))
PALM, SHOULDER = ContactPoint("right_palm", (0.3, -1, 0)), ContactPoint("left_shoulder", (0.1, 1, 0))


@pytest.fixture(scope="module")
def scene(facing) -> Scene:
    span = Interval(16, 24, 12, 12)
    return Scene(
        "pat_shoulder",
        facing(0.62, 40),
        contact_goals=(ContactGoal(0, PALM, SHOULDER, span, tolerance=0.02, normal_tolerance=0.4),),
        position_goals=(PositionGoal(1, PALM, (0.0, 0.1, 0.4), span, frame=(0, "spine3"), sigma=0.1),),
        direction_goals=(DirectionGoal(0, "right_wrist", (-1, 0, 0), (1, 0, 0), span),),
        gaze_goals=(GazeGoal(1, span),),
        hand_goals=(HandShapeGoal(0, "right", "flat", span),),
    )


@pytest.fixture(scope="module")
def solved(scene: Scene) -> Solution:
    return solve(scene, QUICK)


def skins(scene: Scene, solution: Solution) -> np.ndarray:
    return np.stack([one.skin(a.body)[0].numpy() for one, a in zip(pose_people(scene, solution.motion), scene.actors)])


def test_the_hand_comes_to_the_shoulder_and_goes_again(scene, solved, body):
    skin = skins(scene, solved)
    palm = skin[0][:, contact_point_vertices(body, PALM).numpy()].mean(1)
    shoulder = skin[1][:, contact_point_vertices(body, SHOULDER).numpy()].mean(1)
    apart = np.linalg.norm(palm - shoulder, axis=-1)
    assert apart[16:25].max() < 0.065
    assert apart[[0, 39]].min() > 0.4


def test_nobodys_feet_move_and_nobody_is_inside_the_other(scene, solved, body):
    verdict = validate(scene, solved)
    assert verdict.metrics["slide"] < 0.05
    assert verdict.metrics["penetration"] < 20
    touched = {(contact.region_a, contact.region_b) for contact in verdict.contacts}
    assert any(a.startswith("right_") and b in ("left_shoulder", "left_upper_arm") for a, b in touched)


def test_the_same_scene_gives_the_same_motion(scene, solved):
    again = solve(scene, QUICK)
    assert np.array_equal(again.motion.body_pose, solved.motion.body_pose)


def test_scenes_that_are_solved_together_do_not_know_of_each_other(scene, solved, facing):
    other = Scene("handshake", facing(0.8, 56), (ContactGoal(1, PALM, PALM, Interval(20, 30)),))
    together = solve_batch((other, scene), QUICK)[1].motion
    assert together.pelvis.shape == solved.motion.pelvis.shape
    # curves of the longer clip's length end a little otherwise
    assert np.abs(together.pelvis - solved.motion.pelvis)[:, :30].max() < 0.02


@pytest.mark.slow
def test_people_of_their_own_bodies_touch_as_well(scene, body):
    tall = bodies_from_templates(
        body,
        {"templates": body.v_template.numpy()[None] * 1.06, "joint_templates": body.J_template.numpy()[None] * 1.06},
    )[0]
    actors = (replace(scene.actors[0], body=tall, motion=_raised(scene.actors[0].motion, 0.055)), scene.actors[1])
    taller = replace(scene, actors=actors)
    verdict = validate(taller, solve(taller, QUICK))
    assert verdict.metrics["gap"] < 20 and verdict.metrics["slide"] < 0.05
    with pytest.raises(UserError, match="vertices"):
        bodies_from_templates(body, {"templates": np.zeros((1, 5, 3)), "joint_templates": np.zeros((1, 55, 3))})


def test_who_stands_in_another_is_thrown_away(facing):
    inside = Scene("hug", facing(0.08, 8), ())
    verdict = validate(inside, _unmoved(inside))
    assert not verdict.ok and any("inside" in reason for reason in verdict.reasons)
    assert verdict.metrics["penetration"] > 30
    apart = Scene("hug", facing(1.2, 8), ())
    assert (
        validate(apart, _unmoved(apart)).metrics["penetration"] == 0 and not validate(apart, _unmoved(apart)).contacts
    )


def test_open_touches_slides_and_sunken_feet_are_thrown_away(facing):
    scene = Scene("pat_shoulder", facing(1.0, 20), (ContactGoal(0, PALM, SHOULDER, Interval(5, 15), tolerance=0.02),))
    still = _unmoved(scene)
    before = validate(scene, still)
    assert any("open" in reason for reason in before.reasons)
    pelvis = still.motion.pelvis.copy()
    pelvis[0, :, 0] += 0.004 * np.arange(20)
    pelvis[1, :, 2] -= 0.03
    verdict = validate(scene, replace(still, motion=replace(still.motion, pelvis=pelvis)))
    assert verdict.metrics["slide"] == pytest.approx(4.0, abs=0.01)
    assert verdict.metrics["floor"] == pytest.approx(before.metrics["floor"] + 30, abs=0.1)
    assert {"slide", "floor"} <= {word for reason in verdict.reasons for word in reason.split()}


def test_mirrored_twice_and_exchanged_twice_is_the_same(scene):
    twice = mirror_scene(mirror_scene(scene))
    assert (
        twice.contact_goals == scene.contact_goals
        and twice.direction_goals == scene.direction_goals
        and twice.hand_goals == scene.hand_goals
    )
    assert np.allclose(twice.actors[0].motion.rotations, scene.actors[0].motion.rotations, atol=1e-6)
    once = mirror_scene(scene)
    assert (
        once.contact_goals[0].point == ContactPoint("left_palm", PALM.coordinates)
        and once.contact_goals[0].target.region == "right_shoulder"
    )
    assert once.position_goals[0].target == (0.0, 0.1, 0.4) and once.direction_goals[0].target == (-1, 0, 0)
    other = swap_people(scene)
    assert (
        other.contact_goals[0].person == 1
        and other.position_goals[0].frame == (1, "spine3")
        and other.actors[0] is scene.actors[1]
    )
    assert swap_people(other) == scene


@pytest.mark.parametrize("family", ["handshake", "high_five", "hug", "pat_shoulder", "touch_anywhere"])
def test_families_make_scenes_that_can_be_solved(family, body):
    sampler = SceneSampler(body)
    scenes = [FAMILIES[family](sampler, np.random.default_rng(seed)) for seed in range(6)]
    assert len({scene.frames for scene in scenes}) > 1
    for scene in scenes:
        assert scene.family == family and 64 <= scene.frames <= 160 and len(scene.sentences) >= 3
        assert scene.actors[0].motion.frames == scene.actors[1].motion.frames
        assert scene.contact_goals and all(0 < touch.interval.start < scene.frames for touch in scene.contact_goals)
        for touch in scene.contact_goals:
            assert len(contact_point_vertices(body, touch.point)) and len(contact_point_vertices(body, touch.target))
    again = FAMILIES[family](sampler, np.random.default_rng(3))
    assert again.contact_goals == scenes[3].contact_goals and again.sentences == scenes[3].sentences


def test_a_split_without_recordings_gives_no_clip_and_says_why(body):
    clip = generate_clips(SceneSampler(body, lambda kind, frames: []), "hug", (7,), seed=0)[0]
    assert clip.interaction is None and clip.name == "hug-0007"
    assert clip.rejected and "No recording" in clip.rejected[0]


def test_a_summary_counts_draws_and_says_why_they_were_thrown_away():
    clips = [
        GeneratedClip("hug-0000", "hug", rejected=("a touch is 31 mm open",), seconds=4.0),
        GeneratedClip(
            "hug-0001", "hug", rejected=("a touch is 44 mm open; skins are 30 mm inside each other",), seconds=4.0
        ),
    ]
    text = summarize(clips)
    assert "0 of 2 clips from 2 draws" in text and "2: a touch is mm open" in text and "4.0 s a draw" in text


def _unmoved(scene: Scene) -> Solution:
    rotations = torch.eye(3).repeat(2, scene.frames, 55, 1, 1)
    rotations[:, :, :22] = torch.stack([torch.from_numpy(actor.motion.rotations) for actor in scene.actors])
    pelvis = torch.stack([torch.from_numpy(actor.motion.pelvis) for actor in scene.actors])
    motion = motion_from_rotations(rotations, pelvis, torch.zeros(2, 16))
    return Solution(motion, np.ones((2, scene.frames, 2), bool))


def _raised(base, by: float):
    return replace(base, pelvis=base.pelvis + np.array([0, 0, by], np.float32))
