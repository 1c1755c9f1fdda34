"""A graph network over both skeletons and time that moves the initial joints to where they plausibly are.

Nodes are the 22 body joints of either person. Edges: bones, and learned ones within a body (ST-GCN: Yan et al., AAAI 2018); time;
the partner's joints of the same moment (attention with a learned bias for each pair of joints). Beside the joints runs one state
a person and moment: it carries what concerns a whole body (place, depth, size), sees the whole window and the text. All weights
are shared by both people, so exchanging them exchanges the result. Beside shifting joints the network may smooth the initial
pose, each joint at each moment as much as it finds right: most of the shaking goes that way, and fast motion stays. The last
layers begin at zero: an untrained network leaves the initial joints where they are.

Shapes: B windows, P = 2 people, T frames, 22 joints, C numbers a joint, D numbers a person.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..motion import BODY_COUNT
from .graph import EDGES, adjacency

OFFSET_SCALE = 0.1
"""metres that an output of one stands for."""
INITIAL_SIGMA = 0.1
"""metres, of every joint before training."""
_LOG_SIGMA = (-5.5, 1.5)
"""Least and most: 4 mm and 4.5 m."""
_LARGEST_FEATURE = 8.0
"""Features are of about unit size; larger ones are outliers that the network has not seen."""
SMOOTHING_SIGMAS = (1.5, 4.0)
"""Frames, standard deviations of the Gaussians that the initial pose may be smoothed by."""
_SHARE_UNIT = 5.0
"""Share of smoothing that an output of one stands for: steps in training are small."""
_SHIFT_CALM = 1.5
"""Frames, of the Gaussian that what the network adds by itself goes through: pairs of frames come out of it apart."""
_TIME_REACH = 3
"""Steps to either side that a joint hears of itself in one block."""


@dataclass(frozen=True)
class STGCNConfig:
    node_features: int
    person_features: int
    text_features: int = 384
    width: int = 48
    """C"""
    person_width: int = 128
    """D"""
    blocks: int = 4
    heads: int = 4
    frames_a_step: int = 2
    """Frames that the network takes together: motion is smooth, so half the steps do."""
    camera: tuple[int, ...] = ()
    """Which three person features hold the camera's place relative to the pelvis, view axes; () where none do."""
    camera_unit: float = 1.0
    """metres that a camera feature of one stands for."""
    pose: tuple[int, ...] = ()
    """Which three features of a joint hold its initial place relative to the own pelvis, view axes; () where none do, and
    nothing is smoothed then."""
    pose_unit: float = 1.0
    """metres that one of those stands for."""
    partner: bool = True
    """Whether people hear each other."""
    time: bool = True
    """Whether moments hear each other."""


