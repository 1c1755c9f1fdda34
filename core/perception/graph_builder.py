"""Builds networks as graphs (`network_graph`) layer by layer, from weights by the layers' names."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from .network_graph import Graph, Operation


class GraphBuilder:
    """Appends operations to a graph. Feature maps are NHWC and named by the numbers of their tensors."""

    def __init__(self, weights: Mapping[str, Float[np.ndarray, "..."]]) -> None:
        """`weights` by layer: NAME.weight in the graph's layout (OHWI), and NAME.bias where the layer has one."""
        self._weights = weights
        self._operations: list[Operation] = []
        self._constants: dict[int, np.ndarray] = {}
        self._shapes: dict[int, tuple[int, ...]] = {}
        self._count = 0

    def graph(self, start: int, outputs: tuple[int, ...], further_inputs: tuple[int, ...] = ()) -> Graph:
        """What was built, from the input `start` and further ones to the outputs."""
        return Graph(tuple(self._operations), self._constants, start, outputs, self._shapes, further_inputs)

    def shape(self, x: int) -> tuple[int, ...]:
        return self._shapes[x]

    def input(self, shape: tuple[int, ...]) -> int:
        return self._tensor(shape)

    def convolution(self, x: int, name: str, activation: str = "NONE", stride: int = 1) -> int:
        """A convolution with padding "same"."""
        channels = self._weights[f"{name}.weight"].shape[0]
        return self._filter("CONV_2D", x, name, activation, stride, channels)

    def depthwise(self, x: int, name: str, activation: str = "NONE", stride: int = 1) -> int:
        return self._filter("DEPTHWISE_CONV_2D", x, name, activation, stride, self._shapes[x][3])

    def add(self, x: int, y: int, activation: str = "NONE") -> int:
        return self._append("ADD", (x, y), {"activation": activation}, self._shapes[x])

    def twice_as_large(self, x: int) -> int:
        """Bilinear, with half-pixel centres."""
        _, height, width, channels = self._shapes[x]
        size = (2 * height, 2 * width)
        return self._append("RESIZE_BILINEAR", (x,), {"size": size, "align_corners": False}, (1, *size, channels))

    def mean(self, x: int) -> int:
        """The mean over the picture, [1,1,1,C]."""
        return self._append("MEAN", (x,), {"axes": (1, 2), "keep": True}, (1, 1, 1, self._shapes[x][3]))

    def _filter(self, kind: str, x: int, name: str, activation: str, stride: int, channels: int) -> int:
        weight = self._weights[f"{name}.weight"]
        bias = self._weights.get(f"{name}.bias", np.zeros(channels, np.float32))
        constants = [self._constant(np.ascontiguousarray(array, np.float32)) for array in (weight, bias)]
        height, width = (-(-side // stride) for side in self._shapes[x][1:3])
        options = {"stride": (stride, stride), "same": True, "activation": activation}
        return self._append(kind, (x, *constants), options, (1, height, width, channels))

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
