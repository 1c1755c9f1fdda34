"""What the benchmark of speed measures with: memory by stage, longer clips from short ones, the plain fit it compares with."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from core.body.files import load_body
from core.body.landmarks import LandmarkRegressor, regress_landmarks
from core.body.rotations import matrix_to_axis_angle, rotation_about_x
from core.motion import Camera, MotionEstimate, PairMotion, pose_motion
from core.observations.observe import observe
from core.perception.detections import Detections
from core.projection import project
from lab.speed_benchmark.jobs import play_back_and_forth
from lab.speed_benchmark.memory import StagePeaks

FRAMES = 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process forget its peak")
def test_peak_memory_is_each_stages_own() -> None:
    peaks = StagePeaks()
    peaks.begin("large")
    filled = np.ones(40 << 20)  # 320 MiB
    del filled
    peaks.begin("small")
    peaks.end()
    if not peaks.by_stage:
        pytest.skip("this system forbids it")
    assert 310 < peaks.by_stage["large"] - peaks.by_stage["small"] < 330
    whole = peaks.whole()
    assert whole is not None and whole >= peaks.by_stage["large"]


def detections(pixels: np.ndarray) -> Detections:
    """People [2,T,33,2] who were seen well."""
    frames = pixels.shape[1]
    keypoints = np.concatenate([pixels, np.ones_like(pixels[..., :1])], -1).astype(np.float32)
    return Detections(
        frame_index=np.arange(frames, dtype=np.int32),
        time=np.arange(frames) / 25.0,
        image_size=np.array([640, 480], np.int32),
        keypoints=keypoints,
        covariance=np.tile(np.eye(2, dtype=np.float32), (2, frames, 33, 1, 1)),
        world_landmarks=np.zeros((2, frames, 33, 3), np.float32),
        found=np.ones((2, frames), bool),
        hands=np.zeros((2, frames, 2, 21, 3), np.float32),
        hand_landmarks=np.zeros((2, frames, 2, 21, 3), np.float32),
        masks=np.zeros((2, frames, 120, 160), np.uint8),
        track_ids=np.arange(2, dtype=np.int32),
        camera_motion=np.zeros(frames, np.float32),
    )


def test_a_clip_is_played_play_back_and_forth() -> None:
    pixels = np.broadcast_to(np.arange(3.0)[None, :, None, None], (2, 3, 33, 2))
    longer = play_back_and_forth(detections(pixels), 8)
    assert longer.keypoints[1, :, 5, 0].tolist() == [0, 1, 2, 2, 1, 0, 0, 1]
    np.testing.assert_allclose(longer.time, np.arange(8) / 25)
    assert longer.frame_index.tolist() == list(range(8))


def test_the_plain_fit_moves_a_body_onto_what_was_seen() -> None:
    pytest.importorskip("smplx")
    from lab.speed_benchmark.smplx_baseline import fit_full_mesh

    body = load_body(None)
    camera = Camera(np.array([[600.0, 0, 320], [0, 600, 240], [0, 0, 1]]), np.eye(4))
    upright = matrix_to_axis_angle(
        rotation_about_x(torch.tensor(np.pi))
    ).numpy()  # the rest pose's up is the camera's -y
    motion = PairMotion(
        np.broadcast_to(upright, (2, FRAMES, 3)).astype(np.float32),
        np.zeros((2, FRAMES, 21, 3), np.float32),
        np.zeros((2, FRAMES, 15, 3), np.float32),
        np.zeros((2, FRAMES, 15, 3), np.float32),
        np.broadcast_to(np.array([[[-0.8, 0.1, 4.0]], [[0.8, 0.1, 4.0]]]), (2, FRAMES, 3)).astype(np.float32),
        np.zeros((2, 16), np.float32),
    )
    regressor = LandmarkRegressor.for_body(body)
    posed = pose_motion(body, motion)
    shown = regress_landmarks(regressor, posed.joints, posed.skin(body.subset(regressor.vertices)))
    pixels, _ = project(shown, torch.tensor(camera.K).float(), torch.eye(4))
    start = MotionEstimate(
        replace(motion, pelvis=motion.pelvis + np.array([0.1, 0.0, 0.0], np.float32)),
        camera,
        np.zeros((2, FRAMES, 2), np.float32),
    )
    true = posed.joints[:, :, 0, 0].numpy()
    observed = observe(detections(pixels.numpy()), camera.K)
    before = fit_full_mesh(start, observed, body, 0)[:, :, 0, 0]
    np.testing.assert_allclose(before, true + 0.1, atol=1e-4)  # smplx poses where we do
    after = fit_full_mesh(start, observed, body, 15)[:, :, 0, 0]
    assert np.abs(after - true).max() < 0.04
