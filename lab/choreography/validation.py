"""Checks whether a solved clip is plausible, on the full meshes instead of the solver's proxies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from scipy.spatial import KDTree

from core.body.model import BodyModel
from core.body.rotations import matrix_to_axis_angle
from core.contract.contact import Contact
from core.contract.skeleton import BODY_JOINTS, REGIONS
from core.fitting.limits import joint_limits
from core.fitting.soles import sole_vertices
from core.motion import PairMotion, Posed, motion_rotations, pose

from .contact_intervals import CONTACT_DISTANCE, contact_intervals
from .contact_points import body_regions, contact_point_vertices
from .scene import ContactPoint, Scene
from .scene_sampler import actor_joints
from .solve import Solution

_EVERY = 2
"""Penetration is measured in every second frame."""
_MARGIN, _CLOSER = 0.06, 3
"""metres around the intersection of both bounding boxes within which skin can touch, and how often the boxes are narrowed."""
_MANY = 2500
"""Number of vertices above which every second one is enough to measure the depth."""
_NEAREST = 0.06
"""metres: deeper points are left out, because there are others between them and the surface."""
_AGREE = 3
"""Nearest vertices whose normals have to agree that a point is inside: in a crease a single normal misleads."""
_HAND = 0.04
"""metres around a contact point in which the region counts as touching."""
_SETS_IN = 2
"""Frames at both ends of a contact that are left out."""
_MOST_FACES = 12

DEEPEST, DEEPEST_ON_AVERAGE = 0.025, 0.014
"""metres of penetration, in the worst frame and as the mean over the frames with any."""
WIDEST_GAP, MEAN_GAP = 0.016, 0.009
"""metres that a contact may be open, beyond its gap and half of its tolerance."""
SLIDE = 1.0
"""millimetres per frame that planted soles may slide on average."""
UNDER_FLOOR = 0.015
BEYOND_LIMIT = 20.0
"""degrees beyond a joint's soft limit, where the actor's motion was within it."""
SUDDEN = 60.0
"""m/s²: acceleration of a joint above the greatest one of the actor's motion."""


@dataclass(frozen=True)
class ValidationResult:
    """Whether a solved scene may serve as ground truth."""

    ok: bool
    reasons: tuple[str, ...]
    """What is wrong, as phrases; empty if the clip is valid."""
    metrics: Mapping[str, float]
    """See `validate`."""
    contacts: tuple[Contact, ...]
    """The contacts between skin regions, as ground truth."""


def validate(scene: Scene, solution: Solution) -> ValidationResult:
    """Measure a solved scene and compare it with the limits above.

    Metrics: `penetration` and `mean_penetration` (mm), `gap` and `mean_gap` of required contacts (mm), `slide` (mm per frame),
    `floor` (mm below it), `limits` (degrees), `sudden` (m/s²).
    """
    posed = pose_people(scene, solution.motion)
    skins = np.stack([one.skin(actor.body)[0].numpy() for one, actor in zip(posed, scene.actors)])
    joints = np.stack([one.joints[0, :, :22].numpy() for one in posed])
    near = _Near(scene, skins)
    depths = np.array([near.deepest(frame) for frame in range(0, scene.frames, _EVERY)])
    inside = depths[depths > 0]
    gaps = _gaps(scene, skins)
    loose = [touch.tolerance / 2 for touch in scene.contact_goals if touch.required]
    numbers = {
        "penetration": 1000 * float(depths.max()),
        "mean_penetration": 1000 * float(inside.mean()) if len(inside) else 0.0,
        "gap": 1000 * float(max((gap.max() for gap in gaps), default=0.0)),
        "mean_gap": 1000 * float(max((gap.mean() for gap in gaps), default=0.0)),
        "slide": 1000 * _slide(scene, skins),
        "floor": -1000 * float(min(skins[..., 2].min(), 0)),
        "limits": _beyond_limits(scene, posed),
        "sudden": _sudden(scene, joints),
    }
    judged = numbers | {
        "gap": 1000 * max((float(gap.max()) - more for gap, more in zip(gaps, loose)), default=0.0),
        "mean_gap": 1000 * max((float(gap.mean()) - more for gap, more in zip(gaps, loose)), default=0.0),
    }
    bounds = {
        "penetration": ("skins are {:.0f} mm inside each other", 1000 * DEEPEST),
        "mean_penetration": ("skins are {:.0f} mm inside each other on average", 1000 * DEEPEST_ON_AVERAGE),
        "gap": ("a touch is {:.0f} mm more open than it may", 1000 * WIDEST_GAP),
        "mean_gap": ("a touch is {:.0f} mm more open than it may on average", 1000 * MEAN_GAP),
        "slide": ("planted feet slide {:.1f} mm a frame", SLIDE),
        "floor": ("skin is {:.0f} mm under the floor", 1000 * UNDER_FLOOR),
        "limits": ("a joint is {:.0f} degrees beyond its limit", BEYOND_LIMIT),
        "sudden": ("a joint speeds up by {:.0f} m/s^2", SUDDEN),
    }
    reasons = tuple(says.format(judged[name]) for name, (says, most) in bounds.items() if judged[name] > most)
    touching = np.stack([near.touching(frame) for frame in range(scene.frames)])
    return ValidationResult(not reasons, reasons, numbers, tuple(contact_intervals(touching)))


