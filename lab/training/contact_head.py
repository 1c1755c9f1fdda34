"""Training of the contact head: batches, augmentation, loss, and how its probabilities do on dev clips."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.random import Generator
from torch import Tensor, nn

from core.contacts.features import ContactFeatures
from core.contacts.head import (
    PART_KIND,
    PLACES,
    UNKNOWN_KIND,
    ContactHead,
    PairSequences,
    contact_probabilities,
    near_pairs,
    pair_inputs,
    predict_part_contacts,
    with_people_swapped,
)
from core.contract.body_parts import BODY_PARTS, PART_INDEX
from core.contract.skeleton import mirrored
from core.semantics.prompt_parser import named_parts, parse_prompt

from .contact_examples import ContactExample

WINDOW = 64
"""frames"""
_MIRROR = torch.tensor([PART_INDEX[mirrored(part)] for part in BODY_PARTS])
_TRUE_PROMPT, _WRONG_PROMPT = 0.4, 0.15
"""Parts of the windows whose prompt is the clip's sentence, and that of a clip drawn from all: mostly a wrong one."""
_WITHOUT_IDENTITY = 0.4
"""Part of the windows whose pairs' body parts the network does not know."""
_NOISE, _NOISE_OF_FRAMES = 0.07, 0.02
"""Standard deviations of the noise on what the network reads of a pair: the same over the window, and anew in each frame."""
_EXACT = 3
"""The last things that it reads have none: sides, and what the prompt names."""
_BINS = 10


@dataclass(frozen=True)
class ContactBatch:
    """Windows of B clips with their truth: K pairs of parts, N frames."""

    pairs: PairSequences
    touching: Bool[Tensor, "B K N"]
    anything: Bool[Tensor, "B N"]


@dataclass(frozen=True)
class ContactObjective:
    """The negative log-likelihood of what touches in a batch."""

    network: ContactHead

    def __call__(self, batch: ContactBatch, generator: torch.Generator) -> tuple[Tensor, Mapping[str, Tensor]]:
        anything, pair = self.network(batch.pairs)
        probability = contact_probabilities(anything, pair, batch.pairs).clamp(1e-6, 1 - 1e-6)
        by_pair = nn.functional.binary_cross_entropy(probability, batch.touching.float(), reduction="none")
        exists = batch.pairs.exists[..., None].expand_as(by_pair)
        pairs_loss = (by_pair * exists).sum((1, 2)).mean() / batch.anything.shape[1]
        any_loss = nn.functional.binary_cross_entropy_with_logits(anything, batch.anything.float())
        return pairs_loss + any_loss, {"pairs": pairs_loss.detach(), "anything": any_loss.detach()}


