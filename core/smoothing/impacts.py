"""Impacts: where a limb that is plainly seen moves so fast that smoothing would take the strength out of a punch or a kick."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..body.rotations import matrix_to_axis_angle
from ..contract.skeleton import JOINT_INDEX

_ARM, _LEG = ("collar", "shoulder", "elbow", "wrist"), ("hip", "knee", "ankle", "foot")


@dataclass(frozen=True)
class ImpactSettings:
    """When a limb strikes. Arms gesture faster than legs walk, and legs swing faster than arms at the knee."""

    arm_speed: tuple[float, float] = (7.0, 11.0)
    """rad/s of shoulder or elbow from which on smoothing fades out, and at which it is gone. Gestures stay below the first."""
    leg_speed: tuple[float, float] = (9.0, 13.0)
    """The same of hip or knee; walking stays below the first, running does not."""
    confidence: tuple[float, float] = (0.3, 0.7)
    """Of the limb's end, up to which fast motion is taken for noise, and from which on for real."""
    seconds: float = 0.2
    """Before and after, over which smoothing fades."""


def impacts(
    rotations: Float[Tensor, "P N 22 3 3"],
    confidence: Float[Tensor, "P N 22"],
    rate: float,
    settings: ImpactSettings | None = None,
) -> Float[Tensor, "P N 22"]:
    """In 0-1, how surely each joint of a limb takes part in an impact; 0 for the trunk. Rotations are relative to the parent."""
    settings = settings or ImpactSettings()
    found = rotations.new_zeros(rotations.shape[:3])
    if rotations.shape[1] < 3:
        return found
    step = rotations[:, :-2].mT @ rotations[:, 2:]
    speed = matrix_to_axis_angle(step).norm(dim=-1) * rate / 2
    speed = torch.cat([speed[:, :1], speed, speed[:, -1:]], 1)
    for side in ("left", "right"):
        for chain, driving, limits in (
            (_ARM, ("shoulder", "elbow"), settings.arm_speed),
            (_LEG, ("hip", "knee"), settings.leg_speed),
        ):
            joints = [JOINT_INDEX[f"{side}_{name}"] for name in chain]
            fastest = speed[..., [JOINT_INDEX[f"{side}_{name}"] for name in driving]].amax(-1)
            seen = confidence[..., JOINT_INDEX[f"{side}_{chain[-1] if chain is _ARM else 'ankle'}"]]
            sure = _ramp(fastest, limits) * _ramp(seen, settings.confidence)
            found[..., joints] = fade_around(sure, settings.seconds, rate)[..., None].expand(-1, -1, len(joints))
    return found


def fade_around(hold: Float[Tensor, "P N"], seconds: float, rate: float) -> Float[Tensor, "P N"]:
    """How far each frame is held: as `hold` says, and less and less, along half a cosine, in the seconds around it."""
    frames = max(1, round(seconds * rate))
    offset = torch.arange(-frames, frames + 1, device=hold.device, dtype=hold.dtype)
    fade = 0.5 + 0.5 * torch.cos(torch.pi * offset / (frames + 1))
    near = torch.nn.functional.pad(hold, (frames, frames)).unfold(-1, len(offset), 1)
    return (near * fade).amax(-1).clamp(0, 1)


def _ramp(value: Tensor, limits: tuple[float, float]) -> Tensor:
    low, high = limits
    return ((value - low) / (high - low)).clamp(0, 1)
