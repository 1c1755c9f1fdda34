"""A recorded skeleton's motion as motion of our body: bones point as they did, feet stand where they stood."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d
from torch import Tensor
from torch.nn.functional import normalize

from core.body.files import load_body
from core.body.model import BodyModel
from core.body.rotations import (
    axis_angle_to_matrix,
    matrix_to_axis_angle,
    orthonormal_frame,
    rotation_between_vectors,
)
from core.contract.errors import UserError
from core.contract.skeleton import BODY_JOINTS, JOINT_INDEX, PARENTS

from ..capture import Capture
from ..skeleton_motion import SkeletonMotion, resample
from . import foot_planting as feet
from .vertical import align_vertical

RATE = 30.0
"""frames a second of every capture."""
_NEEDED = tuple(
    f"{side}_{part}" for side in ("left", "right") for part in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
)
_STRAIGHT, _BENT = 0.30, 0.70
"""Sines of the angle at an elbow or knee between which its own bend says where its hinge is."""
_MEMORY = 0.4
"""seconds over which a straight limb keeps the hinge that its bend last showed."""
_COLLAR_DOWN, _COLLAR_UP = math.radians(9), math.radians(18)
"""How far the collar turns down with a hanging arm and up with one overhead."""
_MOST_HABIT, _USUAL_TURNOUT = math.radians(20), math.radians(20)
"""How far a wrist's usual bend is taken back at most, and how far a foot may usually be turned on its shank."""
_IMPOSSIBLE = math.radians(125)
"""No ankle or wrist turns so far from its rest."""
_LOOKING_DOWN, _MOST_TIPPED = math.radians(4), math.radians(16)
"""How far down people look at least on average, and how far a recording's head is tipped for it at most."""
_COUNT = len(BODY_JOINTS)


@dataclass(frozen=True)
class Target:
    """The body that motion is brought to: its rest joints [22,3], metres."""

    body: BodyModel
    rest: Tensor

    def at(self, name: str) -> Tensor:
        return self.rest[JOINT_INDEX[name]]

    def bone(self, start: str, end: str) -> Tensor:
        return self.at(end) - self.at(start)

    def foot_axis(self, side: str) -> Tensor:
        """[3] where the resting foot points, level: the long axis of its skin."""
        joints = [JOINT_INDEX[f"{side}_{part}"] for part in ("ankle", "foot")]
        points = self.body.v_template[self.body.lbs_weights[:, joints].sum(1) > 0.9].double()[:, [0, 2]]
        _, _, axes = torch.linalg.svd(points - points.mean(0), full_matrices=False)
        x, z = axes[0] * axes[0, 1].sign()
        return torch.stack([x, torch.zeros_like(x), z])


@lru_cache(maxsize=1)
def default_target() -> Target:
    body = load_body(None)
    return Target(body, body.J_template[:_COUNT].double())


def retarget(motion: SkeletonMotion) -> Capture:
    """The motion on the default body at RATE, its floor at z = 0.

    UserError `recording-unusable` where hips, knees, ankles, shoulders, elbows or wrists are missing.
    """
    missing = [name for name in _NEEDED if name not in motion.names]
    if missing:
        raise UserError(
            "recording-unusable",
            f"{motion.source} has no joint that is known as {missing[0]}.",
            "Rename its joints as a common format does, or leave it out.",
        )
    target = default_target()
    raw = _Source(motion)
    scale = _leg_length(target) / raw.leg_length()
    still = feet.detect_still_points(raw.feet(scale), motion.rate)
    source = _Source(resample(align_vertical(motion, still.numpy()), RATE))
    at = (torch.arange(len(source.positions)) * motion.rate / RATE).round().long().clamp_max(len(still) - 1)
    world = _world_rotations(source, target)
    hips = 0.5 * (target.at("left_hip") + target.at("right_hip")) - target.at("pelvis")
    pelvis = scale * source.middle("hip") - world["pelvis"] @ hips
    stood = feet.plant_feet(world, pelvis, still[at], RATE, target.body, target.rest)
    turns = local_rotations(stood.global_rotations)
    return Capture(
        source=motion.source,
        subject=motion.subject,
        text=motion.text,
        rate=RATE,
        global_orient=matrix_to_axis_angle(turns[:, 0]).float().numpy(),
        body_pose=matrix_to_axis_angle(turns[:, 1:]).float().numpy(),
        pelvis=stood.pelvis.float().numpy(),
        betas=np.zeros(16, np.float32),
        foot_contact=stood.foot_contact.numpy(),
    )


