"""The network of MoveNet MultiPose Lightning as a graph: MobileNetV2 with a feature pyramid and CenterNet's heads.

Google published the network without a paper of its own; its parts are those of Sandler et al., "MobileNetV2" (2018), Lin et al.,
"Feature Pyramid Networks" (2017), and Zhou et al., "Objects as Points" (2019). `core/models/movenet-multipose.md` says where the
weights come from; `python -m lab convert-movenet` writes them under the names that are used here.
"""

from __future__ import annotations

from pathlib import Path

from ..checkpoint import load_checkpoint, weights_file
from .graph_builder import GraphBuilder
from .network_graph import Graph

KIND = "movenet-multipose"
STRIDE = 4
"""Pixels of the input per cell of the outputs."""
HEADS = ("center", "box_size", "box_offset", "keypoint_map", "keypoint_regression", "keypoint_offset")
_BLOCKS = 17
_HALVING_BLOCKS = (1, 3, 6, 13)
"""The inverted residual blocks with a stride of 2."""
_PYRAMID = ((16, 9), (8, 5), (4, 2))
"""Stride of each further level of the feature pyramid and the block whose output it adds."""


def movenet_graph(height: int, width: int, path: Path | None = None) -> Graph:
    """The network for pictures [B,H,W,3] with values in [-1, 1]; height and width are multiples of 32.

    The outputs are feature maps [B,H/4,W/4,C] in the order of HEADS with C = 1, 2, 2, 17, 34 and 34: centres and keypoint maps as
    logits, the others in cells with y before x. `path` is another file of weights than the one that ships with the product.
    UserError `weights-missing` or `weights-wrong`.
    """
    if height % 32 or width % 32:
        raise ValueError(f"{height} x {width} are not multiples of 32")
    checkpoint = load_checkpoint(path or weights_file(KIND), KIND)
    builder = GraphBuilder({name: tensor.float().numpy() for name, tensor in checkpoint.tensors.items()})
    picture = builder.input((1, height, width, 3))
    features, of_blocks = _mobilenet(builder, picture)
    pyramid = builder.convolution(features, "lateral_32")
    for stride, block in _PYRAMID:
        lateral = builder.convolution(of_blocks[block], f"lateral_{stride}")
        pyramid = _separable(builder, builder.add(builder.twice_as_large(pyramid), lateral), f"merge_{stride}")
    outputs = [builder.convolution(_separable(builder, pyramid, head), f"{head}.output") for head in HEADS]
    return builder.graph(picture, tuple(outputs))


def _mobilenet(builder: GraphBuilder, picture: int) -> tuple[int, list[int]]:
    """Its features at stride 32, and the outputs of its blocks."""
    x = builder.convolution(picture, "stem", "RELU6", stride=2)
    of_blocks: list[int] = []
    for block in range(_BLOCKS):
        stride = 2 if block in _HALVING_BLOCKS else 1
        expanded = builder.convolution(x, f"block_{block}.expand", "RELU6") if block else x
        filtered = builder.depthwise(expanded, f"block_{block}.depthwise", "RELU6", stride)
        projected = builder.convolution(filtered, f"block_{block}.project")
        x = builder.add(x, projected) if builder.shape(x) == builder.shape(projected) else projected
        of_blocks.append(x)
    return builder.convolution(x, "features", "RELU6"), of_blocks


def _separable(builder: GraphBuilder, x: int, name: str) -> int:
    return builder.convolution(builder.depthwise(x, f"{name}.depthwise"), f"{name}.pointwise", "RELU")
