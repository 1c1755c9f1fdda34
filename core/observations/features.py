"""The features that the learned models read: a reference motion and how it agrees with the observations, as numbers of about one.

Each feature is of one frame and relative to the people themselves, so a window of a clip is a slice of the clip's features.
Nothing depends on which of the two people comes first: each person's features are computed with the other one as "partner".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..body.model import BodyModel
from ..body.rotations import matrix_to_rotation_6d
from ..contract.skeleton import JOINT_INDEX, LANDMARK_INDEX, PARENTS
from ..motion import BODY_COUNT, MotionEstimate
from ..projection import project
from ..records import Record
from ..representation.ground_view import GroundView, ground_view
from ..representation.resampling import FRAME_RATE, TimeGrid
from ..representation.residual import PoseState
from .confidence import landmark_weights
from .observe import Observations
from .person_inview import LEAST_CONFIDENCE, PersonInView, ViewCamera, person_inview

VERSION = 2
"""Version of the features. A network reads the version that it was trained on, and no other."""

_NODE_WIDTHS = {
    "from_pair": 3, "from_pelvis": 3, "rotation": 6, "velocity": 3, "to_partner": 3,
    "offset": 2, "ray": 3, "confidence": 1, "spread": 1, "found": 1, "landmark": 3, "bone_length": 1,
    "partner_near": 1, "partner_mask": 1, "own_mask": 1, "border": 1, "hand_offset": 2, "hand_confidence": 1,
}  # fmt: skip
_PERSON_WIDTHS = {
    "camera": 3, "height": 1, "betas": 16, "partner": 3, "foot_contact": 2, "focal": 1,
    "nearer": 1, "size": 1, "found": 1, "confidence": 1, "found_around": 1, "floor_depth": 2,
}  # fmt: skip


def _columns(widths: dict[str, int]) -> dict[str, slice]:
    ends = np.cumsum(list(widths.values())).tolist()
    return {name: slice(end - width, end) for (name, width), end in zip(widths.items(), ends)}


NODE_COLUMNS = _columns(_NODE_WIDTHS)
"""The columns of each feature of a joint.

Of the reference motion: `from_pair`, metres from the middle between both pelvises (heights from 0.9 m above the floor);
`from_pelvis`, from the own pelvis; `rotation`, 6D of the global rotation; `velocity`; `to_partner`, to the partner's nearest
joint, at most a metre. Of the observations (0 where the joint was not observed): `offset` from the projected to the observed
landmarks, right and up in the picture, in metres at the joint's depth; `ray`, the direction from the camera; `spread`, the
landmarks' standard deviation in the picture in metres there; `landmark`, the metric landmark from the middle of the hips;
`bone_length`, of the bone to the parent in the picture over that of the body; `partner_near`, how near in the picture the
partner's nearest landmark is; the masks under the landmark; `border`, metres inside the picture; for wrists, what the hand
detector found."""
PERSON_COLUMNS = _columns(_PERSON_WIDTHS)
"""The columns of each feature of a person.

Of the reference motion: `camera`, from the pelvis to the camera; `height` of the pelvis; `betas`; `partner`, from pelvis to
pelvis; `foot_contact`; `focal` length over the picture's diagonal. Of the observations: how much `nearer` to the camera the
partner is; `size`, the height in metres that the person has in the picture at the depth of the pelvis; whether `found`; mean
`confidence`; `found_around`, the part of the second around in which the person was found; `floor_depth`, how much farther away
each foot would be where its ray meets the floor."""
NODE_FEATURES = tuple(f"{name}.{i}" for name, width in _NODE_WIDTHS.items() for i in range(width))
PERSON_FEATURES = tuple(f"{name}.{i}" for name, width in _PERSON_WIDTHS.items() for i in range(width))
EVIDENCE_COLUMNS = tuple(
    column for name in list(_NODE_WIDTHS)[list(_NODE_WIDTHS).index("offset") :]
    for column in range(NODE_COLUMNS[name].start, NODE_COLUMNS[name].stop)
)  # fmt: skip
"""Columns of a joint's features that are 0 where the joint was not observed."""

