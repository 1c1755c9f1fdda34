"""Occlusion and masks against rays cast on the whole skin, and in scenes with an obvious answer."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from core.body.files import load_body
from core.body.model import BodyModel
from core.contract.skeleton import JOINT_INDEX, LANDMARK_INDEX
from core.motion import Camera, PairMotion, pose_motion
from core.transforms import transform_points
from lab.evaluation.benchmark_clip import OCCLUDED, TRUNCATED, VISIBLE
from lab.evaluation.occlusion.projection import ProjectedClip, project_clip
from lab.evaluation.sample_truth import load_truth
from lab.paths import SAMPLES
from lab.rendering.cameras import look_at

SIZE = (960, 540)
FOCAL = 900.0
K = np.array([[FOCAL, 0, SIZE[0] / 2], [0, FOCAL, SIZE[1] / 2], [0, 0, 1]])


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body(None)


def standing(first: tuple[float, float], second: tuple[float, float]) -> PairMotion:
    """Two people at (x, y), in the rest pose (arms to the sides), who face -Y; one frame."""
    zeros = {item.name: np.zeros((2, 1, 3), np.float32) for item in fields(PairMotion)}
    zeros |= {"body_pose": np.zeros((2, 1, 21, 3), np.float32), "betas": np.zeros((2, 16), np.float32)}
    zeros |= {f"{side}_hand_pose": np.zeros((2, 1, 15, 3), np.float32) for side in ("left", "right")}
    zeros["global_orient"][..., 0] = np.pi / 2
    zeros["pelvis"] = np.array([[(x, y, 0.93)] for x, y in (first, second)], np.float32)
    return PairMotion(**zeros)


def in_front(distance: float, height: float = 1.0) -> Camera:
    """It looks along +Y from y = -distance."""
    return Camera(K, np.array([[1.0, 0, 0, 0], [0, 0, -1, height], [0, 1, 0, distance], [0, 0, 0, 1]]))


def behind(distance: float) -> Camera:
    """It looks along -Y from y = distance."""
    return Camera(K, np.array([[-1.0, 0, 0, 0], [0, 0, -1, 1], [0, -1, 0, distance], [0, 0, 0, 1]]))


def project(body: BodyModel, motion: PairMotion, camera: Camera) -> ProjectedClip:
    return project_clip(motion, (body, body), camera, SIZE)


def test_a_person_behind_another_is_occluded_and_the_one_in_front_is_visible(body: BodyModel):
    projected = project(body, standing((0, 0), (0, 1.0)), in_front(6))
    assert (projected.joint_visibility[0] == VISIBLE).all()
    trunk = [JOINT_INDEX[name] for name in ("pelvis", "spine1", "spine2", "spine3")]
    assert (projected.joint_visibility[1, 0, trunk] == OCCLUDED).all()
    assert (projected.front_fraction[:, 0] == (1, 0)).all()
    assert projected.masks[0].astype(int).sum() > 3 * projected.masks[1].astype(int).sum()


def test_people_side_by_side_are_visible(body: BodyModel):
    projected = project(body, standing((-1.0, 0), (1.0, 0)), in_front(6))
    assert (projected.joint_visibility == VISIBLE).all()
    assert (projected.front_fraction == 0.5).all()


def test_joints_outside_the_image_are_truncated(body: BodyModel):
    projected = project(body, standing((-1.0, 0), (1.0, 0)), in_front(3, height=1.6))
    feet = [JOINT_INDEX[name] for name in ("left_ankle", "right_ankle", "left_foot", "right_foot")]
    assert (projected.joint_visibility[:, 0, feet] == TRUNCATED).all()
    assert (projected.joint_visibility[:, 0, JOINT_INDEX["head"]] == VISIBLE).all()
    assert (projected.landmark_visibility[:, 0, LANDMARK_INDEX["nose"]] == VISIBLE).all()


def test_from_behind_the_face_is_self_occluded_but_counts_as_visible(body: BodyModel):
    projected = project(body, standing((-1.0, 0), (1.0, 0)), behind(6))
    face = [LANDMARK_INDEX[name] for name in ("nose", "left_eye", "right_eye", "mouth_left")]
    assert projected.self_occluded[:, 0, face].all()
    assert (projected.landmark_visibility[:, 0, face] == VISIBLE).all()
    assert not projected.self_occluded[:, 0, LANDMARK_INDEX["left_elbow"]].any()


def test_the_height_is_that_of_a_standing_person_in_pixels(body: BodyModel):
    projected = project(body, standing((-1.0, 0), (1.0, 2.0)), in_front(6))
    stature = float(np.ptp(body.v_template.numpy()[:, 1]))
    np.testing.assert_allclose(projected.height_px[:, 0], [FOCAL * stature / 6, FOCAL * stature / 8], rtol=0.01)


def test_hands_go_from_the_wrist_to_the_fingertips(body: BodyModel):
    projected = project(body, standing((-1.0, 0), (1.0, 0)), in_front(6))
    for hand, outwards in ((0, 1), (1, -1)):  # the person's left is to the right in the image
        finger = projected.hand_landmarks_incam[:, 0, hand][:, [0, 9, 10, 11, 12]]
        assert (np.diff(finger[..., 0], axis=1) * outwards > 0.01).all()
        length = np.linalg.norm(finger[:, -1] - finger[:, 0], axis=-1)
        assert ((length > 0.14) & (length < 0.23)).all()


@pytest.mark.slow
def test_occlusion_agrees_with_rays_on_the_whole_skin(body: BodyModel):
    """The sample from one person's side, so that one is in front of the other."""
    truth = load_truth(SAMPLES / "handshake_hug_truth.npz", SAMPLES / "handshake_hug_contacts.json")
    motion = truth.motion.frames(slice(10, 130, 40))
    camera = Camera(K, look_at(np.array([-4.2, -1.0, 1.4]), np.array([0.0, 0.0, 0.95])))
    posed = pose_motion(body, motion)
    skin = transform_points(camera.T_cw, posed.skin(body).numpy())
    joints = transform_points(camera.T_cw, posed.joints[:, :, :22].numpy())
    expected = np.zeros((2, motion.pelvis.shape[1], 22), bool)
    is_unanimous = np.zeros_like(expected)
    probes = 0.02 * np.array([(0, 0, 0), (1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0)])
    for person in (0, 1):
        for frame in range(expected.shape[1]):
            points = (joints[person, frame, :, None] + probes).reshape(-1, 3)
            triangles = skin[1 - person, frame][body.faces.numpy()]
            depth = ray_depths(points / points[:, 2:], triangles).reshape(22, 5)
            count = (depth < joints[person, frame, :, None, 2] - 0.02).sum(1)
            expected[person, frame], is_unanimous[person, frame] = count >= 3, (count == 0) | (count == 5)
    assert 0.05 < expected.mean() < 0.6
    occluded = project(body, motion, camera).joint_visibility == OCCLUDED
    assert (occluded == expected)[is_unanimous].mean() > 0.99
    assert (occluded == expected).mean() > 0.97


def ray_depths(rays: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Depths [N] at which rays [N,3] with z = 1 from the origin first meet triangles [F,3,3] (Moeller and Trumbore, 1997)."""
    flat = triangles[..., :2] / triangles[..., 2:]
    low, high = flat.min(1), flat.max(1)
    found = np.full(len(rays), np.inf)
    for index, ray in enumerate(rays):
        near = triangles[((low <= ray[:2]) & (high >= ray[:2])).all(1)]
        if not len(near):
            continue
        first, second = near[:, 1] - near[:, 0], near[:, 2] - near[:, 0]
        normal = np.cross(ray, second)
        determinant = (first * normal).sum(1)
        with np.errstate(divide="ignore", invalid="ignore"):
            u = (-near[:, 0] * normal).sum(1) / determinant
            q = np.cross(-near[:, 0], first)
            v = (q @ ray) / determinant
            depth = (second * q).sum(1) / determinant
        hit = (u >= 0) & (v >= 0) & (u + v <= 1) & (depth > 0)
        found[index] = depth[hit].min() if hit.any() else np.inf
    return found
