"""The two parts of the prompted landmark network as graphs: BlazePose's trunk, and a head that is told whose joints are meant.

The trunk is the landmark network `full` cut before its outputs. The head is a small U-Net on its features, its heat maps, and
maps of where the joints of the person meant and those of the other person are thought to be (prompts). It also reads the trunk's
coarser features, which know more of a person who is hidden than what is left of them at the trunk's end.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..checkpoint import load_checkpoint, weights_file
from ..contract.errors import UserError
from ..contract.skeleton import LANDMARKS
from .graph_builder import GraphBuilder
from .network_graph import Graph

KIND = "prompted-landmarks"
SIDE = 64
"""Cells along a side of the head's maps."""
FEATURES = 48
COARSE_FEATURES = ((32, 32), (16, 88), (8, 144))
"""Side and channels of the encoder's last feature maps at each resolution."""
LIMB_JOINTS = 12
INPUT_CHANNELS = FEATURES + len(LANDMARKS) + 3 * LIMB_JOINTS
"""Features, heat maps of the landmarks, keypoint maps of anybody, prompts of the person meant, prompts of the other."""


def trunk_graph(full: Graph) -> Graph:
    """BlazePose's graph (`read_graph`) cut down to its features [B,64,64,48], heat maps [B,64,64,39] (logits), and the encoder's
    last features at each of COARSE_FEATURES.

    ValueError for another network.
    """
    makers = {operation.output: operation for operation in full.operations}
    heat = [index for index in full.outputs if full.shapes[index][1:3] == (SIDE, SIDE)]
    if len(heat) != 1 or full.shapes[makers[heat[0]].inputs[0]] != (1, SIDE, SIDE, FEATURES):
        raise ValueError("this is not BlazePose's landmark network")
    coarse = [_last_sum(full, (1, side, side, channels)) for side, channels in COARSE_FEATURES]
    outputs = (makers[heat[0]].inputs[0], heat[0], *coarse)
    needed, kept = set(outputs), []
    for operation in reversed(full.operations):
        if operation.output in needed:
            needed.update(operation.inputs)
            kept.append(operation)
    return replace(
        full,
        operations=tuple(reversed(kept)),
        constants={index: array for index, array in full.constants.items() if index in needed},
        outputs=outputs,
    )


def _last_sum(graph: Graph, shape: tuple[int, ...]) -> int:
    """The last feature map of a shape that is a sum: the end of the residual blocks of that resolution."""
    return [each.output for each in graph.operations if each.kind == "ADD" and graph.shapes[each.output] == shape][-1]


def head_graph(path: Path | None = None) -> Graph:
    """The head for inputs [B,64,64,INPUT_CHANNELS] and the trunk's COARSE_FEATURES.

    Outputs: maps [B,64,64,34], logits of the landmarks' heat maps and of the mask of what is visible; locations [B,16,16,132],
    for each landmark maps of its metric position (metres) and of the logit that it is visible; whole [B,1,1,100], what is added
    to the metric positions, and the logit that the person is in front of the other. `path` is another file of weights than
    the one that ships with the product. UserError `weights-missing` or `weights-wrong`.
    """
    path = path or weights_file(KIND)
    checkpoint = load_checkpoint(path, KIND)
    builder = GraphBuilder({name: tensor.float().numpy() for name, tensor in checkpoint.tensors.items()})
    try:
        return _head(builder)
    except KeyError as error:
        raise UserError(
            "weights-wrong",
            f"The weights in {path} cannot be used: they have no {error.args[0]}.",
            "Use weights that `python -m lab train-prompted` of this version has written.",
        ) from error


def _head(builder: GraphBuilder) -> Graph:
    """KeyError where the weights lack a layer."""
    start = builder.input((1, SIDE, SIDE, INPUT_CHANNELS))
    coarse = tuple(builder.input((1, side, side, channels)) for side, channels in COARSE_FEATURES)
    stem = builder.convolution(start, "stem", "RELU")
    half = builder.convolution(stem, "down1", "RELU", stride=2)
    half = builder.add(half, builder.convolution(coarse[0], "beside1"))
    half = builder.add(half, builder.convolution(half, "same1", "RELU"))
    quarter = builder.convolution(half, "down2", "RELU", stride=2)
    quarter = builder.add(quarter, builder.convolution(coarse[1], "beside2"))
    quarter = builder.add(quarter, builder.convolution(quarter, "same2", "RELU"))
    eighth = builder.convolution(quarter, "down3", "RELU", stride=2)
    eighth = builder.add(eighth, builder.convolution(coarse[2], "beside3"))
    for layer in ("same3", "again3"):
        eighth = builder.add(eighth, builder.convolution(eighth, layer, "RELU"))
    quarter = builder.add(quarter, builder.twice_as_large(builder.convolution(eighth, "up2")))
    quarter = builder.convolution(quarter, "fuse2", "RELU")
    half = builder.add(half, builder.twice_as_large(builder.convolution(quarter, "up1")))
    half = builder.convolution(half, "fuse1", "RELU")
    top = builder.depthwise(builder.add(stem, builder.twice_as_large(half)), "top", "RELU")
    whole = builder.convolution(builder.mean(eighth), "pooled", "RELU")
    outputs = (
        builder.convolution(top, "maps"),
        builder.convolution(quarter, "locations"),
        builder.convolution(whole, "whole"),
    )
    return builder.graph(start, outputs, coarse)
