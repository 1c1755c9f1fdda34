"""The sequence refiner in training: made-up takes, its loss, and its errors on whole dev clips beside plain filters.

A take has gone some of the way from a first motion to the true one, not everywhere and not always as far, and trembles and
strays as it does: errors that forget fast and slowly (Ornstein-Uhlenbeck processes), larger where a joint was not seen, and now
and then a limb that is elsewhere for some frames. Shapes: B windows, P = 2 people, T frames; metres and seconds.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from core.body.model import BodyModel
from core.body.rotations import axis_angle_to_matrix
from core.contract.skeleton import JOINT_INDEX
from core.motion import BODY_COUNT
from core.representation.resampling import FRAME_RATE
from core.representation.residual import (
    FOOT_CONTACT,
    ROTATION,
    TOUCHING,
    TRANSLATION,
    PoseState,
    decode_residual,
    encode_residual,
)
from core.smoothing.network import SequenceSmoother, evidence_features, pose_from_numbers, pose_numbers
from core.smoothing.wavelet import decompose, pad_odd

from ..evaluation.metrics import MM, jitter
from .draw import Drawn, drawn
from .examples import Example, batch_of
from .measure import Guess, joint_errors
from .words import Words

_TENTH, _ACCELERATION = 0.1, 10.0
_AS_IT_IS = 0.3
"""Share of the first motions that shake as they do."""
_SLOW = 0.1
"""seconds: what forgets more slowly strays and does not tremble."""
_LIMBS = tuple(
    JOINT_INDEX[name]
    for name in ("left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_hip", "right_hip", "left_knee",
                 "right_knee", "left_wrist", "right_wrist", "neck")
)  # fmt: skip
"""Joints at which a limb jumps."""

Smoother = Callable[[Tensor, Tensor, Tensor], Tensor]
"""As the network: motion and first motion [B,P,T,135], evidence [B,P,T,22,E] -> motion [B,P,T,135]."""


@dataclass(frozen=True)
class TakeErrors:
    """How takes err; pairs are the least and the most, drawn for each person between them, evenly in their logarithms."""

    forget: tuple[float, ...] = (0.02, 0.06, 0.2, 0.7)
    """seconds in which each process forgets (to 1/e)."""
    turns: tuple[tuple[float, float], ...] = ((0.0003, 0.01), (0.0005, 0.012), (0.003, 0.03), (0.01, 0.08))
    """radians, of each process; about each axis."""
    ways: tuple[tuple[float, float], ...] = ((0.0001, 0.002), (0.0002, 0.003), (0.001, 0.008), (0.005, 0.03))
    """metres of the pelvis, of each process; along each axis."""
    uneven: float = 0.4
    """How joints and moments differ: standard deviation of the logarithm of their errors."""
    clean: float = 0.3
    """Share of takes that err a tenth as much: what is good already is to stay."""
    unseen: float = 2.0
    """How much more a joint errs where nothing was seen of it."""
    short: float = 0.7
    """Most of the way from the first motion to the true one that is not gone."""
    sway: float = 1.0
    """seconds in which that changes."""
    jumps: float = 0.3
    """Chance of each of two jumps in a window, of each person."""
    jump: float = 0.4
    """radians about each axis."""
    longest: int = 5
    """Frames of a jump."""


@dataclass(frozen=True)
class RefinerWeights:
    """How much each part of the loss counts; each part is about one at an error of 10 cm, 1 m/s, 10 m/s2.

    Were acceleration to count for more than velocity, fast motion would be lost: most of it lasts for some frames only.
    """

    pose: float = 0.3
    placed: float = 0.3
    velocity: float = 2.0
    acceleration: float = 0.5


def calmed_first(batch: Drawn, generator: torch.Generator) -> Drawn:
    """The windows with first motions of which any share of the shaking is gone, as it is where joints were placed before."""
    count, device = len(batch.x), generator.device
    kept = torch.rand(2, count, 1, 1, 1, generator=generator, device=device)
    kept = torch.where(kept[0] < _AS_IT_IS, torch.ones_like(kept[1]), kept[1])
    details, rest = decompose(pose_numbers(batch.base))
    first = pose_from_numbers(rest + torch.stack(details).sum(0) * kept, batch.base)
    true = decode_residual(batch.x, batch.betas, batch.base).motion
    true = replace(true, pelvis=batch.truth_joints[..., 0, :])  # x has fewer digits
    x, betas = encode_residual(true, first, batch.x[..., FOOT_CONTACT] > 0, batch.x[..., TOUCHING] > 0)
    return replace(batch, base=first, x=x, betas=betas)


def drawn_take(batch: Drawn, errors: TakeErrors, generator: torch.Generator) -> PoseState:
    """A take of each window, drawn from the generator alone (on the batch's device)."""
    B, P, T = batch.seen.shape[:3]
    device = generator.device

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, device=device)

    def between(least: float, most: float) -> Tensor:
        """[B,P,1,1,1]"""
        share = torch.rand(B, P, 1, 1, 1, generator=generator, device=device)
        return least * (most / least) ** share

    def process(seconds: float, width: int) -> Tensor:
        return wandering(normal(B, P, T, BODY_COUNT + 1, width), seconds)

    clean = torch.rand(B, 1, 1, 1, 1, generator=generator, device=device) < errors.clean
    size = torch.where(clean, 0.1, 1.0)
    farthest = errors.short * size * torch.rand(B, P, 1, 1, 1, generator=generator, device=device)
    gone = (1 - farthest * (0.5 + 0.5 * process(errors.sway, 1).tanh()))[..., 0]
    way = batch.truth_joints[..., 0, :] - batch.base.pelvis
    x = batch.x.clone()
    x[..., ROTATION] *= gone[..., :BODY_COUNT].repeat_interleave(6, -1)
    x[..., TRANSLATION] = way * gone[..., BODY_COUNT:]
    take = decode_residual(x, batch.betas * gone.mean((-1, -2))[..., None], batch.base).motion

    more = (errors.uneven * (normal(B, P, 1, BODY_COUNT + 1, 1) + process(0.5, 1))).exp()
    unseen = torch.cat([1 - batch.seen, 1 - batch.seen[..., :1]], -1)[..., None]
    more = more * (1 + errors.unseen * unseen) * size
    turn, shift = 0.0, 0.0
    for seconds, turns, ways in zip(errors.forget, errors.turns, errors.ways):
        moved = process(seconds, 3) * more
        turn = turn + between(*turns) * moved[..., :BODY_COUNT, :]
        shift = shift + (between(*ways) * moved[..., BODY_COUNT:, :])[..., 0, :]
    assert isinstance(turn, Tensor)
    turn = turn + _jumps((B, P, T), errors, generator)
    return replace(take, rotations=take.rotations @ axis_angle_to_matrix(turn), pelvis=take.pelvis + shift)


