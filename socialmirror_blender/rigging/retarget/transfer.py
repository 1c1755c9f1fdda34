"""A person's motion on another character's joints: rotations through the aligned rest poses, hips by the length of the legs.

T frames, J = 55 joints. All positions are in the world, metres.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .feet import Plants, settle_feet
from .rest import RestCharacter, align_rests

_SAME_SIZE = (0.7, 1.4)
"""Ratios of size within which a character keeps the places of the reconstructed people on the floor."""


@dataclass(frozen=True)
class SourceMotion:
    """A reconstructed person."""

    rest: RestCharacter
    rotations: np.ndarray
    """[T,J,3,3] of the joints from the rest pose, in canonical axes, to the world."""
    positions: np.ndarray
    """[T,J,3]"""


@dataclass(frozen=True)
class Performer:
    """A target character with the motion that it got, before anything is solved."""

    rest: RestCharacter
    source_rotations: np.ndarray
    """[T,J,3,3] of the source."""
    rotations: np.ndarray
    """[T,J,3,3] from the target's rest pose, in canonical axes, to the world."""
    hip_centre: np.ndarray
    """[T,3]"""
    alignment: np.ndarray
    """[J,3,3] of `align_rests`."""
    plants: Plants


def make_performer(source: SourceMotion, target: RestCharacter, plants: Plants, floor_scale: float) -> Performer:
    """`floor_scale` is the factor for places on the floor about the world's origin, one for both people."""
    alignment = align_rests(target, source.rest)
    centre = source.positions[:, 1:3].mean(1)
    ratio = target.hip_centre[2] / source.rest.hip_centre[2]
    return Performer(
        target,
        source.rotations,
        settle_feet(source.rotations @ alignment, plants),
        centre * (floor_scale, floor_scale, ratio),
        alignment,
        plants,
    )


def common_floor_scale(sources: Sequence[SourceMotion], targets: Sequence[RestCharacter | None]) -> float:
    """The factor by which distances on the floor are scaled, one for both people so that they still meet.

    It is 1 for characters of about human size, and if one of the people is not retargeted; else the geometric mean of their sizes
    relative to the people's.
    """
    if any(target is None for target in targets):
        return 1.0
    ratios = [target.size / source.rest.size for source, target in zip(sources, targets) if target is not None]
    scale = float(np.exp(np.log(ratios).mean()))
    return 1.0 if _SAME_SIZE[0] <= scale <= _SAME_SIZE[1] else scale


def forward_kinematics(rest: RestCharacter, rotations: np.ndarray, hip_centre: np.ndarray) -> np.ndarray:
    """Positions [T,J,3] of the joints from their rotations to the world [T,J,3,3] and the middle of the hips [T,3]."""
    offsets = rest.heads - rest.heads[np.maximum(rest.parents, 0)]
    positions = np.empty((len(rotations), len(rest.heads), 3))
    positions[:, 0] = hip_centre + rotations[:, 0] @ (rest.heads[0] - rest.hip_centre)
    for joint in range(1, len(rest.heads)):
        parent = rest.parents[joint]
        positions[:, joint] = positions[:, parent] + rotations[:, parent] @ offsets[joint]
    return positions
