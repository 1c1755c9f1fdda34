"""The animator's own constraints on the SMPL-X bones, which stay on the bones below a control rig."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from .building import CONSTRAINT_PREFIX

Constraint = tuple[str, str]
"""Names of a bone and of a constraint on it."""

IK_TYPES = ("IK", "SPLINE_IK")


def constraint_of(rig: Any, names: Constraint) -> Any:
    bone, constraint = names
    return rig.pose.bones[bone].constraints[constraint]


def constraints_by_bone(rig: Any) -> dict[str, set[Constraint]]:
    """The animator's own constraints that move a bone, of all bones that have some. IK moves a whole chain."""
    found: dict[str, set[Constraint]] = {}
    for bone in rig.pose.bones:
        for constraint in bone.constraints:
            if not constraint.mute and not constraint.name.startswith(CONSTRAINT_PREFIX):
                for moved in _moved_bones(bone, constraint):
                    found.setdefault(moved, set()).add((bone.name, constraint.name))
    return found


def bound_together(bones: set[str], constraints: dict[str, set[Constraint]]) -> set[str]:
    """These bones, and all that share constraints with them, or with bones that do."""
    while True:
        theirs = {item for bone in bones for item in constraints[bone]}
        more = {bone for bone, items in constraints.items() if items & theirs}
        if more == bones:
            return bones
        bones = more


@contextmanager
def controls_muted(rig: Any) -> Generator[None]:
    """Let the bones move by their keys and the animator's own constraints, not by the controls."""
    followed = [item for bone in rig.pose.bones for item in bone.constraints if item.name.startswith(CONSTRAINT_PREFIX)]
    active = [item for item in followed if not item.mute]
    try:
        for item in active:
            item.mute = True
        yield
    finally:
        for item in active:
            item.mute = False


def _moved_bones(bone: Any, constraint: Any) -> list[str]:
    if constraint.type not in IK_TYPES:
        return [bone.name]
    chain = [bone, *bone.parent_recursive]
    if constraint.type == "IK" and not constraint.use_tail:
        chain = chain[1:]
    return [item.name for item in (chain[: constraint.chain_count] if constraint.chain_count else chain)]
