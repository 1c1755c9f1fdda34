"""Fits both people together to the observations, over all frames of a clip at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..body.model import BodyModel
from ..body.rotations import axis_angle_to_matrix, rotation_about_x
from ..motion import BODY_COUNT, Camera, MotionEstimate, motion_from_rotations, motion_rotations
from ..observations.observe import Observations
from ..reporting import Reporter
from .adam import Adam
from .camera import extrinsics, floor_from_extrinsics
from .objective import EnergyWeights, Objective, State, build_objective
from .resolved_contacts import contact_distance
from .size import betas_per_size
from .targets import FitTargets
from .unmet_edits import TOLERANCE, open_contact

_ACTIVE_SET_STEPS = 15
"""Steps after which the active set is found anew."""
_KNOT_SPACINGS = (8, 32)
"""Frames between the knots of the slow changes that the descent moves beside every single frame's."""
_COMPARABLE = EnergyWeights(prior_joints=0.0, prior_relative=0.0)
"""What every finished motion is measured by, whatever it was fitted with: every take has a prior of its own."""


@dataclass(frozen=True)
class Phase:
    """A stretch of the descent."""

    steps: int
    learning_rate: float
    weights: EnergyWeights = field(default_factory=EnergyWeights)
    each_alone: bool = False
    """Leaves out the interaction between the two people, until both stand about right."""


@dataclass(frozen=True)
class FitSchedule:
    """The phases of a fit, and what they may change."""

    phases: tuple[Phase, ...]
    fixed_shape: bool = False
    """Keeps betas and floor, so that all takes of a clip share bodies and world."""
    slow_changes: bool = True
    """Whether stretches may also move as a whole. Around an edit only where something pulls: the first steps of Adam have full
    length however small the gradient is, so people whom nothing pulls would be thrown out of their poses."""


_HELD = 800.0
"""Weight of enforced edits once they are held, not only followed."""
_WITH_PRIOR = EnergyWeights(penetration=80.0, size=0.05, prior_joints=2.5)
"""What a learned model says of depth counts, and keypoints say where a joint is seen. The model has weighed the metric landmarks,
but it is too sure of people who move unlike those that it learned from: landmarks count again beside it."""
_OF_TAKE = replace(_WITH_PRIOR, skin_penetration=6e4)
"""On 21 simulated dev clips this takes the mean penetration from 4.3 mm to 3.2; contacts are 86 mm apart instead of 85."""

FIRST_FIT = (
    Phase(70, 0.03, EnergyWeights(reprojection_sigma=0.10, foot_slide=40), each_alone=True),
    Phase(110, 0.02),
)
CONTACT_FIT = (Phase(90, 0.012),)
EDIT_FIT = (Phase(26, 0.015), Phase(20, 0.007, EnergyWeights(enforced=_HELD)))
"""The animator's edits are followed first, then held."""
FIRST_FIT_WITH_PRIOR = (
    Phase(40, 0.03, replace(_WITH_PRIOR, reprojection_sigma=0.10, foot_slide=40), each_alone=True),
    Phase(30, 0.02, replace(_WITH_PRIOR, penetration=5.0)),
    Phase(30, 0.01, replace(_WITH_PRIOR, penetration=20.0)),
    Phase(30, 0.01, _WITH_PRIOR),
)
"""Penetration comes in by degrees: at its full weight from the start, people who overlap jam in a wrong pose."""
CONTACT_FIT_WITH_PRIOR = (Phase(40, 0.012, replace(_WITH_PRIOR, penetration=20.0)), Phase(80, 0.01, _OF_TAKE))
EDIT_FIT_WITH_PRIOR = (Phase(34, 0.015, _WITH_PRIOR), Phase(30, 0.007, replace(_OF_TAKE, enforced=_HELD)))


@dataclass(frozen=True)
class FittedMotion(MotionEstimate):
    """The result of a fit."""

    confidence: Float[np.ndarray, "P T 22"]
    """In 0-1: 1 = the joint was observed, 0 = it is filled in."""
    energy: float
    """Of the whole motion, without the energies of a learned prior, so that takes of one clip can be compared."""


