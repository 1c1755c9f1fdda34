"""What Blender shows in the current frame, as numpy arrays, and what the file holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy
import numpy as np


def bone_heads(rig: Any, names: Sequence[str]) -> np.ndarray:
    """World positions [N,3] of the heads of pose bones."""
    evaluated = _evaluated(rig)
    return np.array([evaluated.matrix_world @ evaluated.pose.bones[name].head for name in names])


def deformed_vertices(skin: Any) -> np.ndarray:
    """World positions [V,3] of the vertices of a deformed mesh."""
    evaluated = _evaluated(skin)
    points = np.empty(3 * len(evaluated.data.vertices), dtype=np.float32)
    evaluated.data.vertices.foreach_get("co", points)
    matrix = np.array(evaluated.matrix_world)
    return points.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]


def world_position(item: Any) -> np.ndarray:
    """World position [3] of an object."""
    return np.array(_evaluated(item).matrix_world.translation)


def all_datablocks() -> set[tuple[str, str]]:
    """Kind and name of every datablock in the file."""
    data: Any = bpy.data
    kinds = [prop.identifier for prop in data.bl_rna.properties if prop.type == "COLLECTION"]
    return {(kind, item.name) for kind in kinds for item in getattr(data, kind)}


def person_fcurves(rig: Any) -> Any:
    """The F-curves of an armature's action."""
    return rig.animation_data.action.layers[0].strips[0].channelbags[0].fcurves


def _evaluated(item: Any) -> Any:
    return item.evaluated_get(bpy.context.evaluated_depsgraph_get())
