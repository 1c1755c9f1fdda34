"""MoGe-2 is run from an ONNX file of its interface; a tiny network stands in for the large one."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from core.contract.errors import Cancelled, UserError
from core.hub.moge import MODEL, MogeModel
from core.hub.store import MODELS_VARIABLE, require
from tests.core.hub.installing import seal


def tiny_moge(folder: Path, *, outputs: int = 4, repeat: int = 1, seed: int = 0) -> Path:
    """A network with the inputs and outputs of MoGe-2: convolutions with random weights. Its answers mean nothing."""
    draw = np.random.default_rng(seed)
    kernels = {"p": (3, 3, 1, 1), "n": (3, 3, 1, 1), "m": (1, 3, 1, 1), "deep": (3, 3, 3, 3)}
    weights = [
        numpy_helper.from_array(draw.normal(0, 0.3, shape).astype(np.float32), name) for name, shape in kernels.items()
    ]
    weights += [
        numpy_helper.from_array(np.array([0], np.int64), "axis"),
        numpy_helper.from_array(np.array([0.0, 0.0, 3.0], np.float32).reshape(1, 3, 1, 1), "ahead"),
    ]
    nodes = [helper.make_node("Identity", ["image"], ["x0"])]
    nodes += [
        helper.make_node("Conv", [f"x{number}", "deep"], [f"x{number + 1}"], pads=[1, 1, 1, 1])
        for number in range(repeat)
    ]
    nodes += [
        helper.make_node("Conv", [f"x{repeat}", "p"], ["q"]),
        helper.make_node("Add", ["q", "ahead"], ["q3"]),
        helper.make_node("Transpose", ["q3"], ["points"], perm=[0, 2, 3, 1]),
        helper.make_node("Conv", [f"x{repeat}", "n"], ["k"]),
        helper.make_node("Transpose", ["k"], ["normal"], perm=[0, 2, 3, 1]),
        helper.make_node("Conv", [f"x{repeat}", "m"], ["m1"]),
        helper.make_node("Sigmoid", ["m1"], ["m2"]),
        helper.make_node("Squeeze", ["m2", "one"], ["mask"]),
        helper.make_node("Cast", ["num_tokens"], ["tokens"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["tokens", "axis"], ["metric_scale"]),
    ]
    weights.append(numpy_helper.from_array(np.array([1], np.int64), "one"))
    names = ("points", "normal", "mask", "metric_scale")[:outputs]
    graph = helper.make_graph(
        nodes,
        "moge",
        [
            helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, "h", "w"]),
            helper.make_tensor_value_info("num_tokens", TensorProto.INT64, []),
        ],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names],
        weights,
    )
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8), folder / "model.onnx"
    )
    return folder


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 255, (72, 128, 3), np.uint8)


def test_the_network_is_run_through_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, picture: np.ndarray
) -> None:
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path))
    tiny_moge(tmp_path / MODEL)
    seal(MODEL)
    found = MogeModel(require(MODEL)).predict(picture)
    assert found is None or (found.points.shape == (72, 128, 3) and np.isfinite(found.points).all())


def test_other_networks_and_damaged_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a network of MoGe-2"):
        MogeModel(tiny_moge(tmp_path / "less", outputs=2))
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "model.onnx").write_bytes(b"no protobuf")
    with pytest.raises(UserError, match="cannot be loaded"):
        MogeModel(tmp_path / "bad")


def test_it_is_cancelled_within_the_network(tmp_path: Path) -> None:
    network = MogeModel(tiny_moge(tmp_path / "slow", repeat=400))
    begun = time.monotonic()

    def cancel() -> None:
        if time.monotonic() - begun > 0.2:
            raise Cancelled

    with pytest.raises(Cancelled):
        network.predict(np.zeros((672, 672, 3), np.uint8), cancel)
    assert time.monotonic() - begun < 3.0