def wandering(steps: Tensor, seconds: float) -> Tensor:
    """Steps [B,P,T,J,C] of unit variance -> an Ornstein-Uhlenbeck process of about unit variance that forgets in `seconds`.

    Such a process trembles however slowly it forgets; slow ones are made smooth.
    """
    kept = float(np.exp(-1 / (FRAME_RATE * seconds)))
    fresh = (1 - kept**2) ** 0.5
    values = [steps[:, :, 0]]
    for frame in range(1, steps.shape[2]):
        values.append(kept * values[-1] + fresh * steps[:, :, frame])
    path = torch.stack(values, 2)
    if seconds < _SLOW:
        return path
    return decompose(path.flatten(3), 2)[1].reshape(path.shape)


def _jumps(shape: tuple[int, int, int], errors: TakeErrors, generator: torch.Generator) -> Tensor:
    """Axis-angle [B,P,T,22,3]: two limbs at most that are elsewhere for some frames."""
    B, P, T = shape
    device = generator.device
    turn = torch.zeros(B, P, T, BODY_COUNT, 3, device=device)
    frames, limbs = torch.arange(T, device=device), torch.tensor(_LIMBS, device=device)
    joints = torch.arange(BODY_COUNT, device=device)
    for _ in range(2):
        start, length, there = torch.rand(3, B, P, 1, generator=generator, device=device)
        start, length = (start * T).floor(), 1 + (length * errors.longest).floor()
        inside = (frames >= start) & (frames < start + length) & (there < errors.jumps)
        limb = limbs[torch.randint(len(_LIMBS), (B, P, 1), generator=generator, device=device)]
        by = errors.jump * torch.randn(B, P, 1, 1, 3, generator=generator, device=device)
        turn = turn + by * (inside[..., None] & (joints == limb)[:, :, None])[..., None]
    return turn


