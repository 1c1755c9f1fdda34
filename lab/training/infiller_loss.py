"""The training objective of the infiller: the denoiser's x0 close to the true residual, and its joints to the true joints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from core.body.model import BodyModel
from core.fitting.prior import mean_sigma
from core.infilling.denoiser import Conditions, Denoiser
from core.infilling.sampling import draw_noise
from core.infilling.schedule import DDIMScheduler
from core.representation.resampling import FRAME_RATE
from core.representation.residual import (
    BETAS,
    FOOT_CONTACT,
    RESIDUAL_SIZE,
    ROTATION,
    TRANSLATION,
    PoseState,
    ResidualScales,
    decode_residual,
    encode_residual,
    from_channels,
    offset_between,
    to_channels,
)
from core.stgcn.posing import pose_to_joints

from .batches import Batch
from .loss_terms import cross_distances
from .masking import MaskedFeatures, MaskSettings, draw_masks, mask_features

_USUAL_ERROR = 0.1


@dataclass(frozen=True)
class InfillerLossSettings:
    """Weights of the parts of the loss, and how they are computed.

    Each part is about one at a usual error of the initial motion, 10 cm or 1 m/s.
    """

    rotations: float = 1.0
    translation: float = 1.0
    betas: float = 0.2
    states: float = 0.2
    """Foot contact and touching."""
    joints: float = 1.0
    distances: float = 1.0
    velocity: float = 0.1
    near: float = 1.0
    contact: float = 0.25
    """metres between joints of the two people below which their distance counts, and counts three times as much (about
    InterGen's distance map and contacts)."""
    max_snr: float = 5.0
    """The loss of a timestep is weighted by its signal-to-noise ratio, at least 1 and at most this: where little noise is left,
    no later step corrects an error of x0."""


@dataclass(frozen=True)
class InfillerObjective:
    """The loss of a batch and its parts, with random timesteps, masked evidence, and sentences dropped at random.

    `stgcn` is not trained here: it is called as `stgcn(nodes, people, text) -> offsets, log sigma`, and the motion that is
    changed is the reference posed to its joints. For some windows it is left out, so that the denoiser can do without it.
    """

    denoiser: Denoiser
    scales: ResidualScales
    body: BodyModel
    stgcn: nn.Module | None = None
    loss: InfillerLossSettings = field(default_factory=InfillerLossSettings)
    masks: MaskSettings = field(default_factory=MaskSettings)
    text_dropout: float = 0.15
    """Probability that a window's sentence is dropped, for classifier-free guidance."""
    stgcn_dropout: float = 0.1
    """Probability that the ST-GCN is left out for a window."""
    deterministic: bool = False
    """For measuring: nothing is masked or dropped, and timesteps are evenly spaced."""

    def __call__(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, Mapping[str, Tensor]]:
        true = decode_residual(batch.residual, batch.residual_betas, batch.reference).motion
        features = batch.features
        if not self.deterministic:
            masked = draw_masks(batch.shape, self.masks, generator)
            features = mask_features(features, masked, self.body)
        text = self._drop_text(batch.text, generator)
        base, log_sigma = self._base_motion(features, text, generator)
        x, betas = encode_residual(true, base, batch.foot_contact, batch.touching)
        clean = to_channels(x, betas, self.scales)
        offsets = offset_between(features.reference, base, self.body)
        conditions = Conditions(features.nodes, features.people, *offsets, log_sigma, features.confidence, batch.valid)
        scheduler = DDIMScheduler(self.denoiser.config.schedule)
        t = self._draw_timesteps(len(clean), generator)
        noisy = scheduler.add_noise(clean, draw_noise(clean.shape, BETAS, generator), t.cpu())
        x0 = self.denoiser(noisy, t, conditions, text)
        alpha, sigma = (value.to(x0) for value in scheduler.alpha_sigma(t.cpu()))
        weight = (alpha / sigma).square().clamp(1, self.loss.max_snr)
        weight = (weight / weight.mean())[:, None] * batch.valid
        parts = self._parts(x0, clean, base, true, weight)
        total = torch.stack([getattr(self.loss, name) * value for name, value in parts.items()]).sum()
        return total, {name: value.detach() for name, value in parts.items()}

    def _draw_timesteps(self, count: int, generator: torch.Generator) -> Int[Tensor, " B"]:
        device, total = generator.device, self.denoiser.config.schedule.num_train_timesteps
        if self.deterministic:
            return ((torch.arange(count, device=device) + 0.5) / count * total).long()
        return torch.randint(0, total, (count,), generator=generator, device=device)

    def _drop_text(self, text: Float[Tensor, "B E"], generator: torch.Generator) -> Float[Tensor, "B E"]:
        if self.deterministic:
            return text
        return text * (torch.rand(len(text), 1, generator=generator, device=generator.device) >= self.text_dropout)

    @torch.no_grad()
    def _base_motion(
        self, features: MaskedFeatures, text: Float[Tensor, "B E"], generator: torch.Generator
    ) -> tuple[PoseState, Float[Tensor, "B P T 22"]]:
        """The motion that is changed, and the ST-GCN's log sigma, zeros where it is left out."""
        reference = features.reference
        if self.stgcn is None:
            return reference, torch.zeros_like(features.confidence)
        offset, log_sigmas = self.stgcn(features.nodes, features.people, text)
        log_sigma = mean_sigma(*log_sigmas.exp().unbind(-1)).log()
        posed = pose_to_joints(reference, reference.joints(self.body) + offset, self.body)
        if self.deterministic:
            return posed, log_sigma
        draw = torch.rand(len(offset), 1, 1, 1, generator=generator, device=generator.device)
        kept = draw >= self.stgcn_dropout
        rotations = torch.where(kept[..., None, None], posed.rotations, reference.rotations)
        pelvis = torch.where(kept, posed.pelvis, reference.pelvis)
        return PoseState(rotations, pelvis, posed.betas), log_sigma * kept

    def _parts(
        self,
        x0: Float[Tensor, "B P T C"],
        clean: Float[Tensor, "B P T C"],
        base: PoseState,
        true: PoseState,
        weight: Float[Tensor, "B T"],
    ) -> dict[str, Tensor]:
        error = (x0 - clean).square()
        joints = decode_residual(*from_channels(x0, self.scales), base).motion.joints(self.body)
        true_joints = true.joints(self.body)
        position = (joints - true_joints).norm(dim=-1)
        pose = ((joints - joints[..., :1, :]) - (true_joints - true_joints[..., :1, :])).norm(dim=-1)
        velocity = (joints - true_joints).diff(dim=2).norm(dim=-1) * FRAME_RATE
        two_valid = (weight[:, 1:] > 0) & (weight[:, :-1] > 0)
        return {
            "rotations": _weighted_mean(error[..., ROTATION], weight),
            "translation": _weighted_mean(error[..., TRANSLATION], weight),
            "states": _weighted_mean(error[..., FOOT_CONTACT.start : RESIDUAL_SIZE], weight),
            "betas": _weighted_mean(error[..., RESIDUAL_SIZE:], weight),
            "joints": _weighted_mean((position + pose) / 2, weight) / _USUAL_ERROR,
            "distances": _distance_error(joints, true_joints, weight, self.loss) / _USUAL_ERROR,
            "velocity": _weighted_mean(velocity, weight[:, 1:] * two_valid),
        }


def _weighted_mean(values: Float[Tensor, "B P T N"], weight: Float[Tensor, "B T"]) -> Float[Tensor, ""]:
    weight = weight[:, None, :, None]
    return (weight * values).sum() / (weight.sum() * values.shape[1] * values.shape[-1]).clamp_min(1e-9)


def _distance_error(
    joints: Float[Tensor, "B 2 T 22 3"],
    true: Float[Tensor, "B 2 T 22 3"],
    weight: Float[Tensor, "B T"],
    settings: InfillerLossSettings,
) -> Float[Tensor, ""]:
    """Mean error in metres of the distances between joints of the two people that are near each other in truth."""
    true_distances, distances = cross_distances(true), cross_distances(joints)
    counts = (true_distances < settings.near).float() + 2 * (true_distances < settings.contact)
    counts = counts * weight[..., None, None]
    return (counts * (distances - true_distances).abs()).sum() / counts.sum().clamp_min(1.0)
