"""Removes the rotation of a camera from detections: everything is brought into the camera of the middle frame."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from ..contract.skeleton import LANDMARK_INDEX
from ..perception.background import apply_homography
from ..perception.detections import Detections
from .line_of_sight import line_of_sight_rotation

_STILL = 0.01
"""Displacement of the background, in picture widths, up to which a camera counts as standing still."""
LARGEST_UNEXPLAINED = 0.03
"""`CameraRotation.unexplained` from which on a camera is said to travel or zoom."""
_EXPLAINS = 0.5
"""Part of the background's displacement that rotations may leave: a camera that travels is not made to turn instead."""
_LEAST_COSINE = 0.2
"""Of the angle between the middle frame's optical axis and the ray to a landmark; beyond it a landmark has no pixel there."""
TRUNK = [LANDMARK_INDEX[f"{side}_{part}"] for part in ("shoulder", "hip") for side in ("left", "right")]


@dataclass(frozen=True)
class CameraRotation:
    """How the camera turned through a clip."""

    rotations: Float[np.ndarray, "T 3 3"]
    """float64, from each frame's camera to that of the middle frame; all the identity where it stood still."""
    unexplained: float
    """Displacement of the background that no rotation explains, in picture widths, at the most: the camera travels or zooms."""

    @property
    def is_still(self) -> bool:
        return bool((self.rotations == np.eye(3)).all())


def estimate_camera_rotation(detections: Detections, K: Float[np.ndarray, "3 3"]) -> CameraRotation:
    """The rotations that come nearest to the background's homographies under the intrinsics K."""
    frames = len(detections.frame_index)
    still = np.broadcast_to(np.eye(3), (frames, 3, 3)).copy()
    if detections.background is None or float(detections.camera_motion.max()) < _STILL:
        return CameraRotation(still, 0.0)
    width, height = (float(size) for size in detections.image_size)
    K_widths = np.diag([1 / width, 1 / width, 1.0]) @ K
    found = np.linalg.inv(K_widths) @ detections.background.astype(np.float64) @ K_widths
    found /= np.cbrt(np.linalg.det(found))[:, None, None]
    u, _, vt = np.linalg.svd(found)
    rotations = u @ vt
    rotations[np.linalg.det(rotations) < 0] = np.eye(3)
    x, y = np.meshgrid(np.linspace(0.1, 0.9, 5), np.linspace(0.1, 0.9, 5) * height / width)
    points = np.stack([x.ravel(), y.ravel()], -1)
    homographies = K_widths @ rotations @ np.linalg.inv(K_widths)
    difference = apply_homography(homographies[:, None], points) - apply_homography(
        detections.background[:, None], points
    )
    unexplained = float(np.linalg.norm(difference, axis=-1).mean(1).max())
    if unexplained > _EXPLAINS * float(detections.camera_motion.max()):
        return CameraRotation(still, unexplained)
    return CameraRotation(rotations, unexplained)


def stabilised(detections: Detections, K: Float[np.ndarray, "3 3"], rotation: CameraRotation) -> Detections:
    """The detections as the middle frame's camera would have made them, had it seen everything."""
    if rotation.is_still:
        return detections
    R = rotation.rotations
    K = K.astype(np.float64)
    keypoints, in_front = _rotated_points(detections.keypoints, K, R)
    hands, hands_in_front = _rotated_points(detections.hands, K, R)
    keypoints[..., 2] *= in_front
    hands[..., 2] *= hands_in_front
    return replace(
        detections,
        keypoints=keypoints,
        covariance=_rotated_covariance(detections, K, R),
        hands=hands,
        world_landmarks=_rotated_crop(
            detections.world_landmarks,
            detections.keypoints[:, :, TRUNK, :2].mean(2),
            keypoints[:, :, TRUNK, :2].mean(2),
            (K, R),
        ),
        hand_landmarks=_rotated_crop(
            detections.hand_landmarks, detections.hands[..., :2].mean(3), hands[..., :2].mean(3), (K, R[:, None])
        ),
        masks=_rotated_masks(detections, K, R),
    )


def _rotated_points(points: np.ndarray, K: np.ndarray, R: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points [P,T,...,3] (px and confidence) in the middle frame's picture, and whether each is before that camera."""
    shape = (1, len(R), *[1] * (points.ndim - 3))
    homogeneous = np.concatenate([points[..., :2].astype(np.float64), np.ones_like(points[..., :1], np.float64)], -1)
    rays = homogeneous @ np.linalg.inv(K).T
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    rays = (R.reshape(*shape, 3, 3) @ rays[..., None])[..., 0]
    in_front = rays[..., 2] > _LEAST_COSINE
    rays[..., 2] = np.maximum(rays[..., 2], _LEAST_COSINE)
    rotated = points.copy()
    rotated[..., :2] = (rays / rays[..., 2:] @ K.T)[..., :2]
    return rotated, in_front


def _rotated_covariance(
    detections: Detections, K: Float[np.ndarray, "3 3"], R: Float[np.ndarray, "T 3 3"]
) -> Float[np.ndarray, "P T 33 2 2"]:
    """The covariances of the keypoints in the middle frame's picture, to first order: J C Jᵀ with the homography's Jacobian J."""
    H = (K @ R @ np.linalg.inv(K))[None, :, None]
    x = np.concatenate([detections.keypoints[..., :2], np.ones_like(detections.keypoints[..., :1])], -1)[..., None]
    rotated = H @ x.astype(np.float64)
    depth = np.maximum(rotated[..., 2:, :], _LEAST_COSINE)
    J = (H[..., :2, :2] - rotated[..., :2, :] / depth * H[..., 2:, :2]) / depth
    return (J @ detections.covariance @ np.swapaxes(J, -1, -2)).astype(np.float32)


def _rotated_crop(
    landmarks: np.ndarray, before: np.ndarray, after: np.ndarray, camera: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Metric landmarks [P,T,...,N,3], about lines of sight through `before` [P,T,...,2], as such about those through `after`."""
    K, R = camera
    to_camera, to_middle = (_line_of_sight(pixels, K) for pixels in (before, after))
    rotation = np.swapaxes(to_middle, -1, -2) @ R @ to_camera
    return (landmarks @ np.swapaxes(rotation, -1, -2)).astype(np.float32)


def _line_of_sight(pixels: np.ndarray, K: np.ndarray) -> np.ndarray:
    rotation: Tensor = line_of_sight_rotation(torch.from_numpy(pixels).double(), torch.from_numpy(K).double())
    return rotation.numpy()


def _rotated_masks(detections: Detections, K: np.ndarray, R: np.ndarray) -> UInt8[np.ndarray, "P T h w"]:
    height, width = detections.masks.shape[2:]
    scale = np.diag([width / float(detections.image_size[0]), width / float(detections.image_size[0]), 1.0])
    homographies = scale @ K @ R @ np.linalg.inv(scale @ K)
    return np.stack(
        [
            [cv2.warpPerspective(mask, H, (width, height)) for mask, H in zip(of_person, homographies)]
            for of_person in detections.masks
        ]
    )
