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


def _with_bent_legs(true: Scene, hips: float, knees: float, confidence: float) -> Scene:
    """The scene with everybody's legs bent by so many degrees in the metric landmarks, and keypoints of that confidence."""
    landmarks, keypoints = true.detections.world_landmarks.copy(), true.detections.keypoints.copy()
    across = landmarks[:, :, LANDMARK_INDEX["left_hip"]] - landmarks[:, :, LANDMARK_INDEX["right_hip"]]
    axis = across / np.linalg.norm(across, axis=-1, keepdims=True)
    for side in ("left", "right"):
        hip, *leg = (LANDMARK_INDEX[f"{side}_{part}"] for part in ("hip", "knee", "ankle", "heel", "foot_index"))
        _turn(landmarks, leg, hip, axis, -hips)
        _turn(landmarks, leg[1:], leg[0], axis, knees)
        keypoints[:, :, leg, 2] = confidence
    return replace(true, detections=replace(true.detections, world_landmarks=landmarks, keypoints=keypoints))


def _turn(landmarks: np.ndarray, parts: list[int], about: int, axis: np.ndarray, degrees: float) -> None:
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    for part in parts:
        arm = landmarks[:, :, part] - landmarks[:, :, about]
        along = (arm * axis).sum(-1, keepdims=True) * axis
        landmarks[:, :, part] = landmarks[:, :, about] + along + c * (arm - along) + s * np.cross(axis, arm)


def _knees(clip: Scene, body: BodyModel) -> float:
    """Degrees, mean flexion of all knees in the initial motion."""
    motion = estimate_initial_motion(clip.observations, body, reporter=SilentReporter()).motion_incam
    return float(np.degrees(np.linalg.norm(motion.body_pose[:, :, _KNEES], axis=-1)).mean())


@pytest.mark.parametrize(
    ("hips", "knees", "confidence", "stands"),
    [(0, 40, 0.0, True), (0, 80, 0.0, True), (0, 40, 0.9, False), (95, 90, 0.0, False)],
)
def test_people_whose_legs_are_not_seen_stand_unless_they_clearly_sit(
    body: BodyModel, hips: float, knees: float, confidence: float, stands: bool
) -> None:
    found = _knees(_with_bent_legs(scene(body), hips, knees, confidence), body)
    assert (found < 12) == stands
    assert stands or found > knees - 15
