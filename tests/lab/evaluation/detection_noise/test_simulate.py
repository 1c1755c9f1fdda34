"""Simulated detections have the form of real ones, and errors of the sizes and kinds that the noise model says."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from core.body.files import load_body
from core.contract.skeleton import LANDMARK_INDEX
from core.fitting.initial import estimate_initial_motion
from core.motion import Camera
from core.perception.detections import MASK_WIDTH, Detections
from core.perception.landmarks import MIRROR
from core.reporting import SilentReporter
from lab.evaluation.detection_noise.conditions import noise_conditions
from lab.evaluation.detection_noise.noise_model import load_noise
from lab.evaluation.detection_noise.states import (
    FROM_OTHER_PERSON,
    NOT_FOUND,
    OTHER_PERSON,
    OTHERS_OPPOSITE_LIMB,
    OWN_SKELETON,
    SIDES_SWAPPED,
)
from lab.evaluation.detection_noise.targets import noise_targets
from lab.evaluation.initial_estimate import observe_with_default_camera
from lab.evaluation.occlusion.projection import ProjectedClip
from tests.lab.evaluation.noise_helpers import always, sample_truth_clip, simulate, without_errors

Clip = tuple[ProjectedClip, Camera]


@pytest.fixture(scope="module")
def clip() -> Clip:
    return sample_truth_clip()


@pytest.fixture(scope="module")
def projected(clip: Clip) -> ProjectedClip:
    return clip[0]


def test_detections_have_the_form_of_real_ones(clip: Clip):
    detections = simulate(clip, load_noise())
    frames = clip[0].landmarks_px.shape[1]
    assert detections.keypoints.shape == (2, frames, 33, 3) and detections.keypoints.dtype == np.float32
    assert detections.world_landmarks.shape == (2, frames, 33, 3)
    assert detections.hands.shape == detections.hand_landmarks.shape == (2, frames, 2, 21, 3)
    assert detections.masks.shape == (2, frames, 90, MASK_WIDTH) and detections.masks.dtype == np.uint8
    for name in ("keypoints", "world_landmarks", "hands", "hand_landmarks"):
        assert np.isfinite(getattr(detections, name)).all()
    confidence = detections.keypoints[..., 2]
    assert (confidence >= 0).all() and (confidence <= 1).all()
    assert (confidence[~detections.found] == 0).all() and (detections.masks[~detections.found] == 0).all()
    np.testing.assert_allclose(np.diff(detections.time), 0.04)


def test_the_initial_motion_can_be_estimated_from_them(clip: Clip):
    observations = observe_with_default_camera(simulate(clip, load_noise()), torch.device("cpu"))
    initial = estimate_initial_motion(observations, load_body(None), reporter=SilentReporter())
    assert np.isfinite(initial.motion_incam.pelvis).all() and np.isfinite(initial.camera.T_cw).all()


def test_the_same_seed_gives_the_same_detections_and_another_one_does_not(clip: Clip):
    first, again, other = (simulate(clip, load_noise(), seed) for seed in (3, 3, 4))
    for item in fields(Detections):
        np.testing.assert_array_equal(getattr(first, item.name), getattr(again, item.name))
    assert not np.allclose(first.keypoints, other.keypoints)


def test_the_random_state_of_torch_does_not_change(clip: Clip):
    state = torch.get_rng_state()
    simulate(clip, load_noise())
    assert torch.equal(state, torch.get_rng_state())


def test_without_errors_landmarks_are_the_true_ones(clip: Clip, projected: ProjectedClip):
    detections = simulate(clip, always(without_errors(load_noise()), OWN_SKELETON))
    error = np.linalg.norm(detections.keypoints[..., :2] - projected.landmarks_px, axis=-1)
    error = error / projected.height_px[..., None]
    assert np.quantile(error, 0.95) < 0.005 and error.max() < 0.05, "limits of bone lengths bite near the camera only"
    assert detections.found.all()


def test_sides_are_swapped_and_skeletons_taken_from_the_other_person(clip: Clip, projected: ProjectedClip):
    swapped = simulate(clip, always(without_errors(load_noise()), SIDES_SWAPPED))
    error = np.linalg.norm(swapped.keypoints[..., :2] - projected.landmarks_px[:, :, MIRROR], axis=-1)
    assert np.quantile(error, 0.95) < 2
    other = simulate(clip, always(without_errors(load_noise()), OTHER_PERSON))
    error = np.linalg.norm(other.keypoints[..., :2] - projected.landmarks_px[::-1], axis=-1)
    assert np.quantile(error, 0.95) < 2
    overlap = other.masks[0].astype(float) * projected.masks[1]
    assert overlap.sum() > 0.8 * (projected.masks[1].astype(float) ** 2).sum(), "the mask is the other's, too"


def test_people_who_are_never_detected_are_not_found(clip: Clip):
    assert not simulate(clip, always(load_noise(), NOT_FOUND)).found.any()


def test_errors_have_the_bias_and_the_radius_of_the_tables(clip: Clip, projected: ProjectedClip):
    noise = always(without_errors(load_noise()), OWN_SKELETON)
    height = projected.height_px[..., None]
    bias = np.zeros_like(noise.error_bias)
    bias[..., 0] = 0.05
    detections = simulate(clip, replace(noise, error_bias=bias))
    error = (detections.keypoints[..., :2] - projected.landmarks_px) / height[..., None]
    assert np.quantile(np.linalg.norm(error - (0.05, 0), axis=-1), 0.95) < 0.005
    detections = simulate(clip, replace(noise, error_radius=np.full_like(noise.error_radius, 0.02)))
    error = np.linalg.norm(detections.keypoints[..., :2] - projected.landmarks_px, axis=-1) / height
    assert abs(np.median(error) - 0.02) < 1e-3


def test_a_limb_of_the_other_person_ends_there_and_has_that_state(projected: ProjectedClip):
    conditions = noise_conditions(projected)
    skeleton = np.full(conditions.closeness_bin.shape, OWN_SKELETON)
    limbs = np.zeros((*skeleton.shape, 4), int)
    limbs[0, 10:20, 1] = OTHERS_OPPOSITE_LIMB  # for person 0's right arm, the other person's left one
    targets = noise_targets(projected, conditions.landmark_state, skeleton, limbs, 0.5)
    wrist, elbow, hip = (LANDMARK_INDEX[f"right_{part}"] for part in ("wrist", "elbow", "hip"))
    other = projected.landmarks_px[1, 10:20, LANDMARK_INDEX["left_wrist"]]
    np.testing.assert_allclose(targets.aimed_px[0, 10:20, wrist], other)
    assert (targets.state[0, 10:20, wrist] == FROM_OTHER_PERSON).all()
    assert (targets.state[0, 10:20, hip] != FROM_OTHER_PERSON).all()
    assert not np.allclose(targets.aimed_px[0, 10:20, elbow], projected.landmarks_px[0, 10:20, elbow])
    np.testing.assert_allclose(targets.aimed_px[0, :10], projected.landmarks_px[0, :10])
    np.testing.assert_allclose(targets.aimed_px[1], projected.landmarks_px[1])
