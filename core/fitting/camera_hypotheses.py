"""Chooses between hypotheses of the camera's roll by fitting each of them to a few frames.

The vertical is estimated from the directions of trunks, and one person who crouches or leans tilts it by twenty degrees. Most
cameras are held level. Both hypotheses are tried, and the level one is kept where the observations agree with it clearly better.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch

from ..body.model import BodyModel
from ..motion import Camera, MotionEstimate, pose_motion
from ..observations.observe import Observations
from ..reporting import PartOfProgress, Reporter
from .camera import extrinsics, floor_from_extrinsics
from .fit import FIRST_FIT, FitSchedule, fit
from .soles import posed_soles
from .targets import FitTargets


@dataclass(frozen=True)
class CameraSettings:
    """How hypotheses of the camera are compared."""

    frames: int = 32
    """Frames that are fitted, evenly spread over the clip."""
    steps: tuple[int, int] = (50, 50)
    """Of the two phases of the fit."""
    smallest_roll: float = math.radians(5)
    """Rolls up to this are kept without a trial."""
    clearly_better: float = 0.7
    """Ratio of the energies below which the level camera is taken. On real clips it was 0.25 for a roll that was wrong by 20
    degrees, and 0.87 and more for rolls that were right."""


def choose_camera(
    initial: MotionEstimate,
    observations: Observations,
    body: BodyModel,
    reporter: Reporter,
    settings: CameraSettings | None = None,
) -> MotionEstimate:
    """The initial motion with its own camera, or with the same without roll if its trial fit has clearly less energy."""
    settings = settings or CameraSettings()
    pitch, roll, _ = floor_from_extrinsics(torch.from_numpy(initial.camera.T_cw).float()).unbind()
    if abs(float(roll)) <= settings.smallest_roll:
        return initial
    chosen = np.unique(np.linspace(0, len(observations.time) - 1, settings.frames).astype(int))
    few_observations, few = observations.frames(chosen), initial.frames(chosen)
    no_roll = torch.zeros_like(roll)
    level = extrinsics(pitch, no_roll, _height(few, extrinsics(pitch, no_roll, torch.zeros_like(roll)), body))
    cameras = (initial.camera, Camera(initial.camera.K, level.double().numpy()))
    phases = tuple(replace(phase, steps=steps) for phase, steps in zip(FIRST_FIT, settings.steps))
    energies = [
        fit(
            replace(few, camera=camera),
            few_observations,
            body,
            FitTargets(),
            FitSchedule(phases),
            PartOfProgress(reporter, number, len(cameras)),
        ).energy
        for number, camera in enumerate(cameras)
    ]
    tilted, without_roll = energies
    return replace(initial, camera=cameras[int(without_roll < settings.clearly_better * tilted)])


def _height(initial: MotionEstimate, T_cw: torch.Tensor, body: BodyModel) -> torch.Tensor:
    """The mean height of a camera with this rotation over the soles of standing feet, metres."""
    posed = pose_motion(body, initial.motion_incam)
    soles = posed_soles(posed, body)
    below = (soles @ -T_cw[:3, 2].to(soles)).amax(-1)
    standing = torch.as_tensor(initial.foot_contact, device=below.device) + 1e-4
    return ((below * standing).sum() / standing.sum()).cpu()
