"""Where the nodes of a file are that Assimp has read."""

from __future__ import annotations

from typing import Any

import numpy as np


def assimp_positions(top: Any, channels: dict[str, Any], frame: int) -> dict[str, np.ndarray]:
    """World positions of the nodes at a keyframe, from the hierarchy and the channels that Assimp read."""
    positions = {}
    waiting = [(top, np.eye(4))]
    while waiting:
        node, above = waiting.pop()
        world = above @ _local(node, channels.get(node.name), frame)
        positions[node.name] = world[:3, 3]
        waiting += [(child, world) for child in node.children]
    return positions


def _local(node: Any, channel: Any, frame: int) -> np.ndarray:
    if channel is None:
        return np.array(node.transformation)
    x, y, z, w = np.array(channel.rotation_key_values).reshape(-1, 4)[min(frame, channel.num_rotation_keys - 1)]
    local = np.eye(4)
    local[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    local[:3, 3] = np.array(channel.position_key_values).reshape(-1, 3)[min(frame, channel.num_position_keys - 1)]
    return local