def fit(
    start: MotionEstimate,
    observations: Observations,
    body: BodyModel,
    targets: FitTargets,
    schedule: FitSchedule,
    reporter: Reporter,
) -> FittedMotion:
    """Minimise the sum of the energies (see `objective`) by gradient descent from a motion, on the body's device.

    Enforced contacts are held to a centimetre where the bodies can reach, and reported through `reporter.warning` where they
    cannot. Pins are left to `edited_fit`. A prior is weighed against the observations.

    The energy of the result is that of `objective` with its default weights where the descent ends, with the active set found
    once more and without the prior: it says how well the motion agrees with the observations, the contacts and the edits.
    """
    objective = build_objective(observations, body, start, targets)
    knots = _KNOT_SPACINGS if schedule.slow_changes and targets.prior is not None else ()
    variables = _Variables(start, body, schedule.fixed_shape, knots)
    # One optimizer for all phases: Adam's first steps have full length however small the gradient is, so with new moments a
    # phase would move what the last one has settled in the direction of rounding errors.
    optimizer = Adam(variables.with_factors(), betas=(0.9, 0.95))
    total, done = sum(phase.steps for phase in schedule.phases), 0
    for phase in schedule.phases:
        active = None
        for step in range(phase.steps):
            optimizer.zero_grad()
            state = variables.state(objective)
            if step % _ACTIVE_SET_STEPS == 0 and not phase.each_alone:
                active = objective.active_set(state, phase.weights)
            loss = objective.energy(state, phase.weights, active)
            loss.backward()
            optimizer.step(phase.learning_rate * _learning_rate_factor(step, phase.steps))
            done += 1
            reporter.progress(done / total)
    with torch.no_grad():
        state = variables.state(objective)
        energy = _comparable_energy(objective, state)
        _warn_of_open_contacts(objective, state, reporter)
        return FittedMotion(
            motion_from_rotations(variables.rotations(), variables.pelvis(), variables.betas()),
            Camera(start.camera.K, extrinsics(*variables.floor().unbind()).double().cpu().numpy()),
            start.foot_contact,
            observations.joint_confidence.cpu().numpy(),
            energy,
        )


def motion_energy(motion: MotionEstimate, observations: Observations, body: BodyModel, targets: FitTargets) -> float:
    """The energy that a fit would give a motion if it left it as it is, see `fit`."""
    objective = build_objective(observations, body, motion, targets)
    variables = _Variables(motion, body, fixed_shape=True)
    with torch.no_grad():
        return _comparable_energy(objective, variables.state(objective))


def _comparable_energy(objective: Objective, state: State) -> float:
    active = objective.active_set(state) if len(objective.observations.found) > 1 else None
    # takes are compared by all that the picture shows, also where an edit has moved somebody
    compared = replace(objective, landmark_weight=torch.ones_like(objective.landmark_weight))
    return float(compared.energy(state, _COMPARABLE, active))


def _learning_rate_factor(step: int, steps: int) -> float:
    """A short warm-up, then a cosine down to a twentieth."""
    return min(1.0, (step + 1) / 5) * (0.05 + 0.475 * (1 + math.cos(math.pi * step / steps)))


