"""How well hypotheses of a camera agree with what a clip shows: standing feet, trunks, balance, and lines of the scene.

Every term is a negative log-likelihood in nats. Frames of one person, and lines that lie side by side, say the same thing
again and again: each source counts as a stated number of independent observations, however long the clip is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import normalize

from ..contract.skeleton import JOINT_INDEX
from ..motion import MotionEstimate, Posed
from ..observations.observe import Observations
from ..projection import normalized
from .energies import student_t
from .scene_view import SceneView, scene_nats
from .size import SIZE_SIGMA
from .soles import lowest_points
from .trunks import trunk_directions, usual_direction

_MOST_LINES = 120


@dataclass(frozen=True)
class EvidenceSettings:
    """How sure each source is. Angles in radians."""

    sole_sigma: float = 0.05
    """metres of a standing sole off the floor."""
    sole_count: float = 6.0
    """Independent observations that the standing feet of one person count as, at most; one for each second half they stand."""
    trunk_sigma: float = 0.14
    trunk_count: float = 2.5
    balance_sigma: float = 0.09
    """Of the line from the standing feet to the centre of mass."""
    balance_count: float = 2.0
    line_sigma: float = 0.020
    line_count: float = 10.0
    """Independent lines that all segments of a picture count as, at most."""
    line_inliers: float = 0.5
    """Fraction of the segments that follow the scene's three axes."""
    level_fraction: float = 0.7
    """Of cameras that are held or stand level, within `level_sigma`; the others roll by `rolled_sigma`."""
    level_sigma: float = 0.05
    rolled_sigma: float = 0.30
    pitch_mean: float = 0.12
    pitch_sigma: float = 0.35
    tilt_sigma: float = 0.14
    """Of the common rotation of all metric landmarks about the camera's horizontal axis."""
    height_mean: float = 1.45
    height_sigma: float = 0.40
    """Of the logarithm of the camera's height over the floor."""
    size_sigma: float = SIZE_SIGMA
    focal_mean: float = 0.9
    """Focal length in picture diagonals: between phones (0.65 to 0.8) and normal lenses of films (1 to 1.6)."""
    focal_sigma: float = 0.30
    """Of its logarithm."""


@dataclass(frozen=True)
class Hypotheses:
    """H hypotheses of one focal length. Differentiable."""

    pitch: Float[Tensor, " H"]
    roll: Float[Tensor, " H"]
    log_height: Float[Tensor, " H"]
    tilt: Float[Tensor, " H"]
    log_size: Float[Tensor, "H P"]
    """Of each person over the mean body: they are as much farther away."""
    azimuth: Float[Tensor, " H"]
    """radians about the vertical, direction of the scene's horizontal axes."""

    @property
    def up(self) -> Float[Tensor, "H 3"]:
        """The vertical in the camera's frame."""
        return up_incam(self.pitch, self.roll)


def up_incam(pitch: Float[Tensor, "*h"], roll: Float[Tensor, "*h"]) -> Float[Tensor, "*h 3"]:
    """The upward direction in the frame of cameras as `camera.extrinsics` makes them."""
    return torch.stack([-roll.sin() * pitch.cos(), -roll.cos() * pitch.cos(), -pitch.sin()], -1)


