"""The records that benchmarks, methods and scores exchange: a clip with its ground truth and detections, and an estimate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from jaxtyping import Bool, Float, UInt8

from core.body.model import BodyModel
from core.contract.contact import Contact
from core.motion import Camera, PairMotion
from core.perception.detections import Detections
from core.reporting import Reporter

VISIBLE, OCCLUDED, TRUNCATED, UNKNOWN = 0, 1, 2, 3
"""Visibility of a joint: visible (or occluded by the person's own body only), occluded by the other person, outside the image,
or not in the ground truth."""


@dataclass(frozen=True)
class GroundTruth:
    """P = 2 people, T frames of the clip. World: metres, Z up, floor at z = 0.

    Public datasets have less, see `has_meshes`; without contacts and foot contacts, those are unknown.
    """

    motion: PairMotion
    """In the world."""
    bodies: tuple[BodyModel, BodyModel]
    """Each person's body: the same for both, or held-out bodies outside the shape space of the body that methods fit."""
    joints: Float[np.ndarray, "P T 55 3"]
    """float32, world; NaN where they are unknown (fingers and face, frames without annotation)."""
    foot_contact: Bool[np.ndarray, "P T 2"]
    """Whether the left and the right foot stand still on the floor."""
    contacts: tuple[Contact, ...]
    """Frames are those of `Detections.frame_index`."""
    camera: Camera
    visibility: UInt8[np.ndarray, "P T 22"]
    """VISIBLE, OCCLUDED, TRUNCATED or UNKNOWN."""
    has_meshes: bool = True
    """Whether `motion` and `bodies` are known. If not, `motion` is NaN, `bodies` are the default body, and only metrics of joints
    are defined."""


@dataclass(frozen=True)
class BenchmarkClip:
    """One clip of a benchmark."""

    name: str
    family: str
    """Its kind of interaction."""
    truth: GroundTruth
    detections: Detections
    """Of the 2D networks, or simulated. Person p is person p of the ground truth, unless the networks confuse the two."""
    sentences: tuple[str, ...]
    """Descriptions of the interaction; the first one is the prompt."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """By stage, of the stages that made the detections; empty for simulated ones."""
    video: Path | None = None
    """None for simulated detections."""


@dataclass(frozen=True)
class Estimate:
    """A method's result for the frames of the detections, in a world of its own (metres, Z up)."""

    motion: PairMotion
    camera: Camera
    contacts: tuple[Contact, ...]
    seconds: Mapping[str, float]
    """By stage."""


class Method(Protocol):
    """A row of the benchmark: from detections to motion. Deterministic for a seed. `prompt` is the clip's sentence, or empty."""

    def __call__(
        self, detections: Detections, body: BodyModel, *, prompt: str, seed: int, reporter: Reporter
    ) -> Estimate: ...