def local_rotations(world: dict[str, Tensor]) -> Tensor:
    """World rotations [T,3,3] of the 22 joints -> [T,22,3,3] relative to the parent."""
    return torch.stack(
        [
            world[name] if parent < 0 else world[BODY_JOINTS[parent]].mT @ world[name]
            for name, parent in zip(BODY_JOINTS, PARENTS)
        ],
        1,
    )


class _Source:
    """A motion's points, and its own rotations where it has them."""

    def __init__(self, motion: SkeletonMotion) -> None:
        self.names = motion.names
        self.positions = torch.from_numpy(motion.positions).double()
        self.turns = None if motion.global_rotations is None else torch.from_numpy(motion.global_rotations)
        self.rest = (
            None if motion.rest_positions is None else torch.from_numpy(np.asarray(motion.rest_positions, float))
        )

    def at(self, name: str) -> Tensor:
        return self.positions[:, self.names.index(name)]

    def bone(self, start: str, end: str) -> Tensor:
        return self.at(end) - self.at(start)

    def middle(self, part: str) -> Tensor:
        return 0.5 * (self.at(f"left_{part}") + self.at(f"right_{part}"))

    def has(self, *names: str) -> bool:
        return all(name in self.names for name in names)

    def turn(self, name: str) -> Tensor | None:
        """[T,3,3] from the recording's own rest pose, None where it has no such joint or no rotations."""
        if self.turns is None or not self.has(name):
            return None
        return self.turns[:, self.names.index(name)].double()

    def rest_bone(self, start: str, end: str) -> Tensor | None:
        if self.rest is None or not self.has(start, end):
            return None
        return self.rest[self.names.index(end)] - self.rest[self.names.index(start)]

    def leg_length(self) -> Tensor:
        """The middle one over time and both sides of hip to knee to ankle, metres."""
        sides = [
            self.bone(f"{side}_hip", f"{side}_knee").norm(dim=-1)
            + self.bone(f"{side}_knee", f"{side}_ankle").norm(dim=-1)
            for side in ("left", "right")
        ]
        return torch.stack(sides).median()

    def feet(self, scale: Tensor) -> Tensor:
        """[T,2,2,3] ankles and balls of the feet, scaled as the body is."""
        sides = []
        for side in ("left", "right"):
            ankle = self.at(f"{side}_ankle")
            ball = self.at(f"{side}_foot") if self.has(f"{side}_foot") else ankle
            sides.append(torch.stack([ankle, ball], 1))
        return scale * torch.stack(sides, 1)


def _leg_length(target: Target) -> Tensor:
    return target.bone("left_hip", "left_knee").norm() + target.bone("left_knee", "left_ankle").norm()


def _world_rotations(source: _Source, target: Target) -> dict[str, Tensor]:
    """[T,3,3] for each of the 22 joints, what takes our rest pose to the world."""
    world = _trunk(source, target)
    for side in ("left", "right"):
        _leg(source, target, side, world)
        _arm(source, target, side, world)
    return world


def _trunk(source: _Source, target: Target) -> dict[str, Tensor]:
    up = source.middle("shoulder") - source.middle("hip")
    rest_up = 0.5 * (
        target.at("left_shoulder") + target.at("right_shoulder") - target.at("left_hip") - target.at("right_hip")
    )

    def girdle(part: str) -> Tensor:
        resting = orthonormal_frame(target.bone(f"right_{part}", f"left_{part}"), rest_up)
        return orthonormal_frame(source.bone(f"right_{part}", f"left_{part}"), up) @ resting.mT

    def own(*names: str) -> Tensor | None:
        return next((turn for turn in map(source.turn, names) if turn is not None), None)

    pelvis, chest, head = own("pelvis"), own("spine3", "spine2", "spine1"), own("head", "neck")
    if pelvis is None or chest is None:
        pelvis, chest = girdle("hip"), girdle("shoulder")
    if head is None:
        nod = source.bone("neck", "head") if source.has("neck", "head") else chest @ target.bone("neck", "head")
        head = rotation_between_vectors(chest @ target.bone("neck", "head"), nod) @ chest
    world = {"pelvis": pelvis}
    for third, name in enumerate(("spine1", "spine2"), 1):
        turn = source.turn(name) if source.has("spine1", "spine2", "spine3") else None
        world[name] = between(pelvis, chest, third / 3) if turn is None else turn
    head = _levelled(head, chest)
    return world | {"spine3": chest, "neck": between(chest, head, 0.5), "head": head}


def _levelled(head: Tensor, chest: Tensor) -> Tensor:
    """The head [T,3,3] tipped forward, the same all through, if it looks up most of the time that the chest is upright.

    Nobody does: markers on a headband sit askew.
    """
    upright = chest[:, 2, 1] > math.cos(math.radians(35))
    if not upright.any():
        return head
    upwards = float(head[upright, 2, 2].clamp(-1, 1).asin().median()) + _LOOKING_DOWN
    tip = min(max(upwards, 0.0), _MOST_TIPPED)
    return head @ axis_angle_to_matrix(head.new_tensor([tip, 0.0, 0.0]))


