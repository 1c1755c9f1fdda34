"""A coarse mesh of a body, whose vertices are vertices of the body, so that little has to be skinned for each frame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import KDTree

from core.body.landmarks import LandmarkRegressor, regress_landmarks
from core.body.model import BodyModel
from core.contract.skeleton import JOINT_INDEX
from core.motion import BODY_COUNT

FINGERS = ("thumb", "index", "middle", "ring", "pinky")
_VERTICES = 1000
"""Of the coarse mesh: about 4.5 cm apart, less on the hands."""
_HAND_SHARE = 0.2
"""Share of these vertices on the hands, which are small and often in contact."""
_FLESH = 0.06
"""metres added to twice a joint's distance from the skin, to get how thick the flesh in front of it may be."""


@dataclass(frozen=True, eq=False)
class CoarseBody:
    """The subset of a body that projection needs, and where the parts are in that subset."""

    body: BodyModel
    """The body with only the vertices of the coarse mesh, of the landmark regressor, and of the fingertips, in that order."""
    count: int
    """Vertices of the coarse mesh."""
    faces: Int[np.ndarray, "F 3"]
    regressor: LandmarkRegressor
    """With indices into the subset's vertices."""
    fingertips: Int[np.ndarray, "2 5"]
    joint_depth: Float[np.ndarray, " 22"]
    """metres by which a joint may lie behind the skin with nothing but its own flesh in front of it."""
    landmark_depth: Float[np.ndarray, " 33"]
    """As `joint_depth`."""
    stature: float
    """metres, of the mean shape."""


@lru_cache(maxsize=16)
def coarse_body(body: BodyModel) -> CoarseBody:
    """The coarse mesh of a body. Each of its triangles joins the areas that are nearest, along the skin, to three vertices."""
    template = body.v_template.double().cpu().numpy()
    skin_faces = _largest_component(len(template), body.faces.cpu().numpy())
    strongest_joint = body.lbs_weights.argmax(1).cpu().numpy()
    skin = np.unique(skin_faces)
    is_hand = strongest_joint[skin] >= JOINT_INDEX["left_index1"]
    hand_count = round(_HAND_SHARE * _VERTICES)
    chosen = np.concatenate(
        [
            _farthest_points(template, skin[~is_hand], _VERTICES - hand_count),
            _farthest_points(template, skin[is_hand], hand_count),
        ]
    )
    regressor = LandmarkRegressor.for_body(body)
    tips = _fingertips(template, strongest_joint)
    vertices = np.concatenate([chosen, regressor.vertices.cpu().numpy(), tips.ravel()])
    joints = body.J_template.double().cpu().numpy()
    landmarks = regress_landmarks(regressor, body.J_template, body.v_template[regressor.vertices])
    distance_from_skin = KDTree(template[skin])
    start = len(chosen)
    return CoarseBody(
        body=body.subset(torch.from_numpy(vertices).to(body.faces.device)),
        count=start,
        faces=_decimate(template, skin_faces, chosen),
        regressor=replace(regressor, vertices=torch.arange(start, start + len(regressor.vertices))),
        fingertips=start + len(regressor.vertices) + np.arange(tips.size).reshape(tips.shape),
        joint_depth=2 * distance_from_skin.query(joints[:BODY_COUNT])[0] + _FLESH,
        landmark_depth=2 * distance_from_skin.query(landmarks.double().cpu().numpy())[0] + _FLESH,
        stature=float(np.ptp(template[skin][:, 1])),
    )


def _largest_component(count: int, faces: np.ndarray) -> np.ndarray:
    """The faces [F,3] of the skin, without eyes, teeth and tongue, which are components of their own."""
    ends = faces[:, [0, 1, 1, 2]].reshape(-1, 2)
    graph = coo_matrix((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), (count, count))
    label = connected_components(graph, directed=False)[1]
    return faces[label[faces[:, 0]] == np.bincount(label[faces[:, 0]]).argmax()]


def _farthest_points(template: np.ndarray, candidates: np.ndarray, count: int) -> np.ndarray:
    """Farthest point sampling of `count` of the candidate vertices (Gonzalez, 1985)."""
    points = template[candidates]
    chosen = [int(points[:, 1].argmax())]
    distance = np.full(len(points), np.inf)
    for _ in range(min(count, len(points)) - 1):
        distance = np.minimum(distance, ((points - points[chosen[-1]]) ** 2).sum(1))
        chosen.append(int(distance.argmax()))
    return candidates[chosen]


def _decimate(template: np.ndarray, faces: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """int64 [F,3] into `chosen`: every vertex collapses into the nearest chosen one along the skin."""
    ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    length = np.linalg.norm(template[ends[:, 0]] - template[ends[:, 1]], axis=1) + 1e-9
    graph = coo_matrix((length, (ends[:, 0], ends[:, 1])), (len(template), len(template))).tocsr()
    _, _, source = dijkstra(graph, directed=False, indices=chosen, return_predecessors=True, min_only=True)
    place = np.full(len(template), -1)
    place[chosen] = np.arange(len(chosen))
    merged = place[source[faces]]
    is_triangle = (merged[:, 0] != merged[:, 1]) & (merged[:, 1] != merged[:, 2]) & (merged[:, 2] != merged[:, 0])
    return np.unique(merged[is_triangle], axis=0)


def _fingertips(template: np.ndarray, strongest_joint: np.ndarray) -> np.ndarray:
    """int64 [2,5]: the vertex of each finger's last bone that is farthest to the side; for the thumb, to the side and forward."""
    found = np.zeros((2, len(FINGERS)), int)
    for hand, side in enumerate(("left", "right")):
        for number, finger in enumerate(FINGERS):
            last_bone = np.flatnonzero(strongest_joint == JOINT_INDEX[f"{side}_{finger}3"])
            reach = np.abs(template[last_bone, 0]) + (template[last_bone, 2] if finger == "thumb" else 0)
            found[hand, number] = last_bone[reach.argmax()]
    return found
