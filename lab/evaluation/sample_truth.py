"""A sample clip's truth, as it lies beside the clip, and a reconstruction to be measured against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from core.body.model import BodyModel
from core.contract.contact import Contact
from core.contract.files import read_json, read_npz
from core.contract.reconstruction import MotionArrays
from core.contract.skeleton import JOINT_INDEX, LANDMARK_INDEX
from core.motion import Camera, PairMotion
from core.perception.detections import Detections

from . import metrics
from .benchmark_clip import BenchmarkClip, Estimate
from .benchmark_clip import GroundTruth as TrueClip
from .occlusion.projection import project_clip
from .scores import in_camera

LIMBS = tuple(
    f"{side}_{part}" for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle") for side in ("left", "right")
)
"""What the detector's landmarks and SMPL-X's joints both have, by the same names."""


@dataclass(frozen=True)
class SampleTruth:
    """P = 2 people, T frames of the clip from its first on. World frame."""

    motion: PairMotion
    joints: np.ndarray
    """[P,T,55,3]"""
    camera_K: np.ndarray
    """[T,3,3] px."""
    camera_world: np.ndarray
    """[T,4,4] world -> camera; the camera stands still."""
    time: np.ndarray
    """[T] seconds."""
    foot_contact: np.ndarray
    """bool [P,T,2] left and right foot stand still."""
    contacts: tuple[Contact, ...]

    @property
    def camera(self) -> Camera:
        return Camera(self.camera_K[0].astype(float), self.camera_world[0].astype(float))


def load_truth(motion_file: Path, contacts_file: Path) -> SampleTruth:
    """Read what a sample clip has beside it. UserError where a file is missing or damaged."""
    arrays = read_npz(motion_file)
    contacts = tuple(Contact.from_json(record) for record in read_json(contacts_file)["contacts"])
    motion = PairMotion(**{item.name: arrays[item.name] for item in fields(PairMotion)})
    named = {name: arrays[name] for name in ("joints", "camera_K", "camera_world", "time")}
    return SampleTruth(motion, **named, foot_contact=arrays["planted"], contacts=contacts)


def sample_clip(
    name: str, truth: SampleTruth, detections: Detections, body: BodyModel, video: Path | None = None
) -> BenchmarkClip:
    """A clip of a benchmark, of people who have the bodies of `body`."""
    size = (int(detections.image_size[0]), int(detections.image_size[1]))
    visibility = project_clip(truth.motion, (body, body), truth.camera, size).joint_visibility
    clip = TrueClip(
        truth.motion, (body, body), truth.joints, truth.foot_contact, truth.contacts, truth.camera, visibility
    )
    return BenchmarkClip(name, "sample", clip, detections, (), {}, video)


def estimate_from_result(result: MotionArrays, contacts: Sequence[Contact]) -> Estimate:
    """A reconstruction by the product, as a method's."""
    camera = Camera(result.camera_K[0].astype(float), result.camera_world[0].astype(float))
    motion = PairMotion(**{item.name: getattr(result, item.name) for item in fields(PairMotion)})
    return Estimate(motion, camera, tuple(contacts), {})


def limb_errors(truth: SampleTruth, points: np.ndarray, frames: np.ndarray, found: np.ndarray) -> dict[str, float]:
    """`mpjpe` and `pa_mpjpe` of the twelve LIMBS [P,T,12,3], camera's axes, about the hips' middle, where found [P,T]."""
    chosen = [JOINT_INDEX[name] for name in LIMBS]
    true = in_camera(truth.joints[:, frames][:, :, chosen], truth.camera.T_cw)
    hips = [LIMBS.index("left_hip"), LIMBS.index("right_hip")]
    true, points = (p - p[:, :, hips].mean(2, keepdims=True) for p in (true, points))
    return {
        "mpjpe": metrics.mpjpe(points[found], true[found]),
        "pa_mpjpe": metrics.pa_mpjpe(points[found], true[found]),
    }


def limbs_of_joints(estimate: Estimate, joints: np.ndarray) -> np.ndarray:
    """[P,T,12,3] the LIMBS of an estimate's joints [P,T,55,3] in the camera's frame."""
    return in_camera(joints[:, :, [JOINT_INDEX[name] for name in LIMBS]], estimate.camera.T_cw)


def limbs_of_landmarks(world_landmarks: np.ndarray) -> np.ndarray:
    """[P,T,12,3] of the detector's metric landmarks [P,T,33,3]."""
    return world_landmarks[:, :, [LANDMARK_INDEX[name] for name in LIMBS]]
