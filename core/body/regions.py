"""Segmentation of the skin into the regions that a contact can name, from skinning weights, joints and normals.

Published vertex lists of SMPL-X hold for its own mesh only; these rules work for every body in SMPL-X's layout. Everything is
decided on the mean shape in the rest pose: Y up, the body faces +Z, its left at +X, arms to the sides, palms down.
"""

# torch's own annotations are incomplete
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..contract.skeleton import JOINT_INDEX, REGIONS
from .model import BodyModel
from .surface import vertex_normals

NO_REGION = -1
"""Region of the eyes, the teeth, the tongue and the inside of the mouth."""

_FINGERS = ("index", "middle", "pinky", "ring", "thumb")
_JOINT_REGION_EXTENT = 0.16
"""Extent of elbow, knee and wrist along the adjacent bones, as a fraction of the bone's length."""
_NORMAL_ITERATIONS = 8


@lru_cache(maxsize=8)
def vertex_regions(body: BodyModel) -> Int[Tensor, "V"]:
    """Index into `skeleton.REGIONS` of each vertex, `NO_REGION` for what is not visible skin."""
    skin = _LabelledSkin.of(body)
    _label_torso(skin)
    for side in ("left", "right"):
        _label_arm(skin, side)
        _label_hand(skin, side)
        _label_leg(skin, side)
    _label_head(skin)
    skin.region[skin.moved_by("left_eye_smplhf", "right_eye_smplhf")] = NO_REGION
    skin.region[~_in_largest_component(len(skin.vertices), skin.faces)] = NO_REGION
    head = np.flatnonzero(skin.moved_by("head", "jaw"))
    triangles = skin.faces[skin.moved_by("head", "jaw", "neck")[skin.faces].any(1)]
    eye_distance = float(np.linalg.norm(skin.joint("left_eye_smplhf") - skin.joint("right_eye_smplhf")))
    enclosed = _enclosed(skin.vertices[head], skin.vertices[triangles], pixel=0.12 * eye_distance)
    skin.region[head[enclosed]] = NO_REGION
    return torch.from_numpy(skin.region)


@lru_cache(maxsize=8)
def region_points(body: BodyModel, per_region: int) -> tuple[Int[Tensor, " N"], Int[Tensor, " N"]]:
    """An even sample of the skin: vertices and the region of each, sorted by region.

    At most `per_region` vertices a region, by farthest point sampling on the mean shape. Deterministic.
    """
    regions = vertex_regions(body)
    v_template = body.v_template.cpu()
    sampled = [torch.zeros(0, dtype=torch.int64)]
    for index in range(len(REGIONS)):
        members = (regions == index).nonzero()[:, 0]
        sampled.append(members[_farthest_point_sampling(v_template[members], per_region)])
    vertices = torch.cat(sampled)
    return vertices, regions[vertices]


@dataclass(frozen=True, eq=False)
class _LabelledSkin:
    """The mean shape in the rest pose, and the region of each vertex as far as it has been labelled."""

    vertices: Float[np.ndarray, "V 3"]
    normals: Float[np.ndarray, "V 3"]
    faces: Int[np.ndarray, "F 3"]
    joints: Float[np.ndarray, "55 3"]
    dominant_joint: Int[np.ndarray, " V"]
    """The joint with the vertex's largest skinning weight."""
    region: Int[np.ndarray, " V"]

    @classmethod
    def of(cls, body: BodyModel) -> _LabelledSkin:
        vertices = body.v_template.double().cpu().numpy()
        faces = body.faces.cpu().numpy()
        return cls(
            vertices,
            _smooth_normals(vertices, faces),
            faces,
            body.J_template.double().cpu().numpy(),
            body.lbs_weights.argmax(1).cpu().numpy(),
            np.full(len(vertices), NO_REGION),
        )

    def joint(self, name: str) -> Float[np.ndarray, "3"]:
        return self.joints[JOINT_INDEX[name]]

    def moved_by(self, *names: str) -> Bool[np.ndarray, "V"]:
        """Whether one of these joints dominates the vertex."""
        return np.isin(self.dominant_joint, [JOINT_INDEX[name] for name in names])

    def label(self, name: str, where: Bool[np.ndarray, "V"]) -> None:
        """Give vertices a region; later labels override earlier ones."""
        self.region[where] = REGIONS.index(name)

    def along_bone(self, start: str, end: str) -> Float[np.ndarray, "V"]:
        """Projection of the vertices on the bone between two joints: 0 at its start, 1 at its end."""
        return _project_on_segment(self.vertices, self.joint(start), self.joint(end))


