"""A take that contradicts the picture or stands in the floor says where; a good take says nothing."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from core.body.model import BodyModel
from core.contract.contact import Contact
from core.contract.edits import Pin
from core.contract.fields import Fields
from core.contract.reconstruction import BAD, FAIR, GOOD, Quality, damaged
from core.contract.skeleton import JOINT_INDEX, LANDMARK_INDEX
from core.fitting.fit import FittedMotion
from core.quality import check_quality, error_score, quality_warnings
from tests.core.conftest import load_body_once
from tests.core.fitting import synthetic
from tests.core.fitting.synthetic import Scene

FRAMES = 40


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body_once(None)


@pytest.fixture(scope="module")
def scene(body: BodyModel) -> Scene:
    return synthetic.scene(body, FRAMES, apart=1.4)


@pytest.fixture(scope="module")
def true(scene: Scene) -> FittedMotion:
    foot_contact, sure = np.ones((2, FRAMES, 2), np.float32), np.ones((2, FRAMES, 22), np.float32)
    return FittedMotion(scene.truth.motion_incam, scene.camera, foot_contact, sure, 0.0)


def moved(fitted: FittedMotion, frames: slice, offset_incam: tuple[float, float, float]) -> FittedMotion:
    """The second person elsewhere in some frames."""
    pelvis = fitted.motion_incam.pelvis.copy()
    pelvis[1, frames] += offset_incam
    return replace(fitted, motion_incam=replace(fitted.motion_incam, pelvis=pelvis))


def check(scene: Scene, fitted: FittedMotion, body: BodyModel) -> Quality:
    return check_quality(fitted, scene.observations, body, ())


def graded(quality: Quality, grade: str) -> set[tuple[str, int | None]]:
    return {(each.measure, each.person) for each in quality.measured if each.grade == grade}


def test_a_take_that_is_right_has_no_warning(scene: Scene, true: FittedMotion, body: BodyModel) -> None:
    quality = check(scene, true, body)
    assert quality.grade == GOOD and not quality.stretches and quality_warnings(quality) == ()


def test_frames_in_which_a_person_is_beside_the_picture_are_named(
    scene: Scene, true: FittedMotion, body: BodyModel
) -> None:
    first = int(scene.detections.frame_index[10])
    quality = check(scene, moved(true, slice(10, 30), (0.25, 0, 0)), body)
    (stretch,) = (each for each in quality.stretches if each.measure == "picture")
    assert (stretch.person, stretch.first, stretch.last, stretch.grade) == (1, first, first + 19, BAD)
    assert stretch.value == pytest.approx(100 * 0.25 / 1.7, rel=0.2)
    assert ("picture", 1) in graded(quality, BAD) and ("picture", 0) in graded(quality, GOOD)
    (warning,) = (text for text in quality_warnings(quality) if "picture" in text)
    assert warning.startswith("Person B") and f"frames {first} to {first + 19}:" in warning
    assert error_score(quality) > error_score(check(scene, true, body))


def test_what_the_user_has_pinned_is_not_held_against_the_take(
    scene: Scene, true: FittedMotion, body: BodyModel
) -> None:
    beside = moved(true, slice(15, 24), (0.4, 0, 0))
    frame = int(scene.detections.frame_index[19])
    pin = Pin(person=1, joint="pelvis", frame=frame, position=(0.0, 0.0, 0.9))
    warnings = [
        quality_warnings(check_quality(beside, scene.observations, body, (), pins=pins))
        for pins in ((), (pin,), (replace(pin, person=0),), (replace(pin, frame=frame + 1000),))
    ]
    pictured = [any("picture" in text for text in texts) for texts in warnings]
    assert pictured == [True, False, True, True]


def test_only_frames_in_which_somebody_is_seen_are_judged(scene: Scene, true: FittedMotion, body: BodyModel) -> None:
    beside = moved(true, slice(0, FRAMES), (0.25, 0, 0))
    for seen, judged in ((FRAMES, {0: GOOD, 1: BAD}), (2, {0: GOOD, 1: BAD}), (0, {0: GOOD})):
        observations = scene.observations
        observations.confidence[1, seen:] = 0.0
        quality = check_quality(beside, observations, body, ())
        assert {each.person: each.grade for each in quality.measured if each.measure == "picture"} == judged


def test_a_person_who_moves_faster_than_people_run_is_named_with_the_frames(
    scene: Scene, true: FittedMotion, body: BodyModel
) -> None:
    """The track jumps to somebody six metres behind."""
    first = int(scene.detections.frame_index[20])
    quality = check(scene, moved(true, slice(20, None), (0, 0, 6)), body)
    assert ("speed", 1) in graded(quality, BAD) and ("speed", 0) in graded(quality, GOOD)
    (stretch,) = (each for each in quality.stretches if (each.measure, each.grade) == ("speed", BAD))
    assert stretch.person == 1 and stretch.first < first <= stretch.last
    (warning,) = (text for text in quality_warnings(quality) if "m/s" in text)
    assert warning.startswith("Person B moves at ") and f"frames {stretch.first} to {stretch.last}," in warning


@pytest.mark.parametrize(("speed", "grade"), [(5.0, GOOD), (7.0, FAIR), (11.0, BAD)])
def test_running_is_no_error_and_sprinting_is_doubted(
    speed: float, grade: str, scene: Scene, true: FittedMotion, body: BodyModel
) -> None:
    pelvis = true.motion_incam.pelvis.copy()
    pelvis[:, :, 0] = speed * scene.observations.time
    running = replace(true, motion_incam=replace(true.motion_incam, pelvis=pelvis))
    assert {("speed", 0), ("speed", 1)} <= graded(check(scene, running, body), grade)


def test_a_short_error_is_not_reported(scene: Scene, true: FittedMotion, body: BodyModel) -> None:
    quality = check(scene, moved(true, slice(10, 14), (0.25, 0, 0)), body)
    assert not [each for each in quality.stretches if each.measure == "picture"]


def bent_arm(fitted: FittedMotion, frames: slice) -> FittedMotion:
    """The second person's left arm is turned by a right angle at the shoulder."""
    pose = fitted.motion_incam.body_pose.copy()
    pose[1, frames, JOINT_INDEX["left_shoulder"] - 1] += (0, 0, np.pi / 2)
    return replace(fitted, motion_incam=replace(fitted.motion_incam, body_pose=pose))


