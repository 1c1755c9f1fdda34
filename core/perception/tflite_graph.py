"""Reads a .tflite file as a `network_graph.Graph`: its operations, and their constants as dense float32 arrays.

Only the operations of the four 2D networks are supported; any other raises NotImplementedError with its name. Weights
that are stored as float16 (DEQUANTIZE) or sparse (DENSIFY) are expanded here, so that backends see dense float32.
Format: https://github.com/tensorflow/tensorflow/blob/master/tensorflow/compiler/mlir/lite/schema/schema.fbs
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tflite

from .network_graph import Graph, Operation

_OPERATOR_NAMES = {v: k for k, v in vars(tflite.BuiltinOperator).items() if isinstance(v, int)}
_ACTIVATION_NAMES = {v: k for k, v in vars(tflite.ActivationFunctionType).items() if isinstance(v, int)}
_ARRAY_TYPES = {
    tflite.TensorType.FLOAT32: np.float32,
    tflite.TensorType.FLOAT16: np.float16,
    tflite.TensorType.INT32: np.int32,
    tflite.TensorType.INT64: np.int64,
}
_SPARSE_INDEX_TYPES = {1: tflite.Int32Vector, 2: tflite.Uint16Vector, 3: tflite.Uint8Vector}
_SAME_PADDING = 0


def read_graph(path: Path) -> Graph:
    """Read the file's first subgraph, which must have one input. NotImplementedError for an unknown operation."""
    model: Any = tflite.Model.GetRootAsModel(path.read_bytes(), 0)
    subgraph = model.Subgraphs(0)
    constants = _constants(model, subgraph)
    operations = []
    for index in range(subgraph.OperatorsLength()):
        operator = subgraph.Operators(index)
        code = model.OperatorCodes(operator.OpcodeIndex())
        kind = _OPERATOR_NAMES[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
        inputs = tuple(int(i) for i in operator.InputsAsNumpy())
        output = int(operator.Outputs(0))
        if kind in ("DEQUANTIZE", "DENSIFY") and inputs[0] in constants:
            constants[output] = constants[inputs[0]]
            continue
        options, settings = _options(kind, operator, inputs, constants)
        if kind == "RESHAPE":
            options["shape"] = [int(size) for size in subgraph.Tensors(output).ShapeAsNumpy()]
        kept = tuple(i for i in inputs if i not in settings)
        operations.append(Operation(kind, kept, output, options))
    used = {i for operation in operations for i in operation.inputs}
    flow = {int(subgraph.Inputs(0)), *(operation.output for operation in operations)}
    return Graph(
        tuple(operations),
        {i: np.ascontiguousarray(array, np.float32) for i, array in constants.items() if i in used},
        int(subgraph.Inputs(0)),
        tuple(int(i) for i in subgraph.OutputsAsNumpy()),
        {i: tuple(int(size) for size in subgraph.Tensors(i).ShapeAsNumpy()) for i in sorted(flow)},
    )


def _constants(model: Any, subgraph: Any) -> dict[int, np.ndarray]:
    constants = {}
    for index in range(subgraph.TensorsLength()):
        tensor = subgraph.Tensors(index)
        data = model.Buffers(tensor.Buffer()).DataAsNumpy()
        if isinstance(data, np.ndarray) and data.size:
            values = np.frombuffer(data.tobytes(), _ARRAY_TYPES[tensor.Type()])
            sparse = tensor.Sparsity() is not None
            constants[index] = _dense(tensor, values) if sparse else values.reshape(tensor.ShapeAsNumpy())
    return constants


def _options(
    kind: str, operator: Any, inputs: tuple[int, ...], constants: Mapping[int, np.ndarray]
) -> tuple[dict[str, Any], set[int]]:
    """The operation's attributes, and those of its inputs that are attributes too rather than tensors of the flow."""

    def table(reader: Any) -> Any:
        record = reader()
        record.Init(operator.BuiltinOptions().Bytes, operator.BuiltinOptions().Pos)
        return record

    def activation(record: Any) -> str:
        return _ACTIVATION_NAMES[record.FusedActivationFunction()]

    if kind in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        record = table(tflite.Conv2DOptions if kind == "CONV_2D" else tflite.DepthwiseConv2DOptions)
        if (record.DilationHFactor(), record.DilationWFactor()) != (1, 1):
            raise NotImplementedError("dilated convolution")
        stride = (record.StrideH(), record.StrideW())
        same = record.Padding() == _SAME_PADDING
        return {"stride": stride, "same": same, "activation": activation(record)}, set()
    if kind == "MAX_POOL_2D":
        record = table(tflite.Pool2DOptions)
        return {
            "stride": (record.StrideH(), record.StrideW()),
            "kernel": (record.FilterHeight(), record.FilterWidth()),
            "same": record.Padding() == _SAME_PADDING,
            "activation": activation(record),
        }, set()
    if kind == "RESIZE_BILINEAR":
        record = table(tflite.ResizeBilinearOptions)
        if not (record.AlignCorners() or record.HalfPixelCenters()):
            raise NotImplementedError("bilinear resize with neither aligned corners nor half-pixel centres")
        size = tuple(int(v) for v in constants[inputs[1]])
        return {"size": size, "align_corners": bool(record.AlignCorners())}, {inputs[1]}
    if kind == "ADD":
        return {"activation": activation(table(tflite.AddOptions))}, set()
    if kind == "FULLY_CONNECTED":
        return {"activation": activation(table(tflite.FullyConnectedOptions))}, set()
    if kind == "CONCATENATION":
        record = table(tflite.ConcatenationOptions)
        return {"axis": record.Axis(), "activation": activation(record)}, set()
    if kind == "DEPTH_TO_SPACE":
        return {"block": table(tflite.DepthToSpaceOptions).BlockSize()}, set()
    if kind == "MEAN":
        axes = tuple(int(v) for v in constants[inputs[1]].ravel())
        return {"axes": axes, "keep": bool(table(tflite.ReducerOptions).KeepDims())}, {inputs[1]}
    if kind == "PAD":
        return {"padding": constants[inputs[1]].tolist()}, {inputs[1]}
    if kind == "RESHAPE":
        return {}, set(inputs[1:])
    if kind in ("LOGISTIC", "PRELU"):
        return {}, set()
    raise NotImplementedError(f"the operation {kind}")


def _dense(tensor: Any, values: np.ndarray) -> np.ndarray:
    """Expand a sparse constant: its dimensions come in traversal order, each dense or compressed, the last ones inside blocks.

    The encoding is that of the Tensor Algebra Compiler (Kjolstad et al., 2017), as the schema describes it.
    """
    sparsity = tensor.Sparsity()
    shape = [int(size) for size in tensor.ShapeAsNumpy()]
    order = [int(i) for i in sparsity.TraversalOrderAsNumpy()]
    blocked = [int(i) for i in sparsity.BlockMapAsNumpy()] if sparsity.BlockMapLength() else []
    levels = [sparsity.DimMetadata(i) for i in range(sparsity.DimMetadataLength())]

    # Positions of the stored values, level by level: `places[k]` are their coordinates along the dimension of level k.
    position = np.zeros(1, np.int64)
    places: list[np.ndarray] = []
    for level in levels:
        if level.Format() == 0:
            size = level.DenseSize()
            repeats = np.full(len(position), size)
            place = np.tile(np.arange(size), len(position))
            following = np.repeat(position, size) * size + place
        else:
            segments = _index_vector(level.ArraySegmentsType(), level.ArraySegments())
            indices = _index_vector(level.ArrayIndicesType(), level.ArrayIndices())
            repeats = segments[position + 1] - segments[position]
            starts = np.repeat(segments[position] - np.cumsum(repeats) + repeats, repeats)
            following = starts + np.arange(len(starts))
            place = indices[following]
        places = [np.repeat(known, repeats) for known in places] + [place]
        position = following

    coordinates = [np.zeros(len(position), np.int64) for _ in shape]
    block_size = {dimension: levels[len(shape) + i].DenseSize() for i, dimension in enumerate(blocked)}
    for dimension, place in zip(order, places):
        if dimension < len(shape):
            coordinates[dimension] += place * block_size.get(dimension, 1)
        else:
            coordinates[blocked[dimension - len(shape)]] += place
    dense = np.zeros(shape, values.dtype)
    dense[tuple(coordinates)] = values[position]
    return dense


def _index_vector(kind: int, table: Any) -> np.ndarray:
    vector = _SPARSE_INDEX_TYPES[kind]()
    vector.Init(table.Bytes, table.Pos)
    return vector.ValuesAsNumpy().astype(np.int64)
