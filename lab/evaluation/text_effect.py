"""What a sentence does to a reconstruction: one clip of pairs-2d, told different things, drawn from the side.

Draws the truth first, then the product told nothing, then told each sentence; prints the errors of each. Needs Blender's module
(scripts/test makes its environment).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch

from core.body.files import load_body
from core.body.model import BodyModel
from core.contract.errors import UserError
from core.motion import Camera, PairMotion, pose_motion
from core.reporting import SilentReporter

from ..rendering.contact_sheet import SIZE, contact_sheet
from .benchmark_clip import BenchmarkClip, Estimate
from .methods import prompted
from .pairs_2d import load_pairs, simulate_clips
from .scores import score

_MOMENTS = 6
_MARGIN, _BAND = 0.06, 44
"""Share of the clip at its ends that is not drawn; px over each row for its words."""
_MEASURES = ("mpjpe", "int", "contact_distance", "contact_f1", "penetration_max")


def draw_text_effect(clip: str, split: str, prompts: Sequence[str], seed: int, blender: Path, out: Path) -> None:
    """Write a picture with a row for the ground truth, one without a prompt and one for each; print the errors of each."""
    torch.set_num_threads(os.cpu_count() or 1)
    body = load_body(None)
    shot = found(clip, split, seed, body)
    truth = Estimate(shot.truth.motion, shot.truth.camera, (), {})
    rows = [("truth", truth)]
    for sentence in ("", *prompts):
        made = prompted(shot.detections, body, prompt=sentence, seed=0, reporter=SilentReporter())
        rows.append((f'told "{sentence}"' if sentence else "told nothing", made))
    frames = np.linspace(_MARGIN, 1 - _MARGIN, _MOMENTS) * (len(shot.detections.time) - 1)
    pictures = []
    for name, estimate in rows:
        errors = score(shot, estimate, body).metrics
        said = ", ".join(f"{measure} {errors[measure]:.3g}" for measure in _MEASURES if measure in errors)
        print(f"{name}: {said}")
        pictures.append(drawn(name, estimate, shot, frames.round().astype(int), body, blender))
    cv2.imwrite(str(out), np.concatenate(pictures))
    print(out)


def found(name: str, split: str, seed: int, body: BodyModel) -> BenchmarkClip:
    chosen = [clip for clip in load_pairs(split) if clip.name == name]
    if not chosen:
        raise UserError("no-such-clip", f"There is no clip {name!r} in {split}.", "Choose one that a report names.")
    return next(simulate_clips(chosen, seed, body))


def drawn(
    name: str, estimate: Estimate, shot: BenchmarkClip, frames: np.ndarray, body: BodyModel, blender: Path
) -> np.ndarray:
    """A row of moments in the true world, so that all rows show the same side."""
    motion = estimate.motion
    parts = {key: value if key == "betas" else value[:, frames] for key, value in vars(motion).items()}
    skins = pose_motion(body, PairMotion(**parts)).skin(body).numpy()
    skins = in_world(skins, estimate.camera, shot.truth.camera)
    across = shot.truth.camera.T_cw[:3, :3].T @ (1, 0, 0)
    away = shot.truth.camera.T_cw[:3, :3].T @ (0, 0, 1)
    side = 3.0 * np.array([across[0], across[1], 0]) - 1.2 * np.array([away[0], away[1], 0]) + (0, 0, 1.5)
    row = contact_sheet(skins, labels=[""] * len(frames), blender=blender, views=(tuple(side),))
    band = np.full((_BAND, row.shape[1], 3), 255, np.uint8)
    cv2.putText(band, name, (8, _BAND - 14), cv2.FONT_HERSHEY_SIMPLEX, SIZE / 420, (30, 30, 30), 2, cv2.LINE_AA)
    return np.concatenate([band, row])


def in_world(points: np.ndarray, camera: Camera, true: Camera) -> np.ndarray:
    """Points [...,3] of the estimate's world where the true camera would see them, in the true world."""
    seen = points @ camera.T_cw[:3, :3].T + camera.T_cw[:3, 3]
    return (seen - true.T_cw[:3, 3]) @ true.T_cw[:3, :3]
