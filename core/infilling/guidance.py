"""The energies of the fit steer the sampling: what was seen, contacts, the floor, pins; on what the denoiser predicts.

The residual lives in the gravity view on the models' clock, the energies before the camera at the clip's own times. `Staging`
leads from one to the other, differentiably. P = 2 people, N frames of the models' clock, T of the clip, D channels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..body.model import BodyModel
from ..contract.contact import Contact
from ..contract.edits import Pin
from ..fitting.held import TOLERANCE, farthest_pin, missed_pin, open_contact
from ..fitting.initial import InitialMotion
from ..fitting.objective import ActiveSet, EnergyWeights, Objective, State, build_objective
from ..fitting.touch import touch_gap
from ..fitting.windows import select_detections
from ..motion import BODY_COUNT, Camera, motion_rotations
from ..observations.features import CanonicalFrame
from ..perception.detections import Detections
from ..reporting import Reporter
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

_CHUNK = 240
"""Frames of the clip whose energies are looked at together: memory does not grow with the clip."""
_LAP = 2
"""Frames that a chunk shares with the next, so that accelerations and slides across the border count."""
_LOOK_AROUND = 12
"""Steps after which who is near whom is looked at again."""
_BETAS = (0.8, 0.95)
"""Of the running means of gradients and of their squares."""
_KERNEL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
"""Steps are smoothed over time by it: a step of one frame alone would be a jerk."""
_SHIFT_RATE = 0.6
"""metres that a pelvis moves while a joint turns by a radian."""
_GUIDING = EnergyWeights(rest_pose=0.0, hidden_velocity=0.0, shape=0.0)
"""The learned prior stands for the pull to a resting pose and to the mean shape."""
_WHEN = " while motion is filled in"
_HOLDING = replace(_GUIDING, enforced=800.0, pins=4000.0)


@dataclass(frozen=True)
class GuidanceSettings:
    """How strongly to guide. Rates are the largest change of a step: of a 6D rotation about radians."""

    steps: int = 3
    """For each prediction of the denoiser."""
    rate: float = 0.03
    early: float = 0.3
    """Share of the rate at the noisiest level; it grows to one as the noise falls."""
    settling: int = 36
    """Steps after sampling, with what the animator says held hard; 0 where a fit comes after it anyway."""
    settling_rate: float = 0.015
    weights: EnergyWeights = _GUIDING
    last_weights: EnergyWeights = _HOLDING


@dataclass(frozen=True)
class ResidualDecoder:
    """Both people of a clip, as the residual changes them, before the camera at the clip's own times."""

    base: PoseState
    """The first motion at the clip's times [P,T,...], gravity view."""
    fingers: Tensor
    """[P,T,33,3,3] rotations of the joints after the body's."""
    clock: TimeGrid
    scales: ResidualScales
    to_camera: Tensor
    """[4,4] view -> camera."""

    @classmethod
    def of(cls, initial: InitialMotion, setting: CanonicalFrame, scales: ResidualScales) -> ResidualDecoder:
        view, clock = setting.view, setting.clock
        world = torch.as_tensor(initial.camera.T_cw, dtype=torch.float32, device=view.rotation.device)
        to_camera = torch.eye(4, device=view.rotation.device)
        to_camera[:3, :3] = world[:3, :3] @ view.rotation.T
        to_camera[:3, 3] = world[:3, :3] @ view.origin + world[:3, 3]
        own = TimeGrid(clock.clip_times, clock.clip_times)
        fingers = motion_rotations(initial.motion)[:, :, BODY_COUNT:].to(view.rotation.device)
        return cls(pose_state(initial.motion, view, own), fingers, clock, scales, to_camera)

    def placed(self, channels: Tensor, frames: slice) -> tuple[Tensor, Tensor, Tensor]:
        """channels [P,N,D] -> of F frames of the clip rotations [P,F,55,3,3] and pelvis [P,F,3], camera axes; betas [P,16]."""
        x, betas = from_channels(channels, self.scales)
        x = TimeGrid(self.clock.clip_times[frames], self.clock.grid_times).from_grid(x)
        base = PoseState(self.base.rotations[:, frames], self.base.pelvis[:, frames], self.base.betas)
        moved = decode_residual(x, betas, base).motion
        turn = self.to_camera[:3, :3]
        rotations = torch.cat([turn @ moved.rotations[:, :, :1], moved.rotations[:, :, 1:], self.fingers[:, frames]], 2)
        return rotations, moved.pelvis @ turn.T + self.to_camera[:3, 3], moved.betas


