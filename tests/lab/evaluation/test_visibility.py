"""What is hidden and what the masks show, against rays cast on the whole skin and against scenes that speak for themselves."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from core.body.files import load_body
from core.body.model import BodyModel
from core.contract.files import read_npz
from core.contract.skeleton import JOINT_INDEX, LANDMARK_INDEX
from core.motion import Camera, PairMotion, pose_motion
from lab.evaluation.benchmark_clip import OCCLUDED, TRUNCATED, VISIBLE
from lab.evaluation.occlusion.projection import project_clip

SAMPLE = Path(__file__).resolve().parents[3] / "samples" / "handshake_hug_truth.npz"
SIZE = (960, 540)


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body(None)


def standing(places: list[tuple[float, float]]) -> PairMotion:
    """Two people in the rest pose (arms to the sides) who face -Y, one frame."""
    zeros = {item.name: np.zeros((2, 1, 3), np.float32) for item in fields(PairMotion)}
    zeros |= {"body_pose": np.zeros((2, 1, 21, 3), np.float32), "betas": np.zeros((2, 16), np.float32)}
    zeros |= {f"{side}_hand_pose": np.zeros((2, 1, 15, 3), np.float32) for side in ("left", "right")}
    zeros["global_orient"][..., 0] = np.pi / 2
    zeros["pelvis"] = np.array([[(x, y, 0.93)] for x, y in places], np.float32)
    return PairMotion(**zeros)


def camera_at(distance: float, height: float = 1.0, focal: float = 900.0) -> Camera:
    """It looks along +Y from y = -distance."""
    world = np.array([[1.0, 0, 0, 0], [0, 0, -1, height], [0, 1, 0, distance], [0, 0, 0, 1]])
    return Camera(np.array([[focal, 0, SIZE[0] / 2], [0, focal, SIZE[1] / 2], [0, 0, 1]]), world)


def test_who_stands_behind_somebody_is_hidden_and_the_one_before_is_seen(body: BodyModel) -> None:
    sight = project_clip(standing([(0, 0), (0, 1.0)]), (body, body), camera_at(6), SIZE)
    assert (sight.joint_visibility[0] == VISIBLE).all()
    trunk = [JOINT_INDEX[name] for name in ("pelvis", "spine1", "spine2", "spine3")]
    assert (sight.joint_visibility[1, 0, trunk] == OCCLUDED).all()
    assert (sight.front_fraction[:, 0] == (1, 0)).all()
    assert sight.masks[0].astype(int).sum() > 3 * sight.masks[1].astype(int).sum()


def test_people_side_by_side_are_seen_whole(body: BodyModel) -> None:
    sight = project_clip(standing([(-1.0, 0), (1.0, 0)]), (body, body), camera_at(6), SIZE)
    assert (sight.joint_visibility == VISIBLE).all()
    assert (sight.front_fraction == 0.5).all()


def test_what_leaves_the_picture_is_outside(body: BodyModel) -> None:
    sight = project_clip(standing([(-1.0, 0), (1.0, 0)]), (body, body), camera_at(3, height=1.6), SIZE)
    feet = [JOINT_INDEX[name] for name in ("left_ankle", "right_ankle", "left_foot", "right_foot")]
    assert (sight.joint_visibility[:, 0, feet] == TRUNCATED).all()
    assert (sight.joint_visibility[:, 0, JOINT_INDEX["head"]] == VISIBLE).all()
    assert (sight.landmark_visibility[:, 0, LANDMARK_INDEX["nose"]] == VISIBLE).all()


def test_a_face_seen_from_behind_is_hidden_by_the_head_and_still_counts_as_seen(body: BodyModel) -> None:
    sight = project_clip(standing([(-1.0, 0), (1.0, 0)]), (body, body), behind(6), SIZE)
    face = [LANDMARK_INDEX[name] for name in ("nose", "left_eye", "right_eye", "mouth_left")]
    assert sight.self_occluded[:, 0, face].all()
    assert (sight.landmark_visibility[:, 0, face] == VISIBLE).all()
    assert not sight.self_occluded[:, 0, LANDMARK_INDEX["left_elbow"]].any()


def behind(distance: float) -> Camera:
    world = np.array([[-1.0, 0, 0, 0], [0, 0, -1, 1], [0, -1, 0, distance], [0, 0, 0, 1]])
    return Camera(camera_at(1).K, world)


def test_size_is_a_standing_persons_height_in_pixels(body: BodyModel) -> None:
    sight = project_clip(standing([(-1.0, 0), (1.0, 2.0)]), (body, body), camera_at(6), SIZE)
    tall = float(np.ptp(body.v_template.numpy()[:, 1]))
    np.testing.assert_allclose(sight.height_px[:, 0], [900 * tall / 6, 900 * tall / 8], rtol=0.01)


@pytest.fixture(scope="module")
def sample() -> tuple[PairMotion, Camera]:
    arrays = read_npz(SAMPLE)
    frames = slice(10, 130, 40)
    motion = {item.name: arrays[item.name][:, frames] for item in fields(PairMotion) if item.name != "betas"}
    # from one person's side, so that one is before the other
    place, target = np.array([-4.2, -1.0, 1.4]), np.array([0.0, 0.0, 0.95])
    forward = (target - place) / np.linalg.norm(target - place)
    right = np.cross(forward, (0, 0, 1)) / np.linalg.norm(np.cross(forward, (0, 0, 1)))
    world = np.eye(4)
    world[:3, :3] = np.stack([right, np.cross(forward, right), forward])
    world[:3, 3] = -world[:3, :3] @ place
    return PairMotion(**motion, betas=arrays["betas"]), Camera(camera_at(1).K, world)


def test_agrees_with_rays_on_the_whole_skin(body: BodyModel, sample: tuple[PairMotion, Camera]) -> None:
    motion, camera = sample
    sight = project_clip(motion, (body, body), camera, SIZE)
    posed = pose_motion(body, motion)
    turn, shift = camera.T_cw[:3, :3], camera.T_cw[:3, 3]
    skin = posed.skin(body).numpy() @ turn.T + shift
    joints = posed.joints[:, :, :22].numpy() @ turn.T + shift
    faces = body.faces.numpy()
    expected = np.zeros((2, motion.pelvis.shape[1], 22), bool)
    sure = np.zeros_like(expected)
    for person in (0, 1):
        for frame in range(expected.shape[1]):
            around = joints[person, frame, :, None] + 0.02 * np.array(
                [(0, 0, 0), (1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0)]
            )
            triangles = skin[1 - person, frame][faces]
            limits = bounds(triangles)
            depth = np.array([first_hit(ray / ray[2], triangles, *limits) for ray in around.reshape(-1, 3)])
            covered = (depth.reshape(22, 5) < joints[person, frame, :, None, 2] - 0.02).sum(1)
            expected[person, frame], sure[person, frame] = covered >= 3, (covered == 0) | (covered == 5)
    assert 0.05 < expected.mean() < 0.6
    found = sight.joint_visibility == OCCLUDED
    assert (found == expected)[sure].mean() > 0.99
    assert (found == expected).mean() > 0.97


def bounds(triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    flat = triangles[..., :2] / triangles[..., 2:]
    return flat.min(1), flat.max(1)


def first_hit(ray: np.ndarray, triangles: np.ndarray, low: np.ndarray, high: np.ndarray) -> float:
    """Depth at which a ray [3] with z = 1 from the origin first meets triangles [F,3,3] (Moeller and Trumbore, 1997)."""
    near = triangles[((low <= ray[:2]) & (high >= ray[:2])).all(1)]
    if not len(near):
        return np.inf
    first, second = near[:, 1] - near[:, 0], near[:, 2] - near[:, 0]
    across = np.cross(ray, second)
    size = (first * across).sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        u = (-near[:, 0] * across).sum(1) / size
        along = np.cross(-near[:, 0], first)
        v = (along @ ray) / size
        depth = (second * along).sum(1) / size
    hit = (u >= 0) & (v >= 0) & (u + v <= 1) & (depth > 0)
    return float(depth[hit].min()) if hit.any() else np.inf


def test_hands_point_from_the_wrist_to_the_fingers_tips(body: BodyModel) -> None:
    sight = project_clip(standing([(-1.0, 0), (1.0, 0)]), (body, body), camera_at(6), SIZE)
    for hand, outwards in ((0, 1), (1, -1)):  # they face the camera: their left is on our right, arms to the sides
        fingers = sight.hand_landmarks_incam[:, 0, hand][:, [0, 9, 10, 11, 12]]
        assert (np.diff(fingers[..., 0], axis=1) * outwards > 0.01).all()
        length = np.linalg.norm(fingers[:, -1] - fingers[:, 0], axis=-1)
        assert ((length > 0.14) & (length < 0.23)).all()
