"""A convolutional network as plain data, which both backends run: operations in order and their constants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Operation:
    """One operation. `inputs` and `output` are numbers of tensors, `options` the operation's attributes."""

    kind: str
    inputs: tuple[int, ...]
    output: int
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Graph:
    """Operations in order of execution. Feature maps are NHWC as in the file, convolution weights OHWI."""

    operations: tuple[Operation, ...]
    constants: Mapping[int, np.ndarray]
    input: int
    outputs: tuple[int, ...]
    shapes: Mapping[int, tuple[int, ...]]
    """Shape of every tensor of the flow, for a batch of one."""
    further_inputs: tuple[int, ...] = ()
    """Feature maps that the network takes beside its input."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        return self.shapes[self.input]


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's padding "same" along one axis: before and after; an odd pixel goes after."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2
