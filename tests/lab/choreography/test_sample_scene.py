"""The sample clip's scene: one handshake, then one hug, of two people who walk from the one to the other."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.body.model import BodyModel
from core.contract.runs import find_runs
from core.contract.skeleton import PARENTS
from lab.choreography.contact_points import contact_point_vertices
from lab.choreography.foot_planting import sole_positions
from lab.choreography.sample_scene import compose
from lab.choreography.scene import Actor, ContactGoal, Scene
from lab.choreography.scene_sampler import SceneSampler, actor_joints
from lab.choreography.solve import Stage, solve
from lab.choreography.validation import pose_people

COARSE = (Stage(8, 4, 80, 0.14, 4.0, False, 30),)


@pytest.fixture(scope="module")
def scene(body: BodyModel) -> Scene:
    """Of people who stand at ease before and after."""
    return compose(SceneSampler(body), np.random.default_rng(3))


def sure(scene: Scene, region: str) -> list[ContactGoal]:
    return [touch for touch in scene.contact_goals if touch.required and touch.target.region == region]


def world(actor: Actor) -> torch.Tensor:
    turns = list(torch.from_numpy(actor.motion.rotations).unbind(1))
    for joint in range(1, 22):
        turns[joint] = turns[PARENTS[joint]] @ turns[joint]
    return torch.stack(turns, 1)


def test_hands_have_let_go_before_people_embrace_and_both_happen_within_the_clip(scene):
    (shake,) = sure(scene, "right_palm")
    embraces = sure(scene, "back")
    assert {(touch.person, touch.point.region) for touch in embraces} == {
        (person, f"{side}_palm") for person in (0, 1) for side in ("left", "right")
    }
    for touch in embraces:
        assert touch.interval.start - shake.interval.end >= shake.interval.fade_out
        assert touch.interval.end + touch.interval.fade_out < scene.frames


def test_what_is_wanted_for_the_hug_comes_as_late_as_the_hug(scene):
    (shake,) = sure(scene, "right_palm")
    hug = sure(scene, "back")[0].interval
    paths = [place for place in scene.position_goals if isinstance(place.target, np.ndarray)]
    assert len(paths) == 2 and all(place.interval == shake.interval for place in paths)
    others = [place for place in scene.position_goals if not isinstance(place.target, np.ndarray)]
    assert others and all(place.interval.start >= shake.interval.end for place in others)
    assert all(place.interval.end <= hug.end + 14 for place in others)


def test_people_step_together_for_the_hug_and_apart_again(scene):
    (shake,) = sure(scene, "right_palm")
    hug = sure(scene, "back")[0].interval
    first, second = (actor.motion.pelvis for actor in scene.actors)
    apart = np.linalg.norm(first[:, :2] - second[:, :2], axis=1)
    assert (first[:, 0] < second[:, 0]).all()
    assert apart[int(shake.interval.start)] > 0.75
    assert apart[int(hug.start) : int(hug.end)].max() < 0.55
    assert apart[-1] == pytest.approx(apart[int(shake.interval.start)], abs=0.02)


def test_planted_feet_stand_still_and_every_foot_steps_twice(scene):
    for actor in scene.actors:
        soles = sole_positions(actor, torch.from_numpy(actor_joints(actor)), world(actor)).mean(2).numpy()
        for foot in (0, 1):
            standing = find_runs(actor.motion.foot_contact[:, foot])
            assert len(standing) == 3  # before, in between and after
            for run in standing:
                assert np.ptp(soles[run, foot], axis=0).max() < 0.004
            airborne = ~actor.motion.foot_contact[:, foot]
            assert soles[airborne, foot, 2].max() > soles[~airborne, foot, 2].max() + 0.03
        assert actor.motion.foot_contact.any(1).all(), "one foot always stands"


def test_the_same_seed_gives_the_same_scene(scene, body):
    again = compose(SceneSampler(body), np.random.default_rng(3))
    assert again.contact_goals == scene.contact_goals
    assert np.array_equal(again.actors[1].motion.pelvis, scene.actors[1].motion.pelvis)


@pytest.mark.slow
def test_the_hands_find_each_other(scene, body):
    posed = pose_people(scene, solve(scene, COARSE).motion)
    (shake,) = sure(scene, "right_palm")
    palms = [one.skin(body.subset(contact_point_vertices(body, shake.target)))[0].mean(1) for one in posed]
    apart = (palms[0] - palms[1]).norm(dim=-1).numpy()
    held = slice(int(shake.interval.start) + 4, int(shake.interval.end) - 3)
    assert apart[held].max() < 0.06 < 0.25 < apart[[0, -1]].min()
