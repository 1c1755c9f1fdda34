"""Fits both people together to the clip, over all its frames at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..body.model import BodyModel
from ..body.rotations import axis_angle_to_matrix, rotation_about_x
from ..contract.contact import Contact
from ..contract.edits import Pin
from ..contract.skeleton import JOINT_INDEX
from ..motion import BODY_COUNT, Camera, PairMotion, motion_from_rotations, motion_rotations
from ..observations.confidence import joint_confidence
from ..perception.detections import Detections
from ..reporting import Reporter
from .camera import extrinsics
from .held import TOLERANCE, farthest_pin, missed_pin, open_contact
from .objective import EnergyWeights, Objective, State, build_objective, floor_from_extrinsics
from .prior import JointPrior
from .touch import touch_gap

_LOOK_AROUND = 15
"""Steps after which who is near whom is looked at again."""


@dataclass(frozen=True)
class Phase:
    """A stretch of the descent. `apart` leaves out what is between the two people, until both stand about right."""

    steps: int
    rate: float
    weights: EnergyWeights
    apart: bool = False


FIRST_FIT = (
    Phase(70, 0.03, EnergyWeights(reprojection_sigma=0.10, foot_slide=40), apart=True),
    Phase(110, 0.02, EnergyWeights()),
)
CONTACT_FIT = (Phase(90, 0.012, EnergyWeights()),)
REFINE = (Phase(26, 0.015, EnergyWeights()), Phase(20, 0.007, EnergyWeights(enforced=800.0, pins=4000.0)))
"""What the animator says is followed first, then held."""

_SOLVED = EnergyWeights(reprojection=0.3, landmarks=0.0, penetration=80.0)
FIRST_SOLVE = (
    Phase(40, 0.03, replace(_SOLVED, reprojection_sigma=0.10, foot_slide=40), apart=True),
    Phase(80, 0.02, _SOLVED),
)
CONTACT_SOLVE = (Phase(50, 0.012, _SOLVED),)
REFINE_SOLVE = (Phase(26, 0.015, _SOLVED), Phase(20, 0.007, replace(_SOLVED, enforced=800.0, pins=4000.0)))
"""The same where a learned model has weighed what was seen: its joints are brought to bodies, and little is asked of the
landmarks once more."""
_JUDGED = EnergyWeights(prior_joints=0.0, prior_relative=0.0)
"""What a finished motion is judged by, whatever it was fitted with: every take has an expectation of its own."""
_COARSE = (8, 32)
"""Frames between the knots of the slow changes that the descent moves beside every single frame's."""


@dataclass(frozen=True)
class FittedMotion:
    """P = 2 people, T frames, world frame."""

    motion: PairMotion
    camera: Camera
    foot_contact: np.ndarray
    """float32 [P,T,2] in 0-1, how surely the left and right foot stand on the floor."""
    confidence: np.ndarray
    """float32 [P,T,22] in 0-1: 1 = seen, 0 = filled in."""
    energy: float
    """Of the whole motion without what a learned model expects of it, so that takes of one clip can be compared."""


