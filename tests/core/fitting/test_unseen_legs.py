"""Legs that the picture does not show, in the initial motion."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from core.body.files import load_body
from core.body.model import BodyModel
from core.contract.skeleton import JOINT_INDEX, LANDMARK_INDEX
from core.fitting.initial import estimate_initial_motion
from core.reporting import SilentReporter

from .synthetic import Scene, scene


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body(None)


_KNEES = [JOINT_INDEX[f"{side}_knee"] - 1 for side in ("left", "right")]


def _with_bent_shins(true: Scene, degrees: float, confidence: float) -> Scene:
    """The scene with everybody's shins turned back about the knees in the metric landmarks, and legs of that confidence."""
    landmarks, keypoints = true.detections.world_landmarks.copy(), true.detections.keypoints.copy()
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    for side in ("left", "right"):
        knee, *rest = (LANDMARK_INDEX[f"{side}_{part}"] for part in ("knee", "ankle", "heel", "foot_index"))
        hips = landmarks[:, :, LANDMARK_INDEX["left_hip"]] - landmarks[:, :, LANDMARK_INDEX["right_hip"]]
        axis = hips / np.linalg.norm(hips, axis=-1, keepdims=True)
        for part in rest:
            arm = landmarks[:, :, part] - landmarks[:, :, knee]
            along = (arm * axis).sum(-1, keepdims=True) * axis
            landmarks[:, :, part] = landmarks[:, :, knee] + along + c * (arm - along) + s * np.cross(axis, arm)
        keypoints[:, :, [knee, *rest], 2] = confidence
    return replace(true, detections=replace(true.detections, world_landmarks=landmarks, keypoints=keypoints))


def _knees(clip: Scene, body: BodyModel) -> float:
    """Degrees, mean flexion of all knees in the initial motion."""
    motion = estimate_initial_motion(clip.observations, body, reporter=SilentReporter()).motion_incam
    return float(np.degrees(np.linalg.norm(motion.body_pose[:, :, _KNEES], axis=-1)).mean())


@pytest.mark.parametrize(("bent", "confidence", "stands"), [(40, 0.0, True), (40, 0.9, False), (100, 0.0, False)])
def test_people_whose_legs_are_not_seen_stand_unless_they_clearly_sit(
    body: BodyModel, bent: float, confidence: float, stands: bool
) -> None:
    knees = _knees(_with_bent_shins(scene(body), bent, confidence), body)
    assert (knees < 12) == stands
    assert stands or knees > bent - 15