@dataclass(frozen=True)
class CameraEvidence:
    """What a clip says of its camera under one focal length for all hypotheses (H = 1), or under that of each.

    P people, T frames, L lines, in the camera's frame.
    """

    pelvis: Float[Tensor, "H P T 3"]
    soles: Float[Tensor, "H P T 2 3"]
    """The lowest point of each sole."""
    standing: Float[Tensor, "H P T 2"]
    """Probability of standing."""
    trunks: Float[Tensor, "H P T 3"]
    """Unit directions."""
    balance: Float[Tensor, "H P T 3"]
    """Unit directions from the standing feet to the centre of mass."""
    segments: Float[Tensor, "H L 4"]
    """x and y of both ends in the image plane at z = 1."""
    segment_weight: Float[Tensor, "H L"]
    focal: Float[Tensor, " H"]
    """In picture diagonals."""
    seconds: float
    """Of the whole clip."""
    scene: SceneView | None = None
    """What a model of the hub has seen, if there is one."""
    scene_frames: Int[Tensor, " S"] | None = None
    """Frames of this evidence that are nearest to those of `scene`."""

    @classmethod
    def of_each(cls, evidence: Sequence[CameraEvidence], counts: Sequence[int]) -> CameraEvidence:
        """Of as many hypotheses under each of several focal lengths."""
        times = torch.tensor(counts)
        per_hypothesis = {
            name: torch.cat([getattr(each, name) for each in evidence]).repeat_interleave(times, 0)
            for name, value in vars(evidence[0]).items()
            if isinstance(value, Tensor) and name != "scene_frames"
        }
        return replace(evidence[0], **per_hypothesis)

    def nats(self, these: Hypotheses, settings: EvidenceSettings) -> Float[Tensor, " H"]:
        """Negative logarithm of the posterior, but for a constant."""
        feet = self._feet(these, _about_x(these.tilt), settings)
        return feet + self.people(these, settings) + self.lines(these.up, these.azimuth, settings)

    def people(self, these: Hypotheses, settings: EvidenceSettings) -> Float[Tensor, " H"]:
        """The priors, and how upright and how balanced people would be."""
        tilt = _about_x(these.tilt)
        return (
            self._directions(self.trunks, these.up, tilt, settings.trunk_sigma, settings.trunk_count)
            + self._directions(self.balance, these.up, tilt, settings.balance_sigma, settings.balance_count)
            + self.prior(these, settings)
            + self.scene_model(these)
        )

    def scene_model(self, these: Hypotheses) -> Float[Tensor, " H"]:
        """How well the hypotheses agree with the scene as a model of the hub has seen it."""
        if self.scene is None or self.scene_frames is None:
            return torch.zeros_like(these.pitch)
        depth = self.soles[:, :, self.scene_frames, :, 2].mean(-1).clamp_min(0.1).log()
        return scene_nats(self.scene, these.up, these.log_height, depth + these.log_size[..., None], self.focal)

    def prior(self, these: Hypotheses, settings: EvidenceSettings) -> Float[Tensor, " H"]:
        def squares(value: Tensor, sigma: float) -> Tensor:
            return 0.5 * (value / sigma).square()

        level = settings.level_fraction / settings.level_sigma * torch.exp(-squares(these.roll, settings.level_sigma))
        rolled = (1 - settings.level_fraction) / settings.rolled_sigma
        rolled = rolled * torch.exp(-squares(these.roll, settings.rolled_sigma))
        return (
            -torch.log(level + rolled)
            + student_t(((these.pitch - settings.pitch_mean) / settings.pitch_sigma).square())
            + squares(these.tilt, settings.tilt_sigma)
            + squares(these.log_height - float(np.log(settings.height_mean)), settings.height_sigma)
            + squares(these.log_size, settings.size_sigma).sum(-1)
            + squares(torch.log(self.focal / settings.focal_mean), settings.focal_sigma)
        )

    def lines(
        self, up: Float[Tensor, "H 3"], azimuth: Float[Tensor, " H"], settings: EvidenceSettings
    ) -> Float[Tensor, " H"]:
        """How well segments point along the vertical or two horizontal axes at right angles (Coughlan and Yuille, 1999)."""
        if not self.segments.shape[1]:
            return torch.zeros_like(azimuth)
        axes = _axes(up, azimuth)
        ends = self.segments.unflatten(2, (2, 2))
        middle, along = ends.mean(2)[:, None], normalize(ends[:, :, 1] - ends[:, :, 0], dim=-1)[:, None]
        # towards the vanishing point of each axis, which may be at infinity
        towards = axes[:, :, None, :2] - axes[:, :, None, 2:] * middle
        sine = towards[..., 0] * along[..., 1] - towards[..., 1] * along[..., 0]
        sine = sine / towards.norm(dim=-1).clamp_min(1e-6)
        fit = torch.exp(-0.5 * (sine / settings.line_sigma).square()).amax(1)
        peak = np.sqrt(np.pi / 2) / settings.line_sigma / 3
        likelihood = 1 - settings.line_inliers + settings.line_inliers * peak * fit
        return -(self.segment_weight * torch.log(likelihood)).sum(-1)

    def _feet(self, these: Hypotheses, tilt: Tensor, settings: EvidenceSettings) -> Tensor:
        offset = torch.einsum("hij,hptfj->hptfi", tilt, self.soles - self.pelvis[:, :, :, None])
        soles = self.pelvis[:, :, :, None] + offset
        heights = torch.einsum("hptfi,hi->hptf", soles, these.up) * these.log_size.exp()[..., None, None]
        heights = heights + these.log_height.exp()[:, None, None, None]
        error = student_t((heights / settings.sole_sigma).square())
        mean = (self.standing * error).sum((-1, -2)) / self.standing.sum((-1, -2)).clamp_min(1e-3)
        stood = self.standing.mean((-1, -2)) * self.seconds
        return (mean * (2 * stood).clamp(0.5, settings.sole_count)).sum(-1)

    def _directions(self, directions: Tensor, up: Tensor, tilt: Tensor, sigma: float, count: float) -> Tensor:
        turned = torch.einsum("hij,hptj->hpti", tilt, directions)
        squared = 2 * (1 - torch.einsum("hpti,hi->hpt", turned, up)).clamp_min(0)
        weight = directions.norm(dim=-1)
        error = (weight * student_t(squared / sigma**2)).sum(-1) / weight.sum(-1).clamp_min(1e-3)
        return (count * error * weight.mean(-1).clamp_max(1.0)).sum(-1)


