"""The results of a benchmark: metrics of every method on every clip, and the rows of the report that they are averaged to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

UNITS = {
    "mpjpe": "mm", "pa_mpjpe": "mm", "mpvpe": "mm", "int": "mm", "pair_pa_mpjpe": "mm", "re": "mm",
    "contact_distance": "mm", "contact_f1": "", "contact_f1_parts": "", "wrong_contacts": "", "touches": "",
    "penetration_mean": "mm", "penetration_max": "mm",
    "accel": "mm/frame²", "foot_slide": "mm/frame", "jitter": "m/s³",
    "mpjpe_seen": "mm", "mpjpe_hidden": "mm", "mpjpe_outside": "mm",
    "reprojection": "px", "reprojection_share": "% of height",
    "mpjpe_openpose": "mm", "pa_mpjpe_openpose": "mm",
    "pitch_error": "°", "roll_error": "°", "focal_error": "%",
}  # fmt: skip
"""Every metric by its key in the report. Lower is better, except for HIGHER_IS_BETTER; `touches` only counts."""
HIGHER_IS_BETTER = ("contact_f1", "contact_f1_parts")

DataKind = Literal["choreographed", "rendered", "real", "public"]


@dataclass(frozen=True)
class ClipResult:
    """One method on one clip. A metric that is not defined there (no joint occluded, no contact) is missing in `metrics`."""

    clip: str
    family: str
    method: str
    frames: int
    metrics: Mapping[str, float]
    counts: Mapping[str, int]
    """Joints over all frames behind `mpjpe_seen`, `mpjpe_hidden` and `mpjpe_outside`: their weights in means."""
    hidden_share: float
    """Share of joints, over all frames, that the other person occludes."""
    contact_share: float
    """Share of frames with contact."""
    seconds: Mapping[str, float]
    """By stage."""


@dataclass(frozen=True)
class Row:
    """One method over all clips."""

    method: str
    metrics: Mapping[str, float]
    by_family: Mapping[str, Mapping[str, float]]
    seconds_per_frame: Mapping[str, float]
    """By stage."""


@dataclass(frozen=True)
class Report:
    """REPORT.json."""

    benchmark: str
    split: str
    seed: int
    data: DataKind
    rows: tuple[Row, ...]
    clips: tuple[ClipResult, ...]
    notes: tuple[str, ...]
    """What a reader has to know: where the data comes from, what a metric means, what failed."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def make_rows(clips: Iterable[ClipResult]) -> tuple[Row, ...]:
    """Means over clips for each method, in the order in which methods first appear."""
    by_method: dict[str, list[ClipResult]] = {}
    for clip in clips:
        by_method.setdefault(clip.method, []).append(clip)
    return tuple(_row(method, results) for method, results in by_method.items())


def mean_metrics(clips: Sequence[ClipResult]) -> dict[str, float]:
    """Mean of each metric over the clips that have it. Errors by visibility are weighted by joints; of the deepest penetration
    it is the maximum."""
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
        mean_metrics(clips),
        {family: mean_metrics([clip for clip in clips if clip.family == family]) for family in families},
        {stage: sum(clip.seconds.get(stage, 0.0) for clip in clips) / frames for stage in stages},
    )
