"""One person's reference motion and observations in the frame of reference and at the frame rate of the learned models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..body.landmarks import posed_landmarks
from ..body.model import BodyModel
from ..motion import BODY_COUNT, MotionEstimate, motion_rotations, pose
from ..projection import normalized
from ..representation.ground_view import GroundView
from ..representation.resampling import TimeGrid
from .observe import Observations

LEAST_CONFIDENCE = 0.02
"""Confidence below which a landmark counts as not observed."""
_NEAREST_DEPTH = 0.2
"""metres"""


@dataclass(frozen=True)
class ViewCamera:
    """The camera as it stands in the view."""

    K: Float[Tensor, "3 3"]
    view: GroundView
    image_size: Float[Tensor, " 2"]
    """px"""

    def rays_inview(self, pixels: Float[Tensor, "*n 2"]) -> Float[Tensor, "*n 3"]:
        """Directions of length one through pixels."""
        across = normalized(pixels, self.K)
        rays_incam = torch.cat([across, torch.ones_like(across[..., :1])], -1)
        return torch.nn.functional.normalize(self.view.vectors_inview(rays_incam), dim=-1)

    def depths(self, points_inview: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n"]:
        """metres before the camera."""
        return self.view.points_incam(points_inview)[..., 2].clamp_min(_NEAREST_DEPTH)


@dataclass(frozen=True)
class PersonInView:
    """One person, N frames of the uniform grid, L = 33 landmarks."""

    rotations: Float[Tensor, "N 22 3 3"]
    """Of the reference motion, relative to the parent; the pelvis' into the view."""
    pelvis: Float[Tensor, "N 3"]
    betas: Float[Tensor, " 16"]
    joints: Float[Tensor, "N 22 3"]
    """Of the reference motion."""
    global_rotations: Float[Tensor, "N 22 3 3"]
    landmarks: Float[Tensor, "N L 3"]
    """Of the reference motion."""
    foot_contact: Float[Tensor, "N 2"]
    keypoints: Float[Tensor, "N L 2"]
    """px"""
    confidence: Float[Tensor, "N L"]
    """Of the keypoints; 0 below LEAST_CONFIDENCE."""
    sigma: Float[Tensor, "N L"]
    """px, standard deviation of the keypoints along an axis of the picture."""
    found: Float[Tensor, " N"]
    metric_landmarks: Float[Tensor, "N L 3"]
    """Observed, about the middle of the hips, in axes of the view."""
    own_mask: Float[Tensor, "N L"]
    """In 0-1, the person's own mask under each keypoint."""
    partner_mask: Float[Tensor, "N L"]
    box_height: Float[Tensor, " N"]
    """px"""
    hand_wrists: Float[Tensor, "N 2 3"]
    """px and confidence of the wrists that the hand detector found."""


def person_inview(
    observations: Observations, estimate: MotionEstimate, index: int, body: BodyModel, view: GroundView, grid: TimeGrid
) -> PersonInView:
    """Bring one of the two people into the view. Each person is computed alone, so that their order does not matter at all."""
    device = body.device
    own, motion = observations.person(index), estimate.motion_incam.person(index)
    rotations = motion_rotations(motion).to(device)
    rotations[:, :, 0] = view.rotations_inview(rotations[:, :, 0])
    rotations = grid.rotations_to_grid(rotations)
    pelvis = grid.to_grid(view.points_inview(torch.as_tensor(motion.pelvis, device=device)))
    posed = pose(body, rotations, pelvis, torch.as_tensor(motion.betas, device=device))
    own_mask, partner_mask = (
        _mask_at(observations.masks[who], own.keypoints[0], observations.image_size) for who in (index, 1 - index)
    )

    def on_grid(values: Tensor) -> Tensor:
        """[1,T,...] -> [N,...]"""
        return grid.to_grid(values.float())[0]

    return PersonInView(
        rotations=rotations[0, :, :BODY_COUNT],
        pelvis=pelvis[0],
        betas=posed.betas[0, 0],
        joints=posed.joints[0, :, :BODY_COUNT],
        global_rotations=posed.global_rotations[0, :, :BODY_COUNT],
        landmarks=posed_landmarks(posed, body)[0],
        foot_contact=on_grid(torch.as_tensor(estimate.foot_contact[index : index + 1], device=device)),
        keypoints=on_grid(own.keypoints),
        confidence=on_grid(own.confidence * (own.confidence > LEAST_CONFIDENCE)),
        sigma=on_grid(own.sigma * own.box_height[..., None]),
        found=on_grid(own.found),
        metric_landmarks=view.vectors_inview(on_grid(own.landmarks_incam)),
        own_mask=on_grid(own_mask[None]),
        partner_mask=on_grid(partner_mask[None]),
        box_height=on_grid(own.box_height),
        hand_wrists=on_grid(own.hand_wrists),
    )


def _mask_at(masks: Tensor, keypoints: Tensor, image_size: np.ndarray) -> Tensor:
    """float32 [T,L] in 0-1: masks uint8 [T,h,w] of the whole picture at keypoints [T,L,2] px; 0 outside the picture."""
    size = torch.tensor(masks.shape[:0:-1], device=masks.device)
    scale = size.double() / torch.as_tensor(image_size, device=masks.device)
    place = (keypoints.double() * scale).nan_to_num(nan=-1.0, posinf=-1.0, neginf=-1.0)
    inside = ((place >= 0) & (place < size)).all(-1)
    column, row = (place[..., axis].clamp(0, int(size[axis]) - 1).long() for axis in (0, 1))
    frames = torch.arange(len(masks), device=masks.device)[:, None]
    return torch.where(inside, masks[frames, row, column].float() / 255, 0.0)