class Guidance:
    """A `Guide` for `infiller.sample`, for one clip; `fresh` before each take, `settle` after it.

    Shapes, floor and camera stay: they are the fit's to find. `camera` is the one that it has found, whose world pins are in; it
    sees the same picture as the initial motion's.
    """

    def __init__(
        self,
        detections: Detections,
        initial: InitialMotion,
        setting: CanonicalFrame,
        scales: ResidualScales,
        body: BodyModel,
        *,
        camera: Camera | None = None,
        contacts: Sequence[Contact] = (),
        pins: Sequence[Pin] = (),
        settings: GuidanceSettings | None = None,
    ) -> None:
        self.settings = settings or GuidanceSettings()
        self.stage = ResidualDecoder.of(initial, setting, scales)
        foot_contact = torch.as_tensor(initial.foot_contact, device=body.device)
        self.parts = [
            _Part(
                frames,
                part := select_detections(detections, np.arange(frames.start, frames.stop)),
                build_objective(part, body, camera or initial.camera, foot_contact[:, frames], contacts, pins),
            )
            for frames in _chunks(len(detections.time))
        ]
        unit = torch.zeros(scales.x.numel() + scales.betas.numel())
        unit[ROTATION], unit[TRANSLATION] = 1, _SHIFT_RATE
        self.unit = (unit / torch.cat([scales.x, scales.betas])).to(body.device)
        """[D] how far a step of rate 1 goes in each channel; betas and states stay."""
        self.fresh()

    def fresh(self) -> None:
        """Forget what earlier steps taught of the energies' slopes."""
        self._mean: Tensor | None = None
        self._square: Tensor | None = None
        self._count = 0

    def __call__(self, x0: Tensor, noise: float) -> Tensor:
        """`infiller.Guide`: a few steps down the energies."""
        settings = self.settings
        rate = settings.rate * (settings.early + (1 - settings.early) * (1 - noise))
        return self._descend(x0, [rate] * settings.steps, settings.weights)

    def settle(self, x0: Tensor, reporter: Reporter) -> Tensor:
        """Hold to a centimetre what the animator says; what cannot be held is reported by `reporter.warning`."""
        settings = self.settings
        if not settings.settling:
            return x0
        shares = np.cos(np.linspace(0, np.pi / 2, settings.settling, endpoint=False))
        settled = self._descend(x0, (settings.settling_rate * shares).tolist(), settings.last_weights)
        for sentence in self.unmet(settled):
            reporter.warning(sentence)
        return settled

    @torch.no_grad()
    def unmet(self, x0: Tensor) -> list[str]:
        """What enforced contacts and pins x0 does not hold to a centimetre, in sentences."""
        states = [(part, part.state(self.stage, x0)) for part in self.parts]
        return [*_open_contacts(states), *_missed_pins(states)]

    @torch.no_grad()
    def energy(self, x0: Tensor) -> float:
        """The energy of a whole take, by which takes can be ranked; lower is better."""
        return sum(
            part.share * float(part.objective.energy(state, self.settings.last_weights, part.around(state)))
            for part in self.parts
            for state in [part.state(self.stage, x0)]
        )

    def _descend(self, x0: Tensor, rates: Sequence[float], weights: EnergyWeights) -> Tensor:
        """Steps by Adam's rule (Kingma and Ba, 2015), whose means outlive single calls, smoothed over time."""
        x0 = x0.detach().clone()
        around: list[ActiveSet] = []
        for number, rate in enumerate(rates):
            slope, around = self._slope(x0, weights, around if number % _LOOK_AROUND else [])
            if self._mean is None or self._square is None:
                self._mean, self._square = torch.zeros_like(slope), torch.zeros_like(slope)
            self._count += 1
            self._mean.lerp_(slope, 1 - _BETAS[0])
            self._square.lerp_(slope.square(), 1 - _BETAS[1])
            mean = self._mean / (1 - _BETAS[0] ** self._count)
            square = self._square / (1 - _BETAS[1] ** self._count)
            x0 -= rate * self.unit * _smoothed(mean / (_common(square).sqrt() + 1e-12))
        return x0

    def _slope(self, x0: Tensor, weights: EnergyWeights, around: list[ActiveSet]) -> tuple[Tensor, list[ActiveSet]]:
        """The energies' gradient [P,N,D] in steps of `unit`, one chunk of frames after the other."""
        with torch.enable_grad():
            x0 = x0.detach().requires_grad_(True)
            found = []
            for number, part in enumerate(self.parts):
                state = part.state(self.stage, x0)
                found.append(around[number] if around else part.around(state))
                (part.share * part.objective.energy(state, weights, found[-1])).backward()
        slope = torch.zeros_like(x0) if x0.grad is None else x0.grad
        return slope.nan_to_num(0, 0, 0) * self.unit, found


