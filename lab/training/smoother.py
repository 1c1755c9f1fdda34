"""Training of the sequence smoother: its objective on simulated takes, its errors on dev clips beside those of plain filters."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from core.body.model import BodyModel
from core.representation.resampling import FRAME_RATE
from core.representation.residual import PoseState
from core.smoothing.network import SequenceSmoother, evidence_features, pose_from_numbers, pose_numbers

from ..evaluation.metrics import MM, jitter
from .baseline_filters import PoseFilter, gaussian, identity, one_euro
from .batches import Batch, whole_clip
from .examples import Example
from .joint_errors import JointEstimate, joint_errors
from .loss_terms import masked_mean
from .sentence_embeddings import SentenceEmbeddings
from .simulated_takes import TakeErrors, simulate_take, smooth_reference

_USUAL_ERROR, _USUAL_ACCELERATION = 0.1, 10.0
_FAST = 0.95
"""Quantile of the true displacements above which they count as fast."""


@dataclass(frozen=True)
class SmootherLossWeights:
    """Weights of the parts of the loss. Each part is about one at an error of 10 cm, 1 m/s, 10 m/s2.

    If acceleration counted for more than velocity, fast motion would be smoothed away: most of it lasts for some frames only.
    """

    pose: float = 0.3
    position: float = 0.3
    velocity: float = 2.0
    acceleration: float = 0.5


@dataclass(frozen=True)
class SmootherObjective:
    """The loss of smoothing simulated takes of a batch, and its parts."""

    network: SequenceSmoother
    body: BodyModel
    weights: SmootherLossWeights = field(default_factory=SmootherLossWeights)
    errors: TakeErrors = field(default_factory=TakeErrors)

    def __call__(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, Mapping[str, Tensor]]:
        batch = smooth_reference(batch, self.errors, generator)
        take = simulate_take(batch, self.errors, generator)
        smoothed = apply_filter(self.network, take, batch)
        parts = motion_loss(smoothed.joints(self.body), batch.true_joints, batch.valid)
        total = torch.stack([getattr(self.weights, name) * value for name, value in parts.items()]).sum()
        return total, {name: value.detach() for name, value in parts.items()}


def apply_filter(pose_filter: PoseFilter, take: PoseState, batch: Batch) -> PoseState:
    """Smooth a take of each window."""
    evidence = evidence_features(batch.nodes, batch.confidence)
    return pose_from_numbers(pose_filter(pose_numbers(take), pose_numbers(batch.reference), evidence), take)


def motion_loss(
    joints: Float[Tensor, "B P T 22 3"], true: Float[Tensor, "B P T 22 3"], valid: Bool[Tensor, "B T"]
) -> dict[str, Tensor]:
    """Parts of the loss: errors of joints and of their motion, over the valid frames."""
    error = joints - true
    pose_error = error - error[..., :1, :]
    two_valid, three_valid = valid[:, 1:] & valid[:, :-1], valid[:, 2:] & valid[:, 1:-1] & valid[:, :-2]
    acceleration = masked_mean(_length(error.diff(n=2, dim=2)), three_valid) * FRAME_RATE**2
    return {
        "pose": masked_mean(pose_error.norm(dim=-1), valid) / _USUAL_ERROR,
        "position": masked_mean(error.norm(dim=-1), valid) / _USUAL_ERROR,
        "velocity": masked_mean(_length(error.diff(dim=2)), two_valid) * FRAME_RATE,
        "acceleration": acceleration / _USUAL_ACCELERATION,
    }


def smoother_errors(pose_filter: PoseFilter, examples: Sequence[Example], body: BodyModel) -> dict[str, float]:
    """`joint_errors` of a smoothed take of each clip, always the same take, and errors of its motion, in mm per frame.

    step: error of the joints' displacements from one frame to the next; fast_step: the same for the fastest twentieth of the true
    displacements, where smoothing costs most; jerk: third differences of the joints themselves, which are not zero in truth.
    """
    device = body.device
    jerks, displacements, displacement_errors = [], [], []

    def estimates() -> Iterator[JointEstimate]:
        for example in examples:
            batch = whole_clip(example, SentenceEmbeddings(), device)
            generator = torch.Generator(device).manual_seed(zlib.crc32(example.name.encode()))
            errors = TakeErrors()
            with torch.no_grad():
                batch = smooth_reference(batch, errors, generator)
                smoothed = apply_filter(pose_filter, simulate_take(batch, errors, generator), batch)
                joints = smoothed.joints(body)[0].cpu().numpy()
            jerks.append(jitter(joints, 1) * MM)
            true, error = (
                np.diff(values, axis=1) * MM for values in (example.true_joints, joints - example.true_joints)
            )
            displacements.append(np.linalg.norm(true, axis=-1).ravel())
            displacement_errors.append(np.linalg.norm(error, axis=-1).ravel())
            yield JointEstimate(joints, example.true_joints, example.visibility)

    errors = joint_errors(estimates())
    displacement, error = np.concatenate(displacements), np.concatenate(displacement_errors)
    fast = displacement >= np.quantile(displacement, _FAST)
    motion = {"step": float(error.mean()), "fast_step": float(error[fast].mean()), "jerk": float(np.mean(jerks))}
    return errors | motion


def true_jerk(examples: Sequence[Example]) -> float:
    """`jerk` of the true motion, mm."""
    return float(np.mean([jitter(example.true_joints, 1) * MM for example in examples]))


def baseline_errors(examples: Sequence[Example], body: BodyModel) -> dict[str, dict[str, float]]:
    """`smoother_errors` of the takes themselves and of plain filters, each with the best of several settings."""
    weights = SmootherLossWeights()

    def loss(errors: Mapping[str, float]) -> float:
        """About the training loss, from the errors."""
        joints = (weights.pose * errors["mpjpe"] + weights.position * errors["position"]) / (MM * _USUAL_ERROR)
        velocity = weights.velocity * errors["step"] / MM * FRAME_RATE
        acceleration = weights.acceleration * errors["accel"] / MM * FRAME_RATE**2 / _USUAL_ACCELERATION
        return joints + velocity + acceleration

    filters = {
        "gauss": [gaussian(sigma) for sigma in (1.0, 2.0, 3.0, 4.0, 6.0)],
        "one-euro": [one_euro(min_cutoff, beta) for min_cutoff in (0.3, 0.6, 1.2) for beta in (0.1, 0.3)],
    }
    best = {
        name: min((smoother_errors(pose_filter, examples, body) for pose_filter in candidates), key=loss)
        for name, candidates in filters.items()
    }
    return {"take": smoother_errors(identity, examples, body), **best}


def _length(vectors: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b"]:
    """Euclidean norm with a finite gradient at zero."""
    return (vectors.square().sum(-1) + 1e-12).sqrt()
