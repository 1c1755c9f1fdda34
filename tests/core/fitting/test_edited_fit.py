"""What an edited take keeps of the earlier one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.body.files import load_body
from core.contract.contact import Contact
from core.contract.edits import Pin
from core.contract.foot_contact import FootContact
from core.contract.skeleton import JOINT_INDEX
from core.fitting.contact_edits import changed_frames
from core.fitting.edited_fit import EarlierTake, fading, fit_edited
from core.fitting.fit import EDIT_FIT_WITH_PRIOR, FitSchedule, FittedMotion, Phase, fit
from core.fitting.prior import JointPrior
from core.fitting.targets import FitTargets
from core.motion import BODY_COUNT, Timeline, pose_motion
from core.reporting import SilentReporter
from tests.core.fitting import synthetic

TIMELINE = Timeline(np.arange(100, 150, dtype=np.int32), 50 + np.arange(50) / 25)
SHAKE = Contact(0, "right_palm", 1, "right_palm", 110, 114, vertex_a=7)


@pytest.mark.parametrize(
    "changes", [{"vertex_a": 8}, {"vertex_b": 3}, {"vertex_a": None}, {"state": "enforced"}, {"weight": 0.5}]
)
def test_frames_of_a_contact_whose_marker_was_moved_are_fitted_again(changes: dict[str, object]) -> None:
    changed = changed_frames([SHAKE], [replace(SHAKE, **changes)], TIMELINE.frame_index)
    assert TIMELINE.frame_index[changed].tolist() == [110, 111, 112, 113, 114]
    assert not changed_frames([SHAKE], [replace(SHAKE, id="another", distance=0.2)], TIMELINE.frame_index).any()


def test_what_is_fitted_again_fades_into_the_rest_by_the_time_to_it() -> None:
    edited = np.zeros(50, bool)
    edited[[20, 21, 45]] = True
    weight = fading(edited, TIMELINE)
    assert weight[[20, 21, 45]].tolist() == [1, 1, 1] and weight[0] == 0
    assert weight[25] == pytest.approx(0.5 + 0.5 * np.cos(np.pi * 4 / 25 / 0.4)) and weight[16] == weight[25]
    assert not fading(np.zeros(50, bool), TIMELINE).any()


@pytest.fixture(scope="module")
def body():
    return load_body(None)


@pytest.fixture(scope="module")
def scene(body) -> synthetic.Scene:
    return synthetic.scene(body, frames=60)


def moved_by_fit(scene: synthetic.Scene, body, edits: FitTargets, *, finished: bool = True) -> np.ndarray:
    """[T] metres that the joint that moves farthest moves where the fit starts at the earlier take, whose feet stand."""
    motion = replace(scene.truth, foot_contact=np.ones((2, len(scene.observations.time), 2), np.float32))
    take = EarlierTake(motion, finished=finished)
    schedule = FitSchedule((Phase(6, 0.01),), fixed_shape=True)
    fitted = fit_edited(motion, take, scene.observations, body, edits, schedule, SilentReporter())
    assert isinstance(fitted, FittedMotion) and np.isfinite(fitted.energy)
    np.testing.assert_array_equal(fitted.motion_incam.betas, scene.truth.motion_incam.betas)
    before, after = (pose_motion(body, each.motion_incam).joints for each in (scene.truth, fitted))
    return (after - before).norm(dim=-1).amax((0, 2)).numpy()


def test_an_edit_moves_nothing_in_frames_far_from_it(scene, body):
    first, last = map(int, scene.observations.frame_index[[20, 24]])
    enforced = replace(SHAKE, frame_start=first, frame_end=last, vertex_a=None, state="enforced")
    moved = moved_by_fit(scene, body, FitTargets((enforced,)))
    time = scene.observations.time
    far = np.maximum(time[20] - time, time - time[24]) > 0.41
    assert moved[20:25].min() > 1e-3 and 0 < far.sum() < 60
    assert moved[far].max() == 0


def test_a_pin_moves_nothing_in_frames_far_from_it_either(scene, body):
    place = pose_motion(body, scene.truth.motion_inworld).joints[0, 5, JOINT_INDEX["left_wrist"]] + 0.05
    pin = Pin(0, "left_wrist", int(scene.observations.frame_index[5]), position=tuple(place.tolist()))
    moved = moved_by_fit(scene, body, FitTargets(pins=(pin,)))
    assert moved[5] > 0.05 and moved[-1] == 0


def test_feet_that_are_let_slide_are_fitted_anew(scene, body):
    first, last = map(int, scene.observations.frame_index[[20, 24]])
    moved = moved_by_fit(scene, body, FitTargets(feet=(FootContact(0, "left", first, last, mode="free"),)))
    assert moved[20:25].min() > 0 and moved[0] == 0


def test_people_whom_an_edit_does_not_pull_stay_where_they_are(scene, body):
    joints_incam = pose_motion(body, scene.truth.motion_incam).joints[:, :, :BODY_COUNT].numpy()
    sigma = np.full(joints_incam.shape[:3], 0.06, np.float32)
    prior = JointPrior(joints_incam, sigma, sigma)
    schedule = FitSchedule(EDIT_FIT_WITH_PRIOR, fixed_shape=True)
    take = fit(scene.truth, scene.observations, body, FitTargets(prior=prior), schedule, SilentReporter())
    first, last = map(int, scene.observations.frame_index[[25, 30]])
    rejected = Contact(0, "chest", 1, "chest", first, last, state="rejected")
    targets = FitTargets((rejected,), prior=prior)
    fitted = fit_edited(take, EarlierTake(take), scene.observations, body, targets, schedule, SilentReporter())
    before, after = (pose_motion(body, each.motion_incam).joints for each in (take, fitted))
    assert (after - before).norm(dim=-1).max() < 0.004
    assert fitted.energy != take.energy and fitted.energy < take.energy * 1.001


def test_a_take_that_nothing_is_edited_of_stays(scene, body):
    assert moved_by_fit(scene, body, FitTargets()).max() == 0


def test_a_first_fit_becomes_a_take_in_all_frames(scene, body):
    assert moved_by_fit(scene, body, FitTargets(), finished=False).min() > 0