_PELVIS_HEIGHT, _STATURE, _ANKLE_HEIGHT = 0.9, 1.7, 0.09
"""metres, of somebody who stands upright."""
CAMERA_SCALE = 4.0
"""metres that a person's feature `camera` of one stands for."""
_LARGEST_OFFSET = 1.0
"""metres"""
_NEAR = 0.15
"""metres across the picture over which `partner_near` falls to 1/e."""
_LARGEST_LENGTH_RATIO = 3.0
_LEAST_FALL = 0.03
"""Least downward slope of a ray whose intersection with the floor is used."""
_ANKLES = [LANDMARK_INDEX["left_ankle"], LANDMARK_INDEX["right_ankle"]]
_ANKLE_JOINTS = [JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]]
_WRIST_JOINTS = [JOINT_INDEX["left_wrist"], JOINT_INDEX["right_wrist"]]


@dataclass(frozen=True)
class Features(Record):
    """P = 2 people, N frames of the uniform grid, in the ground view (`representation.ground_view`). float32."""

    nodes: Float[Tensor, "P N 22 F"]
    """See NODE_COLUMNS."""
    people: Float[Tensor, "P N G"]
    """See PERSON_COLUMNS."""
    joints: Float[Tensor, "P N 22 3"]
    """Of the reference motion."""
    confidence: Float[Tensor, "P N 22"]
    """Of the joints, in 0-1, see `observations.confidence`."""
    reference: PoseState
    """The motion that networks change."""


@dataclass(frozen=True)
class CanonicalFrame:
    """The learned models' frame of reference and frame rate, and the way back to the camera and to the clip's times."""

    view: GroundView
    grid: TimeGrid


def extract_features(
    observations: Observations, reference: MotionEstimate, body: BodyModel
) -> tuple[Features, CanonicalFrame]:
    """Features of a whole clip about a reference motion, on the body's device."""
    device = body.device
    grid = TimeGrid.of(observations.time)
    view = ground_view(reference.camera, torch.as_tensor(reference.motion_incam.pelvis, device=device))
    camera = ViewCamera(observations.K, view, torch.as_tensor(observations.image_size, device=device).float())
    people = [person_inview(observations, reference, index, body, view, grid) for index in range(2)]
    pairs = [(people[0], people[1]), (people[1], people[0])]
    features = Features(
        nodes=torch.stack([_node_features(own, partner, camera) for own, partner in pairs]),
        people=torch.stack([_person_features(own, partner, camera) for own, partner in pairs]),
        joints=torch.stack([person.joints for person in people]),
        confidence=grid.to_grid(observations.joint_confidence),
        reference=PoseState(
            *(torch.stack([getattr(person, name) for person in people]) for name in ("rotations", "pelvis", "betas"))
        ),
    )
    return features, CanonicalFrame(view, grid)


def joint_rays(
    joints_inview: Float[Tensor, "*b N 22 3"], people: Float[Tensor, "*b N G"]
) -> Float[Tensor, "*b N 22 3"]:
    """From the camera to joints, metres in view axes; `people` are `Features.people`."""
    to_camera = CAMERA_SCALE * people[..., PERSON_COLUMNS["camera"]]
    return joints_inview - joints_inview[..., :1, :] - to_camera[..., None, :]


def reference_motion_features(
    joints: Float[Tensor, "*b N 22 3"],
    global_rotations: Float[Tensor, "*b N 22 3 3"],
    partner_joints: Float[Tensor, "*b N 22 3"],
) -> dict[str, Tensor]:
    """The features of NODE_COLUMNS that describe the reference motion alone, each [...,N,22,width]; all in the ground view."""
    middle = (joints[..., 0, :2] + partner_joints[..., 0, :2]) / 2
    origin = torch.cat([middle, torch.full_like(middle[..., :1], _PELVIS_HEIGHT)], -1)
    return {
        "from_pair": (joints - origin[..., None, :]).clamp(-4, 4),
        "from_pelvis": 2 * (joints - joints[..., :1, :]),
        "rotation": matrix_to_rotation_6d(global_rotations),
        "velocity": 0.5 * _velocity(joints).clamp(-8, 8),
        "to_partner": 2 * _to_nearest(joints, partner_joints),
    }


