"""The prompted landmark network: what the head is shown, and how its answer is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from core.checkpoint import Checkpoint, save_checkpoint
from core.contract.errors import UserError
from core.perception.backends import choose_backend
from core.perception.crops import Crop, to_picture
from core.perception.prompted_graph import (
    COARSE_FEATURES,
    FEATURES,
    INPUT_CHANNELS,
    KIND,
    LIMB_JOINTS,
    head_graph,
    trunk_graph,
)
from core.perception.prompted_landmarks import (
    PROMPT_JOINTS,
    SIDE,
    TARGET_SPREAD,
    JointPrompt,
    PromptedLandmarks,
    Query,
    crop_of_joints,
    decode,
    gaussians,
    head_input,
    to_cells,
)
from core.perception.tflite_graph import read_graph
from core.reporting import SilentReporter
from core.weights import POSE_LANDMARKS, ensure
from lab.prompted_training.network import PromptedHead

_CPU = torch.device("cpu")
_TURNED = Crop(300, 200, 160, 0.4)
_LEAN = np.zeros((16, 16, 132), np.float32)
_WHOLE = np.zeros((1, 1, 100), np.float32)


@pytest.fixture(scope="module")
def pose_landmarks() -> Path:
    return ensure([POSE_LANDMARKS], SilentReporter())[POSE_LANDMARKS.name]


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Of a head that was not trained."""
    torch.manual_seed(0)
    path = tmp_path / "head.safetensors"
    save_checkpoint(path, Checkpoint(KIND, 0, {}, PromptedHead().product_tensors()))
    return path


def _upright() -> np.ndarray:
    """Limb joints of somebody who stands, px."""
    half = np.array([30.0, 30, 45, 45, 50, 50, 20, 20, 20, 20, 20, 20])
    height = np.array([0.0, 0, 45, 45, 85, 85, 90, 90, 150, 150, 210, 210])
    side = np.where(np.arange(LIMB_JOINTS) % 2 == 0, 1, -1)
    return np.stack([400 + side * half, 100 + height], 1)


def _maps(cells: np.ndarray) -> np.ndarray:
    """Logits [64,64,34] of heat maps with the training target's shape around one cell for all landmarks."""
    targets = gaussians(np.tile(cells, (33, 1)), np.ones(33), np.full(33, TARGET_SPREAD))
    return np.concatenate([np.log(targets + 1e-12), np.full((SIDE, SIDE, 1), -9.0)], -1).astype(np.float32)


def test_the_crop_lies_around_the_hips_and_holds_the_whole_body() -> None:
    crop = crop_of_joints(_upright(), np.ones(LIMB_JOINTS))
    assert (crop.x, crop.y) == pytest.approx((400, 190))
    assert crop.angle == pytest.approx(0)
    cells = to_cells(crop, _upright())
    assert ((cells > 0.05 * SIDE) & (cells < 0.95 * SIDE)).all()


def test_the_crop_turns_with_the_trunk_and_ignores_doubtful_joints() -> None:
    lying = (_upright() - (400, 190)) @ np.array([[0.0, 1], [-1, 0]]) + (400, 190)
    crop = crop_of_joints(lying, np.ones(LIMB_JOINTS))
    assert abs(crop.angle) == pytest.approx(np.pi / 2)
    confidence = np.ones(LIMB_JOINTS)
    confidence[-1] = 0.01
    stray = _upright()
    stray[-1] = (4000, 4000)
    assert crop_of_joints(stray, confidence).size == pytest.approx(crop_of_joints(_upright(), np.ones(12)).size)


def test_prompts_are_drawn_where_they_point_and_as_wide_as_they_are_unsure() -> None:
    points = to_picture(_TURNED, np.tile([[0.25, 0.75]], (LIMB_JOINTS, 1)))
    sigma = np.zeros(LIMB_JOINTS)
    sigma[1] = 20
    own = JointPrompt(points, np.ones(LIMB_JOINTS), sigma)
    features, heat = np.zeros((SIDE, SIDE, FEATURES)), np.zeros((SIDE, SIDE, 39))
    maps = head_input(Query(_TURNED, own=own), features, heat)
    assert maps.shape == (SIDE, SIDE, INPUT_CHANNELS)
    drawn, other = maps[..., -2 * LIMB_JOINTS : -LIMB_JOINTS], maps[..., -LIMB_JOINTS:]
    row, column = np.unravel_index(drawn[..., 0].argmax(), (SIDE, SIDE))
    assert abs(column + 0.5 - 16) <= 0.5 and abs(row + 0.5 - 48) <= 0.5
    assert (drawn[..., 1] > 0.5).sum() > 4 * (drawn[..., 0] > 0.5).sum()
    assert not other.any()


