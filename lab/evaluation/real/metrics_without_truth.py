"""Metrics that need no ground truth: jitter, foot slide, reprojection, penetration and distance of contacts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from core.body.model import BodyModel
from core.body.regions import vertex_regions
from core.fitting.soles import posed_soles
from core.motion import BODY_COUNT, median_time_step, pose_motion
from core.observations.observe import observe
from core.perception.detections import Detections
from core.projection import project
from core.scores import CONFIDENT

from .. import metrics
from ..benchmark_clip import Estimate
from ..scores import SKIN_EVERY
from ..surface_metrics import contact_distance, contact_matrix, penetration_metrics
from .limbs import fitted_landmarks
from .single_person import initial_motion


def person_metrics(
    estimate: Estimate, detections: Detections, body: BodyModel, people: Sequence[int] = (0, 1)
) -> dict[str, float]:
    """Jitter, foot slide and reprojection error of some of the people."""
    posed = pose_motion(body, estimate.motion)
    chosen = list(people)
    joints = posed.joints.cpu().numpy()[chosen, :, :BODY_COUNT]
    soles = posed_soles(posed, body).mean(3).cpu().numpy()[chosen]
    foot_contact = initial_motion(detections, body).foot_contact[chosen] > 0.5
    rate = 1 / median_time_step(detections.time)
    found = {"jitter": metrics.jitter(joints, rate)} if len(detections.time) > 3 else {}
    if (foot_contact[:, 1:] & foot_contact[:, :-1]).any():
        found["foot_slide"] = metrics.foot_slide(soles, foot_contact)
    return found | reprojection_metrics(estimate, detections, body, chosen)


def reprojection_metrics(
    estimate: Estimate, detections: Detections, body: BodyModel, people: Sequence[int]
) -> dict[str, float]:
    """Mean distance of fitted landmarks from confident detected ones: px, and percent of the person's height in the image."""
    chosen = list(people)
    points = torch.from_numpy(fitted_landmarks(estimate.motion, body))
    camera = (torch.as_tensor(matrix, dtype=points.dtype) for matrix in (estimate.camera.K, estimate.camera.T_cw))
    pixels = project(points, *camera)[0].numpy()[chosen]
    observed = observe(detections, estimate.camera.K)  # where the camera turned, before the middle frame's camera
    is_confident = observed.plainly_seen(CONFIDENT).numpy()[chosen]
    if not is_confident.any():
        return {}
    height = observed.box_height.numpy()[chosen]
    distance = np.linalg.norm(pixels - observed.keypoints.numpy()[chosen], axis=-1)
    return {
        "reprojection": float(distance[is_confident].mean()),
        "reprojection_share": float((100 * distance / height[..., None])[is_confident].mean()),
    }


def pair_metrics(estimate: Estimate, frames: np.ndarray, body: BodyModel) -> dict[str, float]:
    """Penetration, and distance of the regions that the estimate itself has in contact, on every SKIN_EVERY-th frame."""
    motion = estimate.motion.frames(np.arange(0, len(frames), SKIN_EVERY))
    skin = pose_motion(body, motion).skin(body).cpu().numpy()
    found = penetration_metrics(skin, body.faces.cpu().numpy())
    contact = contact_matrix(estimate.contacts, frames)[::SKIN_EVERY]
    if contact.any():
        found["contact_distance"] = contact_distance(contact, skin, vertex_regions(body).cpu().numpy())
    return found
