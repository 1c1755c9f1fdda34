"""The denoiser of the infiller: a diffusion transformer over the frames of both people that predicts the clean residual x0.

A residual is the change from a reference motion to the infilled one (`representation.residual`), in channels of about unit size.
Both people share all weights and attend to each other in the same way, so exchanging the people exchanges the predictions. Only
distances in time enter the attention, through rotary position embeddings.

Shapes: B windows, P = 2 people, T frames, C channels of the residual, W the transformer's width, F features of a joint, G of a
person, E of a sentence embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from ..motion import BODY_COUNT
from ..records import Record
from .schedule import NoiseScheduleConfig

_LOG_100, _LOG_10000 = 4.6052, 9.2103
"""Rounded, as in the embeddings that the weights were trained with."""


@dataclass(frozen=True)
class DenoiserConfig:
    """Sizes, fixed scales and noise schedule of the denoiser. They are saved with the weights."""

    node_features: int
    person_features: int
    channels: int
    """C. The first 22 x 6 are the rotations of the joints, in their order; the others concern the person as a whole."""
    static_channels: int = 0
    """How many of the last channels are constant over time (the shape)."""
    text_features: int = 384
    width: int = 160
    depth: int = 4
    """Transformer blocks."""
    heads: int = 5
    node_width: int = 20
    """Channels of a joint before the joints of a person are joined into a token."""
    dropout: float = 0.0
    joint_offset_scale: float = 8.0
    """per metre: joint offsets of about a decimetre become about one."""
    rotation_offset_scale: float = 2.0
    smoothing_sigma: float = 2.0
    """Frames, of the Gaussian that x_t is smoothed by."""
    visibility_gate: float = 4.0
    """Before training, the slope of a joint's gate (as a logit) over its visibility."""
    schedule: NoiseScheduleConfig = field(default_factory=NoiseScheduleConfig)

    def __post_init__(self) -> None:
        if self.width % (2 * self.heads):
            raise ValueError("the width must be an even multiple of the number of heads")
        if self.channels < 6 * BODY_COUNT:
            raise ValueError("there are too few channels for 22 rotations of 6 numbers each")
        if not 0 <= self.static_channels <= self.channels - 6 * BODY_COUNT:
            raise ValueError("there are more static channels than channels besides the rotations")


@dataclass(frozen=True)
class Conditions(Record):
    """The inputs of the denoiser besides x_t and t. Nodes and people as in `observations.features.Features`."""

    nodes: Float[Tensor, "B P T 22 F"]
    people: Float[Tensor, "B P T G"]
    joint_offsets: Float[Tensor, "B P T 22 3"]
    """metres, from the joints of the features' reference motion to those of the motion that is changed, which is posed to the
    predictions of the ST-GCN; zeros where both are the same."""
    rotation_offsets: Float[Tensor, "B P T 22 6"]
    """The same for the rotations: 6D representation minus that of the identity."""
    log_sigma: Float[Tensor, "B P T 22"]
    """Logarithm of the ST-GCN's sigma in metres; zeros where it did not run."""
    visibility: Float[Tensor, "B P T 22"]
    """In 0-1; 0 for a joint that was not observed or is masked."""
    valid: Bool[Tensor, "B T"]
    """False for padding."""


@dataclass(frozen=True)
class EncodedConditions(Record):
    """Conditions as the transformer takes them, computed once for all steps of a sampling."""

    tokens: Float[Tensor, "B P T W"]
    gate: Float[Tensor, "B P T C"]
    """In 0-1, how far each channel may differ from no change."""
    valid: Bool[Tensor, "B T"]


