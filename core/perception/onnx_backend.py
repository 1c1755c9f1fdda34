"""The 2D networks in onnxruntime: the default on a CPU."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from jaxtyping import Float

from ..device import independent_threads
from .backends import Network
from .network_graph import Graph
from .onnx_export import INPUT_NAME, further_input, to_onnx


class OnnxNetwork(Network):
    """A network as an onnxruntime session; see `backends.Network`."""

    def __init__(self, model: bytes, shape: tuple[int, int], threads: ThreadPoolExecutor) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        self.shape = shape
        self._threads = threads
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def run(self, pictures: Float[np.ndarray, "B H W C"], *features: Float[np.ndarray, "B ..."]) -> list[np.ndarray]:
        if not len(pictures):
            return []
        names = [INPUT_NAME, *(further_input(number) for number in range(len(features)))]

        def run_one(inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
            outputs = self._session.run(None, {name: each[None] for name, each in zip(names, inputs)})
            return [np.asarray(each) for each in outputs]

        # One picture in each thread is faster on a CPU than all pictures as a batch.
        each_picture = zip(pictures, *features, strict=True)
        single = list(self._threads.map(run_one, each_picture) if len(pictures) > 1 else map(run_one, each_picture))
        return [np.concatenate(parts) for parts in zip(*single)]


class OnnxBackend:
    """Converts each network to ONNX in memory when it is loaded, so no converted copy can go stale."""

    name = "onnxruntime"
    version = 1

    def __init__(self) -> None:
        self.at_once = independent_threads()
        self._threads = ThreadPoolExecutor(self.at_once, thread_name_prefix="pictures")

    def load(self, graph: Graph) -> OnnxNetwork:
        return OnnxNetwork(to_onnx(graph), (graph.input_shape[1], graph.input_shape[2]), self._threads)