class STGCN(nn.Module):
    def __init__(self, config: STGCNConfig) -> None:
        super().__init__()
        self.config = config
        C, D, k = config.width, config.person_width, config.frames_a_step
        self.node_in = nn.Linear(config.node_features * k, C)
        self.joint_name = nn.Parameter(torch.randn(BODY_COUNT, C) * 0.02)
        self.person_in = nn.Linear(config.person_features * k, D)
        self.text_in = nn.Sequential(nn.Linear(config.text_features, D), nn.SiLU())
        self.no_text = nn.Parameter(torch.zeros(D))
        self.blocks = nn.ModuleList(_Block(config) for _ in range(config.blocks))
        self.node_norm, self.person_norm = nn.LayerNorm(C), nn.LayerNorm(D)
        self.smooths = bool(config.pose) and config.time
        self.node_out = _zero(nn.Linear(C, (4 + len(SMOOTHING_SIGMAS) * self.smooths) * k))
        self.person_out = _zero(nn.Linear(D, 5 * k))

    def forward(self, nodes: Tensor, people: Tensor, text: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """nodes [B,P,T,22,F], people [B,P,T,G], text [B,E] or None (a row of zeros: no text for that window).

        Returns the shift [B,P,T,22,3], metres in view axes, to be added to the initial joints, and log sigma [B,P,T,22], of
        metres along each axis: the pelvis' of its place, every other joint's of its place relative to the own pelvis (so that
        a doubtful depth does not make every joint doubtful).
        """
        B, P, T = nodes.shape[:3]
        k = self.config.frames_a_step
        steps = -(-T // k)
        people_now, initial = people, nodes[..., list(self.config.pose)] * self.config.pose_unit
        nodes = _padded(nodes.clamp(-_LARGEST_FEATURE, _LARGEST_FEATURE), steps * k)
        people = _padded(people.clamp(-_LARGEST_FEATURE, _LARGEST_FEATURE), steps * k)
        by_step = nodes.reshape(B * P, steps, k, BODY_COUNT, -1).transpose(2, 3).flatten(3)
        h = self.node_in(by_step) + self.joint_name
        p = self.person_in(people.reshape(B * P, steps, -1))
        words = self._words(text, B).repeat_interleave(P, 0)
        for block in self.blocks:
            h, p = block(h, p, words)
        of_joint = self.node_out(self.node_norm(h)).unflatten(-1, (k, -1)).transpose(2, 3)
        of_joint = of_joint.reshape(B, P, steps * k, BODY_COUNT, -1)[:, :, :T]
        of_person = self.person_out(self.person_norm(p)).reshape(B, P, steps * k, 5)[:, :, :T]
        place = OFFSET_SCALE * of_person[..., :3] + self._along_the_ray(people_now, of_person[..., 3:4])
        shift = place[..., None, :] + OFFSET_SCALE * of_joint[..., :3]
        if self.smooths:
            shift = gaussian_smoothed(shift, _SHIFT_CALM)
            for share, frames in zip(of_joint[..., 4:, None].unbind(-2), SMOOTHING_SIGMAS):
                shift = shift + _SHARE_UNIT * share * (gaussian_smoothed(initial, frames) - initial)
        log_sigma = of_joint[..., 3] + functional.pad(of_person[..., 4:], (0, BODY_COUNT - 1))
        first = torch.tensor(INITIAL_SIGMA, dtype=shift.dtype, device=shift.device).log()
        return shift, (log_sigma + first).clamp(*_LOG_SIGMA)

    def _words(self, text: Tensor | None, count: int) -> Tensor:
        """[B,D]"""
        if text is None:
            return self.no_text.expand(count, -1)
        there = (text != 0).any(-1, keepdim=True)
        # sentences have length one: their numbers are tiny
        return torch.where(there, self.text_in(text * text.shape[-1] ** 0.5), self.no_text)

    def _along_the_ray(self, people: Tensor, share: Tensor) -> Tensor:
        """[B,P,T,3] metres away from the camera, by a share of the distance: what one camera says least about."""
        if not self.config.camera:
            return torch.zeros_like(share)
        to_camera = people[..., list(self.config.camera)] * self.config.camera_unit
        return -OFFSET_SCALE * share * to_camera


class _Block(nn.Module):
    """One round of hearing: joints along bones, the partner, time; then the person's state; then the joints from it."""

    def __init__(self, config: STGCNConfig) -> None:
        super().__init__()
        C, D = config.width, config.person_width
        self.bones = _Bones(C)
        self.partner = _PartnerJoints(C, config.heads) if config.partner else None
        self.moments = _Moments(C, config.time)
        self.person = _Person(C, D, config)
        self.to_joints = nn.Linear(D, 2 * C)

    def forward(self, h: Tensor, p: Tensor, words: Tensor) -> tuple[Tensor, Tensor]:
        """h [B*P,S,22,C], p [B*P,S,D], words [B*P,D]"""
        h = h + self.bones(h)
        if self.partner is not None:
            h = h + self.partner(h)
        p = self.person(h, p, words)
        h = h + self.moments(h, self.to_joints(p))
        return h, p


class _Bones(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        kinds = len(EDGES) + 1
        self.norm = nn.LayerNorm(width)
        self.values = nn.Linear(width, kinds * width)
        self.register_buffer("edges", adjacency(), persistent=False)
        self.strength = nn.Parameter(torch.ones(len(EDGES), BODY_COUNT, BODY_COUNT))
        self.learned = nn.Parameter(torch.full((1, BODY_COUNT, BODY_COUNT), 1 / BODY_COUNT))
        self.out = nn.Linear(width, width)

    def forward(self, h: Tensor) -> Tensor:
        edges = torch.cat([self.get_buffer("edges") * self.strength, self.learned])  # kind, to, from
        values = self.values(self.norm(h)).unflatten(-1, (len(edges), -1)).flatten(2, 3)  # from x kind, C
        return self.out(functional.gelu(edges.permute(1, 2, 0).flatten(1) @ values))


class _PartnerJoints(nn.Module):
    """Each joint looks at the other person's joints of the same moment."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.bias = nn.Parameter(torch.zeros(heads, BODY_COUNT, BODY_COUNT))
        self.out = nn.Linear(width, width)

    def forward(self, h: Tensor) -> Tensor:
        seen = self.norm(h)
        query = self.query(seen).unflatten(-1, (self.heads, -1)).transpose(-2, -3)
        key, value = (
            swap_people(self.key_value(seen)).unflatten(-1, (2 * self.heads, -1)).transpose(-2, -3).chunk(2, -3)
        )
        score = query @ key.mT / query.shape[-1] ** 0.5 + self.bias
        return self.out((score.softmax(-1) @ value).transpose(-2, -3).flatten(-2))


class _Moments(nn.Module):
    """Each joint hears of itself a little before and after, scaled and shifted by the state of its person."""

    def __init__(self, width: int, time: bool) -> None:
        super().__init__()
        reach = _TIME_REACH if time else 0
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.up = nn.Linear(width, 2 * width)
        self.time = nn.Conv2d(
            2 * width, 2 * width, (2 * reach + 1, 1), padding=(reach, 0), groups=2 * width, padding_mode="replicate"
        )
        self.down = nn.Linear(2 * width, width)

    def forward(self, h: Tensor, film: Tensor) -> Tensor:
        scale, shift = film[:, :, None].chunk(2, -1)
        inner = self.up(self.norm(h) * (1 + scale) + shift)
        return self.down(functional.gelu(self.time(inner.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)))


class _Person(nn.Module):
    """The state of a whole person: from the own joints, the partner's state, all moments, the text."""

    def __init__(self, width: int, person_width: int, config: STGCNConfig) -> None:
        super().__init__()
        D = person_width
        self.heads, self.hears_partner, self.hears_time = config.heads, config.partner, config.time
        self.joint_norm, self.gather = nn.LayerNorm(width), nn.Linear(BODY_COUNT * width // 2, D)
        self.squeeze = nn.Linear(width, width // 2)
        self.partner_norm = nn.LayerNorm(D)
        self.partner = nn.Linear(2 * D, D)
        self.time_norm = nn.LayerNorm(D)
        self.query_key_value = nn.Linear(D, 3 * D)
        self.distance = nn.Parameter(torch.linspace(-4.0, 0.0, config.heads))
        self.time_out = nn.Linear(D, D)
        self.last_norm = nn.LayerNorm(D, elementwise_affine=False)
        self.film = _zero(nn.Linear(D, 2 * D))
        self.feed = nn.Sequential(nn.Linear(D, 2 * D), nn.GELU(), nn.Linear(2 * D, D))

    def forward(self, h: Tensor, p: Tensor, words: Tensor) -> Tensor:
        p = p + self.gather(functional.gelu(self.squeeze(self.joint_norm(h))).flatten(-2))
        if self.hears_partner:
            seen = self.partner_norm(p)
            p = p + self.partner(torch.cat([seen, swap_people(seen)], -1))
        if self.hears_time:
            p = p + self._over_time(self.time_norm(p))
        scale, shift = self.film(words)[:, None].chunk(2, -1)
        return p + self.feed(self.last_norm(p) * (1 + scale) + shift)

    def _over_time(self, seen: Tensor) -> Tensor:
        """Attention over the window; the farther apart two moments, the less, by a rate each head learns (ALiBi)."""
        S = seen.shape[1]
        split = self.query_key_value(seen).unflatten(-1, (3 * self.heads, -1)).transpose(1, 2)
        query, key, value = split.chunk(3, 1)
        moment = torch.arange(S, device=seen.device, dtype=seen.dtype)
        apart = (moment[:, None] - moment).abs()
        score = query @ key.mT / query.shape[-1] ** 0.5 - self.distance.exp()[:, None, None] * apart
        return self.time_out((score.softmax(-1) @ value).transpose(1, 2).flatten(2))


def gaussian_smoothed(values: Tensor, frames: float) -> Tensor:
    """[B,P,T,...] through a Gaussian over time with that standard deviation; beyond the ends values are held."""
    reach = math.ceil(3 * frames)
    offset = torch.arange(-reach, reach + 1, device=values.device, dtype=values.dtype)
    kernel = torch.exp(-0.5 * (offset / frames) ** 2)
    rows = values.flatten(3).transpose(2, 3).flatten(0, 2)[:, None]
    smooth = functional.conv1d(
        functional.pad(rows, (reach, reach), mode="replicate"), (kernel / kernel.sum())[None, None]
    )
    return smooth[:, 0].unflatten(0, (*values.shape[:2], -1)).transpose(2, 3).reshape(values.shape)


def swap_people(values: Tensor) -> Tensor:
    """[B*P,...] with the two people of each pair exchanged."""
    return values.unflatten(0, (-1, 2)).flip(1).flatten(0, 1)


def _padded(values: Tensor, count: int) -> Tensor:
    """[B,P,T,...] with its last frame repeated up to `count` frames."""
    missing = count - values.shape[2]
    return (
        values if missing == 0 else torch.cat([values, values[:, :, -1:].expand(-1, -1, missing, *values.shape[3:])], 2)
    )


def _zero(layer: nn.Linear) -> nn.Linear:
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
