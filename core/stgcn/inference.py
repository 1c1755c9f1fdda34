"""Runs the ST-GCN on a clip of any length, window by window, and loads its weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from ..checkpoint import load_checkpoint, load_weights, read_config, weights_file
from ..contract.errors import UserError
from ..fitting.prior import mean_sigma
from ..observations.features import VERSION, Features, joint_rays
from ..observations.mirrored import OTHER_SIDE, mirrored_joints, mirrored_nodes, mirrored_people
from ..representation.sliding_windows import blend, sliding_windows
from .network import STGCN, STGCNConfig

KIND = "stgcn"
"""Kind of its checkpoints, and the file name of the weights that ship with the product."""


@dataclass(frozen=True)
class STGCNPrediction:
    """Predicted joints of both people, N frames of the uniform grid."""

    joints_inview: Float[Tensor, "P N 22 3"]
    """metres"""
    sigma_along: Float[Tensor, "P N 22"]
    """metres, standard deviation along the ray from the camera: of the position of the pelvis, and of the position of every other
    joint relative to its own pelvis."""
    sigma_across: Float[Tensor, "P N 22"]
    """The same along each axis across the ray."""

    @property
    def sigma(self) -> Float[Tensor, "P N 22"]:
        """Root mean square over the three axes."""
        return mean_sigma(self.sigma_along, self.sigma_across)


def load_stgcn(path: Path | None = None, device: torch.device | str = "cpu") -> STGCN:
    """The network with the weights in `path`, by default those that ship with the product.

    UserError `weights-missing` or `weights-wrong`, see `load_checkpoint`.
    """
    path = path or weights_file(KIND)
    checkpoint = load_checkpoint(path, KIND, VERSION)
    network = STGCN(read_config(checkpoint, STGCNConfig, path))
    load_weights(network, checkpoint, path)
    return network.eval().requires_grad_(False).to(device)


@torch.no_grad()
def run_stgcn(
    features: Features,
    network: STGCN,
    text: Float[Tensor, " E"] | None = None,
    mirrored_text: Float[Tensor, " E"] | None = None,
) -> STGCNPrediction:
    """Predict the joints of a whole clip, on the network's device.

    `text` is the sentence embedding of the prompt, `mirrored_text` that of the prompt with left and right exchanged, by default
    the same. The network predicts the clip and its mirror image, and the result is the mean of both; sigmas grow where the two
    disagree. One window is processed at a time, so only inputs and outputs grow with the clip. UserError `stgcn-failed` if the
    result is not finite.
    """
    nodes, people = features.nodes, features.people
    offset, sigmas = _predict(nodes, people, network, text)
    mirrored_offset, mirrored_sigmas = _predict(
        mirrored_nodes(nodes), mirrored_people(people), network, text if mirrored_text is None else mirrored_text
    )
    difference = (offset - mirrored_joints(mirrored_offset)) / 2
    joints = features.joints.to(offset) + offset - difference
    variance = (sigmas.square() + mirrored_sigmas[..., list(OTHER_SIDE), :].square()) / 2
    variance += _variance(difference, joint_rays(joints, people.to(joints)))
    if not bool(torch.isfinite(joints).all() and torch.isfinite(variance).all()):
        raise UserError(
            "stgcn-failed",
            "The network that predicts joints (ST-GCN) returned values that are not finite.",
            "Its weights may be damaged: install the extension again. If that does not help, choose other frames of the clip.",
        )
    return STGCNPrediction(joints, *variance.sqrt().unbind(-1))


def _predict(
    nodes: Float[Tensor, "P N 22 F"], people: Float[Tensor, "P N G"], network: STGCN, text: Float[Tensor, " E"] | None
) -> tuple[Float[Tensor, "P N 22 3"], Float[Tensor, "P N 22 2"]]:
    """Offsets of the joints, and their sigmas along and across the ray, window by window."""
    device = next(network.parameters()).device
    windows = sliding_windows(nodes.shape[1])
    text = None if text is None else text.to(device)[None]

    def predictions() -> Iterator[Tensor]:
        """Offsets and sigmas of each window, in one tensor [P,T,22,5]."""
        for window in windows:
            offset, log_sigma = network(*(value[:, window].to(device)[None] for value in (nodes, people)), text)
            yield torch.cat([offset[0], log_sigma[0].exp()], -1)

    blended = blend(predictions(), windows)
    return blended[..., :3], blended[..., 3:]


def _variance(difference: Float[Tensor, "P N 22 3"], rays: Float[Tensor, "P N 22 3"]) -> Float[Tensor, "P N 22 2"]:
    """metres², of two predictions that lie at plus and minus `difference`: along the ray, and along each axis across it.

    As sigmas are: the pelvis' is that of its position, the others' that of positions relative to their own pelvis.
    """
    relative = torch.cat([difference[:, :, :1], difference[:, :, 1:] - difference[:, :, :1]], 2)
    along = (relative * torch.nn.functional.normalize(rays, dim=-1)).sum(-1).square()
    across = (relative.square().sum(-1) - along).clamp_min(0) / 2
    return torch.stack([along, across], -1)