def _leg(source: _Source, target: Target, side: str, world: dict[str, Tensor]) -> None:
    hip, knee, ankle, foot = (f"{side}_{part}" for part in ("hip", "knee", "ankle", "foot"))
    lateral = target.rest.new_tensor([1.0, 0.0, 0.0])
    guess = _from_own_rest(source, target, hip, knee)
    unbent = (
        rotation_between_vectors(world["pelvis"] @ target.bone(hip, knee), source.bone(hip, knee)) @ world["pelvis"]
    )
    hinge = (unbent if guess is None else guess) @ lateral
    world[hip], world[knee] = _limb(source, target, (hip, knee, ankle), lateral, hinge, backwards=True)
    own = _from_own_rest_foot(source, target, side)
    if own is not None:
        possible = _possible(world[knee], own[0])
        world[ankle] = _without_habit(world[knee], possible, (1,), _USUAL_TURNOUT, math.inf)
        world[foot] = world[ankle] @ own[0].mT @ own[1]
    elif source.has(foot):
        across = world[knee] @ lateral
        resting = orthonormal_frame(target.bone(ankle, foot), lateral)
        world[ankle] = world[foot] = orthonormal_frame(source.bone(ankle, foot), across) @ resting.mT
    else:
        world[ankle] = world[foot] = world[knee]


def _from_own_rest(source: _Source, target: Target, joint: str, end: str) -> Tensor | None:
    """Our rest pose to the world by the recording's rotations, its rest pose's bone laid along ours."""
    turn, bone = source.turn(joint), source.rest_bone(joint, end)
    return None if turn is None or bone is None else turn @ rotation_between_vectors(target.bone(joint, end), bone)


def _from_own_rest_foot(source: _Source, target: Target, side: str) -> tuple[Tensor, Tensor] | None:
    """The ankle's and the ball's rotation. A recording's rest foot lies flat across a shank that may be spread sideways."""
    knee, ankle, foot = (f"{side}_{part}" for part in ("knee", "ankle", "foot"))
    turn, shank, sole = source.turn(ankle), source.rest_bone(knee, ankle), source.rest_bone(ankle, foot)
    if turn is None or shank is None or sole is None:
        return None
    frontal, level = shank.new_tensor([1.0, 1.0, 0.0]), shank.new_tensor([1.0, 0.0, 1.0])
    spread = rotation_between_vectors(target.bone(knee, ankle) * frontal, shank * frontal)
    heading = rotation_between_vectors(target.foot_axis(side), (spread.mT @ sole) * level)
    toes = source.turn(foot)
    return turn @ spread @ heading, (turn if toes is None else toes) @ spread @ heading


def _arm(source: _Source, target: Target, side: str, world: dict[str, Tensor]) -> None:
    collar, shoulder, elbow, wrist = (f"{side}_{part}" for part in ("collar", "shoulder", "elbow", "wrist"))
    upper, lower = source.bone(shoulder, elbow), source.bone(elbow, wrist)
    world[collar] = _shrugged(source, side, upper, world["spine3"])
    # in the T-pose an elbow bends forward: about -Y on the left, +Y on the right
    rest_hinge = target.rest.new_tensor([0.0, -1.0 if side == "left" else 1.0, 0.0])
    guess = _from_own_rest(source, target, shoulder, elbow)
    chest = world["spine3"]
    unbent = rotation_between_vectors(chest @ target.bone(shoulder, elbow), upper) @ chest
    hinge = (unbent if guess is None else guess) @ rest_hinge
    world[shoulder], world[elbow] = _limb(source, target, (shoulder, elbow, wrist), rest_hinge, hinge)
    world[wrist] = world[elbow]
    turn, palm = source.turn(wrist), source.rest_bone(wrist, f"{side}_knuckles")
    if turn is not None and palm is not None:
        rest_palm = target.body.J_template[JOINT_INDEX[f"{side}_middle1"]].double() - target.at(wrist)
        world[wrist] = _possible(world[elbow], turn @ rotation_between_vectors(rest_palm, palm))
        _share_roll(world, elbow, wrist, lower)
        # markers on the back of a hand sit askew: at rest a wrist is straight
        world[wrist] = _without_habit(world[elbow], world[wrist], (1, 2), 0.0, _MOST_HABIT)


