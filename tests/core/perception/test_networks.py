"""The embedded networks in torch agree with the reference runtime of their format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from core.perception import onnx_network
from core.perception.networks import Runner, load_network
from core.reporting import SilentReporter
from core.weights import PERCEPTION_WEIGHTS, ensure

_REFERENCE = Path(__file__).resolve().parents[1] / "data" / "networks_reference.npz"
"""256 evenly spaced values of each output, recorded with ai-edge-litert 2.3.0 on the input of `_noise`."""


@pytest.fixture(scope="module")
def files() -> dict[str, Path]:
    return ensure(PERCEPTION_WEIGHTS, SilentReporter())


def _noise(size: int) -> np.ndarray:
    return np.random.default_rng(7).random((size, size, 3), np.float32)[None]


def _sample(values: np.ndarray) -> np.ndarray:
    flat = values.ravel()
    return flat[np.linspace(0, flat.size - 1, min(flat.size, 256)).astype(int)]


@pytest.mark.parametrize("engine", ["torch", "onnxruntime"])
@pytest.mark.parametrize("name", [weight.name for weight in PERCEPTION_WEIGHTS])
def test_outputs_agree_with_the_reference(files: dict[str, Path], name: str, engine: str) -> None:
    network: Runner = load_network(files[name], torch.device("cpu"))
    if engine == "onnxruntime":
        network = onnx_network.in_onnxruntime(load_network(files[name], torch.device("cpu")), files[name])
    outputs = network.run(_noise(network.size))
    with np.load(_REFERENCE) as archive:
        expected = [archive[key] for key in archive.files if key.rsplit("_", 1)[0] == name]
    assert len(outputs) == len(expected)
    for output, reference in zip(outputs, expected):
        # The mask's logits run to 800 in single precision: there the last digits of the largest ones count.
        tolerance = max(1e-3, 5e-5 * float(np.abs(reference).max()))
        np.testing.assert_allclose(_sample(output), reference, atol=tolerance, rtol=0)


def test_a_batch_gives_what_single_pictures_give(files: dict[str, Path]) -> None:
    network = load_network(files["hand_landmarks"], torch.device("cpu"))
    pictures = np.concatenate([_noise(network.size), 1 - _noise(network.size)])
    with torch.inference_mode():
        together = network(torch.from_numpy(pictures))
    for both, apart in zip(together, network.run(pictures)):
        assert np.abs(both.numpy() - apart).max() < 1e-3


def test_no_pictures_give_nothing(files: dict[str, Path]) -> None:
    network = load_network(files["hand_landmarks"], torch.device("cpu"))
    assert network.run(np.zeros((0, network.size, network.size, 3), np.float32)) == []