def _node_features(own: PersonInView, partner: PersonInView, camera: ViewCamera) -> Tensor:
    """[N,22,F]"""
    device = own.joints.device
    landmark_of_joint = torch.from_numpy(landmark_weights()).to(device)
    weight = landmark_of_joint * own.confidence[:, None]  # [N,22,L]
    confidence = weight.sum(-1)
    relative = weight / confidence.clamp_min(1e-6)[..., None]
    observed = (confidence > 0).float()[..., None]

    def of_joints(values: Tensor) -> Tensor:
        """[N,L,C] -> [N,22,C], averaged over the landmarks of each joint; 0 where it was not observed."""
        return relative @ values

    projected, depth = project(own.landmarks, camera.K, camera.view.T_cv)
    metres = (depth / camera.K[0, 0])[..., None]
    offset = (own.keypoints - projected) * metres * own.keypoints.new_tensor([1.0, -1.0])
    inside = torch.minimum(own.keypoints, camera.image_size - own.keypoints).amin(-1, keepdim=True) * metres
    hand_offset, hand_confidence = _hand_features(own, camera)
    features = reference_motion_features(own.joints, own.global_rotations, partner.joints) | {
        "offset": 4 * of_joints(offset.clamp(-_LARGEST_OFFSET, _LARGEST_OFFSET)),
        "ray": of_joints(camera.rays_inview(own.keypoints)),
        "confidence": confidence[..., None],
        "spread": 4 * of_joints((own.sigma[..., None] * metres).clamp_max(_LARGEST_OFFSET / 2)),
        "found": own.found[:, None, None].expand(-1, BODY_COUNT, 1) * observed,
        "landmark": 2 * of_joints(own.metric_landmarks.clamp(-2, 2)),
        "bone_length": _length_ratio(own, of_joints(own.keypoints), camera)[..., None]
        * observed
        * observed[:, list(_PARENT)],
        "partner_near": of_joints(_near_partner(own, partner, metres)),
        "partner_mask": of_joints(own.partner_mask[..., None]),
        "own_mask": of_joints(own.own_mask[..., None]),
        "border": of_joints(2 * inside.clamp(-_LARGEST_OFFSET / 2, _LARGEST_OFFSET / 2)),
        "hand_offset": 4 * hand_offset,
        "hand_confidence": hand_confidence,
    }
    return torch.cat([features[name] for name in _NODE_WIDTHS], -1)


_PARENT = tuple(max(parent, 0) for parent in PARENTS[:BODY_COUNT])


def _velocity(joints: Tensor) -> Tensor:
    """m/s [...,N,22,3], over two frames."""
    if joints.shape[-3] < 3:
        return torch.zeros_like(joints)
    inner = (joints[..., 2:, :, :] - joints[..., :-2, :, :]) * (FRAME_RATE / 2)
    return torch.cat([inner[..., :1, :, :], inner, inner[..., -1:, :, :]], -3)


def _to_nearest(own: Tensor, others: Tensor) -> Tensor:
    """[...,22,3]: from each joint to the partner's nearest one, at most a metre."""
    offset = others[..., None, :, :] - own[..., :, None, :]
    nearest = offset.norm(dim=-1).argmin(-1)
    offset = offset.gather(-2, nearest[..., None, None].expand(*nearest.shape, 1, 3))[..., 0, :]
    return offset / offset.norm(dim=-1, keepdim=True).clamp_min(_LARGEST_OFFSET)


def _length_ratio(own: PersonInView, pixels: Tensor, camera: ViewCamera) -> Tensor:
    """[N,22]: each bone's length across the picture at its joint's depth, against its length on the body."""
    depth = camera.depths(own.joints)
    seen = (pixels - pixels[:, list(_PARENT)]).norm(dim=-1) * depth / camera.K[0, 0]
    true = (own.joints - own.joints[:, list(_PARENT)]).norm(dim=-1)
    return (seen / true.clamp_min(0.03)).clamp_max(_LARGEST_LENGTH_RATIO)


