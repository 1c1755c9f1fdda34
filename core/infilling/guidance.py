"""Energy guidance: the energies of the fit steer the sampling towards the observations, contacts, the floor and pins.

The gradient is taken of the denoiser's prediction of the clean motion (x0). The residual is in the ground view on the uniform
grid, the energies are in the camera's frame at the clip's own times; `ResidualDecoder` leads from one to the other,
differentiably. P = 2 people, N frames of the uniform grid, T of the clip, C channels.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from ..body.model import BodyModel
from ..fitting.objective import ActiveSet, EnergyWeights, Objective, State, build_objective
from ..fitting.targets import FitTargets
from ..motion import BODY_COUNT, MotionEstimate, PairMotion, motion_rotations
from ..observations.features import CanonicalFrame
from ..observations.observe import Observations
from ..representation.resampling import TimeGrid
from ..representation.residual import (
    ROTATION,
    TRANSLATION,
    PoseState,
    ResidualScales,
    decode_residual,
    from_channels,
    pose_state,
)
from ..representation.sliding_windows import successive_windows

_CHUNK = 240
"""Frames of the clip whose energies are computed together, so that memory does not grow with the clip."""
_OVERLAP = 2
"""Frames that a chunk shares with the next, so that accelerations and foot slides across the border count."""
_BETAS = (0.8, 0.95)
"""Adam's decay rates of the running means of gradients and of their squares."""
_KERNEL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
"""Steps are smoothed over time by it: a step of one frame alone would be a jerk."""
_TRANSLATION_RATE = 0.6
"""metres that a pelvis moves while a joint rotates by a radian."""


@dataclass(frozen=True)
class GuidanceSettings:
    """How strongly to guide. Rates are the largest change of a step: of a 6D rotation, about radians."""

    steps: int = 3
    """Gradient steps for each prediction of the denoiser."""
    rate: float = 0.03
    early: float = 0.3
    """Factor of the rate at the highest noise level; it grows to one as the noise falls."""
    weights: EnergyWeights = field(default_factory=lambda: EnergyWeights(rest_pose=0.0, hidden_velocity=0.0, shape=0.0))
    """The denoiser takes the place of the pull to a resting pose and to the mean shape."""


@dataclass(frozen=True)
class ResidualDecoder:
    """Turns channels of the denoiser into both people's motion in the camera's frame at the clip's own times."""

    reference: PoseState
    """At the clip's times, in the ground view."""
    fingers: Float[Tensor, "P T 33 3 3"]
    """Rotations of the joints after the body's."""
    frame: CanonicalFrame
    scales: ResidualScales

    @classmethod
    def of(cls, reference_incam: PairMotion, frame: CanonicalFrame, scales: ResidualScales) -> ResidualDecoder:
        at_clip_times = TimeGrid(frame.grid.clip_times, frame.grid.clip_times)
        fingers = motion_rotations(reference_incam)[:, :, BODY_COUNT:].to(frame.view.T_cv.device)
        return cls(pose_state(reference_incam, frame.view, at_clip_times), fingers, frame, scales)

    def decode(
        self, channels: Float[Tensor, "P N C"], frames: slice
    ) -> tuple[Float[Tensor, "P F 55 3 3"], Float[Tensor, "P F 3"], Float[Tensor, "P 16"]]:
        """Of F frames of the clip: rotations (the pelvis' into the camera frame) and pelvis; and betas."""
        grid, view = self.frame.grid, self.frame.view
        x, betas = from_channels(channels, self.scales)
        x = TimeGrid(grid.clip_times[frames], grid.grid_times).from_grid(x)
        reference = PoseState(
            self.reference.rotations[:, frames], self.reference.pelvis[:, frames], self.reference.betas
        )
        motion = decode_residual(x, betas, reference).motion
        root = view.rotations_incam(motion.rotations[:, :, :1])
        rotations = torch.cat([root, motion.rotations[:, :, 1:], self.fingers[:, frames]], 2)
        return rotations, view.points_incam(motion.pelvis), motion.betas


