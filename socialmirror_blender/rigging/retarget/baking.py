"""Bakes given world transforms of control bones into keyframes, whatever mechanism the rig has between its bones.

The controls follow empties by constraints for as long as this takes, so that Blender itself evaluates the rig, with its drivers,
constraints and parents, and says what each control's own channels have to be.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix

from ... import compat
from ...scene.evaluated_poses import evaluation_scene
from ...scene.fcurves import write_fcurves
from ...scene.rotations import make_sign_continuous, matrix_to_quaternion

_PREFIX = "SocialMirror "


@dataclass(frozen=True)
class ControlTrack:
    """Where a control bone is to be. T frames."""

    bone: str
    rotations: np.ndarray | None
    """[T,3,3] in the world; None for a pole, whose rotation is free."""
    locations: np.ndarray | None
    """[T,3] in the world; None for a bone whose location is not keyed."""


@dataclass(frozen=True)
class BakedControls:
    tracks: tuple[ControlTrack, ...]
    basis: np.ndarray
    """[T,n,4,4] each control's own transform, `PoseBone.matrix_basis`."""
    followers: np.ndarray
    """[T,m,4,4] world matrices of the bones that were asked for, in the same evaluation."""


def bake_controls(
    scene: bpy.types.Scene,
    rig: bpy.types.Object,
    tracks: Sequence[ControlTrack],
    frames: np.ndarray,
    switches: Mapping[tuple[str, str], float],
    followers: Sequence[str],
) -> BakedControls:
    """Evaluate a rig in scene frames [T], with whatever carries its object. It is left as it was, apart from its switches."""
    item: Any = rig
    basis = np.empty((len(frames), len(tracks), 4, 4))
    followed = np.empty((len(frames), len(followers), 4, 4))
    quaternions = [None if track.rotations is None else matrix_to_quaternion(track.rotations) for track in tracks]
    set_switches(rig, switches)
    with (
        evaluation_scene([rig], (scene.render.fps, scene.render.fps_base)) as temporary,
        _unanimated(item),
        _guided(temporary, item, tracks) as guides,
    ):
        layer: Any = temporary.view_layers[0]
        for row, frame in enumerate(frames.tolist()):
            for guide, track, turns in zip(guides, tracks, quaternions):
                if turns is not None:
                    guide.rotation_quaternion = turns[row]
                if track.locations is not None:
                    guide.location = track.locations[row]
            temporary.frame_set(frame)
            evaluated: Any = item.evaluated_get(layer.depsgraph)
            bones = evaluated.pose.bones
            for column, track in enumerate(tracks):
                bone = bones[track.bone]
                local = evaluated.convert_space(pose_bone=bone, matrix=bone.matrix, from_space="POSE", to_space="LOCAL")
                basis[row, column] = local
            if followers:
                followed[row] = np.array(evaluated.matrix_world) @ np.array([bones[name].matrix for name in followers])
    return BakedControls(tuple(tracks), basis, followed)


def write_action(
    rig: bpy.types.Object,
    name: str,
    baked: BakedControls,
    frames: np.ndarray,
    rows: np.ndarray,
    switches: Mapping[tuple[str, str], float],
) -> bpy.types.Action:
    """A new action with keyframes of the rows [S] of what was baked at scene frames [T]; it takes the place of the present one,
    which stays in the file.

    All other bones go to their rest pose, since what the animator set there would add to the motion.
    """
    item: Any = rig
    clear_pose(item)
    action = bpy.data.actions.new(name)
    slot, channelbag = compat.new_channelbag(action, rig.name)
    at = frames[rows]
    for column, track in enumerate(baked.tracks):
        bone, path = item.pose.bones[track.bone], bone_path(track.bone)
        group = channelbag.groups.new(track.bone)
        matrices = baked.basis[rows, column]
        if track.rotations is not None:
            channel, values = rotation_channel(bone.rotation_mode, matrices)
            write_fcurves(channelbag, f"{path}.{channel}", at, values, group=group)
        if track.locations is not None:
            write_fcurves(channelbag, f"{path}.location", at, matrices[:, :3, 3], group=group)
    for (bone, prop), value in switches.items():
        if prop in item.pose.bones[bone]:
            path = f'{bone_path(bone)}["{bpy.utils.escape_identifier(prop)}"]'
            write_fcurves(channelbag, path, at[:1], np.array([[value]]), interpolation="CONSTANT")
    present = compat.assigned_action(rig)
    if present is not None:
        present[0].use_fake_user = True
    compat.assign_action(rig, action, slot)
    return action


