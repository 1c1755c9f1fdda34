"""A network that says how much of each joint's detail stays, at each moment and each speed.

It works on the motion itself, not on what a take changes of the first motion: that one shakes, so a take without its own details
would let the shaking through. Each joint's rotation and the pelvis' way are split by speed (`wavelet`), the network gives each
detail a gain in 0-1, and the details so calmed are put together again: nothing can be made up, and where all gains are one the
motion stays as it was. What it hears is the strength of the details, now, around, and in the whole clip, those of the first
motion, and how well each joint was seen; joints hear each other, and either person the partner. All weights are shared by both
people: exchanging them exchanges the result. The gates begin closed: an untrained network changes nothing.

Shapes: B clips or windows, P = 2 people, T frames, 22 joints, J = 23 nodes (the joints' rotations and the pelvis' way), L levels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..body.rotations import matrix_to_rotation_6d, rotation_6d_to_matrix
from ..motion import BODY_COUNT
from ..observations.features import NODE_COLUMNS
from ..representation.residual import PoseState
from .wavelet import LEVELS, split

NUMBERS = 6 * BODY_COUNT + 3
"""Of one person's motion at one moment: 6D rotations relative to the parents, metres of the pelvis."""
NODES = BODY_COUNT + 1
_HEARD = ("confidence", "ambiguous", "found", "partner_near", "partner_mask", "own_mask", "border")
"""Of what was seen of a joint."""
_OF_NODE = [*(joint for joint in range(BODY_COUNT) for _ in range(6)), *[BODY_COUNT] * 3]
"""Which node each of the motion's numbers belongs to."""
_FAINT = 1e-8
"""Square of a detail that counts as none: a tenth of a millimetre, or of a milliradian."""
_AROUND = 8
"""Frames to either side over which the strength of details is averaged."""
_REACH_UNIT = 5.0
"""Share of calming that a number of one stands for: steps in training are small."""


@dataclass(frozen=True)
class SmootherConfig:
    width: int = 32
    """Numbers a node."""
    blocks: int = 3
    """Rounds of hearing, each twice as far in time as the one before."""
    kernel: int = 7
    """Frames that a node hears of itself in the first round."""
    levels: int = LEVELS


class SequenceSmoother(nn.Module):
    def __init__(self, config: SmootherConfig) -> None:
        super().__init__()
        self.config = config
        C, L = config.width, config.levels
        self.into = nn.Linear(4 * L + len(_HEARD) + 2, C)
        self.node_name = nn.Parameter(torch.randn(NODES, C) * 0.1)
        self.blocks = nn.ModuleList(_Block(config, 2**number) for number in range(config.blocks))
        self.norm = nn.LayerNorm(C)
        self.gate = nn.Linear(C, L)
        self.reach = nn.Parameter(torch.zeros(()))  # one for all: opened together, no gate is left behind shut

    def forward(self, motion: Tensor, first: Tensor, evidence: Tensor) -> Tensor:
        """Motion and first motion [B,P,T,135] (`numbers_of`), evidence [B,P,T,22,E] (`evidence_of`) -> motion [B,P,T,135]."""
        details, rest = split(motion, self.config.levels)
        shares = self._shares(details, split(first, self.config.levels)[0], evidence)[..., _OF_NODE, :]
        return rest + sum(detail * (1 - share) for detail, share in zip(details, shares.unbind(-1)))

    def _shares(self, details: list[Tensor], firsts: list[Tensor], evidence: Tensor) -> Tensor:
        """[B,P,T,J,L] in 0-1: how much of each node's details goes."""
        strength, first = _strength(details), _strength(firsts)
        around = _mean_around(strength)
        heard = torch.cat([evidence, evidence[..., :1, :]], -2)  # of the pelvis' way what is known of the pelvis
        features = [_unit(strength), _unit(around), _unit(strength.mean(2, keepdim=True)).expand_as(strength)]
        h = self.into(torch.cat([*features, _unit(first), heard], -1)) + self.node_name
        h = h.flatten(0, 1)
        for block in self.blocks:
            h = block(h)
        reach = _REACH_UNIT * self.reach
        reach = reach + (reach.clamp(0, 1) - reach).detach()  # learns beyond its ends, too, and so finds back
        share = torch.sigmoid(self.gate(self.norm(h))) * reach
        return _steady(share.unflatten(0, strength.shape[:2]))


