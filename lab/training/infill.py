"""The infiller in training: its loss on batches, and its errors on whole dev clips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from core.body.model import BodyModel
from core.infilling.denoiser import Denoiser, DenoiserConfig
from core.infilling.infiller import ReferenceMotion, conditions_of
from core.infilling.sampling import SamplingInputs, SamplingSettings, sample
from core.observations.features import NODE_FEATURES, PERSON_FEATURES, Features
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

from .draw import whole_clips
from .examples import Example
from .measure import Guess, joint_errors
from .words import Words

_MEASURED = 200
"""Examples that scales are taken from."""
DEV_SAMPLING = SamplingSettings(steps=5, temperature=0.0)
"""How dev clips are filled in: the most likely take, without guidance, in few steps."""


def infiller_config(**changes: object) -> DenoiserConfig:
    """Sizes for the features and channels of this version, with those that are named."""
    values = {
        "node_features": len(NODE_FEATURES),
        "person_features": len(PERSON_FEATURES),
        "channels": CHANNELS,
        "static_channels": BETAS,
    }
    return DenoiserConfig(**(values | changes))  # pyright: ignore[reportArgumentType]


def scales_of(examples: Sequence[Example], words: Words, body: BodyModel, optimizer: STGCN | None) -> ResidualScales:
    """How far each channel usually is from the motion that is changed, over some of the examples."""
    chosen = examples[:: max(1, len(examples) // _MEASURED)]
    xs, shapes = [], []
    for example, first, _ in _firsts(chosen, words, body, optimizer, torch.device("cpu")):
        true = decode_residual(*_true_change(example), first.observed.reference).motion
        states = torch.from_numpy(example.x.astype(np.float32))
        x, betas = encode_residual(true, first.base, states[..., FOOT_CONTACT] > 0, states[..., TOUCHING] > 0)
        xs.append(x)
        shapes.append(betas)
    return ResidualScales.of(xs, shapes)


def infiller_errors(
    network: nn.Module,
    examples: Sequence[Example],
    words: Words,
    scales: ResidualScales,
    body: BodyModel,
    optimizer: STGCN | None,
) -> dict[str, float]:
    """`measure.joint_errors` of one take of each clip."""
    assert isinstance(network, Denoiser)
    device = next(network.parameters()).device

    def guesses() -> Iterator[Guess]:
        for example, first, text in _firsts(examples, words, body, optimizer, device):
            windows = sliding_windows(example.frames)
            reference = ReferenceMotion.of(first.base, first.observed, first.sigma, body)
            conditions = conditions_of(first.observed, reference, windows, device)
            said = text if bool((text != 0).any()) else None
            channels = sample(network, conditions, windows, DEV_SAMPLING, SamplingInputs(said), SilentReporter())
            motion = decode_residual(*from_channels(channels, scales), first.base).motion
            yield Guess(motion.joints(body).cpu().numpy(), example.truth_joints, example.hidden)

    return joint_errors(guesses())


@dataclass(frozen=True)
class _First:
    observed: Features
    base: PoseState
    sigma: Tensor | None


def _firsts(
    examples: Sequence[Example],
    words: Words,
    body: BodyModel,
    optimizer: STGCN | None,
    device: torch.device,
) -> Iterator[tuple[Example, _First, Tensor]]:
    """Of each clip what an infiller changes, as in use, and the numbers of its first sentence."""
    if optimizer is not None:
        device = next(optimizer.parameters()).device
    for example, observed, text in whole_clips(examples, words, device):
        if optimizer is None:
            yield example, _First(observed, observed.reference, None), text
            continue
        found = run_stgcn(observed, optimizer, text)
        yield (
            example,
            _First(observed, pose_to_joints(observed.reference, found.joints_inview, body), found.sigma),
            text,
        )


def _true_change(example: Example) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(example.x.astype(np.float32)), torch.from_numpy(example.betas.astype(np.float32))