def camera_evidence(
    initial: MotionEstimate,
    posed: Posed,
    soles: Float[Tensor, "P T 2 S 3"],
    observations: Observations,
    lines: Float[np.ndarray, "L 4"],
    settings: EvidenceSettings,
) -> CameraEvidence:
    """The evidence of a clip whose people are posed before a camera with the intrinsics of `observations`; lines in px."""
    joints, trunks = posed.joints, trunk_directions(posed)
    points = lowest_points(soles, usual_direction(trunks))
    standing = torch.as_tensor(initial.foot_contact, device=points.device)
    support = (standing[..., None] * points).sum(2) / standing.sum(2).clamp_min(1e-3)[..., None]
    balance = normalize(_centre_of_mass(joints) - support, dim=-1) * standing.amax(-1, keepdim=True)
    K = observations.K.cpu().numpy().astype(np.float64)
    ends = normalized(lines[:_MOST_LINES].reshape(-1, 2, 2), K)
    lengths = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=-1) * K[0, 0]
    diagonal = float(np.hypot(*observations.image_size))
    weight = lengths / max(lengths.sum(), 1e-6)
    weight = weight * min(settings.line_count, 4 * lengths.sum() / diagonal)
    return CameraEvidence(
        pelvis=joints[None, :, :, 0],
        soles=points[None],
        standing=standing[None],
        trunks=trunks[None],
        balance=balance[None],
        segments=torch.from_numpy(ends.reshape(1, -1, 4)).to(points),
        segment_weight=torch.from_numpy(weight[None]).to(points),
        focal=points.new_tensor([float(K[0, 0]) / diagonal]),
        seconds=float(observations.time[-1] - observations.time[0]),
    )


def _centre_of_mass(joints: Float[Tensor, "P T 55 3"]) -> Float[Tensor, "P T 3"]:
    """About where it is: the trunk has half of the mass (Winter, 2009)."""
    fractions = {"pelvis": 0.26, "spine3": 0.30, "head": 0.10, "left_knee": 0.17, "right_knee": 0.17}
    return sum(
        (fraction * joints[:, :, JOINT_INDEX[name]] for name, fraction in fractions.items()), joints.new_zeros(())
    )


def _axes(up: Float[Tensor, "H 3"], azimuth: Float[Tensor, " H"]) -> Float[Tensor, "H 3 3"]:
    """Up and two horizontal axes at right angles."""
    forward = up.new_tensor([0.0, 0.0, 1.0]).expand_as(up)
    right = normalize(torch.linalg.cross(up, forward), dim=-1)
    ahead = torch.linalg.cross(right, up)
    c, s = azimuth.cos()[:, None], azimuth.sin()[:, None]
    return torch.stack([up, c * right + s * ahead, c * ahead - s * right], 1)


def _about_x(angle: Float[Tensor, " H"]) -> Float[Tensor, "H 3 3"]:
    one, zero = torch.ones_like(angle), torch.zeros_like(angle)
    c, s = angle.cos(), angle.sin()
    return torch.stack([one, zero, zero, zero, c, -s, zero, s, c], -1).unflatten(-1, (3, 3))
