"""The ground truth of a sample clip, and the scores of a reconstruction against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from core.body.model import BodyModel
from core.contract.contact import Contact
from core.contract.files import read_json, read_npz
from core.contract.reconstruction import MotionArrays
from core.contract.skeleton import JOINT_INDEX, LANDMARKS
from core.motion import Camera, PairMotion
from core.perception.detections import Detections
from core.perception.landmarks import LIMBS
from core.transforms import transform_points

from . import metrics
from .benchmark_clip import BenchmarkClip, Estimate, GroundTruth
from .occlusion.projection import project_clip

_NAMES = [LANDMARKS[index] for index in LIMBS]
"""Of the twelve points that the detector's landmarks and the body's joints have in common."""
_JOINTS = [JOINT_INDEX[name] for name in _NAMES]


@dataclass(frozen=True)
class SampleTruth:
    """P = 2 people, T frames of the clip from its first on. World frame."""

    motion: PairMotion
    joints: Float[np.ndarray, "P T 55 3"]
    camera_K: Float[np.ndarray, "T 3 3"]
    """px"""
    camera_world: Float[np.ndarray, "T 4 4"]
    """World -> camera; the camera is static."""
    time: Float[np.ndarray, " T"]
    """seconds"""
    foot_contact: Bool[np.ndarray, "P T 2"]
    """Whether the left and the right foot stand still on the floor."""
    contacts: tuple[Contact, ...]

    @property
    def camera(self) -> Camera:
        return Camera(self.camera_K[0].astype(float), self.camera_world[0].astype(float))


def load_truth(motion_file: Path, contacts_file: Path) -> SampleTruth:
    """Read the ground truth beside a sample clip. UserError `file-unreadable`."""
    arrays = read_npz(motion_file)
    contacts = tuple(Contact.from_json(record) for record in read_json(contacts_file)["contacts"])
    motion = PairMotion(**{item.name: arrays[item.name] for item in fields(PairMotion)})
    named = {name: arrays[name] for name in ("joints", "camera_K", "camera_world", "time")}
    return SampleTruth(motion, **named, foot_contact=arrays["planted"], contacts=contacts)


def sample_clip(
    name: str, truth: SampleTruth, detections: Detections, body: BodyModel, video: Path | None = None
) -> BenchmarkClip:
    """The sample as a clip of a benchmark; both people have the given body."""
    size = (int(detections.image_size[0]), int(detections.image_size[1]))
    visibility = project_clip(truth.motion, (body, body), truth.camera, size).joint_visibility
    ground_truth = GroundTruth(
        motion=truth.motion,
        bodies=(body, body),
        joints=truth.joints,
        foot_contact=truth.foot_contact,
        contacts=truth.contacts,
        camera=truth.camera,
        visibility=visibility,
    )
    return BenchmarkClip(name, "sample", ground_truth, detections, (), {}, video)


def estimate_from_result(result: MotionArrays, contacts: Sequence[Contact]) -> Estimate:
    """A stored reconstruction as an estimate."""
    camera = Camera(result.camera_K[0].astype(float), result.camera_world[0].astype(float))
    motion = PairMotion(**{item.name: getattr(result, item.name) for item in fields(PairMotion)})
    return Estimate(motion, camera, tuple(contacts), {})


def limb_errors(
    truth: SampleTruth,
    limbs_incam: Float[np.ndarray, "P T 12 3"],
    frames: Int[np.ndarray, " T"],
    found: Bool[np.ndarray, "P T"],
) -> dict[str, float]:
    """`mpjpe` and `pa_mpjpe` of the LIMBS relative to the hips' middle, in frames in which the person was found."""
    chosen = _JOINTS
    true = transform_points(truth.camera.T_cw, truth.joints[:, frames][:, :, chosen])
    hips = [_NAMES.index("left_hip"), _NAMES.index("right_hip")]
    true, limbs = (points - points[:, :, hips].mean(2, keepdims=True) for points in (true, limbs_incam))
    return {
        "mpjpe": metrics.mpjpe(limbs[found], true[found]),
        "pa_mpjpe": metrics.pa_mpjpe(limbs[found], true[found]),
    }


def limbs_of_joints(estimate: Estimate, joints_inworld: Float[np.ndarray, "P T 55 3"]) -> Float[np.ndarray, "P T 12 3"]:
    """The LIMBS of an estimate's joints, in the camera's frame."""
    return transform_points(estimate.camera.T_cw, joints_inworld[:, :, _JOINTS])


def limbs_of_landmarks(world_landmarks: Float[np.ndarray, "P T 33 3"]) -> Float[np.ndarray, "P T 12 3"]:
    """The LIMBS of the detector's metric landmarks."""
    return world_landmarks[:, :, LIMBS]