def _near_partner(own: PersonInView, partner: PersonInView, metres: Tensor) -> Tensor:
    """[N,L,1] in 0-1: how near in the picture the partner's nearest observed landmark is."""
    apart = (own.keypoints[:, :, None] - partner.keypoints[:, None]).norm(dim=-1)
    apart = apart.masked_fill((partner.confidence <= 0)[:, None], torch.inf).amin(-1, keepdim=True)
    return torch.exp(-apart * metres / _NEAR)


def _hand_features(own: PersonInView, camera: ViewCamera) -> tuple[Tensor, Tensor]:
    """[N,22,2] metres from the projected wrist to the one that the hand detector found, and its confidence [N,22,1]."""
    wrists = own.joints[:, _WRIST_JOINTS]
    projected, depth = project(wrists, camera.K, camera.view.T_cv)
    offset = (
        (own.hand_wrists[..., :2] - projected) * (depth / camera.K[0, 0])[..., None] * depth.new_tensor([1.0, -1.0])
    )
    confidence = own.hand_wrists[..., 2:]
    hands = own.joints.new_zeros(len(wrists), BODY_COUNT, 2)
    hands[:, _WRIST_JOINTS] = offset.clamp(-_LARGEST_OFFSET, _LARGEST_OFFSET) * (confidence > LEAST_CONFIDENCE)
    seen = own.joints.new_zeros(len(wrists), BODY_COUNT, 1)
    seen[:, _WRIST_JOINTS] = confidence
    return hands, seen


def _person_features(own: PersonInView, partner: PersonInView, camera: ViewCamera) -> Tensor:
    """[N,G]"""
    depth, partners = camera.depths(own.pelvis), camera.depths(partner.pelvis)
    focal = torch.log(camera.K[0, 0] / camera.image_size.norm())
    size = own.box_height * depth / camera.K[0, 0] - _STATURE
    features = {
        "camera": (camera.view.camera_centre - own.pelvis) / CAMERA_SCALE,
        "height": 4 * (own.pelvis[:, 2:] - _PELVIS_HEIGHT),
        "betas": own.betas.expand(len(own.pelvis), -1),
        "partner": (partner.pelvis - own.pelvis).clamp(-4, 4),
        "foot_contact": own.foot_contact,
        "focal": focal.expand(len(own.pelvis), 1),
        "nearer": (4 * torch.log(partners / depth))[:, None].clamp(-4, 4),
        "size": 2 * size[:, None].clamp(-2, 2),
        "found": own.found[:, None],
        "confidence": own.confidence.mean(-1, keepdim=True),
        "found_around": _mean_over_a_second(own.found)[:, None],
        "floor_depth": 2 * _floor_depth(own, camera),
    }
    return torch.cat([features[name] for name in _PERSON_WIDTHS], -1)


def _mean_over_a_second(found: Tensor) -> Tensor:
    """[N] averaged over the second around each frame."""
    half = int(FRAME_RATE / 2)
    padded = torch.nn.functional.pad(found[None, None], (half, half), mode="replicate")[0, 0]
    return padded.unfold(0, 2 * half + 1, 1).mean(-1)


def _floor_depth(own: PersonInView, camera: ViewCamera) -> Tensor:
    """[N,2] metres by which each foot would be farther away if its ankle lay on its ray at the height of a standing ankle."""
    rays = camera.rays_inview(own.keypoints[:, _ANKLES])
    fall = rays[..., 2]
    along = (_ANKLE_HEIGHT - camera.view.camera_centre[2]) / torch.where(
        fall < -_LEAST_FALL, fall, torch.full_like(fall, -_LEAST_FALL)
    )
    farther = camera.view.camera_centre[1] + along * rays[..., 1] - own.joints[:, _ANKLE_JOINTS, 1]
    return farther.clamp(-_LARGEST_OFFSET, _LARGEST_OFFSET) * own.confidence[:, _ANKLES] * (fall < -_LEAST_FALL)
