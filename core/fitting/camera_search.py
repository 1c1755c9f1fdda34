"""Searches for the cameras that agree with a clip, for one focal length: from a grid of verticals, and from people alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from .adam import Adam
from .camera import KnownCamera, focal_of_fov
from .camera_evidence import CameraEvidence, EvidenceSettings, Hypotheses, up_incam

_STEPS = 60
_GRID_SIGMA = 0.05
"""radians that lines may be off on the grid, whose steps are wider than lines are accurate."""
_MOST_CELLS = 4
"""Cells of the grid that the search starts from."""
_SAME_ANGLE, _SAME_FOCAL = math.radians(4), 1.12
"""Pitch and roll together in radians, and the ratio of focal lengths, up to which two hypotheses are one."""


@dataclass(frozen=True)
class CameraHypothesis:
    """One camera that may have filmed the clip."""

    pitch: float
    """radians"""
    roll: float
    """radians"""
    height: float
    """metres"""
    focal: float
    """px"""
    nats: float
    """How much it costs; only differences to others of the same clip mean anything."""


def refined_hypotheses(
    evidence: Sequence[CameraEvidence], focals: Sequence[float], known: KnownCamera, settings: EvidenceSettings
) -> list[CameraHypothesis]:
    """Local optima for some focal lengths in px, each with its evidence; found all at once, cheapest first."""
    starts, heights, counts = [], [], []
    for each in evidence:
        here = torch.tensor([*_on_a_grid(each, known, settings), *_from_people(each, known)])
        starts.append(here)
        heights.append(_standing_height(each, here[:, 0], here[:, 1]))
        counts.append(len(here))
    pitch, roll, azimuth = torch.cat(starts).unbind(1)
    height = torch.cat(heights) if known.height is None else torch.full_like(pitch, known.height)
    everything = CameraEvidence.of_each(evidence, counts)
    count, people = len(pitch), everything.pelvis.shape[1]
    variables = torch.zeros(count, 5 + people)
    variables[:, 0], variables[:, 1], variables[:, 3] = pitch, roll, azimuth
    variables[:, 2] = height.clamp(0.1, 20).log()
    free = torch.tensor([known.pitch is None, known.roll is None, known.height is None, True, True, *[True] * people])
    variables.requires_grad_(True)
    optimizer = Adam([(variables, 1.0)], betas=(0.8, 0.95))
    best = torch.full((count,), math.inf)
    found = variables.detach().clone()
    for step in range(_STEPS):
        optimizer.zero_grad()
        nats = everything.nats(_hypotheses(variables), settings)
        nats.sum().backward()
        with torch.no_grad():
            better = nats < best
            best = torch.where(better, nats, best)
            found = torch.where(better[:, None], variables, found)
            if variables.grad is not None:
                variables.grad *= free
        optimizer.step(0.02 * (0.05 + 0.95 * (1 - step / _STEPS)))
    made = [
        CameraHypothesis(float(row[0]), float(row[1]), float(row[2].exp()), focal, float(cost))
        for row, cost, focal in zip(found, best, np.repeat(focals, counts).tolist())
    ]
    return sorted(made, key=lambda each: each.nats)


def distinct(hypotheses: Sequence[CameraHypothesis]) -> list[CameraHypothesis]:
    """The cheapest of each group of hypotheses that hardly differ, cheapest first."""
    kept: list[CameraHypothesis] = []
    for each in sorted(hypotheses, key=lambda each: each.nats):
        if not any(
            math.hypot(each.pitch - other.pitch, each.roll - other.roll) < _SAME_ANGLE
            and abs(math.log(each.focal / other.focal)) < math.log(_SAME_FOCAL)
            for other in kept
        ):
            kept.append(each)
    return kept


def _hypotheses(variables: Float[Tensor, "H V"]) -> Hypotheses:
    pitch, roll, log_height, azimuth, tilt = variables[:, :5].unbind(1)
    return Hypotheses(pitch, roll, log_height, tilt, variables[:, 5:], azimuth)


def _on_a_grid(
    evidence: CameraEvidence, known: KnownCamera, settings: EvidenceSettings
) -> list[tuple[float, float, float]]:
    """Pitch, roll and azimuth of the cheapest cells of a grid by lines, trunks and balance, far enough from each other."""
    pitches = (
        torch.arange(-50, 71, 5) * math.pi / 180 if known.pitch is None else torch.tensor([math.radians(known.pitch)])
    )
    rolls = torch.arange(-44, 45, 4) * math.pi / 180 if known.roll is None else torch.tensor([math.radians(known.roll)])
    azimuths = torch.arange(0, 90, 5) * math.pi / 180
    wide = replace(settings, line_sigma=_GRID_SIGMA)
    pitch, roll = (each.flatten() for each in torch.meshgrid(pitches, rolls, indexing="ij"))
    zero = torch.zeros_like(pitch)
    height = torch.full_like(pitch, math.log(settings.height_mean))
    flat = Hypotheses(pitch, roll, height, zero, zero[:, None].expand(-1, evidence.pelvis.shape[1]), zero)
    with torch.no_grad():
        people = evidence.people(flat, settings)
        every = azimuths.repeat(len(pitch))
        of_lines = evidence.lines(flat.up.repeat_interleave(len(azimuths), 0), every, wide).view(len(pitch), -1)
        nats, best = (people[:, None] + of_lines).min(1)
    found: list[tuple[float, float, float]] = []
    for cell in nats.argsort().tolist():
        here = (float(pitch[cell]), float(roll[cell]), float(azimuths[best[cell]]))
        if all(math.hypot(here[0] - other[0], here[1] - other[1]) > math.radians(9) for other in found):
            found.append(here)
        if len(found) == _MOST_CELLS:
            break
    return found


def _from_people(evidence: CameraEvidence, known: KnownCamera) -> list[tuple[float, float, float]]:
    """The vertical of the trunks, the same without roll, and a level camera, each with what the user knows."""
    up = evidence.trunks.flatten(0, 2).median(0).values
    up = up / up.norm().clamp_min(1e-6)
    pitch, roll = -math.asin(float(up[2].clamp(-1, 1))), math.atan2(-float(up[0]), -float(up[1]))
    starts = []
    for p, r in ((pitch, roll), (pitch, 0.0), (0.0, 0.0)):
        p = p if known.pitch is None else math.radians(known.pitch)
        r = r if known.roll is None else math.radians(known.roll)
        starts += [(p, r, azimuth) for azimuth in (0.0, math.pi / 4)]
    return starts


def _standing_height(evidence: CameraEvidence, pitch: Tensor, roll: Tensor) -> Float[Tensor, " H"]:
    """The mean height of cameras with these rotations over the standing soles, metres."""
    below = -torch.einsum("ptfi,hi->hptf", evidence.soles[0], up_incam(pitch, roll))
    weight = evidence.standing + 1e-4
    return (below * weight).sum((1, 2, 3)) / weight.sum()


def focal_lengths(image_size: Sequence[int], known: KnownCamera) -> np.ndarray:
    """Focal lengths in px to try: the user's, or from a wide-angle to a short telephoto lens."""
    width, height = image_size
    if known.fov is not None:
        return np.array([focal_of_fov(known.fov, width)])
    return math.hypot(width, height) * np.geomspace(0.62, 1.5, 6)
