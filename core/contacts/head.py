"""The contact head: a small network that says how probable it is that two body parts touch, for each pair in each frame.

Every pair of parts is a sequence that 1D convolutions over time read; the sequences of a clip exchange what they know through
their mean and maximum. Whether anything touches at all is a question of its own: a pair's probability is that something touches
times that this pair does if something touches.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ..checkpoint import load_checkpoint, load_weights, read_config, weights_file
from ..contract.body_parts import BODY_PARTS
from ..contract.skeleton import split_side
from .features import PAIR_CHANNELS, PART_SIDE, VERSION, ContactFeatures

KIND = "contact-head"
"""Kind of its checkpoints, and the file name of the weights that ship with the product."""
_KIND_NAMES = tuple(dict.fromkeys(split_side(part)[1] for part in BODY_PARTS))
PART_KIND = torch.tensor([_KIND_NAMES.index(split_side(part)[1]) for part in BODY_PARTS])
"""For each body part its kind, the part without side."""
_FAR, _NEAR = 0.15, 0.05
"""metres over which distances are told apart."""
_SPEED, _DEPTH, _EXCESS, _SIGMA, _BODY = 1.0, 0.3, 0.1, 0.1, 0.5
"""Scales of speeds (metres a second), differences of depth, distances beyond the nearest pair's or the nearest moment's, sigmas,
and places on the body (metres)."""
_RARE = -3.0
"""Logit of a pair before anything is learned: most pairs do not touch."""
INPUT_SIZE = 34
PLACES = slice(21, 27)
"""Of what the network reads: where both parts are on their own bodies."""
UNKNOWN_KIND = -1
"""Instead of a part's kind, where the network is not told which parts a pair is made of."""
_QUARTER = PAIR_CHANNELS.index("distance_025")
NEARBY = 0.5
"""metres, with a quarter of the depth: parts that never come nearer do not touch."""
MOST_PAIRS = 48
"""Of the pairs that come near each other, only so many, the nearest, are looked at."""


@dataclass(frozen=True)
class ContactHeadConfig:
    """Sizes of the contact head. ValueError if one is out of bounds, as a checkpoint could have it."""

    hidden: int = 32
    kernel: int = 5
    dilations: tuple[int, ...] = (1, 2, 4, 8)

    def __post_init__(self) -> None:
        if not (
            0 < self.hidden <= 1024 and 0 < self.kernel <= 31 and self.kernel % 2 and 0 < len(self.dilations) <= 16
        ):
            raise ValueError("a size of the contact head is out of range")


@dataclass(frozen=True)
class PairSequences:
    """The K pairs of parts of each of B clips that come near each other, over N frames."""

    inputs: Float[Tensor, "B K N 34"]
    kinds: Int[Tensor, "B K 2"]
    """`PART_KIND` of person 0's and of person 1's part, or `UNKNOWN_KIND` for both."""
    exists: Bool[Tensor, "B K"]
    """False for pairs that only fill up a batch."""


class ContactHead(nn.Module):
    def __init__(self, config: ContactHeadConfig) -> None:
        super().__init__()
        self.config = config
        hidden = config.hidden
        self.project = nn.Linear(INPUT_SIZE, hidden)
        self.first_part = nn.Embedding(len(_KIND_NAMES), hidden)
        self.second_part = nn.Embedding(len(_KIND_NAMES), hidden)
        self.blocks = nn.ModuleList(_Block(hidden, config.kernel, dilation) for dilation in config.dilations)
        self.pair = nn.Linear(hidden, 1)
        nn.init.constant_(self.pair.bias, _RARE)
        self.anything = nn.Sequential(nn.Linear(2 * hidden, hidden), nn.GELU(), nn.Linear(hidden, 1))

    def forward(self, pairs: PairSequences) -> tuple[Float[Tensor, "B N"], Float[Tensor, "B K N"]]:
        """Logits that anything touches, and that each pair does if so."""
        known, kinds = (pairs.kinds != UNKNOWN_KIND).all(-1, keepdim=True), pairs.kinds.clamp_min(0)
        parts = known * (self.first_part(kinds[..., 0]) + self.second_part(kinds[..., 1]))
        hidden = self.project(pairs.inputs) + parts[:, :, None]
        for block in self.blocks:
            hidden = block(hidden, pairs.exists)
        return self.anything(_pooled(hidden, pairs.exists))[..., 0], self.pair(hidden)[..., 0]