@dataclass(frozen=True)
class RefinerObjective:
    """Called with a batch and a generator on its device, gives the loss of smoothing takes drawn of it, and its parts."""

    network: SequenceSmoother
    body: BodyModel
    weights: RefinerWeights = field(default_factory=RefinerWeights)
    errors: TakeErrors = field(default_factory=TakeErrors)

    def __call__(self, batch: Drawn, generator: torch.Generator) -> tuple[Tensor, Mapping[str, Tensor]]:
        batch = calmed_first(batch, generator)
        take = drawn_take(batch, self.errors, generator)
        made = smoothed(self.network, take, batch)
        parts = motion_loss(made.joints(self.body), batch.truth_joints, batch.valid)
        total = torch.stack([getattr(self.weights, name) * value for name, value in parts.items()]).sum()
        return total, {name: value.detach() for name, value in parts.items()}


def smoothed(smoother: Smoother, take: PoseState, batch: Drawn) -> PoseState:
    """Takes of windows, smoothed."""
    calm = smoother(pose_numbers(take), pose_numbers(batch.base), evidence_features(batch.nodes, batch.seen))
    return pose_from_numbers(calm, take)


def motion_loss(made: Tensor, true: Tensor, there: Tensor) -> dict[str, Tensor]:
    """How far joints [B,P,T,22,3] are from the true ones, and their motion from theirs, over the frames [B,T] that are there."""
    off = made - true
    turned = off - off[..., :1, :]
    steps, turns = there[:, 1:] & there[:, :-1], there[:, 2:] & there[:, 1:-1] & there[:, :-2]
    return {
        "pose": _mean(turned.norm(dim=-1), there) / _TENTH,
        "placed": _mean(off.norm(dim=-1), there) / _TENTH,
        "velocity": _mean(_length(off.diff(dim=2)), steps) * FRAME_RATE,
        "acceleration": _mean(_length(off.diff(n=2, dim=2)), turns) * FRAME_RATE**2 / _ACCELERATION,
    }


def refiner_errors(smoother: Smoother, examples: Sequence[Example], body: BodyModel) -> dict[str, float]:
    """`measure.joint_errors` over a take of each clip, the same one each time, and of its motion.

    Differences from one frame to the next, mm. step: how wrong they are; fast_step: the same of the twentieth of all joints and
    frames that moves the fastest in truth, where calming costs most; jerk: the third ones (jitter, a frame instead of a second)
    of the joints themselves, which are not nought in truth.
    """
    device = body.device
    jerks, speeds, wrong = [], [], []

    def guesses() -> Iterator[Guess]:
        for example in examples:
            batch = drawn(batch_of([example], [0], example.frames), Words(), device)
            generator = torch.Generator(device).manual_seed(zlib.crc32(example.name.encode()))
            with torch.no_grad():
                batch = calmed_first(batch, generator)
                made = smoothed(smoother, drawn_take(batch, TakeErrors(), generator), batch)
                joints = made.joints(body)[0].cpu().numpy()
            jerks.append(jitter(joints, 1) * MM)
            true, off = (
                np.diff(values, axis=1) * MM for values in (example.truth_joints, joints - example.truth_joints)
            )
            speeds.append(np.linalg.norm(true, axis=-1).ravel())
            wrong.append(np.linalg.norm(off, axis=-1).ravel())
            yield Guess(joints, example.truth_joints, example.hidden)

    errors = joint_errors(guesses())
    speed, off = np.concatenate(speeds), np.concatenate(wrong)
    fast = speed >= np.quantile(speed, 0.95)
    return errors | {"step": float(off.mean()), "fast_step": float(off[fast].mean()), "jerk": float(np.mean(jerks))}


