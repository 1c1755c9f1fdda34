"""Masks evidence for training, as people occlude each other: of a limb, half a body or a whole person, for some frames.

Masked joints lose their evidence in the features, and the reference motion there becomes what it is where nothing is observed:
interpolated from the frames around. Shapes: B windows, P = 2 people, T frames.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from core.body.model import BodyModel, forward_kinematics, rest_joints
from core.body.rotations import axis_angle_to_matrix, matrix_to_rotation_6d, rotation_6d_to_matrix
from core.contract.skeleton import BODY_JOINTS
from core.fitting.limits import relaxed_pose
from core.motion import BODY_COUNT
from core.observations.features import EVIDENCE_COLUMNS, NODE_COLUMNS, PERSON_COLUMNS, reference_motion_features
from core.representation.residual import PoseState

_LIMBS = {
    "arm": ("collar", "shoulder", "elbow", "wrist"),
    "forearm": ("elbow", "wrist"),
    "leg": ("hip", "knee", "ankle", "foot"),
    "shin": ("knee", "ankle", "foot"),
}


@dataclass(frozen=True)
class MaskedFeatures:
    """The inputs of a model for a batch of windows, see `observations.features.Features`."""

    nodes: Float[Tensor, "B P T 22 F"]
    people: Float[Tensor, "B P T G"]
    confidence: Float[Tensor, "B P T 22"]
    reference: PoseState


@dataclass(frozen=True)
class MaskSettings:
    """How masks are drawn, for each person of a window. Without one of the three kinds, nothing is masked."""

    limb: float = 0.25
    """Probability that a limb is masked."""
    half: float = 0.1
    """Probability that the left, right, upper or lower half of the body is masked."""
    whole: float = 0.1
    """Probability that the whole person is masked."""
    whole_window: float = 0.2
    """Part of the masks that last for the whole window."""
    min_frames: int = 6


def draw_masks(
    shape: tuple[int, int, int], settings: MaskSettings, generator: torch.Generator
) -> Bool[Tensor, "B P T 22"]:
    """Draw the masked joints of windows of a shape (B, P, T), independently for each person."""
    device = generator.device
    sets, probabilities = _joint_sets(settings)
    people, frames = shape[:2], shape[2]
    count = people[0] * people[1]
    kind = torch.multinomial(probabilities.to(device), count, replacement=True, generator=generator).reshape(people)

    def uniform() -> Tensor:
        return torch.rand(people, generator=generator, device=device)

    shortest = min(settings.min_frames, frames)
    length = shortest + (uniform() * (frames - shortest + 1)).floor()
    length = torch.where(uniform() < settings.whole_window, torch.full_like(length, frames), length)
    start = (uniform() * (frames - length + 1)).floor()
    time = torch.arange(frames, device=device)
    inside = (time >= start[..., None]) & (time < (start + length)[..., None])
    return sets.to(device)[kind][:, :, None] & inside[..., None]


def mask_features(features: MaskedFeatures, masked: Bool[Tensor, "B P T 22"], body: BodyModel) -> MaskedFeatures:
    """The features as if the masked joints had not been observed."""
    rotations = interpolate_masked(features.reference.rotations, masked)
    reference = replace(features.reference, rotations=rotations)
    rest = rest_joints(body, reference.betas)[..., None, :BODY_COUNT, :]
    joints, global_rotations = forward_kinematics(rotations, rest, reference.pelvis)
    nodes = without_evidence(features.nodes, masked)
    for name, values in reference_motion_features(joints, global_rotations, joints.flip(1)).items():
        nodes[..., NODE_COLUMNS[name]] = values
    any_masked = masked.any((1, 2, 3))[:, None, None, None, None]
    nodes = torch.where(any_masked, nodes, features.nodes)
    return MaskedFeatures(nodes, _mask_people(features.people, masked), features.confidence * ~masked, reference)


def without_evidence(nodes: Float[Tensor, "*b 22 F"], hidden: Bool[Tensor, "*b 22"]) -> Float[Tensor, "*b 22 F"]:
    """Features of joints as if those that are `hidden` had not been observed; the reference motion's features stay."""
    columns = torch.zeros(nodes.shape[-1], dtype=torch.bool, device=nodes.device)
    columns[list(EVIDENCE_COLUMNS)] = True
    return nodes.masked_fill(hidden[..., None] & columns, 0)