class Denoiser(nn.Module):
    """Predicts the clean residual x0 from a noisy one x_t, its timestep t and the conditions.

    x0 = gate * (F + k alpha_t x_t), where F is the transformer's output and k a gain for each channel that depends on t alone:
    where little noise is left, x_t tells more than F can. F and k are zero before training, so an untrained denoiser predicts
    no change. The gate of a joint starts nearly closed where the joint is visible and open where it is not. x_t is smoothed
    over time first: the noise differs from frame to frame while motion does not, and samples must not jitter.
    """

    alpha: Tensor

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.register_buffer("alpha", config.schedule.alphas_cumprod().sqrt().float(), persistent=False)
        self.node_in = nn.Linear(config.node_features + 12, config.node_width)
        self.joints_in = nn.Linear(BODY_COUNT * config.node_width, width)
        self.person_in = nn.Linear(config.person_features, width)
        self.sample_in = nn.Linear(config.channels, width)
        self.joint_gate = nn.Linear(config.node_width, 1)
        self.visibility_gate = nn.Parameter(torch.tensor(config.visibility_gate))
        self.time_embedding = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.text_embedding = nn.Linear(config.text_features, width)
        self.null_text = nn.Parameter(torch.zeros(width))
        self.blocks = nn.ModuleList([_Block(config) for _ in range(config.depth)])
        self.norm_out = nn.LayerNorm(width)
        self.proj_out = nn.Linear(width, config.channels)
        self.skip_gain = nn.Linear(width, config.channels)
        for layer in (self.proj_out, self.skip_gain, self.joint_gate):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(
        self,
        x: Float[Tensor, "B P T C"],
        t: Int[Tensor, " B"],
        conditions: Conditions,
        text: Float[Tensor, "B E"] | None = None,
    ) -> Float[Tensor, "B P T C"]:
        """x0 of x_t. `text` holds sentence embeddings; None, or a row of zeros, is unconditional."""
        return self.denoise(x, t, self.encode(conditions), text)

    def encode(self, conditions: Conditions) -> EncodedConditions:
        """The part of the computation that does not depend on x_t and t."""
        config, visibility = self.config, conditions.visibility[..., None]
        offsets = config.joint_offset_scale * conditions.joint_offsets
        rotations = config.rotation_offset_scale * conditions.rotation_offsets
        distances = offsets.norm(dim=-1, keepdim=True)
        inputs = [conditions.nodes, offsets, rotations, distances, conditions.log_sigma[..., None], visibility]
        nodes = functional.gelu(self.node_in(torch.cat(inputs, -1)))
        tokens = self.joints_in(nodes.flatten(-2)) + self.person_in(conditions.people)
        gate = torch.sigmoid(self.visibility_gate * (0.5 - visibility[..., 0]) + self.joint_gate(nodes)[..., 0])
        person_channels = config.channels - 6 * BODY_COUNT
        gate = functional.pad(gate.repeat_interleave(6, -1), (0, person_channels), value=1.0)
        return EncodedConditions(tokens, gate, conditions.valid)

    def denoise(
        self,
        x: Float[Tensor, "B P T C"],
        t: Int[Tensor, " B"],
        encoded: EncodedConditions,
        text: Float[Tensor, "B E"] | None = None,
    ) -> Float[Tensor, "B P T C"]:
        """`forward` with encoded conditions."""
        config = self.config
        # alpha_t x_t is the best guess at x0 for a residual of unit variance about which nothing else is known
        x = self.alpha[t][:, None, None, None] * masked_gaussian_filter(x, encoded.valid, config.smoothing_sigma)
        time_embedding = self.time_embedding(timestep_embedding(t, config.width, x.dtype))
        context = functional.silu(time_embedding + self._embed_text(text, x))
        h = encoded.tokens + self.sample_in(x)
        rotary = rotary_embedding(x.shape[2], config.width // config.heads, x)
        for block in self.blocks:
            h = block(h, context, rotary, encoded.valid)
        skip = self.skip_gain(functional.silu(time_embedding))[:, None, None] * x
        x0 = encoded.gate * (self.proj_out(self.norm_out(h)) + skip)
        return constant_over_time(x0, config.static_channels, encoded.valid)

    def _embed_text(self, text: Float[Tensor, "B E"] | None, x: Float[Tensor, "B P T C"]) -> Float[Tensor, "B W"]:
        if text is None:
            return self.null_text.expand(len(x), -1)
        text = text.to(x)
        given = text.abs().amax(-1, keepdim=True) > 0
        return torch.where(given, self.text_embedding(text), self.null_text)


def masked_gaussian_filter(
    x: Float[Tensor, "B P T C"], valid: Bool[Tensor, "B T"], sigma: float
) -> Float[Tensor, "B P T C"]:
    """Smooth over time by a Gaussian of `sigma` frames, over valid frames only."""
    time = torch.arange(x.shape[2], device=x.device, dtype=x.dtype)
    weight = torch.exp(-0.5 * ((time[:, None] - time) / sigma).square()) * valid[:, None].to(x)
    weight = weight / weight.sum(-1, keepdim=True).clamp_min(1e-9)
    return weight[:, None] @ x


def constant_over_time(
    x: Float[Tensor, "*b P T C"], static_channels: int, valid: Bool[Tensor, "*b T"] | None = None
) -> Float[Tensor, "*b P T C"]:
    """Replace the last `static_channels` by their mean over the valid frames."""
    if not static_channels:
        return x
    moving, static = x[..., :-static_channels], x[..., -static_channels:]
    if valid is None:
        mean = static.mean(-2, keepdim=True)
    else:
        weight = valid[..., None, :, None].to(x)
        mean = (weight * static).sum(-2, keepdim=True) / weight.sum(-2, keepdim=True).clamp_min(1)
    return torch.cat([moving, mean.expand_as(static)], -1)


def timestep_embedding(t: Int[Tensor, " B"], width: int, dtype: torch.dtype) -> Float[Tensor, "B width"]:
    """Sinusoidal embedding of timesteps, frequencies from 1 to 1 / 10,000 (Vaswani et al., NeurIPS 2017)."""
    frequencies = torch.exp(-torch.arange(width // 2, device=t.device) * (_LOG_10000 / (width // 2)))
    angles = t.to(dtype)[:, None] * frequencies.to(dtype)
    return torch.cat([angles.sin(), angles.cos()], -1)


def rotary_embedding(frames: int, size: int, like: Tensor) -> Float[Tensor, "2 frames half"]:
    """Cosines and sines of the rotary position embedding of each frame; wavelengths from 6 to 600 frames."""
    frequencies = torch.exp(-torch.arange(size // 2, device=like.device) * (_LOG_100 / (size // 2)))
    angles = torch.arange(frames, device=like.device)[:, None] * frequencies
    return torch.stack([angles.cos(), angles.sin()]).to(like)


def apply_rotary_embedding(
    values: Float[Tensor, "*b T size"], rotary: Float[Tensor, "2 T half"]
) -> Float[Tensor, "*b T size"]:
    """Rotate each pair of numbers, one of each half, by the angle of its frame (Su et al., RoFormer, 2021)."""
    first, second = values.chunk(2, -1)
    cosine, sine = rotary
    return torch.cat([first * cosine - second * sine, first * sine + second * cosine], -1)


def collate(parts: Sequence[Conditions]) -> Conditions:
    """Join the conditions of windows of equal length into one batch."""
    return Conditions.concatenate(parts, "B")


class _Block(nn.Module):
    """Self-attention over the person's frames, cross-attention to the partner's frames, feed-forward network.

    The context (timestep and text) modulates the input of each and gates its output: adaLN of DiT (Peebles and Xie, ICCV
    2023), with gates that start at one instead of zero.
    """

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        width = config.width
        self.self_attn = _Attention(config)
        self.partner_attn = _Attention(config)
        self.ff = nn.Sequential(
            nn.Linear(width, 3 * width), nn.GELU(), nn.Dropout(config.dropout), nn.Linear(3 * width, width)
        )
        self.norms = nn.ModuleList([nn.LayerNorm(width, elementwise_affine=False) for _ in range(3)])
        self.ada_ln = nn.Linear(width, 9 * width)
        nn.init.zeros_(self.ada_ln.weight)
        nn.init.zeros_(self.ada_ln.bias)

    def forward(
        self,
        h: Float[Tensor, "B P T W"],
        context: Float[Tensor, "B W"],
        rotary: Float[Tensor, "2 T half"],
        valid: Bool[Tensor, "B T"],
    ) -> Float[Tensor, "B P T W"]:
        shift, scale, gate = self.ada_ln(context)[:, None, None].unflatten(-1, (3, 3, -1)).unbind(-3)

        def modulated(number: int) -> Tensor:
            return self.norms[number](h) * (1 + scale[..., number, :]) + shift[..., number, :]

        normed = modulated(0)
        h = h + (1 + gate[..., 0, :]) * self.self_attn(normed, normed, rotary, valid)
        normed = modulated(1)
        h = h + (1 + gate[..., 1, :]) * self.partner_attn(normed, normed.flip(1), rotary, valid)
        return h + (1 + gate[..., 2, :]) * self.ff(modulated(2))


class _Attention(nn.Module):
    """Multi-head attention over time with rotary position embeddings, so only distances in time count."""

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.heads, self.dropout = config.heads, config.dropout
        self.to_q = nn.Linear(config.width, config.width)
        self.to_kv = nn.Linear(config.width, 2 * config.width)
        self.to_out = nn.Linear(config.width, config.width)

    def forward(
        self,
        h: Float[Tensor, "B P T W"],
        encoder_states: Float[Tensor, "B P T W"],
        rotary: Float[Tensor, "2 T half"],
        valid: Bool[Tensor, "B T"],
    ) -> Float[Tensor, "B P T W"]:
        """From each person's frames h to the valid frames of `encoder_states`, their own or the partner's."""

        def split_heads(values: Tensor) -> Tensor:
            return values.unflatten(-1, (self.heads, -1)).transpose(-2, -3).flatten(0, 1)

        key, value = self.to_kv(encoder_states).chunk(2, -1)
        query = apply_rotary_embedding(split_heads(self.to_q(h)), rotary)
        key, value = apply_rotary_embedding(split_heads(key), rotary), split_heads(value)
        mask = valid.repeat_interleave(h.shape[1], 0)[:, None, None]
        dropout = self.dropout if self.training else 0.0
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropout)
        return self.to_out(attended.transpose(1, 2).flatten(-2).unflatten(0, h.shape[:2]))
