"""What a metric point map says of a camera: known rooms give back their floor, lens and distances, and the user's values win."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from core.body.model import BodyModel
from core.fitting.camera import KnownCamera, extrinsics, floor_from_extrinsics, intrinsics
from core.fitting.camera_hypotheses import estimate_camera
from core.fitting.scene_view import SceneView, frames_to_look_at, nothing_seen, scene_nats, scene_view, vertical
from core.hub.moge import PointMap, focal_and_shift, point_map
from core.perception.detections import Detections
from core.reporting import SilentReporter
from tests.core.conftest import load_body_once
from tests.core.fitting import synthetic

SIZE = (120, 68)
"""Width and height of the point maps."""
DIAGONAL = math.hypot(synthetic.WIDTH, synthetic.HEIGHT)


def room(T_cw: np.ndarray, fov: float = synthetic.FOV, wall: float = 5.0) -> tuple[np.ndarray, np.ndarray]:
    """Points and normals of a floor and a wall `wall` metres ahead, in the camera's frame, without noise."""
    width, height = SIZE
    K = intrinsics(width, height, fov)
    u, v = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    rays = np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones_like(u)], -1)
    R, centre = T_cw[:3, :3], -T_cw[:3, :3].T @ T_cw[:3, 3]
    directions = rays @ R  # in the world
    with np.errstate(divide="ignore"):
        to_floor = np.where(directions[..., 2] < 0, -centre[2] / directions[..., 2], np.inf)
        to_wall = np.where(directions[..., 1] > 0, (wall - centre[1]) / directions[..., 1], np.inf)
    on_floor = to_floor < to_wall
    points = rays * np.minimum(to_floor, to_wall)[..., None]
    normals = np.where(on_floor[..., None], R @ [0, 0, 1.0], R @ [0, -1.0, 0])
    return points, normals


def as_network_says(points: np.ndarray, normals: np.ndarray, scale: float = 2.5, shift: float = 0.7) -> PointMap:
    """Through the ambiguities of the network's answer: another scale and shift, rough normals."""
    noise = np.random.default_rng(0)
    rough = normals + noise.normal(0, 0.03, normals.shape)
    affine = (points / scale - np.array([0, 0, shift])).astype(np.float32)
    found = point_map(affine, rough.astype(np.float32), np.ones(points.shape[:2], bool), scale)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body_once(None)


def with_masks(detections: Detections) -> Detections:
    """The detections with a box about the landmarks of each person for a mask."""
    masks = np.zeros((*detections.masks.shape[:2], 90, 160), np.uint8)
    for person, frame in np.ndindex(*masks.shape[:2]):
        points = detections.keypoints[person, frame, :, :2] / detections.image_size * (160, 90)
        (left, top), (right, bottom) = points.min(0).astype(int), points.max(0).astype(int)
        cv2.rectangle(masks[person, frame], (int(left), int(top)), (int(right), int(bottom)), 255, -1)
    return replace(detections, masks=masks)


@pytest.mark.parametrize(("fov", "shift"), [(35.0, 0.2), (54.0, 0.7), (80.0, 1.5)])
def test_focal_length_and_shift_are_found(fov: float, shift: float) -> None:
    T_cw = extrinsics(torch.tensor(0.1), torch.tensor(0.0), torch.tensor(1.5)).numpy()
    points, _ = room(T_cw, fov)
    points[:, :9] += 3.0  # outliers
    found = focal_and_shift(points - np.array([0, 0, shift]), np.ones(points.shape[:2], bool))
    assert found is not None
    width, height = SIZE
    assert found[0] == pytest.approx(width / 2 / math.tan(math.radians(fov / 2)) / math.hypot(width, height), rel=0.02)
    assert found[1] == pytest.approx(shift, abs=0.1)


def test_points_that_no_lens_explains_are_refused() -> None:
    scattered = np.random.default_rng(0).normal(size=(40, 60, 3))
    valid = np.ones((40, 60), bool)
    assert focal_and_shift(scattered, valid & False) is None
    assert point_map(np.full((40, 60, 3), np.nan, np.float32), np.zeros((40, 60, 3), np.float32), valid, 1.0) is None
    points, normals = room(extrinsics(torch.tensor(0.1), torch.tensor(0.0), torch.tensor(1.5)).numpy())
    assert (
        point_map(points.astype(np.float32), normals.astype(np.float32), np.ones(points.shape[:2], bool), -1.0) is None
    )


@pytest.mark.parametrize(("pitch", "roll", "height"), [(0.1, 0.0, 1.5), (0.35, 0.2, 2.6), (-0.05, -0.3, 0.8)])
def test_a_known_room_gives_back_its_camera(body: BodyModel, pitch: float, roll: float, height: float) -> None:
    detections = synthetic.scene(body, frames=4).detections
    T_cw = extrinsics(torch.tensor(pitch), torch.tensor(roll), torch.tensor(height)).numpy()
    found = scene_view(detections, {0: as_network_says(*room(T_cw)), 2: as_network_says(*room(T_cw))})
    assert math.degrees(math.acos(min(1.0, found.up @ T_cw[:3, 2]))) < 1.0
    assert found.height == pytest.approx(height, rel=0.05)
    assert found.focal == pytest.approx(
        intrinsics(synthetic.WIDTH, synthetic.HEIGHT, synthetic.FOV)[0, 0] / DIAGONAL, rel=0.03
    )
    assert found.positions.tolist() == [0, 2]


