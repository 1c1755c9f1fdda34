"""What models see of people: made-up ones that were observed without error, and what that does to the numbers."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cache

import numpy as np
import torch

from core.body.files import load_body
from core.contract.skeleton import BODY_JOINTS, LANDMARK_INDEX
from core.motion import MotionEstimate, PairMotion
from core.observations.features import (
    EVIDENCE_COLUMNS,
    NODE_COLUMNS,
    NODE_FEATURES,
    PERSON_COLUMNS,
    PERSON_FEATURES,
    CanonicalFrame,
    Features,
    extract_features,
)
from core.observations.observe import observe
from core.perception.detections import Detections
from lab.training.masking import without_evidence
from tests.lab.evaluation.synthetic import camera, pair, perfect_detections

BODY = load_body(None)
FRAMES = 12
PLANTED = np.tile(np.array([[[1.0, 0.0]], [[0.5, 0.5]]], np.float32), (1, FRAMES, 1))
WRIST = BODY_JOINTS.index("left_wrist")


@cache
def scene() -> tuple[PairMotion, Detections]:
    return pair(FRAMES), perfect_detections(pair(FRAMES), BODY)


def extracted(
    detections: Detections, motion: PairMotion, foot_contact: np.ndarray = PLANTED
) -> tuple[Features, CanonicalFrame]:
    """Features of detections about a motion in the world."""
    reference = MotionEstimate(motion.transformed(camera().T_cw), camera(), foot_contact)
    return extract_features(observe(detections, camera().K), reference, BODY)


def looked_at(detections: Detections, motion: PairMotion, foot_contact: np.ndarray = PLANTED) -> Features:
    return extracted(detections, motion, foot_contact)[0]


def node(observed: Features, name: str) -> torch.Tensor:
    return observed.nodes[..., NODE_COLUMNS[name]]


def person(observed: Features, name: str) -> torch.Tensor:
    return observed.people[..., PERSON_COLUMNS[name]]


def test_what_is_seen_where_it_is_leaves_nothing_to_correct() -> None:
    motion, detections = scene()
    observed = looked_at(detections, motion)
    assert observed.nodes.shape == (2, FRAMES, 22, len(NODE_FEATURES))
    assert observed.people.shape == (2, FRAMES, len(PERSON_FEATURES))
    assert float(node(observed, "offset").abs().max()) < 1e-3
    assert torch.allclose(observed.confidence, torch.full_like(observed.confidence, 0.99), atol=1e-5)
    # side by side, the first one to the left: half a metre either side of the middle, a metre to the other
    assert torch.allclose(node(observed, "from_pair")[0, :, 0, 0], torch.full((FRAMES,), -0.5), atol=1e-3)
    assert torch.allclose(person(observed, "partner")[1, 0], torch.tensor([-1.0, 0.0, 0.0]), atol=1e-3)
    assert bool((node(observed, "ray")[..., 1] > 0.9).all())
    assert torch.equal(observed.reference.joints(BODY), observed.joints)


def test_an_arm_seen_elsewhere_shows_as_metres_across_the_picture() -> None:
    motion, detections = scene()
    keypoints = detections.keypoints.copy()
    depth, focal = 4.0, camera().K[0, 0]
    # 20 cm to the right and 10 cm up at four metres
    keypoints[0, :, LANDMARK_INDEX["left_wrist"], :2] += np.array([0.2, -0.1]) * focal / depth
    observed = looked_at(replace(detections, keypoints=keypoints), motion)
    offset = node(observed, "offset")[0, :, WRIST] / 4
    assert torch.allclose(offset, torch.tensor([0.2, 0.1]).expand(FRAMES, 2), atol=0.02)
    others = [joint for joint in range(22) if joint != WRIST]
    assert float(node(observed, "offset")[0][:, others].abs().max()) < 1e-3


def test_feet_seen_lower_in_the_picture_stand_nearer_to_the_camera() -> None:
    motion, detections = scene()
    ankle = LANDMARK_INDEX["left_ankle"]
    before = person(looked_at(detections, motion), "floor_depth")[0, :, 0]
    keypoints = detections.keypoints.copy()
    keypoints[0, :, ankle, 1] += 15
    after = person(looked_at(replace(detections, keypoints=keypoints), motion), "floor_depth")[0, :, 0]
    assert bool((after < before - 0.1).all())


def test_nothing_seen_leaves_the_first_motion_and_finite_numbers() -> None:
    motion, detections = scene()
    found = detections.found.copy()
    found[0] = False
    keypoints = detections.keypoints.copy()
    keypoints[0] = 0
    blind = looked_at(replace(detections, found=found, keypoints=keypoints), motion)
    assert bool(blind.nodes.isfinite().all()) and bool(blind.people.isfinite().all())
    assert float(blind.nodes.abs().max()) < 10 and float(blind.people.abs().max()) < 10
    assert float(blind.nodes[0][..., list(EVIDENCE_COLUMNS)].abs().max()) == 0
    assert float(blind.confidence[0].max()) == 0
    assert float(person(blind, "found").mean(1)[0, 0]) == 0 and float(person(blind, "found").mean(1)[1, 0]) == 1
    clear = looked_at(detections, motion)
    for name in ("from_pair", "from_pelvis", "rotation", "velocity", "to_partner"):
        assert torch.equal(node(blind, name), node(clear, name))


def test_hiding_joints_afterwards_is_like_not_having_seen_them() -> None:
    motion, detections = scene()
    keypoints = detections.keypoints.copy()
    keypoints[0, :, LANDMARK_INDEX["left_wrist"], 2] = 0
    hidden = torch.zeros(2, FRAMES, 22, dtype=torch.bool)
    hidden[0, :, WRIST] = True
    covered = without_evidence(looked_at(detections, motion).nodes, hidden)
    truly = looked_at(replace(detections, keypoints=keypoints), motion).nodes
    assert torch.allclose(covered[0, :, WRIST], truly[0, :, WRIST], atol=1e-6)


def test_people_exchanged_are_features_exchanged() -> None:
    motion, detections = scene()
    draw = np.random.default_rng(4)
    noisy = replace(
        detections,
        keypoints=(detections.keypoints + draw.normal(0, 5, detections.keypoints.shape) * [1, 1, 0]).astype(np.float32),
        masks=draw.integers(0, 255, detections.masks.shape).astype(np.uint8),
        hands=draw.uniform(0, 1, detections.hands.shape).astype(np.float32),
        covariance=detections.covariance * draw.uniform(1, 90, (2, 1, 33, 1, 1)).astype(np.float32),
    )
    turned = replace(
        noisy,
        **{
            name: np.ascontiguousarray(getattr(noisy, name)[::-1])
            for name in ("keypoints", "covariance", "world_landmarks", "found", "hands", "hand_landmarks", "masks")
        },
    )
    other = PairMotion(**{item.name: getattr(motion, item.name)[::-1].copy() for item in fields(PairMotion)})
    plain, exchanged = looked_at(noisy, motion), looked_at(turned, other, PLANTED[::-1].copy())
    for name in ("nodes", "people", "joints", "confidence"):
        assert torch.equal(getattr(exchanged, name), getattr(plain, name).flip(0)), name
    assert torch.equal(exchanged.reference.rotations, plain.reference.rotations.flip(0))


def test_masks_say_whose_a_landmark_is() -> None:
    motion, detections = scene()
    masks = np.zeros_like(detections.masks)
    masks[1] = 255
    observed = looked_at(replace(detections, masks=masks), motion)
    inside = [joint for joint, name in enumerate(BODY_JOINTS) if not name.endswith(("ankle", "foot"))]
    partners, own = node(observed, "partner_mask")[:, :, inside], node(observed, "own_mask")[:, :, inside]
    assert float(partners[0].min()) > 0.99 and float(own[0].max()) == 0
    assert float(partners[1].max()) == 0 and float(own[1].min()) > 0.99


def test_slower_clips_are_seen_thirty_times_a_second() -> None:
    motion, detections = scene()
    slow = replace(detections, time=np.arange(FRAMES) / 15)
    observed, frame = extracted(slow, motion)
    assert observed.nodes.shape[1] == len(frame.grid.grid_times) == 2 * FRAMES - 1
    exact = looked_at(detections, motion)
    assert torch.allclose(observed.joints[:, ::2], exact.joints, atol=1e-4)
    # the same way in twice the time
    assert torch.allclose(node(observed, "velocity")[:, 2:-2:2, 0], node(exact, "velocity")[:, 1:-1, 0] / 2, atol=2e-3)


def test_the_view_is_where_the_camera_says() -> None:
    motion, detections = scene()
    observed, frame = extracted(detections, motion)
    away = frame.view.points_inview(torch.zeros(3)) - observed.joints[0, :, 0]
    assert torch.allclose(person(observed, "camera")[0], away / 4, atol=1e-4)
