"""A motion as a residual to a reference motion: what the infiller samples, zero where the reference is right.

Each person has their own channels: rotations relative to the reference's, a translation of the pelvis in the ground view, and
states that the reference does not have (foot contacts, touching body parts). The shape changes once for the whole clip.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..body.model import BodyModel, forward_kinematics, rest_joints
from ..body.rotations import matrix_to_rotation_6d, rotation_6d_to_matrix
from ..contract.errors import UserError
from ..motion import BODY_COUNT, PairMotion, motion_from_rotations, motion_rotations
from ..records import Record
from .ground_view import GroundView
from .resampling import TimeGrid
from .touch_flags import TOUCHING_PARTS

ROTATION = slice(0, 6 * BODY_COUNT)
"""6D rotation of each joint relative to the reference, minus that of the identity; the pelvis first."""
TRANSLATION = slice(ROTATION.stop, ROTATION.stop + 3)
"""Translation of the pelvis in axes of the ground view, metres."""
FOOT_CONTACT = slice(TRANSLATION.stop, TRANSLATION.stop + 2)
"""Left and right foot: 1 stands still on the floor, -1 does not."""
TOUCHING = slice(FOOT_CONTACT.stop, FOOT_CONTACT.stop + len(TOUCHING_PARTS))
"""`touch_flags.TOUCHING_PARTS`: 1 touches the partner, -1 does not."""
RESIDUAL_SIZE = TOUCHING.stop
BETAS = 16
CHANNELS = RESIDUAL_SIZE + BETAS
"""Channels of the denoiser: the residual of a frame, then the change of the shape, the same for all frames of a clip."""
_IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
_LEAST_SPREAD = 1e-3
"""Smallest scale of a channel, so that one that hardly ever changes is not amplified."""


@dataclass(frozen=True)
class PoseState(Record):
    """A motion as the learned models see it: in the ground view, N frames of the uniform grid."""

    rotations: Float[Tensor, "*b P N 22 3 3"]
    """Relative to the parent joint; the pelvis' takes the rest pose into the view."""
    pelvis: Float[Tensor, "*b P N 3"]
    betas: Float[Tensor, "*b P 16"]

    def joints(self, body: BodyModel) -> Float[Tensor, "*b P N 22 3"]:
        rest = rest_joints(body, self.betas)[..., None, :BODY_COUNT, :]
        return forward_kinematics(self.rotations, rest, self.pelvis)[0]


@dataclass(frozen=True)
class DecodedResidual:
    """A residual applied to its reference motion."""

    motion: PoseState
    foot_contact: Float[Tensor, "*b P N 2"]
    """Above 0 where the foot stands."""
    touching: Float[Tensor, "*b P N 8"]
    """Above 0 where the body part touches the partner."""


def pose_state(motion_incam: PairMotion, view: GroundView, grid: TimeGrid) -> PoseState:
    """A motion at a clip's own times in the frame of reference and at the frame rate of the learned models."""
    device = view.T_cv.device
    rotations = motion_rotations(motion_incam)[:, :, :BODY_COUNT].to(device)
    rotations[:, :, 0] = view.rotations_inview(rotations[:, :, 0])
    return PoseState(
        grid.rotations_to_grid(rotations),
        grid.to_grid(view.points_inview(torch.as_tensor(motion_incam.pelvis, device=device))),
        torch.as_tensor(motion_incam.betas, device=device),
    )


def encode_residual(
    motion: PoseState,
    reference: PoseState,
    foot_contact: Bool[Tensor, "*b P N 2"],
    touching: Bool[Tensor, "*b P N 8"],
) -> tuple[Float[Tensor, "*b P N D"], Float[Tensor, "*b P 16"]]:
    """The residual that leads from the reference to the motion, and the change of betas.

    Each of the two may be in a ground view of its own (that of the true and that of an estimated camera): axes and floors of
    the views coincide.
    """
    before, after = reference.rotations, motion.rotations
    changes = torch.cat(
        [after[..., :1, :, :] @ before[..., :1, :, :].mT, before[..., 1:, :, :].mT @ after[..., 1:, :, :]], -3
    )
    six = matrix_to_rotation_6d(changes) - changes.new_tensor(_IDENTITY)
    states = torch.cat([foot_contact, touching], -1).to(six) * 2 - 1
    x = torch.cat([six.flatten(-2), motion.pelvis - reference.pelvis, states], -1)
    return x, motion.betas - reference.betas


def decode_residual(
    x: Float[Tensor, "*b P N D"], betas: Float[Tensor, "*b P 16"], reference: PoseState
) -> DecodedResidual:
    """The inverse of `encode_residual`, differentiable."""
    six = x[..., ROTATION].unflatten(-1, (BODY_COUNT, 6)) + x.new_tensor(_IDENTITY)
    changes, before = rotation_6d_to_matrix(six), reference.rotations
    rotations = torch.cat(
        [changes[..., :1, :, :] @ before[..., :1, :, :], before[..., 1:, :, :] @ changes[..., 1:, :, :]], -3
    )
    motion = PoseState(rotations, reference.pelvis + x[..., TRANSLATION], reference.betas + betas)
    return DecodedResidual(motion, x[..., FOOT_CONTACT], x[..., TOUCHING])


