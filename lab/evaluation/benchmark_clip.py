"""What a benchmark hands to a method, and what it gets back: plain data between generators, methods and scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from core.body.model import BodyModel
from core.contract.contact import Contact
from core.motion import Camera, PairMotion
from core.perception.detections import Detections
from core.reporting import Reporter

VISIBLE, OCCLUDED, TRUNCATED, UNKNOWN = 0, 1, 2, 3
"""Visibility of a joint: the camera sees it (or its own body hides it), the other person hides it, it is out of the picture,
or the data do not say."""


@dataclass(frozen=True)
class GroundTruth:
    """What happened. P = 2 people, T frames. World: metres, Z up, floor at z = 0.

    Public data say less: see `surfaces`; no contacts and no planted feet then mean that they are not known.
    """

    motion: PairMotion
    bodies: tuple[BodyModel, BodyModel]
    """Each person's body: the same for both, or bodies outside the shape space of the one that methods fit."""
    joints: np.ndarray
    """float32 [P,T,55,3]; NaN where the data do not say (fingers and face, frames without annotation)."""
    foot_contact: np.ndarray
    """bool [P,T,2] left and right foot stand still."""
    contacts: tuple[Contact, ...]
    """Frames as in `Tracks.frame_index`."""
    camera: Camera
    visibility: np.ndarray
    """uint8 [P,T,22] SEEN, HIDDEN, OUTSIDE or UNKNOWN."""
    has_meshes: bool = True
    """Whether `motion` and `bodies` are known. Where not, `motion` is NaN, `bodies` are the default body, and `joints` are all
    there is: no measure of vertices, of contacts or of penetration in truth's sense."""


@dataclass(frozen=True)
class BenchmarkClip:
    """One clip of a benchmark."""

    name: str
    family: str
    truth: GroundTruth
    detections: Detections
    """What the 2D stage saw, or a model of it. Person p is truth's person p, unless the 2D stage mixed them up."""
    sentences: tuple[str, ...]
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Per stage, of those that made the tracks; empty where no such stage ran."""
    video: Path | None = None
    """What the tracks were seen in; None for a clip without pixels."""


@dataclass(frozen=True)
class Estimate:
    """What a method says happened, in its own world (metres, Z up), of the frames of the tracks."""

    motion: PairMotion
    camera: Camera
    contacts: tuple[Contact, ...]
    seconds: Mapping[str, float]
    """Per stage."""


class Method(Protocol):
    """A row of the benchmark: tracks in, motion out. Deterministic for a seed. `prompt` is the clip's sentence, or empty."""

    def __call__(
        self, detections: Detections, body: BodyModel, *, prompt: str, seed: int, reporter: Reporter
    ) -> Estimate: ...
