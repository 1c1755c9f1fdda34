"""From the joints of the rig to those of our body: which joint is which, and how the two rest poses lie to each other.

Rotations are carried over as changes from rest: what a joint of the rig has turned since its own rest pose turns our joint from
where it stands when our body takes the rig's rest pose. So neither the axes of the rig's joints nor its rest pose matter.
"""

# torch's own annotations are incomplete
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from ..body.model import BodyModel
from ..body.rotations import kabsch, rotation_between_vectors
from ..contract.skeleton import JOINT_INDEX, JOINTS, PARENTS
from ..fitting.lifting import share_roll
from ..motion import BODY_COUNT
from .rig import PARAMETER_COUNT

_TRUNK = {"pelvis": 1, "spine1": 35, "spine2": 36, "spine3": 37, "neck": 110, "head": 113}
"""The rig's root, spine from its second joint on, neck and head."""
_SIDES = {"left": (2, 74, 79), "right": (18, 38, 43)}
"""First joints of leg, arm and hand of each side."""
_LEG = {"hip": 0, "knee": 1, "ankle": 2, "foot": 6}
_ARM = {"collar": 0, "shoulder": 1, "elbow": 2, "wrist": 4}
_FINGERS = {"pinky": 1, "ring": 5, "middle": 9, "index": 13, "thumb": 18}
"""Of the first of a finger's three joints, from the first joint of the hand on."""
_TURNING_ANKLE = 5
"""The ankle bends in several joints after the leg's; the last of them carries the foot."""
_UPRIGHT = [
    JOINT_INDEX[name]
    for name in (
        *_TRUNK,
        *(f"{side}_{part}" for side in _SIDES for part in ("collar", "ankle", "foot")),
    )
]
"""Joints that stand alike in both rest poses: trunk and head upright, feet on the floor. Only limbs hang otherwise."""
_LIMBS = [JOINT_INDEX[f"{side}_{part}"] for side in _SIDES for part in ("knee", "ankle", "elbow", "wrist")]
"""Joints that are the same points in both skeletons."""
_CHAINS = (
    ("pelvis", "spine1", "spine2", "spine3", "neck"),
    *((f"{side}_hip", f"{side}_knee", f"{side}_ankle") for side in _SIDES),
    *((f"{side}_shoulder", f"{side}_elbow", f"{side}_wrist") for side in _SIDES),
)
_BONES = [(JOINT_INDEX[a], JOINT_INDEX[b]) for chain in _CHAINS for a, b in zip(chain, chain[1:])]
"""Joints whose distances say how large a person is, and do not change with the pose."""
_LARGEST_OFFSET = 0.08
"""metres between the same joint's places in both skeletons."""


def _table() -> dict[str, int]:
    table = dict(_TRUNK)
    for side, (leg, arm, hand) in _SIDES.items():
        table |= {f"{side}_{part}": leg + step for part, step in _LEG.items()}
        table |= {f"{side}_{part}": arm + step for part, step in _ARM.items()}
        table |= {f"{side}_{finger}{n}": hand + step + n - 1 for finger, step in _FINGERS.items() for n in (1, 2, 3)}
    return table


RIG_JOINT = _table()
"""The rig's joint for each of ours but jaw and eyes."""
PLACES = [RIG_JOINT.get(name, RIG_JOINT["head"]) for name in JOINTS]
"""Where each of our joints is in the rig; jaw and eyes stay with the head."""
_TURNS = [
    _SIDES[name.partition("_")[0]][0] + _TURNING_ANKLE if name.endswith("_ankle") else place
    for name, place in zip(JOINTS, PLACES)
]


@dataclass(frozen=True)
class RestPose:
    """How our body in the mean shape takes the rig's rest pose."""

    rig_rotations: Float[Tensor, "127 3 3"]
    rotations: Float[Tensor, "55 3 3"]
    """Global rotations of our joints, from our rest pose on."""
    offsets: Float[Tensor, "22 3"]
    """metres from the rig's joints to ours for a person of our body's size, in the axes of rest."""
    sizes: Float[Tensor, ""]
    """metres: the sum of our body's distances between joints that say how large a person is."""

    @classmethod
    def of(cls, body: BodyModel, joints: Float[Tensor, "127 3"], rotations: Float[Tensor, "127 3 3"]) -> RestPose:
        """`joints` and `rotations` of the rig with its mean proportions, Y up and facing +Z."""
        rest, theirs = body.J_template, joints[PLACES].to(body.J_template)
        turned, placed = _taken(rest, theirs)
        own = _size(rest)
        scaled = theirs * (own / _size(theirs))
        offsets = placed - scaled
        offsets = (offsets - offsets[_LIMBS].mean(0))[:BODY_COUNT]
        offsets = offsets * (_LARGEST_OFFSET / offsets.norm(dim=-1, keepdim=True).clamp_min(_LARGEST_OFFSET))
        offsets[_LIMBS] = 0.0
        return cls(rotations.to(rest), turned, offsets, own)