class _Block(nn.Module):
    """Nodes hear of themselves before and after, of each other, and of both people as a whole."""

    def __init__(self, config: SmootherConfig, gap: int) -> None:
        super().__init__()
        C, k = config.width, config.kernel
        self.norm = nn.LayerNorm(C)
        self.between = nn.Parameter(torch.randn(NODES, NODES) * 0.05)
        self.people = nn.Linear(2 * C, C)
        self.time = nn.Conv1d(C, C, k, padding=k // 2 * gap, dilation=gap, groups=C, padding_mode="replicate")
        self.up, self.down = nn.Linear(C, 2 * C), nn.Linear(2 * C, C)

    def forward(self, h: Tensor) -> Tensor:
        """h [B*P,T,J,C]"""
        seen = self.norm(h)
        own = seen.mean(-2)
        partner = own.unflatten(0, (-1, 2)).flip(1).flatten(0, 1)
        mixed = seen + self.between @ seen + self.people(torch.cat([own, partner], -1))[..., None, :]
        rows = mixed.permute(0, 2, 3, 1).flatten(0, 1)
        over_time = self.time(rows).unflatten(0, (h.shape[0], NODES)).permute(0, 3, 1, 2)
        return h + self.down(functional.gelu(self.up(over_time)))


def numbers_of(motion: PoseState) -> Tensor:
    """[...,P,T,135] of a motion."""
    return torch.cat([matrix_to_rotation_6d(motion.rotations).flatten(-2), motion.pelvis], -1)


def motion_of(numbers: Tensor, like: PoseState) -> PoseState:
    """The inverse of `numbers_of`, with the shape of another motion."""
    six = numbers[..., : 6 * BODY_COUNT].unflatten(-1, (BODY_COUNT, 6))
    return replace(like, rotations=rotation_6d_to_matrix(six), pelvis=numbers[..., 6 * BODY_COUNT :])


def evidence_of(nodes: Tensor, seen: Tensor) -> Tensor:
    """What the network hears of `Observed.nodes` [...,22,F] and `Observed.seen` [...,22]: [...,22,E]."""
    columns = [nodes[..., NODE_COLUMNS[name]] for name in _HEARD]
    apart = nodes[..., NODE_COLUMNS["to_partner"]].norm(dim=-1, keepdim=True)
    return torch.cat([*columns, apart, seen[..., None]], -1)


def _strength(details: list[Tensor]) -> Tensor:
    """Details [...,T,135] -> their squares by node [...,T,J,L], mean over each node's numbers."""
    squares = torch.stack(details, -1).square()
    turns, way = squares[..., : 6 * BODY_COUNT, :], squares[..., 6 * BODY_COUNT :, :]
    return torch.cat([turns.unflatten(-2, (BODY_COUNT, 6)).mean(-2), way.mean(-2, keepdim=True)], -2)


def _unit(squares: Tensor) -> Tensor:
    """Their logarithms, about one."""
    return ((squares + _FAINT).log() + 11) / 3


def _mean_around(values: Tensor) -> Tensor:
    """[B,P,T,J,L] averaged over the frames around, as far as there are any."""
    sums = functional.pad(values.cumsum(2), (0, 0, 0, 0, 1, 0))
    frames = torch.arange(values.shape[2], device=values.device)
    start, stop = (frames - _AROUND).clamp_min(0), (frames + _AROUND + 1).clamp_max(values.shape[2])
    return (sums[:, :, stop] - sums[:, :, start]) / (stop - start)[:, None, None]


def _steady(share: Tensor) -> Tensor:
    """Shares [B,P,T,J,L] a little blurred over time: a gate that opens at once makes a jerk of its own."""
    return split(share.flatten(-2), 1)[1].reshape(share.shape).clamp(0, 1)