def _label_torso(skin: _LabelledSkin) -> None:
    trunk = skin.moved_by("pelvis", "spine1", "spine2", "spine3", "left_collar", "right_collar")
    height, front = skin.vertices[:, 1], skin.normals[:, 2] > 0
    spine1, spine2 = skin.joint("spine1")[1], skin.joint("spine2")[1]
    waist = (skin.joint("pelvis")[1] + spine1) / 2
    ribs = spine2 + 0.25 * (spine1 - spine2)
    skin.label("hips", trunk & (height < waist))
    skin.label("belly", trunk & front & (height >= waist) & (height < ribs))
    skin.label("chest", trunk & front & (height >= ribs))
    skin.label("back", trunk & ~front & (height >= waist))
    skin.label("neck", skin.moved_by("neck"))


def _label_arm(skin: _LabelledSkin, side: str) -> None:
    collar, shoulder, elbow, wrist = (f"{side}_{name}" for name in ("collar", "shoulder", "elbow", "wrist"))
    upper, lower = skin.moved_by(shoulder), skin.moved_by(elbow)
    along_upper, along_lower = skin.along_bone(shoulder, elbow), skin.along_bone(elbow, wrist)
    skin.label(f"{side}_upper_arm", upper)
    skin.label(f"{side}_forearm", lower)
    around_elbow = (upper & (along_upper > 1 - _JOINT_REGION_EXTENT)) | (lower & (along_lower < _JOINT_REGION_EXTENT))
    skin.label(f"{side}_elbow", around_elbow)
    skin.label(f"{side}_wrist", lower & (along_lower > 1 - _JOINT_REGION_EXTENT))
    outwards = 1 if side == "left" else -1
    collarbone_end = (0.4 * skin.joint(collar) + 0.6 * skin.joint(shoulder))[0]
    beyond_collarbone = outwards * (skin.vertices[:, 0] - collarbone_end) > 0
    upper_arm_length = np.linalg.norm(skin.joint(elbow) - skin.joint(shoulder))
    above_armpit = skin.vertices[:, 1] > skin.joint(shoulder)[1] - 0.25 * upper_arm_length
    on_trunk = skin.moved_by(collar) & beyond_collarbone & above_armpit
    skin.label(f"{side}_shoulder", (upper & (along_upper < 0.25)) | on_trunk)


def _label_hand(skin: _LabelledSkin, side: str) -> None:
    wrist, index, pinky = (skin.joint(f"{side}_{name}") for name in ("wrist", "index1", "pinky1"))
    palm_normal = np.cross(pinky - wrist, index - wrist) * (1 if side == "left" else -1)
    # the first phalanx of the thumb moves the thenar eminence, which belongs to the palm
    hand = skin.moved_by(f"{side}_wrist", f"{side}_thumb1")
    palm = skin.normals @ palm_normal > 0
    skin.label(f"{side}_palm", hand & palm)
    skin.label(f"{side}_hand_back", hand & ~palm)
    near_wrist = skin.along_bone(f"{side}_wrist", f"{side}_middle1") < _JOINT_REGION_EXTENT
    skin.label(f"{side}_wrist", hand & near_wrist)
    phalanges = [f"{side}_{finger}{i}" for finger in _FINGERS for i in (1, 2, 3)]
    phalanges.remove(f"{side}_thumb1")
    skin.label(f"{side}_fingers", skin.moved_by(*phalanges))


def _label_leg(skin: _LabelledSkin, side: str) -> None:
    hip, knee, ankle = (f"{side}_{name}" for name in ("hip", "knee", "ankle"))
    upper, lower, front = skin.moved_by(hip), skin.moved_by(knee), skin.normals[:, 2] > 0
    along_upper, along_lower = skin.along_bone(hip, knee), skin.along_bone(knee, ankle)
    skin.label(f"{side}_thigh", upper)
    skin.label("hips", upper & (along_upper < 0.05))
    skin.label(f"{side}_shin", lower & front)
    skin.label(f"{side}_calf", lower & ~front)
    around_knee = (upper & (along_upper > 1 - _JOINT_REGION_EXTENT)) | (lower & (along_lower < _JOINT_REGION_EXTENT))
    skin.label(f"{side}_knee", around_knee)
    skin.label(f"{side}_foot", skin.moved_by(ankle, f"{side}_foot"))


def _label_head(skin: _LabelledSkin) -> None:
    head = skin.moved_by("head", "jaw")
    left, right = skin.joint("left_eye_smplhf"), skin.joint("right_eye_smplhf")
    eyes, eye_distance = (left + right) / 2, np.linalg.norm(left - right)
    before_ears = skin.vertices[:, 2] > eyes[2] - 0.7 * eye_distance
    below_hairline = skin.vertices[:, 1] < eyes[1] + 1.1 * eye_distance
    skin.label("head", head)
    skin.label("face", head & before_ears & below_hairline)


