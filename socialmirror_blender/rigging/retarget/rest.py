"""A character's rest pose in terms of SMPL-X joints, and the rotations that align two rest poses limb by limb.

Canonical axes are those of the reconstruction's armatures: Z up, facing -Y, the soles at z = 0, the hips above the origin. Any
armature is brought there by a turn about the vertical and a translation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....core.contract.errors import UserError
from ....core.contract.skeleton import JOINT_INDEX, JOINTS, PARENTS
from ...scene.rotations import quaternion_about_z, quaternion_to_matrix
from ..limbs import rotation_between

SIDES = ("left", "right")
_FINGERS = ("index", "middle", "pinky", "ring", "thumb")
_NO_MESH_FOOT = (-0.035, 0.14)
"""Heel and tip of a foot without a mesh, in -Y from ankle and ball, relative to the leg: -0.035 behind, 0.14 in front."""


@dataclass(frozen=True)
class RestCharacter:
    """Joints of a character in its rest pose. J = 55; rows of joints that it lacks hold the position of the parent."""

    heads: np.ndarray
    """[J,3] canonical, metres."""
    present: np.ndarray
    """bool [J]"""
    parents: np.ndarray
    """int [J]; the nearest ancestor that is present, -1 for the pelvis."""
    soles: tuple[np.ndarray, np.ndarray]
    """[n,3] points of the left and of the right sole, canonical."""
    T_wc: np.ndarray
    """[4,4] canonical -> world, of the rest pose where it stands in the scene."""

    @property
    def hip_centre(self) -> np.ndarray:
        return (self.heads[1] + self.heads[2]) / 2

    @property
    def size(self) -> float:
        """Length of leg, trunk and arm in metres, as a measure of the whole body."""
        limbs = [("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist")]
        lengths = [self._length(f"{s}_{a}", f"{s}_{b}") for s in SIDES for a, b in limbs]
        shoulders = (self.heads[JOINT_INDEX["left_shoulder"]] + self.heads[JOINT_INDEX["right_shoulder"]]) / 2
        return sum(lengths) / 2 + float(np.linalg.norm(shoulders - self.hip_centre))

    def _length(self, a: str, b: str) -> float:
        return float(np.linalg.norm(self.heads[JOINT_INDEX[a]] - self.heads[JOINT_INDEX[b]]))


def present_parents(present: np.ndarray) -> np.ndarray:
    """int [J]: for every joint the nearest ancestor that is present."""
    parents = np.full(len(JOINTS), -1)
    for joint, parent in enumerate(PARENTS):
        while parent > 0 and not present[parent]:
            parent = PARENTS[parent]
        parents[joint] = parent
    return parents


def make_rest_character(
    heads_inworld: dict[str, np.ndarray], sole_points_inworld: dict[str, np.ndarray], name: str
) -> RestCharacter:
    """A character from the world positions [3] of its joints at rest and the lowest points of its feet [n,3] by side.

    Where a side has no points (no mesh), they are guessed from ankle and ball. UserError `not-upright` if it lies or is upside
    down.
    """
    present = np.array([joint in heads_inworld for joint in JOINTS])
    parents = present_parents(present)
    heads = np.zeros((len(JOINTS), 3))
    for joint, title in enumerate(JOINTS):
        heads[joint] = heads_inworld.get(title, heads[max(parents[joint], 0)])
    hips, ankles = heads[[1, 2]].mean(0), heads[[JOINT_INDEX[f"{side}_ankle"] for side in SIDES]].mean(0)
    leg = float(np.linalg.norm(hips - ankles))
    if leg < 1e-6 or (hips - ankles)[2] < 0.5 * leg:
        raise UserError(
            "not-upright",
            f"The armature {name!r} does not stand upright in its rest pose.",
            "Rotate the armature object so that it stands on the floor with Z up, in T- or A-pose.",
        )
    across = heads[1] - heads[2] + heads[JOINT_INDEX["left_shoulder"]] - heads[JOINT_INDEX["right_shoulder"]]
    turn = np.arctan2(across[1], across[0])
    to_canonical = quaternion_to_matrix(quaternion_about_z(np.array(-turn)))
    heads = (heads - hips) @ to_canonical.T
    soles = [_sole(heads, present, side, sole_points_inworld.get(side), hips, to_canonical, leg) for side in SIDES]
    floor = min(points[:, 2].min() for points in soles)
    T_wc = np.eye(4)
    T_wc[:3, :3] = to_canonical.T
    T_wc[:3, 3] = hips + (0, 0, floor)
    shift = np.array([0, 0, -floor])
    return RestCharacter(heads + shift, present, parents, (soles[0] + shift, soles[1] + shift), T_wc)


def align_rests(target: RestCharacter, source: RestCharacter) -> np.ndarray:
    """[J,3,3] rotations that take the target's bones at rest into the rest pose of the source, both canonical.

    Limbs and fingers are aligned by their directions, so an A-pose becomes the source's T-pose; each continues the rotation of
    the limb before it, which keeps the twist. A hand is aligned by direction and palm, and half of the twist that this takes is
    given to the forearm. Trunk, head, collars and feet stay as they stand: their rotations are relative to standing upright.
    """
    alignment = np.tile(np.eye(3), (len(JOINTS), 1, 1))
    for side in SIDES:
        for chain in (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist")):
            _align_chain(alignment, [f"{side}_{part}" for part in chain], np.eye(3), target, source)
        wrist, elbow = JOINT_INDEX[f"{side}_wrist"], JOINT_INDEX[f"{side}_elbow"]
        alignment[wrist] = _align_hand(side, alignment[elbow], target, source)
        limb = _unit(source.heads[wrist] - source.heads[elbow])
        alignment[elbow] = _half_twist(alignment[wrist] @ alignment[elbow].T, limb) @ alignment[elbow]
        for finger in _FINGERS:
            chain = [f"{side}_{finger}{i}" for i in (1, 2, 3)]
            _align_chain(alignment, chain, alignment[wrist], target, source)
            last = JOINT_INDEX[chain[-1]]
            alignment[last] = alignment[JOINT_INDEX[chain[-2]]]
    return alignment


def _align_chain(
    alignment: np.ndarray, chain: list[str], start: np.ndarray, target: RestCharacter, source: RestCharacter
) -> None:
    """Align every joint of a chain but the last by the direction to the next one."""
    before = start
    for name, following in zip(chain, chain[1:]):
        joint, child = JOINT_INDEX[name], JOINT_INDEX[following]
        if target.present[joint] and target.present[child]:
            limb = before @ (target.heads[child] - target.heads[joint])
            before = rotation_between(limb, source.heads[child] - source.heads[joint]) @ before
        alignment[joint] = before


def _align_hand(side: str, forearm: np.ndarray, target: RestCharacter, source: RestCharacter) -> np.ndarray:
    knuckles = [JOINT_INDEX[f"{side}_{name}"] for name in ("middle1", "index1", "pinky1")]
    wrist = JOINT_INDEX[f"{side}_wrist"]
    if not target.present[knuckles].all():
        return forearm
    frames = [_frame(each.heads[knuckles[0]] - each.heads[wrist], each.heads[knuckles[1]] - each.heads[knuckles[2]])
              for each in (source, target)]  # fmt: skip
    return frames[0] @ frames[1].T


def _half_twist(rotation: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """Half of a rotation's [3,3] twist about an axis [3]."""
    before = _unit(np.cross(axis, np.eye(3)[np.abs(axis).argmin()]))
    after = rotation @ before
    after = after - axis * (axis @ after)
    angle = np.arctan2(axis @ np.cross(before, after), before @ after) / 2
    half = np.array([np.cos(angle / 2), *(np.sin(angle / 2) * axis)])
    return quaternion_to_matrix(half)