class _Variables:
    """What the descent moves. Rotations are the start's, rotated by axis-angles; everything is in the camera's frame.

    `log_size` [P] makes a person larger and as much farther away at once: hardly anything changes in the picture, so the floor
    and the other person can find the depth without climbing over the reprojection. `tilt` rotates both people and the floor
    together about the camera's horizontal axis: metric landmarks hardly know how far a camera looks down.

    With knot spacings, rotations and places also change by piecewise linear functions between knots so many frames apart, and by
    constants: a whole stretch then moves at once, and the descent gets to the bottom in half the steps. Without a prior that is
    no gain: the bottom is then farther from the truth than where a shorter descent ends (measured on the dev split).
    """

    def __init__(
        self, start: MotionEstimate, body: BodyModel, fixed_shape: bool, knot_spacings: Sequence[int] = ()
    ) -> None:
        device = body.device
        motion = start.motion_incam
        self.start_rotations = motion_rotations(motion).to(device)
        self.start_pelvis = torch.as_tensor(motion.pelvis, device=device)
        self.start_betas = torch.as_tensor(motion.betas, device=device)
        self.start_floor = floor_from_extrinsics(torch.as_tensor(start.camera.T_cw, device=device, dtype=torch.float32))
        self.basis = hat_basis(self.start_pelvis.shape[1], knot_spacings).to(device)
        self.betas_per_size = betas_per_size(body)
        self.fixed_shape = fixed_shape
        people, frames = self.start_pelvis.shape[:2]
        knots = self.basis.shape[1]

        def variable(*shape: int, moves: bool = True) -> Tensor:
            return torch.zeros(shape, device=device, requires_grad=moves)

        self.rotation = variable(people, frames, BODY_COUNT, 3)
        self.translation = variable(people, frames, 3)
        self.slow_rotation = variable(people, knots, BODY_COUNT, 3)
        self.slow_translation = variable(people, knots, 3)
        self.log_size = variable(people, moves=not fixed_shape)
        self.betas_change = variable(people, self.start_betas.shape[1], moves=not fixed_shape)
        self.floor_change = variable(3, moves=not fixed_shape)
        self.tilt = variable(moves=not fixed_shape)

    def with_factors(self) -> list[tuple[Tensor, float]]:
        """What the descent may move, and what to multiply the phase's learning rate by."""
        factors = [(self.rotation, 1.0), (self.translation, 0.6)]
        if self.basis.shape[1]:
            factors += [(self.slow_rotation, 1.0), (self.slow_translation, 0.6)]
        if not self.fixed_shape:
            factors += [(self.betas_change, 2.0), (self.floor_change, 0.15), (self.log_size, 0.3), (self.tilt, 0.3)]
        return factors

    def rotations(self) -> Float[Tensor, "P T 55 3 3"]:
        change = self.rotation + torch.einsum("tk,pkjd->ptjd", self.basis, self.slow_rotation)
        rotated = self.start_rotations[:, :, :BODY_COUNT] @ axis_angle_to_matrix(change)
        root = rotation_about_x(self.tilt) @ rotated[:, :, :1]
        return torch.cat([root, rotated[:, :, 1:], self.start_rotations[:, :, BODY_COUNT:]], 2)

    def floor(self) -> Float[Tensor, " 3"]:
        zero = torch.zeros_like(self.tilt)
        return self.start_floor + self.floor_change + torch.stack([self.tilt, zero, zero])

    def pelvis(self) -> Float[Tensor, "P T 3"]:
        translation = self.translation + torch.einsum("tk,pkd->ptd", self.basis, self.slow_translation)
        return self.start_pelvis * self.log_size.exp()[:, None, None] + translation

    def betas(self) -> Float[Tensor, "P 16"]:
        return self.start_betas + self.betas_change + self.log_size[:, None] * self.betas_per_size

    def state(self, objective: Objective) -> State:
        return objective.state(self.rotations(), self.pelvis(), self.betas(), self.floor(), self.tilt)


def hat_basis(count: int, spacings: Sequence[int]) -> Float[Tensor, "T K"]:
    """Hat functions over T frames: for each spacing, knots about so many frames apart; with any spacing, also a constant."""
    frames = torch.arange(count, dtype=torch.float32)
    parts = []
    for spacing in spacings:
        if count > spacing:
            knots = torch.linspace(0, count - 1, math.ceil((count - 1) / spacing) + 1)
            parts.append((1 - (frames[:, None] - knots).abs() / (knots[1] - knots[0])).clamp_min(0))
    if spacings:
        parts.append(torch.ones(count, 1))
    return torch.cat(parts, 1) if parts else torch.zeros(count, 0)


def _warn_of_open_contacts(objective: Objective, state: State, reporter: Reporter) -> None:
    skin, heights = objective.contact_patches(state)
    for resolved in objective.contacts:
        distance = float(contact_distance(resolved, skin, heights).abs().mean())
        if resolved.contact.state == "enforced" and distance > TOLERANCE:
            reporter.warning(open_contact(resolved.contact, distance))