class Guidance:
    """A `GuidanceFunction` for `sampling.sample`, for one take of one clip.

    Shapes, floor and camera stay: they are left to the fit. `start` holds the reference motion that the residual changes, and
    the camera whose world pins are in.
    """

    def __init__(
        self,
        observations: Observations,
        start: MotionEstimate,
        body: BodyModel,
        targets: FitTargets,
        decoder: ResidualDecoder,
        settings: GuidanceSettings | None = None,
    ) -> None:
        self.settings = settings or GuidanceSettings()
        self.decoder = decoder
        self.chunks = [
            _Chunk(
                frames, build_objective(observations.frames(frames), body, start.frames(frames), targets.frames(frames))
            )
            for frames in successive_windows(len(observations.time), _CHUNK, _OVERLAP)
        ]
        scales = decoder.scales
        rates = torch.zeros(scales.x.numel() + scales.betas.numel())
        rates[ROTATION], rates[TRANSLATION] = 1, _TRANSLATION_RATE
        self.step_size = (rates / torch.cat([scales.x, scales.betas])).to(body.device)
        """[C] how far a step of rate 1 goes in each channel; betas and states stay."""
        self._mean: Tensor | None = None
        self._square: Tensor | None = None
        self._count = 0

    def __call__(self, x0: Float[Tensor, "P N C"], sigma: float) -> Float[Tensor, "P N C"]:
        """A few gradient steps down the energies."""
        settings = self.settings
        rate = settings.rate * (settings.early + (1 - settings.early) * (1 - sigma))
        x0 = x0.detach().clone()
        active: list[ActiveSet] = []  # found by the first step
        for _ in range(settings.steps):
            gradient, active = self._gradient(x0, active)
            x0 -= rate * self.step_size * _smoothed(self._adam_direction(gradient))
        return x0

    def _adam_direction(self, gradient: Tensor) -> Tensor:
        """Adam's rule (Kingma and Ba, 2015), with running means that outlive single calls."""
        if self._mean is None or self._square is None:
            self._mean, self._square = torch.zeros_like(gradient), torch.zeros_like(gradient)
        self._count += 1
        self._mean.lerp_(gradient, 1 - _BETAS[0])
        self._square.lerp_(gradient.square(), 1 - _BETAS[1])
        mean = self._mean / (1 - _BETAS[0] ** self._count)
        square = self._square / (1 - _BETAS[1] ** self._count)
        return mean / (_at_least_the_mean(square).sqrt() + 1e-12)

    def _gradient(self, x0: Tensor, active: list[ActiveSet]) -> tuple[Tensor, list[ActiveSet]]:
        """The energies' gradient [P,N,C] in steps of `step_size`, one chunk of frames after the other."""
        with torch.enable_grad():
            x0 = x0.detach().requires_grad_(True)
            found = []
            for number, chunk in enumerate(self.chunks):
                state = chunk.state(self.decoder, x0)
                found.append(active[number] if active else chunk.objective.active_set(state))
                energy = chunk.objective.energy(state, self.settings.weights, found[-1])
                (chunk.weight * energy).backward()
        gradient = torch.zeros_like(x0) if x0.grad is None else x0.grad
        return gradient.nan_to_num(0, 0, 0) * self.step_size, found


@dataclass(frozen=True)
class _Chunk:
    """Some frames of the clip."""

    frames: slice
    objective: Objective

    @property
    def weight(self) -> float:
        """Energies are means over frames; each chunk counts by its number of frames."""
        return (self.frames.stop - self.frames.start) / _CHUNK

    def state(self, decoder: ResidualDecoder, x0: Tensor) -> State:
        rotations, pelvis, betas = decoder.decode(x0, self.frames)
        return self.objective.state(rotations, pelvis, betas, self.objective.start_floor, betas.new_zeros(()))


def _at_least_the_mean(squares: Tensor) -> Tensor:
    """Squares [P,N,C] of gradients, nowhere below the mean of all rotations', or all translations', squares.

    Adam's rule would make the same step wherever there is a gradient at all: what needs no change would shake.
    """
    out = squares.clone()
    for part in (ROTATION, TRANSLATION):
        out[..., part] = torch.maximum(squares[..., part], squares[..., part].mean())
    return out


def _smoothed(values: Tensor) -> Tensor:
    """Values [P,N,C] averaged over neighbouring frames; at the ends over those that exist."""
    reach, frames = len(_KERNEL) // 2, values.shape[1]
    total, mass = torch.zeros_like(values), values.new_zeros(frames)
    for shift, weight in enumerate(_KERNEL, -reach):
        here = slice(max(0, -shift), max(0, min(frames, frames - shift)))
        there = slice(max(0, shift), max(0, min(frames, frames + shift)))
        total[:, here] += weight * values[:, there]
        mass[here] += weight
    return total / mass[:, None]
