"""Scores by which an animator can choose between takes. None of them needs ground truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from .body.collision import collision_spheres, sphere_centres, with_shape
from .body.landmarks import LandmarkRegressor, regress_landmarks
from .body.model import BodyModel
from .contract.contact import Contact
from .contract.reconstruction import Scores
from .fitting.energies import near_pairs
from .fitting.fit import FittedMotion
from .motion import BODY_COUNT, Posed, pose_motion, project
from .observations.observe import Observations

_PERCENT, _MM = 100.0, 1000.0


def score(fitted: FittedMotion, observations: Observations, body: BodyModel, contacts: Sequence[Contact]) -> Scores:
    """Measure a take. `contacts` with their distances, as `contacts.measure` gives them."""
    with torch.no_grad():
        posed = pose_motion(body, fitted.motion_incam)
        seconds = torch.from_numpy(observations.time).to(posed.joints)
        return Scores(
            reprojection=_rounded(_PERCENT * reprojection_error(posed, observations, body)),
            penetration=_rounded(_MM * deepest_penetration(posed, body)),
            acceleration=_rounded(mean_acceleration(posed.joints[:, :, :BODY_COUNT], seconds)),
            contact=mean_distance(contacts),
        )


def reprojection_error(posed: Posed, observations: Observations, body: BodyModel) -> float:
    """Mean distance of projected landmarks from their keypoints in heights of the person, weighted by confidence.

    `posed` in the camera's frame. 0 where nothing was observed.
    """
    error, weight = landmark_distances(posed, observations, body), observations.confidence
    return float((weight * error).sum() / weight.sum()) if bool(weight.any()) else 0.0


def landmark_distances(posed: Posed, observations: Observations, body: BodyModel) -> Float[Tensor, "P T 33"]:
    """Distance of each projected landmark from its keypoint in heights of the person. `posed` in the camera's frame."""
    regressor = LandmarkRegressor.for_body(body)
    points = regress_landmarks(regressor, posed.joints, posed.skin(body.subset(regressor.vertices)))
    pixels, _ = project(points, observations.K)
    return (pixels - observations.keypoints).norm(dim=-1) / observations.box_height[..., None]


def deepest_penetration(posed: Posed, body: BodyModel) -> float:
    """metres by which the two people are inside each other at the deepest, to about a centimetre.

    Measured between the spheres that stand for their bodies.
    """
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
