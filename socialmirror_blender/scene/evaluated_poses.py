"""What armatures show at scene frames, with constraints, layers of animation and all else that moves them."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Any

import bpy
import numpy as np

from ...core.contract.errors import UserError
from .datablocks import remove_new_datablocks


def evaluated_poses(
    scene: bpy.types.Scene, rigs: Sequence[bpy.types.Object], bones: Sequence[str], frames: Iterable[int]
) -> tuple[np.ndarray, np.ndarray]:
    """`Object.matrix_world` [R,S,4,4] of armatures and `PoseBone.matrix` [R,S,B,4,4] of their bones in S frames.

    The armatures have to be visible in the scene, which is set to each frame.
    """
    numbers = [int(frame) for frame in frames]
    places = np.empty((len(rigs), len(numbers), 4, 4))
    poses = np.empty((len(rigs), len(numbers), len(bones), 4, 4))
    layer: Any = scene.view_layers[0]
    for row, frame in enumerate(numbers):
        scene.frame_set(frame)
        for number, rig in enumerate(rigs):
            evaluated: Any = rig.evaluated_get(layer.depsgraph)
            places[number, row] = evaluated.matrix_world
            poses[number, row] = [evaluated.pose.bones[name].matrix for name in bones]
    return places, poses


@contextmanager
def evaluation_scene(rigs: Sequence[bpy.types.Object], frame_rate: tuple[int, float]) -> Generator[bpy.types.Scene]:
    """A scene with nothing but these armatures, visible, in which they are evaluated quickly. It is removed afterwards."""
    with remove_new_datablocks(("scenes", "objects")):
        scene = bpy.data.scenes.new("SocialMirror evaluation")
        scene.render.fps, scene.render.fps_base = frame_rate
        with visible_in(scene, rigs):
            yield scene


@contextmanager
def visible_in(scene: bpy.types.Scene, rigs: Sequence[bpy.types.Object]) -> Generator[None]:
    """Link armatures to a scene and show them there, in Pose Position: Blender does not evaluate hidden objects.

    UserError `edit-mode` if one of them is in Edit Mode, in which it has no pose but that of rest.
    """
    armatures = _armatures(rigs)
    at_rest = [armature for armature in armatures if armature.pose_position == "REST"]
    hidden: list[tuple[bpy.types.Object, bool]] = []
    try:
        for armature in at_rest:
            armature.pose_position = "POSE"
        for rig in rigs:
            scene.collection.objects.link(rig)
            hidden.append((rig, rig.hide_viewport))
            rig.hide_viewport = False
        yield
    finally:
        for rig, was_hidden in hidden:
            rig.hide_viewport = was_hidden
            scene.collection.objects.unlink(rig)
        for armature in at_rest:
            armature.pose_position = "REST"


def _armatures(rigs: Sequence[bpy.types.Object]) -> list[Any]:
    """The armature datablocks of these objects, and of those that their bones follow. UserError `edit-mode`."""
    found: list[Any] = []
    for rig in rigs:
        bones: Any = () if rig.pose is None else rig.pose.bones
        followed = [getattr(constraint, "target", None) for bone in bones for constraint in bone.constraints]
        objects: list[Any] = [rig, *followed]
        for item in objects:
            if item is None or item.type != "ARMATURE":
                continue
            if item.data.is_editmode:
                raise UserError(
                    "edit-mode", f"{item.name} is in Edit Mode, where it has no pose.", "Leave Edit Mode first."
                )
            if item.data not in found:
                found.append(item.data)
    return found
