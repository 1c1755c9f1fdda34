"""The sample clip's truth is what the clip shows, and a world that could be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.body.files import load_body
from core.body.model import BodyModel
from core.body.regions import vertex_regions
from core.body.surface import vertex_normals
from core.clip import probe
from core.contract.files import read_json, read_npz
from core.contract.reconstruction import MotionArrays
from core.fitting.soles import sole_vertices
from core.motion import pose_motion
from lab.evaluation.benchmark_clip import BenchmarkClip
from lab.evaluation.sample_truth import SampleTruth, estimate_from_result, load_truth, sample_clip
from lab.evaluation.scores import compare_joints, score
from lab.evaluation.surface_metrics import contact_distance, contact_matrix, penetration
from tests.core.conftest import made_up_tracks

SAMPLES = Path(__file__).resolve().parents[2] / "samples"


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body(None)


@pytest.fixture(scope="module")
def truth() -> SampleTruth:
    return load_truth(SAMPLES / "handshake_hug_truth.npz", SAMPLES / "handshake_hug_contacts.json")


@pytest.fixture(scope="module")
def skin(body: BodyModel, truth: SampleTruth) -> np.ndarray:
    return pose_motion(body, truth.motion).skin(body).numpy()


def as_result(truth: SampleTruth, frames: slice = slice(85, 110)) -> MotionArrays:
    """A reconstruction of some frames that says exactly what is true."""
    arrays = read_npz(SAMPLES / "handshake_hug_truth.npz")
    once = {name: arrays[name] for name in ("betas", "rest_joints")}
    by_frame = {name: arrays[name][frames] for name in ("frame_index", "time", "camera_K", "camera_world")}
    names = set(MotionArrays.__dataclass_fields__) & set(arrays) - set(once) - set(by_frame)
    count = len(by_frame["time"])
    return MotionArrays(
        **once,
        **by_frame,
        **{name: arrays[name][:, frames] for name in names},
        keypoints=np.zeros((2, count, 33, 3), np.float32),
        confidence=np.ones((2, count, 22), np.float32),
    )


def test_the_truth_is_of_the_body_that_ships(body, truth):
    contacts = read_json(SAMPLES / "handshake_hug_contacts.json")
    assert contacts["body"] == body.identity, "the body changed: run python -m lab sample"
    np.testing.assert_allclose(pose_motion(body, truth.motion).joints.numpy(), truth.joints, atol=1e-4)


def test_the_clip_has_a_frame_for_every_frame_of_the_truth(truth):
    clip = probe(SAMPLES / "handshake_hug.mp4")
    assert (clip.frame_count, clip.width, clip.height) == (len(truth.time), 960, 540)
    assert clip.frame_rate == pytest.approx(30)
    assert clip.path.stat().st_size < 1_500_000


def test_both_people_are_in_the_picture_all_the_time(truth, skin):
    K = read_npz(SAMPLES / "handshake_hug_truth.npz")["camera_K"]
    seen = np.einsum("tij,ptvj->ptvi", truth.camera_world[:, :3, :3], skin[:, :, ::20])
    seen = seen + truth.camera_world[None, :, None, :3, 3]
    pixels = np.einsum("tij,ptvj->ptvi", K[:, :2, :2], seen[..., :2] / seen[..., 2:]) + K[None, :, None, :2, 2]
    assert (pixels > 0).all() and (pixels < (960, 540)).all()


def test_planted_feet_stay_where_they_are(body, truth, skin):
    soles = skin[:, :, sole_vertices(body).numpy()].mean(3)
    step = np.linalg.norm(np.diff(soles, axis=1), axis=-1)
    both = truth.foot_contact[:, 1:] & truth.foot_contact[:, :-1]
    assert step[both].mean() < 0.001
    for person in (0, 1):
        for foot in (0, 1):
            stretches = np.split(
                np.arange(len(truth.time)), np.flatnonzero(np.diff(truth.foot_contact[person, :, foot])) + 1
            )
            for stretch in stretches:
                if truth.foot_contact[person, stretch[0], foot]:
                    # a heel may rise in the last frames before the foot leaves
                    still = soles[person, stretch[:-3] if len(stretch) > 4 else stretch, foot]
                    assert np.ptp(still, axis=0).max() < 0.01
    assert skin[..., 2].min() > -0.015


def test_hands_meet_and_hold_each_other(truth, body, skin):
    palms = [c for c in truth.contacts if (c.region_a, c.region_b) == ("right_palm", "right_palm")]
    assert palms and max(c.frame_end - c.frame_start for c in palms) >= 20
    backs = {c.region_a for c in truth.contacts if c.region_b == "back"} & {"left_palm", "right_palm"}
    assert backs == {"left_palm", "right_palm"}
    touch = contact_matrix(truth.contacts, np.arange(len(truth.time)))
    assert contact_distance(touch, skin, vertex_regions(body).numpy()) < 15


def test_nobody_is_inside_the_other(body, skin):
    faces = body.faces.numpy()
    for frame in (45, 92, 105, 120):
        for a, b in ((0, 1), (1, 0)):
            depth = penetration(skin[a, frame], skin[b, frame], vertex_normals(skin[b, frame], faces))
            assert depth[depth > 0].mean() < 5 if (depth > 0).any() else True
            assert (depth > 10).mean() < 0.01


def as_shot(truth: SampleTruth, result: MotionArrays, body: BodyModel) -> BenchmarkClip:
    """Of the result's frames; nothing of the tracks but frames and times matters here."""
    frames = len(result.time)
    detections = replace(made_up_tracks(frames), frame_index=result.frame_index, time=result.time)
    return sample_clip("sample", truth, detections, body)


def test_the_truth_has_no_errors_against_itself(body, truth):
    result = as_result(truth)
    found = score(as_shot(truth, result, body), estimate_from_result(result, truth.contacts), body).metrics
    for name in ("mpjpe", "pa_mpjpe", "mpvpe", "int", "pair_pa_mpjpe", "re", "accel"):
        assert found[name] == pytest.approx(0, abs=0.05), name
    assert found["contact_f1"] == 1.0
    assert found["contact_distance"] < 15
    assert found["foot_slide"] < 1


def test_errors_know_who_is_who(body, truth):
    result = as_result(truth)
    names = ("body_pose", "global_orient", "pelvis", "left_hand_pose", "right_hand_pose", "betas", "joints")
    swapped = replace(result, **{name: getattr(result, name)[[1, 0]] for name in names})
    contacts = [replace(contact, person_a=1, person_b=0) for contact in truth.contacts]
    shot, estimate = as_shot(truth, result, body), estimate_from_result(swapped, contacts)
    assert compare_joints(shot, estimate, body).order == (1, 0)
    found = score(shot, estimate, body).metrics
    assert found["int"] == pytest.approx(0, abs=0.05)
    assert found["contact_f1"] == 1.0
