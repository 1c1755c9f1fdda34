"""Which runtime runs the embedded 2D networks: onnxruntime on a CPU, torch on a GPU.

The two agree to fractions of a pixel, not exactly, so the runtime's name is part of the key of the 2D stage's results.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from .networks import Runner, load_network
from .onnx_network import in_onnxruntime


@dataclass(frozen=True)
class Backend:
    """A runtime of networks."""

    name: str
    load: Callable[[Path, torch.device], Runner]
    """From a .tflite file of weights to a network that can be run on the device."""


def _load_in_onnxruntime(weights: Path, device: torch.device) -> Runner:
    return in_onnxruntime(load_network(weights, device), weights)


ONNXRUNTIME = Backend("onnxruntime", _load_in_onnxruntime)
TORCH = Backend("torch", load_network)


def backend_for(device: torch.device) -> Backend:
    """The faster runtime on that device: on a CPU onnxruntime takes half the time of torch."""
    return ONNXRUNTIME if device.type == "cpu" else TORCH
