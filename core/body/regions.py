"""Which part of the skin a vertex is: the regions that a contact can name, from skinning weights and joints.

SMPL-X's published vertex lists hold for its own mesh only; weights and joints say the same for every body in its layout.
Everything is decided on the mean shape in the rest pose: Y up, facing +Z, the person's left at +X, arms to the sides,
palms down.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ..contract.skeleton import JOINT_INDEX, REGIONS
from .model import BodyModel

Side = Literal["", "left", "right"]
NO_REGION = -1
"""Eyes, teeth, tongue, inside of the mouth."""

_FINGERS = ("index", "middle", "pinky", "ring", "thumb")
_BAND = 0.16
"""Elbow, knee and wrist reach this far along the bones beside them (share of forearm or shank)."""


@lru_cache(maxsize=8)
def split_side(name: str) -> tuple[Side, str]:
    """Split the name of a region or joint: `left_palm` -> (`left`, `palm`), `back` -> (``, `back`)."""
    side, _, bare = name.partition("_")
    if side == "left":
        return "left", bare
    return ("right", bare) if side == "right" else ("", name)


def vertex_regions(body: BodyModel) -> Tensor:
    """int64 [V]: index into `skeleton.REGIONS` of each vertex, NO_REGION for what is no skin or is hidden."""
    vertices = body.v_template.double().cpu().numpy()
    joints = body.J_template.double().cpu().numpy()
    faces = body.faces.cpu().numpy()
    strongest = body.lbs_weights.argmax(1).cpu().numpy()
    normals = _smooth_normals(vertices, faces)
    joint = {name: joints[index] for name, index in JOINT_INDEX.items()}
    region = np.full(len(vertices), NO_REGION)

    def moved_by(*names: str) -> np.ndarray:
        return np.isin(strongest, [JOINT_INDEX[name] for name in names])

    def put(name: str, where: np.ndarray) -> None:
        region[where] = REGIONS.index(name)

    _mark_torso(put, moved_by, joint, vertices, normals)
    for side in ("left", "right"):
        _mark_arm(put, moved_by, joint, vertices, side)
        _mark_hand(put, moved_by, joint, vertices, normals, side)
        _mark_leg(put, moved_by, joint, vertices, normals, side)
    _mark_head(put, moved_by, joint, vertices)
    region[moved_by("left_eye_smplhf", "right_eye_smplhf")] = NO_REGION
    region[~_in_largest_piece(len(vertices), faces)] = NO_REGION
    head = np.flatnonzero(moved_by("head", "jaw"))
    around = faces[moved_by("head", "jaw", "neck")[faces].any(1)]
    apart = float(np.linalg.norm(joint["left_eye_smplhf"] - joint["right_eye_smplhf"]))
    region[head[_hidden(vertices[head], vertices[around], cell=0.12 * apart)]] = NO_REGION
    return torch.from_numpy(region)


@lru_cache(maxsize=8)
def region_points(body: BodyModel, per_region: int) -> tuple[Tensor, Tensor]:
    """An evenly spread sample of the skin: vertices [N] and the region of each [N], both int64, regions in order.

    At most `per_region` a region, chosen by farthest points on the mean shape, the same every time.
    """
    regions = vertex_regions(body)
    template = body.v_template.cpu()
    chosen = [torch.zeros(0, dtype=torch.int64)]
    for index in range(len(REGIONS)):
        members = (regions == index).nonzero()[:, 0]
        chosen.append(members[_farthest_points(template[members], per_region)])
    vertices = torch.cat(chosen)
    return vertices, regions[vertices]


def _mark_torso(put, moved_by, joint, vertices, normals) -> None:
    trunk = moved_by("pelvis", "spine1", "spine2", "spine3", "left_collar", "right_collar")
    height, front = vertices[:, 1], normals[:, 2] > 0
    waist = (joint["pelvis"][1] + joint["spine1"][1]) / 2
    ribs = joint["spine2"][1] + 0.25 * (joint["spine1"][1] - joint["spine2"][1])
    put("hips", trunk & (height < waist))
    put("belly", trunk & front & (height >= waist) & (height < ribs))
    put("chest", trunk & front & (height >= ribs))
    put("back", trunk & ~front & (height >= waist))
    put("neck", moved_by("neck"))


def _mark_arm(put, moved_by, joint, vertices, side) -> None:
    def at(name: str) -> np.ndarray:
        return joint[f"{side}_{name}"]

    out = 1 if side == "left" else -1
    upper, lower = moved_by(f"{side}_shoulder"), moved_by(f"{side}_elbow")
    along_upper = _along(vertices, at("shoulder"), at("elbow"))
    along_lower = _along(vertices, at("elbow"), at("wrist"))
    put(f"{side}_upper_arm", upper)
    put(f"{side}_forearm", lower)
    put(f"{side}_elbow", (upper & (along_upper > 1 - _BAND)) | (lower & (along_lower < _BAND)))
    put(f"{side}_wrist", lower & (along_lower > 1 - _BAND))
    beyond_collar = out * (vertices[:, 0] - (0.4 * at("collar") + 0.6 * at("shoulder"))[0]) > 0
    above_armpit = vertices[:, 1] > at("shoulder")[1] - 0.25 * np.linalg.norm(at("elbow") - at("shoulder"))
    put(
        f"{side}_shoulder", (upper & (along_upper < 0.25)) | (moved_by(f"{side}_collar") & beyond_collar & above_armpit)
    )


def _mark_hand(put, moved_by, joint, vertices, normals, side) -> None:
    wrist, index, pinky = (joint[f"{side}_{name}"] for name in ("wrist", "index1", "pinky1"))
    out_of_palm = np.cross(pinky - wrist, index - wrist) * (1 if side == "left" else -1)
    knuckles = joint[f"{side}_middle1"]
    hand = moved_by(f"{side}_wrist", f"{side}_thumb1")
    palm = normals @ out_of_palm > 0
    put(f"{side}_palm", hand & palm)
    put(f"{side}_hand_back", hand & ~palm)
    put(f"{side}_wrist", hand & (_along(vertices, wrist, knuckles) < _BAND))
    phalanges = [f"{side}_{finger}{i}" for finger in _FINGERS for i in (1, 2, 3)]
    phalanges.remove(f"{side}_thumb1")  # it carries the ball of the thumb
    put(f"{side}_fingers", moved_by(*phalanges))


def _mark_leg(put, moved_by, joint, vertices, normals, side) -> None:
    hip, knee, ankle = (joint[f"{side}_{name}"] for name in ("hip", "knee", "ankle"))
    upper, lower, front = moved_by(f"{side}_hip"), moved_by(f"{side}_knee"), normals[:, 2] > 0
    along_upper, along_lower = _along(vertices, hip, knee), _along(vertices, knee, ankle)
    put(f"{side}_thigh", upper)
    put("hips", upper & (along_upper < 0.05))
    put(f"{side}_shin", lower & front)
    put(f"{side}_calf", lower & ~front)
    put(f"{side}_knee", (upper & (along_upper > 1 - _BAND)) | (lower & (along_lower < _BAND)))
    put(f"{side}_foot", moved_by(f"{side}_ankle", f"{side}_foot"))


def _mark_head(put, moved_by, joint, vertices) -> None:
    head = moved_by("head", "jaw")
    left, right = joint["left_eye_smplhf"], joint["right_eye_smplhf"]
    eyes, apart = (left + right) / 2, np.linalg.norm(left - right)
    before_ears = vertices[:, 2] > eyes[2] - 0.7 * apart
    below_hair = vertices[:, 1] < eyes[1] + 1.1 * apart
    put("head", head)
    put("face", head & before_ears & below_hair)


def _along(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Where points [N,3] project on a bone: 0 at its start, 1 at its end."""
    bone = end - start
    return (points - start) @ bone / (bone @ bone)


