"""The trained infiller: its weights, and sampling one take of a whole clip with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from ..body.model import BodyModel
from ..checkpoint import load_checkpoint, load_weights, read_config, weights_file
from ..observations.features import VERSION, Features
from ..records import Record
from ..reporting import Reporter
from ..representation.residual import PoseState, ResidualScales, offset_between
from ..representation.sliding_windows import sliding_windows
from .denoiser import Conditions, Denoiser, DenoiserConfig
from .sampling import SamplingInputs, SamplingSettings, sample

KIND = "infiller"
"""Kind of its checkpoints, and the file name of the weights that ship with the product."""


@dataclass(frozen=True)
class Infiller:
    """A trained denoiser and the scale of its residuals."""

    denoiser: Denoiser
    scales: ResidualScales


@dataclass(frozen=True)
class ReferenceMotion(Record):
    """The motion that an infiller changes, how it differs from the features' reference, and how uncertain it is."""

    state: PoseState
    joint_offsets: Float[Tensor, "P N 22 3"]
    """metres, from the joints of the features' reference motion."""
    rotation_offsets: Float[Tensor, "P N 22 6"]
    """From its rotations, 6D less that of no rotation."""
    log_sigma: Float[Tensor, "P N 22"]
    """Logarithm of metres, of the joints that the ST-GCN predicts; zeros where it did not run."""

    @classmethod
    def of(
        cls, state: PoseState, features: Features, sigma: Float[Tensor, "P N 22"] | None, body: BodyModel
    ) -> ReferenceMotion:
        log_sigma = torch.zeros_like(features.confidence) if sigma is None else sigma.log()
        return cls(state, *offset_between(features.reference, state, body), log_sigma)


def load_infiller(path: Path | None = None, device: torch.device | str = "cpu") -> Infiller:
    """The infiller with the weights in `path`, by default those that ship with the product.

    UserError `weights-missing`, or `weights-wrong` also where the scales do not fit, see `load_checkpoint`.
    """
    path = path or weights_file(KIND)
    checkpoint = load_checkpoint(path, KIND, VERSION)
    denoiser = Denoiser(read_config(checkpoint, DenoiserConfig, path))
    load_weights(denoiser, checkpoint, path)
    return Infiller(denoiser.eval().requires_grad_(False).to(device), ResidualScales.from_json(checkpoint.statistics))


def sample_clip(
    infiller: Infiller,
    features: Features,
    reference: ReferenceMotion,
    settings: SamplingSettings,
    inputs: SamplingInputs,
    reporter: Reporter,
) -> Float[Tensor, "P N C"]:
    """The channels of one take of a clip of any length, on the denoiser's device. UserError `infiller-failed`."""
    device = next(infiller.denoiser.parameters()).device
    windows = sliding_windows(features.nodes.shape[1])
    return sample(
        infiller.denoiser,
        conditions_of(features, reference, windows, device),
        windows,
        settings,
        replace(inputs, text=None if inputs.text is None else inputs.text.to(device)),
        reporter,
    )


def conditions_of(
    features: Features, reference: ReferenceMotion, windows: list[slice], device: torch.device
) -> Iterator[Conditions]:
    """The denoiser's conditions of each window, made when they are asked for."""
    for window in windows:
        nodes, people, translation, rotation, log_sigma, visible = (
            value[:, window].to(device)[None]
            for value in (
                features.nodes,
                features.people,
                reference.joint_offsets,
                reference.rotation_offsets,
                reference.log_sigma,
                features.confidence,
            )
        )
        valid = torch.ones(1, visible.shape[2], dtype=torch.bool, device=device)
        yield Conditions(nodes, people, translation, rotation, log_sigma, visible, valid)
