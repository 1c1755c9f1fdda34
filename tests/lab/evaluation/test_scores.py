"""Scores of estimates whose errors are known, because the estimates were made wrong on purpose."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from core.body.files import load_body
from core.body.model import BodyModel
from core.contract.contact import Contact
from core.contract.skeleton import BODY_JOINTS, REGIONS
from core.motion import pose_motion
from lab.evaluation import metrics
from lab.evaluation.benchmark_clip import OCCLUDED, TRUNCATED, UNKNOWN, BenchmarkClip, Estimate
from lab.evaluation.rendered import heldout_body
from lab.evaluation.results import UNITS
from lab.evaluation.scores import compare_joints, score, true_surfaces
from lab.evaluation.surface_metrics import contact_distance, contact_matrix
from tests.lab.evaluation.synthetic import perfect_estimate, swapped
from tests.lab.evaluation.synthetic import synthetic_clip as made_up_shot

SHAKE = Contact(0, "left_palm", 1, "right_palm", 2, 7, id="shake")
WRIST = BODY_JOINTS.index("left_wrist")


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body(None)


@pytest.fixture(scope="module")
def shot(body: BodyModel) -> BenchmarkClip:
    return made_up_shot(body, contacts=(SHAKE,))


def with_wrist_off(shot: BenchmarkClip, body: BodyModel, person: int = 0) -> tuple[Estimate, float]:
    """The truth with one elbow bent by 30 degrees more, which moves that wrist only; and by how many millimetres."""
    pose = shot.truth.motion.body_pose.copy()
    pose[person, :, BODY_JOINTS.index("left_elbow") - 1] = 0
    straight = replace(shot.truth.motion, body_pose=pose)
    bent = pose.copy()
    bent[person, :, BODY_JOINTS.index("left_elbow") - 1] = [0, math.radians(30), 0]
    forearm = np.linalg.norm(body.J_template[WRIST] - body.J_template[BODY_JOINTS.index("left_elbow")])
    off = 2 * float(forearm) * math.sin(math.radians(15)) * 1000
    # the truth is straight here, so that the angle between the two is the whole bend
    return replace(perfect_estimate(shot), motion=replace(straight, body_pose=bent)), off


def straightened(shot: BenchmarkClip, body: BodyModel) -> BenchmarkClip:
    pose = shot.truth.motion.body_pose.copy()
    pose[0, :, BODY_JOINTS.index("left_elbow") - 1] = 0
    motion = replace(shot.truth.motion, body_pose=pose)
    return replace(shot, truth=replace(shot.truth, motion=motion, joints=pose_motion(body, motion).joints.numpy()))


def test_the_truth_has_no_error(shot, body):
    result = score(shot, perfect_estimate(shot), body, method="perfect")
    for name in ("mpjpe", "pa_mpjpe", "mpvpe", "int", "pair_pa_mpjpe", "re", "accel", "mpjpe_seen"):
        assert result.metrics[name] == pytest.approx(0, abs=1e-3), name
    assert result.metrics["contact_f1"] == 1
    assert set(result.metrics) <= set(UNITS)
    assert (result.clip, result.method, result.family, result.frames) == ("made-up", "perfect", "family", 12)
    assert result.contact_share == pytest.approx(6 / 12)
    assert result.seconds == {"guess": 0.5}


def test_who_is_who_is_found_out(shot, body):
    mixed_up = replace(
        perfect_estimate(shot),
        motion=swapped(shot.truth.motion),
        contacts=(replace(SHAKE, person_a=1, person_b=0),),
    )
    assert compare_joints(shot, mixed_up, body).order == (1, 0)
    metrics = score(shot, mixed_up, body).metrics
    assert metrics["mpjpe"] == pytest.approx(0, abs=1e-3) and metrics["mpvpe"] == pytest.approx(0, abs=1e-3)
    assert metrics["int"] == pytest.approx(0, abs=1e-3) and metrics["contact_f1"] == 1


def test_somebody_30_cm_too_far_away_is_an_error_of_the_pair_alone(shot, body):
    pelvis = shot.truth.motion.pelvis.copy()
    pelvis[1] += np.array([0.3, 0, 0], np.float32)
    metrics = score(
        shot, replace(perfect_estimate(shot), motion=replace(shot.truth.motion, pelvis=pelvis)), body
    ).metrics
    for name in ("mpjpe", "pa_mpjpe", "mpvpe", "accel"):
        assert metrics[name] == pytest.approx(0, abs=1e-3), name
    assert metrics["re"] == pytest.approx(300, abs=0.1)
    assert 100 < metrics["int"] < 300  # not along the line between all joints
    assert metrics["pair_pa_mpjpe"] > 20


def test_a_hidden_joints_error_is_told_apart(shot, body):
    straight = straightened(shot, body)
    estimate, off = with_wrist_off(shot, body)
    visibility = np.zeros((2, 12, 22), np.uint8)
    visibility[0, :, WRIST] = OCCLUDED
    visibility[1, :6, WRIST] = TRUNCATED
    seen = replace(straight, truth=replace(straight.truth, visibility=visibility))
    result = score(seen, estimate, body)
    assert result.metrics["mpjpe_hidden"] == pytest.approx(off, rel=1e-3)
    assert result.metrics["mpjpe_seen"] == pytest.approx(0, abs=1e-3)
    assert result.metrics["mpjpe_outside"] == pytest.approx(0, abs=1e-3)
    assert result.metrics["mpjpe"] == pytest.approx(off / 44, rel=1e-3)
    assert result.counts == {"mpjpe_seen": 2 * 12 * 22 - 18, "mpjpe_hidden": 12, "mpjpe_outside": 6}
    assert result.hidden_share == pytest.approx(12 / (2 * 12 * 22))


def test_frames_without_truth_do_not_count(shot, body):
    straight = straightened(shot, body)
    estimate, off = with_wrist_off(shot, body)
    joints = straight.truth.joints.copy()
    joints[:, 4:7] = np.nan
    # where the truth is not known the estimate may be anything
    estimate.motion.body_pose[:, 4:7] += 0.5
    sparse = replace(
        straight.truth, joints=joints, has_meshes=False, visibility=np.full((2, 12, 22), UNKNOWN, np.uint8)
    )
    result = score(replace(straight, truth=sparse), estimate, body)
    assert result.metrics["mpjpe"] == pytest.approx(off / 44, rel=1e-3)
    assert result.metrics["accel"] < 0.1
    assert not {"mpvpe", "mpjpe_seen", "mpjpe_hidden"} & set(result.metrics)
    assert result.hidden_share == 0


def test_tracks_of_some_frames_are_compared_with_those_frames(shot, body):
    some = replace(shot, detections=shot.detections.frames(slice(3, 9)))
    estimate = replace(perfect_estimate(shot), motion=shot.truth.motion.frames(slice(3, 9)))
    result = score(some, estimate, body)
    assert result.frames == 6 and result.metrics["mpjpe"] == pytest.approx(0, abs=1e-3)
    assert result.contact_share == pytest.approx(5 / 6)
    beyond = replace(some, detections=replace(some.detections, frame_index=some.detections.frame_index + 6))
    with pytest.raises(ValueError, match="9 to 14"):
        score(beyond, estimate, body)


def test_people_of_other_bodies_are_compared_by_their_own_skin(shot, body):
    thicker = heldout_body(
        body, (body.v_template + body.v_template.new_tensor([0, 0, 0.01])).numpy(), body.J_template.numpy()
    )
    rest = {name: np.zeros_like(value) for name, value in vars(shot.truth.motion).items()}
    standing = type(shot.truth.motion)(**rest | {"pelvis": shot.truth.motion.pelvis, "betas": rest["betas"]})
    joints = pose_motion(body, standing).joints.numpy()
    truth = replace(shot.truth, motion=standing, joints=joints, bodies=(body, thicker))
    result = score(replace(shot, truth=truth), replace(perfect_estimate(shot), motion=standing), body)
    assert result.metrics["mpjpe"] == pytest.approx(0, abs=1e-3)
    assert result.metrics["mpvpe"] == pytest.approx(5, abs=0.01)  # 10 mm for one of the two


def test_contacts_count_frame_by_frame_and_pair_by_pair(shot, body):
    half = (replace(SHAKE, frame_end=4),)
    other = (replace(SHAKE, region_b="left_palm"),)
    estimate = perfect_estimate(shot)
    assert score(shot, replace(estimate, contacts=half), body).metrics["contact_f1"] == pytest.approx(2 * 3 / (6 + 3))
    assert score(shot, replace(estimate, contacts=other), body).metrics["contact_f1"] == 0
    assert score(shot, replace(estimate, contacts=()), body).metrics["contact_f1"] == 0


def test_what_means_nothing_on_a_clip_is_left_out(shot, body):
    apart = replace(shot, truth=replace(shot.truth, contacts=()))
    metrics = score(apart, perfect_estimate(apart), body).metrics
    assert not {"contact_distance", "contact_f1", "foot_slide", "mpjpe_hidden", "mpjpe_outside"} & set(metrics)
    standing = replace(shot, truth=replace(shot.truth, foot_contact=np.ones((2, 12, 2), bool)))
    assert score(standing, perfect_estimate(standing), body).metrics["foot_slide"] > 0


def test_an_estimate_that_is_no_motion_of_these_frames_is_refused(shot, body):
    broken = shot.truth.motion.pelvis.copy()
    broken[0, 5] = np.nan
    with pytest.raises(ValueError, match="finite"):
        score(shot, replace(perfect_estimate(shot), motion=replace(shot.truth.motion, pelvis=broken)), body)
    short = {name: value if name == "betas" else value[:, :5] for name, value in vars(shot.truth.motion).items()}
    with pytest.raises(ValueError, match="joints"):
        score(shot, replace(perfect_estimate(shot), motion=type(shot.truth.motion)(**short)), body)


def test_scores_are_the_same_with_the_truth_prepared(shot, body):
    estimate, _ = with_wrist_off(shot, body, person=1)
    assert score(shot, estimate, body) == score(shot, estimate, body, surfaces=true_surfaces(shot, body))


def test_contact_distance_is_the_mean_over_what_touches():
    regions = np.array([REGIONS.index(name) for name in ("left_palm", "left_palm", "chest", "back")])
    skin = np.zeros((2, 2, 4, 3))
    skin[0, :, 1, 0] = 0.5  # the palm's other point is nearer to the back
    skin[1, :, 2, 0] = -0.1
    skin[1, 0, 3, 0] = 0.8
    touch = contact_matrix(
        [Contact(0, "left_palm", 1, "chest", 0, 1), Contact(1, "back", 0, "left_palm", 0, 0)], np.arange(2)
    )
    assert contact_distance(touch, skin, regions) == pytest.approx((100 + 300 + 100) / 3)
    assert math.isnan(contact_distance(np.zeros_like(touch), skin, regions))


def test_touching_counts_frames_of_the_clip_and_leaves_out_what_was_rejected():
    touch = Contact(1, "left_palm", 0, "chest", 3, 4)
    found = contact_matrix([touch, replace(touch, region_a="face", state="rejected")], np.arange(2, 6))
    assert np.argwhere(found).tolist() == [
        [1, REGIONS.index("chest"), REGIONS.index("left_palm")],
        [2, REGIONS.index("chest"), REGIONS.index("left_palm")],
    ]


def test_pairs_of_body_parts_that_never_touch_are_wrong_contacts():
    true = np.zeros((4, 18, 18), bool)
    true[1:3, 0, 5] = True
    found = np.zeros_like(true)
    found[2:, 0, 5] = found[:, 3, 3] = found[0, 4, 4] = True
    assert metrics.wrong_contacts(found, true) == 2
    assert metrics.wrong_contacts(true, true) == 0