def _smooth_normals(vertices: np.ndarray, faces: np.ndarray, passes: int = 8) -> np.ndarray:
    """Unit normals [V,3], averaged over neighbours so that folds and fingernails do not flip them."""
    corners = vertices[faces]
    by_face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = _unit(_gather(by_face, faces, len(vertices)))
    for _ in range(passes):
        normals = _unit(normals + _gather(normals[faces].mean(1), faces, len(vertices)))
    return normals


def _gather(by_face: np.ndarray, faces: np.ndarray, count: int) -> np.ndarray:
    """Sum of vectors [F,3] of the faces around each vertex [V,3]."""
    total = np.zeros((count, 3))
    for corner in range(3):
        np.add.at(total, faces[:, corner], by_face)
    return total


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def _in_largest_piece(count: int, faces: np.ndarray) -> np.ndarray:
    """bool [V]: in the mesh's largest connected piece (the skin; eyeballs, teeth and tongue are pieces of their own)."""
    label = np.arange(count)
    while True:
        lowest = label.copy()
        np.minimum.at(lowest, faces.ravel(), label[faces].min(1).repeat(3))
        lowest = lowest[lowest]  # jump to the label's own label: few rounds for long meshes
        if np.array_equal(lowest, label):
            return label == np.bincount(label).argmax()
        label = lowest