def _shrugged(source: _Source, side: str, upper: Tensor, chest: Tensor) -> Tensor:
    """The collar's rotation: the recording's own, and the share that it has in raising the arm."""
    own = source.turn(f"{side}_collar")
    if own is None:
        own = chest
    height = (normalize(upper, dim=-1) * chest[..., 1]).sum(-1).clamp(-1, 1)
    lift = torch.where(height < 0, _COLLAR_DOWN, _COLLAR_UP) * height * (1.0 if side == "left" else -1.0)
    return own @ axis_angle_to_matrix(torch.stack([torch.zeros_like(lift), torch.zeros_like(lift), lift], -1))


def _limb(
    source: _Source,
    target: Target,
    joints: tuple[str, str, str],
    rest_hinge: Tensor,
    guess: Tensor,
    *,
    backwards: bool = False,
) -> tuple[Tensor, Tensor]:
    """World rotations of a hinged limb's two bones.

    Where it is bent, its bend shows the hinge. Where it is straight, the hinge is where `guess` [T,3] has it, turned about
    the limb as far as guess and bend differed before and after. `backwards`: a bend that opposes the guess is a limb
    pressed through, as knees are, not a hinge.
    """
    first, middle, last = joints
    upper, lower = source.bone(first, middle), source.bone(middle, last)
    observed = torch.linalg.cross(normalize(upper, dim=-1), normalize(lower, dim=-1))
    sine = observed.norm(dim=-1, keepdim=True)
    observed = observed / sine.clamp_min(1e-9)
    along = orthonormal_frame(upper, guess)
    trust = ((sine - _STRAIGHT) / (_BENT - _STRAIGHT)).clamp(0, 1)
    if backwards:
        trust = trust * ((observed * along[..., 1]).sum(-1, keepdim=True) > 0.3)
    # the bend's hinge as a direction across the upper bone, seen from the guess
    seen = torch.stack([(observed * along[..., 1]).sum(-1), (observed * along[..., 2]).sum(-1)], -1)
    remembered = _remembered(seen, trust)
    hinge = remembered[..., :1] * along[..., 1] + remembered[..., 1:] * along[..., 2]
    hinge = trust * observed + (1 - trust) * hinge
    rest_upper, rest_lower = target.bone(first, middle), target.bone(middle, last)
    return (
        orthonormal_frame(upper, hinge) @ orthonormal_frame(rest_upper, rest_hinge).mT,
        orthonormal_frame(lower, hinge) @ orthonormal_frame(rest_lower, rest_hinge).mT,
    )


def _remembered(seen: Tensor, trust: Tensor) -> Tensor:
    """Unit vectors [T,2]: those seen [T,2] near in time and worth trust [T,1], and with little weight (1, 0)."""
    near = gaussian_filter1d((trust * seen).numpy(), _MEMORY * RATE, axis=0, mode="constant")
    usual = (trust * seen).sum(0).numpy() / (float(trust.sum()) + _MEMORY * RATE * 0.1)
    mixed = near + 0.02 * usual + np.array([1e-3, 0.0])
    return normalize(torch.from_numpy(mixed), dim=-1)


def _possible(above: Tensor, own: Tensor) -> Tensor:
    """A joint's world rotation [T,3,3], the parent's where no joint turns so far: markers of two sides were exchanged."""
    turned = matrix_to_axis_angle(above.mT @ own).norm(dim=-1)
    return torch.where((turned > _IMPOSSIBLE)[:, None, None], above, own)


def _without_habit(above: Tensor, own: Tensor, axes: tuple[int, ...], allowed: float, most: float) -> Tensor:
    """A joint's world rotation [T,3,3] without what its middle turn about some of the parent's axes has beyond `allowed`.

    At most `most` radians are taken off about each.
    """
    usual = matrix_to_axis_angle(above.mT @ own).median(0).values
    excess = usual - usual.clamp(-allowed, allowed)
    kept = torch.zeros_like(usual)
    kept[list(axes)] = excess[list(axes)].clamp(-most, most)
    return above @ axis_angle_to_matrix(-kept) @ above.mT @ own


def _share_roll(world: dict[str, Tensor], elbow: str, wrist: str, forearm: Tensor) -> None:
    """Give the forearm half of the hand's roll about it, as pronation does; the wrist carries the rest."""
    axis = normalize(forearm, dim=-1)
    turn = matrix_to_axis_angle(world[wrist] @ world[elbow].mT)
    roll = (turn * axis).sum(-1, keepdim=True) * axis
    world[elbow] = axis_angle_to_matrix(roll / 2) @ world[elbow]


def between(first: Tensor, second: Tensor, share: float | Tensor) -> Tensor:
    """The rotation [T,3,3] a share of the way from one to another."""
    return first @ axis_angle_to_matrix(share * matrix_to_axis_angle(first.mT @ second))
