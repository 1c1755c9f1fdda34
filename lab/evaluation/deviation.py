"""A baseline for the infiller: limbs deviate smoothly from the ST-GCN's prediction, as far as its sigma allows.

Each bone's end deviates from its own start by what its sigma exceeds the start's, in the metric of the ray and across it, so a
hidden wrist swings about an elbow that is known, and an arm that is hidden as a whole moves as one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from core.body.model import BodyModel
from core.contract.skeleton import PARENTS
from core.infilling.infill import InfilledMotion, InfillScene
from core.motion import BODY_COUNT, pose_motion
from core.representation.resampling import FRAME_RATE
from core.representation.residual import PoseState, apply_residual, encode_residual, from_channels, to_channels
from core.representation.touch_flags import TOUCHING_PARTS
from core.smoothing.smooth import Smoother, smooth
from core.stgcn.network import gaussian_filter
from core.stgcn.posing import pose_to_joints

_SIGMA_SECONDS = 0.2
"""Over which sigmas are averaged: a deviation that flickers would shake the limb."""


@dataclass(frozen=True)
class DeviationSettings:
    """How takes deviate from the prediction. The values were chosen on the dev split."""

    seconds: float = 0.35
    """Standard deviation of the Gaussian over time that the deviations are smoothed by."""
    certain: float = 0.07
    """metres: sigma up to which a joint is taken to be where it is predicted; beyond it takes differ."""


_SETTINGS = DeviationSettings()


@dataclass(frozen=True)
class Uncertainty:
    """Of a prediction, P = 2 people, N frames of the uniform grid; metres."""

    sigma_along: Float[Tensor, "P N 22"]
    sigma_across: Float[Tensor, "P N 22"]
    camera_centre: Float[Tensor, "3"]
    """In the ground view."""


def deviating_take(scene: InfillScene, smoother: Smoother, temperature: float, seed: int) -> InfilledMotion:
    """A take of a clip for which the ST-GCN predicts joints: smoothed, and with the fit's shapes, as the infiller's are."""
    prior, view, grid = scene.prediction.prior, scene.clip.frame.view, scene.clip.frame.grid
    if prior is None:
        return InfilledMotion(scene.reference.motion_incam, None)
    along, across = (grid.to_grid(torch.from_numpy(sigma)) for sigma in (prior.sigma_along, prior.sigma_across))
    reference = scene.reference_inview.state
    uncertainty = Uncertainty(along, across, view.camera_centre)
    state = deviated(reference, uncertainty, scene.clip.body, temperature, seed)
    nowhere = torch.zeros(*state.pelvis.shape[:2], 2 + len(TOUCHING_PARTS), dtype=torch.bool)
    x, betas = encode_residual(state, reference, nowhere[..., :2], nowhere[..., 2:])
    channels = to_channels(x, betas, smoother.scales)
    channels = smooth(smoother, channels, replace(scene.clip.features, reference=reference))
    x, betas = from_channels(channels, smoother.scales)
    motion = apply_residual(x, betas, scene.reference.motion_incam, view, grid)
    joints = pose_motion(scene.clip.body, motion).joints[:, :, :BODY_COUNT].cpu().numpy()
    return InfilledMotion(motion, replace(prior, joints_incam=joints))


def deviated(
    state: PoseState,
    uncertainty: Uncertainty,
    body: BodyModel,
    temperature: float,
    seed: int,
) -> PoseState:
    """A take about a predicted motion in the ground view; temperature 0 gives the prediction itself.

    The pelvises stay. The same seed gives the same take on every device, up to rounding.
    """
    if temperature == 0:
        return state
    joints = state.joints(body)
    rays = normalize(joints - uncertainty.camera_centre, dim=-1)
    generator = torch.Generator().manual_seed(seed)
    noise = smooth_noise(joints.shape, _SETTINGS.seconds * FRAME_RATE, generator).to(joints)
    along = (noise * rays).sum(-1, keepdim=True) * rays
    sigmas = torch.stack([uncertainty.sigma_along, uncertainty.sigma_across], -1)
    sigmas = gaussian_filter(sigmas[None], _SIGMA_SECONDS * FRAME_RATE)[0]
    steps = _of_bones(sigmas, _SETTINGS.certain)[..., None]
    steps = temperature * (steps[..., 0, :] * along + steps[..., 1, :] * (noise - along))
    offsets = [steps[..., 0, :]]
    for joint in range(1, BODY_COUNT):
        offsets.append(offsets[PARENTS[joint]] + steps[..., joint, :])
    return pose_to_joints(state, joints + torch.stack(offsets, -2), body)


def smooth_noise(shape: torch.Size, sigma: float, generator: torch.Generator) -> Float[Tensor, "P N 22 3"]:
    """Normal noise of unit variance, smooth over `sigma` frames of time, on the CPU."""
    margin = int(3 * sigma) + 1  # the ends vary as the middle does
    people, frames, *rest = shape
    white = torch.randn(1, people, frames + 2 * margin, *rest, generator=generator)
    smooth = gaussian_filter(white, sigma)[0, :, margin : margin + frames]
    # the variance of white noise after a Gaussian filter
    return smooth * (2 * sigma * torch.pi**0.5) ** 0.5


def _of_bones(sigma: Float[Tensor, "P N 22 2"], certain: float) -> Float[Tensor, "P N 22 2"]:
    """By how much each joint deviates from its parent: what its uncertain part exceeds the parent's; 0 for the pelvis."""
    uncertain = (sigma.square() - certain**2).clamp_min(0)
    # the pelvis' own sigma is that of its place; all others are relative to it
    uncertain = torch.cat([torch.zeros_like(uncertain[..., :1, :]), uncertain[..., 1:, :]], -2)
    parents = uncertain[..., [max(parent, 0) for parent in PARENTS[:BODY_COUNT]], :]
    return (uncertain - parents).clamp_min(0).sqrt()