def _hidden(points: np.ndarray, triangles: np.ndarray, cell: float) -> np.ndarray:
    """bool [N]: whether triangles [F,3,3] lie before each of the points [N,3] whichever side one looks from.

    Depth buffers of points scattered over the triangles, with pixels of `cell` metres.
    """
    scattered = _scattered(triangles, cell / 2)
    middle = scattered.mean(0)
    scattered, points = (scattered - middle) / cell, (points - middle) / cell
    half = int(np.sqrt((scattered**2).sum(1).max())) + 2
    hidden = np.ones(len(points), bool)
    for azimuth in np.radians(np.arange(0, 360, 45)):
        for elevation in np.radians((-25, 10, 50)):
            toward = np.array(
                [np.sin(azimuth) * np.cos(elevation), np.sin(elevation), np.cos(azimuth) * np.cos(elevation)]
            )
            right = np.array([np.cos(azimuth), 0, -np.sin(azimuth)])
            axes = np.stack([right, np.cross(toward, right)], 1)
            nearest = np.full((2 * half, 2 * half), -np.inf)
            column, row = (scattered @ axes + half).astype(int).T
            np.maximum.at(nearest, (column, row), scattered @ toward)
            column, row = (points @ axes + half).astype(int).T
            hidden &= points @ toward < nearest[column, row] - 2
    return hidden


def _scattered(triangles: np.ndarray, spacing: float) -> np.ndarray:
    """Points [N,3] on triangles [F,3,3], along their edges no further apart than `spacing`."""
    longest = np.linalg.norm(triangles - np.roll(triangles, 1, 1), axis=2).max(1)
    parts = np.maximum(np.ceil(longest / spacing), 1).astype(int)
    points = []
    for n in np.unique(parts):
        shares = np.array([(i, j, n - i - j) for i in range(n + 1) for j in range(n + 1 - i)]) / n
        points.append((shares @ triangles[parts == n]).reshape(-1, 3))
    return np.concatenate(points)


def _farthest_points(points: Tensor, count: int) -> Tensor:
    """Indices of at most `count` of the points [N,3], each as far as can be from those before it."""
    if len(points) <= count:
        return torch.arange(len(points))
    chosen = [int((points - points.mean(0)).norm(dim=1).argmin())]
    distance = (points - points[chosen[0]]).norm(dim=1)
    for _ in range(count - 1):
        chosen.append(int(distance.argmax()))
        distance = torch.minimum(distance, (points - points[chosen[-1]]).norm(dim=1))
    return torch.tensor(chosen)
