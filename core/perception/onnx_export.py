"""Converts the graph of a network to an ONNX model.

The graph's tensors are NHWC and ONNX operators are NCHW: feature maps are transposed once on their way in and out, and
before a reshape, whose order of elements is that of NHWC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from .network_graph import Graph, Operation, same_padding

INPUT_NAME = "pictures"
_OPSET = 17
_IR_VERSION = 8
"""Both are old enough for every onnxruntime that core/requirements.txt allows."""
_TO_NHWC = (0, 2, 3, 1)
_TO_NCHW = (0, 3, 1, 2)
_AXIS_IN_NCHW = (0, 2, 3, 1)
"""For each axis of an NHWC feature map its number in NCHW."""


def to_onnx(graph: Graph) -> bytes:
    """The serialized ONNX model of a graph.

    Its input `INPUT_NAME` is float32 [1,S,S,3], further ones are named by `further_input`; its outputs are those of the file, in
    order and layout. NotImplementedError for an operation that has no counterpart here.
    """
    writer = _Writer(graph)
    outputs = writer.write()
    model = helper.make_model(
        helper.make_graph(
            writer.nodes,
            "network",
            [
                helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, graph.shapes[index])
                for name, index in _inputs(graph).items()
            ],
            [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in outputs.items()],
            writer.initializers,
        ),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
    )
    return model.SerializeToString()


def further_input(number: int) -> str:
    """The name of one of `Graph.further_inputs`."""
    return f"features_{number}"


def _inputs(graph: Graph) -> dict[str, int]:
    """The inputs' names and tensors."""
    further = {further_input(number): index for number, index in enumerate(graph.further_inputs)}
    return {INPUT_NAME: graph.input, **further}


class _Writer:
    """Collects the nodes and constants of one model. Values are named by the numbers of the file's tensors."""

    def __init__(self, graph: Graph) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.graph = graph

    def write(self) -> dict[str, tuple[int, ...]]:
        """Write all nodes; returns the outputs' names and shapes."""
        graph = self.graph
        for name, index in _inputs(graph).items():
            self.node("Transpose", [name], _name(index), perm=_TO_NCHW)
        for operation in graph.operations:
            activation = operation.options.get("activation", "NONE")
            output = _name(operation.output)
            computed = output if activation == "NONE" else f"{output}_linear"
            _WRITE[operation.kind](self, operation, computed)
            if activation == "RELU":
                self.node("Relu", [computed], output)
            elif activation == "RELU6":
                limits = [self.constant(f"{output}_{limit}", np.float32(limit)) for limit in (0, 6)]
                self.node("Clip", [computed, *limits], output)
            elif activation != "NONE":
                raise NotImplementedError(f"the activation {activation}")
        return {self.in_file_layout(index, "output"): graph.shapes[index] for index in graph.outputs}

    def node(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> None:
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))

    def constant(self, name: str, value: np.ndarray | np.generic) -> str:
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(value).reshape(np.shape(value)), name))
        return name

    def value(self, index: int) -> str:
        """The name of a tensor of the flow, or of a constant that is used as it is."""
        name = _name(index)
        constants = self.graph.constants
        if index in constants and all(known.name != name for known in self.initializers):
            self.constant(name, constants[index])
        return name

    def weight(self, index: int, order: tuple[int, ...]) -> str:
        return self.constant(f"{_name(index)}_weight", self.graph.constants[index].transpose(order))

    def in_file_layout(self, index: int, purpose: str) -> str:
        """The name of a tensor in NHWC."""
        if not self.is_feature_map(index):
            return _name(index)
        name = f"{_name(index)}_nhwc_{purpose}"
        self.node("Transpose", [_name(index)], name, perm=_TO_NHWC)
        return name

    def is_feature_map(self, index: int) -> bool:
        return len(self.graph.shapes[index]) == 4

    def pads(self, operation: Operation, kernel: Sequence[int]) -> list[int]:
        """[top, left, bottom, right]"""
        if not operation.options["same"]:
            return [0, 0, 0, 0]
        height, width = self.graph.shapes[operation.inputs[0]][1:3]
        stride = operation.options["stride"]
        (top, bottom), (left, right) = (same_padding(*sizes) for sizes in zip((height, width), kernel, stride))
        return [top, left, bottom, right]


def _name(index: int) -> str:
    return f"t{index}"


