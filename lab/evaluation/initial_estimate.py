"""Observations as simple baselines and as the product see a clip: under a camera that is assumed, and under an estimated one."""

from __future__ import annotations

import torch

from core.body.model import BodyModel
from core.fitting.camera import KnownCamera, intrinsics
from core.fitting.camera_hypotheses import estimate_camera
from core.fitting.initial import estimate_initial_motion
from core.motion import MotionEstimate
from core.observations.observe import Observations, observe
from core.perception.detections import Detections
from core.reporting import Reporter, SilentReporter


def observe_with_default_camera(detections: Detections, device: torch.device) -> Observations:
    """Under a camera with a focal length of the picture's diagonal."""
    width, height = (int(size) for size in detections.image_size)
    return observe(detections, intrinsics(width, height, None), device)


def estimate_initial(
    detections: Detections, body: BodyModel, known: KnownCamera | None = None, reporter: Reporter | None = None
) -> tuple[Observations, MotionEstimate]:
    """What the product's learned stages start from: observations and initial motion under the most likely camera.

    UserError `nobody` as `estimate_initial_motion`.
    """
    reporter = reporter or SilentReporter()
    camera = estimate_camera(detections, known or KnownCamera(), body, reporter).camera(0)
    observations = observe(detections, camera.K, body.device)
    return observations, estimate_initial_motion(observations, body, reporter=reporter, camera=camera)
