"""Bakes the visible motion of an armature, with its constraints and all its animation, to one action of plain keyframes."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from .. import compat
from ..scene.armature import read_rest_pose
from ..scene.fcurves import location_path, rotation_path, write_fcurves
from ..scene.pose_conversion import basis_matrices
from ..scene.rest_pose import BONES
from ..scene.rotations import make_sign_continuous, matrix_to_quaternion


@dataclass(frozen=True)
class BakedMotion:
    """Channels of the 56 bones in S frames, in each bone's own space, relative to the rest pose."""

    rotations: np.ndarray
    """[S,56,4] sign-continuous quaternions."""
    locations: np.ndarray
    """[S,56,3] metres."""


def bake_motion(scene: bpy.types.Scene, rig: bpy.types.Object, frames: range) -> BakedMotion:
    """Evaluate an armature in every frame. `scene`, which need not be the armature's own, is set to each of them."""
    pose_inarmature = np.empty((len(frames), len(BONES), 4, 4))
    view_layer: Any = scene.view_layers[0]
    with _visible_in(scene, rig):
        for row, frame in enumerate(frames):
            scene.frame_set(frame)
            evaluated: Any = rig.evaluated_get(view_layer.depsgraph)
            pose_inarmature[row] = [evaluated.pose.bones[name].matrix for name in BONES]
    basis = basis_matrices(pose_inarmature, read_rest_pose(rig))
    return BakedMotion(make_sign_continuous(matrix_to_quaternion(basis[..., :3, :3])), basis[..., :3, 3])


def key_baked_motion(rig: bpy.types.Object, baked: BakedMotion) -> None:
    """Assign a new action with the baked motion, from frame 0 on."""
    action = bpy.data.actions.new(rig.name)
    slot, channelbag = compat.new_channelbag(action, rig.name)
    frames = np.arange(len(baked.rotations))
    for index, bone in enumerate(BONES):
        write_fcurves(channelbag, rotation_path(bone), frames, baked.rotations[:, index])
        write_fcurves(channelbag, location_path(bone), frames, baked.locations[:, index])
    compat.assign_action(rig, action, slot)


@contextmanager
def _visible_in(scene: bpy.types.Scene, rig: bpy.types.Object) -> Generator[None]:
    """Link an armature to a scene and show it there: Blender does not evaluate hidden objects."""
    hidden = rig.hide_viewport
    scene.collection.objects.link(rig)
    rig.hide_viewport = False
    try:
        yield
    finally:
        rig.hide_viewport = hidden
        scene.collection.objects.unlink(rig)
