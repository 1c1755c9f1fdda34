"""The detectors' landmarks and palms on the body in its rest pose, against which observed directions are compared."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from ..body.landmarks import LandmarkRegressor, palm_frame, regress_landmarks
from ..body.model import BodyModel
from ..contract.skeleton import JOINT_INDEX, JOINTS
from ..motion import pose


def rest_landmarks(body: BodyModel, regressor: LandmarkRegressor) -> Float[Tensor, "33 3"]:
    """The landmarks of the mean shape in its rest pose, metres."""
    device = body.device
    identity = torch.eye(3, device=device).expand(1, 1, len(JOINTS), 3, 3)
    resting = pose(body, identity, body.J_template[0].expand(1, 1, 3), torch.zeros(1, 16, device=device))
    return regress_landmarks(regressor, resting.joints, resting.skin(body.subset(regressor.vertices)))[0, 0]


def rest_palms(body: BodyModel) -> Float[Tensor, "2 3 3"]:
    """Frames of the left and the right palm in the rest pose, built in the same way as the observed ones."""
    joints = body.J_template
    return torch.stack(
        [
            palm_frame(*(joints[JOINT_INDEX[f"{side}_{part}"]] for part in ("wrist", "index1", "middle1", "pinky1")))
            for side in ("left", "right")
        ]
    )