def true_jerk(examples: Sequence[Example]) -> float:
    """`jerk` of the truth, mm."""
    return float(np.mean([jitter(example.truth_joints, 1) * MM for example in examples]))


def filter_errors(examples: Sequence[Example], body: BodyModel) -> dict[str, dict[str, float]]:
    """`refiner_errors` of takes as they are and through plain filters, each with what suits these takes best."""
    weights = RefinerWeights()

    def badness(errors: Mapping[str, float]) -> float:
        """About the loss, from the same takes."""
        place = (weights.pose * errors["mpjpe"] + weights.placed * errors["place"]) / (MM * _TENTH)
        turns = weights.acceleration * errors["accel"] / MM * FRAME_RATE**2 / _ACCELERATION
        return place + weights.velocity * errors["step"] / MM * FRAME_RATE + turns

    filters = {
        "gauss": [gaussian(frames) for frames in (1.0, 2.0, 3.0, 4.0, 6.0)],
        "one-euro": [one_euro(cutoff, more) for cutoff in (0.3, 0.6, 1.2) for more in (0.1, 0.3)],
    }
    best = {
        name: min((refiner_errors(smoother, examples, body) for smoother in smoothers), key=badness)
        for name, smoothers in filters.items()
    }
    return {"take": refiner_errors(untouched, examples, body), **best}


def untouched(motion: Tensor, first: Tensor, evidence: Tensor) -> Tensor:
    """A `Smoother` that does nothing."""
    return motion


def gaussian(frames: float) -> Smoother:
    """A plain filter: a Gaussian of that standard deviation over time; beyond the ends motion goes on."""
    reach = int(np.ceil(3 * frames))
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / frames) ** 2)
    kernel = kernel / kernel.sum()

    def filtered(motion: Tensor, first: Tensor, evidence: Tensor) -> Tensor:
        return pad_odd(motion, reach).unfold(-2, len(kernel), 1) @ kernel.to(motion)

    return filtered


def one_euro(cutoff: float, more: float) -> Smoother:
    """A plain filter that lets fast motion through (Casiez, Roussel and Vogel, CHI 2012), there and back: without delay.

    `cutoff` in Hz of what rests, `more` Hz for each radian, or metre, a second, of a joint.
    """

    def share(frequency: Tensor | float) -> Tensor:
        return 1 / (1 + FRAME_RATE / (2 * torch.pi * torch.as_tensor(frequency)))

    def one_way(motion: Tensor) -> Tensor:
        value, speed, before = motion[..., 0, :], torch.zeros_like(motion[..., 0, :]), motion[..., 0, :]
        values = [value]
        for now in motion.unbind(-2)[1:]:
            speed = speed + share(1.0).to(motion) * ((now - before) * FRAME_RATE - speed)
            turns, way = speed[..., ROTATION].unflatten(-1, (-1, 6)), speed[..., TRANSLATION]
            of_joint = turns.norm(dim=-1).repeat_interleave(6, -1)
            fast = torch.cat([of_joint, way.norm(dim=-1, keepdim=True).expand_as(way)], -1)
            value = value + share(cutoff + more * fast) * (now - value)
            values.append(value)
            before = now
        return torch.stack(values, -2)

    def filtered(motion: Tensor, first: Tensor, evidence: Tensor) -> Tensor:
        return (one_way(motion) + one_way(motion.flip(-2)).flip(-2)) / 2

    return filtered


def _length(vectors: Tensor) -> Tensor:
    """Of vectors [...,3]; its gradient is finite at nought."""
    return (vectors.square().sum(-1) + 1e-12).sqrt()


def _mean(values: Tensor, there: Tensor) -> Tensor:
    """Of values [B,P,T,22] over the frames [B,T] that are there."""
    weight = there[:, None, :, None].expand_as(values)
    return (values * weight).sum() / weight.sum().clamp_min(1)
