"""Features in the mirror are those of people who are mirrored."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from core.body.files import load_body
from core.contract.skeleton import LANDMARK_INDEX
from core.motion import MotionEstimate
from core.observations.features import Features, extract_features
from core.observations.mirrored import mirrored_joints, mirrored_nodes, mirrored_people
from core.observations.observe import observe
from core.perception.detections import Detections
from lab.training.mirror import mirror_motion
from tests.lab.evaluation.synthetic import SIZE, camera, pair, perfect_detections

BODY = load_body(None)
FRAMES = 8


def features_of(mirrored: bool) -> Features:
    """Of two people whose left arms are hidden and whose right wrists and hands are seen elsewhere; or of their mirror image."""
    motion = mirror_motion(pair(FRAMES)) if mirrored else pair(FRAMES)
    hidden, moved = ("right", "left") if mirrored else ("left", "right")
    outward = -1 if mirrored else 1
    detections = perfect_detections(motion, BODY)
    keypoints, hands = detections.keypoints.copy(), detections.hands.copy()
    keypoints[:, :, LANDMARK_INDEX[f"{hidden}_elbow"], 2] = 0.3
    wrist = LANDMARK_INDEX[f"{moved}_wrist"]
    keypoints[:, :, wrist, :2] += np.array([outward * 12, -7])
    side = ("left", "right").index(moved)
    hands[:, :, side, :, :2] = keypoints[:, :, wrist, None, :2] + np.array([outward * 5, 3])
    hands[:, :, side, :, 2] = 0.8
    foot_contact = np.tile(np.array([[[1.0, 0.2]], [[0.0, 0.7]]], np.float32), (1, FRAMES, 1))
    feet = foot_contact[:, :, ::-1].copy() if mirrored else foot_contact
    masks = detections.masks.copy()
    masks[0, :, :, : masks.shape[-1] // 2] = 255
    detections = replace(
        detections, keypoints=keypoints, hands=hands, masks=masks[..., ::-1].copy() if mirrored else masks
    )
    return _about(detections, MotionEstimate(motion.transformed(camera().T_cw), camera(), feet))


def _about(detections: Detections, reference: MotionEstimate) -> Features:
    assert camera().K[0, 2] == SIZE[0] / 2  # or the picture's mirror image would be another camera's
    return extract_features(observe(detections, camera().K), reference, BODY)[0]


def test_mirrored_features_are_those_of_mirrored_people() -> None:
    features, of_mirrored = features_of(False), features_of(True)
    # the body is symmetric but for millimetres
    assert float((mirrored_joints(features.joints) - of_mirrored.joints).abs().max()) < 0.005
    for found, expected, unlike in (
        (mirrored_nodes(features.nodes), of_mirrored.nodes, features.nodes),
        (mirrored_people(features.people), of_mirrored.people, features.people),
    ):
        assert float((found - expected).abs().mean()) < 0.01
        assert float((found - expected).abs().amax()) < 0.2
        assert float((unlike - expected).abs().amax()) > 1
    assert torch.equal(mirrored_nodes(mirrored_nodes(features.nodes)), features.nodes)
