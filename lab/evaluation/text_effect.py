"""Runs `python -m lab text-effect`: one clip of pairs-2d reconstructed with different prompts, drawn from the side."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Int, UInt8

from core.body.files import load_body
from core.body.model import BodyModel
from core.contract.errors import UserError
from core.motion import pose_motion
from core.reporting import SilentReporter
from core.transforms import inverse_transform_points, transform_points

from ..rendering.contact_sheet import SIZE, contact_sheet
from .benchmark_clip import BenchmarkClip, Estimate
from .methods import prompted
from .pairs_2d import load_pairs, simulate_clips
from .scores import score

_MOMENTS = 6
_MARGIN = 0.06
"""Share of the clip at either end that is not drawn."""
_CAPTION_HEIGHT = 44
"""px above each row."""
_METRICS = ("mpjpe", "int", "contact_distance", "contact_f1", "penetration_max")


@dataclass(frozen=True)
class TextEffect:
    """What to draw."""

    clip: str
    """Name of a clip of the split."""
    split: str
    prompts: Sequence[str]
    seed: int
    """Of the simulated detections."""
    blender: Path
    out: Path
    """PNG file."""


def draw_text_effect(settings: TextEffect) -> None:
    """Write a picture with a row for the ground truth, one without a prompt and one for each prompt; print their errors."""
    torch.set_num_threads(os.cpu_count() or 1)
    body = load_body(None)
    clip = _load_clip(settings, body)
    rows = [("ground truth", Estimate(clip.truth.motion, clip.truth.camera, (), {}))]
    for prompt in ("", *settings.prompts):
        estimate = prompted(clip.detections, body, prompt=prompt, seed=0, reporter=SilentReporter())
        rows.append((f'prompt "{prompt}"' if prompt else "no prompt", estimate))
    moments = np.linspace(_MARGIN, 1 - _MARGIN, _MOMENTS) * (len(clip.detections.time) - 1)
    pictures = []
    for name, estimate in rows:
        errors = score(clip, estimate, body).metrics
        print(f"{name}: " + ", ".join(f"{metric} {errors[metric]:.3g}" for metric in _METRICS if metric in errors))
        row = _draw_row(estimate, clip, moments.round().astype(int), body, settings.blender)
        pictures.append(_add_caption(row, name))
    cv2.imwrite(str(settings.out), np.concatenate(pictures))
    print(settings.out)


def _load_clip(settings: TextEffect, body: BodyModel) -> BenchmarkClip:
    chosen = [clip for clip in load_pairs(settings.split) if clip.name == settings.clip]
    if not chosen:
        raise UserError(
            "no-such-clip", f"There is no clip {settings.clip!r} in {settings.split}.", "Choose one from a report."
        )
    return next(simulate_clips(chosen, settings.seed, body))


def _draw_row(
    estimate: Estimate, clip: BenchmarkClip, moments: Int[np.ndarray, " F"], body: BodyModel, blender: Path
) -> UInt8[np.ndarray, "h w 3"]:
    """The moments from the side, in the ground truth's world, so that all rows have the same view."""
    skins = pose_motion(body, estimate.motion.frames(moments)).skin(body).numpy()
    T_cw = clip.truth.camera.T_cw
    skins = inverse_transform_points(T_cw, transform_points(estimate.camera.T_cw, skins))
    right, forward = T_cw[0, :3], T_cw[2, :3]
    side = 3.0 * np.array([right[0], right[1], 0]) - 1.2 * np.array([forward[0], forward[1], 0]) + (0, 0, 1.5)
    view = (float(side[0]), float(side[1]), float(side[2]))
    return contact_sheet(skins, labels=[""] * len(moments), blender=blender, views=(view,))


def _add_caption(row: UInt8[np.ndarray, "h w 3"], text: str) -> UInt8[np.ndarray, "h2 w 3"]:
    caption = np.full((_CAPTION_HEIGHT, row.shape[1], 3), 255, np.uint8)
    place = (8, _CAPTION_HEIGHT - 14)
    cv2.putText(caption, text, place, cv2.FONT_HERSHEY_SIMPLEX, SIZE / 420, (30, 30, 30), 2, cv2.LINE_AA)
    return np.concatenate([caption, row])
