"""Locks bones over a range of frames: the place that they have in one frame is held in all others.

Blender's own inverse kinematics bends the limb, on constraints that exist only meanwhile; then the pose is keyed.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix

from ...core.contract.skeleton import PARENT_NAME
from .actions import take_channelbag
from .fcurves import location_path, rotation_path
from .pins import PINNED_IN_WORLD, lock_at, lock_keyframes
from .rest_pose import ROOT

_CHAIN_LENGTH = {"head": 4}
"""Bones that bend to hold a joint's place; limbs have 2."""


def lock_range(context: bpy.types.Context, rig: bpy.types.Object, bones: Iterable[str], frames: Sequence[int]) -> None:
    """Hold the visible pose of these bones in all these frames: of hands, feet, head and hips the place, of others the rotation.

    The parents that bend for it are locked as far as they are among the bones. The scene's frame is the one whose pose is held.
    """
    scene, names = context.scene, list(bones)
    here = scene.frame_current
    held = [name for name in names if name in PINNED_IN_WORLD]
    pose: Any = rig.pose
    wanted = {name: pose.bones[name].matrix.copy() for name in held}
    own = {name: pose.bones[name].matrix_basis.copy() for name in names if name not in held}
    try:
        with _ik_constraints(rig, wanted, context):
            solved = {frame: _solved_pose(context, rig, wanted, own, frame) for frame in frames if frame != here}
    finally:
        scene.frame_set(here)
    for frame, channels in solved.items():
        for name, basis in channels.items():
            _key(rig, name, basis, frame)
        lock_keyframes(rig, names, frame)


def _solved_pose(
    context: bpy.types.Context,
    rig: Any,
    wanted: dict[str, Any],
    own: dict[str, Any],
    frame: int,
) -> dict[str, Any]:
    """`matrix_basis` (Matrix) of all bones that hold the pose in a frame."""
    context.scene.frame_set(frame)
    evaluated: Any = rig.evaluated_get(context.evaluated_depsgraph_get()).pose
    bones: Any = rig.data.bones
    matrices = {bone.name: evaluated.bones[bone.name].matrix.copy() for bone in bones}
    basis: dict[str, Any] = {}

    def key_pose(name: str, matrix: Any) -> None:
        parent: Any = bones[name].parent
        nowhere: Any = Matrix.Identity(4)
        to_parent = matrices[parent.name].inverted() if parent else nowhere
        rest = (parent.matrix_local.inverted() if parent else nowhere) @ bones[name].matrix_local
        basis[name] = rest.inverted() @ to_parent @ matrix
        matrices[name] = matrix

    for name in wanted:
        for parent in reversed(_chain(name)):
            key_pose(parent, matrices[parent])
    for name, matrix in wanted.items():
        key_pose(name, matrix)
    return own | basis


@contextmanager
def _ik_constraints(rig: Any, wanted: dict[str, Any], context: bpy.types.Context) -> Generator[None]:
    """Constraints that bring the parents of hands, feet and head to where these are held."""
    made: list[tuple[Any, Any, Any]] = []
    try:
        for name, matrix in wanted.items():
            if name == "pelvis":
                continue
            target = bpy.data.objects.new("hold", None)
            context.scene.collection.objects.link(target)
            target.location = (rig.matrix_world @ matrix).translation
            bone = rig.pose.bones[PARENT_NAME[name]]
            constraint = bone.constraints.new("IK")
            constraint.target = target
            constraint.chain_count = _CHAIN_LENGTH.get(name, 2)
            constraint.iterations = 500
            made.append((bone, constraint, target))
        yield
    finally:
        for bone, constraint, target in made:
            bone.constraints.remove(constraint)
            bpy.data.objects.remove(target)


def _chain(name: str) -> list[str]:
    """The bones that bend for a joint, from its parent on up."""
    chain: list[str] = []
    joint = name
    for _ in range(0 if name == "pelvis" else _CHAIN_LENGTH.get(name, 2)):
        joint = PARENT_NAME[joint]
        chain.append(joint)
    return chain


def _key(rig: Any, name: str, basis: Any, frame: int) -> None:
    """Key a bone's rotation, and the location of those that have one."""
    channelbag = take_channelbag(rig)
    if channelbag is None:
        return
    location, rotation = basis.to_translation(), basis.to_quaternion()
    curves = [channelbag.fcurves.find(rotation_path(name), index=index) for index in range(4)]
    if all(curve is not None for curve in curves):
        before = np.array([curve.evaluate(frame) for curve in curves])
        sign = -1.0 if float(before @ np.array(rotation)) < 0 else 1.0
        for curve, value in zip(curves, rotation):
            _set_key(curve, frame, sign * value)
    if name in (ROOT, "pelvis"):
        for index, value in enumerate(location):
            curve = channelbag.fcurves.find(location_path(name), index=index)
            if curve is not None:
                _set_key(curve, frame, value)


def _set_key(curve: Any, frame: int, value: float) -> None:
    """A key of the animator's own."""
    lock_at(curve, frame, value)
    keyframe = next(point for point in curve.keyframe_points if round(point.co.x) == frame)
    keyframe.type = "KEYFRAME"