@dataclass(frozen=True)
class Lifted:
    """N poses of people in the rig, as our body takes them. In the axes of the rig's joints' places; metres."""

    rotations: Float[Tensor, "N 55 3 3"]
    """Relative to the parent; the pelvis' into those axes."""
    joints: Float[Tensor, "N 22 3"]
    """Where our joints would be in a body of the person's own size."""
    sizes: Float[Tensor, " N"]
    """How large the person is, over our body in the mean shape."""


def lifted(joints: Float[Tensor, "N 127 3"], rotations: Float[Tensor, "N 127 3 3"], rest: RestPose) -> Lifted:
    """Our body's pose by the table. `rotations` are the joints' axes in the frame of `joints`, a half turn about x included."""
    change = (rotations @ rest.rig_rotations.mT)[:, _TURNS]
    world = share_rolls(change @ rest.rotations, joints[:, PLACES])
    parents = [max(parent, 0) for parent in PARENTS]
    local = world[:, parents].mT @ world
    local = torch.cat([world[:, :1], local[:, 1:]], 1)
    sizes = _size(joints[:, PLACES]) / rest.sizes
    body = change[:, :BODY_COUNT]
    ours = joints[:, PLACES[:BODY_COUNT]] + (body @ rest.offsets[..., None])[..., 0] * sizes[:, None, None]
    return Lifted(local, ours, sizes)


def share_rolls(world: Float[Tensor, "N 55 3 3"], joints: Float[Tensor, "N 55 3"]) -> Float[Tensor, "N 55 3 3"]:
    """The rig rolls hands in the wrist alone; our forearms take half of it."""
    world = world.clone()
    for side in _SIDES:
        elbow, wrist = (JOINT_INDEX[f"{side}_{part}"] for part in ("elbow", "wrist"))
        world[:, elbow] = share_roll(world[:, elbow], world[:, wrist], joints[:, wrist] - joints[:, elbow])
    return world


def _size(joints: Float[Tensor, "*batch J 3"]) -> Float[Tensor, "*batch"]:
    first, second = ([pair[end] for pair in _BONES] for end in (0, 1))
    return (joints[..., first, :] - joints[..., second, :]).norm(dim=-1).sum(-1)


def _taken(
    rest: Float[Tensor, "55 3"], wanted: Float[Tensor, "55 3"]
) -> tuple[Float[Tensor, "55 3 3"], Float[Tensor, "55 3"]]:
    """Global rotations and places of our joints when the limbs point as wanted, by the smallest turns from joint to joint."""
    children: list[list[int]] = [[] for _ in JOINTS]
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            children[parent].append(joint)
    eye = torch.eye(3).to(rest)
    turned, placed = [eye] * len(JOINTS), [rest[0]] * len(JOINTS)
    for joint, below in enumerate(children):
        parent = PARENTS[joint]
        if parent >= 0:
            placed[joint] = placed[parent] + turned[parent] @ (rest[joint] - rest[parent])
        before = eye if parent < 0 else turned[parent]
        if joint in _UPRIGHT:
            turned[joint] = eye
        elif not below:
            turned[joint] = before
        else:
            own, aim = (points[below] - points[joint] for points in (rest, wanted))
            turned[joint] = _aligned(own @ before.mT, aim) @ before
    return torch.stack(turned), torch.stack(placed)


def _aligned(own: Float[Tensor, "K 3"], aim: Float[Tensor, "K 3"]) -> Float[Tensor, "3 3"]:
    if len(own) == 1:
        return rotation_between_vectors(own[0], aim[0])
    return kabsch(normalize(own, dim=-1), normalize(aim, dim=-1))


def rest_parameters(scale_mean: Float[Tensor, " 68"]) -> Float[Tensor, "1 204"]:
    """The rig's parameters for its rest pose with mean proportions."""
    pose = scale_mean.new_zeros(PARAMETER_COUNT - len(scale_mean))
    return torch.cat([pose, scale_mean])[None]
