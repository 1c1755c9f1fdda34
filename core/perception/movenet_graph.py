"""The network of MoveNet MultiPose Lightning as a graph: MobileNetV2 with a feature pyramid and CenterNet's heads.

Google published the network without a paper of its own; its parts are those of Sandler et al., "MobileNetV2" (2018), Lin et al.,
"Feature Pyramid Networks" (2017), and Zhou et al., "Objects as Points" (2019). `core/models/movenet-multipose.md` says where the
weights come from; `python -m lab convert-movenet` writes them under the names that are used here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ..checkpoint import load_checkpoint, weights_file
from .network_graph import Graph, Operation

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
    checkpoint = load_checkpoint(path or weights_file(KIND), KIND)
    return _Builder({name: tensor.float().numpy() for name, tensor in checkpoint.tensors.items()}).build(height, width)


class _Builder:
    """Appends operations to a graph; feature maps are named by the numbers of their tensors."""

    def __init__(self, weights: Mapping[str, Float[np.ndarray, "..."]]) -> None:
        """`weights` by layer: NAME.weight in the graph's layout, and NAME.bias where the layer has one."""
        self._weights = weights
        self._operations: list[Operation] = []
        self._constants: dict[int, np.ndarray] = {}
        self._shapes: dict[int, tuple[int, ...]] = {}
        self._count = 0

    def build(self, height: int, width: int) -> Graph:
        if height % 32 or width % 32:
            raise ValueError(f"{height} x {width} are not multiples of 32")
        picture = self._tensor((1, height, width, 3))
        features, of_blocks = self._mobilenet(picture)
        pyramid = self._convolution(features, "lateral_32")
        for stride, block in _PYRAMID:
            lateral = self._convolution(of_blocks[block], f"lateral_{stride}")
            pyramid = self._separable(self._add(self._twice_as_large(pyramid), lateral), f"merge_{stride}")
        outputs = [self._convolution(self._separable(pyramid, head), f"{head}.output") for head in HEADS]
        return Graph(tuple(self._operations), self._constants, picture, tuple(outputs), self._shapes)

    def _mobilenet(self, picture: int) -> tuple[int, list[int]]:
        """Its features at stride 32, and the outputs of its blocks."""
        x = self._convolution(picture, "stem", "RELU6", stride=2)
        of_blocks: list[int] = []
        for block in range(_BLOCKS):
            stride = 2 if block in _HALVING_BLOCKS else 1
            expanded = self._convolution(x, f"block_{block}.expand", "RELU6") if block else x
            filtered = self._depthwise(expanded, f"block_{block}.depthwise", "RELU6", stride)
            projected = self._convolution(filtered, f"block_{block}.project")
            x = self._add(x, projected) if self._shapes[x] == self._shapes[projected] else projected
            of_blocks.append(x)
        return self._convolution(x, "features", "RELU6"), of_blocks

    def _separable(self, x: int, name: str) -> int:
        return self._convolution(self._depthwise(x, f"{name}.depthwise"), f"{name}.pointwise", "RELU")

    def _convolution(self, x: int, name: str, activation: str = "NONE", stride: int = 1) -> int:
        channels = self._weights[f"{name}.weight"].shape[0]
        return self._filter("CONV_2D", x, name, activation, stride, channels)

    def _depthwise(self, x: int, name: str, activation: str = "NONE", stride: int = 1) -> int:
        return self._filter("DEPTHWISE_CONV_2D", x, name, activation, stride, self._shapes[x][3])

    def _filter(self, kind: str, x: int, name: str, activation: str, stride: int, channels: int) -> int:
        weight = self._weights[f"{name}.weight"]
        bias = self._weights.get(f"{name}.bias", np.zeros(channels, np.float32))
        constants = [self._constant(np.ascontiguousarray(array, np.float32)) for array in (weight, bias)]
        height, width = (-(-side // stride) for side in self._shapes[x][1:3])
        options = {"stride": (stride, stride), "same": True, "activation": activation}
        return self._append(kind, (x, *constants), options, (1, height, width, channels))

    def _add(self, x: int, y: int) -> int:
        return self._append("ADD", (x, y), {"activation": "NONE"}, self._shapes[x])

    def _twice_as_large(self, x: int) -> int:
        _, height, width, channels = self._shapes[x]
        size = (2 * height, 2 * width)
        return self._append("RESIZE_BILINEAR", (x,), {"size": size, "align_corners": False}, (1, *size, channels))

    def _append(self, kind: str, inputs: tuple[int, ...], options: dict[str, object], shape: tuple[int, ...]) -> int:
        output = self._tensor(shape)
        self._operations.append(Operation(kind, inputs, output, options))
        return output

    def _constant(self, array: np.ndarray) -> int:
        self._count += 1
        self._constants[self._count - 1] = array
        return self._count - 1

    def _tensor(self, shape: tuple[int, ...]) -> int:
        self._count += 1
        self._shapes[self._count - 1] = shape
        return self._count - 1
