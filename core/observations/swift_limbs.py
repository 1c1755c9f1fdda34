"""Swift limbs: hands and feet that are plainly seen to strike, throw or swing: fast, or back and forth, across the picture.

Nothing that smooths a motion may take the speed out of them. Speeds and accelerations are those of the keypoints themselves,
before any fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..contract.skeleton import JOINT_INDEX, LANDMARK_INDEX
from .observe import Observations
from .ramp import ramp

LIMBS: tuple[tuple[str, tuple[str, ...]], ...] = tuple(
    (f"{side}_{end}", tuple(f"{side}_{joint}" for joint in joints))
    for end, joints in (("wrist", ("shoulder", "elbow", "wrist")), ("ankle", ("hip", "knee", "ankle", "foot")))
    for side in ("left", "right")
)
"""The landmark at each limb's end, and the joints that turn it."""
_ENDS = [LANDMARK_INDEX[end] for end, _ in LIMBS]
_HIPS = [LANDMARK_INDEX["left_hip"], LANDMARK_INDEX["right_hip"]]


@dataclass(frozen=True)
class SwiftLimbSettings:
    """From which speed or acceleration on a limb is swift, relative to the hips and less what the keypoints' uncertainty
    explains. A strike is fast; a hand that dribbles a ball or claps is not, but turns round several times a second."""

    arm_speed: tuple[float, float] = (1.5, 3.0)
    """m/s of a wrist up to which its arm is not swift, and from which on it is in full. Gestures stay below the first."""
    leg_speed: tuple[float, float] = (2.0, 3.5)
    """The same of an ankle; a leg that swings in walking stays below the second."""
    arm_acceleration: tuple[float, float] = (15.0, 30.0)
    """m/s² of a wrist, in the same way."""
    leg_acceleration: tuple[float, float] = (20.0, 40.0)
    """The same of an ankle."""
    confidence: tuple[float, float] = (0.3, 0.7)
    """Of the landmark, up to which its motion is taken for noise, and from which on for real."""
    window: float = 0.05
    """Seconds, standard deviation of the frames from which speed and acceleration are estimated."""
    sigmas: float = 2.0
    """Standard deviations of either that are taken off it."""
    fade: float = 0.1
    """Seconds before and after, over which it fades."""


_SETTINGS = SwiftLimbSettings()


def swift_limbs(observations: Observations, depth: Float[Tensor, "P T"]) -> Float[Tensor, "P T 22"]:
    """In 0-1, how swift each body joint's limb is; 0 for the trunk. `depth`: metres to each person along the optical axis."""
    swift = torch.zeros_like(observations.joint_confidence)
    if len(observations.time) < 3:
        return swift
    seconds = torch.from_numpy(observations.time - observations.time[0]).to(depth.device)
    hips = observations.keypoints[:, :, _HIPS].mean(2, keepdim=True)
    scale = (depth / observations.K[0, 0])[..., None]
    metres = (observations.keypoints[:, :, _ENDS] - hips) * scale[..., None]
    sigma = observations.covariance[:, :, _ENDS].diagonal(dim1=-2, dim2=-1).mean(-1).sqrt() * scale
    confidence = ramp(observations.confidence[:, :, _ENDS], _SETTINGS.confidence)
    moving = _local_motion(metres, sigma, confidence, seconds, _SETTINGS.window)
    speed = moving.velocity.norm(dim=-1) - _SETTINGS.sigmas * moving.velocity_sigma
    acceleration = moving.acceleration.norm(dim=-1) - _SETTINGS.sigmas * moving.acceleration_sigma
    arms = torch.tensor([end.endswith("wrist") for end, _ in LIMBS], device=speed.device)
    found = torch.maximum(
        torch.where(arms, ramp(speed, _SETTINGS.arm_speed), ramp(speed, _SETTINGS.leg_speed)),
        torch.where(
            arms, ramp(acceleration, _SETTINGS.arm_acceleration), ramp(acceleration, _SETTINGS.leg_acceleration)
        ),
    )
    found = _spread(confidence * found, seconds, _SETTINGS.fade)
    for number, (_, joints) in enumerate(LIMBS):
        swift[:, :, [JOINT_INDEX[joint] for joint in joints]] = found[:, :, number : number + 1]
    return swift


def _neighbours(seconds: Float[Tensor, " T"], reach: float) -> Iterator[tuple[slice, slice]]:
    """Pairs of slices of the frames: those of the second lie 0, 1, -1, 2, … frames later, as far as any lies within the reach."""
    count = len(seconds)
    yield slice(0, count), slice(0, count)
    for shift in range(1, count):
        if bool((seconds[shift:] - seconds[:-shift] > reach).all()):
            return
        yield slice(0, count - shift), slice(shift, count)
        yield slice(shift, count), slice(0, count - shift)


@dataclass(frozen=True)
class _LocalMotion:
    """Derivatives over time, and the standard deviations of each of their components."""

    velocity: Float[Tensor, "P T N 2"]
    velocity_sigma: Float[Tensor, "P T N"]
    acceleration: Float[Tensor, "P T N 2"]
    acceleration_sigma: Float[Tensor, "P T N"]


def _local_motion(
    points: Float[Tensor, "P T N 2"],
    sigma: Float[Tensor, "P T N"],
    weight: Float[Tensor, "P T N"],
    seconds: Float[Tensor, " T"],
    window: float,
) -> _LocalMotion:
    """Derivatives of parabolas through the points around each frame, by weighted least squares (Savitzky and Golay, 1964)."""
    points, weight, noise = points.double(), weight.double() + 1e-6, sigma.double().square()
    normal = points.new_zeros(*weight.shape, 3, 3)
    spread, moments = torch.zeros_like(normal), points.new_zeros(*weight.shape, 3, 2)
    for here, there in _neighbours(seconds, 3 * window):
        later = (seconds[there] - seconds[here]).double() / window
        powers = torch.stack([torch.ones_like(later), later, later.square()], -1)[:, None]
        products = powers[..., :, None] * powers[..., None, :]
        near = torch.exp(-0.5 * later.square())[:, None] * weight[:, there]
        normal[:, here] += near[..., None, None] * products
        spread[:, here] += (near.square() * noise[:, there])[..., None, None] * products
        moments[:, here] += near[..., None, None] * powers[..., :, None] * points[:, there, :, None]
    # keeps the derivatives at zero where no frames are near enough
    inverse = torch.linalg.inv(normal + 1e-4 * weight[..., None, None] * torch.eye(3).to(normal))
    _, slope, bend = (inverse @ moments).unbind(-2)
    _, slope_variance, bend_variance = (inverse @ spread @ inverse).diagonal(dim1=-2, dim2=-1).clamp_min(0).unbind(-1)
    return _LocalMotion(
        (slope / window).float(),
        (slope_variance.sqrt() / window).float(),
        (2 * bend / window**2).float(),
        (2 * bend_variance.sqrt() / window**2).float(),
    )


def _spread(values: Float[Tensor, "P T N"], seconds: Float[Tensor, " T"], fade: float) -> Float[Tensor, "P T N"]:
    """The largest value around each frame, falling along half a cosine to nothing `fade` seconds away."""
    found = values.clone()
    for here, there in _neighbours(seconds, fade):
        apart = (seconds[there] - seconds[here]).abs().clamp_max(fade)
        near = values[:, there] * (0.5 + 0.5 * torch.cos(torch.pi * apart / fade)).to(values)[:, None]
        found[:, here] = torch.maximum(found[:, here], near)
    return found
