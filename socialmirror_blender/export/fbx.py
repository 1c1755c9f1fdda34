"""FBX files that game engines take as they are.

Each file is exported from a scene of its own that holds copies with the motion baked onto them. So the user's scene,
names, selection and frame stay as they are, constraints and layered animation come out as seen, the take starts at
time 0, and bones that an animator added for control stay at home.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...core.contract.errors import UserError
from ...core.contract.files import replacing
from .. import compat
from ..scene.basis import BONE_PARENTS, BONES
from ..scene.keys import location_path, rotation_path, write_curve
from ..scene.rig import read_rest
from ..scene.rotations import quaternion_from_matrix, sign_continuous
from ..scene.state import read_state, rig_of, skin_of

ARMATURE_NAME = "Armature"
"""Unreal takes the armature object for a bone unless it has exactly this name."""

_OPTIONS = {
    "object_types": {"ARMATURE", "MESH"},
    "apply_scale_options": "FBX_SCALE_ALL",  # others leave a scale of 100 on the armature
    "add_leaf_bones": False,
    "use_armature_deform_only": True,
    "mesh_smooth_type": "OFF",
    "bake_anim": True,
    "bake_anim_use_all_bones": True,
    "bake_anim_use_nla_strips": False,  # with these two, every action of the file becomes a take of every armature
    "bake_anim_use_all_actions": False,
    "bake_anim_force_startend_keying": True,
    "bake_anim_simplify_factor": 0.0,
}


@dataclass(frozen=True)
class _Baked:
    """One person's motion as it is seen, S frames, local to each bone's rest."""

    rotations: np.ndarray
    """[S,56,4] quaternions"""
    locations: np.ndarray
    """[S,56,3]"""


def export_fbx(
    context: bpy.types.Context,
    collection: bpy.types.Collection,
    folder: Path,
    *,
    persons: Sequence[int] = (0, 1),
    together: bool = False,
) -> list[Path]:
    """Write `CLIP_PERSON.fbx` for each of `persons`, or `CLIP_both.fbx` with all of them, and return the paths.

    All files have the world's origin, so that people still touch after import. In a file of one person the armature is
    named `Armature`; where there are two, each has the person's name. UserError `fbx-off` where Blender's FBX
    add-on is disabled, `fbx-failed` where it fails; a file is replaced as a whole or not at all.
    """
    if not hasattr(bpy.types, "EXPORT_SCENE_OT_fbx"):
        raise UserError(
            "fbx-off",
            "Blender's FBX add-on is disabled.",
            'Enable "FBX format" in Preferences > Add-ons and try again.',
        )
    state = read_state(collection)
    frames = range(state.first, state.last + 1)
    groups = [list(persons)] if together else [[person] for person in persons]
    written = []
    for group in groups:
        names = {person: rig_of(collection, person).name for person in group}
        label = "both" if len(group) > 1 else "".join(names.values())
        path = folder / f"{_file_name(state.clip)}_{_file_name(label)}.fbx"
        with _stage(context, state.clip, len(frames)) as stage, ExitStack() as borrowed:
            for person in group:
                name = names[person] if len(group) > 1 else ARMATURE_NAME
                _add_person(stage, collection, person, name, frames, borrowed)
            _write(context, stage, path)
        written.append(path)
    return written


@contextmanager
def _stage(context: bpy.types.Context, clip: str, length: int) -> Iterator[bpy.types.Scene]:
    """An empty scene from frame 0 to `length` - 1, named after the clip since the take gets its name.

    Everything that comes to life within the block goes again.
    """
    before = {item.session_uid for kind in _COPIED for item in getattr(bpy.data, kind)}
    stage = bpy.data.scenes.new(clip)
    render, source = stage.render, context.scene.render
    render.fps, render.fps_base = source.fps, source.fps_base
    stage.frame_start, stage.frame_end = 0, length - 1
    try:
        with _named(bpy.data.scenes, stage, clip):
            yield stage
    finally:
        made = [item for kind in _COPIED for item in getattr(bpy.data, kind) if item.session_uid not in before]
        bpy.data.batch_remove([*made, stage])


_COPIED = ("objects", "armatures", "actions")


def _add_person(
    stage: bpy.types.Scene,
    collection: bpy.types.Collection,
    person: int,
    name: str,
    frames: range,
    borrowed: ExitStack,
) -> None:
    """Put copies of a person's armature, with the baked motion, and skin on the stage."""
    rig, skin = rig_of(collection, person), skin_of(collection, person)
    baked = _bake(stage, rig, frames)

    stand_in: Any = rig.copy()
    stand_in.data = stand_in.data.copy()
    stand_in.animation_data_clear()
    stand_in.data.animation_data_clear()
    stand_in.data.pose_position = "POSE"
    for bone in stand_in.data.bones:
        bone.use_deform = bone.name in BONES
    for bone in stand_in.pose.bones:
        bone.rotation_mode = "QUATERNION"
        for constraint in list(bone.constraints):
            bone.constraints.remove(constraint)
    _key(stand_in, baked)

    dress: Any = skin.copy()
    dress.parent = stand_in
    for modifier in dress.modifiers:
        if modifier.type == "ARMATURE" and modifier.object == rig:
            modifier.object = stand_in
    for item, title in ((stand_in, name), (dress, skin.name)):
        stage.collection.objects.link(item)
        item.hide_viewport = item.hide_render = False
        borrowed.enter_context(_named(bpy.data.objects, item, title))