def test_without_a_floor_there_is_no_vertical() -> None:
    wall = np.tile(np.array([0.0, 0.0, -1.0]), (30, 40, 1))
    assert vertical(wall, np.ones((30, 40), bool)) is None


def test_peoples_distances_are_read_at_their_feet(body: BodyModel) -> None:
    scene = synthetic.scene(body, frames=4)
    detections = with_masks(scene.detections)
    points, normals = room(scene.camera.T_cw)
    joints = scene.joints.numpy() @ scene.camera.T_cw[:3, :3].T + scene.camera.T_cw[:3, 3]
    truth = joints[:, 0, [7, 8], 2].mean(-1)
    for person in np.argsort(-truth):  # the nearer one covers the other
        mask = cv2.resize(detections.masks[person, 0], SIZE) > 127
        points[mask] *= truth[person] / points[mask][:, 2:]
    found = scene_view(detections, {0: as_network_says(points, normals)})
    assert found.feet_depth[:, 0] == pytest.approx(truth, rel=0.08)
    assert (found.feet_depth[0] < found.feet_depth[1]) == (truth[0] < truth[1])


def test_the_frames_are_those_in_which_the_camera_stands(body: BodyModel) -> None:
    detections = synthetic.scene(body, frames=20).detections
    turning = replace(detections, camera_motion=np.where(np.arange(20) < 10, 0.0, 0.4).astype(np.float32))
    assert frames_to_look_at(turning).max() < 10
    assert len(frames_to_look_at(detections)) == 5


def view(T_cw: np.ndarray, height: float, focal: float) -> SceneView:
    return SceneView(T_cw[:3, 2], 0.035, height, 0.15, focal, 0.1, np.array([0]), np.zeros((2, 1)))


def test_the_cost_grows_with_each_disagreement() -> None:
    T_cw = extrinsics(torch.tensor(0.1), torch.tensor(0.0), torch.tensor(1.5)).numpy()
    seen = replace(view(T_cw, 1.5, 0.85), feet_depth=np.array([[3.0], [4.0]]))
    up, log_height = torch.from_numpy(T_cw[None, :3, 2]), torch.tensor([1.5]).log()
    depth = torch.tensor([[[3.0], [4.0]]]).log()

    def cost(**changed: Any) -> float:
        given: dict[str, Any] = {
            "up": up,
            "log_height": log_height,
            "log_feet_depth": depth,
            "focal": torch.tensor([0.85]),
        } | changed
        return float(scene_nats(seen, **given))

    assert cost() == pytest.approx(0, abs=1e-3)
    tilted = torch.from_numpy(extrinsics(torch.tensor(0.2), torch.tensor(0.0), torch.tensor(1.5)).numpy()[None, :3, 2])
    assert cost(up=tilted) > 1
    assert cost(log_height=log_height + 0.4) > 1
    assert cost(focal=torch.tensor([1.1])) > 1
    exchanged = cost(log_feet_depth=depth.flip(1))
    assert exchanged > cost(log_feet_depth=depth + math.log(4 / 3)) > 0.5  # the order counts for more than the scale
    assert float(scene_nats(nothing_seen(2), up, log_height, depth[..., :0], torch.tensor([0.85]))) == 0


@pytest.mark.slow
def test_the_scene_corrects_the_camera_and_the_user_corrects_both(body: BodyModel) -> None:
    scene = synthetic.scene(body, frames=16)
    focal = float(scene.camera.K[0, 0]) / DIAGONAL
    truth = view(scene.camera.T_cw, 1.5, focal)
    found = estimate_camera(scene.detections, KnownCamera(), body, SilentReporter(), truth)
    pitch, roll, height = floor_from_extrinsics(torch.from_numpy(found.camera(0).T_cw)).tolist()
    assert math.degrees(pitch) == pytest.approx(math.degrees(0.1), abs=2)
    assert math.degrees(roll) == pytest.approx(0, abs=2)
    assert height == pytest.approx(1.5, rel=0.12)
    assert found.K[0, 0, 0] == pytest.approx(scene.camera.K[0, 0], rel=0.08)
    known = KnownCamera(fov=synthetic.FOV, pitch=9.0, roll=-4.0, height=1.7)
    kept = estimate_camera(scene.detections, known, body, SilentReporter(), truth)
    angles = floor_from_extrinsics(torch.from_numpy(kept.camera(0).T_cw))
    assert angles.tolist() == pytest.approx([math.radians(9), math.radians(-4), 1.7], abs=1e-4)
