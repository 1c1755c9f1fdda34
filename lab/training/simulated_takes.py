"""Simulates the takes that the sequence smoother is trained on: part of the way to the true motion, with jitter, drift and jumps.

A take lies between the reference motion and the true one, not equally far for all joints and frames. It jitters and drifts:
sums of Ornstein-Uhlenbeck processes with different time constants, larger where a joint was not observed; and now and then a limb
jumps for some frames. Shapes: B windows, P = 2 people, T frames; metres, radians and seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from core.body.rotations import axis_angle_to_matrix
from core.contract.skeleton import JOINT_INDEX
from core.motion import BODY_COUNT
from core.representation.resampling import FRAME_RATE
from core.representation.residual import ROTATION, TRANSLATION, PoseState, decode_residual, encode_residual
from core.smoothing.network import pose_from_numbers, pose_numbers
from core.smoothing.wavelet import decompose

from .batches import Batch

_JITTERING = 0.1
"""seconds: processes with larger time constants drift and are made smooth."""
_JUMPING_JOINTS = tuple(
    JOINT_INDEX[name]
    for name in ("left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_hip", "right_hip", "left_knee",
                 "right_knee", "left_wrist", "right_wrist", "neck")
)  # fmt: skip


@dataclass(frozen=True)
class TakeErrors:
    """The errors of takes. Pairs are a range from which each person's scale is drawn, evenly in the logarithm."""

    time_constants: tuple[float, ...] = (0.02, 0.06, 0.2, 0.7)
    """seconds, of each process."""
    rotations: tuple[tuple[float, float], ...] = ((0.0003, 0.01), (0.0005, 0.012), (0.003, 0.03), (0.01, 0.08))
    """radians about each axis, of each process."""
    translations: tuple[tuple[float, float], ...] = ((0.0001, 0.002), (0.0002, 0.003), (0.001, 0.008), (0.005, 0.03))
    """metres of the pelvis along each axis, of each process."""
    unevenness: float = 0.4
    """Standard deviation of the logarithm of the errors' scale, over joints and over time."""
    good: float = 0.3
    """Part of the takes with a tenth of the errors: what is good already must stay."""
    hidden_factor: float = 2.0
    """How much larger the errors of a joint are where it was not observed."""
    shortfall: float = 0.7
    """Largest part of the way from the reference to the true motion that is missing."""
    shortfall_time_constant: float = 1.0
    """seconds in which that part varies."""
    jump_probability: float = 0.3
    """Of each of two jumps, for each person of a window."""
    jump: float = 0.4
    """radians about each axis."""
    jump_frames: int = 5
    """Longest jump."""
    jittery_reference: float = 0.3
    """Part of the windows whose reference keeps all of its jitter; of the others any part of it is removed."""


def smooth_reference(batch: Batch, errors: TakeErrors, generator: torch.Generator) -> Batch:
    """Windows whose reference motion has lost a random part of its jitter, as references that the ST-GCN has posed."""
    count, device = len(batch.residual), generator.device
    draw = torch.rand(2, count, 1, 1, 1, generator=generator, device=device)
    kept = torch.where(draw[0] < errors.jittery_reference, torch.ones_like(draw[1]), draw[1])
    details, approximation = decompose(pose_numbers(batch.reference))
    reference = pose_from_numbers(approximation + torch.stack(details).sum(0) * kept, batch.reference)
    true = decode_residual(batch.residual, batch.residual_betas, batch.reference).motion
    true = replace(true, pelvis=batch.true_joints[..., 0, :])  # the residual's float16 is too coarse
    residual, betas = encode_residual(true, reference, batch.foot_contact, batch.touching)
    return replace(batch, reference=reference, residual=residual, residual_betas=betas)


