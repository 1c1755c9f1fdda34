"""Anchors of touches: the two points of skin that meet, on the reconstructed people and, correspondingly, on other characters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ....core.contract.skeleton import JOINT_INDEX, JOINTS
from .rest import RestCharacter

_MOST_VERTICES = 400
_MOST_FRAMES = 9
"""A pair of regions is searched on at most so many vertices of each, in so many frames."""

_CHILD = {
    "pelvis": "spine1", "spine1": "spine2", "spine2": "spine3", "spine3": "neck", "neck": "head",
    **{f"{s}_{a}": f"{s}_{b}" for s in ("left", "right") for a, b in (
        ("hip", "knee"), ("knee", "ankle"), ("ankle", "foot"), ("collar", "shoulder"), ("shoulder", "elbow"),
        ("elbow", "wrist"), ("wrist", "middle1"),
        *((f"{finger}{i}", f"{finger}{i + 1}") for finger in ("index", "middle", "pinky", "ring", "thumb") for i in (1, 2)),
    )},
}  # fmt: skip
"""The joint at the other end of a bone."""


def _part(joint: str) -> str:
    side, _, name = joint.partition("_")
    if side not in ("left", "right") or "eye" in joint:
        return "head" if joint in ("neck", "head", "jaw") or "eye" in joint else "trunk"
    if name == "collar":
        return "trunk"
    groups = {"shoulder": "arm", "elbow": "arm", "hip": "leg", "knee": "leg", "ankle": "foot", "foot": "foot"}
    return f"{side}_{groups.get(name, 'hand')}"


_PARTS = sorted({_part(joint) for joint in JOINTS})
PART_OF_JOINT = np.array([_PARTS.index(_part(joint)) for joint in JOINTS])
"""int [J]: the part of the body (trunk, head, an arm, a hand, ...) within which an anchor's counterpart is looked for."""

ARM_PARTS = frozenset(number for number, name in enumerate(_PARTS) if name.endswith(("_arm", "_hand")))


@dataclass(frozen=True)
class Skin:
    """A skinned mesh in its rest pose. V vertices, J joints."""

    vertices: np.ndarray
    """[V,3] canonical."""
    weights: np.ndarray
    """[V,J] of the joints; rows sum to 1."""
    regions: np.ndarray
    """int [V] index into `skeleton.REGIONS`, -1 for none; all -1 for characters whose regions are not known."""
    normals: np.ndarray
    """[V,3] unit vectors out of the skin, canonical."""

    @cached_property
    def parts(self) -> np.ndarray:
        """int [V] the part of the body of each vertex, as in PART_OF_JOINT."""
        return PART_OF_JOINT[self.weights.argmax(-1)]


@dataclass(frozen=True)
class Anchor:
    """A point of a character's skin."""

    place: np.ndarray
    """[3] at rest, canonical."""
    weights: np.ndarray
    """[J] of the joints."""
    vertex: int
    """Index of the vertex in the character's skin, -1 if it has none there."""


def anchor_at(skin: Skin, vertex: int) -> Anchor:
    return Anchor(skin.vertices[vertex], skin.weights[vertex], vertex)


def posed_points(
    rest: RestCharacter, rotations: np.ndarray, positions: np.ndarray, places: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """[T,n,3] by linear blend skinning: points [n,3] with weights [n,J], of joints at [T,J,3] with rotations [T,J,3,3]."""
    used = np.flatnonzero((weights > 0).any(0))
    local = places[:, None] - rest.heads[used]
    moved = np.einsum("tjab,njb->tnja", rotations[:, used], local) + positions[:, None, used]
    return np.einsum("tnja,nj->tna", moved, weights[:, used])


def nearest_pair(a: np.ndarray, b: np.ndarray) -> tuple[int, int]:
    """Rows of the two points, of [T,n,3] and [T,m,3], that are nearest to each other on the average of the frames."""
    distance = np.zeros((a.shape[1], b.shape[1]))
    for points_a, points_b in zip(a, b):
        squared = (points_a**2).sum(-1)[:, None] + (points_b**2).sum(-1) - 2 * points_a @ points_b.T
        distance += np.sqrt(np.maximum(squared, 0))
    row, column = divmod(int(distance.argmin()), b.shape[1])
    return row, column


def sampled(items: np.ndarray, count: int) -> np.ndarray:
    """At most `count` of the items, evenly."""
    return items[np.unique(np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int))]


