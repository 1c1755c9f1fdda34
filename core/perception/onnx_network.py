"""The embedded networks in onnxruntime, which takes about half of torch's time on a CPU."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from ..contract.files import replacing
from .networks import Network

_OPSET = 17


class OnnxNetwork:
    """The same as `networks.Network`, on the CPU."""

    def __init__(self, path: Path, size: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        self.size = size
        """Side of the square input picture in pixels."""
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def run(self, pictures: np.ndarray) -> list[np.ndarray]:
        """pictures float32 [N,S,S,3] -> outputs as arrays."""
        if not len(pictures):
            return []
        single = [self._session.run(None, {"pictures": picture[None]}) for picture in pictures]
        return [np.concatenate(parts) for parts in zip(*single)]


def in_onnxruntime(network: Network, weights: Path) -> OnnxNetwork:
    """The network as onnxruntime runs it; written once beside its weights."""
    path = weights.with_name(f"{weights.stem}-opset{_OPSET}.onnx")
    if not path.exists():
        with replacing(path) as temporary, warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")  # the exporter's notes about the future of its other way
            picture = torch.zeros(1, network.size, network.size, 3)
            torch.onnx.export(
                network, (picture,), str(temporary), dynamo=False, opset_version=_OPSET, input_names=["pictures"]
            )
    return OnnxNetwork(path, network.size)
