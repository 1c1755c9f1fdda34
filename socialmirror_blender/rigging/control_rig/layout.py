"""Which controls a person's control rig has, how they hang together, and where they are in the rest pose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....core.contract.skeleton import PARENT_NAME
from ...scene.rest_pose import BONES, ROOT, RestPose
from ..limbs import pole_positions, two_bone_ik

BODY = (ROOT, "pelvis", "spine1", "spine2", "spine3", "neck", "head", "left_collar", "right_collar")
"""Bones with a control of the same name, which poses them alone."""
POLE_DISTANCE = 0.4
"""metres between elbow or knee and its pole."""
_POLE_LENGTH = 0.06
_REST_REACH = 0.985
"""How far the IK chain is stretched in its rest pose: it has to be bent, or the solver would not know where to."""


@dataclass(frozen=True)
class Limb:
    """An arm or a leg with FK and IK controls."""

    name: str
    """Also of the property that blends from FK (0) to IK (1)."""
    joints: tuple[str, str, str]
    """Shoulder, elbow, wrist, or hip, knee, ankle."""
    end: str
    """The IK control."""
    pole: str
    bend_hint: tuple[float, float, float]
    """Direction in armature space in which elbow or knee point at rest."""

    @property
    def chain(self) -> tuple[str, str]:
        """The two bones that Blender's IK bends."""
        return f"{self.joints[0]}.mch", f"{self.joints[1]}.mch"

    @property
    def twists(self) -> tuple[str, str]:
        """Bones on them that carry what IK leaves open: how upper and lower limb are twisted."""
        return f"{self.joints[0]}.twist", f"{self.joints[1]}.twist"


def _limb(side: str, part: str) -> Limb:
    if part == "arm":
        joints, end, pole, hint = ("shoulder", "elbow", "wrist"), "hand", "elbow", (0.0, 1.0, 0.0)
    else:
        joints, end, pole, hint = ("hip", "knee", "ankle"), "foot", "knee", (0.0, -1.0, 0.0)
    upper, lower, last = (f"{side}_{joint}" for joint in joints)
    return Limb(f"{side}_{part}", (upper, lower, last), f"{side}_{end}.ik", f"{side}_{pole}.pole", hint)


LIMBS = tuple(_limb(side, part) for part in ("arm", "leg") for side in ("left", "right"))
LIMB_JOINTS = tuple(joint for limb in LIMBS for joint in limb.joints)
CONTROLLED = (*BODY, *LIMB_JOINTS)
"""The SMPL-X bones that follow controls; toes, fingers and face keep their own keys."""


def fk_control(bone: str) -> str:
    """The control that poses a bone by forward kinematics."""
    return f"{bone}.fk" if bone in LIMB_JOINTS else bone


@dataclass(frozen=True)
class ControlBone:
    """A bone of the control armature at rest."""

    name: str
    parent: str
    """Empty for none."""
    length: float
    matrix: np.ndarray
    """[4,4] into armature space."""
    group: str
    """The bone collection."""


def control_bones(rest: RestPose) -> list[ControlBone]:
    """All bones of the control armature of a person with this rest pose; parents come first."""
    matrices = dict(zip(BONES, rest.matrices_inarmature))
    lengths = dict(zip(BONES, rest.lengths))
    heads = dict(zip(BONES, rest.heads_inarmature))
    bones: list[ControlBone] = []
    for name in (*BODY, *LIMB_JOINTS):
        parent = "" if name == ROOT else fk_control(PARENT_NAME.get(name, ROOT))
        group = "FK" if name in LIMB_JOINTS else "Body"
        bones.append(ControlBone(fk_control(name), parent, lengths[name], matrices[name], group))
    for limb in LIMBS:
        upper, lower, last = limb.joints
        above = PARENT_NAME[upper]
        root, middle, end, hint = heads[upper], heads[lower], heads[last], np.array(limb.bend_hint)
        pole = pole_positions(root, middle, end, POLE_DISTANCE, hint)
        span = np.linalg.norm(middle - root) + np.linalg.norm(end - middle)
        reach = root + (end - root) / np.linalg.norm(end - root) * span * _REST_REACH
        bent = two_bone_ik(root, middle, end, reach, hint)
        bones += [
            ControlBone(limb.end, "", lengths[last], matrices[last], "IK"),
            ControlBone(limb.pole, "", _POLE_LENGTH, _placed(np.eye(3), pole), "IK"),
            ControlBone(limb.chain[0], fk_control(above), *_between(root, bent.middle, hint), "Mechanism"),
            ControlBone(limb.chain[1], limb.chain[0], *_between(bent.middle, bent.end, hint), "Mechanism"),
        ]
        chain = dict(zip(limb.chain, bones[-2:]))
        for twist, carrier, joint in zip(limb.twists, limb.chain, limb.joints):
            # with the carrier's head, so that the twist's rest pose differs from the bone's by a rotation only
            place = chain[carrier].matrix[:3, 3]
            bones.append(
                ControlBone(twist, carrier, lengths[joint], _placed(matrices[joint][:3, :3], place), "Mechanism")
            )
    return bones


def _between(head: np.ndarray, tail: np.ndarray, hint: np.ndarray) -> tuple[float, np.ndarray]:
    """Length and matrix of a bone from head to tail, whose z axis lies towards the hint."""
    length = float(np.linalg.norm(tail - head))
    y = (tail - head) / length
    x = np.cross(y, hint)
    x /= np.linalg.norm(x)
    return length, _placed(np.stack([x, y, np.cross(x, y)], -1), head)


def _placed(axes: np.ndarray, head: np.ndarray) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = axes, head
    return matrix


def pole_angle(chain: ControlBone, tail: np.ndarray, pole: np.ndarray) -> float:
    """Blender's pole angle (radians) of an IK chain whose upper bone, end and pole at rest are given."""
    axes, head = chain.matrix[:3, :3], chain.matrix[:3, 3]
    along = axes[:, 1]
    normal = np.cross(tail - head, pole - head)
    projected = np.cross(normal, along)
    x = axes[:, 0]
    angle = np.arccos(np.clip(x @ projected / np.linalg.norm(projected), -1, 1))
    return float(-angle if np.cross(x, projected) @ along > 0 else angle)
