"""The geometry optimizer at work: a whole clip of any length, window by window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..checkpoint import load_checkpoint, load_weights, read_config, weights_file
from ..contract.errors import UserError
from ..observations.features import VERSION, Features
from ..representation.sliding_windows import blend, sliding_windows
from .network import STGCN, STGCNConfig

KIND = "geometry-optimizer"
"""Of its checkpoints, and the name of the weights that come with the product."""


@dataclass(frozen=True)
class STGCNPrediction:
    """P = 2 people, T frames of the models' clock; view axes, metres."""

    joints_inview: Tensor
    """[P,T,22,3]"""
    sigma: Tensor
    """[P,T,22] standard deviation along each axis: the pelvis' of its place, of every other joint of its place relative to
    the own pelvis."""

    @property
    def place_sigma(self) -> Tensor:
        """[P,T,22] of every joint's place in the view, the pelvis' doubt included."""
        pelvis = self.sigma[..., :1]
        return torch.cat([pelvis, (self.sigma[..., 1:].square() + pelvis.square()).sqrt()], -1)


def load_stgcn(path: Path | None = None, device: torch.device | str = "cpu") -> STGCN:
    """The network with the weights at `path`, else with those that came with the product.

    UserError `weights-missing` or `weights-wrong`, as `load_checkpoint`.
    """
    path = path or weights_file(KIND)
    checkpoint = load_checkpoint(path, KIND, VERSION)
    network = STGCN(read_config(checkpoint, STGCNConfig, path))
    load_weights(network, checkpoint, path)
    return network.eval().requires_grad_(False).to(device)


@torch.no_grad()
def run_stgcn(features: Features, network: STGCN, text: Tensor | None = None) -> STGCNPrediction:
    """Move the initial joints of a whole clip; `text` [E] is its sentence's numbers. On the network's device.

    One window at a time: memory does not grow with the clip but for what goes in and comes out. UserError `optimizer-failed`
    where the result is not finite.
    """
    device = next(network.parameters()).device
    windows = sliding_windows(features.nodes.shape[1])
    words = None if text is None else text.to(device)[None]

    def parts() -> Iterator[Tensor]:
        for window in windows:
            nodes, people = (value[:, window].to(device)[None] for value in (features.nodes, features.people))
            shift, log_sigma = network(nodes, people, words)
            yield torch.cat([shift[0], log_sigma[0, ..., None].exp()], -1)

    whole = blend(parts(), windows)
    if not bool(torch.isfinite(whole).all()):
        raise UserError(
            "optimizer-failed",
            "The geometry optimizer gave numbers that are not finite.",
            "Its weights or the 2D stage's results are damaged: train or fetch them again, or go on without it.",
        )
    return STGCNPrediction(features.joints.to(device) + whole[..., :3], whole[..., 3])
