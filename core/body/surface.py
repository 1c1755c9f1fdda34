"""Normals and areas of the vertices of a triangle mesh."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int


def vertex_normals(vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]) -> Float[np.ndarray, "V 3"]:
    """Unit normals, weighted by area; outwards for counter-clockwise triangles. Zero for a vertex without triangles."""
    by_face = _area_vectors(vertices, faces)
    total = np.stack(
        [np.bincount(faces.ravel(), np.repeat(by_face[:, axis], 3), len(vertices)) for axis in range(3)], 1
    )
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)


def vertex_areas(vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]) -> Float[np.ndarray, " V"]:
    """A third of the area of each vertex's triangles, in the square of the vertices' unit."""
    by_face = np.linalg.norm(_area_vectors(vertices, faces), axis=1) / 6
    return np.bincount(faces.ravel(), by_face.repeat(3), len(vertices))


def _area_vectors(vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]) -> Float[np.ndarray, "F 3"]:
    """Normals of the triangles, twice as long as their areas."""
    corners = vertices[faces]
    return np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