def _project_on_segment(
    points: Float[np.ndarray, "N 3"], start: Float[np.ndarray, "3"], end: Float[np.ndarray, "3"]
) -> Float[np.ndarray, "N"]:
    bone = end - start
    return (points - start) @ bone / (bone @ bone)


def _smooth_normals(vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]) -> Float[np.ndarray, "V 3"]:
    """Unit normals, averaged over neighbours so that folds and fingernails do not flip them."""
    normals = vertex_normals(vertices, faces)
    for _ in range(_NORMAL_ITERATIONS):
        normals = _unit(normals + _sum_to_vertices(normals[faces].mean(1), faces, len(vertices)))
    return normals


def _sum_to_vertices(
    by_face: Float[np.ndarray, "F 3"], faces: Int[np.ndarray, "F 3"], count: int
) -> Float[np.ndarray, "V 3"]:
    """For each vertex the sum of the vectors of its faces."""
    total = np.zeros((count, 3))
    for corner in range(3):
        np.add.at(total, faces[:, corner], by_face)
    return total


def _unit(vectors: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3"]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def _in_largest_component(count: int, faces: Int[np.ndarray, "F 3"]) -> Bool[np.ndarray, "V"]:
    """Whether a vertex is in the largest connected component, the skin; eyeballs, teeth and tongue are others."""
    label = np.arange(count)
    while True:
        lowest = label.copy()
        np.minimum.at(lowest, faces.ravel(), label[faces].min(1).repeat(3))
        lowest = lowest[lowest]  # pointer jumping keeps the number of rounds small
        if np.array_equal(lowest, label):
            return label == np.bincount(label).argmax()
        label = lowest


def _enclosed(
    points: Float[np.ndarray, "N 3"], triangles: Float[np.ndarray, "F 3 3"], pixel: float
) -> Bool[np.ndarray, "N"]:
    """Whether the triangles occlude a point from all of 24 directions around the head, e.g. inside the mouth.

    Tested with depth buffers of points scattered over the triangles; `pixel` is their resolution in metres.
    """
    scattered = _scatter(triangles, pixel / 2)
    centre = scattered.mean(0)
    scattered, points = (scattered - centre) / pixel, (points - centre) / pixel
    half = int(np.sqrt((scattered**2).sum(1).max())) + 2
    enclosed = np.ones(len(points), bool)
    for azimuth in np.radians(np.arange(0, 360, 45)):
        for elevation in np.radians((-25, 10, 50)):
            view = np.array(
                [np.sin(azimuth) * np.cos(elevation), np.sin(elevation), np.cos(azimuth) * np.cos(elevation)]
            )
            right = np.array([np.cos(azimuth), 0, -np.sin(azimuth)])
            image_axes = np.stack([right, np.cross(view, right)], 1)
            depth = np.full((2 * half, 2 * half), -np.inf)
            column, row = (scattered @ image_axes + half).astype(int).T
            np.maximum.at(depth, (column, row), scattered @ view)
            column, row = (points @ image_axes + half).astype(int).T
            enclosed &= points @ view < depth[column, row] - 2
    return enclosed


def _scatter(triangles: Float[np.ndarray, "F 3 3"], spacing: float) -> Float[np.ndarray, "N 3"]:
    """Points on the triangles that are no farther apart along the edges than `spacing` metres."""
    longest = np.linalg.norm(triangles - np.roll(triangles, 1, 1), axis=2).max(1)
    subdivisions = np.maximum(np.ceil(longest / spacing), 1).astype(int)
    points = []
    for n in np.unique(subdivisions):
        barycentric = np.array([(i, j, n - i - j) for i in range(n + 1) for j in range(n + 1 - i)]) / n
        points.append((barycentric @ triangles[subdivisions == n]).reshape(-1, 3))
    return np.concatenate(points)


def _farthest_point_sampling(points: Float[Tensor, "N 3"], count: int) -> Int[Tensor, "K"]:
    """Indices of at most `count` points, starting at the one nearest to the centroid."""
    if len(points) <= count:
        return torch.arange(len(points))
    chosen = [int((points - points.mean(0)).norm(dim=1).argmin())]
    distance = (points - points[chosen[0]]).norm(dim=1)
    for _ in range(count - 1):
        chosen.append(int(distance.argmax()))
        distance = torch.minimum(distance, (points - points[chosen[-1]]).norm(dim=1))
    return torch.tensor(chosen)
