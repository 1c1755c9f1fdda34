"""Simulates what a network that lifts single people from single frames would see of a clip whose truth is known."""

# torch's own annotations are incomplete
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from core.body.model import BodyModel, forward_kinematics, rest_joints
from core.body.rotations import axis_angle_to_matrix
from core.contract.skeleton import JOINT_INDEX
from core.motion import BODY_COUNT, motion_rotations
from core.projection import project
from core.sam3d_body.lifting import LiftedPeople
from core.sam3d_body.skeleton import PLACES, RIG_JOINT

from .benchmark_clip import OCCLUDED, BenchmarkClip

_STEADY, _JITTER, _HIDDEN = 0.06, 0.03, 0.25
"""radians about each axis of every joint: wrong through the whole clip, in each frame anew, and more where it is hidden. Together
they put seen joints about 5 cm off, as the paper's table 1 has it for 3DPW."""
_SIZE, _DEPTH_JITTER = 0.05, 0.015
"""Of the logarithms of a person's size, guessed once and putting them as much too near or too far, and of a frame's depth."""
_CARRIERS = {4: 7, 20: 23}
"""The rig's ankles, and the joints of its feet that turn with them."""
_KEYPOINTS = {
    5: "left_shoulder", 6: "right_shoulder", 7: "left_elbow", 8: "right_elbow", 9: "left_hip", 10: "right_hip", 11: "left_knee",
    12: "right_knee", 13: "left_ankle", 14: "right_ankle", 41: "right_wrist", 62: "left_wrist",
}  # fmt: skip


def simulated_lifting(clip: BenchmarkClip, body: BodyModel, rng: np.random.Generator) -> LiftedPeople:
    """Both people with errors, under the true camera. The rig is our own skeleton: its table is tested elsewhere."""
    frames, truth = clip.detections.frame_index, clip.truth
    motion = truth.motion.transformed(truth.camera.T_cw).frames(frames)
    rotations = motion_rotations(motion)
    hidden = torch.from_numpy(truth.visibility[:, frames] == OCCLUDED)
    rotations[:, :, :BODY_COUNT] = rotations[:, :, :BODY_COUNT] @ _errors(hidden, rng)
    people, count = hidden.shape[:2]
    rest = torch.stack([rest_joints(of, torch.from_numpy(betas)) for of, betas in zip(truth.bodies, motion.betas)])
    joints, world = forward_kinematics(rotations, rest[:, None], torch.from_numpy(motion.pelvis))
    growth = rng.normal(0, _SIZE, (people, 1)) + np.zeros((people, count))
    joints = joints * torch.from_numpy(np.exp(growth)).float()[..., None, None]
    pelvis = joints[:, :, :1]
    jitter = torch.from_numpy(np.exp(rng.normal(0, _DEPTH_JITTER, (people, count)))).float()
    joints = joints + pelvis * (jitter[..., None, None] - 1)
    out = LiftedPeople.nobody(people, count)
    places = sorted(RIG_JOINT.values())
    ours = [PLACES.index(place) for place in places]
    out.joints[:, :, places], out.rotations[:, :, places] = joints[:, :, ours].numpy(), world[:, :, ours].numpy()
    out.rest_joints[places] = body.J_template[ours].cpu().numpy()
    out.rest_rotations[:] = np.eye(3)
    for ankle, carrier in _CARRIERS.items():
        out.rotations[:, :, carrier] = out.rotations[:, :, ankle]
    pixels, _ = project(joints, torch.from_numpy(truth.camera.K).float())
    out.keypoints[:, :, list(_KEYPOINTS)] = pixels[:, :, [JOINT_INDEX[name] for name in _KEYPOINTS.values()]].numpy()
    out.known[:] = clip.detections.found
    return out


def _errors(hidden: Tensor, rng: np.random.Generator) -> Float[Tensor, "P T 22 3 3"]:
    people, count, joints = hidden.shape
    angles = rng.normal(0, _STEADY, (people, 1, joints, 3)) + rng.normal(0, _JITTER, (people, count, joints, 3))
    wrong = rng.normal(0, _HIDDEN, (people, 1, joints, 3)) * hidden.numpy()[..., None]
    return axis_angle_to_matrix(torch.from_numpy(angles + wrong).float())
