"""Batches for the networks: windows of examples on their device, with sentences as numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from core.observations.features import Features
from core.representation.residual import PoseState
from core.representation.sliding_windows import WINDOW

from .examples import Batch, Example, batch_of, draw_batch
from .words import Words

Drawn: TypeAlias = Batch[Tensor]
"""Windows with sentences as numbers [B,384], rows of zeros where nothing is said."""


@dataclass(frozen=True)
class Drawer:
    """Called with a generator of random numbers and a count, gives as many windows."""

    examples: Sequence[Example]
    words: Words
    device: torch.device

    def __call__(self, rng: np.random.Generator, count: int) -> Drawn:
        return drawn(draw_batch(self.examples, WINDOW, rng, count), self.words, self.device)


def drawn(batch: Batch[list[str]], words: Words, device: torch.device) -> Drawn:
    values: dict[str, Any] = vars(batch.to(device)) | {"text": words.of(batch.text, device)}
    return Batch(**values)


def whole_clips(
    examples: Sequence[Example], words: Words, device: torch.device
) -> Iterator[tuple[Example, Features, Tensor]]:
    """Each clip as models see it in use, and the numbers [384] of its first sentence."""
    for example in examples:
        batch = drawn(batch_of([example], [0], example.frames), words, device)
        base = PoseState(batch.base.rotations[0], batch.base.pelvis[0], batch.base.betas[0])
        yield example, Features(batch.nodes[0], batch.people[0], batch.joints[0], batch.seen[0], base), batch.text[0]