def test_an_arm_that_is_bent_away_from_the_picture_is_reported(
    scene: Scene, true: FittedMotion, body: BodyModel
) -> None:
    first = int(scene.detections.frame_index[10])
    quality = check(scene, bent_arm(true, slice(10, 30)), body)
    assert graded(quality, BAD) == {("limbs", 1)}
    (stretch,) = quality.stretches
    assert (stretch.measure, stretch.first, stretch.last, stretch.grade) == ("limbs", first, first + 19, BAD)
    (warning,) = quality_warnings(quality)
    assert warning.startswith("An arm or a leg of Person B does not lie over the picture")


def test_a_limb_that_is_off_for_a_moment_is_not_reported(scene: Scene, true: FittedMotion, body: BodyModel) -> None:
    assert check(scene, bent_arm(true, slice(10, 14)), body).grade == GOOD


def test_a_limb_that_is_off_before_and_after_it_is_hidden_is_off_in_between(
    scene: Scene, true: FittedMotion, body: BodyModel
) -> None:
    keypoints = scene.detections.keypoints.copy()
    arm = [LANDMARK_INDEX[f"left_{name}"] for name in ("elbow", "wrist", "pinky", "index", "thumb")]
    keypoints[1, 13:20, arm, 2] = 0
    hidden = replace(scene, detections=replace(scene.detections, keypoints=keypoints))
    quality = check(hidden, bent_arm(true, slice(10, 23)), body)
    assert [(each.measure, each.last - each.first) for each in quality.stretches] == [("limbs", 12)]


