"""The fit on people of known motion: it must get nearer to the truth, on the floor, and honour what the animator says."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from core import contacts as contact_detection
from core.body.files import load_body
from core.body.regions import vertex_regions
from core.contract.contact import Contact
from core.contract.errors import UserError
from core.contract.skeleton import BODY_JOINTS, JOINT_INDEX, REGIONS
from core.fitting import windows
from core.fitting.fit import (
    CONTACT_FIT,
    EDIT_FIT,
    FIRST_FIT,
    FIRST_FIT_WITH_PRIOR,
    FitSchedule,
    FittedMotion,
    Phase,
    fit,
)
from core.fitting.initial import estimate_initial_motion
from core.fitting.prior import JointPrior
from core.fitting.resolved_contacts import resolve_contacts
from core.fitting.size import growth_per_beta, log_sizes
from core.fitting.targets import FitTargets
from core.motion import MotionEstimate, PairMotion, Timeline, pose_motion
from core.reporting import SilentReporter
from tests.core.fitting import synthetic


@pytest.fixture(scope="module")
def body():
    return load_body(None)


@pytest.fixture(scope="module")
def scene(body):
    return synthetic.scene(body)


@pytest.fixture(scope="module")
def initial(scene, body) -> MotionEstimate:
    return estimate_initial_motion(scene.observations, body, reporter=SilentReporter())


@pytest.fixture(scope="module")
def fitted(scene, initial, body) -> FittedMotion:
    return fit(initial, scene.observations, body, FitTargets(), FitSchedule(FIRST_FIT), SilentReporter())


def _again(
    fitted: FittedMotion, scene, body, phases: tuple[Phase, ...], targets: FitTargets | None = None, reporter=None
) -> FittedMotion:
    """Fit once more with the same bodies and floor."""
    schedule = FitSchedule(phases, fixed_shape=True)
    return fit(fitted, scene.observations, body, targets or FitTargets(), schedule, reporter or SilentReporter())


def _joint_error(motion: PairMotion, scene, body) -> float:
    """MPJPE of the 22 body joints in millimetres, each person aligned at the pelvis."""
    ours, true = pose_motion(body, motion).joints[:, :, :22], scene.joints[:, :, :22]
    return 1000 * float(((ours - ours[:, :, :1]) - (true - true[:, :, :1])).norm(dim=-1).mean())


def _between_error(motion: PairMotion, scene, body) -> float:
    """How far off the vector from one pelvis to the other is, millimetres."""
    ours, true = pose_motion(body, motion).joints[:, :, 0], scene.joints[:, :, 0]
    return 1000 * float(((ours[0] - ours[1]) - (true[0] - true[1])).norm(dim=-1).mean())


def test_the_initial_motion_stands_upright_before_the_camera(scene, initial, body):
    joints = pose_motion(body, initial.motion_inworld).joints
    assert _joint_error(initial.motion_inworld, scene, body) < 90
    assert (joints[:, :, JOINT_INDEX["head"], 2] - joints[:, :, JOINT_INDEX["left_ankle"], 2] > 1.2).all()
    pitch = -math.asin(initial.camera.T_cw[2, 2])
    assert abs(pitch - 0.1) < 0.08


@pytest.mark.slow
def test_a_start_that_differs_by_a_micrometre_ends_in_the_same_motion(body):
    """People this near collide; which side of the other a limb ends on must not depend on rounding errors."""
    observations = synthetic.scene(body, frames=30, apart=0.2).observations
    start = estimate_initial_motion(observations, body, reporter=SilentReporter())
    moved = replace(
        start, motion_incam=replace(start.motion_incam, pelvis=start.motion_incam.pelvis + np.float32(1e-6))
    )

    def fitted_joints(start: MotionEstimate) -> np.ndarray:
        motion = fit(start, observations, body, FitTargets(), FitSchedule(FIRST_FIT), SilentReporter()).motion_incam
        return pose_motion(body, motion).joints.numpy()

    difference = np.linalg.norm(fitted_joints(moved) - fitted_joints(start), axis=-1)
    assert difference.max() < 0.005


def test_the_fit_comes_nearer_to_the_truth_and_settles_the_depth(scene, initial, fitted, body):
    assert _joint_error(fitted.motion_inworld, scene, body) < min(
        40, 0.9 * _joint_error(initial.motion_inworld, scene, body)
    )
    assert _between_error(fitted.motion_inworld, scene, body) < _between_error(initial.motion_inworld, scene, body)


def test_a_prior_that_is_off_in_every_joint_does_not_make_people_smaller(scene, body):
    """Residuals in metres are smaller for smaller people, so that joints which no pose reaches would shrink them."""
    joints = pose_motion(body, scene.truth.motion_incam).joints[:, :, :22]
    off = 0.08 * torch.randn(2, 1, 22, 3, generator=torch.Generator().manual_seed(1))
    sigma = np.full(joints.shape[:3], 0.05, np.float32)
    targets = FitTargets(prior=JointPrior((joints + off).numpy(), sigma, sigma))
    motion = fit(
        scene.truth, scene.observations, body, targets, FitSchedule(FIRST_FIT_WITH_PRIOR), SilentReporter()
    ).motion_incam
    growth = growth_per_beta(body)
    before, after = (log_sizes(torch.from_numpy(m.betas), growth) for m in (scene.truth.motion_incam, motion))
    assert float((after - before).mean()) > -0.02


def test_the_fit_is_smoother_than_what_was_seen(scene, initial, fitted, body):
    def shake(motion: PairMotion) -> float:
        return float(pose_motion(body, motion).joints[:, :, :22].diff(n=2, dim=1).norm(dim=-1).mean())

    true = float(scene.joints[:, :, :22].diff(n=2, dim=1).norm(dim=-1).mean())
    assert shake(fitted.motion_inworld) < 0.5 * shake(initial.motion_inworld)
    assert shake(fitted.motion_inworld) < 2 * true + 1e-3


def test_feet_stand_on_the_floor(scene, fitted, body):
    lowest = pose_motion(body, fitted.motion_inworld).joints[
        :, :, [JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"]], 2
    ]
    assert float(lowest.min()) > -0.03
    assert float(lowest.amin(2).max()) < 0.12


def test_hidden_joints_are_marked(scene, fitted):
    elbow = BODY_JOINTS.index("left_elbow")
    hidden = fitted.confidence[0, scene.hidden.start : scene.hidden.stop, elbow]
    assert hidden.max() < 0.2
    assert fitted.confidence[0, : scene.hidden.start, elbow].min() > 0.8


def test_the_same_input_gives_the_same_motion(scene, initial, body):
    def once() -> np.ndarray:
        schedule = FitSchedule((replace(FIRST_FIT[0], steps=5),))
        return fit(initial, scene.observations, body, FitTargets(), schedule, SilentReporter()).motion_incam.body_pose

    assert np.array_equal(once(), once())


@pytest.mark.slow
def test_an_enforced_contact_holds_and_a_rejected_one_does_nothing(scene, fitted, body):
    frames = scene.detections.frame_index
    asked = Contact(0, "right_palm", 1, "left_palm", int(frames[10]), int(frames[25]), source="user", state="enforced")
    before = contact_detection.measure_contacts([asked], fitted, body, frames)[0].distance
    held = _again(fitted, scene, body, CONTACT_FIT, FitTargets((asked,)))
    after = contact_detection.measure_contacts([asked], held, body, frames)[0].distance
    assert before is not None and after is not None and before > 0.1
    assert after < 0.01
    assert np.array_equal(held.motion_incam.betas, fitted.motion_incam.betas)
    rejected = FitTargets((replace(asked, state="rejected"),))
    dropped = _again(fitted, scene, body, EDIT_FIT, rejected)
    free = _again(fitted, scene, body, EDIT_FIT)
    assert np.array_equal(dropped.motion_incam.body_pose, free.motion_incam.body_pose)


def test_a_contact_at_a_chosen_vertex_meets_there(scene, fitted, body):
    frames = scene.detections.frame_index
    forearm = int((vertex_regions(body) == REGIONS.index("right_forearm")).nonzero()[100, 0])
    asked = Contact(
        0, "right_forearm", 1, "left_palm", int(frames[10]), int(frames[25]),
        source="user", state="enforced", vertex_a=forearm,
    )  # fmt: skip
    before = contact_detection.measure_contacts([asked], fitted, body, frames)[0].distance
    held = _again(fitted, scene, body, EDIT_FIT, FitTargets((asked,)))
    palm = (vertex_regions(body) == REGIONS.index("left_palm")).nonzero()[:, 0]
    skin = pose_motion(body, held.motion_incam).skin(body.subset(torch.cat([torch.tensor([forearm]), palm])))
    gap = (skin[0, 10:26, :1] - skin[1, 10:26, 1:]).norm(dim=-1).amin(1).mean()
    assert before is not None and before > 0.2
    assert gap < 0.015


def test_a_contact_at_a_vertex_that_the_body_lacks_is_refused(body):
    asked = Contact(0, "right_palm", 1, "left_palm", 0, 5, vertex_a=len(body.v_template))
    with pytest.raises(UserError, match="this body has"):
        resolve_contacts([asked], body, np.arange(9))


def test_a_contact_out_of_reach_is_reported(scene, fitted, body):
    frames = scene.detections.frame_index
    asked = Contact(0, "left_foot", 1, "head", int(frames[5]), int(frames[30]), source="user", state="enforced")
    reporter = SilentReporter()
    _again(fitted, scene, body, EDIT_FIT, FitTargets((asked,)), reporter)
    assert any("Person A's left foot" in warning for warning in reporter.warnings)


def test_a_person_who_is_hardly_there_is_refused(scene, body):
    found = scene.observations.found.clone()
    found[1, 2:] = False
    with pytest.raises(UserError, match="less than three frames"):
        estimate_initial_motion(replace(scene.observations, found=found), body, reporter=SilentReporter())


def test_contacts_are_found_where_people_touch(body):
    close, far = synthetic.scene(body, apart=0.32), synthetic.scene(body, apart=2.0)
    timeline = Timeline(close.detections.frame_index, close.detections.time)
    confidence = np.ones((2, len(timeline.time), 22), np.float32)
    found = contact_detection.detect_contacts(close.truth.motion_incam, timeline, confidence, body)
    assert found and all(contact.frame_start >= 100 for contact in found)
    assert not contact_detection.detect_contacts(far.truth.motion_incam, timeline, confidence, body)
    assert found == contact_detection.detect_contacts(close.truth.motion_incam, timeline, confidence, body)
    for contact in contact_detection.measure_contacts(found, close.truth, body, timeline.frame_index):
        assert contact.distance is not None and contact.distance < 0.35


def test_what_the_user_says_of_a_contact_outweighs_detection():
    detected = Contact(0, "chest", 1, "chest", 10, 20)
    spoken = Contact(0, "chest", 1, "chest", 12, 30, source="user", state="rejected")
    other = Contact(0, "left_palm", 1, "back", 10, 20)
    assert contact_detection.merge_contacts([detected, other], [spoken]) == [spoken, other]


def test_frames_that_are_spread_far_apart_hold_no_foot_between_them():
    schedule = FitSchedule(FIRST_FIT)
    for step, held in ((2 / 24, True), (4 / 24, False), (2 / 8, False)):
        observations: Any = SimpleNamespace(seconds=torch.arange(9) * step)
        phases = windows.for_spread_frames(schedule, observations).phases
        assert [phase.weights.foot_slide > 0 for phase in phases] == [held] * len(phases)


@pytest.mark.slow
def test_a_long_clip_is_fitted_in_windows_without_a_seam(body, monkeypatch):
    monkeypatch.setattr(windows, "WINDOW", 30)
    monkeypatch.setattr(windows, "OVERLAP", 8)
    monkeypatch.setattr(windows, "SPREAD", 20)
    long = synthetic.scene(body, frames=60)
    start = estimate_initial_motion(long.observations, body, reporter=SilentReporter())
    short_phases = tuple(replace(phase, steps=60) for phase in FIRST_FIT)
    schedule = FitSchedule(short_phases)
    joined = windows.fit_clip(start, long.observations, body, FitTargets(), schedule, SilentReporter())
    assert joined.motion_incam.pelvis.shape == (2, 60, 3) and joined.confidence.shape == (2, 60, 22)
    step = pose_motion(body, joined.motion_inworld).joints[:, :, :22].diff(dim=1).norm(dim=-1).amax(2)
    assert float(step.max()) < 2.5 * float(step.median(1).values.max()) + 0.01
    assert _joint_error(joined.motion_inworld, long, body) < 50
