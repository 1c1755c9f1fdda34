"""Reads the weights of a TensorFlow.js graph model: a .json with the list of its tensors beside binary files with their numbers.

Format: https://github.com/tensorflow/tfjs/tree/master/tfjs-converter, "weightsManifest".
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from core.contract.errors import UserError


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """All tensors of the model by name; those that are stored as float16 stay float16.

    NotImplementedError for weights that are quantized to integers. UserError `file-unreadable`.
    """
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))["weightsManifest"]
        tensors: dict[str, np.ndarray] = {}
        for group in manifest:
            tensors |= _unpack(b"".join((path.parent / part).read_bytes() for part in group["paths"]), group["weights"])
    except (OSError, ValueError, KeyError) as error:
        raise UserError("file-unreadable", f"{path} is no graph model of TensorFlow.js ({error}).") from error
    return tensors


def _unpack(data: bytes, entries: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    """The tensors of one group, which lie one after the other without gaps."""
    tensors, start = {}, 0
    for entry in entries:
        stored = np.dtype(entry.get("quantization", entry)["dtype"])
        if "quantization" in entry and stored != np.float16:
            raise NotImplementedError(f"weights quantized to {stored}")
        count = int(np.prod(entry["shape"]))
        tensors[entry["name"]] = np.frombuffer(data, stored, count, start).reshape(entry["shape"])
        start += count * stored.itemsize
    return tensors
