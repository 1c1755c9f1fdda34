"""The infiller in training: its loss on batches, and its errors on whole dev clips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import nn

from ..body.model import BodyModel
from ..diffusion.denoiser import Denoiser, DenoiserConfig
from ..diffusion.infiller import Sampling, sample
from ..diffusion.loss import CHANNELS, unscaled
from ..diffusion.run import conditions_of
from ..optimizer.network import GeometryOptimizer
from ..optimizer.run import optimize
from ..report import SilentReporter
from ..representation.observed import NODE_FEATURES, PERSON_FEATURES
from ..representation.residual import BETAS, Scales, decode
from ..representation.spans import spans
from .draw import whole_clips
from .examples import Example
from .measure import Guess, joint_errors
from .words import Words

DEV_SAMPLING = Sampling(steps=5)
"""How dev clips are filled in: without guidance, in few steps."""


def infiller_config(**changes: object) -> DenoiserConfig:
    """Sizes for the features and channels of this version, with those that are named."""
    values = {
        "node_features": len(NODE_FEATURES),
        "person_features": len(PERSON_FEATURES),
        "channels": CHANNELS,
        "steady": BETAS,
    }
    return DenoiserConfig(**(values | changes))  # pyright: ignore[reportArgumentType]


def scales_of(examples: Sequence[Example]) -> Scales:
    """How far each channel usually is from the first motion."""
    xs = [torch.from_numpy(example.x.astype(np.float32)) for example in examples]
    return Scales.of(xs, [torch.from_numpy(example.betas.astype(np.float32)) for example in examples])


def infiller_errors(
    network: nn.Module,
    examples: Sequence[Example],
    words: Words,
    scales: Scales,
    body: BodyModel,
    optimizer: GeometryOptimizer | None,
) -> dict[str, float]:
    """`measure.joint_errors` of one take of each clip."""
    assert isinstance(network, Denoiser)
    device = next(network.parameters()).device

    def guesses() -> Iterator[Guess]:
        for example, observed, text in whole_clips(examples, words, device):
            windows = spans(example.frames)
            optimized = None if optimizer is None else optimize(observed, optimizer, text)
            conditions = conditions_of(observed, optimized, windows, device)
            said = text if bool((text != 0).any()) else None
            channels = sample(network, conditions, windows, DEV_SAMPLING, text=said, reporter=SilentReporter())
            motion = decode(*unscaled(channels, scales), observed.base).motion
            yield Guess(motion.joints(body).cpu().numpy(), example.truth_joints, example.hidden)

    return joint_errors(guesses())
