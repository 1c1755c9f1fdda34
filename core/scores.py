"""Scores by which an animator can choose between takes. None of them needs ground truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from .body.collision import collision_spheres, sphere_centres, with_shape
from .body.landmarks import posed_landmarks
from .body.model import BodyModel
from .contract.contact import Contact
from .contract.reconstruction import Scores
from .fitting.energies import accelerations, near_pairs
from .fitting.fit import FittedMotion
from .motion import BODY_COUNT, Posed, pose_motion
from .observations.observe import Observations
from .projection import project

CONFIDENT = 0.5
"""Confidence from which on a keypoint says where a landmark is: only such ones are compared with the picture."""
_PERCENT, _MM = 100.0, 1000.0


def score(fitted: FittedMotion, observations: Observations, body: BodyModel, contacts: Sequence[Contact]) -> Scores:
    """Measure a take. `contacts` with their distances, as `contacts.measure_contacts` gives them."""
    with torch.no_grad():
        posed = pose_motion(body, fitted.motion_incam)
        seconds = observations.seconds.to(posed.joints)
        return Scores(
            reprojection=_rounded(_PERCENT * mean_reprojection_error(posed, observations, body)),
            penetration=_rounded(_MM * float(penetration_depths(posed, body).max())),
            acceleration=_rounded(mean_acceleration(posed.joints[:, :, :BODY_COUNT], seconds)),
            contact=mean_distance(contacts),
        )


def mean_reprojection_error(posed: Posed, observations: Observations, body: BodyModel) -> float:
    """Mean distance of projected landmarks from their keypoints in heights of the person, of those that are plainly seen.

    What is hidden does not count: its keypoints are guesses, which a fit without learned models follows and another need not.
    `posed` in the camera's frame. 0 where nothing is plainly seen.
    """
    seen = observations.plainly_seen(CONFIDENT)
    distances = landmark_distances(posed_landmarks(posed, body), observations)[seen]
    return float(distances.mean()) if len(distances) else 0.0


def landmark_distances(
    landmarks_incam: Float[Tensor, "P T 33 3"], observations: Observations
) -> Float[Tensor, "P T 33"]:
    """Distance of each projected landmark from its keypoint in heights of the person."""
    pixels, _ = project(landmarks_incam, observations.K)
    return (pixels - observations.keypoints).norm(dim=-1) / observations.box_height[..., None]


def penetration_depths(posed: Posed, body: BodyModel) -> Float[np.ndarray, " T"]:
    """metres by which the two people are inside each other at the deepest in each frame, to about a centimetre.

    Measured between the spheres that stand for their bodies.
    """
    spheres = with_shape(collision_spheres(body), posed.betas)
    centres, radii = sphere_centres(spheres, posed.joints, posed.global_rotations), spheres.radius[:, 0]
    frame, first, second = near_pairs(centres, radii, 0.0).unbind(1)
    apart = (centres[0, frame, first] - centres[1, frame, second]).norm(dim=-1)
    depth = radii[0, first] + radii[1, second] - apart
    return centres.new_zeros(centres.shape[1]).scatter_reduce(0, frame, depth, "amax").cpu().numpy()


def mean_acceleration(points: Tensor, time: Tensor) -> float:
    """m/s^2 of points [P,T,N,3] over time [T] in seconds, on average; 0 for fewer than three frames."""
    if len(time) < 3:
        return 0.0
    return float(accelerations(points, time).norm(dim=-1).mean())


def mean_distance(contacts: Sequence[Contact]) -> float | None:
    """mm between the regions of the contacts that were measured and not rejected; None where there are none."""
    distances = [each.distance for each in contacts if each.distance is not None and each.active()]
    return _rounded(_MM * float(np.mean(distances))) if distances else None


def _rounded(value: float) -> float:
    return round(value, 2)
