"""What a take is like, in units that say something to whoever chooses between takes. Nothing here needs the truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .body.collision import collision_spheres, sphere_centres, with_shape
from .body.landmarks import LandmarkRegressor, regress_landmarks
from .body.model import BodyModel
from .contract.contact import Contact
from .contract.reconstruction import Scores
from .fitting.energies import near_pairs
from .fitting.fit import FittedMotion
from .motion import BODY_COUNT, Camera, Posed, pose_motion, project
from .observations.observe import observe
from .perception.detections import Detections

_PERCENT, _MM = 100.0, 1000.0


def score(fitted: FittedMotion, detections: Detections, body: BodyModel, contacts: Sequence[Contact]) -> Scores:
    """Measure a take. `contacts` with their distances, as `contacts.measure` gives them."""
    with torch.no_grad():
        posed = pose_motion(body, fitted.motion)
        time = torch.as_tensor(detections.time, device=posed.joints.device, dtype=posed.joints.dtype)
        return Scores(
            reprojection=_rounded(_PERCENT * beside(posed, fitted.camera, detections, body)),
            penetration=_rounded(_MM * deepest(posed, body)),
            acceleration=_rounded(mean_acceleration(posed.joints[:, :, :BODY_COUNT], time)),
            contact=mean_distance(contacts),
        )


def beside(posed: Posed, camera: Camera, detections: Detections, body: BodyModel) -> float:
    """How far landmarks lie beside those that were seen, in heights of the person, each as much as it was seen; 0 where
    nothing was."""
    device = posed.joints.device
    K, world = (torch.as_tensor(matrix, device=device, dtype=torch.float32) for matrix in (camera.K, camera.T_cw))
    observations = observe(detections, K)
    regressor = LandmarkRegressor.for_body(body)
    pixels, _ = project(
        regress_landmarks(regressor, posed.joints, posed.skin(body.subset(regressor.vertices))), K, world
    )
    away = (pixels - observations.pixels).norm(dim=-1) / observations.box_height[..., None]
    seen = observations.weight
    return float((seen * away).sum() / seen.sum()) if bool(seen.any()) else 0.0


def deepest(posed: Posed, body: BodyModel) -> float:
    """metres by which the two people are inside each other where it is deepest in the clip: of the spheres that stand for
    their bodies, to about a centimetre."""
    spheres = with_shape(collision_spheres(body), posed.betas)
    centres, radii = sphere_centres(spheres, posed.joints, posed.global_rotations), spheres.radius[:, 0]
    frame, first, second = near_pairs(centres, radii, 0.0).unbind(1)
    if not len(frame):
        return 0.0
    apart = (centres[0, frame, first] - centres[1, frame, second]).norm(dim=-1)
    return float((radii[0, first] + radii[1, second] - apart).max())


def mean_acceleration(points: Tensor, time: Tensor) -> float:
    """m/s^2 of points [P,T,N,3] over time [T] in seconds, on average; 0 for fewer than three frames."""
    if len(time) < 3:
        return 0.0
    step = time.diff().clamp_min(1e-3)[:, None, None]
    change = (points.diff(dim=1) / step).diff(dim=1) / ((step[1:] + step[:-1]) / 2)
    return float(change.norm(dim=-1).mean())


def mean_distance(contacts: Sequence[Contact]) -> float | None:
    """mm between the regions of the contacts that were measured and not rejected; None where there are none."""
    distances = [each.distance for each in contacts if each.distance is not None and each.active()]
    return _rounded(_MM * float(np.mean(distances))) if distances else None


def _rounded(value: float) -> float:
    return round(value, 2)