def fit(
    motion: PairMotion,
    camera: Camera,
    foot_contact: np.ndarray,
    detections: Detections,
    body: BodyModel,
    *,
    phases: Sequence[Phase],
    contacts: Sequence[Contact] = (),
    pins: Sequence[Pin] = (),
    fixed_shape: bool = False,
    prior: JointPrior | None = None,
    reporter: Reporter,
) -> FittedMotion:
    """Descend on the sum of the energies (see `objective`) from a motion and its camera, on the body's device.

    Rejected contacts are left out; enforced contacts and pins are held to a centimetre where the bodies can reach, and
    reported through `reporter.warning` where they cannot. `fixed_shape` keeps betas and floor, so that all takes of a clip
    share bodies and world. `prior` is what a learned model expects; what was seen is weighed against it.

    The energy of the result is that of `objective` at its own weights where the descent ends, who is near whom looked at
    once more, and without `prior`: it says how well the motion agrees with what was seen, the contacts and the edits, not how
    near it came to an expectation that may be another for every take.
    """
    device = body.device
    standing = torch.as_tensor(foot_contact, device=device)
    objective = build_objective(detections, body, camera, standing, contacts, pins, prior)
    variables = _Variables(motion, camera, body, fixed_shape, () if prior is None else _COARSE)
    total, done = sum(phase.steps for phase in phases), 0
    for phase in phases:
        around = None
        optimizer = torch.optim.Adam(variables.groups(phase.rate), betas=(0.9, 0.95))
        for step in range(phase.steps):
            for group in optimizer.param_groups:
                group["lr"] = group["base"] * _schedule(step, phase.steps)
            optimizer.zero_grad(set_to_none=True)
            state = variables.state(objective)
            if step % _LOOK_AROUND == 0 and not phase.apart:
                around = objective.active_set(state, detections)
            loss = objective.energy(state, phase.weights, around)
            loss.backward()
            optimizer.step()
            done += 1
            reporter.progress(done / total)
    with torch.no_grad():
        state = variables.state(objective)
        around = objective.active_set(state, detections) if len(motion.pelvis) > 1 else None
        energy = float(objective.energy(state, _JUDGED, around))
        _report_what_does_not_hold(objective, state, reporter)
        return _result(variables, state, camera, foot_contact, joint_confidence(detections), energy)


def _schedule(step: int, steps: int) -> float:
    """A short warm-up, then a cosine down to a twentieth."""
    return min(1.0, (step + 1) / 5) * (0.05 + 0.475 * (1 + math.cos(math.pi * step / steps)))


class _Variables:
    """What the descent moves. Rotations are the start's, turned by axis-angles.

    `size` [P] makes a person larger and as much farther away at once: hardly anything changes in the picture, so the floor and
    the other person can find the depth without climbing over the reprojection. `tilt` turns both people and the floor
    together about the camera's horizontal axis: metric landmarks hardly know how far a camera looks down.

    With `coarse` spacings, rotations and places also change by what is piecewise linear between knots so many frames apart, and
    by what is constant: a whole stretch then moves at once, and the descent gets to the bottom in half the steps. Without a
    prior that is no gain: the bottom is then farther from the truth than where a shorter descent ends (measured on dev clips).
    """

    def __init__(
        self, motion: PairMotion, camera: Camera, body: BodyModel, fixed_shape: bool, coarse: Sequence[int] = ()
    ) -> None:
        device = body.device
        world = torch.as_tensor(camera.T_cw, device=device, dtype=torch.float32)
        self.base = motion_rotations(motion).to(device)
        self.base[:, :, 0] = world[:3, :3] @ self.base[:, :, 0]
        pelvis = torch.as_tensor(motion.pelvis, device=device) @ world[:3, :3].T + world[:3, 3]
        self.turn = torch.zeros(*self.base.shape[:2], BODY_COUNT, 3, device=device, requires_grad=True)
        self.shift = torch.zeros_like(pelvis, requires_grad=True)
        self.basis = hat_basis(pelvis.shape[1], coarse).to(device)
        people, knots = len(pelvis), self.basis.shape[1]
        self.slow_turn = torch.zeros(people, knots, BODY_COUNT, 3, device=device, requires_grad=True)
        self.slow_shift = torch.zeros(people, knots, 3, device=device, requires_grad=True)
        self.start_pelvis = pelvis
        self.size = torch.zeros(len(pelvis), device=device, requires_grad=not fixed_shape)
        self.betas_per_size = _betas_per_size(body)
        self.start_betas = torch.as_tensor(motion.betas, device=device)
        self.reshape = torch.zeros_like(self.start_betas, requires_grad=not fixed_shape)
        self.start_floor = floor_from_extrinsics(world)
        self.floor_change = torch.zeros(3, device=device, requires_grad=not fixed_shape)
        self.tilt = torch.zeros((), device=device, requires_grad=not fixed_shape)
        self.fixed_shape = fixed_shape

    def groups(self, rate: float) -> list[dict[str, object]]:
        moved = [(self.turn, rate), (self.shift, 0.6 * rate)]
        if self.basis.shape[1]:
            moved += [(self.slow_turn, rate), (self.slow_shift, 0.6 * rate)]
        if not self.fixed_shape:
            moved += [
                (self.reshape, 2 * rate),
                (self.floor_change, 0.15 * rate),
                (self.size, 0.3 * rate),
                (self.tilt, 0.3 * rate),
            ]
        return [{"params": [tensor], "lr": lr, "base": lr} for tensor, lr in moved]

    def rotations(self) -> Tensor:
        turn = self.turn + torch.einsum("tk,pkjd->ptjd", self.basis, self.slow_turn)
        turned = self.base[:, :, :BODY_COUNT] @ axis_angle_to_matrix(turn)
        root = rotation_about_x(self.tilt) @ turned[:, :, :1]
        return torch.cat([root, turned[:, :, 1:], self.base[:, :, BODY_COUNT:]], 2)

    def floor(self) -> Tensor:
        change = self.floor_change + torch.stack([self.tilt, torch.zeros_like(self.tilt), torch.zeros_like(self.tilt)])
        return self.start_floor + change

    def pelvis(self) -> Tensor:
        shift = self.shift + torch.einsum("tk,pkd->ptd", self.basis, self.slow_shift)
        return self.start_pelvis * self.size.exp()[:, None, None] + shift

    def betas(self) -> Tensor:
        return self.start_betas + self.reshape + self.size[:, None] * self.betas_per_size

    def state(self, objective: Objective) -> State:
        return objective.state(self.rotations(), self.pelvis(), self.betas(), self.floor(), self.tilt)


