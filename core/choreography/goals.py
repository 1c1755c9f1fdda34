"""How far a motion is from what the script wants. Pure, differentiable; every term is a mean of squared deviations, each in
units of what would still look right, so that they can be added.

P = 2 people, T frames; world frame, metres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..body.model import BodyModel
from ..contract.skeleton import BODY_JOINTS, JOINT_INDEX
from ..geometry.limits import joint_limits
from ..motion import Posed
from .plan import SIDES, Plan
from .script import Handshake, Script, Side, during

_HEAD, _NECK, _SPINE3 = JOINT_INDEX["head"], JOINT_INDEX["neck"], JOINT_INDEX["spine3"]
_ANKLES = [JOINT_INDEX[f"{side}_ankle"] for side in SIDES]
REACH = 13
"""Frames that a hand takes to come and to go."""

# standard deviations that still look right
_SOLE, _AIR, _PELVIS, _PELVIS_HEIGHT, _FLOOR = 0.0015, 0.05, 0.03, 0.02, 0.01
_PALM, _PLACE, _DIRECTION, _ELBOW, _GAZE, _UPRIGHT = 0.0025, 0.03, 0.20, 0.06, 0.30, 0.02
_WAY, _SPOT = 0.05, 0.02
_THUMB_UP = 0.85
_CHEST_TO_CHEST = 0.205
_PASSES_BEFORE, _PASSES_AFTER = 12, 11
"""Frames before and after an embrace in which the hand passes the other's side."""
_LIMIT, _SPEED_UP = math.radians(4), 9.0
_INSIDE = 0.007
_EASE = {
    "pelvis": 4, "hip": 12, "knee": 30, "ankle": 8, "foot": 3, "spine1": 3, "spine2": 3, "spine3": 3, "neck": 6,
    "head": 8, "collar": 6, "shoulder": 30, "elbow": 60, "wrist": 13,
}  # fmt: skip
"""Degrees by which each joint may well leave its place at ease."""


@dataclass(frozen=True)
class Hand:
    """Where a hand's palm is. Tensors [...,3]."""

    palm: Tensor
    out: Tensor
    """Unit vector out of the palm."""
    fingers: Tensor
    thumb: Tensor
    """Unit vector across the palm, towards the thumb."""


@dataclass(frozen=True)
class PalmPoints:
    """The vertices in the middle of each palm, [2] left and right."""

    body: BodyModel
    """With these two vertices only."""


def palm_points(body: BodyModel) -> PalmPoints:
    chosen = []
    for side in SIDES:
        at = {
            name: body.joint_template[JOINT_INDEX[f"{side}_{name}"]] for name in ("wrist", "index1", "pinky1", "ring1")
        }
        middle = 0.35 * at["wrist"] + 0.35 * at["index1"] + 0.3 * at["pinky1"]
        offset = body.template - middle
        beside = offset[:, [0, 2]].norm(dim=-1)  # palms face down in the rest pose
        below = (beside < 0.012) & (offset[:, 1] < 0)
        chosen.append(int(torch.where(below, beside, torch.inf).argmin()))
    return PalmPoints(body.subset(torch.tensor(chosen)))


def hand(side: Side, posed: Posed, palms: PalmPoints) -> Hand:
    """Tensors [P,T,3]."""
    turn = posed.world[:, :, JOINT_INDEX[f"{side}_wrist"]]
    along = 1.0 if side == "left" else -1.0
    rest = turn.new_tensor([[0.0, -1.0, 0.0], [along, 0.0, 0.0], [0.0, 0.0, 1.0]])
    out, fingers, thumb = (turn @ rest[i] for i in range(3))
    return Hand(posed.skin(palms.body)[:, :, SIDES.index(side)], out, fingers, thumb)


def feet_goal(posed: Posed, soles: Tensor, feet: Tensor, plan: Plan) -> Tensor:
    """Standing feet stay where they are, others go through the air, and nothing of the feet [P,T,N,3] is under the floor."""
    stray = (soles - plan.soles).square().sum(-1)
    air = (plan.swinging[..., None] * (posed.joints[:, :, _ANKLES] - plan.swing).square()).sum(-1)
    return (
        (plan.standing * stray).mean() / _SOLE**2
        + air.mean() / _AIR**2
        + feet[..., 2].clamp_max(0).square().sum(-1).mean() / _FLOOR**2
    )


def balance_goal(posed: Posed, plan: Plan) -> Tensor:
    """The pelvis over the feet and at the height of nearly straight legs, nobody leaning back."""
    off = posed.joints[:, :, 0] - plan.pelvis
    forward = plan.base[:, :, 0] @ torch.tensor([0.0, 0.0, 1.0])
    lean = ((posed.joints[:, :, _NECK] - posed.joints[:, :, 0]) * forward).sum(-1)
    return (
        off[..., :2].square().sum(-1).mean() / _PELVIS**2
        + off[..., 2].square().mean() / _PELVIS_HEIGHT**2
        + lean.clamp_max(0).square().mean() / _UPRIGHT**2
    )


def ease_goal(turns: Tensor, angles: Tensor) -> Tensor:
    """turns [P,T,22,3] away from the plan in units of `ease_sigma`; angles [P,T,21,3] the joints' own axis-angles."""
    low, high = joint_limits()
    outside = (low - angles).clamp_min(0) + (angles - high).clamp_min(0)
    return turns.square().mean() + outside.square().sum(-1).mean() / _LIMIT**2


def ease_sigma() -> Tensor:
    """[22] radians by which each joint may well leave its place at ease."""
    names = [name.removeprefix("left_").removeprefix("right_") for name in BODY_JOINTS]
    return torch.tensor([math.radians(_EASE[name]) for name in names])