def _bake(stage: bpy.types.Scene, rig: bpy.types.Object, frames: range) -> _Baked:
    """Watch the armature through the frames, with all its constraints and animation."""
    posed = np.empty((len(frames), len(BONES), 4, 4))
    layer: Any = stage.view_layers[0]
    with _evaluated_on(stage, rig):
        for row, frame in enumerate(frames):
            stage.frame_set(frame)
            seen: Any = rig.evaluated_get(layer.depsgraph)
            posed[row] = [seen.pose.bones[name].matrix for name in BONES]

    rest = read_rest(rig)
    standing = np.zeros((len(BONES), 4, 4))
    standing[:, :3, :3], standing[:, :3, 3], standing[:, 3, 3] = rest.orientations, rest.heads, 1.0
    local = np.empty_like(posed)
    for bone, parent in enumerate(BONE_PARENTS):
        offset = standing[bone] if parent < 0 else np.linalg.inv(standing[parent]) @ standing[bone]
        seen = posed[:, bone] if parent < 0 else np.linalg.inv(posed[:, parent]) @ posed[:, bone]
        local[:, bone] = np.linalg.inv(offset) @ seen
    return _Baked(sign_continuous(quaternion_from_matrix(local[..., :3, :3])), local[..., :3, 3])


@contextmanager
def _evaluated_on(stage: bpy.types.Scene, rig: bpy.types.Object) -> Iterator[None]:
    """Let the stage evaluate the armature itself, which Blender does not do for hidden objects."""
    hidden = rig.hide_viewport
    stage.collection.objects.link(rig)
    rig.hide_viewport = False
    try:
        yield
    finally:
        rig.hide_viewport = hidden
        stage.collection.objects.unlink(rig)


def _key(rig: bpy.types.Object, baked: _Baked) -> None:
    """Keys from frame 0 on."""
    action = bpy.data.actions.new(rig.name)
    slot, bag = compat.new_channels(action, rig.name)
    frames = np.arange(len(baked.rotations))
    for index, bone in enumerate(BONES):
        for axis in range(4):
            write_curve(bag, rotation_path(bone), axis, frames, baked.rotations[:, index, axis])
        for axis in range(3):
            write_curve(bag, location_path(bone), axis, frames, baked.locations[:, index, axis])
    compat.assign_action(rig, action, slot)


def _write(context: bpy.types.Context, stage: bpy.types.Scene, path: Path) -> None:
    layer = stage.view_layers[0]
    with replacing(path) as temporary:
        try:
            with context.temp_override(scene=stage, view_layer=layer, active_object=None, object=None):
                result = bpy.ops.export_scene.fbx(filepath=str(temporary), **_OPTIONS)
        except RuntimeError as error:
            raise UserError("fbx-failed", f"Blender could not write {path}: {error}", "Read the message.") from error
        if "FINISHED" not in result:
            raise UserError(
                "fbx-failed", f"Blender's FBX exporter did not write {path}.", "Look into Blender's console."
            )


@contextmanager
def _named(datablocks: Any, owner: bpy.types.ID, name: str) -> Iterator[None]:
    """Give `owner` exactly this name for a while; whoever has it gets it back."""
    holder = datablocks.get(name)
    if holder is not None and holder != owner:
        holder.name = f"{name} (set aside)"
    else:
        holder = None
    before = owner.name
    owner.name = name
    try:
        yield
    finally:
        owner.name = before
        if holder is not None:
            holder.name = name


def _file_name(text: str) -> str:
    return re.sub(r"[^\w.-]+", "_", text).strip("_") or "person"
