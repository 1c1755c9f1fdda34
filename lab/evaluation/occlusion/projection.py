"""Two people whose motion is known, projected into a camera: landmarks, hands, masks, and which joints are occluded by whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8

from core.body.landmarks import regress_landmarks
from core.body.model import BodyModel
from core.contract.skeleton import JOINT_INDEX
from core.motion import BODY_COUNT, Camera, PairMotion, pose_motion
from core.records import Record
from core.transforms import transform_points

from ..benchmark_clip import OCCLUDED, TRUNCATED, VISIBLE
from .coarse_mesh import FINGERS, CoarseBody, coarse_body
from .depth_buffer import NEAR, DepthBuffer, ProjectedPoints, front_fractions, project_points

FINGER_POINTS = 21
"""Landmarks of the hand network: the wrist, and four for each finger."""


@dataclass(frozen=True)
class ProjectedClip(Record):
    """P = 2 people, T frames. The camera's frame: x right, y down, z forward, metres. All floats are float32."""

    joint_visibility: UInt8[np.ndarray, "P T 22"]
    """VISIBLE, OCCLUDED or TRUNCATED."""
    landmark_visibility: UInt8[np.ndarray, "P T 33"]
    """The same of the detector's landmarks."""
    self_occluded: Bool[np.ndarray, "P T 33"]
    """Landmarks that the person's own body occludes."""
    front_fraction: Float[np.ndarray, "P T"]
    """Of the area that both people cover, the share in which the person is in front; 0.5 where there is none."""
    landmarks_incam: Float[np.ndarray, "P T 33 3"]
    landmarks_px: Float[np.ndarray, "P T 33 2"]
    hand_landmarks_incam: Float[np.ndarray, "P T 2 21 3"]
    """Left hand, then right, in the order of the hand network."""
    masks: UInt8[np.ndarray, "P T h w"]
    """0-255, the visible part of each person; MASK_WIDTH px wide."""
    height_px: Float[np.ndarray, "P T"]
    """px that the person would be tall in the image, standing upright at the pelvis' depth."""


def project_clip(
    motion: PairMotion, bodies: Sequence[BodyModel], camera: Camera, image_size: Sequence[int], every: int = 1
) -> ProjectedClip:
    """Project two people, each with a body of their own, into images of (width, height) px.

    Masks and occlusion, which take most of the time, are computed in every `every`-th frame and copied to the frames around it.
    """
    people = [_pose_person(motion.person(number), body, camera) for number, body in enumerate(bodies)]
    buffer = DepthBuffer.for_image(image_size)
    flesh = np.array([np.concatenate([p.coarse.joint_depth, p.coarse.landmark_depth]) for p in people])
    points = np.stack([np.concatenate([p.joints, p.landmarks], 1) for p in people])
    pixels = project_points(points, camera.K)
    count, focal = points.shape[1], float(camera.K[0, 0])
    frames = np.arange((every - 1) // 2, count, every) if count >= every else np.arange(count)
    masks, occlusion, front = [], [], []
    for frame in frames:
        depths = np.stack([buffer.draw(p.vertices[frame], p.coarse.faces, camera.K) for p in people])
        masks.append(buffer.masks(depths))
        occlusion.append(buffer.occlusion(depths, ProjectedPoints(points[:, frame], pixels[:, frame], flesh, focal)))
        front.append(front_fractions(depths))
    nearest = np.abs(np.arange(count)[:, None] - frames).argmin(1)
    by_other, by_self, outside = (np.stack([each[kind] for each in occlusion], 1)[:, nearest] for kind in range(3))
    visibility = np.where(outside, TRUNCATED, np.where(by_other, OCCLUDED, VISIBLE)).astype(np.uint8)
    pelvis_depth = np.stack([p.joints[:, 0, 2] for p in people])
    stature = np.array([p.stature for p in people])
    return ProjectedClip(
        joint_visibility=visibility[..., :BODY_COUNT],
        landmark_visibility=visibility[..., BODY_COUNT:],
        self_occluded=by_self[..., BODY_COUNT:],
        front_fraction=np.stack(front, 1)[:, nearest].astype(np.float32),
        landmarks_incam=points[:, :, BODY_COUNT:].astype(np.float32),
        landmarks_px=pixels[:, :, BODY_COUNT:].astype(np.float32),
        hand_landmarks_incam=np.stack([p.hands for p in people]).astype(np.float32),
        masks=np.stack(masks, 1)[:, nearest],
        height_px=(camera.K[1, 1] * stature[:, None] / np.maximum(pelvis_depth, NEAR)).astype(np.float32),
    )


@dataclass(frozen=True)
class _PosedPerson:
    """One person in the camera's frame, float64."""

    coarse: CoarseBody
    vertices: Float[np.ndarray, "T V 3"]
    """Of the coarse mesh."""
    joints: Float[np.ndarray, "T 22 3"]
    landmarks: Float[np.ndarray, "T 33 3"]
    hands: Float[np.ndarray, "T 2 21 3"]
    stature: float
    """metres"""


def _pose_person(motion: PairMotion, body: BodyModel, camera: Camera) -> _PosedPerson:
    coarse = coarse_body(body)
    posed = pose_motion(coarse.body, motion)
    skin = posed.skin(coarse.body)
    landmarks = regress_landmarks(coarse.regressor, posed.joints, skin[:, :, coarse.regressor.vertices])[0]
    joints, vertices, points = (
        transform_points(camera.T_cw, tensor.cpu().double().numpy()) for tensor in (posed.joints[0], skin[0], landmarks)
    )
    return _PosedPerson(
        coarse=coarse,
        vertices=vertices[:, : coarse.count],
        joints=joints[:, :BODY_COUNT],
        landmarks=points,
        hands=_hand_landmarks(joints, vertices, coarse.fingertips),
        stature=coarse.stature * (1 + _relative_height(coarse.body, motion.betas[0])),
    )


def _relative_height(body: BodyModel, betas: np.ndarray) -> float:
    """How much taller than the mean shape a person is, as a fraction, from the skeleton's height."""
    ends = [JOINT_INDEX["head"], JOINT_INDEX["left_foot"]]
    mean = body.J_template[ends, 1].cpu().numpy()
    shaped = mean + body.J_shapedirs[ends, 1].cpu().numpy() @ betas
    return float((shaped[0] - shaped[1]) / (mean[0] - mean[1]) - 1)


def _hand_landmarks(joints: np.ndarray, vertices: np.ndarray, fingertips: np.ndarray) -> np.ndarray:
    """[T,2,21,3]: the wrist, then the fingers from the thumb on, each from its root to its tip."""
    points = np.zeros((len(joints), 2, FINGER_POINTS, 3))
    for hand, side in enumerate(("left", "right")):
        points[:, hand, 0] = joints[:, JOINT_INDEX[f"{side}_wrist"]]
        for number, finger in enumerate(FINGERS):
            bones = [JOINT_INDEX[f"{side}_{finger}{bone}"] for bone in (1, 2, 3)]
            start = 1 + 4 * number
            points[:, hand, start : start + 3] = joints[:, bones]
            points[:, hand, start + 3] = vertices[:, fingertips[hand, number]]
    return points
