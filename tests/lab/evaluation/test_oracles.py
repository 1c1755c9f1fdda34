"""Oracles are given a part of the truth, and what they are given is as near to it as they say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core.body.files import load_body
from core.body.model import BodyModel
from core.motion import pose_motion
from core.reporting import SilentReporter
from core.sam3d_body.skeleton import PLACES
from lab.evaluation import oracles
from lab.evaluation.benchmark_clip import BenchmarkClip
from tests.lab.evaluation.synthetic import synthetic_clip


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body(None)


@pytest.fixture(scope="module")
def clip(body: BodyModel) -> BenchmarkClip:
    return synthetic_clip(body)


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the product is run with."""
    seen: dict[str, Any] = {}

    def run_product(detections: Any, *_: Any, start: Any = None) -> None:
        seen.update(detections=detections, start=start)

    monkeypatch.setattr(oracles, "run_product", run_product)
    return seen


def test_the_keypoints_are_the_true_ones_with_noise_of_a_percent(clip, body, given):
    blind = np.zeros_like(clip.detections.keypoints)
    seen = clip.detections.keypoints[..., :2]
    oracles.oracle_keypoints(_with(clip, keypoints=blind), body, 0, SilentReporter())
    keypoints = given["detections"].keypoints
    confident = keypoints[..., 2] > 0.5
    distance = np.linalg.norm(keypoints[..., :2] - seen, axis=-1)[confident]
    height = float(np.ptp(seen[..., 1], axis=2).mean())
    assert confident.mean() > 0.8
    assert 0.005 * height < distance.mean() < 0.025 * height


def test_the_initial_motion_is_some_centimetres_off(clip, body, given):
    oracles.oracle_initial(clip, body, 0, SilentReporter())
    truth = clip.truth.motion.transformed(clip.truth.camera.T_cw)
    errors = []
    for person, imported in enumerate(given["start"].value):
        true = truth.person(person)
        noisy = {
            "global_orient": imported.global_orient[None].astype(np.float32),
            "body_pose": imported.body_pose[None].astype(np.float32),
        }
        joints = [pose_motion(body, each).joints[0, :, :22] for each in (true, type(true)(**{**vars(true), **noisy}))]
        centred = [each - each[:, :1] for each in joints]
        errors.append(float((centred[0] - centred[1]).norm(dim=-1).mean()))
    assert 0.02 < np.mean(errors) < 0.05


def test_a_network_that_lifts_sees_each_person_some_centimetres_off(clip, body, given):
    oracles.oracle_lifting(clip, body, 0, SilentReporter())
    seen = given["start"].seen.value
    truth = pose_motion(body, clip.truth.motion.transformed(clip.truth.camera.T_cw)).joints[:, :, :22].numpy()
    joints = seen.joints[:, :, PLACES[:22]]
    error = np.linalg.norm((joints - joints[:, :, :1]) - (truth - truth[:, :, :1]), axis=-1)
    assert 0.02 < error.mean() < 0.1
    assert 0.002 < np.abs(np.log(joints[:, :, 0, 2] / truth[:, :, 0, 2])).mean() < 0.15
    assert (seen.known == clip.detections.found).all()


def test_the_masks_are_the_visible_parts(clip, body, given):
    oracles.oracle_masks(clip, body, 0, SilentReporter())
    masks = given["detections"].masks
    assert masks.shape == clip.detections.masks.shape
    for person in range(2):
        inside = masks[person].reshape(len(masks[person]), -1).mean(1) / 255
        assert 0.005 < inside.mean() < 0.4


def _with(clip: BenchmarkClip, **arrays: np.ndarray) -> BenchmarkClip:
    return replace(clip, detections=replace(clip.detections, **arrays))
