"""Batches of windows of training examples, and whole clips for evaluation, on the network's device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from core.body.rotations import rotation_6d_to_matrix
from core.observations.features import Features
from core.representation.residual import FOOT_CONTACT, TOUCHING, PoseState
from core.representation.sliding_windows import WINDOW

from .examples import Example
from .masking import MaskedFeatures
from .sentence_embeddings import SentenceEmbeddings


@dataclass(frozen=True)
class Batch:
    """B windows of T frames of examples, float32. Fields as in `Example`."""

    nodes: Float[Tensor, "B P T 22 F"]
    people: Float[Tensor, "B P T G"]
    confidence: Float[Tensor, "B P T 22"]
    reference: PoseState
    """The initial motion."""
    reference_joints: Float[Tensor, "B P T 22 3"]
    true_joints: Float[Tensor, "B P T 22 3"]
    residual: Float[Tensor, "B P T R"]
    residual_betas: Float[Tensor, "B P 16"]
    visibility: UInt8[Tensor, "B P T 22"]
    valid: Bool[Tensor, "B T"]
    """False for padding: a clip that is too short repeats its last frame."""
    text: Float[Tensor, "B E"]
    """Embeddings of one of each clip's sentences, a row of zeros where it has none."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """B, P, T"""
        windows, people, frames = self.confidence.shape[:3]
        return windows, people, frames

    @property
    def features(self) -> MaskedFeatures:
        """What a model reads, with nothing masked."""
        return MaskedFeatures(self.nodes, self.people, self.confidence, self.reference)

    @property
    def foot_contact(self) -> Bool[Tensor, "B P T 2"]:
        """Of the true motion."""
        return self.residual[..., FOOT_CONTACT] > 0

    @property
    def touching(self) -> Bool[Tensor, "B P T 8"]:
        """Of the true motion."""
        return self.residual[..., TOUCHING] > 0

    def to(self, device: torch.device | str) -> Batch:
        tensors: dict[str, Any] = {name: value.to(device) for name, value in vars(self).items() if name != "reference"}
        reference = self.reference
        moved = PoseState(*(value.to(device) for value in (reference.rotations, reference.pelvis, reference.betas)))
        return replace(self, reference=moved, **tensors)


@dataclass(frozen=True)
class BatchSampler:
    """Draws windows at random; every frame of the examples is equally likely."""

    examples: Sequence[Example]
    embeddings: SentenceEmbeddings
    device: torch.device | str

    def __call__(self, rng: np.random.Generator, size: int, length: int = WINDOW) -> Batch:
        frames = np.array([example.frames for example in self.examples], float)
        chosen = [self.examples[index] for index in rng.choice(len(frames), size, p=frames / frames.sum())]
        starts = [int(rng.integers(max(example.frames - length, 0) + 1)) for example in chosen]
        sentences = [_draw_sentence(example, rng) for example in chosen]
        text = self.embeddings.lookup(sentences)
        return cut_windows(chosen, starts, length, text).to(self.device)


def cut_windows(examples: Sequence[Example], starts: Sequence[int], length: int, text: Float[Tensor, "B E"]) -> Batch:
    """A window of `length` frames of each example."""
    frames = [np.arange(start, start + length) for start in starts]
    clamped = [np.minimum(index, example.frames - 1) for example, index in zip(examples, frames)]

    def windows(name: str) -> Tensor:
        parts = [getattr(example, name)[:, index] for example, index in zip(examples, clamped)]
        return torch.from_numpy(np.stack(parts))

    def stack(name: str) -> Tensor:
        return torch.from_numpy(np.stack([getattr(example, name) for example in examples])).float()

    joints = windows("reference_joints").float()
    rotations = rotation_6d_to_matrix(windows("reference_rotations").float())
    return Batch(
        nodes=windows("nodes").float(),
        people=windows("people").float(),
        confidence=windows("confidence").float(),
        reference=PoseState(rotations, joints[..., 0, :], stack("reference_betas")),
        reference_joints=joints,
        true_joints=windows("true_joints").float(),
        residual=windows("residual").float(),
        residual_betas=stack("residual_betas"),
        visibility=windows("visibility"),
        valid=torch.from_numpy(np.stack([index < example.frames for example, index in zip(examples, frames)])),
        text=text,
    )


def whole_clip(example: Example, embeddings: SentenceEmbeddings, device: torch.device | str) -> Batch:
    """A batch of one window, all of the clip, with its first sentence."""
    text = embeddings.lookup([example.sentences[0] if example.sentences else ""])
    return cut_windows([example], [0], example.frames, text).to(device)


@dataclass(frozen=True)
class WholeClip:
    """A clip as the models get it in the product."""

    example: Example
    features: Features
    text: Float[Tensor, " E"]


def whole_clips(
    examples: Sequence[Example], embeddings: SentenceEmbeddings, device: torch.device | str
) -> Iterator[WholeClip]:
    """Every example as the networks read it, all of its frames at once and without noise."""
    for example in examples:
        batch = whole_clip(example, embeddings, device)
        reference = batch.reference
        reference = PoseState(reference.rotations[0], reference.pelvis[0], reference.betas[0])
        features = Features(batch.nodes[0], batch.people[0], batch.reference_joints[0], batch.confidence[0], reference)
        yield WholeClip(example, features, batch.text[0])


def _draw_sentence(example: Example, rng: np.random.Generator) -> str:
    return example.sentences[int(rng.integers(len(example.sentences)))] if example.sentences else ""
