"""What a camera sees of two people whose motion is known: which joints hide behind the other person, and both masks.

Both bodies are drawn into buffers of depth. What is drawn is a coarse mesh whose vertices are vertices of the body, so that
little has to be skinned; its triangles are filled with points, which numpy scatters faster than it could fill polygons.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache

import cv2
import numpy as np
import torch
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import KDTree

from core.body.landmarks import LandmarkRegressor, regress_landmarks
from core.body.model import BodyModel
from core.contract.skeleton import JOINT_INDEX
from core.motion import BODY_COUNT, Camera, PairMotion, pose_motion
from core.perception.detections import MASK_WIDTH
from core.perception.regions import mask_height

from ..benchmark_clip import OCCLUDED, TRUNCATED, VISIBLE

_COARSE = 1000
"""Vertices of the coarse mesh: about 4.5 cm apart, finer at the hands."""
_HAND_SHARE = 0.2
"""Of the coarse vertices, those that hands get, which are small and what touches."""
_IN_FRONT = 0.02
"""metres by which the other's skin has to lie before a joint to hide it: less than flesh is thick over most joints."""
_AROUND = 0.02
"""metres; a joint is looked for at its place and at four places this far from it across the view, and most decide."""
_FLESH = 0.06
"""metres beyond twice a joint's distance from the skin, from which one's own skin before it is another part of the body."""
_FINEST = 16
"""Points along the longest edge of a triangle, at most."""
_NEAR = 0.05
"""metres before the camera; what is nearer is not drawn."""
_TIPS = ("thumb", "index", "middle", "ring", "pinky")
FINGER_POINTS = 21


@dataclass(frozen=True)
class ProjectedClip:
    """P = 2 people, T frames. Camera frame: x right, y down, z forward, metres."""

    joint_visibility: np.ndarray
    """uint8 [P,T,22] SEEN, HIDDEN or OUTSIDE."""
    landmark_visibility: np.ndarray
    """uint8 [P,T,33] the same of the detector's landmarks."""
    self_occluded: np.ndarray
    """bool [P,T,33] landmarks that the person's own body hides."""
    front_fraction: np.ndarray
    """float32 [P,T] of what both bodies cover in the picture, the share in which the person is the nearer one; 0.5 without."""
    landmarks_incam: np.ndarray
    """float32 [P,T,33,3] landmarks, camera frame."""
    landmarks_px: np.ndarray
    """float32 [P,T,33,2] the same in the picture."""
    hand_landmarks_incam: np.ndarray
    """float32 [P,T,2,21,3] the detector's hand landmarks, left then right, camera frame."""
    masks: np.ndarray
    """uint8 [P,T,h,MASK_WIDTH] 0-255, where each person is seen."""
    height_px: np.ndarray
    """float32 [P,T] px, how tall the person would appear standing upright."""


