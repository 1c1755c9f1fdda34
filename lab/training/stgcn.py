"""Training of the ST-GCN: its config for this version's features, its objective on a batch, its errors on dev clips."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from core.body.model import BodyModel
from core.observations.features import (
    CAMERA_SCALE,
    NODE_COLUMNS,
    NODE_FEATURES,
    PERSON_COLUMNS,
    PERSON_FEATURES,
    joint_rays,
)
from core.stgcn.inference import run_stgcn
from core.stgcn.network import STGCN, STGCNConfig

from .batches import Batch, whole_clips
from .examples import Example
from .joint_errors import JointEstimate, joint_errors
from .masking import MaskSettings, draw_masks, mask_features
from .sentence_embeddings import SentenceEmbeddings
from .stgcn_loss import STGCNLossSettings, stgcn_loss

_POSE_SCALE = 0.5
"""metres that a node feature `from_pelvis` of one stands for."""


def stgcn_config(**sizes: object) -> STGCNConfig:
    """The config for the features of this version, with the given sizes."""
    camera, pose = PERSON_COLUMNS["camera"], NODE_COLUMNS["from_pelvis"]
    values = {
        "node_features": len(NODE_FEATURES),
        "person_features": len(PERSON_FEATURES),
        "camera_columns": tuple(range(camera.start, camera.stop)),
        "camera_scale": CAMERA_SCALE,
        "pose_columns": tuple(range(pose.start, pose.stop)),
        "pose_scale": _POSE_SCALE,
    }
    return STGCNConfig(**(values | sizes))  # pyright: ignore[reportArgumentType]


@dataclass(frozen=True)
class STGCNObjective:
    """The loss of a batch and its parts, with evidence masked and sentences dropped at random."""

    network: STGCN
    body: BodyModel
    loss: STGCNLossSettings = field(default_factory=STGCNLossSettings)
    masks: MaskSettings = field(default_factory=lambda: MaskSettings(limb=0.15, half=0.05, whole=0.05))
    text_dropout: float = 0.3
    """Probability that a window's sentence is dropped."""

    def __call__(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, Mapping[str, Tensor]]:
        masked = draw_masks(batch.shape, self.masks, generator)
        features = mask_features(batch.features, masked, self.body)
        any_masked = masked.any((1, 2, 3))[:, None, None, None, None]
        initial = torch.where(any_masked, features.reference.joints(self.body), batch.reference_joints)
        keep_text = torch.rand(len(initial), 1, generator=generator, device=generator.device) >= self.text_dropout
        offset, log_sigma = self.network(features.nodes, features.people, batch.text * keep_text)
        rays = joint_rays(initial, features.people)
        return stgcn_loss(initial + offset, log_sigma, rays, batch.true_joints, batch.valid, self.loss)


def stgcn_errors(network: nn.Module, examples: Sequence[Example], embeddings: SentenceEmbeddings) -> dict[str, float]:
    """`joint_errors` of the network's predictions on whole clips."""
    assert isinstance(network, STGCN)
    device = next(network.parameters()).device

    def estimates() -> Iterator[JointEstimate]:
        for clip in whole_clips(examples, embeddings, device):
            prediction = run_stgcn(clip.features, network, clip.text)
            sigma = torch.stack([prediction.sigma_along, prediction.sigma_across], -1)
            rays = joint_rays(clip.features.joints, clip.features.people)
            joints, sigma, rays = (value.cpu().numpy() for value in (prediction.joints_inview, sigma, rays))
            yield JointEstimate(joints, clip.example.true_joints, clip.example.visibility, sigma, rays)

    return joint_errors(estimates())


def initial_errors(examples: Sequence[Example]) -> dict[str, float]:
    """`joint_errors` of the initial motion."""
    return joint_errors(
        JointEstimate(example.reference_joints, example.true_joints, example.visibility) for example in examples
    )
