"""Runs the 2D stage on rendered clips and makes a table of its errors: `python -m lab measure-2d`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from core.body.files import load_body
from core.clip import probe
from core.contract.errors import UserError
from core.perception.detections import Detections
from core.perception.everyone import assemble
from core.perception.perceive import detect_people
from core.reporting import SilentReporter

from ..choreography.splits import unseen_families
from .benchmark_clip import OCCLUDED, VISIBLE
from .detection_noise.geometry import landmarks_about_hips
from .everyone import find_everyone
from .occlusion.projection import ProjectedClip, project_clip
from .rendered import RenderedClip, load_rendered
from .tracking_errors import MILLIMETRES, PERCENT, TrackingErrors, scores, tracking_errors


def measure_2d(folder: Path, only: Sequence[str] | None, device: torch.device, *, alone: bool = False) -> str:
    """The table, in Markdown. UserError of `load_rendered`, or `no-rendered-clips` where none of the clips is wanted."""
    clips = [clip for clip in load_rendered(folder, load_body(None)) if only is None or clip.name in only]
    clips = [clip for clip in clips if clip.alone or not alone]
    if not clips:
        raise UserError(
            "no-rendered-clips", f"{folder} holds none of these clips.", "Give names of clips in the folder."
        )
    lines = [
        f"| | {' | '.join((*PERCENT, *MILLIMETRES, 's a frame'))} |",
        "|---" * (len(PERCENT + MILLIMETRES) + 2) + "|",
    ]
    results: list[tuple[RenderedClip, TrackingErrors, float]] = []
    for clip in clips:
        found, seconds = _detect_alone(clip, device) if alone else _detect(clip, device)
        result = _measured(clip, found, alone=alone)
        results.append((clip, result, seconds))
        lines.append(_line(clip.name + ("" if found is not None else " (refused)"), [result], seconds))
    unseen = unseen_families()
    groups = {
        "learned families": [each for each in results if each[0].family not in unseen],
        "unseen families": [each for each in results if each[0].family in unseen],
        "all": results,
    }
    for name, group in groups.items():
        if group:
            seconds = float(np.mean([each[2] for each in group]))
            lines.append(_line(f"**{name}**, {len(group)} clips", [each[1] for each in group], seconds))
    return "\n".join(lines)


def _detect(clip: RenderedClip, device: torch.device) -> tuple[Detections | None, float]:
    """The detections, None where the clip is refused, and seconds per frame."""
    video = probe(clip.video)
    started = time.perf_counter()
    try:
        found = detect_people(video, 0, video.frame_count - 1, people=None, device=device, reporter=SilentReporter())
    except UserError:
        found = None
    return found, (time.perf_counter() - started) / video.frame_count


def _detect_alone(clip: RenderedClip, device: torch.device) -> tuple[Detections | None, float]:
    """The most prominent person of each video that shows one of them."""
    parts, started = [], time.perf_counter()
    for path in clip.alone:
        video = probe(path)
        everyone = find_everyone(video, 0, video.frame_count - 1, device=device, reporter=SilentReporter())
        parts.append(assemble(everyone, [0]) if everyone.tracks else None)
    seconds = (time.perf_counter() - started) / probe(clip.video).frame_count
    first, second = parts
    if first is None or second is None:
        return None, seconds
    return Detections.concatenate([first, second]), seconds


def _measured(clip: RenderedClip, found: Detections | None, *, alone: bool) -> TrackingErrors:
    truth = clip.truth
    projected = project_clip(truth.motion, truth.bodies, truth.camera, clip.image_size)
    if alone:
        projected = _nobody_hidden(projected)
    return tracking_errors(found, projected, landmarks_about_hips(projected, truth.camera))


def _nobody_hidden(projected: ProjectedClip) -> ProjectedClip:
    visibility = projected.landmark_visibility
    return replace(
        projected, landmark_visibility=np.where(visibility == OCCLUDED, VISIBLE, visibility).astype(np.uint8)
    )


def _line(name: str, clips: Sequence[TrackingErrors], seconds: float) -> str:
    values = scores(clips)
    cells = [f"{values[key]:.0f}" if np.isfinite(values[key]) else "–" for key in (*PERCENT, *MILLIMETRES)]
    return f"| {name} | {' | '.join(cells)} | {seconds:.2f} |"
