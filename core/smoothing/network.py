"""The network of the sequence smoother: attenuates the wavelet details of a motion, for each joint, frame and speed.

It works on the motion itself, not on the residual to the reference motion: the reference jitters, and a residual without
details would let its jitter through. The rotation of each joint and the translation of the pelvis are decomposed by speed
(`wavelet`); the network predicts how much of each detail to remove, and the sum of the rest is the smoothed motion. So it cannot
invent motion, and where nothing is removed the motion is unchanged. It reads the energy of the details (in the frame, around it
and over the clip), that of the reference motion's details, and how well each joint was observed; its blocks mix the nodes and
both people. All weights are shared by both people, so exchanging the people exchanges the results. An untrained network changes
nothing.

Shapes: B clips or windows, P = 2 people, T frames, J = 23 nodes (the rotations of 22 joints and the pelvis' translation),
L levels of details, C channels of a node.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from ..body.rotations import matrix_to_rotation_6d, rotation_6d_to_matrix
from ..motion import BODY_COUNT
from ..observations.features import NODE_COLUMNS
from ..representation.residual import PoseState
from .wavelet import LEVELS, decompose

NODES = BODY_COUNT + 1
_EVIDENCE = ("confidence", "spread", "found", "partner_near", "partner_mask", "own_mask", "border")
"""Node features that the network reads."""
_NODE_OF_NUMBER = [*(joint for joint in range(BODY_COUNT) for _ in range(6)), *[BODY_COUNT] * 3]
"""The node that each number of a person's pose belongs to: 6D rotations relative to the parents, and metres of the pelvis."""


@dataclass(frozen=True)
class SmootherConfig:
    """Sizes and fixed scales of the network. They are saved with the weights."""

    width: int = 32
    """C"""
    blocks: int = 3
    """Each dilates its temporal convolution twice as much as the one before."""
    kernel: int = 7
    """Frames of the temporal convolution in the first block."""
    levels: int = LEVELS
    """L"""
    energy_reach: int = 8
    """Frames before and after a frame over which the energy of details is averaged."""
    energy_floor: float = 1e-8
    """Squared detail that counts as none: of a tenth of a millimetre or a tenth of a milliradian."""
    log_energy_mean: float = -11.0
    log_energy_scale: float = 3.0
    """Normalization of the logarithm of energies."""
    attenuation_gain: float = 5.0
    """Attenuation that a parameter of one stands for: it makes up for the small steps of training."""


class SequenceSmoother(nn.Module):
    """Smooths the motion of two people. See the module's docstring."""

    def __init__(self, config: SmootherConfig) -> None:
        super().__init__()
        self.config = config
        C, L = config.width, config.levels
        self.node_in = nn.Linear(4 * L + len(_EVIDENCE) + 2, C)
        self.node_embedding = nn.Parameter(torch.randn(NODES, C) * 0.1)
        self.blocks = nn.ModuleList(_Block(config, 2**number) for number in range(config.blocks))
        self.norm_out = nn.LayerNorm(C)
        self.proj_out = nn.Linear(C, L)
        # one for all nodes and levels: they open together, so none stays closed for good
        self.max_attenuation = nn.Parameter(torch.zeros(()))

    def forward(
        self,
        pose: Float[Tensor, "B P T D"],
        reference: Float[Tensor, "B P T D"],
        evidence: Float[Tensor, "B P T 22 E"],
    ) -> Float[Tensor, "B P T D"]:
        """The smoothed pose. Pose and reference as from `pose_numbers`, evidence as from `evidence_features`."""
        details, approximation = decompose(pose, self.config.levels)
        reference_details, _ = decompose(reference, self.config.levels)
        attenuation = self._attenuation(details, reference_details, evidence)[..., _NODE_OF_NUMBER, :]
        return approximation + sum(detail * (1 - part) for detail, part in zip(details, attenuation.unbind(-1)))

    def _attenuation(
        self, details: Sequence[Tensor], reference_details: Sequence[Tensor], evidence: Float[Tensor, "B P T 22 E"]
    ) -> Float[Tensor, "B P T J L"]:
        """In 0-1, how much of each node's details is removed."""
        config = self.config
        energy, reference_energy = _energy(details), _energy(reference_details)
        around = _moving_average(energy, config.energy_reach)
        overall = energy.mean(2, keepdim=True)
        evidence = torch.cat([evidence, evidence[..., :1, :]], -2)  # the translation's is the pelvis'
        log_energies = [self._log_energy(each) for each in (energy, around, overall, reference_energy)]
        log_energies[2] = log_energies[2].expand_as(energy)
        h = self.node_in(torch.cat([*log_energies, evidence], -1)) + self.node_embedding
        h = h.flatten(0, 1)
        for block in self.blocks:
            h = block(h)
        limit = config.attenuation_gain * self.max_attenuation
        limit = limit + (limit.clamp(0, 1) - limit).detach()  # clamped, but with gradients beyond the ends
        attenuation = torch.sigmoid(self.proj_out(self.norm_out(h))) * limit
        return _blur(attenuation.unflatten(0, energy.shape[:2]))

    def _log_energy(self, energy: Float[Tensor, "*dims"]) -> Float[Tensor, "*dims"]:
        """Logarithm, of about zero mean and unit variance."""
        config = self.config
        return ((energy + config.energy_floor).log() - config.log_energy_mean) / config.log_energy_scale


