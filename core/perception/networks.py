"""The embedded networks in torch: the graph of a .tflite file, run operation by operation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from .tflite_graph import Graph, Operation, read_graph

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "NONE": lambda x: x,
    "RELU": functional.relu,
    "RELU6": functional.relu6,
}
_TO_NCHW = {0: 0, 1: 2, 2: 3, 3: 1, -1: 1}
"""Where an axis of an NHWC picture is in torch's NCHW."""


class Runner(Protocol):
    """A network that can be run, whatever runs it."""

    size: int
    """Side of the square input picture in pixels."""

    def run(self, pictures: np.ndarray) -> list[np.ndarray]:
        """pictures float32 [N,S,S,3] -> outputs as arrays [N,...], pictures among them as NHWC."""
        ...


class Network(torch.nn.Module):
    """A graph in torch. Pictures go in and come out as in the file (NHWC); in between they are NCHW."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.size = graph.input_shape[1]
        """Side of the square input picture in pixels."""
        self._graph = graph
        for index, array in graph.constants.items():
            self.register_buffer(f"t{index}", torch.from_numpy(array), persistent=False)
        layouts = {"CONV_2D": (0, 3, 1, 2), "DEPTHWISE_CONV_2D": (3, 0, 1, 2)}
        for operation in graph.operations:
            if operation.kind in layouts:
                name = f"t{operation.inputs[1]}"
                weight = getattr(self, name).permute(layouts[operation.kind])
                setattr(self, name, weight.contiguous(memory_format=torch.channels_last))
            elif operation.kind == "PRELU":
                name = f"t{operation.inputs[1]}"
                setattr(self, name, getattr(self, name).reshape(-1))
        last_use = {index: step for step, op in enumerate(graph.operations) for index in op.inputs}
        self._steps = [
            (operation, _step(operation), tuple(i for i in set(operation.inputs) if last_use[i] == step))
            for step, operation in enumerate(graph.operations)
        ]

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """pictures float [N,S,S,3] -> the outputs in the file's order, pictures among them as NHWC."""
        values = {self._graph.input: pictures.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)}
        for operation, step, finished in self._steps:
            arguments = [values[i] if i in values else getattr(self, f"t{i}") for i in operation.inputs]
            values[operation.output] = step(arguments)
            for index in finished:
                if index not in self._graph.outputs:
                    values.pop(index, None)
        outputs = [values[i] for i in self._graph.outputs]
        return [x.permute(0, 2, 3, 1) if x.dim() == 4 else x for x in outputs]

    @torch.inference_mode()
    def run(self, pictures: np.ndarray) -> list[np.ndarray]:
        """pictures float32 [N,S,S,3] -> outputs as arrays. On the CPU one by one, which is fastest there."""
        if not len(pictures):
            return []
        device = next(self.buffers()).device
        step = 1 if device.type == "cpu" else len(pictures)
        batches = [self(torch.from_numpy(pictures[i : i + step]).to(device)) for i in range(0, len(pictures), step)]
        return [torch.cat(parts).float().cpu().numpy() for parts in zip(*batches)]


def load_network(path: Path, device: torch.device) -> Network:
    return Network(read_graph(path)).eval().to(device)


def _step(operation: Operation) -> Callable[[list[Tensor]], Tensor]:
    """What computes the operation from its inputs, activation included."""
    compute = partial(_COMPUTE[operation.kind], operation)
    activation = operation.options.get("activation", "NONE")
    if activation == "NONE":
        return compute
    return lambda inputs: _ACTIVATIONS[activation](compute(inputs))


def _same_padding(x: Tensor, kernel: tuple[int, ...], stride: tuple[int, int]) -> list[int]:
    """TensorFlow's "same": left, right, top, bottom; an odd pixel goes right and below."""
    padding = []
    for size, k, s in ((x.shape[-1], kernel[1], stride[1]), (x.shape[-2], kernel[0], stride[0])):
        total = max((-(-size // s) - 1) * s + k - size, 0)
        padding += [total // 2, total - total // 2]
    return padding


def _convolution(operation: Operation, inputs: list[Tensor]) -> Tensor:
    x, weight, bias = inputs
    stride = operation.options["stride"]
    groups = x.shape[1] if operation.kind == "DEPTHWISE_CONV_2D" else 1
    padding = (0, 0)
    if operation.options["same"]:
        left, right, top, bottom = _same_padding(x, tuple(weight.shape[2:]), stride)
        if left == right and top == bottom:
            padding = (top, left)
        else:
            x = functional.pad(x, [left, right, top, bottom])
    return functional.conv2d(x, weight, bias, stride, padding, 1, groups)


def _max_pool(operation: Operation, inputs: list[Tensor]) -> Tensor:
    x, kernel, stride = inputs[0], operation.options["kernel"], operation.options["stride"]
    if operation.options["same"]:
        padding = _same_padding(x, kernel, stride)
        if any(padding):
            x = functional.pad(x, padding, value=float("-inf"))
    return functional.max_pool2d(x, kernel, stride)


def _pad(operation: Operation, inputs: list[Tensor]) -> Tensor:
    batch, height, width, channels = operation.options["padding"]
    return functional.pad(inputs[0], [*width, *height, *channels, *batch])


def _depth_to_space(operation: Operation, inputs: list[Tensor]) -> Tensor:
    """TensorFlow's order: the block's place comes before the channel (torch's pixel_shuffle has it after)."""
    x, block = inputs[0], operation.options["block"]
    n, c, h, w = x.shape
    c //= block * block
    return x.reshape(n, block, block, c, h, w).permute(0, 3, 4, 1, 5, 2).reshape(n, c, h * block, w * block)


def _reshape(operation: Operation, inputs: list[Tensor]) -> Tensor:
    x = inputs[0].permute(0, 2, 3, 1) if inputs[0].dim() == 4 else inputs[0]
    return x.reshape(x.shape[0], *operation.options["shape"][1:])


def _concatenate(operation: Operation, inputs: list[Tensor]) -> Tensor:
    axis = operation.options["axis"]
    return torch.cat(inputs, _TO_NCHW[axis] if inputs[0].dim() == 4 else axis)


def _mean(operation: Operation, inputs: list[Tensor]) -> Tensor:
    return inputs[0].mean([_TO_NCHW[axis] for axis in operation.options["axes"]], keepdim=operation.options["keep"])


def _resize(operation: Operation, inputs: list[Tensor]) -> Tensor:
    options = operation.options
    return functional.interpolate(inputs[0], options["size"], mode="bilinear", align_corners=options["align_corners"])


_COMPUTE: dict[str, Callable[[Operation, list[Tensor]], Tensor]] = {
    "ADD": lambda _, inputs: inputs[0] + inputs[1],
    "CONCATENATION": _concatenate,
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _convolution,
    "DEPTH_TO_SPACE": _depth_to_space,
    "FULLY_CONNECTED": lambda _, inputs: functional.linear(inputs[0].flatten(1), inputs[1], inputs[2]),
    "LOGISTIC": lambda _, inputs: torch.sigmoid(inputs[0]),
    "MAX_POOL_2D": _max_pool,
    "MEAN": _mean,
    "PAD": _pad,
    "PRELU": lambda _, inputs: functional.prelu(inputs[0], inputs[1]),
    "RESHAPE": _reshape,
    "RESIZE_BILINEAR": _resize,
}
