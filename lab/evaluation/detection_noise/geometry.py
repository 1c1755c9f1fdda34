"""Body heights, bone lengths and metric landmarks of projected people, which simulation and fitting share."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float

from core.motion import Camera
from core.observations.line_of_sight import line_of_sight_rotation

from ..occlusion.projection import ProjectedClip
from .landmark_groups import BONES, HIPS, TRUNK

SAME_PLACE = 0.03
"""In body heights: two hands this near to each other in the image cannot be told apart."""


def person_heights(projected: ProjectedClip, camera: Camera) -> Float[np.ndarray, " P"]:
    """metres that each person is tall, from their height in the image and their depth."""
    depth = projected.landmarks_incam[:, :, HIPS, 2].mean(2)
    return np.median(projected.height_px * depth, 1) / camera.K[1, 1]


def bone_lengths(projected: ProjectedClip, camera: Camera) -> Float[np.ndarray, "P N"]:
    """Lengths of BONES in body heights."""
    ends, points = np.array(BONES), projected.landmarks_incam
    length = np.linalg.norm(points[:, :, ends[:, 0]] - points[:, :, ends[:, 1]], axis=-1)
    return np.median(length, 1) / person_heights(projected, camera)[:, None]


def landmarks_about_hips(projected: ProjectedClip, camera: Camera) -> Float[np.ndarray, "P T 33 3"]:
    """True metric landmarks as the landmark network defines them: relative to the hips' middle, in metres, in axes whose
    third one is the line of sight to the trunk."""
    offsets = projected.landmarks_incam - projected.landmarks_incam[:, :, HIPS].mean(2, keepdims=True)
    trunk_px = torch.from_numpy(projected.landmarks_px[:, :, TRUNK].mean(2)).float()
    rotation = line_of_sight_rotation(trunk_px, torch.from_numpy(camera.K).float()).double().numpy()
    return offsets.astype(float) @ rotation


def project_hands(hands_incam: Float[np.ndarray, "*batch 3"], camera: Camera) -> Float[np.ndarray, "*batch 2"]:
    """px of hand landmarks in the camera's frame."""
    focal = (camera.K[0, 0], camera.K[1, 1])
    return hands_incam[..., :2] / np.maximum(hands_incam[..., 2:], 0.05) * focal + camera.K[:2, 2]


def hand_targets(
    projected: ProjectedClip, camera: Camera, is_wrong: Bool[np.ndarray, "P T 2"]
) -> Float[np.ndarray, "P T 2 21 3"]:
    """For each hand, in the camera's frame: that hand or, where the network returns a wrong one, another of the four.

    The wrong one is the nearest in the image that does not lie in the same place as the right one, if there is one.
    """
    hands = projected.hand_landmarks_incam.astype(float)
    wrists = project_hands(hands[..., 0, :], camera)
    targets = hands.copy()
    for person, frame, side in np.argwhere(is_wrong):
        distance = np.linalg.norm(wrists[:, frame] - wrists[person, frame, side], axis=-1)
        distance = distance / projected.height_px[person, frame]
        distance = np.where(distance < SAME_PLACE, 1e3 - distance, distance)
        distance[person, side] = np.inf
        other = np.unravel_index(int(distance.argmin()), distance.shape)
        targets[person, frame, side] = hands[other[0], frame, other[1]]
    return targets


def metric_hands(
    hands_incam: Float[np.ndarray, "P T 2 21 3"], hands_px: Float[np.ndarray, "P T 2 21 2"], camera: Camera
) -> Float[np.ndarray, "P T 2 21 3"]:
    """Hands as the hand network defines them: relative to their middle, in axes whose third one is the line of sight."""
    pixels, K = torch.from_numpy(hands_px.mean(3)).float(), torch.from_numpy(camera.K).float()
    rotation = line_of_sight_rotation(pixels, K).double().numpy()
    return (hands_incam - hands_incam.mean(3, keepdims=True)) @ rotation
