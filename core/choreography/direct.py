"""From a script to a motion: descent on the goals over the whole clip at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..body.model import BodyModel
from ..body.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from ..contract.skeleton import BODY_JOINTS, JOINT_INDEX, REGIONS
from ..geometry.soles import sole_vertices
from ..motion import PairMotion, Posed, motion_from_rotations, pose
from . import goals
from .plan import SIDES, make_plan
from .script import Script, during
from .skin_sample import SkinSample, nearest, signed_gap, skin_sample, vertex_normals
from .splines import on_curve, spline_basis

_FINGERS = ("index", "middle", "pinky", "ring")
_RELAXED = (0.35, 0.40, 0.25)
_CLASPED = (0.62, 0.55, 0.30)
_FLAT = (0.10, 0.14, 0.08)
"""Bends of a finger's three joints, radians, in three states of the hand."""
_CONTROL_EVERY = 3
_LOOK_AGAIN = 8
"""Steps of the descent between two searches for which skin is next to which."""
_STRIDE = 2
"""Only every second frame is looked at for that: the curves are smooth."""
_NEAR = 0.05
"""metres of depth beyond which skin has found the wrong partner."""


@dataclass(frozen=True)
class Stage:
    steps: int
    rate: float
    touching: bool
    """Whether one person keeps the other out."""


STAGES = (Stage(320, 0.10, False), Stage(260, 0.05, True), Stage(200, 0.02, True))


def direct(
    script: Script,
    body: BodyModel,
    stages: tuple[Stage, ...] = STAGES,
    report: Callable[[int, dict[str, float]], None] | None = None,
) -> PairMotion:
    """The motion of both actors. `report(step, terms)` is told how far each goal is from being met, now and then."""
    frames = script.frames
    betas = torch.zeros(2, 16)
    for p, actor in enumerate(script.actors):
        betas[p, : len(actor.betas)] = torch.tensor(actor.betas)
    plan = make_plan(script, body, betas)
    soles = body.subset(sole_vertices(body).flatten())
    whole = skin_sample(body)
    feet = whole.of_regions(("left_foot", "right_foot")).body
    palms = goals.palm_points(body)
    backs = _back_spots(script, body)
    zones = _zones(script, whole)
    limited = torch.tensor([name not in ("pelvis",) for name in BODY_JOINTS])

    basis = spline_basis(frames, _CONTROL_EVERY)
    turn = torch.zeros(2, basis.shape[1], len(BODY_JOINTS), 3, requires_grad=True)
    shift = torch.zeros(2, basis.shape[1], 3, requires_grad=True)
    bend = torch.zeros(2, basis.shape[1], 2, len(_FINGERS), 3, requires_grad=True)
    habit = _finger_habit(script)
    partners: list[list[Tensor]] = []

    def now() -> tuple[Posed, Tensor, Tensor, Tensor]:
        turns = on_curve(basis, turn)
        rotations = plan.base @ axis_angle_to_matrix(goals.ease_sigma()[:, None] * turns)
        bends = on_curve(basis, bend)
        hands = finger_rotations(habit + bends)
        pelvis = plan.pelvis + on_curve(basis, shift)
        return pose(body, torch.cat([rotations, hands], 2), pelvis, betas), turns, bends, rotations

    def terms(touching: bool) -> dict[str, Tensor]:
        posed, turns, bends, rotations = now()
        back, back_normal = backs(posed)
        found = {
            "feet": goals.feet_goal(posed, posed.skin(soles).unflatten(2, (2, -1)), posed.skin(feet), plan),
            "balance": goals.balance_goal(posed, plan),
            "ease": goals.ease_goal(turns, matrix_to_axis_angle(rotations[:, :, limited])),
            "fingers": (bends / 0.25).square().mean(),
            "calm": goals.calm_goal(posed, script.rate),
            "gaze": goals.gaze_goal(posed, script),
            "handshake": goals.handshake_goal(posed, palms, script.handshake, frames),
            "together": goals.together_goal(posed, script),
            "embrace": goals.embrace_goal(posed, palms, back, back_normal, script),
        }
        if touching:
            found["inside"] = sum(
                (_apart(zone, posed, pairs) for zone, pairs in zip(zones, partners)), start=turns.new_zeros(())
            )
        return found

    done = 0
    for stage in stages:
        moved = ((turn, 1.0), (shift, 0.06), (bend, 0.3))
        optimizer = torch.optim.Adam([{"params": [v], "lr": stage.rate * f} for v, f in moved], betas=(0.9, 0.97))
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, [stage.rate * f for _, f in moved], total_steps=stage.steps, pct_start=0.1
        )
        for step in range(stage.steps):
            if stage.touching and step % _LOOK_AGAIN == 0:
                with torch.no_grad():
                    partners = [_partners(zone, now()[0]) for zone in zones]
            optimizer.zero_grad(set_to_none=True)
            found = terms(stage.touching)
            loss = sum(found.values(), start=torch.zeros(()))
            loss.backward()
            optimizer.step()
            schedule.step()
            done += 1
            if report is not None and (done % 25 == 0 or step == stage.steps - 1):
                report(done, {name: float(value.detach()) for name, value in found.items()})
    with torch.no_grad():
        posed, *_ = now()
        return motion_from_rotations(posed.rotations, posed.joints[:, :, 0], betas)


