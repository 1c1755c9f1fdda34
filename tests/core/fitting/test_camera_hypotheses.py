"""The camera of a clip is found from people and lines, and from what the user knows of it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from core.body.model import BodyModel
from core.fitting.camera import KnownCamera, extrinsics, floor_from_extrinsics
from core.fitting.camera_hypotheses import CameraCandidates, estimate_camera
from core.perception.detections import Detections
from core.reporting import SilentReporter
from tests.core.conftest import load_body_once
from tests.core.fitting import synthetic


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body_once(None)


def estimated(detections: Detections, body: BodyModel, known: KnownCamera | None = None) -> CameraCandidates:
    return estimate_camera(detections, known or KnownCamera(), body, SilentReporter())


def angles(candidates: CameraCandidates, choice: int = 0) -> tuple[float, float, float]:
    """Pitch and roll in degrees, height in metres."""
    pitch, roll, height = floor_from_extrinsics(torch.from_numpy(candidates.camera(choice).T_cw)).tolist()
    return math.degrees(pitch), math.degrees(roll), height


def lines_of_a_room(K: np.ndarray, T_cw: np.ndarray, seed: int = 0) -> np.ndarray:
    """Edges of upright and lying bars about the people, in px, with a few that are neither."""
    draw = np.random.default_rng(seed)
    starts = draw.uniform([-2.5, 2.5, 0.1], [2.5, 6.0, 2.2], (60, 3))
    axes = np.eye(3)[draw.integers(0, 3, 60)]
    axes[:8] = draw.normal(size=(8, 3))
    ends = starts + 0.6 * axes / np.linalg.norm(axes, axis=1, keepdims=True)
    points = np.stack([starts, ends], 1) @ T_cw[:3, :3].T + T_cw[:3, 3]
    pixels = points[..., :2] / points[..., 2:] * K[0, 0] + K[:2, 2]
    return (pixels + draw.normal(0, 0.5, pixels.shape)).reshape(-1, 4).astype(np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("roll", [0.0, 24.0])
def test_lines_tell_pitch_roll_and_focal_length(body: BodyModel, roll: float) -> None:
    scene = synthetic.scene(body, frames=16, roll=math.radians(roll))
    lines = lines_of_a_room(scene.camera.K, scene.camera.T_cw)
    found = estimated(replace(scene.detections, lines=lines), body)
    pitch, rolled, _ = angles(found)
    assert pitch == pytest.approx(math.degrees(0.1), abs=2) and rolled == pytest.approx(roll, abs=2)
    assert found.K[0, 0, 0] == pytest.approx(scene.camera.K[0, 0], rel=0.12)


@pytest.mark.slow
def test_people_tell_roll_without_lines(body: BodyModel) -> None:
    upright, rolled = (synthetic.scene(body, frames=16, roll=math.radians(roll)) for roll in (0, 15))
    assert abs(angles(estimated(upright.detections, body))[1]) < 3
    assert angles(estimated(rolled.detections, body))[1] == pytest.approx(15, abs=5)


@pytest.mark.slow
def test_what_the_user_knows_is_kept(body: BodyModel) -> None:
    detections = synthetic.scene(body, frames=16).detections
    known = KnownCamera(fov=synthetic.FOV, pitch=9.0, roll=-4.0, height=1.7)
    found = estimated(detections, body, known)
    assert angles(found) == pytest.approx((9.0, -4.0, 1.7), abs=1e-4)
    assert found.K[0, 0, 0] == pytest.approx(synthetic.WIDTH / 2 / math.tan(math.radians(synthetic.FOV / 2)))
    assert np.array_equal(found.camera(9).K, found.K[-1])


def test_extrinsics_and_their_floor_are_inverse() -> None:
    floor = torch.tensor([0.3, -0.4, 1.8])
    assert torch.allclose(floor_from_extrinsics(extrinsics(*floor.unbind())), floor, atol=1e-6)
