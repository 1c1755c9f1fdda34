"""The 2D networks in onnxruntime: the default on a CPU."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float

from .backends import Network
from .network_graph import Graph
from .onnx_export import INPUT_NAME, further_input, to_onnx


class OnnxNetwork(Network):
    """A network as an onnxruntime session; see `backends.Network`."""

    def __init__(self, model: bytes, shape: tuple[int, int]) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        self.shape = shape
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def run(self, pictures: Float[np.ndarray, "B H W C"], *features: Float[np.ndarray, "B ..."]) -> list[np.ndarray]:
        if not len(pictures):
            return []
        # One picture at a time is fastest on a CPU.
        names = [INPUT_NAME, *(further_input(number) for number in range(len(features)))]
        single = [
            self._session.run(None, {name: each[None] for name, each in zip(names, inputs)})
            for inputs in zip(pictures, *features, strict=True)
        ]
        return [np.concatenate(parts) for parts in zip(*single)]


class OnnxBackend:
    """Converts each network to ONNX in memory when it is loaded, so no converted copy can go stale."""

    name = "onnxruntime"
    version = 1

    def load(self, graph: Graph) -> OnnxNetwork:
        return OnnxNetwork(to_onnx(graph), (graph.input_shape[1], graph.input_shape[2]))