def _convolution(writer: _Writer, operation: Operation, output: str) -> None:
    x, weight, bias = operation.inputs
    depthwise = operation.kind == "DEPTHWISE_CONV_2D"
    shape = writer.graph.constants[weight].shape
    writer.node(
        "Conv",
        [writer.value(x), writer.weight(weight, (3, 0, 1, 2) if depthwise else _TO_NCHW), writer.value(bias)],
        output,
        strides=operation.options["stride"],
        pads=writer.pads(operation, shape[1:3]),
        group=shape[3] if depthwise else 1,
    )


def _max_pool(writer: _Writer, operation: Operation, output: str) -> None:
    kernel = operation.options["kernel"]
    pads = writer.pads(operation, kernel)
    inputs = [writer.value(operation.inputs[0])]
    writer.node("MaxPool", inputs, output, kernel_shape=kernel, strides=operation.options["stride"], pads=pads)


def _pad(writer: _Writer, operation: Operation, output: str) -> None:
    batch, height, width, channels = operation.options["padding"]
    before, after = zip(batch, channels, height, width)
    pads = writer.constant(f"{output}_pads", np.array([*before, *after], np.int64))
    writer.node("Pad", [writer.value(operation.inputs[0]), pads], output)


def _reshape(writer: _Writer, operation: Operation, output: str) -> None:
    # A reshape to four axes would have to come back as NCHW; no network here has one.
    if writer.is_feature_map(operation.output):
        raise NotImplementedError("a reshape to four axes")
    shape = writer.constant(f"{output}_shape", np.array(operation.options["shape"], np.int64))
    writer.node("Reshape", [writer.in_file_layout(operation.inputs[0], "reshape"), shape], output)


def _mean(writer: _Writer, operation: Operation, output: str) -> None:
    axes = [_AXIS_IN_NCHW[axis] for axis in operation.options["axes"]]
    keep = int(operation.options["keep"])
    writer.node("ReduceMean", [writer.value(operation.inputs[0])], output, axes=axes, keepdims=keep)


def _resize(writer: _Writer, operation: Operation, output: str) -> None:
    shape = writer.graph.shapes[operation.output]
    sizes = writer.constant(f"{output}_sizes", np.array([shape[i] for i in _TO_NCHW], np.int64))
    mode = "align_corners" if operation.options["align_corners"] else "half_pixel"
    inputs = [writer.value(operation.inputs[0]), "", "", sizes]
    writer.node("Resize", inputs, output, mode="linear", coordinate_transformation_mode=mode)


def _concatenation(writer: _Writer, operation: Operation, output: str) -> None:
    axis = operation.options["axis"]
    if writer.is_feature_map(operation.output):
        axis = _AXIS_IN_NCHW[axis]
    writer.node("Concat", [writer.value(index) for index in operation.inputs], output, axis=axis)


def _fully_connected(writer: _Writer, operation: Operation, output: str) -> None:
    x, weight, bias = operation.inputs
    flat = f"{output}_flat"
    writer.node("Flatten", [writer.in_file_layout(x, f"for_{output}")], flat)
    writer.node("Gemm", [flat, writer.value(weight), writer.value(bias)], output, transB=1)


def _prelu(writer: _Writer, operation: Operation, output: str) -> None:
    slope = writer.constant(f"{output}_slope", writer.graph.constants[operation.inputs[1]].reshape(-1, 1, 1))
    writer.node("PRelu", [writer.value(operation.inputs[0]), slope], output)


def _depth_to_space(writer: _Writer, operation: Operation, output: str) -> None:
    inputs = [writer.value(operation.inputs[0])]
    writer.node("DepthToSpace", inputs, output, blocksize=operation.options["block"], mode="DCR")


def _same_inputs(kind: str) -> Callable[[_Writer, Operation, str], None]:
    """An operation that ONNX has with the same inputs and without attributes."""

    def write(writer: _Writer, operation: Operation, output: str) -> None:
        writer.node(kind, [writer.value(index) for index in operation.inputs], output)

    return write


_WRITE: Mapping[str, Callable[[_Writer, Operation, str], None]] = {
    "ADD": _same_inputs("Add"),
    "CONCATENATION": _concatenation,
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _convolution,
    "DEPTH_TO_SPACE": _depth_to_space,
    "FULLY_CONNECTED": _fully_connected,
    "LOGISTIC": _same_inputs("Sigmoid"),
    "MAX_POOL_2D": _max_pool,
    "MEAN": _mean,
    "PAD": _pad,
    "PRELU": _prelu,
    "RESHAPE": _reshape,
    "RESIZE_BILINEAR": _resize,
}