def test_a_peak_in_a_turned_crop_is_read_where_it_is() -> None:
    pose = decode(_TURNED, _maps(np.array([20.3, 41.8])), _LEAN, _WHOLE)
    expected = to_picture(_TURNED, np.array([[20.3, 41.8]]) / SIDE)
    assert np.abs(pose.points - expected).max() < 0.05 * _TURNED.size / SIDE
    assert (pose.confidence > 0.9).all()
    deviation = np.sqrt(np.linalg.eigvalsh(pose.covariance)).max()
    assert deviation < 0.7 * _TURNED.size / SIDE
    assert pose.mask.max() < 10


def test_two_places_lower_the_confidence_and_stretch_the_covariance_between_them() -> None:
    upright = Crop(300, 200, 160)
    both = np.logaddexp(_maps(np.array([16.0, 32.0])), _maps(np.array([48.0, 32.0])) - 0.5)
    pose = decode(upright, both, _LEAN, _WHOLE)
    assert (pose.confidence < 0.7).all() and (pose.confidence > 0.5).all()
    deviation = np.sqrt(pose.covariance[0])
    assert deviation[0, 0] > 10 * deviation[1, 1]
    assert np.sqrt(pose.covariance[0, 0, 0]) > 0.2 * upright.size


def test_metric_landmarks_are_read_where_the_landmark_is_and_turn_with_the_crop() -> None:
    locations = np.zeros((16, 16, 33, 4), np.float32)
    locations[:, :8, :, 0] = 5.0  # on the left half of the crop, where no landmark is
    wrist = PROMPT_JOINTS[4]
    locations[8, 12, wrist] = (0.3, 0.0, -0.2, 3.0)
    maps = _maps(np.array([50.0, 34.0]))
    pose = decode(Crop(300, 200, 160, np.pi / 2), maps, locations.reshape(16, 16, -1), _WHOLE)
    assert np.abs(pose.metric[PROMPT_JOINTS[6:8]].mean(0)).max() < 1e-6
    assert pose.metric[wrist, 2] < -0.05
    # the crop's x axis points down in the picture
    assert pose.metric[wrist, 1] > 0.1 and abs(pose.metric[wrist, 0]) < 1e-3
    assert pose.visibility[wrist] > 0.7 and pose.visibility[PROMPT_JOINTS[5]] == pytest.approx(0.5)


def test_an_answer_can_be_the_next_prompt() -> None:
    prompt = decode(_TURNED, _maps(np.array([20.0, 40.0])), _LEAN, _WHOLE).prompt()
    assert prompt.points.shape == (LIMB_JOINTS, 2)
    assert (prompt.confidence <= 1).all() and (prompt.sigma > 0).all()


def test_the_trunk_gives_blazeposes_heat_maps(pose_landmarks: Path) -> None:
    whole, backend = read_graph(pose_landmarks), choose_backend(_CPU)
    trunk = trunk_graph(whole)
    assert len(trunk.operations) < len(whole.operations)
    picture = np.random.default_rng(0).random((1, 256, 256, 3), np.float32)
    features, heat, *coarse = backend.load(trunk).run(picture)
    assert features.shape == (1, SIDE, SIDE, FEATURES)
    assert [each.shape for each in coarse] == [(1, side, side, channels) for side, channels in COARSE_FEATURES]
    np.testing.assert_allclose(heat, backend.load(whole).run(picture)[3], atol=1e-4)


def test_another_network_is_no_trunk(weights: Path) -> None:
    with pytest.raises(ValueError, match="BlazePose"):
        trunk_graph(head_graph(weights))


def test_both_backends_answer_alike(pose_landmarks: Path, weights: Path) -> None:
    image = np.random.default_rng(1).integers(0, 255, (240, 320, 3), np.uint8)
    own = JointPrompt(_upright() / 2, np.ones(LIMB_JOINTS), np.zeros(LIMB_JOINTS))
    crop = crop_of_joints(own.points, own.confidence)
    queries = [Query(crop, own=own), Query(crop, other=own)]
    poses = []
    for choice in ("torch", "onnxruntime"):
        backend = choose_backend(_CPU, choice)
        network = PromptedLandmarks(
            backend.load(trunk_graph(read_graph(pose_landmarks))), backend.load(head_graph(weights))
        )
        poses.append(network.predict(image, queries))
        assert network.predict(image, []) == []
    for a, b in zip(*poses):
        np.testing.assert_allclose(a.confidence, b.confidence, atol=1e-3)
        np.testing.assert_allclose(a.metric, b.metric, atol=1e-3)


def test_weights_of_an_earlier_head_are_refused(tmp_path: Path) -> None:
    tensors = {name: each for name, each in PromptedHead().product_tensors().items() if "beside2" not in name}
    save_checkpoint(tmp_path / "x.safetensors", Checkpoint(KIND, 0, {}, tensors))
    with pytest.raises(UserError, match="beside2") as caught:
        head_graph(tmp_path / "x.safetensors")
    assert caught.value.code == "weights-wrong"


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "x.safetensors", Checkpoint("stgcn", 0, {}, {"a": torch.zeros(1)}))
    with pytest.raises(UserError) as caught:
        head_graph(tmp_path / "x.safetensors")
    assert caught.value.code == "weights-wrong"