def project_clip(
    motion: PairMotion, bodies: Sequence[BodyModel], camera: Camera, image_size: Sequence[int], every: int = 1
) -> ProjectedClip:
    """Look at two people, each with a body of their own, through a camera of (width, height) px.

    Who hides whom is found out in `every` so many frames, which stand for those around them: that is what takes its time.
    """
    parts = [_posed_parts(motion, person, body, camera) for person, body in enumerate(bodies)]
    drawing = _Drawing.of(image_size)
    masks, states, in_front = [], [], []
    reach = np.array([np.concatenate([part.reach_of_joints, part.reach_of_landmarks]) for part in parts])
    targets = np.stack([np.concatenate([part.joints, part.landmarks], 1) for part in parts])
    pixels = _project(targets, camera.K)
    count = targets.shape[1]
    looked = np.arange((every - 1) // 2, count, every) if count >= every else np.arange(count)
    for frame in looked:
        depths = np.stack([drawing.depth(part.skin[frame], part.faces, camera.K) for part in parts])
        masks.append(drawing.masks(depths))
        states.append(drawing.states(depths, targets[:, frame], pixels[:, frame], reach, float(camera.K[0, 0])))
        in_front.append(_nearer(depths))
    nearest = np.abs(np.arange(count)[:, None] - looked).argmin(1)
    hidden, behind_self, outside = (np.stack([state[kind] for state in states], 1)[:, nearest] for kind in range(3))
    visibility = np.where(outside, TRUNCATED, np.where(hidden, OCCLUDED, VISIBLE)).astype(np.uint8)
    depth = np.stack([part.joints[:, 0, 2] for part in parts])
    stature = np.array([part.stature for part in parts])
    return ProjectedClip(
        joint_visibility=visibility[..., :BODY_COUNT],
        landmark_visibility=visibility[..., BODY_COUNT:],
        self_occluded=behind_self[..., BODY_COUNT:],
        front_fraction=np.stack(in_front, 1)[:, nearest].astype(np.float32),
        landmarks_incam=targets[:, :, BODY_COUNT:].astype(np.float32),
        landmarks_px=pixels[:, :, BODY_COUNT:].astype(np.float32),
        hand_landmarks_incam=np.stack([part.hands for part in parts]).astype(np.float32),
        masks=np.stack(masks, 1)[:, nearest],
        height_px=(camera.K[1, 1] * stature[:, None] / np.maximum(depth, _NEAR)).astype(np.float32),
    )


@dataclass(frozen=True, eq=False)
class _Coarse:
    """What is skinned of a body, and how its parts are found in that."""

    body: BodyModel
    """With the vertices of all the below only."""
    count: int
    """The first vertices are the coarse mesh's."""
    faces: np.ndarray
    """int64 [F,3]"""
    regressor: LandmarkRegressor
    """On the vertices after those."""
    tips: np.ndarray
    """int64 [2,5] vertices of the fingers' tips."""
    reach_of_joints: np.ndarray
    """float [22] metres behind the skin where a joint may lie with nothing of the body before it but its own flesh."""
    reach_of_landmarks: np.ndarray
    """float [33]"""
    stature: float
    """metres"""


@dataclass(frozen=True)
class _Parts:
    """One person in the camera's frame, float64, T frames."""

    skin: np.ndarray
    """[T,N,3]"""
    faces: np.ndarray
    joints: np.ndarray
    """[T,22,3]"""
    landmarks: np.ndarray
    """[T,33,3]"""
    hands: np.ndarray
    """[T,2,21,3]"""
    reach_of_joints: np.ndarray
    reach_of_landmarks: np.ndarray
    stature: float


def _posed_parts(motion: PairMotion, person: int, body: BodyModel, camera: Camera) -> _Parts:
    coarse = coarse_body(body)
    alone = PairMotion(**{item.name: getattr(motion, item.name)[person : person + 1] for item in fields(PairMotion)})
    posed = pose_motion(coarse.body, alone)
    skin = posed.skin(coarse.body)
    points = regress_landmarks(coarse.regressor, posed.joints, skin[:, :, coarse.regressor.vertices])[0]
    joints, vertices = posed.joints[0].cpu().double().numpy(), skin[0].cpu().double().numpy()
    turn, shift = camera.T_cw[:3, :3], camera.T_cw[:3, 3]
    seen_joints, seen = joints @ turn.T + shift, vertices @ turn.T + shift
    return _Parts(
        skin=seen[:, : coarse.count],
        faces=coarse.faces,
        joints=seen_joints[:, :BODY_COUNT],
        landmarks=points.cpu().double().numpy() @ turn.T + shift,
        hands=_hand_points(seen_joints, seen, coarse.tips),
        reach_of_joints=coarse.reach_of_joints,
        reach_of_landmarks=coarse.reach_of_landmarks,
        stature=coarse.stature * (1 + _taller(coarse.body, motion.betas[person])),
    )


def _taller(body: BodyModel, betas: np.ndarray) -> float:
    """How much taller than the mean shape a person is, as a share, from the skeleton's height."""
    ends = [JOINT_INDEX["head"], JOINT_INDEX["left_foot"]]
    mean = body.J_template[ends, 1].cpu().numpy()
    shaped = mean + body.J_shapedirs[ends, 1].cpu().numpy() @ betas
    return float((shaped[0] - shaped[1]) / (mean[0] - mean[1]) - 1)


@lru_cache(maxsize=16)
def coarse_body(body: BodyModel) -> _Coarse:
    """The body with a coarse skin of about _COARSE of its vertices: each triangle joins the regions that are nearest, along
    the skin, to three of them."""
    template = body.v_template.double().cpu().numpy()
    whole = _largest_piece(len(template), body.faces.cpu().numpy())
    strongest = body.lbs_weights.argmax(1).cpu().numpy()
    used = np.unique(whole)
    hand = used[strongest[used] >= JOINT_INDEX["left_index1"]]
    rest = used[strongest[used] < JOINT_INDEX["left_index1"]]
    hands = round(_HAND_SHARE * _COARSE)
    chosen = np.concatenate([_spread(template, rest, _COARSE - hands), _spread(template, hand, hands)])
    faces = _merged_faces(template, whole, chosen)
    regressor = LandmarkRegressor.for_body(body)
    tips = _tips(template, strongest)
    vertices = np.concatenate([chosen, regressor.vertices.cpu().numpy(), tips.ravel()])
    joints = body.J_template.double().cpu().numpy()
    resting = regress_landmarks(regressor, body.J_template, body.v_template[regressor.vertices]).double().cpu().numpy()
    skin = KDTree(template[used])
    start = len(chosen)
    moved = replace(regressor, vertices=torch.arange(start, start + len(regressor.vertices)))
    return _Coarse(
        body=body.subset(torch.from_numpy(vertices).to(body.faces.device)),
        count=start,
        faces=faces,
        regressor=moved,
        tips=start + len(regressor.vertices) + np.arange(tips.size).reshape(tips.shape),
        reach_of_joints=2 * skin.query(joints[:BODY_COUNT])[0] + _FLESH,
        reach_of_landmarks=2 * skin.query(resting)[0] + _FLESH,
        stature=float(np.ptp(template[used][:, 1])),
    )


def _largest_piece(count: int, faces: np.ndarray) -> np.ndarray:
    """The faces [F,3] of the skin, without eyes, teeth and tongue."""
    ends = faces[:, [0, 1, 1, 2]].reshape(-1, 2)
    graph = coo_matrix((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), (count, count))
    label = connected_components(graph, directed=False)[1]
    return faces[label[faces[:, 0]] == np.bincount(label[faces[:, 0]]).argmax()]


def _spread(template: np.ndarray, among: np.ndarray, count: int) -> np.ndarray:
    """Vertices [count] of `among`, each as far as can be from those before it (Gonzalez, 1985)."""
    points = template[among]
    chosen = [int(points[:, 1].argmax())]
    distance = np.full(len(points), np.inf)
    for _ in range(min(count, len(points)) - 1):
        distance = np.minimum(distance, ((points - points[chosen[-1]]) ** 2).sum(1))
        chosen.append(int(distance.argmax()))
    return among[chosen]


def _merged_faces(template: np.ndarray, faces: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """int64 [F,3] into `chosen`: every vertex becomes the nearest chosen one along the skin; flattened faces go."""
    ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    length = np.linalg.norm(template[ends[:, 0]] - template[ends[:, 1]], axis=1) + 1e-9
    graph = coo_matrix((length, (ends[:, 0], ends[:, 1])), (len(template), len(template))).tocsr()
    _, _, source = dijkstra(graph, directed=False, indices=chosen, return_predecessors=True, min_only=True)
    place = np.full(len(template), -1)
    place[chosen] = np.arange(len(chosen))
    merged = place[source[faces]]
    apart = (merged[:, 0] != merged[:, 1]) & (merged[:, 1] != merged[:, 2]) & (merged[:, 2] != merged[:, 0])
    return np.unique(merged[apart], axis=0)


def _tips(template: np.ndarray, strongest: np.ndarray) -> np.ndarray:
    """int64 [2,5]: of each finger's last bone, the vertex farthest from the body's middle; the thumb's is forward, too."""
    found = np.zeros((2, len(_TIPS)), int)
    for hand, side in enumerate(("left", "right")):
        for number, finger in enumerate(_TIPS):
            last = np.flatnonzero(strongest == JOINT_INDEX[f"{side}_{finger}3"])
            along = np.abs(template[last, 0]) + (template[last, 2] if finger == "thumb" else 0)
            found[hand, number] = last[along.argmax()]
    return found


def _hand_points(joints: np.ndarray, vertices: np.ndarray, tips: np.ndarray) -> np.ndarray:
    """[T,2,21,3]: wrist, then each finger from its root, thumb first, as the hand network orders them."""
    points = np.zeros((len(joints), 2, FINGER_POINTS, 3))
    for hand, side in enumerate(("left", "right")):
        points[:, hand, 0] = joints[:, JOINT_INDEX[f"{side}_wrist"]]
        for number, finger in enumerate(_TIPS):
            bones = [JOINT_INDEX[f"{side}_{finger}{bone}"] for bone in (1, 2, 3)]
            start = 1 + 4 * number
            points[:, hand, start : start + 3] = joints[:, bones]
            points[:, hand, start + 3] = vertices[:, tips[hand, number]]
    return points


def _project(points: np.ndarray, K: np.ndarray) -> np.ndarray:
    """Camera frame [...,3] -> px [...,2]; what is behind the camera lands far outside the picture."""
    depth = points[..., 2:]
    pixels = points[..., :2] / np.maximum(depth, _NEAR) * (K[0, 0], K[1, 1]) + K[:2, 2]
    return np.where(depth > _NEAR, pixels, -1e5)


@dataclass(frozen=True)
class _Drawing:
    """A buffer `scale` times as large as the picture."""

    width: int
    height: int
    scale: float
    image_size: tuple[int, int]
    mask_size: tuple[int, int]

    @classmethod
    def of(cls, image_size: Sequence[int]) -> _Drawing:
        width, height = int(image_size[0]), int(image_size[1])
        mask = (MASK_WIDTH, mask_height((width, height), MASK_WIDTH))
        finer = 2 if width >= height else 1
        return cls(finer * mask[0], finer * mask[1], finer * MASK_WIDTH / width, (width, height), mask)

    def depth(self, skin: np.ndarray, faces: np.ndarray, K: np.ndarray) -> np.ndarray:
        """float32 [h,w] metres to the skin [N,3], infinite where there is none."""
        buffer = np.full(self.width * self.height, np.inf, np.float32)
        z = skin[:, 2]
        xy = _project(skin, K) * self.scale
        corners = xy[faces]
        side = corners[:, 1:] - corners[:, :1]
        # in a picture whose y points down, faces towards us turn the other way round
        towards = side[:, 0, 0] * side[:, 1, 1] - side[:, 0, 1] * side[:, 1, 0] < 0
        inside = ((corners.max(1) >= 0) & (corners.min(1) < (self.width, self.height))).all(1) & (z[faces] > _NEAR).all(
            1
        )
        drawn = np.flatnonzero(towards & inside)
        longest = np.sqrt(np.max([(side[drawn, 0] ** 2).sum(1), (side[drawn, 1] ** 2).sum(1),
                                  ((side[drawn, 0] - side[drawn, 1]) ** 2).sum(1)], 0))  # fmt: skip
        steps = np.clip(2 ** np.ceil(np.log2(np.maximum(longest, 1) * 1.2)), 2, _FINEST).astype(int)
        for count in np.unique(steps):
            some = faces[drawn[steps == count]]
            weights = _barycentric(int(count))
            corner = np.concatenate([xy, z[:, None]], 1)[some].astype(np.float32)
            self._scatter(buffer, (weights @ corner).reshape(-1, 3))
        return _closed(buffer.reshape(self.height, self.width))

    def _scatter(self, buffer: np.ndarray, points: np.ndarray) -> None:
        column, row = points[:, 0].astype(np.int32), points[:, 1].astype(np.int32)
        valid = (points[:, 0] >= 0) & (points[:, 1] >= 0) & (column < self.width) & (row < self.height)
        place = (row * self.width + column)[valid]
        np.minimum.at(buffer, place, points[valid, 2])

    def masks(self, depths: np.ndarray) -> np.ndarray:
        """uint8 [2,h,MASK_WIDTH] of two depth buffers [2,H,W]."""
        first = depths[0] < depths[1]
        seen = [first, np.isfinite(depths[1]) & ~first]
        whole = [(255 * mask.astype(np.uint8)) for mask in seen]
        return np.stack([cv2.resize(mask, self.mask_size, interpolation=cv2.INTER_AREA) for mask in whole])

    def states(
        self, depths: np.ndarray, points: np.ndarray, pixels: np.ndarray, reach: np.ndarray, focal: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Hidden by the other, hidden by one's own body, outside the picture: bool [2,N] each.

        depths [2,H,W], points [2,N,3] camera frame, pixels [2,N,2], reach [2,N] metres that one's own flesh may be thick.
        """
        spread = self.scale * focal * _AROUND / np.maximum(points[..., 2], _NEAR)
        offsets = np.array([(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)])
        place = np.floor(self.scale * pixels[:, :, None] + spread[..., None, None] * offsets).astype(int)
        column, row = np.clip(place[..., 0], 0, self.width - 1), np.clip(place[..., 1], 0, self.height - 1)
        people = np.arange(2)[:, None, None]
        depth = points[..., None, 2]
        others, own = depths[1 - people, row, column], depths[people, row, column]
        hidden = (others < depth - _IN_FRONT).sum(-1) >= 3
        behind_self = (own < depth - reach[..., None]).sum(-1) >= 3
        outside = np.any((pixels < 0) | (pixels >= self.image_size), axis=-1)
        return hidden, behind_self, outside


def _nearer(depths: np.ndarray) -> np.ndarray:
    """float [2]: the share in which each is the nearer one of where both are."""
    both = np.isfinite(depths).all(0)
    if not both.any():
        return np.array([0.5, 0.5])
    first = float((depths[0] < depths[1])[both].mean())
    return np.array([first, 1 - first])


@lru_cache(maxsize=8)
def _barycentric(count: int) -> np.ndarray:
    """[K,3] points spread over a triangle, `count` intervals along an edge."""
    whole = [(i, j, count - i - j) for i in range(count + 1) for j in range(count + 1 - i)]
    return (np.array(whole) / count).astype(np.float32)


def _closed(depth: np.ndarray) -> np.ndarray:
    """Single pixels that no point of the skin has met are filled from around them."""
    far = 1e6
    finite = np.where(np.isfinite(depth), depth, far).astype(np.float32)
    kernel = np.ones((3, 3), np.uint8)
    filled = cv2.dilate(cv2.erode(finite, kernel), kernel)  # nearest around, then back from the outline
    return np.where(finite < far, depth, np.where(filled < far, filled, np.inf)).astype(np.float32)
