"""What takes noise out of motion: a transformer over both people's frames that predicts the clean residual x0.

B examples, P = 2 people, T frames at 30 a second, D channels of the residual (scaled to about unit size), F features of a
joint, G of a person, E of a sentence. Both people go through the same weights, and each looks at the other in the same way,
so people who are exchanged get exchanged results. Time enters only as the distance of frames from each other.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..motion import BODY_COUNT
from .schedule import cosine_alphas

_SHIFT_SCALE = 8.0
"""per metre: shifts of joints by a decimetre or so come to about unit size."""
_TURN_SCALE = 2.0
_CALM = 2.0
"""frames"""


@dataclass(frozen=True)
class DenoiserConfig:
    """Sizes; plain data that goes into the checkpoint."""

    node_features: int
    person_features: int
    channels: int
    """D. The first 22 x 6 turn the joints, in their order; the rest belongs to the person as a whole."""
    static_channels: int = 0
    """Of the channels the last ones, which are one for all frames (the shape)."""
    text_features: int = 384
    width: int = 160
    depth: int = 4
    heads: int = 5
    node_width: int = 20
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.width % (2 * self.heads):
            raise ValueError("the width must be an even multiple of the heads")
        if self.channels < 6 * BODY_COUNT:
            raise ValueError("too few channels for 22 rotations of 6 numbers")
        if not 0 <= self.static_channels <= self.channels - 6 * BODY_COUNT:
            raise ValueError("more steady channels than there are beside the rotations")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> DenoiserConfig:
        return cls(**record)


@dataclass(frozen=True)
class Conditions:
    """What the denoiser knows beside the noisy motion. Features as `core.observations.features` makes them."""

    nodes: Tensor
    """[B,P,T,22,F]"""
    people: Tensor
    """[B,P,T,G]"""
    joint_offsets: Tensor
    """[B,P,T,22,3] metres, from the initial joints to those of the motion that is changed (posed as the geometry optimizer
    has it); zeros where that is the initial motion itself."""
    rotation_offsets: Tensor
    """[B,P,T,22,6] the same way in rotations, less that of no change."""
    log_sigma: Tensor
    """[B,P,T,22] how unsure the optimizer is, log of metres; zeros where it did not run."""
    visibility: Tensor
    """[B,P,T,22] in 0-1: how far a joint was seen; 0 for one that was not, or whose evidence is masked."""
    valid: Tensor
    """bool [B,T]: frames that are there, not padding."""

    def frames(self, span: slice) -> Conditions:
        """The same for some of the frames."""
        over_people = {f.name: getattr(self, f.name)[:, :, span] for f in fields(self) if f.name != "valid"}
        return Conditions(**over_people, valid=self.valid[:, span])

    def exchanged(self) -> Conditions:
        """The same with the two people exchanged."""
        flipped = {f.name: getattr(self, f.name).flip(1) for f in fields(self) if f.name != "valid"}
        return Conditions(**flipped, valid=self.valid)


def collate(parts: list[Conditions]) -> Conditions:
    """Several conditions of equal length as one batch."""
    return Conditions(**{f.name: torch.cat([getattr(part, f.name) for part in parts]) for f in fields(Conditions)})


@dataclass(frozen=True)
class EncodedConditions:
    """Conditions as the blocks take them: computed once for all steps of a sampling."""

    tokens: Tensor
    """[B,P,T,W]"""
    gate: Tensor
    """[B,P,T,D] in 0-1, how far each channel may leave the initial motion."""
    valid: Tensor
    """bool [B,T]"""


class Denoiser(nn.Module):
    """Predicts x0 [B,P,T,D] from x_t, the level t and the conditions.

    The blocks' output F enters as x0 = gate (F + k alpha x_t), F and k nothing before training: an untrained denoiser leaves the
    initial motion as it is. k depends on the level alone; where little noise is left, x_t says more than F can. The gate of a
    joint starts nearly closed where it was seen and open where it was not. Of x_t only what changes slowly is looked at: noise
    differs from frame to frame, motion does not, and a take must not shake.
    """

    alpha: Tensor

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.register_buffer("alpha", cosine_alphas().sqrt().float(), persistent=False)
        self.node = nn.Linear(config.node_features + 12, config.node_width)
        self.gather = nn.Linear(BODY_COUNT * config.node_width, width)
        self.person = nn.Linear(config.person_features, width)
        self.noisy = nn.Linear(config.channels, width)
        self.joint_gate = nn.Linear(config.node_width, 1)
        self.certainty = nn.Parameter(torch.tensor(4.0))
        self.time = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.text = nn.Linear(config.text_features, width)
        self.no_text = nn.Parameter(torch.zeros(width))
        self.blocks = nn.ModuleList([_Block(config) for _ in range(config.depth)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, config.channels)
        self.keep = nn.Linear(width, config.channels)
        for layer in (self.head, self.keep, self.joint_gate):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor, t: Tensor, conditions: Conditions, text: Tensor | None = None) -> Tensor:
        """x [B,P,T,D], t int64 [B], text [B,E]; a row of zeros, or None, stands for no sentence."""
        return self.denoise(x, t, self.encode(conditions), text)

    def encode(self, conditions: Conditions) -> EncodedConditions:
        visible, shift = conditions.visibility[..., None], _SHIFT_SCALE * conditions.joint_offsets
        sizes = [shift.norm(dim=-1, keepdim=True), conditions.log_sigma[..., None], visible]
        parts = [conditions.nodes, shift, _TURN_SCALE * conditions.rotation_offsets, *sizes]
        nodes = functional.gelu(self.node(torch.cat(parts, -1)))
        tokens = self.gather(nodes.flatten(-2)) + self.person(conditions.people)
        gate = torch.sigmoid(self.certainty * (0.5 - visible[..., 0]) + self.joint_gate(nodes)[..., 0])
        whole = self.config.channels - 6 * BODY_COUNT
        gate = functional.pad(gate.repeat_interleave(6, -1), (0, whole), value=1.0)
        return EncodedConditions(tokens, gate, conditions.valid)

    def denoise(self, x: Tensor, t: Tensor, encoded: EncodedConditions, text: Tensor | None = None) -> Tensor:
        """`forward` with conditions that are encoded already."""
        # as much of x_t as is not noise: alpha x_t is what would be expected if there were no evidence at all
        x = self.alpha[t][:, None, None, None] * gaussian_smoothed(x, encoded.valid)
        level = self.time(_level_waves(t, self.config.width, x))
        context = level + self._spoken(text, len(x), x)
        h = encoded.tokens + self.noisy(x)
        turns = _time_turns(x.shape[2], self.config.width // self.config.heads, x)
        for block in self.blocks:
            h = block(h, functional.silu(context), turns, encoded.valid)
        kept = self.keep(functional.silu(level))[:, None, None] * x
        return constant_over_time(
            encoded.gate * (self.head(self.norm(h)) + kept), self.config.static_channels, encoded.valid
        )

    def _spoken(self, text: Tensor | None, count: int, like: Tensor) -> Tensor:
        if text is None:
            return self.no_text.expand(count, -1)
        text = text.to(like)
        said = text.abs().amax(-1, keepdim=True) > 0
        return torch.where(said, self.text(text), self.no_text)


def gaussian_smoothed(x: Tensor, valid: Tensor) -> Tensor:
    """x [B,P,T,D] averaged over the frames around each, those that are valid [B,T], by a Gaussian of _CALM frames."""
    time = torch.arange(x.shape[2], device=x.device, dtype=x.dtype)
    near = torch.exp(-0.5 * ((time[:, None] - time) / _CALM).square()) * valid[:, None].to(x)
    near = near / near.sum(-1, keepdim=True).clamp_min(1e-9)
    return near[:, None] @ x


def constant_over_time(x: Tensor, steady: int, valid: Tensor | None = None) -> Tensor:
    """x [...,T,D] with its last `steady` channels averaged over the frames, those that are valid [B,T] for x [B,P,T,D]."""
    if not steady:
        return x
    moving, still = x[..., :-steady], x[..., -steady:]
    if valid is None:
        mean = still.mean(-2, keepdim=True)
    else:
        weight = valid[:, None, :, None].to(x)
        mean = (weight * still).sum(-2, keepdim=True) / weight.sum(-2, keepdim=True).clamp_min(1)
    return torch.cat([moving, mean.expand_as(still)], -1)


class _Block(nn.Module):
    """Attention over the own frames, attention to the partner's, then a network on each frame; the context (level and
    sentence) scales and shifts what goes into each and gates what comes out (Peebles and Xie, DiT, 2023)."""

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        width = config.width
        self.own = _Attention(config)
        self.partner = _Attention(config)
        self.frame = nn.Sequential(
            nn.Linear(width, 3 * width), nn.GELU(), nn.Dropout(config.dropout), nn.Linear(3 * width, width)
        )
        self.norms = nn.ModuleList([nn.LayerNorm(width, elementwise_affine=False) for _ in range(3)])
        self.modulation = nn.Linear(width, 9 * width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, h: Tensor, context: Tensor, turns: Tensor, valid: Tensor) -> Tensor:
        shift, scale, gain = self.modulation(context)[:, None, None].unflatten(-1, (3, 3, -1)).unbind(-3)

        def prepared(number: int) -> Tensor:
            return self.norms[number](h) * (1 + scale[..., number, :]) + shift[..., number, :]

        mixed = prepared(0)
        h = h + (1 + gain[..., 0, :]) * self.own(mixed, mixed, turns, valid)
        mixed = prepared(1)
        h = h + (1 + gain[..., 1, :]) * self.partner(mixed, mixed.flip(1), turns, valid)
        return h + (1 + gain[..., 2, :]) * self.frame(prepared(2))


class _Attention(nn.Module):
    """From each person's frames to frames of `to`, over all times; positions enter as turns of queries and keys by their
    frame (Su et al., RoFormer, 2021), so only distances in time count."""

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.heads, self.dropout = config.heads, config.dropout
        self.query = nn.Linear(config.width, config.width)
        self.key_value = nn.Linear(config.width, 2 * config.width)
        self.out = nn.Linear(config.width, config.width)

    def forward(self, h: Tensor, to: Tensor, turns: Tensor, valid: Tensor) -> Tensor:
        def split(values: Tensor) -> Tensor:
            return values.unflatten(-1, (self.heads, -1)).transpose(-2, -3).flatten(0, 1)

        key, value = self.key_value(to).chunk(2, -1)
        query, key, value = _turned(split(self.query(h)), turns), _turned(split(key), turns), split(value)
        mask = valid.repeat_interleave(h.shape[1], 0)[:, None, None]
        dropout = self.dropout if self.training else 0.0
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropout)
        return self.out(mixed.transpose(1, 2).flatten(-2).unflatten(0, h.shape[:2]))


def _level_waves(t: Tensor, width: int, like: Tensor) -> Tensor:
    """Sines and cosines [B,width] of t in geometrically spaced frequencies (Vaswani et al., 2017)."""
    rates = torch.exp(-torch.arange(width // 2, device=like.device) * (9.2103 / (width // 2)))  # 1 to 1 / 10,000
    angles = t.to(like)[:, None] * rates.to(like)
    return torch.cat([angles.sin(), angles.cos()], -1)


def _time_turns(frames: int, size: int, like: Tensor) -> Tensor:
    """Cosines and sines [2,T,size/2] of each frame's turns; wavelengths from 6 to 600 frames."""
    rates = torch.exp(-torch.arange(size // 2, device=like.device) * (4.6052 / (size // 2)))
    angles = torch.arange(frames, device=like.device)[:, None] * rates
    return torch.stack([angles.cos(), angles.sin()]).to(like)


def _turned(values: Tensor, turns: Tensor) -> Tensor:
    """values [...,T,size], each pair of its numbers turned in their plane."""
    first, second = values.chunk(2, -1)
    cosine, sine = turns
    return torch.cat([first * cosine - second * sine, first * sine + second * cosine], -1)
