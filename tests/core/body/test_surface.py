"""Normals and areas of a mesh that can be worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.body.surface import vertex_areas, vertex_normals

CORNERS = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
FACES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
"""A tetrahedron: three right-angled triangles and the slanted one."""


def test_vertex_normals_point_outwards():
    normals = vertex_normals(CORNERS, FACES)
    assert np.linalg.norm(normals, axis=1) == pytest.approx(np.ones(4))
    assert ((normals * (CORNERS - CORNERS.mean(0))).sum(1) > 0).all()


def test_each_vertex_has_a_third_of_its_triangles():
    slanted = math.sqrt(3) / 2
    assert vertex_areas(CORNERS, FACES) == pytest.approx([0.5, *[(1 + slanted) / 3] * 3])
