"""Rows that are given a part of the truth: what the stages after perception would make of better detections.

They bound what stronger detectors, masks or single-person motion can bring; none of them is a method.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from core.body.model import BodyModel
from core.body.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from core.imported_motion import ImportedMotion
from core.motion import BODY_COUNT
from core.pipeline.nodes import ImportedPair, Lifting, TakeSettings
from core.pipeline.stage import Given
from core.reporting import Reporter

from .benchmark_clip import OCCLUDED, VISIBLE, BenchmarkClip, Estimate
from .lifting_simulation import simulated_lifting
from .methods import run_product
from .occlusion.projection import ProjectedClip, project_clip

Oracle = Callable[[BenchmarkClip, BodyModel, int, Reporter], Estimate]

_KEYPOINT_NOISE = 0.01
"""Standard deviation of the oracle's keypoints, in heights of the person."""
_CONFIDENCE = {VISIBLE: 0.95, OCCLUDED: 0.6}
"""Of the oracle's keypoints by their visibility; 0 outside the image."""
_ROTATION_NOISE = 0.031
"""radians about each axis of every joint, in every frame anew; joints are then about 3 cm off."""


def oracle_keypoints(clip: BenchmarkClip, body: BodyModel, seed: int, reporter: Reporter) -> Estimate:
    """True keypoints, those that the other person hides too, with noise of 1 % of the height. Metric landmarks stay."""
    truth, rng = _projected(clip), _random(clip, seed)
    noise = rng.normal(size=truth.landmarks_px.shape) * _KEYPOINT_NOISE * truth.height_px[..., None, None]
    confidence = np.zeros(truth.landmark_visibility.shape)
    for visibility, value in _CONFIDENCE.items():
        confidence[truth.landmark_visibility == visibility] = value
    seen = np.concatenate([truth.landmarks_px + noise, confidence[..., None]], -1).astype(np.float32)
    detections = replace(
        clip.detections,
        keypoints=seen,
        covariance=np.zeros_like(clip.detections.covariance),
        found=np.ones_like(clip.detections.found),
    )
    return run_product(detections, body, TakeSettings(seed=seed), reporter)


def oracle_masks(clip: BenchmarkClip, body: BodyModel, seed: int, reporter: Reporter) -> Estimate:
    """The true visible part of each person in place of the detector's masks."""
    return run_product(replace(clip.detections, masks=_projected(clip).masks), body, TakeSettings(seed=seed), reporter)


def oracle_initial(clip: BenchmarkClip, body: BodyModel, seed: int, reporter: Reporter) -> Estimate:
    """True poses of each person alone, with noise of 3 cm a joint in every frame, as from a strong single-person tool."""
    motion_incam = clip.truth.motion.transformed(clip.truth.camera.T_cw).frames(clip.detections.frame_index)
    rng = _random(clip, seed)

    def person(number: int) -> ImportedMotion:
        angles = np.concatenate([motion_incam.global_orient[number][:, None], motion_incam.body_pose[number]], 1)
        noise = torch.from_numpy(rng.normal(0, _ROTATION_NOISE, (len(angles), BODY_COUNT, 3)))
        noisy = matrix_to_axis_angle(
            axis_angle_to_matrix(torch.from_numpy(angles).double()) @ axis_angle_to_matrix(noise)
        )
        body_angles = noisy.numpy()
        return ImportedMotion(
            body_angles[:, 0],
            body_angles[:, 1:],
            motion_incam.pelvis[number].astype(np.float64),
            "camera",
            None,
            "truth",
        )

    start: Given[ImportedPair | None] = Given((person(0), person(1)), "truth")
    return run_product(clip.detections, body, TakeSettings(seed=seed), reporter, start=start)


def oracle_lifting(clip: BenchmarkClip, body: BodyModel, seed: int, reporter: Reporter) -> Estimate:
    """The truth as SAM 3D Body would see it: each person alone, every frame by itself, with errors of the published size."""
    seen = Given(simulated_lifting(clip, body, _random(clip, seed)), "truth")
    start = Lifting(Given(None, ""), "truth", seen)
    return run_product(clip.detections, body, TakeSettings(seed=seed), reporter, start=start)


ORACLES: dict[str, Oracle] = {
    "oracle-keypoints": oracle_keypoints,
    "oracle-masks": oracle_masks,
    "oracle-initial": oracle_initial,
    "oracle-lifting": oracle_lifting,
}
"""By the names of their rows. They need ground truth with bodies, so they run on choreographed clips only."""


def _projected(clip: BenchmarkClip) -> ProjectedClip:
    size = clip.detections.image_size
    projected = project_clip(clip.truth.motion, clip.truth.bodies, clip.truth.camera, [int(each) for each in size])
    return projected.frames(clip.detections.frame_index)


def _random(clip: BenchmarkClip, seed: int) -> np.random.Generator:
    return np.random.default_rng((seed, zlib.crc32(clip.name.encode())))