def pose_people(scene: Scene, motion: PairMotion) -> list[Posed]:
    """Each person posed on their own body (P = 1)."""
    rotations = motion_rotations(motion)
    return [
        pose(
            actor.body,
            rotations[p : p + 1],
            torch.from_numpy(motion.pelvis[p : p + 1]),
            torch.from_numpy(motion.betas[p : p + 1]),
        )
        for p, actor in enumerate(scene.actors)
    ]


class _Near:
    """The parts of two skins [2,T,V,3] that are near each other, frame by frame."""

    def __init__(self, scene: Scene, skins: np.ndarray) -> None:
        self.skins = skins
        self.regions = [body_regions(actor.body).numpy() for actor in scene.actors]
        self.faces = [faces_around(actor.body) for actor in scene.actors]
        self.corners = [actor.body.faces.numpy() for actor in scene.actors]
        named = [region >= 0 for region in self.regions]
        low = np.stack([skins[p][:, named[p]].min(1) for p in (0, 1)]).max(0) - _MARGIN
        high = np.stack([skins[p][:, named[p]].max(1) for p in (0, 1)]).min(0) + _MARGIN
        self.inside = [named[p] & ((skins[p] > low[:, None]) & (skins[p] < high[:, None])).all(-1) for p in (0, 1)]

    def _parts(self, frame: int) -> list[np.ndarray]:
        """Vertices of each person in the intersection of both bounding boxes, which is narrowed _CLOSER times."""
        parts = [np.flatnonzero(self.inside[p][frame]) for p in (0, 1)]
        for _ in range(_CLOSER):
            if not (len(parts[0]) and len(parts[1])):
                return [parts[0][:0], parts[1][:0]]
            places = [self.skins[p, frame, parts[p]] for p in (0, 1)]
            low = np.maximum(*(part.min(0) for part in places)) - _MARGIN
            high = np.minimum(*(part.max(0) for part in places)) + _MARGIN
            parts = [part[((at > low) & (at < high)).all(1)] for part, at in zip(parts, places)]
        return parts

    def deepest(self, frame: int) -> float:
        """metres of penetration, 0 where there is none."""
        parts = self._parts(frame)
        if not (len(parts[0]) and len(parts[1])):
            return 0.0
        found = 0.0
        for p in (0, 1):
            asked = parts[p][:: 2 if len(parts[p]) > _MANY else 1]
            points, others = self.skins[p, frame, asked], self.skins[1 - p, frame, parts[1 - p]]
            distance, index = _tree(others).query(points, _AGREE, distance_upper_bound=_NEAREST)
            near = np.flatnonzero(np.isfinite(distance).all(1))
            if not len(near):
                continue
            nearest = parts[1 - p][np.asarray(index)[near]]
            off = points[near, None] - self.skins[1 - p, frame, nearest]
            normals = self._normals(1 - p, frame, nearest.ravel()).reshape(*nearest.shape, 3)
            found = max(found, float((-(off * normals).sum(-1)).min(1).max()))
        return found

    def _normals(self, person: int, frame: int, vertices: np.ndarray) -> np.ndarray:
        """Unit normals [N,3] of vertices [N]."""
        unique, back = np.unique(vertices, return_inverse=True)
        around = self.faces[person][unique]
        corners = self.skins[person, frame][self.corners[person][around]]
        normal = np.cross(corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0])
        normal = (normal * (around >= 0)[..., None]).sum(1)
        return (normal / np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-12))[back]

    def touching(self, frame: int) -> np.ndarray:
        """bool [R,R]: regions of person 0 and of person 1 that are nearer than CONTACT_DISTANCE."""
        found = np.zeros((len(REGIONS), len(REGIONS)), bool)
        first, second = self._parts(frame)
        if len(first) and len(second):
            trees = _tree(self.skins[0, frame, first]), _tree(self.skins[1, frame, second])
            pairs = trees[0].sparse_distance_matrix(trees[1], CONTACT_DISTANCE, output_type="coo_matrix")
            found[self.regions[0][first[pairs.row]], self.regions[1][second[pairs.col]]] = True
        return found


