"""The reader of TensorFlow.js weights, and the names that MoveNet's layers get."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core.contract.errors import UserError
from lab.movenet.convert import convert, rename
from lab.movenet.tfjs_model import read_weights

_PREFIX = "StatefulPartitionedCall/center_net_mobile_net_v2fpn_feature_extractor/model_1"


def test_weights_are_read_in_the_order_of_the_manifest(tmp_path: Path) -> None:
    half = np.arange(6, dtype=np.float16).reshape(2, 3)
    (tmp_path / "a.bin").write_bytes(half.tobytes()[:5])
    (tmp_path / "b.bin").write_bytes(half.tobytes()[5:] + np.array(7, np.int32).tobytes())
    tensors = [
        {"name": "half", "shape": [2, 3], "dtype": "float32", "quantization": {"dtype": "float16"}},
        {"name": "scalar", "shape": [], "dtype": "int32"},
    ]
    manifest = [{"paths": ["a.bin", "b.bin"], "weights": tensors}]
    (tmp_path / "model.json").write_text(json.dumps({"weightsManifest": manifest}))
    weights = read_weights(tmp_path / "model.json")
    assert weights["half"].dtype == np.float16 and (weights["half"] == half).all()
    assert weights["scalar"].shape == () and weights["scalar"] == 7


def test_a_model_that_breaks_off_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"\0\0")
    tensors = [{"name": "x", "shape": [3], "dtype": "float32"}]
    (tmp_path / "model.json").write_text(json.dumps({"weightsManifest": [{"paths": ["a.bin"], "weights": tensors}]}))
    with pytest.raises(UserError) as caught:
        read_weights(tmp_path / "model.json")
    assert caught.value.code == "file-unreadable"


def test_layers_get_the_names_of_the_graph_and_its_layout() -> None:
    tensors = {
        f"{_PREFIX}/model/block_3_expand/Conv2D_weights": np.zeros((1, 2, 3, 4)),
        f"{_PREFIX}/separable_conv2d_1/separable_conv2d/ReadVariableOp": np.zeros((3, 3, 32, 1)),
        f"{_PREFIX}/conv2d/BiasAdd/ReadVariableOp": np.zeros(64),
        "StatefulPartitionedCall/kpt_heatmap_0/conv2d_7/Conv2D/ReadVariableOp": np.zeros((1, 1, 96, 17)),
        "StatefulPartitionedCall/mul_6/y": np.zeros(()),
    }
    assert {name: array.shape for name, array in rename(tensors).items()} == {
        "block_3.expand.weight": (4, 1, 2, 3),
        "merge_8.depthwise.weight": (1, 3, 3, 32),
        "lateral_32.bias": (64,),
        "keypoint_map.output.weight": (17, 1, 1, 96),
    }


def test_a_file_that_is_not_the_published_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        convert(tmp_path)
    assert caught.value.code == "weight-missing"
    (tmp_path / "movenet-multipose.bin").write_bytes(b"other")
    with pytest.raises(UserError) as caught:
        convert(tmp_path)
    assert caught.value.code == "weight-damaged"
