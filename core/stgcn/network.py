"""The ST-GCN: a graph network over both skeletons and time that corrects the initial joints of two people.

Its nodes are the 22 body joints of each person. Spatial graph convolutions pass features along the bones and along a learned
adjacency (ST-GCN: Yan et al., AAAI 2018), temporal convolutions along the frames, and partner cross-attention between the
joints of both people in the same frame. Beside the joints runs one state per person and frame: it reads all joints, the
partner's state, the whole window and the text, and carries what concerns the whole body (position, depth, size). All weights
are shared by both people, so exchanging the people exchanges the predictions. Besides offsets of the joints the network
predicts how much to smooth the initial pose, for each joint and frame: most jitter is removed that way while fast motion
stays. The output layers start at zero: an untrained network leaves the initial joints where they are.

Shapes: B windows, P = 2 people, T frames, S tokens of a few frames each, C channels of a joint, D channels of a person.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from ..motion import BODY_COUNT
from .graph import PARTITIONS, adjacency


@dataclass(frozen=True)
class STGCNConfig:
    """Sizes and fixed scales of the network. They are saved with the weights."""

    node_features: int
    person_features: int
    text_features: int = 384
    width: int = 48
    """C"""
    person_width: int = 128
    """D"""
    blocks: int = 4
    heads: int = 4
    frames_per_token: int = 2
    """Neighbouring frames that are processed as one token: motion is smooth, so this halves the work and loses little."""
    temporal_reach: int = 3
    """Tokens before and after a token that one temporal convolution covers."""
    use_partner: bool = True
    """False: each person is processed alone."""
    use_time: bool = True
    """False: each token is processed alone, and nothing is smoothed."""
    max_feature: float = 8.0
    """Input features are clamped to this absolute value: they are of about unit size, and larger ones are outliers."""
    camera_columns: tuple[int, ...] = ()
    """The three person features that hold the position of the camera relative to the pelvis, view axes; () if none do."""
    camera_scale: float = 1.0
    """metres that a camera feature of one stands for."""
    pose_columns: tuple[int, ...] = ()
    """The three node features that hold a joint's initial position relative to its pelvis, view axes; () if none do: then
    nothing is smoothed."""
    pose_scale: float = 1.0
    """metres that a pose feature of one stands for."""
    offset_scale: float = 0.1
    """metres that an output of one stands for."""
    offset_smoothing_sigma: float = 1.5
    """Frames, of the Gaussian that predicted offsets are smoothed by: the frames of a token are predicted independently."""
    smoothing_sigmas: tuple[float, ...] = (1.5, 4.0)
    """Frames, of the Gaussians that the initial pose may be smoothed by."""
    smoothing_gain: float = 5.0
    """Smoothing weight that an output of one stands for: it makes up for the small steps of training."""
    initial_sigma: float = 0.1
    """metres, predicted for every joint by an untrained network."""
    log_sigma_range: tuple[float, float] = (-5.5, 1.5)
    """Limits of the predicted log sigma: 4 mm and 4.5 m."""


class STGCN(nn.Module):
    """Predicts an offset and two log sigmas for every joint of two people. See the module's docstring."""

    def __init__(self, config: STGCNConfig) -> None:
        super().__init__()
        self.config = config
        C, D, k = config.width, config.person_width, config.frames_per_token
        self.node_in = nn.Linear(config.node_features * k, C)
        self.joint_embedding = nn.Parameter(torch.randn(BODY_COUNT, C) * 0.02)
        self.person_in = nn.Linear(config.person_features * k, D)
        self.text_in = nn.Sequential(nn.Linear(config.text_features, D), nn.SiLU())
        self.null_text = nn.Parameter(torch.zeros(D))
        self.blocks = nn.ModuleList(_Block(config) for _ in range(config.blocks))
        self.node_norm, self.person_norm = nn.LayerNorm(C), nn.LayerNorm(D)
        self.smooths = bool(config.pose_columns) and config.use_time
        self.node_out = _zero(nn.Linear(C, (5 + len(config.smoothing_sigmas) * self.smooths) * k))
        self.person_out = _zero(nn.Linear(D, 6 * k))

    def forward(
        self,
        nodes: Float[Tensor, "B P T 22 F"],
        people: Float[Tensor, "B P T G"],
        text: Float[Tensor, "B E"] | None = None,
    ) -> tuple[Float[Tensor, "B P T 22 3"], Float[Tensor, "B P T 22 2"]]:
        """Offsets of the initial joints, metres in view axes, and log sigma (of metres): along the ray from the camera, and along
        each axis across it.

        `nodes` and `people` are `Features.nodes` and `Features.people`; `text` is the sentence embedding of each window, a row
        of zeros where there is none. The pelvis' sigma is that of its position, every other joint's that of its position
        relative to its own pelvis, so that an uncertain depth does not make every joint uncertain.
        """
        config = self.config
        B, P, T = nodes.shape[:3]
        k = config.frames_per_token
        S = -(-T // k)
        initial_pose = nodes[..., list(config.pose_columns)] * config.pose_scale
        to_camera = people[..., list(config.camera_columns)] * config.camera_scale
        nodes = _repeat_last(nodes.clamp(-config.max_feature, config.max_feature), S * k)
        people = _repeat_last(people.clamp(-config.max_feature, config.max_feature), S * k)
        tokens = nodes.reshape(B * P, S, k, BODY_COUNT, -1).transpose(2, 3).flatten(3)
        h = self.node_in(tokens) + self.joint_embedding
        p = self.person_in(people.reshape(B * P, S, -1))
        text_embedding = self._embed_text(text, B).repeat_interleave(P, 0)
        for block in self.blocks:
            h, p = block(h, p, text_embedding)
        node_out = self.node_out(self.node_norm(h)).unflatten(-1, (k, -1)).transpose(2, 3)
        node_out = node_out.reshape(B, P, S * k, BODY_COUNT, -1)[:, :, :T]
        person_out = self.person_out(self.person_norm(p)).reshape(B, P, S * k, 6)[:, :, :T]
        translation = config.offset_scale * person_out[..., :3]
        if config.camera_columns:  # along the line of sight, in proportion to the distance: one camera shows it least
            translation = translation - config.offset_scale * person_out[..., 3:4] * to_camera
        offset = translation[..., None, :] + config.offset_scale * node_out[..., :3]
        if self.smooths:
            offset = gaussian_filter(offset, config.offset_smoothing_sigma)
            for weight, sigma in zip(node_out[..., 5:, None].unbind(-2), config.smoothing_sigmas):
                smoothing = gaussian_filter(initial_pose, sigma) - initial_pose
                offset = offset + config.smoothing_gain * weight * smoothing
        log_sigma = node_out[..., 3:5] + functional.pad(person_out[..., None, 4:], (0, 0, 0, BODY_COUNT - 1))
        initial = torch.tensor(config.initial_sigma, dtype=offset.dtype, device=offset.device).log()
        return offset, (log_sigma + initial).clamp(*config.log_sigma_range)

    def _embed_text(self, text: Float[Tensor, "B E"] | None, count: int) -> Float[Tensor, "B D"]:
        if text is None:
            return self.null_text.expand(count, -1)
        given = (text != 0).any(-1, keepdim=True)
        # sentence embeddings have unit length: scaled to unit variance
        return torch.where(given, self.text_in(text * text.shape[-1] ** 0.5), self.null_text)


class _Block(nn.Module):
    """Spatial graph convolution, partner cross-attention, update of the person's state, temporal convolution."""

    def __init__(self, config: STGCNConfig) -> None:
        super().__init__()
        C, D = config.width, config.person_width
        self.spatial_conv = _SpatialGraphConv(C)
        self.partner_attn = _PartnerCrossAttention(C, config.heads) if config.use_partner else None
        self.temporal_conv = _TemporalConv(C, config.temporal_reach if config.use_time else 0)
        self.person_update = _PersonUpdate(config)
        self.film = nn.Linear(D, 2 * C)

    def forward(
        self, h: Float[Tensor, "BP S 22 C"], p: Float[Tensor, "BP S D"], text: Float[Tensor, "BP D"]
    ) -> tuple[Float[Tensor, "BP S 22 C"], Float[Tensor, "BP S D"]]:
        h = h + self.spatial_conv(h)
        if self.partner_attn is not None:
            h = h + self.partner_attn(h)
        p = self.person_update(h, p, text)
        h = h + self.temporal_conv(h, self.film(p))
        return h, p


class _SpatialGraphConv(nn.Module):
    """Graph convolution with the skeleton's adjacency, weighted by learned edge importance, and a learned adjacency."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.proj_in = nn.Linear(width, (len(PARTITIONS) + 1) * width)
        self.register_buffer("adjacency", adjacency(), persistent=False)
        self.edge_importance = nn.Parameter(torch.ones(len(PARTITIONS), BODY_COUNT, BODY_COUNT))
        self.learned_adjacency = nn.Parameter(torch.full((1, BODY_COUNT, BODY_COUNT), 1 / BODY_COUNT))
        self.proj_out = nn.Linear(width, width)

    def forward(self, h: Float[Tensor, "BP S 22 C"]) -> Float[Tensor, "BP S 22 C"]:
        # [partition, to, from]
        edges = torch.cat([self.get_buffer("adjacency") * self.edge_importance, self.learned_adjacency])
        # [..., from x partition, C]
        values = self.proj_in(self.norm(h)).unflatten(-1, (len(edges), -1)).flatten(2, 3)
        return self.proj_out(functional.gelu(edges.permute(1, 2, 0).flatten(1) @ values))


class _PartnerCrossAttention(nn.Module):
    """Attention from each joint to the partner's joints in the same token, with a learned bias for each pair of joints."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.to_q = nn.Linear(width, width)
        self.to_kv = nn.Linear(width, 2 * width)
        self.joint_bias = nn.Parameter(torch.zeros(heads, BODY_COUNT, BODY_COUNT))
        self.to_out = nn.Linear(width, width)

    def forward(self, h: Float[Tensor, "BP S 22 C"]) -> Float[Tensor, "BP S 22 C"]:
        normed = self.norm(h)
        query = self.to_q(normed).unflatten(-1, (self.heads, -1)).transpose(-2, -3)
        key_value = swap_people(self.to_kv(normed)).unflatten(-1, (2 * self.heads, -1)).transpose(-2, -3)
        key, value = key_value.chunk(2, -3)
        logits = query @ key.mT / query.shape[-1] ** 0.5 + self.joint_bias
        return self.to_out((logits.softmax(-1) @ value).transpose(-2, -3).flatten(-2))


class _TemporalConv(nn.Module):
    """Depthwise convolution of each joint over time; the person's state scales and shifts its input (FiLM)."""

    def __init__(self, width: int, reach: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.proj_in = nn.Linear(width, 2 * width)
        self.conv = nn.Conv2d(
            2 * width, 2 * width, (2 * reach + 1, 1), padding=(reach, 0), groups=2 * width, padding_mode="replicate"
        )
        self.proj_out = nn.Linear(2 * width, width)

    def forward(self, h: Float[Tensor, "BP S 22 C"], film: Float[Tensor, "BP S C2"]) -> Float[Tensor, "BP S 22 C"]:
        scale, shift = film[:, :, None].chunk(2, -1)
        inner = self.proj_in(self.norm(h) * (1 + scale) + shift)
        return self.proj_out(functional.gelu(self.conv(inner.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)))


class _PersonUpdate(nn.Module):
    """Updates a person's state from their joints, the partner's state, all tokens of the window and the text."""

    def __init__(self, config: STGCNConfig) -> None:
        super().__init__()
        C, D = config.width, config.person_width
        self.heads, self.use_partner, self.use_time = config.heads, config.use_partner, config.use_time
        self.joint_norm = nn.LayerNorm(C)
        self.joint_pool = nn.Linear(BODY_COUNT * C // 2, D)
        self.joint_squeeze = nn.Linear(C, C // 2)
        self.partner_norm = nn.LayerNorm(D)
        self.partner_mix = nn.Linear(2 * D, D)
        self.attn_norm = nn.LayerNorm(D)
        self.to_qkv = nn.Linear(D, 3 * D)
        self.log_alibi_slope = nn.Parameter(torch.linspace(-4.0, 0.0, config.heads))
        self.to_out = nn.Linear(D, D)
        self.ff_norm = nn.LayerNorm(D, elementwise_affine=False)
        self.text_film = _zero(nn.Linear(D, 2 * D))
        self.ff = nn.Sequential(nn.Linear(D, 2 * D), nn.GELU(), nn.Linear(2 * D, D))

    def forward(
        self, h: Float[Tensor, "BP S 22 C"], p: Float[Tensor, "BP S D"], text: Float[Tensor, "BP D"]
    ) -> Float[Tensor, "BP S D"]:
        p = p + self.joint_pool(functional.gelu(self.joint_squeeze(self.joint_norm(h))).flatten(-2))
        if self.use_partner:
            normed = self.partner_norm(p)
            p = p + self.partner_mix(torch.cat([normed, swap_people(normed)], -1))
        if self.use_time:
            p = p + self._temporal_attention(self.attn_norm(p))
        scale, shift = self.text_film(text)[:, None].chunk(2, -1)
        return p + self.ff(self.ff_norm(p) * (1 + scale) + shift)

    def _temporal_attention(self, p: Float[Tensor, "BP S D"]) -> Float[Tensor, "BP S D"]:
        """Attention over the window with linear biases (ALiBi: Press et al., ICLR 2022) whose slopes are learned."""
        S = p.shape[1]
        heads = self.to_qkv(p).unflatten(-1, (3 * self.heads, -1)).transpose(1, 2)
        query, key, value = heads.chunk(3, 1)
        position = torch.arange(S, device=p.device, dtype=p.dtype)
        distance = (position[:, None] - position).abs()
        logits = query @ key.mT / query.shape[-1] ** 0.5 - self.log_alibi_slope.exp()[:, None, None] * distance
        return self.to_out((logits.softmax(-1) @ value).transpose(1, 2).flatten(2))


def gaussian_filter(values: Float[Tensor, "B P T *dims"], sigma: float) -> Float[Tensor, "B P T *dims"]:
    """Smooth over time by a Gaussian of `sigma` frames; the first and last values are repeated beyond the ends."""
    reach = math.ceil(3 * sigma)
    offset = torch.arange(-reach, reach + 1, device=values.device, dtype=values.dtype)
    kernel = torch.exp(-0.5 * (offset / sigma) ** 2)
    rows = values.flatten(3).transpose(2, 3).flatten(0, 2)[:, None]
    smooth = functional.conv1d(
        functional.pad(rows, (reach, reach), mode="replicate"), (kernel / kernel.sum())[None, None]
    )
    return smooth[:, 0].unflatten(0, (*values.shape[:2], -1)).transpose(2, 3).reshape(values.shape)


def swap_people(values: Float[Tensor, "BP *dims"]) -> Float[Tensor, "BP *dims"]:
    """Exchange the two people of each pair; the first axis is that of windows and people, flattened."""
    return values.unflatten(0, (-1, 2)).flip(1).flatten(0, 1)


def _repeat_last(values: Float[Tensor, "B P T *dims"], count: int) -> Float[Tensor, "B P T2 *dims"]:
    """Extend to `count` frames by repeating the last one."""
    missing = count - values.shape[2]
    if missing == 0:
        return values
    return torch.cat([values, values[:, :, -1:].expand(-1, -1, missing, *values.shape[3:])], 2)


def _zero(layer: nn.Linear) -> nn.Linear:
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
