"""The weights by which bones move the vertices of a mesh, as the animator may have painted them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def read_vertex_weights(
    mesh_object: Any, bones: Mapping[str, int], vertices: Iterable[int] | None = None
) -> list[list[tuple[int, float]]]:
    """For each vertex, or those given, the numbers and positive weights of the bones that have a vertex group."""
    of_group = {group.index: bones[group.name] for group in mesh_object.vertex_groups if group.name in bones}
    points = mesh_object.data.vertices
    chosen = points if vertices is None else (points[index] for index in vertices)
    return [
        [
            (of_group[entry.group], entry.weight)
            for entry in point.groups
            if entry.group in of_group and entry.weight > 0
        ]
        for point in chosen
    ]
