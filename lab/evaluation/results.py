"""What a run of a benchmark found: numbers by clip, and the rows of the table that they add up to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

UNITS = {
    "mpjpe": "mm", "pa_mpjpe": "mm", "mpvpe": "mm", "int": "mm", "pair_pa_mpjpe": "mm", "re": "mm",
    "contact_distance": "mm", "contact_f1": "", "penetration_mean": "mm", "penetration_max": "mm",
    "accel": "mm/frame²", "foot_slide": "mm/frame", "jitter": "m/s³",
    "mpjpe_seen": "mm", "mpjpe_hidden": "mm", "mpjpe_outside": "mm",
    "reprojection": "px", "reprojection_share": "% of height",
}  # fmt: skip
"""Every measure of METHOD's table by its key in the report. Lower is better, but for HIGHER_IS_BETTER."""
HIGHER_IS_BETTER = ("contact_f1",)

DataKind = Literal["choreographed", "rendered", "real", "public"]


@dataclass(frozen=True)
class ClipResult:
    """One method on one clip. A measure that means nothing there (no joint hidden, no contact) is left out of `metrics`."""

    clip: str
    family: str
    method: str
    frames: int
    metrics: Mapping[str, float]
    counts: Mapping[str, int]
    """How many joint-frames stand behind `mpjpe_seen`, `mpjpe_hidden` and `mpjpe_outside`: their weight in means."""
    hidden_share: float
    """Of all joints in all frames, the share that the other person hides."""
    contact_share: float
    """Of all frames, the share in which the two touch."""
    seconds: Mapping[str, float]
    """Per stage."""


@dataclass(frozen=True)
class Row:
    """One method over all clips."""

    method: str
    metrics: Mapping[str, float]
    by_family: Mapping[str, Mapping[str, float]]
    seconds_per_frame: Mapping[str, float]


@dataclass(frozen=True)
class Report:
    benchmark: str
    split: str
    seed: int
    data: DataKind
    rows: tuple[Row, ...]
    clips: tuple[ClipResult, ...]
    notes: tuple[str, ...]
    """What a reader has to know: where the data is from, what a measure means, what failed."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def rows_of(clips: Iterable[ClipResult]) -> tuple[Row, ...]:
    """The table: means over clips, methods in the order in which they first appear."""
    by_method: dict[str, list[ClipResult]] = {}
    for clip in clips:
        by_method.setdefault(clip.method, []).append(clip)
    return tuple(_row(method, results) for method, results in by_method.items())


def means(clips: Sequence[ClipResult]) -> dict[str, float]:
    """Mean of each measure over the clips that have it. Errors by visibility weigh by their joints; the deepest stays."""
    found: dict[str, float] = {}
    for name in UNITS:
        having = [clip for clip in clips if name in clip.metrics]
        if having:
            values = np.array([clip.metrics[name] for clip in having])
            weights = np.array([float(clip.counts.get(name, 1)) for clip in having])
            found[name] = float(values.max() if name == "penetration_max" else np.average(values, weights=weights))
    return found


def _row(method: str, clips: Sequence[ClipResult]) -> Row:
    families = sorted({clip.family for clip in clips})
    frames = sum(clip.frames for clip in clips)
    stages = dict.fromkeys(stage for clip in clips for stage in clip.seconds)
    return Row(
        method,
        means(clips),
        {family: means([clip for clip in clips if clip.family == family]) for family in families},
        {stage: sum(clip.seconds.get(stage, 0.0) for clip in clips) / frames for stage in stages},
    )