@dataclass(frozen=True)
class _Part:
    """Some frames of the clip."""

    frames: slice
    detections: Detections
    objective: Objective

    @property
    def share(self) -> float:
        """Energies are means over frames; so many frames count as so much."""
        return (self.frames.stop - self.frames.start) / _CHUNK

    def state(self, stage: ResidualDecoder, x0: Tensor) -> State:
        rotations, pelvis, betas = stage.placed(x0, self.frames)
        return self.objective.state(rotations, pelvis, betas, self.objective.start_floor, betas.new_zeros(()))

    def around(self, state: State) -> ActiveSet:
        return self.objective.active_set(state, self.detections)


def _chunks(count: int) -> Iterator[slice]:
    start = 0
    while True:
        stop = min(start + _CHUNK, count)
        yield slice(start, stop)
        if stop == count:
            return
        start = stop - _LAP


def _common(squares: Tensor) -> Tensor:
    """squares [P,N,D] of slopes, nowhere below the mean of all rotations, or all ways, that have one.

    Adam's rule would make the same step wherever there is a slope at all: what needs no change would shake.
    """
    out = squares.clone()
    for part in (ROTATION, TRANSLATION):
        out[..., part] = torch.maximum(squares[..., part], squares[..., part].mean())
    return out


def _smoothed(values: Tensor) -> Tensor:
    """values [P,N,D] averaged over neighbouring frames; at the ends over those that are there."""
    reach, frames = len(_KERNEL) // 2, values.shape[1]
    total, mass = torch.zeros_like(values), values.new_zeros(frames)
    for shift, share in enumerate(_KERNEL, -reach):
        here = slice(max(0, -shift), max(0, min(frames, frames - shift)))
        there = slice(max(0, shift), max(0, min(frames, frames + shift)))
        total[:, here] += share * values[:, there]
        mass[here] += share
    return total / mass[:, None]


def _open_contacts(states: Sequence[tuple[_Part, State]]) -> list[str]:
    gaps: dict[str, list[tuple[Contact, Tensor]]] = {}
    for part, state in states:
        heights = state.heights(state.touching)
        for touch in part.objective.touches:
            if touch.contact.state == "enforced":
                gap = touch_gap(touch, state.touching, heights).abs()
                gaps.setdefault(touch.contact.id, []).append((touch.contact, gap))
    sentences = []
    for found in gaps.values():
        contact, gap = found[0][0], float(torch.cat([part for _, part in found]).mean())
        if gap > TOLERANCE:
            sentences.append(open_contact(contact, gap, _WHEN))
    return sentences


def _missed_pins(states: Sequence[tuple[_Part, State]]) -> list[str]:
    worst = max((farthest_pin(part.objective, state) for part, state in states), default=0.0)
    return [missed_pin(worst, _WHEN)] if worst > TOLERANCE else []
