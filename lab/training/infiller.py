"""Training of the infiller: its config for this version's features, the scales of its residuals, its errors on dev clips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from core.body.model import BodyModel
from core.infilling.denoiser import Denoiser, DenoiserConfig
from core.infilling.infiller import ReferenceMotion, conditions_of
from core.infilling.sampling import SamplingInputs, SamplingSettings, sample
from core.observations.features import NODE_FEATURES, PERSON_FEATURES
from core.reporting import SilentReporter
from core.representation.residual import (
    BETAS,
    CHANNELS,
    FOOT_CONTACT,
    TOUCHING,
    PoseState,
    ResidualScales,
    decode_residual,
    encode_residual,
    from_channels,
)
from core.representation.sliding_windows import sliding_windows
from core.stgcn.inference import run_stgcn
from core.stgcn.network import STGCN
from core.stgcn.posing import pose_to_joints

from .batches import WholeClip, whole_clips
from .examples import Example
from .joint_errors import JointEstimate, joint_errors
from .sentence_embeddings import SentenceEmbeddings

_MAX_CLIPS = 200
"""Examples that scales are computed from."""
DEV_SAMPLING = SamplingSettings(steps=5, temperature=0.0)
"""How dev clips are infilled: the most likely take, without guidance, in few steps."""


def infiller_config(**sizes: object) -> DenoiserConfig:
    """The config for the features and channels of this version, with the given sizes."""
    values = {
        "node_features": len(NODE_FEATURES),
        "person_features": len(PERSON_FEATURES),
        "channels": CHANNELS,
        "static_channels": BETAS,
    }
    return DenoiserConfig(**(values | sizes))  # pyright: ignore[reportArgumentType]


@dataclass(frozen=True)
class InfillerClip:
    """A whole clip and the motion that the infiller changes."""

    clip: WholeClip
    base: PoseState
    """The reference motion, posed to the joints of the ST-GCN if there is one."""
    sigma: Float[Tensor, "P N 22"] | None
    """Of the ST-GCN."""


@dataclass(frozen=True)
class InfillerContext:
    """What the infiller is trained and evaluated with."""

    embeddings: SentenceEmbeddings
    body: BodyModel
    stgcn: STGCN | None = None
    """None: residuals are relative to the initial motion."""

    def clips(self, examples: Sequence[Example], device: torch.device) -> Iterator[InfillerClip]:
        """Each clip as in the product; on the ST-GCN's device if there is one."""
        if self.stgcn is not None:
            device = next(self.stgcn.parameters()).device
        for clip in whole_clips(examples, self.embeddings, device):
            reference = clip.features.reference
            if self.stgcn is None:
                yield InfillerClip(clip, reference, None)
                continue
            prediction = run_stgcn(clip.features, self.stgcn, clip.text)
            base = pose_to_joints(reference, prediction.joints_inview, self.body)
            yield InfillerClip(clip, base, prediction.sigma)


def compute_scales(examples: Sequence[Example], context: InfillerContext) -> ResidualScales:
    """Root mean squares of the true residuals' channels, over some of the examples."""
    chosen = examples[:: max(1, len(examples) // _MAX_CLIPS)]
    residuals, betas = [], []
    for each in context.clips(chosen, torch.device("cpu")):
        example, reference = each.clip.example, each.clip.features.reference
        residual, residual_betas = (
            torch.from_numpy(values.astype(np.float32)) for values in (example.residual, example.residual_betas)
        )
        true = decode_residual(residual, residual_betas, reference).motion
        x, change = encode_residual(true, each.base, residual[..., FOOT_CONTACT] > 0, residual[..., TOUCHING] > 0)
        residuals.append(x)
        betas.append(change)
    return ResidualScales.of(residuals, betas)


def infiller_errors(
    network: nn.Module, examples: Sequence[Example], scales: ResidualScales, context: InfillerContext
) -> dict[str, float]:
    """`joint_errors` of one take of each clip, sampled with `DEV_SAMPLING`."""
    assert isinstance(network, Denoiser)
    device = next(network.parameters()).device

    def estimates() -> Iterator[JointEstimate]:
        for each in context.clips(examples, device):
            clip = each.clip
            windows = sliding_windows(clip.example.frames)
            reference = ReferenceMotion.of(each.base, clip.features, each.sigma, context.body)
            conditions = conditions_of(clip.features, reference, windows, device)
            inputs = SamplingInputs(clip.text if bool((clip.text != 0).any()) else None)
            channels = sample(network, conditions, windows, DEV_SAMPLING, inputs, SilentReporter())
            motion = decode_residual(*from_channels(channels, scales), each.base).motion
            joints = motion.joints(context.body).cpu().numpy()
            yield JointEstimate(joints, clip.example.true_joints, clip.example.visibility)

    return joint_errors(estimates())
