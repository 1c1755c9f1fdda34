"""Which library runs the 2D networks: onnxruntime on a CPU, torch on a GPU, both behind one protocol."""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np
import torch
from jaxtyping import Float

from .network_graph import Graph

BackendChoice = Literal["auto", "onnxruntime", "torch"]


class Network(Protocol):
    """A network that takes pictures, or feature maps, of one size, whatever library runs it."""

    shape: tuple[int, int]
    """Height and width of the input picture in pixels."""

    @property
    def size(self) -> int:
        """Side of the input picture, for networks that take square ones."""
        return self.shape[0]

    def run(self, pictures: Float[np.ndarray, "B H W C"], *features: Float[np.ndarray, "B ..."]) -> list[np.ndarray]:
        """Run the network on a batch of pictures, and of the further feature maps that it takes if it takes any.

        The outputs [B, ...] are in the file's order, feature maps as NHWC. The list is empty for an empty batch.
        """
        ...


class NetworkBackend(Protocol):
    """A library that runs networks."""

    name: str
    version: int
    """Rises when the same network and picture give other numbers by more than rounding; part of `backend_identity`."""
    at_once: int
    """Pictures that take it less time together than one by one, where they are of several frames."""

    def load(self, graph: Graph) -> Network: ...


def choose_backend(device: torch.device, wanted: BackendChoice = "auto") -> NetworkBackend:
    """The backend for a device. "auto" is onnxruntime on a CPU, where it is about twice as fast, and torch elsewhere.

    ValueError for onnxruntime on another device than a CPU: only its CPU build is installed.
    """
    if wanted == "auto":
        wanted = "onnxruntime" if device.type == "cpu" else "torch"
    if wanted == "torch":
        from .torch_backend import TorchBackend

        return TorchBackend(device)
    if device.type != "cpu":
        raise ValueError(f"onnxruntime runs networks on the CPU only, not on {device}")
    from .onnx_backend import OnnxBackend

    return OnnxBackend()


def backend_identity(device: torch.device, wanted: BackendChoice = "auto") -> str:
    """Name and version of the backend for a device, for the keys of results that were computed with it."""
    backend = choose_backend(device, wanted)
    return f"{backend.name}-{backend.version}"
