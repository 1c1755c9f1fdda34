"""The 2D networks in torch: the default on a GPU. A graph is run operation by operation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from .backends import Network
from .network_graph import Graph, Operation, same_padding

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "NONE": lambda x: x,
    "RELU": functional.relu,
    "RELU6": functional.relu6,
}
_AT_ONCE = 16
"""Pictures of a batch on a GPU."""
_TO_NCHW = {0: 0, 1: 2, 2: 3, 3: 1, -1: 1}
"""For each axis of an NHWC feature map its number in NCHW."""


class TorchNetwork(torch.nn.Module, Network):
    """A network in torch; see `backends.Network`. Pictures and outputs are NHWC, as in the file; in between they are NCHW."""

    def __init__(self, graph: Graph, at_once: int = 1) -> None:
        """Batches have `at_once` pictures at most."""
        super().__init__()
        self._at_once = at_once
        self.shape = (graph.input_shape[1], graph.input_shape[2])
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

    def forward(self, *inputs: Float[Tensor, "B _ _ _"]) -> list[Tensor]:
        """The outputs [B, ...] in the file's order; inputs are channels last."""
        values = {
            index: each.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
            for index, each in zip((self._graph.input, *self._graph.further_inputs), inputs, strict=True)
        }
        for operation, step, finished in self._steps:
            arguments = [values[i] if i in values else getattr(self, f"t{i}") for i in operation.inputs]
            values[operation.output] = step(arguments)
            for index in finished:
                if index not in self._graph.outputs:
                    values.pop(index, None)
        outputs = [values[i] for i in self._graph.outputs]
        return [x.permute(0, 2, 3, 1) if x.dim() == 4 else x for x in outputs]

    @torch.inference_mode()
    def run(self, pictures: Float[np.ndarray, "B H W C"], *features: Float[np.ndarray, "B ..."]) -> list[np.ndarray]:
        if not len(pictures):
            return []
        device = next(self.buffers()).device
        # TF32 has 10 bits of mantissa: it would move landmarks by pixels against the other backend.
        with torch.backends.cudnn.flags(deterministic=True, allow_tf32=False):
            batches = [
                self(*(torch.from_numpy(each).to(device) for each in batch))
                for batch in zip(*(_batches(each, self._at_once) for each in (pictures, *features)), strict=True)
            ]
        return [torch.cat(parts).float().cpu().numpy() for parts in zip(*batches)]


class TorchBackend:
    """Loads networks onto a device."""

    name = "torch"
    version = 1

    def __init__(self, device: torch.device, at_once: int | None = None) -> None:
        """`at_once` is the size of batches, None for the fastest: one picture at a time on a CPU."""
        self._device = device
        self.at_once = at_once or (1 if device.type == "cpu" else _AT_ONCE)

    def load(self, graph: Graph) -> TorchNetwork:
        return TorchNetwork(graph, self.at_once).eval().to(self._device)


def _batches(pictures: np.ndarray, size: int) -> list[np.ndarray]:
    return [pictures[start : start + size] for start in range(0, len(pictures), size)]


def _step(operation: Operation) -> Callable[[list[Tensor]], Tensor]:
    """The function that computes the operation, activation included, from its inputs."""
    compute = partial(_COMPUTE[operation.kind], operation)
    activation = operation.options.get("activation", "NONE")
    if activation == "NONE":
        return compute
    return lambda inputs: _ACTIVATIONS[activation](compute(inputs))


def _padding(x: Tensor, kernel: tuple[int, ...], stride: tuple[int, int]) -> list[int]:
    """Padding of x [N,C,H,W] for "same", as `functional.pad` takes it: left, right, top, bottom."""
    vertical, horizontal = (same_padding(*sizes) for sizes in zip(x.shape[2:], kernel, stride))
    return [*horizontal, *vertical]


def _convolution(operation: Operation, inputs: list[Tensor]) -> Tensor:
    x, weight, bias = inputs
    stride = operation.options["stride"]
    groups = x.shape[1] if operation.kind == "DEPTHWISE_CONV_2D" else 1
    padding = (0, 0)
    if operation.options["same"]:
        left, right, top, bottom = _padding(x, tuple(weight.shape[2:]), stride)
        if left == right and top == bottom:
            padding = (top, left)
        else:
            x = functional.pad(x, [left, right, top, bottom])
    return functional.conv2d(x, weight, bias, stride, padding, 1, groups)


def _max_pool(operation: Operation, inputs: list[Tensor]) -> Tensor:
    x, kernel, stride = inputs[0], operation.options["kernel"], operation.options["stride"]
    if operation.options["same"]:
        padding = _padding(x, kernel, stride)
        if any(padding):
            x = functional.pad(x, padding, value=float("-inf"))
    return functional.max_pool2d(x, kernel, stride)


def _pad(operation: Operation, inputs: list[Tensor]) -> Tensor:
    batch, height, width, channels = operation.options["padding"]
    return functional.pad(inputs[0], [*width, *height, *channels, *batch])


def _depth_to_space(operation: Operation, inputs: list[Tensor]) -> Tensor:
    """As TensorFlow orders the input's channels: block row and column first (torch's pixel_shuffle has them last)."""
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
