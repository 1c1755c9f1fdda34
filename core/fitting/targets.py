"""What a fit is held to beside the observations: contacts, pins, and a learned model's prediction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..body.rotations import axis_angle_to_matrix
from ..contract.contact import Contact
from ..contract.edits import Pin
from ..contract.skeleton import JOINT_INDEX
from ..observations.observe import Observations
from ..transforms import transform_rotations
from .prior import JointPrior


@dataclass(frozen=True)
class FitTargets:
    """What a fit is held to beside the observations."""

    contacts: tuple[Contact, ...] = ()
    """Rejected contacts are left out."""
    pins: tuple[Pin, ...] = ()
    """Positions and the pelvis' rotation are in the world of the camera that the fit starts with."""
    prior: JointPrior | None = None
    """Where a learned model predicts the joints."""


@dataclass(frozen=True)
class PinTargets:
    """N pins."""

    person: Int[Tensor, " N"]
    joint: Int[Tensor, " N"]
    frame: Int[Tensor, " N"]
    """Positions in the clip's range."""
    value: Float[Tensor, "N *v"]
    """[N,3] positions in the world, or [N,3,3] rotations relative to the parent (the pelvis' into the camera frame)."""


def rotation_pins(pins: Sequence[Pin], observations: Observations, T_cw: Float[Tensor, "4 4"]) -> PinTargets:
    """The pins of rotations in the clip's range. Those of the pelvis are brought from the world into the camera frame."""
    placed = [item for item in _inside(pins, observations) if item[0].rotation is not None]
    angles = torch.tensor([pin.rotation for pin, _ in placed], device=T_cw.device).reshape(-1, 3)
    rotations = axis_angle_to_matrix(angles)
    targets = _targets(placed, rotations)
    is_pelvis = (targets.joint == 0)[:, None, None]
    value = torch.where(is_pelvis, transform_rotations(T_cw, rotations), rotations)
    return PinTargets(targets.person, targets.joint, targets.frame, value)


def position_pins(pins: Sequence[Pin], observations: Observations, device: torch.device) -> PinTargets:
    """The pins of positions in the clip's range, in the world."""
    placed = [item for item in _inside(pins, observations) if item[0].position is not None]
    return _targets(placed, torch.tensor([pin.position for pin, _ in placed], device=device).reshape(-1, 3))


def _inside(pins: Sequence[Pin], observations: Observations) -> list[tuple[Pin, int]]:
    """The pins in the clip's range, each with its position there."""
    positions = {int(frame): position for position, frame in enumerate(observations.frame_index)}
    return [(pin, positions[pin.frame]) for pin in pins if pin.frame in positions]


def _targets(placed: Sequence[tuple[Pin, int]], value: Tensor) -> PinTargets:
    def ids(numbers: list[int]) -> Tensor:
        return torch.tensor(numbers, dtype=torch.int64, device=value.device)

    return PinTargets(
        ids([pin.person for pin, _ in placed]),
        ids([JOINT_INDEX[pin.joint] for pin, _ in placed]),
        ids([position for _, position in placed]),
        value,
    )