@pytest.mark.parametrize("height", [-0.15, 0.15])
def test_a_person_in_the_floor_or_above_it_is_reported(
    scene: Scene, true: FittedMotion, body: BodyModel, height: float
) -> None:
    offset = height * scene.camera.T_cw[:3, 2]
    quality = check(scene, moved(true, slice(0, FRAMES), tuple(offset)), body)
    (stretch,) = (each for each in quality.stretches if each.measure == "floor")
    assert stretch.person == 1 and stretch.value == pytest.approx(150, abs=30)
    assert any("Person B is in the floor or above it" in warning for warning in quality_warnings(quality))


def test_people_inside_each_other_and_gaps_of_contacts_are_reported(
    scene: Scene, true: FittedMotion, body: BodyModel
) -> None:
    onto = true.motion_incam.pelvis[0] - true.motion_incam.pelvis[1] + np.array([0.1, 0, 0])
    quality = check(scene, moved(true, slice(0, FRAMES), tuple(onto.mean(0))), body)
    assert ("penetration", None) in graded(quality, BAD)
    touch = Contact(0, "left_palm", 1, "right_palm", 100, 110, source="prompt", distance=0.1)
    refused = replace(touch, distance=0.5, state="rejected", touch="refused")
    quality = check_quality(true, scene.observations, body, (touch, refused))
    assert graded(quality, FAIR) == {("contact", None)}
    assert [(each.first, each.last, each.value) for each in quality.stretches] == [(100, 110, 100.0)]


def test_a_touch_is_as_far_from_closed_as_its_nearest_regions(
    scene: Scene, true: FittedMotion, body: BodyModel
) -> None:
    near = Contact(0, "left_palm", 1, "right_palm", 100, 110, source="prompt", touch="hands", distance=0.02)
    far = replace(near, region_b="right_hand_back", distance=0.2)
    assert check_quality(true, scene.observations, body, (near, far)).grade == GOOD
    assert check_quality(true, scene.observations, body, (far,)).grade == BAD


def test_a_touch_that_was_only_detected_is_graded_where_the_user_enforces_it(
    scene: Scene, true: FittedMotion, body: BodyModel
) -> None:
    missed = Contact(0, "left_palm", 1, "right_palm", 100, 110).measured(0.3)
    quality = check_quality(true, scene.observations, body, (missed,))
    assert quality.grade == GOOD and not quality.stretches
    assert check_quality(true, scene.observations, body, (replace(missed, state="enforced"),)).grade == BAD


def test_a_jerk_that_the_clip_does_not_show_is_reported(scene: Scene, true: FittedMotion, body: BodyModel) -> None:
    pelvis = true.motion_incam.pelvis.copy()
    pelvis[1, 10:30:2] += (0.05, 0, 0)
    shaken = replace(true, motion_incam=replace(true.motion_incam, pelvis=pelvis))
    assert ("smoothness", 1) in graded(check(scene, shaken, body), BAD)


def test_somebody_who_is_hardly_ever_seen_is_judged_by_the_frames_that_show_them(
    scene: Scene, true: FittedMotion, body: BodyModel
) -> None:
    pelvis = true.motion_incam.pelvis.copy()
    pelvis[1, 1:4:2] += (0.05, 0, 0)
    jerking = replace(true, motion_incam=replace(true.motion_incam, pelvis=pelvis))
    for seen, judged in ((4, {0: GOOD, 1: BAD}), (0, {0: GOOD})):
        observations = scene.observations
        observations.confidence[1, seen:] = 0.0
        quality = check_quality(jerking, observations, body, ())
        assert {each.person: each.grade for each in quality.measured if each.measure == "smoothness"} == judged


def test_a_quality_is_read_as_it_was_written(scene: Scene, true: FittedMotion, body: BodyModel) -> None:
    quality = check(scene, moved(true, slice(10, 30), (0.25, 0, 0)), body)
    quality = replace(quality, attempts=("Another camera was tried.",))
    assert Quality.read(Fields(json.loads(json.dumps(asdict(quality))), damaged)) == quality