def calm_goal(posed: Posed, rate: float) -> Tensor:
    """No sudden changes of speed: accelerations of the joints in m/s^2."""
    joints = posed.joints[:, :, :22]
    change = (joints[:, 2:] - 2 * joints[:, 1:-1] + joints[:, :-2]) * rate**2
    return change.square().sum(-1).mean() / _SPEED_UP**2


def gaze_goal(posed: Posed, script: Script) -> Tensor:
    """Faces turn to each other, except in the hug."""
    t = np.arange(script.frames)
    weight = torch.from_numpy(1 - during(t, *script.hug, 14, 16)).float()
    head = posed.joints[:, :, _HEAD] + posed.world[:, :, _HEAD] @ torch.tensor([0.0, 0.06, 0.0])
    forward = posed.world[:, :, _HEAD] @ torch.tensor([0.0, 0.0, 1.0])
    wanted = torch.nn.functional.normalize(head.flip(0) - head, dim=-1)
    return (weight * (forward - wanted).square().sum(-1)).mean() / _GAZE**2


def handshake_goal(posed: Posed, palms: PalmPoints, handshake: Handshake, frames: int) -> Tensor:
    """Palm on palm, thumbs up, going up and down together."""
    t = np.arange(frames)
    on = torch.from_numpy(during(t, handshake.start, handshake.end, 3, 3)).float()
    near = torch.from_numpy(during(t, handshake.start, handshake.end, REACH, REACH)).float()
    a, b = (Hand(*(part[person] for part in vars(hand("right", posed, palms)).values())) for person in (0, 1))
    place = torch.tensor(handshake.place).repeat(frames, 1)
    place[:, 2] += torch.from_numpy(pump_height(handshake, t)).float()
    middle = (a.palm + b.palm) / 2
    apart = (a.palm - b.palm).square().sum(-1)
    # the palms face each other, thumbs more or less up; forearms come down to them from both sides
    facing = (a.out + b.out).square().sum(-1)
    level = torch.stack([a.out, b.out])[..., 2].square().sum(0)
    up = (_THUMB_UP - torch.stack([a.thumb, b.thumb])[..., 2]).clamp_min(0).square().sum(0)
    turned = facing + level + up
    return (
        (on * apart).mean() / _PALM**2
        + (on * turned).mean() / _DIRECTION**2
        + (near * (middle - place).square().sum(-1)).mean() / _PLACE**2
        + (near * (1 - on) * turned).mean() / (3 * _DIRECTION) ** 2
    )


def pump_height(handshake: Handshake, frames: np.ndarray) -> np.ndarray:
    """[T] metres above the handshake's place."""
    start, end = handshake.start + 3, handshake.end - 3
    phase = 2 * math.pi * handshake.pumps * np.clip((frames - start) / (end - start), 0, 1)
    return handshake.lift * np.sin(phase)


def embrace_goal(posed: Posed, palms: PalmPoints, back: Tensor, back_normal: Tensor, script: Script) -> Tensor:
    """Hands flat on the other's back, more or less at their spot, elbows where they leave room.

    back and back_normal [P,T,E,3]: where each person's embraces lie on the *other*, and the skin's direction there.
    """
    t = np.arange(script.frames)
    total = posed.joints.new_zeros(())
    for p, actor in enumerate(script.actors):
        other = 1 - p
        trunk = posed.world[other, :, _SPINE3]
        for e, embrace in enumerate(actor.embraces):
            on = torch.from_numpy(during(t, embrace.start, embrace.end, 2, 2)).float()
            near = torch.from_numpy(during(t, embrace.start, embrace.end, REACH, REACH)).float()
            own = Hand(*(part[p] for part in vars(hand(embrace.side, posed, palms)).values()))
            fingers = trunk @ torch.tensor([embrace.fingers[0], embrace.fingers[1], 0.0])
            elbow = posed.joints[p, :, JOINT_INDEX[f"{embrace.side}_elbow"]]
            wanted = posed.joints[other, :, _SPINE3] + trunk @ torch.tensor(embrace.elbow)
            off = own.palm - back[p, :, e]
            height = (off * back_normal[p, :, e]).sum(-1)
            way = posed.joints[other, :, _SPINE3] + trunk @ torch.tensor(embrace.way)
            passing = torch.from_numpy(
                during(t, embrace.start - _PASSES_BEFORE, embrace.start - _PASSES_BEFORE + 2, 3, 3)
                + during(t, embrace.end + _PASSES_AFTER - 2, embrace.end + _PASSES_AFTER, 3, 3)
            ).float()
            total = (
                total
                + (passing * (own.palm - way).square().sum(-1)).mean() / _WAY**2
                + (on * height.square()).mean() / _PALM**2
                + (on * (off.square().sum(-1) - height.square())).mean() / _SPOT**2
                + (on * (own.out + back_normal[p, :, e]).square().sum(-1)).mean() / _DIRECTION**2
                + (near * (own.fingers - fingers).square().sum(-1)).mean() / (2 * _DIRECTION) ** 2
                + (near * (elbow - wanted).square().sum(-1)).mean() / _ELBOW**2
            )
    return total


def together_goal(posed: Posed, script: Script) -> Tensor:
    """Chest to chest in the hug."""
    on = torch.from_numpy(during(np.arange(script.frames), *script.hug, 4, 4)).float()
    apart = (posed.joints[0, :, _SPINE3] - posed.joints[1, :, _SPINE3])[:, :2].norm(dim=-1)
    return (on * (apart - _CHEST_TO_CHEST).square()).mean() / _PLACE**2


def inside_goal(gap: Tensor, wanted: float) -> Tensor:
    """gap [F,N] metres between skins, negative inside: everything at least `wanted` apart."""
    return (wanted - gap).clamp_min(0).square().sum(-1).mean() / _INSIDE**2
