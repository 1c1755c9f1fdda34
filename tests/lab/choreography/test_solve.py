"""Scenes are solved: touches are made, feet stay, people keep out of each other; and clips are judged for what they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from core.contract.errors import UserError
from core.motion import motion_from_rotations
from lab.choreography.bodies import own_bodies
from lab.choreography.contact_points import spot_vertices
from lab.choreography.families import FAMILIES
from lab.choreography.generation import Made, make, summary
from lab.choreography.scene import Direction, Gaze, HandPose, Place, Scene, Span, Spot, Touch
from lab.choreography.scene_sampler import Studio
from lab.choreography.solve import Solution, Stage, solve, solve_all
from lab.choreography.symmetry import exchanged, mirrored
from lab.choreography.validation import judge, people

QUICK = (Stage(8, 4, 60, 0.14, 4.0, False, 20), Stage(4, 2, 40, 0.05, 1.0, True))
PALM, SHOULDER = Spot("right_palm", (0.3, -1, 0)), Spot("left_shoulder", (0.1, 1, 0))


@pytest.fixture(scope="module")
def scene(facing) -> Scene:
    span = Span(16, 24, 12, 12)
    return Scene(
        "pat_shoulder",
        facing(0.62, 40),
        touches=(Touch(0, PALM, SHOULDER, span, loose=0.02, facing=0.4),),
        places=(Place(1, PALM, (0.0, 0.1, 0.4), span, near=(0, "spine3"), sigma=0.1),),
        directions=(Direction(0, "right_wrist", (-1, 0, 0), (1, 0, 0), span),),
        gazes=(Gaze(1, span),),
        hands=(HandPose(0, "right", "flat", span),),
    )


@pytest.fixture(scope="module")
def solved(scene: Scene) -> Solution:
    return solve(scene, QUICK)


def skins(scene: Scene, solution: Solution) -> np.ndarray:
    return np.stack([one.skin(a.body)[0].numpy() for one, a in zip(people(scene, solution.motion), scene.actors)])


def test_the_hand_comes_to_the_shoulder_and_goes_again(scene, solved, body):
    skin = skins(scene, solved)
    palm = skin[0][:, spot_vertices(body, PALM).numpy()].mean(1)
    shoulder = skin[1][:, spot_vertices(body, SHOULDER).numpy()].mean(1)
    apart = np.linalg.norm(palm - shoulder, axis=-1)
    assert apart[16:25].max() < 0.065
    assert apart[[0, 39]].min() > 0.4


def test_nobodys_feet_move_and_nobody_is_inside_the_other(scene, solved, body):
    verdict = judge(scene, solved)
    assert verdict.numbers["slide"] < 0.05
    assert verdict.numbers["penetration"] < 20
    touched = {(contact.region_a, contact.region_b) for contact in verdict.contacts}
    assert any(a.startswith("right_") and b in ("left_shoulder", "left_upper_arm") for a, b in touched)


def test_the_same_scene_gives_the_same_motion(scene, solved):
    again = solve(scene, QUICK)
    assert np.array_equal(again.motion.body_pose, solved.motion.body_pose)


def test_scenes_that_are_solved_together_do_not_know_of_each_other(scene, solved, facing):
    other = Scene("handshake", facing(0.8, 56), (Touch(1, PALM, PALM, Span(20, 30)),))
    together = solve_all((other, scene), QUICK)[1].motion
    assert together.pelvis.shape == solved.motion.pelvis.shape
    # curves of the longer clip's length end a little otherwise
    assert np.abs(together.pelvis - solved.motion.pelvis)[:, :30].max() < 0.02


@pytest.mark.slow
def test_people_of_their_own_bodies_touch_as_well(scene, body):
    tall = own_bodies(
        body,
        {"templates": body.v_template.numpy()[None] * 1.06, "joint_templates": body.J_template.numpy()[None] * 1.06},
    )[0]
    actors = (replace(scene.actors[0], body=tall, base=_raised(scene.actors[0].base, 0.055)), scene.actors[1])
    taller = replace(scene, actors=actors)
    verdict = judge(taller, solve(taller, QUICK))
    assert verdict.numbers["gap"] < 20 and verdict.numbers["slide"] < 0.05
    with pytest.raises(UserError, match="vertices"):
        own_bodies(body, {"templates": np.zeros((1, 5, 3)), "joint_templates": np.zeros((1, 55, 3))})


def test_who_stands_in_another_is_thrown_away(facing):
    inside = Scene("hug", facing(0.08, 8), ())
    verdict = judge(inside, _unmoved(inside))
    assert not verdict.ok and any("inside" in reason for reason in verdict.reasons)
    assert verdict.numbers["penetration"] > 30
    apart = Scene("hug", facing(1.2, 8), ())
    assert judge(apart, _unmoved(apart)).numbers["penetration"] == 0 and not judge(apart, _unmoved(apart)).contacts


def test_open_touches_slides_and_sunken_feet_are_thrown_away(facing):
    scene = Scene("pat_shoulder", facing(1.0, 20), (Touch(0, PALM, SHOULDER, Span(5, 15), loose=0.02),))
    still = _unmoved(scene)
    before = judge(scene, still)
    assert any("open" in reason for reason in before.reasons)
    pelvis = still.motion.pelvis.copy()
    pelvis[0, :, 0] += 0.004 * np.arange(20)
    pelvis[1, :, 2] -= 0.03
    verdict = judge(scene, replace(still, motion=replace(still.motion, pelvis=pelvis)))
    assert verdict.numbers["slide"] == pytest.approx(4.0, abs=0.01)
    assert verdict.numbers["floor"] == pytest.approx(before.numbers["floor"] + 30, abs=0.1)
    assert {"slide", "floor"} <= {word for reason in verdict.reasons for word in reason.split()}


def test_mirrored_twice_and_exchanged_twice_is_the_same(scene):
    twice = mirrored(mirrored(scene))
    assert twice.touches == scene.touches and twice.directions == scene.directions and twice.hands == scene.hands
    assert np.allclose(twice.actors[0].base.rotations, scene.actors[0].base.rotations, atol=1e-6)
    once = mirrored(scene)
    assert once.touches[0].spot == Spot("left_palm", PALM.at) and once.touches[0].on.region == "right_shoulder"
    assert once.places[0].at == (0.0, 0.1, 0.4) and once.directions[0].to == (-1, 0, 0)
    other = exchanged(scene)
    assert other.touches[0].person == 1 and other.places[0].near == (1, "spine3") and other.actors[0] is scene.actors[1]
    assert exchanged(other) == scene


@pytest.mark.parametrize("family", ["handshake", "high_five", "hug", "pat_shoulder"])
def test_families_make_scenes_that_can_be_solved(family, body):
    studio = Studio(body)
    scenes = [FAMILIES[family](studio, np.random.default_rng(seed)) for seed in range(6)]
    assert len({scene.frames for scene in scenes}) > 1
    for scene in scenes:
        assert scene.family == family and 64 <= scene.frames <= 160 and len(scene.sentences) >= 3
        assert scene.actors[0].base.frames == scene.actors[1].base.frames
        assert scene.touches and all(0 < touch.span.first < scene.frames for touch in scene.touches)
        for touch in scene.touches:
            assert len(spot_vertices(body, touch.spot)) and len(spot_vertices(body, touch.on))
    again = FAMILIES[family](studio, np.random.default_rng(3))
    assert again.touches == scenes[3].touches and again.sentences == scenes[3].sentences


def test_a_split_without_recordings_gives_no_clip_and_says_why(body):
    clip = make(Studio(body, lambda kind, frames: []), "hug", (7,), seed=0)[0]
    assert clip.interaction is None and clip.name == "hug-0007"
    assert clip.rejected and "No recording" in clip.rejected[0]


def test_a_summary_counts_draws_and_says_why_they_were_thrown_away():
    clips = [
        Made("hug-0000", "hug", rejected=("a touch is 31 mm open",), seconds=4.0),
        Made("hug-0001", "hug", rejected=("a touch is 44 mm open; skins are 30 mm inside each other",), seconds=4.0),
    ]
    text = summary(clips)
    assert "0 of 2 clips from 2 draws" in text and "2: a touch is mm open" in text and "4.0 s a draw" in text


def _unmoved(scene: Scene) -> Solution:
    rotations = torch.eye(3).repeat(2, scene.frames, 55, 1, 1)
    rotations[:, :, :22] = torch.stack([torch.from_numpy(actor.base.rotations) for actor in scene.actors])
    pelvis = torch.stack([torch.from_numpy(actor.base.pelvis) for actor in scene.actors])
    motion = motion_from_rotations(rotations, pelvis, torch.zeros(2, 16))
    return Solution(motion, np.ones((2, scene.frames, 2), bool))


def _raised(base, by: float):
    return replace(base, pelvis=base.pelvis + np.array([0, 0, by], np.float32))
