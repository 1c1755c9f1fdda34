"""What tests see of Blender's evaluated scene, in numpy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy
import numpy as np


def bone_heads(rig: Any, names: Sequence[str]) -> np.ndarray:
    """World positions [N,3] of pose bones in the current frame."""
    seen = rig.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return np.array([seen.matrix_world @ seen.pose.bones[name].head for name in names])


def skin_points(skin: Any) -> np.ndarray:
    """World positions [V,3] of the deformed mesh in the current frame."""
    seen = skin.evaluated_get(bpy.context.evaluated_depsgraph_get())
    points = np.empty(3 * len(seen.data.vertices), dtype=np.float32)
    seen.data.vertices.foreach_get("co", points)
    matrix = np.array(seen.matrix_world)
    return points.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]


def world_place(item: Any) -> np.ndarray:
    seen = item.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return np.array(seen.matrix_world.translation)


def everything() -> set[tuple[str, str]]:
    """Kind and name of every datablock in the file."""
    kinds = [prop.identifier for prop in bpy.data.bl_rna.properties if prop.type == "COLLECTION"]
    return {(kind, item.name) for kind in kinds for item in getattr(bpy.data, kind)}