def _tree(points: np.ndarray) -> KDTree:
    """An unbalanced tree, which is faster to build for few queries."""
    return KDTree(points, balanced_tree=False, compact_nodes=False)


@lru_cache(maxsize=64)
def faces_around(body: BodyModel) -> np.ndarray:
    """int64 [V,12] triangles at each vertex, -1 where there are fewer."""
    corners = body.faces.numpy().ravel()
    order = np.argsort(corners, kind="stable")
    vertex, face = corners[order], order // 3
    start = np.searchsorted(vertex, np.arange(len(body.v_template)))
    rank = np.arange(len(vertex)) - start[vertex]
    around = np.full((len(body.v_template), _MOST_FACES), -1)
    fits = rank < _MOST_FACES
    around[vertex[fits], rank[fits]] = face[fits]
    return around


def _gaps(scene: Scene, skins: np.ndarray) -> list[np.ndarray]:
    """For each required contact metres [frames of the contact] from the point to the other's skin, beyond the goal's gap."""
    found = []
    for touch in (touch for touch in scene.contact_goals if touch.required):
        other = 1 - touch.person
        spot = _around(scene.actors[touch.person].body, touch.point)
        there = contact_point_vertices(scene.actors[other].body, touch.target).numpy()
        region = np.flatnonzero(body_regions(scene.actors[other].body).numpy() >= 0)
        middle = skins[other][:, there].mean(1)
        distances = []
        held = np.flatnonzero(touch.interval.contains(scene.frames))
        for frame in held[_SETS_IN:-_SETS_IN] if len(held) > 4 * _SETS_IN else held:
            near = region[np.linalg.norm(skins[other, frame, region] - middle[frame], axis=-1) < 0.15]
            nearest, _ = _tree(skins[other, frame, near]).query(skins[touch.person, frame, spot])
            distances.append(max(float(nearest.min()) - touch.gap, 0.0))
        found.append(np.array(distances or [0.0]))
    return found


def _around(body: BodyModel, spot: ContactPoint) -> np.ndarray:
    """Vertices of the region within _HAND of a contact point: a hollow palm touches with the skin around its middle."""
    vertices = contact_point_vertices(body, spot)
    members = (body_regions(body) == body_regions(body)[vertices[0]]).nonzero()[:, 0]
    near = (body.v_template[members] - body.v_template[vertices].mean(0)).norm(dim=1) < _HAND
    return members[near].numpy()


def _slide(scene: Scene, skins: np.ndarray) -> float:
    """Mean metres per frame that the middles of planted soles slide over the floor, of the worst foot."""
    worst = 0.0
    for p, actor in enumerate(scene.actors):
        soles = skins[p][:, sole_vertices(actor.body).numpy()].mean(2)[..., :2]
        moved = np.linalg.norm(np.diff(soles, axis=0), axis=-1)
        both = actor.motion.foot_contact[1:] & actor.motion.foot_contact[:-1]
        for foot in (0, 1):
            if both[:, foot].any():
                worst = max(worst, float(moved[both[:, foot], foot].mean()))
    return worst


def _beyond_limits(scene: Scene, posed: list[Posed]) -> float:
    """degrees"""
    low, high = joint_limits()
    worst = 0.0
    for one, actor in zip(posed, scene.actors):
        own = matrix_to_axis_angle(torch.from_numpy(actor.motion.rotations[:, 1:]))
        angles = matrix_to_axis_angle(one.rotations[0, :, 1 : len(BODY_JOINTS)])
        over = torch.maximum(torch.minimum(low, own) - angles, angles - torch.maximum(high, own))
        worst = max(worst, float(torch.rad2deg(over.max())))
    return worst


def _sudden(scene: Scene, joints: np.ndarray) -> float:
    """m/s² by which the greatest acceleration of the solved joints exceeds that of the actors' motions."""
    greatest = []
    for p, actor in enumerate(scene.actors):
        both = [np.diff(part, n=2, axis=0) * scene.rate**2 for part in (joints[p], actor_joints(actor))]
        solved, own = (np.linalg.norm(part, axis=-1).max() for part in both)
        greatest.append(float(solved - own))
    return max(*greatest, 0.0)
