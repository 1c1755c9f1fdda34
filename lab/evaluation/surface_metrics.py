"""Metrics of two skins: how deep they penetrate each other, and how far regions in contact are apart."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from core.body.surface import vertex_normals
from core.contract.body_parts import BODY_PARTS, PART_OF_REGION
from core.contract.contact import Contact
from core.contract.skeleton import REGIONS

from .metrics import MM

_STRIDE = 2
"""Penetration is measured at every second vertex: neighbours have nearly the same depth."""
_MARGIN = 0.06
"""metres around the overlap of two people's bounding boxes, so that no vertex there loses its neighbours."""
_NEAR_DISTANCE, _FARTHEST = 0.05, 0.13
"""metres from the nearest vertex: up to the first the normal decides, beyond the second a point is outside."""


def contact_matrix(contacts: Sequence[Contact], frames: Int[np.ndarray, " T"]) -> Bool[np.ndarray, "T R R"]:
    """Which regions of person 0 (rows) and person 1 (columns) are in contact in each of the clip's frames.

    Contacts with the ground and rejected ones do not count.
    """
    matrix = np.zeros((len(frames), len(REGIONS), len(REGIONS)), bool)
    for contact in contacts:
        if contact.person_b in (0, 1) and contact.active():
            inside = (frames >= contact.frame_start) & (frames <= contact.frame_end)
            a, b = REGIONS.index(contact.region_a), REGIONS.index(contact.region_b)
            matrix[inside, a if contact.person_a == 0 else b, b if contact.person_a == 0 else a] = True
    return matrix


def touching_parts(touching: Bool[np.ndarray, "T R R"]) -> Bool[np.ndarray, "T Q Q"]:
    """Which pairs of body parts touch where pairs of regions do."""
    is_of_part = np.equal.outer(np.arange(len(BODY_PARTS)), PART_OF_REGION).astype(np.float32)
    return is_of_part @ touching.astype(np.float32) @ is_of_part.T > 0


def contact_distance(
    contact: Bool[np.ndarray, "T R R"], skin: Float[np.ndarray, "2 T V 3"], regions: Int[np.ndarray, " V"]
) -> float:
    """Mean distance in mm between regions in contact; `regions` is the region of each vertex. NaN without any contact."""
    members = [np.flatnonzero(regions == index) for index in range(len(REGIONS))]
    distances = []
    for pairs, (first, second) in zip(contact, skin.swapaxes(0, 1)):
        for b in np.flatnonzero(pairs.any(0)).tolist():
            tree = KDTree(second[members[b]])
            for a in np.flatnonzero(pairs[:, b]).tolist():
                distances.append(float(np.min(tree.query(first[members[a]])[0])))
    return float(np.mean(distances)) * MM if distances else math.nan


def penetration_metrics(skin: Float[np.ndarray, "2 T V 3"], faces: Int[np.ndarray, "F 3"]) -> dict[str, float]:
    """`penetration_mean` and `penetration_max`, mm: mean over the vertices inside the other person, and the deepest one."""
    depth = _penetration_depths(skin, faces)
    return {
        "penetration_mean": float(depth.mean()) if len(depth) else 0.0,
        "penetration_max": float(depth.max(initial=0.0)),
    }


def penetration(
    points: Float[np.ndarray, "N 3"], surface: Float[np.ndarray, "V 3"], normals: Float[np.ndarray, "V 3"]
) -> Float[np.ndarray, " N"]:
    """Depth in mm of points inside a closed surface with outward vertex normals; 0 outside.

    The depth is the distance along the normal of the nearest vertex, for points within 5 cm of one: exact to about the square
    of half an edge over the radius of curvature. A deeper point has no vertex near enough to decide; its depth is the distance
    from the nearest one if the normal still points away from it, as it does in some places outside as well (see `is_inside`).
    Farther than 13 cm from all vertices is outside, because no point of a body is that deep. Against exact geometry (winding
    numbers, nearest triangles) on our body the mean error is 0.5 mm, and 19 of 20 points are off by less than 2 mm. Give the
    skin only: eyes and teeth, which are closed surfaces inside it, spoil the depth.
    """
    distance, nearest = KDTree(surface).query(points, distance_upper_bound=_FARTHEST)
    distance, nearest = np.asarray(distance), np.asarray(nearest)
    depth = np.zeros(len(points))
    near = np.flatnonzero(np.isfinite(distance))
    height = ((points[near] - surface[nearest[near]]) * normals[nearest[near]]).sum(-1)
    inside = np.where(distance[near] < _NEAR_DISTANCE, -height, distance[near])
    depth[near] = np.where(height < 0, inside, 0.0)
    return depth * MM


def is_inside(
    points: Float[np.ndarray, "N 3"], vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]
) -> Bool[np.ndarray, " N"]:
    """Whether points lie inside a closed surface, exactly: by its winding number about them.

    The halves of the triangles' signed solid angles (van Oosterom and Strackee, 1983) sum up to 2 pi inside and to 0 outside.
    """
    found = np.zeros(len(points), bool)
    for index, point in enumerate(points):
        a, b, c = (vertices[faces[:, corner]] - point for corner in range(3))
        lengths = [np.linalg.norm(each, axis=1) for each in (a, b, c)]
        volume = (a * np.cross(b, c)).sum(1)
        across = lengths[0] * lengths[1] * lengths[2] + sum(
            (one * other).sum(1) * length
            for one, other, length in ((a, b, lengths[2]), (b, c, lengths[0]), (c, a, lengths[1]))
        )
        found[index] = np.arctan2(volume, across).sum() > np.pi
    return found


def largest_component(faces: Int[np.ndarray, "F 3"], count: int) -> Bool[np.ndarray, " V"]:
    """Which of `count` vertices belong to the largest connected component of a mesh: a body's skin, without eyes and teeth."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]]])
    graph = coo_matrix((np.ones(len(edges), bool), (edges[:, 0], edges[:, 1])), shape=(count, count))
    label = connected_components(graph, directed=False)[1]
    return label == np.bincount(label).argmax()


def _penetration_depths(skin: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """[N] mm: depths of the vertices of both people [2,T,V,3], over all frames, that are inside the other person."""
    depths = [np.zeros(0)]
    is_skin = largest_component(faces, skin.shape[2])
    skin_faces = faces[is_skin[faces].all(1)]
    for first, second in skin.swapaxes(0, 1):
        low = np.maximum(first.min(0), second.min(0)) - _MARGIN
        high = np.minimum(first.max(0), second.max(0)) + _MARGIN
        if (low > high).any():
            continue
        near = [np.flatnonzero(is_skin & ((points > low) & (points < high)).all(1)) for points in (first, second)]
        if len(near[0]) and len(near[1]):
            people = ((first, near[0]), (second, near[1]))
            for (points, probes), (surface, part) in (people, people[::-1]):
                normals = vertex_normals(surface, faces)[part]
                probed = points[probes[::_STRIDE]]
                depth = penetration(probed, surface[part], normals)
                doubtful = np.flatnonzero(depth > _NEAR_DISTANCE * MM)
                depth[doubtful] *= is_inside(probed[doubtful], surface, skin_faces)
                depths.append(depth)
    depth = np.concatenate(depths)
    return depth[depth > 0]
