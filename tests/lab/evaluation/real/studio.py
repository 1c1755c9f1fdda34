"""A synthetic studio: a man and a woman with known motion in front of four calibrated cameras, detected without errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch

from core.body.files import load_body
from core.contract.skeleton import LANDMARK_INDEX
from core.motion import Camera, PairMotion
from core.perception.detections import Detections
from core.reporting import SilentReporter
from core.transforms import transform_points
from lab.evaluation.benchmark_clip import Estimate, Method
from lab.evaluation.perception_cache import CachedDetections, PerceptionCache
from lab.evaluation.real.limbs import fitted_landmarks

FRAMES, RATE, SIZE = 10, 50.0, (600, 800)
FOCAL = 1000.0
DISTANCE, HEIGHT = 5.0, 1.2
MATRIX = np.array([[FOCAL, 0, SIZE[0] / 2], [0, FOCAL, SIZE[1] / 2], [0, 0, 1]])


def standing(frames: int = FRAMES) -> PairMotion:
    """The man in the middle and a woman two metres to his side; both move an arm."""
    orient = np.zeros((2, frames, 3), np.float32)
    orient[..., 0] = np.pi / 2
    pose = np.zeros((2, frames, 21, 3), np.float32)
    pose[:, :, 17, 1] = np.linspace(0.2, 0.25, frames)
    pelvis = np.zeros((2, frames, 3), np.float32)
    pelvis[..., 2] = 0.93
    pelvis[1, :, 0] = 2.0
    fingers = np.zeros((2, frames, 15, 3), np.float32)
    return PairMotion(orient, pose, fingers, fingers, pelvis, np.zeros((2, 16), np.float32))


def camera_matrix(angle: float) -> np.ndarray:
    """World -> camera of a level camera that looks at the middle from DISTANCE."""
    forward = np.array([np.cos(angle), np.sin(angle), 0.0])
    rotation = np.stack([np.cross(forward, [0, 0, 1.0]), [0, 0, -1.0], forward])
    T_cw = np.eye(4)
    T_cw[:3, :3] = rotation
    T_cw[:3, 3] = -rotation @ (np.array([0, 0, HEIGHT]) - DISTANCE * forward)
    return T_cw


CAMERAS = [camera_matrix(angle) for angle in np.radians([90, 180, 270, 0])]
"""World -> camera [4,4]."""


def calibration() -> str:
    """A Qualisys file: millimetres, 64ths of a pixel, axes of cameras that look along -z with y up."""
    cameras = []
    for T_cw in CAMERAS:
        rotation = np.diag([1.0, -1.0, -1.0]) @ T_cw[:3, :3]
        position = -T_cw[:3, :3].T @ T_cw[:3, 3] * 1000
        numbers = {f"r{row + 1}{column + 1}": rotation[row, column] for row in range(3) for column in range(3)}
        numbers |= dict(zip("xyz", position))
        transform = " ".join(f'{name}="{value}"' for name, value in numbers.items())
        lens = (
            f'focalLengthU="{64 * FOCAL}" focalLengthV="{64 * FOCAL}" centerPointU="{32 * SIZE[0]}" '
            f'centerPointV="{32 * SIZE[1]}" radialDistortion1="0" radialDistortion2="0" tangentalDistortion1="0" '
            'tangentalDistortion2="0"'
        )
        cameras.append(f"<camera><transform {transform}/><intrinsic {lens}/></camera>")
    return f"<calibration><cameras>{''.join(cameras)}</cameras></calibration>"


def detections_in(T_cw: np.ndarray, people: tuple[int, ...]) -> Detections:
    """Detections without errors of some of the two people."""
    points = transform_points(T_cw, fitted_landmarks(standing(), load_body(None))[list(people)])
    pixels = points[..., :2] / points[..., 2:] @ MATRIX[:2, :2].T + MATRIX[:2, 2]
    hips = points[:, :, [LANDMARK_INDEX["left_hip"], LANDMARK_INDEX["right_hip"]]].mean(2, keepdims=True)
    count = len(people)
    return Detections(
        frame_index=np.arange(FRAMES, dtype=np.int32),
        time=np.arange(FRAMES) / RATE,
        image_size=np.array(SIZE, np.int32),
        keypoints=np.concatenate([pixels, np.ones((*pixels.shape[:-1], 1))], -1).astype(np.float32),
        covariance=np.tile(np.eye(2, dtype=np.float32), (count, FRAMES, 33, 1, 1)),
        world_landmarks=(points - hips).astype(np.float32),
        found=np.ones((count, FRAMES), bool),
        hands=np.zeros((count, FRAMES, 2, 21, 3), np.float32),
        hand_landmarks=np.zeros((count, FRAMES, 2, 21, 3), np.float32),
        masks=np.zeros((count, FRAMES, 213, 160), np.uint8),
        track_ids=np.arange(count, dtype=np.int32),
        camera_motion=np.zeros(FRAMES, np.float32),
    )


class PerfectPerception(PerceptionCache):
    """Detects both people without errors, the woman first, in the camera whose number ends the video's name, or the first."""

    def detect_two(self, path: Path, frames: tuple[int, int] | None = None) -> CachedDetections:
        number = int(path.stem[-1]) - 1 if path.stem[-1].isdigit() else 0
        return CachedDetections(detections_in(CAMERAS[number], (1, 0)), 1.5)

    def detect_everyone(self, path: Path, frames: tuple[int, int] | None = None) -> CachedDetections:
        """The woman with less confidence: the man is the person whom the cameras agree on best."""
        found = self.detect_two(path)
        keypoints = found.detections.keypoints.copy()
        keypoints[0, ..., 2] = 0.6
        return replace(found, detections=replace(found.detections, keypoints=keypoints))


def perfect_perception(folder: Path) -> PerfectPerception:
    return PerfectPerception(folder / "cache", torch.device("cpu"), SilentReporter())


def oracle(change: Callable[[PairMotion], PairMotion] = lambda motion: motion) -> Method:
    """A method that knows the motion, changed, and the camera; it numbers people as the detections do."""

    def method(detections: Detections, body: object, **_: object) -> Estimate:
        error = [np.abs(detections_in(T_cw, (1, 0)).keypoints - detections.keypoints).max() for T_cw in CAMERAS]
        motion = change(standing()).along("P", [1, 0])
        return Estimate(motion, Camera(MATRIX, CAMERAS[int(np.argmin(error))]), (), {"oracle": 2.0})

    return method


def write_video(path: Path) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), RATE, SIZE)
    for _ in range(FRAMES):
        writer.write(np.zeros((SIZE[1], SIZE[0], 3), np.uint8))
    writer.release()


def make_studio(folder: Path) -> Path:
    """A folder with the calibrated views and another video of two people."""
    views = folder / "views"
    views.mkdir()
    (views / "Calib.qca.txt").write_text(calibration())
    write_video(folder / "dance.mp4")
    return folder