def _sole(
    heads: np.ndarray,
    present: np.ndarray,
    side: str,
    points_inworld: np.ndarray | None,
    hips: np.ndarray,
    to_canonical: np.ndarray,
    leg: float,
) -> np.ndarray:
    """[n,3] points of a sole in canonical axes, relative to the hips."""
    if points_inworld is not None and len(points_inworld):
        return (points_inworld - hips) @ to_canonical.T
    ankle, ball = heads[JOINT_INDEX[f"{side}_ankle"]], heads[JOINT_INDEX[f"{side}_foot"]]
    if not present[JOINT_INDEX[f"{side}_foot"]]:
        ball = ankle + (0, -0.12 * leg, 0)
    height = min(ankle[2] - 0.085 * leg, ball[2])
    heel, tip = _NO_MESH_FOOT
    return np.array([(ankle[0], ankle[1] - heel * leg, height), (ball[0], ball[1] - tip * leg / 2, height)])


def _frame(along: np.ndarray, across: np.ndarray) -> np.ndarray:
    """[3,3] with columns along, the part of across at right angles to it, and their cross product."""
    along = _unit(along)
    across = _unit(across - along * (along @ across))
    return np.stack([along, across, np.cross(along, across)], -1)


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(float(np.linalg.norm(vector)), 1e-9)