def hat_basis(count: int, spacings: Sequence[int]) -> Tensor:
    """[T,K] hat functions over T frames: for each spacing, knots about so many frames apart; then one constant, where any."""
    frames = torch.arange(count, dtype=torch.float32)
    parts = []
    for spacing in spacings:
        if count > spacing:
            knots = torch.linspace(0, count - 1, math.ceil((count - 1) / spacing) + 1)
            parts.append((1 - (frames[:, None] - knots).abs() / (knots[1] - knots[0])).clamp_min(0))
    if spacings:
        parts.append(torch.ones(count, 1))
    return torch.cat(parts, 1) if parts else torch.zeros(count, 0)


def _betas_per_size(body: BodyModel) -> Tensor:
    """[16] the smallest change of shape that makes a body larger by a share of one (to first order, by its leg and back)."""
    chain = [JOINT_INDEX[name] for name in ("left_ankle", "left_knee", "left_hip", "pelvis", "spine2", "neck", "head")]
    bones = body.J_template[chain].diff(dim=0)
    lengths = bones.norm(dim=-1)
    growth = torch.einsum("bd,bdk->bk", bones / lengths[:, None], body.J_shapedirs[chain].diff(dim=0)).sum(0)
    growth = growth / lengths.sum()
    return growth / growth.square().sum()


def _result(
    variables: _Variables, state: State, camera: Camera, foot_contact: np.ndarray, confidence: np.ndarray, energy: float
) -> FittedMotion:
    world = extrinsics(*variables.floor().unbind())
    rotations = variables.rotations().clone()
    rotations[:, :, 0] = world[:3, :3].T @ rotations[:, :, 0]
    pelvis = (variables.pelvis() - world[:3, 3]) @ world[:3, :3]
    return FittedMotion(
        motion_from_rotations(rotations, pelvis, variables.betas()),
        Camera(camera.K, world.double().cpu().numpy()),
        foot_contact,
        confidence,
        energy,
    )


def _report_what_does_not_hold(objective: Objective, state: State, reporter: Reporter) -> None:
    heights = state.heights(state.touching)
    for touch in objective.touches:
        gap = float(touch_gap(touch, state.touching, heights).abs().mean())
        if touch.contact.state == "enforced" and gap > TOLERANCE:
            reporter.warning(open_contact(touch.contact, gap))
    missed = farthest_pin(objective, state)
    if missed > TOLERANCE:
        reporter.warning(missed_pin(missed))