@dataclass(frozen=True)
class Zone:
    """Where and when two people may be inside each other."""

    frames: Tensor
    """int64 [F]"""
    skin: SkinSample
    apart: float
    """metres that should stay between them."""


def _zones(script: Script, whole: SkinSample) -> list[Zone]:
    t = np.arange(script.frames)
    hand = whole.of_regions(
        ("right_palm", "right_hand_back", "right_fingers", "right_wrist", "right_forearm", "left_fingers")
    )
    trunk = whole.of_regions(
        tuple(name for name in REGIONS if not name.endswith(("shin", "calf", "hand_back", "belly")))
    )
    shake = during(t, script.handshake.start, script.handshake.end, 6, 8) > 0
    hug = during(t, *script.hug, 20, 22) > 0
    return [
        Zone(torch.from_numpy(np.flatnonzero(shake)[::_STRIDE]), hand, 0.0),
        Zone(torch.from_numpy(np.flatnonzero(hug)[::_STRIDE]), trunk, 0.001),
    ]


def _skin(zone: Zone, posed: Posed) -> tuple[Tensor, Tensor]:
    """Points and normals [P,F,N,3] of the zone's frames."""
    part = Posed(
        posed.betas,
        posed.rotations[:, zone.frames],
        posed.rest,
        posed.joints[:, zone.frames],
        posed.world[:, zone.frames],
    )
    return part.skin(zone.skin.body), zone.skin.normals(part.world)


def _partners(zone: Zone, posed: Posed) -> list[Tensor]:
    points, _ = _skin(zone, posed)
    return [nearest(points[p], points[1 - p]) for p in (0, 1)]


def _apart(zone: Zone, posed: Posed, partners: list[Tensor]) -> Tensor:
    points, normals = _skin(zone, posed)
    share = _STRIDE * len(zone.frames) / posed.joints.shape[1]
    total = points.new_zeros(())
    for p in (0, 1):
        gap = signed_gap(points[p], points[1 - p], normals[1 - p], partners[p])
        total = total + share * goals.inside_goal(torch.where(gap > -_NEAR, gap, torch.full_like(gap, 1.0)), zone.apart)
    return total


def _back_spots(script: Script, body: BodyModel) -> Callable[[Posed], tuple[Tensor, Tensor]]:
    """Where on the other's back each embracing hand goes: posed -> places and normals [P,T,E,3]."""
    spine = body.joint_template[JOINT_INDEX["spine3"]]
    normals = vertex_normals(body)
    behind = normals[:, 2] < -0.3
    chosen = []
    for actor in script.actors:
        for embrace in actor.embraces:
            wanted = spine[:2] + torch.tensor(embrace.spot)
            distance = (body.template[:, :2] - wanted).norm(dim=-1)
            chosen.append(int(torch.where(behind, distance, torch.inf).argmin()))
    vertices = torch.tensor(chosen)
    sample = SkinSample(body.subset(vertices), vertices, body.weights[vertices].argmax(1), normals[vertices])
    each = len(script.actors[0].embraces)

    def spots(posed: Posed) -> tuple[Tensor, Tensor]:
        places = posed.skin(sample.body).unflatten(2, (2, each))
        outward = sample.normals(posed.world).unflatten(2, (2, each))
        # the first person's hands are on the second's back
        return torch.stack([places[1, :, 0], places[0, :, 1]]), torch.stack([outward[1, :, 0], outward[0, :, 1]])

    return spots


def _finger_habit(script: Script) -> Tensor:
    """[P,T,2,4,3] bends in radians of both hands: at ease, clasped in the handshake, flat on the back."""
    t = np.arange(script.frames)
    relaxed, clasped, flat = (torch.tensor(bends) for bends in (_RELAXED, _CLASPED, _FLAT))
    shake = torch.from_numpy(during(t, script.handshake.start, script.handshake.end, 5, 5)).float()[:, None]
    opened = torch.from_numpy(during(t, script.handshake.start - 5, script.handshake.end + 5, 9, 8)).float()[:, None]
    hug = torch.from_numpy(during(t, *script.hug, 10, 10)).float()[:, None]
    left = relaxed + hug * (flat - relaxed)
    right = left + (opened - shake) * (flat - left) + shake * (clasped - left)
    return torch.stack([left, right], 1)[None, :, :, None].expand(2, -1, -1, len(_FINGERS), -1)


def finger_rotations(bends: Tensor) -> Tensor:
    """bends [P,T,2,4,3] of index, middle, pinky and ring -> rotations [P,T,33,3,3] of jaw, eyes, left and right hand.

    Fingers of the flat hand in the rest pose bend downwards: about -Z on the left, +Z on the right.
    """
    angles = bends.new_zeros(*bends.shape[:2], 33, 3)
    thumb = bends.new_tensor([0.10, 0.15, 0.20])
    for hand in range(len(SIDES)):
        sign = -1.0 if hand == 0 else 1.0
        start = 3 + 15 * hand
        angles[:, :, start : start + 12, 2] = sign * bends[:, :, hand].flatten(2)
        angles[:, :, start + 12 : start + 15, 1] = sign * thumb
    return axis_angle_to_matrix(angles)