class _Block(nn.Module):
    """Mixes nodes by a learned matrix and both people by their means, then convolves each node over time."""

    def __init__(self, config: SmootherConfig, dilation: int) -> None:
        super().__init__()
        C, k = config.width, config.kernel
        self.norm = nn.LayerNorm(C)
        self.node_mixing = nn.Parameter(torch.randn(NODES, NODES) * 0.05)
        self.person_mixing = nn.Linear(2 * C, C)
        self.temporal_conv = nn.Conv1d(
            C, C, k, padding=k // 2 * dilation, dilation=dilation, groups=C, padding_mode="replicate"
        )
        self.ff_in, self.ff_out = nn.Linear(C, 2 * C), nn.Linear(2 * C, C)

    def forward(self, h: Float[Tensor, "BP T J C"]) -> Float[Tensor, "BP T J C"]:
        normed = self.norm(h)
        own = normed.mean(-2)
        partner = own.unflatten(0, (-1, 2)).flip(1).flatten(0, 1)
        people = self.person_mixing(torch.cat([own, partner], -1))[..., None, :]
        mixed = normed + self.node_mixing @ normed + people
        rows = mixed.permute(0, 2, 3, 1).flatten(0, 1)
        convolved = self.temporal_conv(rows).unflatten(0, (h.shape[0], NODES)).permute(0, 3, 1, 2)
        return h + self.ff_out(functional.gelu(self.ff_in(convolved)))


def pose_numbers(pose: PoseState) -> Float[Tensor, "*b P T D"]:
    """A pose as D = 135 numbers for each frame: 6D rotations, then the pelvis."""
    return torch.cat([matrix_to_rotation_6d(pose.rotations).flatten(-2), pose.pelvis], -1)


def pose_from_numbers(numbers: Float[Tensor, "*b P T D"], shape: PoseState) -> PoseState:
    """The inverse of `pose_numbers`, with the betas of `shape`."""
    rotations = numbers[..., : 6 * BODY_COUNT].unflatten(-1, (BODY_COUNT, 6))
    return replace(shape, rotations=rotation_6d_to_matrix(rotations), pelvis=numbers[..., 6 * BODY_COUNT :])


def evidence_features(
    nodes: Float[Tensor, "*b T 22 F"], confidence: Float[Tensor, "*b T 22"]
) -> Float[Tensor, "*b T 22 E"]:
    """What the network reads of `Features.nodes` and `Features.confidence`."""
    columns = [nodes[..., NODE_COLUMNS[name]] for name in _EVIDENCE]
    partner_distance = nodes[..., NODE_COLUMNS["to_partner"]].norm(dim=-1, keepdim=True)
    return torch.cat([*columns, partner_distance, confidence[..., None]], -1)


def _energy(details: Sequence[Float[Tensor, "B P T D"]]) -> Float[Tensor, "B P T J L"]:
    """Mean square of the details of each node."""
    squares = torch.stack(list(details), -1).square()
    rotations, translation = squares[..., : 6 * BODY_COUNT, :], squares[..., 6 * BODY_COUNT :, :]
    return torch.cat([rotations.unflatten(-2, (BODY_COUNT, 6)).mean(-2), translation.mean(-2, keepdim=True)], -2)


def _moving_average(values: Float[Tensor, "B P T J L"], reach: int) -> Float[Tensor, "B P T J L"]:
    """Mean over up to `reach` frames before and after each."""
    sums = functional.pad(values.cumsum(2), (0, 0, 0, 0, 1, 0))
    frames = torch.arange(values.shape[2], device=values.device)
    start, stop = (frames - reach).clamp_min(0), (frames + reach + 1).clamp_max(values.shape[2])
    return (sums[:, :, stop] - sums[:, :, start]) / (stop - start)[:, None, None]


def _blur(attenuation: Float[Tensor, "B P T J L"]) -> Float[Tensor, "B P T J L"]:
    """Blur over time: attenuation that sets in from one frame to the next would be a jerk of its own."""
    return decompose(attenuation.flatten(-2), 1)[1].reshape(attenuation.shape).clamp(0, 1)
