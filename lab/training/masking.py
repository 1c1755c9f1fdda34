"""Hiding more of what was seen, for training: a limb, half a body or a whole person, for a while, as people hide each other.

What is hidden is taken from the features, and the first motion there becomes what a first motion is where nothing is seen:
carried over from the frames around. B windows, P = 2 people, T frames.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor

from core.body.model import BodyModel, forward_kinematics, rest_joints
from core.body.rotations import axis_angle_to_matrix, matrix_to_rotation_6d, rotation_6d_to_matrix
from core.contract.skeleton import BODY_JOINTS
from core.fitting.limits import relaxed_pose
from core.motion import BODY_COUNT
from core.observations.features import NODE_COLUMNS, PERSON_COLUMNS, reference_motion_features, without_evidence
from core.representation.residual import PoseState

_SHORTEST = 6
"""Frames of the shortest stretch that is hidden."""
_ALWAYS = 0.2
"""Share of the masks that last for the whole window."""
_LIMBS = {
    "arm": ("collar", "shoulder", "elbow", "wrist"),
    "forearm": ("elbow", "wrist"),
    "leg": ("hip", "knee", "ankle", "foot"),
    "shin": ("knee", "ankle", "foot"),
}


@dataclass(frozen=True)
class MaskedFeatures:
    """What a model gets of a batch of windows, see `representation.observed.Observed`."""

    nodes: Tensor
    """[B,P,T,22,F]"""
    people: Tensor
    """[B,P,T,G]"""
    confidence: Tensor
    """[B,P,T,22]"""
    reference: PoseState


@dataclass(frozen=True)
class MaskRates:
    """How often each kind of mask falls on a person, in 0-1; the rest of the time nothing is hidden."""

    limb: float = 0.25
    half: float = 0.1
    whole: float = 0.1


def draw_masks(shape: tuple[int, int, int], rates: MaskRates, generator: torch.Generator) -> Tensor:
    """bool [B,P,T,22] for a shape (B, P, T): what is hidden, drawn anew for each person."""
    device = generator.device
    sets, chances = _joint_sets(rates)
    people, frames = shape[:2], shape[2]
    kind = torch.multinomial(chances.to(device), people[0] * people[1], replacement=True, generator=generator).reshape(
        people
    )

    def uniform() -> Tensor:
        return torch.rand(people, generator=generator, device=device)

    shortest = min(_SHORTEST, frames)
    length = shortest + (uniform() * (frames - shortest + 1)).floor()
    length = torch.where(uniform() < _ALWAYS, torch.full_like(length, frames), length)
    start = (uniform() * (frames - length + 1)).floor()
    time = torch.arange(frames, device=device)
    inside = (time >= start[..., None]) & (time < (start + length)[..., None])
    return sets.to(device)[kind][:, :, None] & inside[..., None]


def hide(what: MaskedFeatures, hidden: Tensor, body: BodyModel) -> MaskedFeatures:
    """The same as if nothing had been seen where `hidden` [B,P,T,22]."""
    base = replace(what.reference, rotations=carried_over(what.reference.rotations, hidden))
    rest = rest_joints(body, base.betas)[..., None, :BODY_COUNT, :]
    joints, world = forward_kinematics(base.rotations, rest, base.pelvis)
    nodes = without_evidence(what.nodes, hidden)
    for name, values in reference_motion_features(joints, world, joints.flip(1)).items():
        nodes[..., NODE_COLUMNS[name]] = values
    nodes = torch.where(hidden.any((1, 2, 3))[:, None, None, None, None], nodes, what.nodes)
    return MaskedFeatures(nodes, _people_unseen(what.people, hidden), what.confidence * ~hidden, base)


def carried_over(rotations: Tensor, hidden: Tensor) -> Tensor:
    """Rotations [B,P,T,22,3,3] with those that are `hidden` [B,P,T,22] between their neighbours in time that are not.

    Joints that are hidden all the time are at ease, the pelvis as it was in the middle.
    """
    frames = hidden.shape[2]
    time = torch.arange(frames, device=hidden.device)[:, None].expand(hidden.shape)
    before = torch.where(hidden, torch.full_like(time, -1), time).cummax(2).values
    after = torch.where(hidden, torch.full_like(time, frames), time).flip(2).cummin(2).values.flip(2)
    nowhere = (before < 0) & (after >= frames)
    first = torch.where(before < 0, after, before).masked_fill(nowhere, frames // 2)
    second = torch.where(after >= frames, before, after).masked_fill(nowhere, frames // 2)
    share = (time - first) / (second - first).clamp_min(1)
    six = matrix_to_rotation_6d(rotations)

    def at(index: Tensor) -> Tensor:
        return six.gather(2, index[..., None].expand(*index.shape, 6))

    mixed = rotation_6d_to_matrix(at(first).lerp(at(second), share[..., None].to(six)))
    at_ease = rotations[:, :, frames // 2 : frames // 2 + 1].clone()
    at_ease[..., 1:, :, :] = axis_angle_to_matrix(relaxed_pose().to(rotations))
    mixed = torch.where(nowhere[..., None, None], at_ease, mixed)
    return torch.where(hidden[..., None, None], mixed, rotations)


def _people_unseen(people: Tensor, hidden: Tensor) -> Tensor:
    """[B,P,T,G] without what was seen of people who are hidden, or of their feet."""
    people = people.clone()
    left = 1 - hidden.float().mean(-1, keepdim=True)
    people[..., PERSON_COLUMNS["confidence"]] *= left
    for name in ("found", "size"):
        people[..., PERSON_COLUMNS[name]] *= left > 0
    ankles = [BODY_JOINTS.index(f"{side}_ankle") for side in ("left", "right")]
    people[..., PERSON_COLUMNS["floor_depth"]] *= ~hidden[..., ankles]
    return people


@lru_cache(maxsize=4)
def _joint_sets(rates: MaskRates) -> tuple[Tensor, Tensor]:
    """Sets of joints bool [K,22] that are hidden together, and how often each is [K]; the first is empty."""
    kinds: list[tuple[float, list[set[str]]]] = [
        (rates.limb, [{f"{side}_{name}" for name in names} for side in ("left", "right") for names in _LIMBS.values()]),
        (rates.half, _halves()),
        (rates.whole, [set(BODY_JOINTS)]),
    ]
    rows: list[set[str]] = [set()]
    chances = [1 - sum(rate for rate, _ in kinds)]
    for rate, sets in kinds:
        rows += sets
        chances += [rate / len(sets)] * len(sets)
    table = torch.tensor([[name in row for name in BODY_JOINTS] for row in rows])
    return table, torch.tensor(chances)


def _halves() -> list[set[str]]:
    legs = {f"{side}_{name}" for side in ("left", "right") for name in _LIMBS["leg"]}
    upper = set(BODY_JOINTS) - legs - {"pelvis"}
    sides = [{name for name in BODY_JOINTS if name.startswith(side)} for side in ("left", "right")]
    return [*sides, upper, legs]
