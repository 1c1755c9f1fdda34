"""A temporary scene with copies of people, from which a file is exported.

So the user's scene, names, selection and current frame stay as they are. In the copies constraints and layered animation are
baked, the motion starts at frame 0, and bones that the animator added do not deform, so that they are not exported.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import bpy

from ..scene.datablocks import remove_new_datablocks, temporary_name
from ..scene.objects import rig_of, skin_of
from ..scene.rest_pose import BONES
from .baking import bake_motion, key_baked_motion


@dataclass(frozen=True)
class TemporaryScene:
    scene: bpy.types.Scene
    names: ExitStack
    """Gives names that are borrowed for the export back."""


@contextmanager
def temporary_scene(source: bpy.types.Scene, name: str, length: int) -> Generator[TemporaryScene]:
    """An empty scene with the frame rate of `source` and frames 0 to `length` - 1. FBX names the take after the scene."""
    with remove_new_datablocks(("objects", "armatures", "actions", "scenes")), ExitStack() as names:
        scene = bpy.data.scenes.new(name)
        scene.render.fps, scene.render.fps_base = source.render.fps, source.render.fps_base
        scene.frame_start, scene.frame_end = 0, length - 1
        names.enter_context(temporary_name(bpy.data.scenes, scene, name))
        yield TemporaryScene(scene, names)


def add_person(
    temporary: TemporaryScene, collection: bpy.types.Collection, person: int, name: str, frames: range
) -> None:
    """Add a copy of a person's armature, named `name`, with the motion of these frames baked, and a copy of the skin."""
    rig, skin = rig_of(collection, person), skin_of(collection, person)
    baked = bake_motion(temporary.scene, rig, frames)

    rig_copy: Any = rig.copy()
    rig_copy.data = rig_copy.data.copy()
    rig_copy.animation_data_clear()
    rig_copy.data.animation_data_clear()
    rig_copy.data.pose_position = "POSE"
    for bone in rig_copy.data.bones:
        bone.use_deform = bone.name in BONES
    for bone in rig_copy.pose.bones:
        bone.rotation_mode = "QUATERNION"
        for constraint in list(bone.constraints):
            bone.constraints.remove(constraint)
    key_baked_motion(rig_copy, baked)

    skin_copy: Any = skin.copy()
    skin_copy.parent = rig_copy
    for modifier in skin_copy.modifiers:
        if modifier.type == "ARMATURE" and modifier.object == rig:
            modifier.object = rig_copy
    for item, title in ((rig_copy, name), (skin_copy, skin.name)):
        temporary.scene.collection.objects.link(item)
        item.hide_viewport = item.hide_render = False
        temporary.names.enter_context(temporary_name(bpy.data.objects, item, title))