@dataclass(frozen=True)
class ContactBatches:
    """Draws windows of examples, half of them mirrored, half with the people exchanged, some with a sentence as prompt, some
    without the identity of the body parts, all with noise.

    There are few examples, each of which is drawn many times: without noise the network learns them by heart.
    """

    examples: Sequence[ContactExample]

    def __call__(self, rng: Generator, count: int) -> ContactBatch:
        windows = [self._window(rng) for _ in range(count)]
        most = max(1, *(inputs.shape[0] for inputs, *_ in windows))

        def padded(values: Tensor) -> Tensor:
            return torch.cat([values, values.new_zeros(most - len(values), *values.shape[1:])])

        exists = torch.stack([torch.arange(most) < len(inputs) for inputs, *_ in windows])
        inputs, kinds, touching = (torch.stack([padded(window[i]) for window in windows]) for i in range(3))
        anything = torch.stack([window[3] for window in windows])
        return ContactBatch(PairSequences(inputs, kinds, exists), touching, anything)

    def _window(self, rng: Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        example = self.examples[int(rng.integers(len(self.examples)))]
        frames = len(example.touching)
        first = int(rng.integers(max(1, frames - WINDOW + 1)))
        window = torch.arange(first, first + WINDOW).clamp_max(frames - 1)
        whole = example.features
        features = ContactFeatures(whole.pairs[window], whole.parts[:, window], whole.people[:, window])
        touching, named = torch.from_numpy(example.touching)[window], self._named(example, rng)
        if rng.random() < 0.5:
            features = _mirrored(features)
            touching, named = touching[:, _MIRROR][:, :, _MIRROR], None if named is None else named[_MIRROR][:, _MIRROR]
        if rng.random() < 0.5:
            features, touching, named = with_people_swapped(features), touching.mT, None if named is None else named.T
        pairs = near_pairs(features)
        chosen = touching[:, pairs[:, 0], pairs[:, 1]].T
        inputs, kinds = _noisy(pair_inputs(features, named, pairs), rng), PART_KIND[pairs]
        if rng.random() < _WITHOUT_IDENTITY:
            inputs, kinds = without_identity(inputs, kinds)
        return inputs, kinds, chosen, touching.any(2).any(1)

    def _named(self, example: ContactExample, rng: Generator) -> Tensor | None:
        prompt = rng.random()
        if prompt < _TRUE_PROMPT:
            return _named_by(example, rng)
        if prompt < _TRUE_PROMPT + _WRONG_PROMPT:
            return _named_by(self.examples[int(rng.integers(len(self.examples)))], rng)
        return None


def without_identity(
    inputs: Float[Tensor, "K N 34"], kinds: Int[Tensor, "K 2"]
) -> tuple[Float[Tensor, "K N 34"], Int[Tensor, "K 2"]]:
    """The same pairs, without which parts they are made of and where these are on their bodies.

    A network that is sometimes trained so learns to judge by distances, speeds and certainty, too: one that always knows parts
    knows the interactions that it was trained on, and hardly finds a touch in others.
    """
    inputs = inputs.clone()
    inputs[..., PLACES] = 0
    return inputs, torch.full_like(kinds, UNKNOWN_KIND)


def _noisy(inputs: Float[Tensor, "K N C"], rng: Generator) -> Float[Tensor, "K N C"]:
    pairs, frames, channels = inputs.shape
    noise = rng.normal(0, _NOISE, (pairs, 1, channels)) + rng.normal(0, _NOISE_OF_FRAMES, (pairs, frames, channels))
    noise[..., -_EXACT:] = 0
    return inputs + torch.from_numpy(noise).to(inputs)


def _mirrored(features: ContactFeatures) -> ContactFeatures:
    """Those of the mirrored clip; what there is of people and places does not know left from right."""
    pairs, parts = features.pairs[:, _MIRROR][:, :, _MIRROR], features.parts[:, :, _MIRROR]
    return ContactFeatures(pairs, parts, features.people)


def _named_by(example: ContactExample, rng: Generator) -> Tensor | None:
    if not example.sentences:
        return None
    named = named_parts(parse_prompt(str(rng.choice(example.sentences))))
    return None if named is None else torch.from_numpy(named)


def contact_errors(
    network: nn.Module, examples: Sequence[ContactExample], *, with_prompt: bool = False
) -> dict[str, float]:
    """F1 of pairs of parts per frame at even odds, precision and recall, frames in which something touches by F1, calibration.

    `calibration` is the mean difference between probability and frequency over bins of the probability, weighted by pairs.
    """
    probability, true = predicted_and_true(network, examples, with_prompt=with_prompt)
    anything = np.concatenate([each.reshape(len(each), -1).max(1) for each in probability])
    truly = np.concatenate([each.any((1, 2)) for each in true])
    flat, flat_true = (np.concatenate([each.ravel() for each in values]) for values in (probability, true))
    apart = [each.max() for each, touching in zip(probability, true) if not touching.any()]
    hits, found = float((flat_true & (flat > 0.5)).sum()), float((flat > 0.5).sum())
    return {
        "f1": 2 * hits / max(found + float(flat_true.sum()), 1.0),
        "precision": hits / max(found, 1.0),
        "recall": hits / max(float(flat_true.sum()), 1.0),
        "anything_f1": _f1(anything > 0.5, truly),
        "apart_found": float(np.mean([largest > 0.5 for largest in apart])) if apart else 0.0,
        "calibration": float(sum(abs(p - f) * n for p, f, n in reliability(flat, flat_true)) / max(len(flat), 1)),
    }


def predicted_and_true(
    network: nn.Module, examples: Sequence[ContactExample], *, with_prompt: bool = False
) -> tuple[list[Float[np.ndarray, "N Q Q"]], list[Bool[np.ndarray, "N Q Q"]]]:
    """Probabilities and truth of each clip; `with_prompt`: a sentence of the clip is the prompt."""
    assert isinstance(network, ContactHead)
    probability = []
    for example in examples:
        named = _named_by(example, np.random.default_rng(zlib.crc32(example.name.encode()))) if with_prompt else None
        probability.append(predict_part_contacts(example.features, network, named).numpy())
    return probability, [example.touching for example in examples]


def reliability(probability: Float[np.ndarray, " n"], true: Bool[np.ndarray, " n"]) -> list[tuple[float, float, int]]:
    """For each bin of the probability above one in a hundred: its mean, the frequency of what is true, and their number."""
    known = probability > 0.01
    probability, true = probability[known], true[known]
    index = np.minimum((probability * _BINS).astype(int), _BINS - 1)
    bins = [(probability[index == i], true[index == i]) for i in range(_BINS)]
    return [(float(p.mean()), float(t.mean()), len(p)) for p, t in bins if len(p)]


def _f1(found: Bool[np.ndarray, " n"], true: Bool[np.ndarray, " n"]) -> float:
    return 2 * float((found & true).sum()) / max(float(found.sum() + true.sum()), 1.0)