def interpolate_masked(
    rotations: Float[Tensor, "B P T 22 3 3"], masked: Bool[Tensor, "B P T 22"]
) -> Float[Tensor, "B P T 22 3 3"]:
    """Interpolate masked rotations between the frames before and after.

    A joint that is masked in all frames gets its relaxed rotation; the pelvis keeps that of the middle frame.
    """
    frames = masked.shape[2]
    time = torch.arange(frames, device=masked.device)[:, None].expand(masked.shape)
    before = torch.where(masked, torch.full_like(time, -1), time).cummax(2).values
    after = torch.where(masked, torch.full_like(time, frames), time).flip(2).cummin(2).values.flip(2)
    always = (before < 0) & (after >= frames)
    first = torch.where(before < 0, after, before).masked_fill(always, frames // 2)
    second = torch.where(after >= frames, before, after).masked_fill(always, frames // 2)
    weight = (time - first) / (second - first).clamp_min(1)
    rotations_6d = matrix_to_rotation_6d(rotations)

    def at(index: Tensor) -> Tensor:
        return rotations_6d.gather(2, index[..., None].expand(*index.shape, 6))

    interpolated = rotation_6d_to_matrix(at(first).lerp(at(second), weight[..., None].to(rotations_6d)))
    relaxed = rotations[:, :, frames // 2 : frames // 2 + 1].clone()
    relaxed[..., 1:, :, :] = axis_angle_to_matrix(relaxed_pose().to(rotations))
    interpolated = torch.where(always[..., None, None], relaxed, interpolated)
    return torch.where(masked[..., None, None], interpolated, rotations)


def _mask_people(people: Float[Tensor, "B P T G"], masked: Bool[Tensor, "B P T 22"]) -> Float[Tensor, "B P T G"]:
    """Person features without the evidence of masked people or feet."""
    people = people.clone()
    observed = 1 - masked.float().mean(-1, keepdim=True)
    people[..., PERSON_COLUMNS["confidence"]] *= observed
    for name in ("found", "size"):
        people[..., PERSON_COLUMNS[name]] *= observed > 0
    ankles = [BODY_JOINTS.index(f"{side}_ankle") for side in ("left", "right")]
    people[..., PERSON_COLUMNS["floor_depth"]] *= ~masked[..., ankles]
    return people


@lru_cache(maxsize=4)
def _joint_sets(settings: MaskSettings) -> tuple[Bool[Tensor, "K 22"], Float[Tensor, " K"]]:
    """Sets of joints that are masked together, and the probability of each; the first set is empty."""
    sides = ("left", "right")
    kinds: list[tuple[float, list[set[str]]]] = [
        (settings.limb, [{f"{side}_{name}" for name in names} for side in sides for names in _LIMBS.values()]),
        (settings.half, _halves()),
        (settings.whole, [set(BODY_JOINTS)]),
    ]
    rows: list[set[str]] = [set()]
    probabilities = [1 - sum(probability for probability, _ in kinds)]
    for probability, sets in kinds:
        rows += sets
        probabilities += [probability / len(sets)] * len(sets)
    return torch.tensor([[name in row for name in BODY_JOINTS] for row in rows]), torch.tensor(probabilities)


def _halves() -> list[set[str]]:
    legs = {f"{side}_{name}" for side in ("left", "right") for name in _LIMBS["leg"]}
    upper = set(BODY_JOINTS) - legs - {"pelvis"}
    sides = [{name for name in BODY_JOINTS if name.startswith(side)} for side in ("left", "right")]
    return [*sides, upper, legs]