class _Block(nn.Module):
    """A residual convolution over time, with what is known of all pairs of the frame."""

    def __init__(self, hidden: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(hidden)
        self.convolve = nn.Conv1d(hidden, hidden, kernel, padding=dilation * (kernel // 2), dilation=dilation)
        self.context = nn.Linear(2 * hidden, hidden)
        self.mix = nn.Linear(hidden, hidden)

    def forward(self, hidden: Float[Tensor, "B K N H"], exists: Bool[Tensor, "B K"]) -> Float[Tensor, "B K N H"]:
        normed = self.norm(hidden)
        over_time = self.convolve(normed.flatten(0, 1).mT).mT.reshape(hidden.shape)
        context = self.context(_pooled(normed, exists))
        return hidden + self.mix(nn.functional.gelu(over_time + context[:, None]))


def _pooled(hidden: Float[Tensor, "B K N H"], exists: Bool[Tensor, "B K"]) -> Float[Tensor, "B N 2*H"]:
    """Mean and maximum over the pairs of each frame; zero where a clip has none."""
    mask = exists[:, :, None, None]
    mean = (hidden * mask).sum(1) / mask.sum(1).clamp_min(1)
    largest = hidden.masked_fill(~mask, -1e4).amax(1) * exists.any(1)[:, None, None] if hidden.shape[1] else mean
    return torch.cat([mean, largest], -1)


def near_pairs(features: ContactFeatures, most: int = MOST_PAIRS) -> Int[Tensor, "K 2"]:
    """The pairs of parts (person 0's, person 1's) that come near each other, nearest first."""
    nearest = features.pairs[..., _QUARTER].amin(0)
    order = nearest.flatten().argsort(stable=True)
    order = order[nearest.flatten()[order] < NEARBY][:most]
    return torch.stack([order // len(BODY_PARTS), order % len(BODY_PARTS)], -1)


def pair_inputs(
    features: ContactFeatures, named: Bool[Tensor, "Q Q"] | None, pairs: Int[Tensor, "K 2"]
) -> Float[Tensor, "K N 34"]:
    """What the network reads of pairs, as numbers of about one. `named`: pairs that the prompt names, None without a prompt."""
    first, second = pairs[:, 0], pairs[:, 1]
    all_pairs = features.pairs
    chosen = all_pairs[:, first, second].transpose(0, 1)
    full, quarter, tenth, above_least, speed, depth, predicted = chosen.unbind(-1)
    by_quarter = all_pairs[..., _QUARTER]
    beyond_row = (by_quarter - by_quarter.amin(2, keepdim=True))[:, first, second].T
    beyond_column = (by_quarter - by_quarter.amin(1, keepdim=True))[:, first, second].T
    parts = torch.stack([features.parts[0][:, first], features.parts[1][:, second]], -1).transpose(0, 1)
    confidence, along, across = parts[:, :, 0], parts[:, :, 1], parts[:, :, 2]
    place = parts[:, :, 3:].flatten(2)
    # the distances with a quarter and a tenth of the depth tell how much of it lies along the ray
    gap = ((quarter**2 - tenth**2).clamp_min(0) / (0.25**2 - 0.1**2)).sqrt()
    gap_in_sigmas = gap / (along.square().sum(-1).sqrt() + 0.01)
    people = torch.cat([features.people[0], features.people[1, :, :1]], -1)
    is_named = speed.new_zeros(len(pairs)) if named is None else named[first, second].to(speed)
    # a right hand shakes a right one, and holds a left one
    same_side = PART_SIDE[first] * PART_SIDE[second]
    fixed = torch.stack([same_side, is_named, torch.full_like(is_named, named is not None)], -1)
    distances = torch.stack([full, quarter, tenth, predicted], -1)
    others = [
        speed / (speed + _SPEED),
        (depth / _DEPTH).tanh(),
        (depth / _DEPTH).abs().tanh(),
        gap_in_sigmas / (gap_in_sigmas + 1),
        *(excess / (excess + _EXCESS) for excess in (beyond_row, beyond_column, above_least)),
    ]
    frames = speed.shape[1]
    return torch.cat(
        [
            distances / (distances + _FAR),
            (-distances / _NEAR).exp(),
            torch.stack(others, -1),
            confidence,
            along / (along + _SIGMA),
            across / (across + _SIGMA),
            (place / _BODY).tanh(),
            people[None].expand(len(pairs), -1, -1),
            fixed[:, None].expand(-1, frames, -1),
        ],
        -1,
    )


def with_people_swapped(features: ContactFeatures) -> ContactFeatures:
    """The features with A and B in each other's place."""
    sign = torch.ones(len(PAIR_CHANNELS))
    sign[PAIR_CHANNELS.index("depth_difference")] = -1
    return ContactFeatures(features.pairs.transpose(1, 2) * sign, features.parts.flip(0), features.people.flip(0))


def contact_probabilities(
    anything: Float[Tensor, "B N"], pair: Float[Tensor, "B K N"], pairs: PairSequences
) -> Float[Tensor, "B K N"]:
    """The probability that each pair touches."""
    return anything.sigmoid()[:, None] * pair.sigmoid() * pairs.exists[..., None]


@torch.no_grad()
def predict_part_contacts(
    features: ContactFeatures, head: ContactHead, named: Bool[Tensor, "Q Q"] | None = None
) -> Float[Tensor, "N Q Q"]:
    """The probability in 0-1 that each part of person 0 touches each part of person 1: the mean over both orders of the two."""
    pairs = near_pairs(features)
    count = len(BODY_PARTS)
    probability = torch.zeros(len(features.pairs), count, count)
    if not len(pairs):
        return probability
    for exchanged in (False, True):
        seen, words = (
            (with_people_swapped(features), None if named is None else named.T) if exchanged else (features, named)
        )
        order = pairs.flip(1) if exchanged else pairs
        kinds = PART_KIND[order]
        batch = PairSequences(
            pair_inputs(seen, words, order)[None], kinds[None], torch.ones(1, len(pairs), dtype=torch.bool)
        )
        anything, pair = head(batch)
        found: Tensor = contact_probabilities(anything, pair, batch)[0]
        probability[:, pairs[:, 0], pairs[:, 1]] += found.T / 2
    return probability


def load_contact_head(path: Path | None = None) -> ContactHead:
    """The network with the weights in `path`, by default those that ship with the product, on the CPU.

    UserError `weights-missing` or `weights-wrong`, see `load_checkpoint`.
    """
    path = path or weights_file(KIND)
    checkpoint = load_checkpoint(path, KIND, VERSION)
    network = ContactHead(read_config(checkpoint, ContactHeadConfig, path))
    load_weights(network, checkpoint, path)
    return network.eval().requires_grad_(False)
