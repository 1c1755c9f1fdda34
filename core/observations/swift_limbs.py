"""Swift limbs: hands and feet that are plainly seen and move so fast across the picture that they strike, throw or swing.

Nothing that smooths a motion may take the speed out of them. Speeds are those of the keypoints themselves, before any fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..contract.skeleton import JOINT_INDEX, LANDMARK_INDEX
from .observe import Observations

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
    """From which speed on a limb is swift, relative to the hips and less what the keypoints' uncertainty explains."""

    arm_speed: tuple[float, float] = (1.5, 3.0)
    """m/s of a wrist up to which its arm is not swift, and from which on it is in full. Gestures stay below the first."""
    leg_speed: tuple[float, float] = (2.0, 3.5)
    """The same of an ankle; a leg that swings in walking stays below the second."""
    confidence: tuple[float, float] = (0.3, 0.7)
    """Of the landmark, up to which its speed is taken for noise, and from which on for real."""
    window: float = 0.05
    """Seconds, standard deviation of the frames from which a speed is estimated."""
    sigmas: float = 2.0
    """Standard deviations of a speed that are taken off it."""
    fade: float = 0.1
    """Seconds before and after, over which it fades."""


def swift_limbs(
    observations: Observations, depth: Float[Tensor, "P T"], settings: SwiftLimbSettings | None = None
) -> Float[Tensor, "P T 22"]:
    """In 0-1, how swift each body joint's limb is; 0 for the trunk. `depth`: metres to each person along the optical axis."""
    settings = settings or SwiftLimbSettings()
    swift = torch.zeros_like(observations.joint_confidence)
    if len(observations.time) < 3:
        return swift
    seconds = torch.from_numpy(observations.time - observations.time[0]).to(depth.device)
    hips = observations.keypoints[:, :, _HIPS].mean(2, keepdim=True)
    scale = (depth / observations.K[0, 0])[..., None]
    metres = (observations.keypoints[:, :, _ENDS] - hips) * scale[..., None]
    sigma = observations.covariance[:, :, _ENDS].diagonal(dim1=-2, dim2=-1).mean(-1).sqrt() * scale
    confidence = observations.confidence[:, :, _ENDS]
    slope, slope_sigma = _slopes(metres, sigma, confidence, seconds, settings.window)
    speed = slope.norm(dim=-1) - settings.sigmas * slope_sigma
    limits = [settings.arm_speed if end.endswith("wrist") else settings.leg_speed for end, _ in LIMBS]
    low, high = speed.new_tensor(limits).unbind(-1)
    found = ((speed - low) / (high - low)).clamp(0, 1) * ramp(confidence, settings.confidence)
    found = _spread(found, seconds, settings.fade)
    for number, (_, joints) in enumerate(LIMBS):
        swift[:, :, [JOINT_INDEX[joint] for joint in joints]] = found[:, :, number : number + 1]
    return swift


def ramp(value: Tensor, limits: tuple[float, float]) -> Tensor:
    """0 up to the first limit, 1 from the second on, linear between them."""
    low, high = limits
    return ((value - low) / (high - low)).clamp(0, 1)


def _neighbours(seconds: Float[Tensor, " T"], reach: float) -> Iterator[tuple[slice, slice]]:
    """Pairs of slices of the frames: those of the second lie 0, 1, -1, 2, … frames later, as far as any lies within the reach."""
    count = len(seconds)
    yield slice(0, count), slice(0, count)
    for shift in range(1, count):
        if bool((seconds[shift:] - seconds[:-shift] > reach).all()):
            return
        yield slice(0, count - shift), slice(shift, count)
        yield slice(shift, count), slice(0, count - shift)


def _slopes(
    points: Float[Tensor, "P T N 2"],
    sigma: Float[Tensor, "P T N"],
    weight: Float[Tensor, "P T N"],
    seconds: Float[Tensor, " T"],
    window: float,
) -> tuple[Float[Tensor, "P T N 2"], Float[Tensor, "P T N"]]:
    """Slopes over time of straight lines through the points around each frame, by weighted least squares, and their sigmas."""
    weight = weight.double() + 1e-6
    noise = (weight * sigma).square()
    mass, first, second, variance_0, variance_1, variance_2 = (torch.zeros_like(weight) for _ in range(6))
    moment_0, moment_1 = torch.zeros_like(points, dtype=torch.float64), torch.zeros_like(points, dtype=torch.float64)
    for here, there in _neighbours(seconds, 3 * window):
        later = (seconds[there] - seconds[here])[:, None]
        kernel = torch.exp(-0.5 * (later / window).square())
        near = kernel * weight[:, there]
        mass[:, here] += near
        first[:, here] += near * later
        second[:, here] += near * later.square()
        moment_0[:, here] += near[..., None] * points[:, there]
        moment_1[:, here] += (near * later)[..., None] * points[:, there]
        doubt = kernel.square() * noise[:, there]
        variance_0[:, here] += doubt
        variance_1[:, here] += doubt * later
        variance_2[:, here] += doubt * later.square()
    middle = first / mass
    # (1 ms)² keeps the slope at zero where no frames are near enough
    spread = second - first * middle + 1e-6 * mass
    slope = (moment_1 - middle[..., None] * moment_0) / spread[..., None]
    variance = variance_2 - 2 * middle * variance_1 + middle.square() * variance_0
    return slope.float(), (variance.clamp_min(0).sqrt() / spread).float()


def _spread(values: Float[Tensor, "P T N"], seconds: Float[Tensor, " T"], fade: float) -> Float[Tensor, "P T N"]:
    """The largest value around each frame, falling along half a cosine to nothing `fade` seconds away."""
    found = values.clone()
    for here, there in _neighbours(seconds, fade):
        apart = (seconds[there] - seconds[here]).abs().clamp_max(fade)
        near = values[:, there] * (0.5 + 0.5 * torch.cos(torch.pi * apart / fade)).to(values)[:, None]
        found[:, here] = torch.maximum(found[:, here], near)
    return found
