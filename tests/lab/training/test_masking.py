"""Masks for training: they look like occlusion, and masked features are those of a clip without that evidence."""

from __future__ import annotations

import pytest
import torch

from core.body.files import load_body
from core.body.model import BodyModel
from core.body.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from core.contract.skeleton import BODY_JOINTS
from core.fitting.initial import estimate_initial_motion
from core.observations.features import EVIDENCE_COLUMNS, NODE_COLUMNS, extract_features
from core.reporting import SilentReporter
from core.representation.residual import PoseState, decode_residual, encode_residual
from lab.training.masking import MaskedFeatures, MaskSettings, draw_masks, interpolate_masked, mask_features
from tests.core.fitting import synthetic
from tests.lab.training.synthetic_batch import synthetic_batch


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body(None)


def test_masked_joints_have_no_evidence_and_the_others_keep_theirs(body: BodyModel) -> None:
    batch = synthetic_batch()
    masked = draw_masks(batch.shape, MaskSettings(limb=0.5, half=0.3, whole=0.2), torch.Generator().manual_seed(1))
    features, columns = mask_features(batch.features, masked, body), list(EVIDENCE_COLUMNS)
    assert (features.confidence[masked] == 0).all()
    assert torch.equal(features.confidence[~masked], batch.confidence[~masked])
    assert (features.nodes[masked][:, columns] == 0).all()
    assert torch.equal(features.nodes[~masked][:, columns], batch.nodes[~masked][:, columns])


def test_the_residual_to_a_masked_reference_leads_to_the_same_true_motion(body: BodyModel) -> None:
    batch = synthetic_batch()
    masked = draw_masks(batch.shape, MaskSettings(limb=0.5, half=0.3, whole=0.2), torch.Generator().manual_seed(1))
    reference = mask_features(batch.features, masked, body).reference
    assert (reference.rotations - batch.reference.rotations)[masked].abs().max() > 0.05
    assert torch.equal(reference.rotations[~masked], batch.reference.rotations[~masked])
    true = decode_residual(batch.residual, batch.residual_betas, batch.reference).motion
    x, betas = encode_residual(true, reference, batch.foot_contact, batch.touching)
    again = decode_residual(x, betas, reference).motion
    assert torch.allclose(again.joints(body), true.joints(body), atol=1e-5)


def test_masked_frames_are_interpolated_between_the_frames_around_them() -> None:
    reference = synthetic_batch(1, 12).reference
    rotating, elbow = reference.rotations.clone(), BODY_JOINTS.index("left_elbow")
    angle = torch.linspace(0, 1.1, 12)
    rotating[0, 0, :, elbow] = axis_angle_to_matrix(torch.stack([angle * 0, angle, angle * 0], -1))
    masked = torch.zeros(1, 2, 12, 22, dtype=torch.bool)
    masked[0, 0, 4:7, elbow] = True
    noisy = rotating.clone()
    noisy[0, 0, 4:7, elbow] = axis_angle_to_matrix(torch.randn(3, 3, generator=torch.Generator().manual_seed(0)))
    interpolated = interpolate_masked(noisy, masked)
    error = matrix_to_axis_angle(interpolated[0, 0, :, elbow].mT @ rotating[0, 0, :, elbow]).norm(dim=-1)
    assert error.max() < 0.02  # it rotates uniformly
    masked[0, 0, 4:, elbow] = True
    constant = interpolate_masked(noisy, masked)[0, 0, :, elbow]
    assert torch.allclose(constant[4:], constant[3].expand(8, 3, 3), atol=1e-5)


def test_masks_have_the_probabilities_of_the_settings() -> None:
    generator = torch.Generator().manual_seed(0)
    masks = draw_masks((600, 2, 32), MaskSettings(limb=0.3, half=0.1, whole=0.2), generator)
    of_person = masks.any(2)
    joints = of_person.sum(-1)
    assert abs(float((joints == 22).float().mean()) - 0.2) < 0.04
    assert abs(float((joints == 0).float().mean()) - 0.4) < 0.04
    lengths = masks.any(-1).sum(-1)[joints > 0]
    assert lengths.min() >= 6 and 0.15 < float((lengths == 32).float().mean()) < 0.35


def test_a_mask_covers_whole_limbs_in_one_stretch_of_time() -> None:
    masks = draw_masks((600, 2, 32), MaskSettings(limb=0.3, half=0.1, whole=0.2), torch.Generator().manual_seed(0))
    wrist, elbow = (masks.any(2)[..., BODY_JOINTS.index(f"left_{part}")] for part in ("wrist", "elbow"))
    assert (wrist | ~elbow).all()
    assert (masks.any(-1).int().diff(dim=-1).abs().sum(-1) <= 2).all()


def test_recomputed_features_are_those_that_the_product_extracts(body: BodyModel) -> None:
    """A rotated foot moves no joint: all columns of the reference motion but the rotation itself must stay."""
    scene = synthetic.scene(body, frames=20)
    initial = estimate_initial_motion(scene.observations, body, reporter=SilentReporter())
    extracted, _ = extract_features(scene.observations, initial, body)
    reference = extracted.reference
    reference = PoseState(*(value[None] for value in (reference.rotations, reference.pelvis, reference.betas)))
    features = MaskedFeatures(extracted.nodes[None], extracted.people[None], extracted.confidence[None], reference)
    masked = torch.zeros(1, *extracted.confidence.shape, dtype=torch.bool)
    masked[:, 1, 5:15, BODY_JOINTS.index("left_foot")] = True
    nodes = mask_features(features, masked, body).nodes[0]
    assert torch.allclose(nodes[~masked[0]], extracted.nodes[~masked[0]], atol=1e-4)
    for name in ("from_pair", "from_pelvis", "velocity", "to_partner"):
        columns = NODE_COLUMNS[name]
        assert torch.allclose(nodes[..., columns], extracted.nodes[..., columns], atol=1e-4), name
