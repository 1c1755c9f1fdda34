"""Two people of known motion and what a 2D stage would report of them: truth for the tests of the geometry."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.body.landmarks import LandmarkRegressor, regress_landmarks
from core.body.model import BodyModel
from core.body.rotations import axis_angle_to_matrix
from core.contract.skeleton import JOINT_INDEX, LANDMARK_INDEX
from core.fitting.camera import extrinsics, intrinsics
from core.fitting.limits import relaxed_pose
from core.fitting.soles import sole_vertices
from core.motion import Camera, MotionEstimate, PairMotion, motion_from_rotations, pose
from core.observations.observe import Observations, observe
from core.perception.detections import MASK_WIDTH, Detections
from core.projection import project

WIDTH, HEIGHT, FOV = 960, 540, 54.0
HIDDEN_ARM = tuple(LANDMARK_INDEX[f"left_{part}"] for part in ("elbow", "wrist", "pinky", "index", "thumb"))


@dataclass(frozen=True)
class Scene:
    motion: PairMotion
    """In the world."""
    camera: Camera
    detections: Detections
    joints: Tensor
    """[2,T,55,3] world."""
    hidden: range
    """Frames in which the left arm of person 0 is hidden."""

    @property
    def observations(self) -> Observations:
        return observe(self.detections, intrinsics(WIDTH, HEIGHT, FOV))

    @property
    def truth(self) -> MotionEstimate:
        """In the camera's frame, nobody's feet known to stand."""
        people, frames = self.motion.pelvis.shape[:2]
        foot_contact = np.zeros((people, frames, 2), np.float32)
        return MotionEstimate(self.motion.transformed(self.camera.T_cw), self.camera, foot_contact)


def scene(body: BodyModel, frames: int = 40, apart: float = 0.9, seed: int = 0, roll: float = 0.0) -> Scene:
    """Two people who stand at different depths and move trunk and arms, seen by a camera that looks a little down."""
    draw = torch.Generator().manual_seed(seed)
    time = torch.arange(frames) / 25
    rotations, pelvis = _motion(time, apart, draw)
    betas = torch.zeros(2, 16)
    betas[0, 0], betas[1, 0] = 0.8, -0.8
    soles = pose(body, rotations, pelvis, betas).skin(body.subset(sole_vertices(body).flatten()))
    pelvis[..., 2] -= soles[..., 2].amin(-1)
    posed = pose(body, rotations, pelvis, betas)

    regressor = LandmarkRegressor.for_body(body)
    points = regress_landmarks(regressor, posed.joints, posed.skin(body.subset(regressor.vertices)))
    K = torch.from_numpy(intrinsics(WIDTH, HEIGHT, FOV)).float()
    world = extrinsics(torch.tensor(0.1), torch.tensor(roll), torch.tensor(1.5))
    pixels, _ = project(points, K, world)
    pixels = pixels + 1.5 * torch.randn(pixels.shape, generator=draw)
    confidence = torch.full(pixels.shape[:3], 0.95)
    hidden = range(frames // 3, frames // 2)
    for landmark in HIDDEN_ARM:
        pixels[0, hidden.start : hidden.stop, landmark] += 60 * torch.randn(len(hidden), 2, generator=draw)
        confidence[0, hidden.start : hidden.stop, landmark] = 0.05
    hips = points[:, :, [LANDMARK_INDEX["left_hip"], LANDMARK_INDEX["right_hip"]]].mean(2, keepdim=True)
    metric = (points - hips) @ world[:3, :3].T
    metric = metric + 0.02 * torch.randn(metric.shape, generator=draw)
    detections = Detections(
        frame_index=np.arange(100, 100 + frames, dtype=np.int32),
        time=time.double().numpy(),
        image_size=np.array([WIDTH, HEIGHT], np.int32),
        keypoints=torch.cat([pixels, confidence[..., None]], -1).numpy(),
        covariance=np.tile(np.eye(2, dtype=np.float32), (2, frames, 33, 1, 1)),
        world_landmarks=metric.numpy(),
        found=np.ones((2, frames), bool),
        hands=np.zeros((2, frames, 2, 21, 3), np.float32),
        hand_landmarks=np.zeros((2, frames, 2, 21, 3), np.float32),
        masks=np.zeros((2, frames, MASK_WIDTH * HEIGHT // WIDTH, MASK_WIDTH), np.uint8),
        track_ids=np.array([0, 1], np.int32),
        camera_motion=np.zeros(frames, np.float32),
    )
    camera = Camera(K.double().numpy(), world.double().numpy())
    return Scene(motion_from_rotations(rotations, pelvis, betas), camera, detections, posed.joints, hidden)


def _motion(time: Tensor, apart: float, draw: torch.Generator) -> tuple[Tensor, Tensor]:
    angles = torch.zeros(2, len(time), 55, 3)
    angles[:, :, 1:22] = relaxed_pose()
    swing = torch.zeros(22, 3)
    for side in ("left", "right"):
        swing[JOINT_INDEX[f"{side}_shoulder"]] = torch.tensor([0.1, 0.4, 0.4])
    swing[JOINT_INDEX["spine2"]] = torch.tensor([0.1, 0.1, 0.05])
    swing[JOINT_INDEX["head"]] = torch.tensor([0.15, 0.3, 0.1])
    phase = 2 * math.pi * torch.rand(2, 1, 22, 3, generator=draw)
    pace = 0.2 + 0.4 * torch.rand(2, 1, 22, 3, generator=draw)
    wave = torch.sin(2 * math.pi * pace * time[None, :, None, None] + phase)
    angles[:, :, :22] += swing * wave
    for side, sign in (("left", -1), ("right", 1)):
        bend = 0.6 + 0.5 * torch.sin(2 * math.pi * 0.4 * time)
        angles[:, :, JOINT_INDEX[f"{side}_elbow"], 1] = sign * bend
    rotations = axis_angle_to_matrix(angles)
    upright = axis_angle_to_matrix(torch.tensor([math.pi / 2, 0, 0]))
    pelvis = torch.zeros(2, len(time), 3)
    for person, (heading, side, depth) in enumerate(((1.2, -0.5, 3.5), (-1.0, 0.5, 3.8))):
        heading_turn = axis_angle_to_matrix(torch.tensor([0.0, 0.0, heading]))
        rotations[person, :, 0] = heading_turn @ upright @ rotations[person, :, 0]
        pelvis[person, :, 0] = side * apart
        pelvis[person, :, 1] = depth
    return rotations, pelvis