def region_vertices(skin: Skin, region: int) -> np.ndarray:
    return sampled(np.flatnonzero(skin.regions == region), _MOST_VERTICES) if (skin.regions == region).any() else _NONE


def sampled_frames(first: int, last: int) -> np.ndarray:
    return sampled(np.arange(first, last + 1), _MOST_FRAMES)


def corresponding_anchor(
    anchor: Anchor, source: RestCharacter, target: RestCharacter, alignment: np.ndarray, skin: Skin | None
) -> Anchor:
    """The anchor on another character: the vertex of the same part of the body nearest to the same place of the same limb.

    The place is that of the source relative to its joint, stretched along the limb by the ratio of the limbs' lengths and
    otherwise by that of the bodies' sizes. Where the character has no vertices the place itself is taken, on the bone.
    """
    joint = int(anchor.weights.argmax())
    while not target.present[joint]:
        joint = int(target.parents[joint])
    stretch = _limb_stretch(joint, source, target)
    place = target.heads[joint] + alignment[joint].T @ stretch @ (anchor.place - source.heads[joint])
    if skin is not None and len(skin.vertices):
        same_part = np.flatnonzero(skin.parts == PART_OF_JOINT[joint])
        if len(same_part):
            vertex = int(same_part[np.linalg.norm(skin.vertices[same_part] - place, axis=-1).argmin()])
            return anchor_at(skin, vertex)
    return Anchor(place, np.eye(len(JOINTS))[joint], -1)


def joints_of_bones(rest: RestCharacter, middles: np.ndarray) -> np.ndarray:
    """int [n]: for each deforming bone, whose middle at rest is [n,3] canonical, the joint of the limb nearest to it."""
    joints, starts, ends = [], [], []
    for joint, name in enumerate(JOINTS):
        if rest.present[joint]:
            child = JOINT_INDEX.get(_CHILD.get(name, ""), -1)
            has_end = child >= 0 and rest.present[child]
            joints.append(joint)
            starts.append(rest.heads[joint])
            ends.append(rest.heads[child] if has_end else _leaf_end(rest, joint))
    start, end = np.array(starts), np.array(ends)
    along = end - start
    t = np.einsum("nja,ja->nj", middles[:, None] - start, along) / np.maximum((along**2).sum(-1), 1e-12)
    nearest = start + np.clip(t, 0, 1)[..., None] * along
    return np.array(joints)[np.linalg.norm(middles[:, None] - nearest, axis=-1).argmin(-1)]


def _limb_stretch(joint: int, source: RestCharacter, target: RestCharacter) -> np.ndarray:
    """[3,3] in the source's canonical axes."""
    size = target.size / source.size
    child = JOINT_INDEX.get(_CHILD.get(JOINTS[joint], ""), -1)
    if child < 0 or not target.present[child]:
        return np.eye(3) * size
    limb = source.heads[child] - source.heads[joint]
    length = float(np.linalg.norm(limb))
    along = limb / max(length, 1e-9)
    ratio = float(np.linalg.norm(target.heads[child] - target.heads[joint])) / max(length, 1e-9)
    return np.eye(3) * size + (ratio - size) * np.outer(along, along)


def _leaf_end(rest: RestCharacter, joint: int) -> np.ndarray:
    """A point at the other end of a bone that has no joint there: on from the bone before it; the head goes up."""
    name, parent = JOINTS[joint], rest.parents[joint]
    if name == "head":
        return rest.heads[joint] + (0, 0, 0.12 * rest.size)
    if name.endswith("_foot"):
        return rest.heads[joint] + (0, -0.05 * rest.size, 0)
    along = rest.heads[joint] - rest.heads[max(parent, 0)]
    return rest.heads[joint] + 0.6 * along * ("wrist" not in name) + 0.3 * along * ("wrist" in name)


def concatenate_skins(skins: Sequence[Skin]) -> Skin | None:
    """One skin of several meshes, None if there are none."""
    if not skins:
        return None
    return Skin(
        np.concatenate([skin.vertices for skin in skins]),
        np.concatenate([skin.weights for skin in skins]),
        np.concatenate([skin.regions for skin in skins]),
        np.concatenate([skin.normals for skin in skins]),
    )


_NONE = np.zeros(0, dtype=int)
