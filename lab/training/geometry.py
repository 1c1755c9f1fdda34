"""The geometry optimizer in training: its loss on a batch, its errors on whole dev clips."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from core.body.model import BodyModel
from core.observations.features import NODE_COLUMNS, NODE_FEATURES, PERSON_COLUMNS, PERSON_FEATURES
from core.representation.resampling import FRAME_RATE
from core.stgcn.inference import run_stgcn
from core.stgcn.network import STGCN, STGCNConfig
from lab.training.masking import MaskedFeatures, MaskRates, draw_masks, hide

from .draw import Drawn, whole_clips
from .examples import Example
from .joints import JointWeights, joint_loss
from .measure import Guess, joint_errors
from .words import Words

_CAMERA_UNIT = 4.0
"""metres of the person feature `camera`."""
_POSE_UNIT = 0.5
"""metres of a joint's feature `from_pelvis`."""
_MASKS = MaskRates(limb=0.15, half=0.05, whole=0.05)


def config_for_features(**changes: object) -> STGCNConfig:
    """Sizes for the features of this version, with those that are named."""
    camera, pose = PERSON_COLUMNS["camera"], NODE_COLUMNS["from_pelvis"]
    values = {
        "node_features": len(NODE_FEATURES),
        "person_features": len(PERSON_FEATURES),
        "camera_columns": tuple(range(camera.start, camera.stop)),
        "camera_scale": _CAMERA_UNIT,
        "pose_columns": tuple(range(pose.start, pose.stop)),
        "pose_scale": _POSE_UNIT,
    }
    return STGCNConfig(**(values | changes))  # pyright: ignore[reportArgumentType]


@dataclass(frozen=True)
class JointObjective:
    """Called with a batch and a generator on its device, gives the loss and its parts.

    A part of what was seen is hidden, as people hide each other (`masks`), and some sentences are forgotten.
    """

    network: STGCN
    body: BodyModel
    weights: JointWeights = field(default_factory=JointWeights)
    masks: MaskRates = _MASKS
    no_text: float = 0.3

    def __call__(self, batch: Drawn, generator: torch.Generator) -> tuple[Tensor, Mapping[str, Tensor]]:
        count, people, frames = batch.seen.shape[:3]
        hidden = draw_masks((count, people, frames), self.masks, generator)
        what = hide(MaskedFeatures(batch.nodes, batch.people, batch.seen, batch.base), hidden, self.body)
        touched = hidden.any((1, 2, 3))[:, None, None, None, None]
        initial = torch.where(touched, what.reference.joints(self.body), batch.joints)
        kept = torch.rand(count, 1, generator=generator, device=generator.device) >= self.no_text
        shift, log_sigma = self.network(what.nodes, what.people, batch.text * kept)
        return joint_loss(initial + shift, log_sigma, batch.truth_joints, batch.valid, FRAME_RATE, self.weights)


def optimizer_errors(network: nn.Module, examples: Sequence[Example], words: Words) -> dict[str, float]:
    """`measure.joint_errors` of the network's joints over whole clips."""
    assert isinstance(network, STGCN)
    device = next(network.parameters()).device

    def guesses() -> Iterator[Guess]:
        for example, observed, text in whole_clips(examples, words, device):
            found = run_stgcn(observed, network, text)
            joints, sigma = found.joints_inview.cpu().numpy(), found.sigma.cpu().numpy()
            yield Guess(joints, example.truth_joints, example.hidden, sigma)

    return joint_errors(guesses())


def initial_errors(examples: Sequence[Example]) -> dict[str, float]:
    """The same of the initial motion."""
    return joint_errors(Guess(example.joints, example.truth_joints, example.hidden) for example in examples)
