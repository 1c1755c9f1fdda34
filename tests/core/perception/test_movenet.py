"""MoveNet finds the same people in the same places as its published TensorFlow.js model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from core.contract.errors import UserError
from core.perception.backends import BackendChoice, NetworkBackend, choose_backend
from core.perception.crops import Crop, to_picture
from core.perception.movenet import KEYPOINTS, MoveNet
from core.perception.movenet_graph import HEADS, movenet_graph

_REFERENCE = Path(__file__).resolve().parents[1] / "data" / "movenet_reference.npz"
"""A frame of the sample with what the model made of it in @tensorflow/tfjs-core 4.22 on its CPU backend: 256 evenly spaced values
of each head, and rows of the two people (17 times y, x and confidence; box as y, x, y, x; all in 0-1; the score)."""
_CPU = torch.device("cpu")
_BACKENDS: tuple[BackendChoice, ...] = ("torch", "onnxruntime")


@pytest.fixture(scope="module")
def reference() -> dict[str, np.ndarray]:
    with np.load(_REFERENCE) as archive:
        return dict(archive)


@pytest.fixture(scope="module", params=_BACKENDS)
def backend(request: pytest.FixtureRequest) -> NetworkBackend:
    return choose_backend(_CPU, request.param)


@pytest.fixture(scope="module")
def movenet(backend: NetworkBackend) -> MoveNet:
    return MoveNet(backend, (256, 256), 256)


def test_heads_agree_with_the_published_model(backend: NetworkBackend, reference: dict[str, np.ndarray]) -> None:
    outputs = backend.load(movenet_graph(256, 256)).run(reference["picture"][None].astype(np.float32) / 127.5 - 1)
    assert len(outputs) == len(HEADS)
    for name, output in zip(HEADS, outputs):
        values = output.ravel()[np.linspace(0, output.size - 1, 256).astype(int)]
        np.testing.assert_allclose(values, reference[name], atol=2e-3, rtol=0, err_msg=name)


def test_people_agree_with_the_published_model(movenet: MoveNet, reference: dict[str, np.ndarray]) -> None:
    [people] = movenet.find_everywhere([reference["picture"]])
    assert people[0].score > 0.8 and people[1].score > 0.8 and all(person.score < 0.1 for person in people[2:])
    for person, row in zip(people, reference["people"]):
        expected = row[:51].reshape(17, 3)
        np.testing.assert_allclose(person.points, expected[:, 1::-1] * 256, atol=0.01)
        np.testing.assert_allclose(person.box, row[[52, 51, 54, 53]] * 256, atol=0.01)
        # The published decoding gives a joint that lies where another person has one that person's confidence if it is higher.
        assert (person.confidence < expected[:, 2] + 1e-4).all() and (person.confidence > expected[:, 2] - 0.05).all()


def test_people_are_found_in_the_same_place_whatever_shows_them(
    backend: NetworkBackend, movenet: MoveNet, reference: dict[str, np.ndarray]
) -> None:
    wide = np.ascontiguousarray(reference["picture"][:144])
    expected = movenet.find_everywhere([reference["picture"]])[0][:2]
    height = expected[0].box[3] - expected[0].box[1]
    shown = [
        *MoveNet(backend, (256, 144), 256).find_everywhere([wide]),
        *(people for people, _ in movenet.find(wide, [Crop(128, 128, 256), Crop(120, 90, 180)])),
    ]
    for people in shown:
        for person in expected:
            distances = [np.median(np.linalg.norm(other.points - person.points, axis=1)) for other in people]
            assert min(distances) < 0.05 * height


def test_keypoint_maps_are_high_where_the_keypoints_are_in_any_crop(
    movenet: MoveNet, reference: dict[str, np.ndarray]
) -> None:
    [(people, maps)] = movenet.find(reference["picture"], [Crop(128, 128, 256)])
    crop = Crop(130, 80, 150, 0.4)
    resampled = maps.resampled(crop, 64)
    row, column, joint = (int(i) for i in np.unravel_index(resampled.argmax(), resampled.shape))
    place = to_picture(crop, np.array([column, row]) / 64)
    distances = [float(np.linalg.norm(person.points[joint] - place)) for person in people[:2]]
    assert min(distances) < 8, KEYPOINTS[joint]


def test_a_guess_finds_the_keypoints_near_it_and_nothing_where_nobody_is(
    movenet: MoveNet, reference: dict[str, np.ndarray]
) -> None:
    [(people, maps)] = movenet.find(reference["picture"], [Crop(128, 128, 256)])
    for person in people[:2]:
        near = maps.nearest_keypoints(person.points + 3, person.scale)
        clear = person.confidence > 0.3
        assert np.median(np.linalg.norm(near.points - person.points, axis=1)[clear]) < 2
        assert near.quality > 0.5 * person.quality
    assert maps.nearest_keypoints(people[0].points + (0, 150), people[0].scale).quality < 0.05


def test_no_window_finds_nobody(movenet: MoveNet) -> None:
    assert movenet.find(np.zeros((10, 10, 3), np.uint8), []) == []


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        movenet_graph(256, 256, tmp_path / "none.safetensors")
    assert caught.value.code == "weights-missing"
