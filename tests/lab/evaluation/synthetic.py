"""A clip of two made-up people, and what a 2D stage without any error would see of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from core.body.landmarks import LandmarkRegressor, regress_landmarks
from core.body.model import BodyModel
from core.contract.contact import Contact
from core.contract.skeleton import LANDMARK_INDEX
from core.fitting.camera import extrinsics, intrinsics
from core.motion import Camera, PairMotion, pose_motion
from core.observations.line_of_sight import line_of_sight_rotation
from core.perception.detections import MASK_WIDTH, Detections
from core.projection import project
from lab.evaluation.benchmark_clip import BenchmarkClip, Estimate, GroundTruth
from tests.core.conftest import made_up_motion

SIZE = (960, 540)
TRUNK = [LANDMARK_INDEX[f"{side}_{part}"] for part in ("shoulder", "hip") for side in ("left", "right")]
HIPS = [LANDMARK_INDEX["left_hip"], LANDMARK_INDEX["right_hip"]]


def camera() -> Camera:
    """1.4 m over the floor, looking down a little, the people four metres before it."""
    pitch, roll, height = (torch.tensor(value, dtype=torch.float64) for value in (0.05, 0.0, 1.4))
    return Camera(intrinsics(*SIZE, None), extrinsics(pitch, roll, height).numpy())


def pair(frames: int = 12) -> PairMotion:
    """Mean bodies, upright, side by side before the camera, a metre apart, moving their limbs a little."""
    motion = made_up_motion(frames)
    upright = np.zeros_like(motion.global_orient)
    upright[..., 0] = np.pi / 2
    return replace(
        motion,
        global_orient=upright,
        body_pose=0.3 * motion.body_pose,
        pelvis=motion.pelvis + np.array([-0.5, 4.0, 0.0], np.float32),
        betas=np.zeros_like(motion.betas),
        left_hand_pose=np.zeros_like(motion.left_hand_pose),
        right_hand_pose=np.zeros_like(motion.right_hand_pose),
    )


def perfect_detections(motion: PairMotion, body: BodyModel) -> Detections:
    """Landmarks where they are, in the picture and in metres, all of them sure; nobody hides anybody."""
    view, regressor = camera(), LandmarkRegressor.for_body(body)
    K, world = (torch.as_tensor(matrix, dtype=torch.float32) for matrix in (view.K, view.T_cw))
    posed = pose_motion(body, motion)
    points = regress_landmarks(regressor, posed.joints, posed.skin(body.subset(regressor.vertices)))
    pixels, _ = project(points, K, world)
    seen = (points - points[:, :, HIPS].mean(2, keepdim=True)) @ world[:3, :3].T
    metric = seen @ line_of_sight_rotation(pixels[:, :, TRUNK].mean(2), K)
    people, frames = motion.pelvis.shape[:2]
    sure = torch.full((*pixels.shape[:3], 1), 0.99)
    return Detections(
        frame_index=np.arange(frames, dtype=np.int32),
        time=np.arange(frames) / 30,
        image_size=np.array(SIZE, np.int32),
        keypoints=torch.cat([pixels, sure], -1).numpy(),
        covariance=np.tile(np.eye(2, dtype=np.float32), (people, frames, 33, 1, 1)),
        world_landmarks=metric.numpy(),
        found=np.ones((people, frames), bool),
        hands=np.zeros((people, frames, 2, 21, 3), np.float32),
        hand_landmarks=np.zeros((people, frames, 2, 21, 3), np.float32),
        masks=np.zeros((people, frames, 90, MASK_WIDTH), np.uint8),
        track_ids=np.arange(people, dtype=np.int32),
        camera_motion=np.zeros(frames, np.float32),
    )


def synthetic_clip(
    body: BodyModel, frames: int = 12, contacts: tuple[Contact, ...] = (), name: str = "made-up"
) -> BenchmarkClip:
    motion = pair(frames)
    truth = GroundTruth(
        motion=motion,
        bodies=(body, body),
        joints=pose_motion(body, motion).joints.numpy(),
        foot_contact=np.zeros((2, frames, 2), bool),
        contacts=contacts,
        camera=camera(),
        visibility=np.zeros((2, frames, 22), np.uint8),
    )
    return BenchmarkClip(name, "family", truth, perfect_detections(motion, body), ("They shake hands.",))


def perfect_estimate(shot: BenchmarkClip) -> Estimate:
    return Estimate(shot.truth.motion, shot.truth.camera, shot.truth.contacts, {"guess": 0.5})


def swapped(motion: PairMotion) -> PairMotion:
    """The same with the two people numbered the other way."""
    return PairMotion(**{name: value[[1, 0]] for name, value in vars(motion).items()})