def apply_residual(
    x: Float[Tensor, "P N D"],
    betas: Float[Tensor, "P 16"],
    reference_incam: PairMotion,
    view: GroundView,
    grid: TimeGrid,
) -> PairMotion:
    """The reference motion changed by a residual, in the camera's frame at the clip's own times.

    The residual is resampled to the clip's times, not the changed motion, so the reference motion stays exactly as it is where
    the residual is zero. Fingers are not changed.
    """
    at_clip_times = TimeGrid(grid.clip_times, grid.clip_times)
    changed = decode_residual(grid.from_grid(x), betas, pose_state(reference_incam, view, at_clip_times)).motion
    rotations = motion_rotations(reference_incam).to(x.device)
    rotations[:, :, 0] = view.rotations_incam(changed.rotations[:, :, 0])
    rotations[:, :, 1:BODY_COUNT] = changed.rotations[:, :, 1:]
    return motion_from_rotations(rotations, view.points_incam(changed.pelvis), changed.betas)


@dataclass(frozen=True)
class ResidualScales:
    """Root mean square of each channel, by which networks' inputs and outputs are normalized."""

    x: Tensor
    """[SIZE]"""
    betas: Tensor
    """[16]"""

    @classmethod
    def of(cls, xs: Sequence[Tensor], betas: Sequence[Tensor]) -> ResidualScales:
        """Root mean squares over clips of x [P,N,SIZE] and betas [P,16]; states stay as they are."""
        flat = torch.cat([x.double().flatten(0, -2) for x in xs])
        spread = flat.square().mean(0).sqrt().clamp_min(_LEAST_SPREAD)
        spread[FOOT_CONTACT.start :] = 1
        shapes = torch.cat([change.double().flatten(0, -2) for change in betas])
        return cls(spread.float(), shapes.square().mean(0).sqrt().clamp_min(_LEAST_SPREAD).float())

    def normalize(self, x: Tensor, betas: Tensor) -> tuple[Tensor, Tensor]:
        """To numbers of about one."""
        return x / self.x.to(x), betas / self.betas.to(betas)

    def denormalize(self, x: Tensor, betas: Tensor) -> tuple[Tensor, Tensor]:
        return x * self.x.to(x), betas * self.betas.to(betas)

    def to_json(self) -> dict[str, Any]:
        return {"x": self.x.tolist(), "betas": self.betas.tolist()}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> ResidualScales:
        """UserError `weights-wrong` where there are not as many numbers as this version has channels."""
        x, betas = torch.tensor(record.get("x", ())), torch.tensor(record.get("betas", ()))
        if x.shape != (RESIDUAL_SIZE,) or betas.shape != (BETAS,):
            raise UserError(
                "weights-wrong",
                f"These weights have scales of {x.numel()} and {betas.numel()} numbers, not {RESIDUAL_SIZE} and {BETAS}.",
                "The installation may be damaged: install the extension again. Weights of your own must be trained again.",
            )
        return cls(x.float(), betas.float())


def to_channels(
    x: Float[Tensor, "*b P N R"], betas: Float[Tensor, "*b P 16"], scales: ResidualScales
) -> Float[Tensor, "*b P N C"]:
    """Join a residual and a change of betas into the denoiser's normalized channels."""
    x, betas = scales.normalize(x, betas)
    return torch.cat([x, betas[..., None, :].expand(*x.shape[:-1], -1)], -1)


def from_channels(
    channels: Float[Tensor, "*b P N C"], scales: ResidualScales
) -> tuple[Float[Tensor, "*b P N R"], Float[Tensor, "*b P 16"]]:
    """The inverse of `to_channels`; the betas are averaged over the frames."""
    return scales.denormalize(channels[..., :RESIDUAL_SIZE], channels[..., RESIDUAL_SIZE:].mean(-2))


def offset_between(
    reference: PoseState, other: PoseState, body: BodyModel
) -> tuple[Float[Tensor, "*b P N 22 3"], Float[Tensor, "*b P N 22 6"]]:
    """How another motion of the same people differs: offsets of joints in metres, and of rotations.

    Rotation offsets are the 6D representation minus that of the identity, as in the residual.
    """
    shape = reference.pelvis.shape[:-1]
    no_feet, no_parts = (
        torch.zeros(*shape, states.stop - states.start, dtype=torch.bool, device=reference.pelvis.device)
        for states in (FOOT_CONTACT, TOUCHING)
    )
    x, _ = encode_residual(other, reference, no_feet, no_parts)
    return other.joints(body) - reference.joints(body), x[..., ROTATION].unflatten(-1, (-1, 6))
