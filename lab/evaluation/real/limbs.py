"""The twelve limb landmarks that are compared on real video, on fitted bodies and relative to the hips."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from core.body.landmarks import LandmarkRegressor, regress_landmarks
from core.body.model import BodyModel
from core.contract.skeleton import LANDMARK_INDEX
from core.motion import PairMotion, pose_motion
from core.perception.landmarks import LIMBS
from core.transforms import transform_points

from .. import metrics
from ..benchmark_clip import Estimate

_HIPS = [LIMBS.index(LANDMARK_INDEX[f"{side}_hip"]) for side in ("left", "right")]


def fitted_landmarks(motion: PairMotion, body: BodyModel) -> Float[np.ndarray, "P T 33 3"]:
    """The detector's landmarks on the posed bodies, in the motion's frame."""
    regressor = LandmarkRegressor.for_body(body)
    posed = pose_motion(body, motion)
    return regress_landmarks(regressor, posed.joints, posed.skin(body.subset(regressor.vertices))).cpu().numpy()


def fitted_limbs(estimate: Estimate, body: BodyModel) -> Float[np.ndarray, "P T 12 3"]:
    """The limb landmarks on the fitted bodies, in the camera's frame."""
    return transform_points(estimate.camera.T_cw, fitted_landmarks(estimate.motion, body)[:, :, LIMBS])


def hip_relative_error(limbs: Float[np.ndarray, "T 12 3"], true: Float[np.ndarray, "T 12 3"]) -> float:
    """MPJPE in mm, both relative to the middle of the hips."""
    return metrics.mpjpe(limbs - limbs[:, _HIPS].mean(1, keepdims=True), true - true[:, _HIPS].mean(1, keepdims=True))
