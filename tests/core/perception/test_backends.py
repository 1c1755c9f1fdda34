"""The 2D networks give the same numbers in each backend as in the reference runtime of their format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from core.perception.backends import BackendChoice, Network, backend_identity, choose_backend
from core.perception.tflite_graph import read_graph
from core.perception.torch_backend import TorchBackend
from core.reporting import SilentReporter
from core.weights import PERCEPTION_WEIGHTS, ensure

_REFERENCE = Path(__file__).resolve().parents[1] / "data" / "networks_reference.npz"
"""256 evenly spaced values of each output, recorded with ai-edge-litert 2.3.0 on the input of `_noise`."""
_CPU = torch.device("cpu")
_BACKENDS: tuple[BackendChoice, ...] = ("torch", "onnxruntime")


@pytest.fixture(scope="module")
def files() -> dict[str, Path]:
    return ensure(PERCEPTION_WEIGHTS, SilentReporter())


def _load(path: Path, backend: BackendChoice) -> Network:
    return choose_backend(_CPU, backend).load(read_graph(path))


def _noise(size: int) -> np.ndarray:
    return np.random.default_rng(7).random((size, size, 3), np.float32)[None]


def _sample(values: np.ndarray) -> np.ndarray:
    flat = values.ravel()
    return flat[np.linspace(0, flat.size - 1, min(flat.size, 256)).astype(int)]


@pytest.mark.parametrize("backend", _BACKENDS)
@pytest.mark.parametrize("name", [weight.name for weight in PERCEPTION_WEIGHTS])
def test_outputs_agree_with_the_reference_runtime(files: dict[str, Path], name: str, backend: BackendChoice) -> None:
    network = _load(files[name], backend)
    outputs = network.run(_noise(network.size))
    with np.load(_REFERENCE) as archive:
        expected = [archive[key] for key in archive.files if key.rsplit("_", 1)[0] == name]
    assert len(outputs) == len(expected)
    for output, reference in zip(outputs, expected):
        # The logits of the mask run to 800 in single precision: there the last digits of the largest ones count.
        tolerance = max(1e-3, 5e-5 * float(np.abs(reference).max()))
        np.testing.assert_allclose(_sample(output), reference, atol=tolerance, rtol=0)


@pytest.mark.parametrize("name", [weight.name for weight in PERCEPTION_WEIGHTS])
def test_backends_agree_in_every_value(files: dict[str, Path], name: str) -> None:
    networks = [_load(files[name], backend) for backend in _BACKENDS]
    pictures = _noise(networks[0].size)
    for a, b in zip(*(network.run(pictures) for network in networks)):
        assert a.shape == b.shape
        # Rounding: each backend's mask is up to 3e-4 of its largest logit from the one in double precision.
        assert np.abs(a - b).max() < max(1e-3, 5e-4 * float(np.abs(a).max()))


@pytest.mark.parametrize("backend", _BACKENDS)
def test_a_batch_equals_its_single_pictures(files: dict[str, Path], backend: BackendChoice) -> None:
    network = _load(files["hand_landmarks"], backend)
    pictures = np.concatenate([_noise(network.size), 1 - _noise(network.size)])
    for together, first, second in zip(network.run(pictures), network.run(pictures[:1]), network.run(pictures[1:])):
        assert np.abs(together - np.concatenate([first, second])).max() < 1e-3


def test_torch_in_true_batches_equals_single_pictures(files: dict[str, Path]) -> None:
    """As on a GPU, where a batch is one run of the network."""
    graph = read_graph(files["hand_landmarks"])
    single, batched = TorchBackend(_CPU).load(graph), TorchBackend(_CPU, at_once=2).load(graph)
    pictures = np.concatenate([_noise(single.size), 1 - _noise(single.size), _noise(single.size)[:, ::-1]])
    for together, apart in zip(batched.run(pictures), single.run(pictures), strict=True):
        assert together.shape == apart.shape and np.abs(together - apart).max() < 1e-3


@pytest.mark.parametrize("backend", _BACKENDS)
def test_an_empty_batch_gives_no_outputs(files: dict[str, Path], backend: BackendChoice) -> None:
    network = _load(files["hand_landmarks"], backend)
    assert network.run(np.zeros((0, network.size, network.size, 3), np.float32)) == []


def test_the_device_chooses_the_backend() -> None:
    assert backend_identity(_CPU).startswith("onnxruntime-")
    assert backend_identity(_CPU, "torch") == backend_identity(torch.device("cuda"))
    with pytest.raises(ValueError, match="CPU"):
        choose_backend(torch.device("cuda"), "onnxruntime")