def simulate_take(batch: Batch, errors: TakeErrors, generator: torch.Generator) -> PoseState:
    """A take of each window. Everything random is drawn from the generator, on the batch's device."""
    B, P, T = batch.shape
    device = generator.device

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, device=device)

    def scale(smallest: float, largest: float) -> Tensor:
        """[B,P,1,1,1]"""
        draw = torch.rand(B, P, 1, 1, 1, generator=generator, device=device)
        return smallest * (largest / smallest) ** draw

    def process(time_constant: float, width: int) -> Tensor:
        """[B,P,T,23,width], of the joints and the pelvis' translation."""
        return ornstein_uhlenbeck(normal(B, P, T, BODY_COUNT + 1, width), time_constant)

    good = torch.rand(B, 1, 1, 1, 1, generator=generator, device=device) < errors.good
    size = torch.where(good, 0.1, 1.0)
    largest = errors.shortfall * size * torch.rand(B, P, 1, 1, 1, generator=generator, device=device)
    progress = (1 - largest * (0.5 + 0.5 * process(errors.shortfall_time_constant, 1).tanh()))[..., 0]
    translation = batch.true_joints[..., 0, :] - batch.reference.pelvis
    residual = batch.residual.clone()
    residual[..., ROTATION] *= progress[..., :BODY_COUNT].repeat_interleave(6, -1)
    residual[..., TRANSLATION] = translation * progress[..., BODY_COUNT:]
    betas = batch.residual_betas * progress.mean((-1, -2))[..., None]
    take = decode_residual(residual, betas, batch.reference).motion

    factor = (errors.unevenness * (normal(B, P, 1, BODY_COUNT + 1, 1) + process(0.5, 1))).exp()
    hidden = torch.cat([1 - batch.confidence, 1 - batch.confidence[..., :1]], -1)[..., None]
    factor = factor * (1 + errors.hidden_factor * hidden) * size
    rotation, offset = torch.zeros(B, P, T, BODY_COUNT, 3, device=device), torch.zeros(B, P, T, 3, device=device)
    for seconds, rotations, translations in zip(errors.time_constants, errors.rotations, errors.translations):
        noise = process(seconds, 3) * factor
        rotation = rotation + scale(*rotations) * noise[..., :BODY_COUNT, :]
        offset = offset + (scale(*translations) * noise[..., BODY_COUNT:, :])[..., 0, :]
    rotation = rotation + _jumps(batch.shape, errors, generator)
    return replace(take, rotations=take.rotations @ axis_angle_to_matrix(rotation), pelvis=take.pelvis + offset)


def ornstein_uhlenbeck(noise: Float[Tensor, "B P T J D"], time_constant: float) -> Float[Tensor, "B P T J D"]:
    """An Ornstein-Uhlenbeck process of about unit variance from white noise of unit variance; slow ones are made smooth."""
    decay = math.exp(-1 / (FRAME_RATE * time_constant))
    diffusion = (1 - decay**2) ** 0.5
    values = [noise[:, :, 0]]
    for frame in range(1, noise.shape[2]):
        values.append(decay * values[-1] + diffusion * noise[:, :, frame])
    path = torch.stack(values, 2)
    if time_constant < _JITTERING:
        return path
    return decompose(path.flatten(3), 2)[1].reshape(path.shape)


def _jumps(shape: tuple[int, int, int], errors: TakeErrors, generator: torch.Generator) -> Float[Tensor, "B P T 22 3"]:
    """Axis-angle: up to two joints of a person that are rotated for some frames."""
    B, P, T = shape
    device = generator.device
    rotation = torch.zeros(B, P, T, BODY_COUNT, 3, device=device)
    frames, joints = torch.arange(T, device=device), torch.arange(BODY_COUNT, device=device)
    candidates = torch.tensor(_JUMPING_JOINTS, device=device)
    for _ in range(2):
        start, length, happens = torch.rand(3, B, P, 1, generator=generator, device=device)
        start, length = (start * T).floor(), 1 + (length * errors.jump_frames).floor()
        inside = (frames >= start) & (frames < start + length) & (happens < errors.jump_probability)
        joint = candidates[torch.randint(len(candidates), (B, P, 1), generator=generator, device=device)]
        jump = errors.jump * torch.randn(B, P, 1, 1, 3, generator=generator, device=device)
        rotation = rotation + jump * (inside[..., None] & (joints == joint)[:, :, None])[..., None]
    return rotation