def mute_nla(rig: bpy.types.Object) -> list[str]:
    """Mute the NLA tracks that would add to an armature's action, which then shows as it is. Returns their names."""
    data: Any = rig.animation_data
    if data is None or not data.use_nla:
        return []
    muted: list[str] = []
    for track in data.nla_tracks:
        track.is_solo = False  # of any track, it would hide the action
        if not track.mute:
            track.mute = True
            muted.append(track.name)
    # they hold even where all tracks are muted
    data.action_blend_type, data.action_influence = "REPLACE", 1.0
    return muted


def set_switches(rig: bpy.types.Object, switches: Mapping[tuple[str, str], float]) -> None:
    """Set custom properties of bones, each in the type that it has. Those that the rig lacks are left out."""
    item: Any = rig
    for (name, prop), value in switches.items():
        bone = item.pose.bones[name]
        if prop in bone:
            bone[prop] = type(bone[prop])(value)


def clear_pose(rig: Any) -> None:
    for bone in rig.pose.bones:
        bone.matrix_basis = Matrix.Identity(4)


def bone_path(bone: str) -> str:
    return f'pose.bones["{bpy.utils.escape_identifier(bone)}"]'


def rotation_channel(mode: Any, matrices: np.ndarray) -> tuple[str, np.ndarray]:
    """The channel of a rotation mode, and its values [S,3] or [S,4] for matrices [S,4,4], without jumps."""
    if mode == "QUATERNION":
        return "rotation_quaternion", make_sign_continuous(matrix_to_quaternion(_rotations(matrices)))
    if mode == "AXIS_ANGLE":
        quaternions = make_sign_continuous(matrix_to_quaternion(_rotations(matrices)))
        length = np.linalg.norm(quaternions[:, 1:], axis=-1, keepdims=True)
        angle = 2 * np.arctan2(length, quaternions[:, :1])
        axis = np.where(length > 1e-9, quaternions[:, 1:] / np.maximum(length, 1e-9), (0.0, 1.0, 0.0))
        return "rotation_axis_angle", np.concatenate([angle, axis], -1)
    values: list[tuple[float, ...]] = []
    before = None
    for matrix in matrices:
        rotation: Any = Matrix(matrix.tolist()).to_3x3()
        euler = rotation.to_euler(mode) if before is None else rotation.to_euler(mode, before)
        values.append(tuple(euler))
        before = euler
    return "rotation_euler", np.array(values)


def _rotations(matrices: np.ndarray) -> np.ndarray:
    left, _, right = np.linalg.svd(matrices[:, :3, :3])
    return left @ right


@contextmanager
def _unanimated(rig: Any) -> Generator[None]:
    """Let nothing but constraints and drivers move an armature, from its rest pose."""
    data = rig.animation_data
    shown = compat.assigned_action(rig)
    use_nla = data.use_nla if data is not None else False
    poses = [bone.matrix_basis.copy() for bone in rig.pose.bones]
    position = rig.data.pose_position
    try:
        if data is not None:
            data.action, data.use_nla = None, False
        rig.data.pose_position = "POSE"
        clear_pose(rig)
        yield
    finally:
        for bone, basis in zip(rig.pose.bones, poses):
            bone.matrix_basis = basis
        rig.data.pose_position = position
        if data is not None:
            data.use_nla = use_nla
            if shown is not None:
                compat.assign_action(rig, *shown)


@contextmanager
def _guided(scene: bpy.types.Scene, rig: Any, tracks: Sequence[ControlTrack]) -> Generator[list[Any]]:
    """Empties, one for each track, that the controls follow."""
    guides: list[Any] = []
    constraints: list[tuple[Any, Any]] = []
    try:
        for track in tracks:
            guide: Any = bpy.data.objects.new(f"{_PREFIX}{track.bone}", None)
            guide.rotation_mode = "QUATERNION"
            scene.collection.objects.link(guide)
            guides.append(guide)
            bone = rig.pose.bones[track.bone]
            for kind, array in (("COPY_ROTATION", track.rotations), ("COPY_LOCATION", track.locations)):
                if array is not None:
                    constraint = bone.constraints.new(kind)
                    constraint.target = guide
                    constraints.append((bone, constraint))
        yield guides
    finally:
        for bone, constraint in constraints:
            bone.constraints.remove(constraint)
        bpy.data.batch_remove(guides)
