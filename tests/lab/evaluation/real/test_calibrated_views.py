"""The ground truth of calibrated views: calibration files, triangulation, smoothing, and following the man in each video."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.body.files import load_body
from core.contract.errors import UserError
from core.fitting.camera import intrinsics
from core.perception.landmarks import LIMBS
from core.transforms import transform_points
from lab.evaluation.real.calibrated_views import follow_man, smooth
from lab.evaluation.real.calibration import CalibratedCamera, read_qualisys
from lab.evaluation.real.limbs import fitted_landmarks
from lab.evaluation.real.triangulation import triangulate
from tests.lab.evaluation.real.studio import CAMERAS, FOCAL, FRAMES, MATRIX, SIZE, calibration, detections_in, standing


@pytest.fixture
def cameras(tmp_path: Path) -> list[CalibratedCamera]:
    (tmp_path / "Calib.qca.txt").write_text(calibration())
    return read_qualisys(tmp_path / "Calib.qca.txt")


def test_a_qualisys_file_is_read(cameras: list[CalibratedCamera]):
    for camera, T_cw in zip(cameras, CAMERAS):
        assert camera.T_cw == pytest.approx(T_cw, abs=1e-9)
        assert pytest.approx(MATRIX) == camera.K
    assert intrinsics(*SIZE, None)[0, 0] == pytest.approx(FOCAL)  # the default focal length of methods


@pytest.mark.parametrize(
    ("text", "problem"), [("no xml", "is not a Qualisys calibration"), ("<calibration/>", "holds no cameras")]
)
def test_other_files_are_refused(text: str, problem: str, tmp_path: Path):
    (tmp_path / "Calib.qca.txt").write_text(text)
    with pytest.raises(UserError, match=problem):
        read_qualisys(tmp_path / "Calib.qca.txt")


def test_cameras_that_disagree_are_left_out_of_a_point(cameras: list[CalibratedCamera]):
    points = np.array([[0.2, -0.3, 1.1], [0.0, 0.4, 0.5], [0.1, 0.1, 1.7]])
    keypoints = np.ones((4, 3, 3))
    for number, T_cw in enumerate(CAMERAS):
        incam = transform_points(T_cw, points)
        keypoints[number, :, :2] = incam[:, :2] / incam[:, 2:] @ MATRIX[:2, :2].T + MATRIX[:2, 2]
    keypoints[1, 0, 0] += 150  # one camera has an outlier for the first point
    keypoints[2:, 1, 2] = 0.2  # two cameras have no confidence in the second
    keypoints[1:, 2, 2] = 0.2  # and only one has confidence in the third
    found = triangulate(cameras, keypoints)
    assert found.points[:2] == pytest.approx(points[:2], abs=1e-6)
    assert found.error[:2] == pytest.approx(0, abs=1e-3)
    assert found.score[:2] == pytest.approx([3, 2], abs=0.01)
    assert np.isnan(found.points[2]).all() and np.isnan(found.error[2])


def test_the_man_is_followed_when_the_tracker_changes_his_number(cameras: list[CalibratedCamera]):
    camera = cameras[0]
    true = transform_points(camera.T_cw, fitted_landmarks(standing(), load_body(None))[0][:, LIMBS])
    true[4] = np.nan  # a frame without ground truth: he keeps the number of the frame before
    detections = detections_in(CAMERAS[0], (0, 1))
    swapped = {name: getattr(detections, name).copy() for name in ("keypoints", "world_landmarks", "found")}
    for array in swapped.values():
        array[:, 5:] = array[::-1, 5:]
    man, numbers = follow_man(replace(detections, **swapped), camera, true)
    assert numbers == 2
    assert man.found.shape == (1, FRAMES)
    assert man.keypoints[0] == pytest.approx(detections.keypoints[0])
    assert man.world_landmarks[0] == pytest.approx(detections.world_landmarks[0])


def test_smoothing_removes_outliers_of_single_frames():
    walking = np.zeros((40, 2, 3))
    walking[:, :, 0] = (0.01 * np.arange(40))[:, None]
    noisy = walking.copy()
    noisy[20, 1, 2] += 0.5
    noisy[30, 0] = np.nan
    smoothed = smooth(noisy)
    assert np.isnan(smoothed[30, 0]).all() and np.isfinite(np.delete(smoothed[:, 0], 30, 0)).all()
    assert smoothed[10:25] == pytest.approx(walking[10:25], abs=1e-3)
