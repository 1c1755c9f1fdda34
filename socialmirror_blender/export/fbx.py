"""Writes FBX files that game engines import without adjustments."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy

from ...core.contract.errors import UserError
from ...core.contract.files import replacing
from ..scene.objects import rig_of
from ..scene.state import read_state
from .temporary_scene import add_person, temporary_scene

ARMATURE_NAME = "Armature"
"""Unreal imports the armature object as a bone of its own unless it has exactly this name."""

_OPTIONS: dict[str, Any] = {
    "object_types": {"ARMATURE", "MESH"},
    "apply_scale_options": "FBX_SCALE_ALL",  # the others leave a scale of 100 on the armature
    "add_leaf_bones": False,
    "use_armature_deform_only": True,
    "mesh_smooth_type": "OFF",
    "bake_anim": True,
    "bake_anim_use_all_bones": True,
    "bake_anim_use_nla_strips": False,  # with this and the next one, every armature gets all actions of the file as takes
    "bake_anim_use_all_actions": False,
    "bake_anim_force_startend_keying": True,
    "bake_anim_simplify_factor": 0.0,
}


def export_fbx(
    context: bpy.types.Context,
    collection: bpy.types.Collection,
    folder: Path,
    *,
    persons: Sequence[int] = (0, 1),
    together: bool = False,
) -> list[Path]:
    """Write `CLIP_PERSON.fbx` for each of `persons`, or one file `CLIP_both.fbx`, and return the paths.

    All files share the world's origin, so that people still touch after import, and take frame 0 as their start. In a file of one
    person the armature is named `Armature`, in a file of both each has the person's name. The scene stays as it is.

    UserError `fbx-off` if Blender's FBX add-on is disabled, `fbx-failed` if it fails, `not-writable` or `disk-full`; a file that
    exists is replaced completely or not at all.
    """
    if not hasattr(bpy.types, "EXPORT_SCENE_OT_fbx"):
        raise UserError(
            "fbx-off",
            "Blender's FBX add-on is disabled.",
            'Enable "FBX format" in Preferences > Add-ons and try again.',
        )
    state = read_state(collection)
    frames = range(state.first_frame, state.last_frame + 1)
    written: list[Path] = []
    for group in [list(persons)] if together else [[person] for person in persons]:
        names = {person: rig_of(collection, person).name for person in group}
        label = "both" if len(group) > 1 else names[group[0]]
        path = folder / f"{_file_name(state.clip)}_{_file_name(label)}.fbx"
        with temporary_scene(context.scene, state.clip, len(frames)) as scene:
            for person in group:
                add_person(scene, collection, person, names[person] if len(group) > 1 else ARMATURE_NAME, frames)
            _write(context, scene.scene, path)
        written.append(path)
    return written


def _write(context: bpy.types.Context, scene: bpy.types.Scene, path: Path) -> None:
    overridable: Any = context
    with replacing(path) as temporary:
        try:
            with overridable.temp_override(
                scene=scene, view_layer=scene.view_layers[0], active_object=None, object=None
            ):
                result = bpy.ops.export_scene.fbx(filepath=str(temporary), **_OPTIONS)
        except RuntimeError as error:
            raise UserError("fbx-failed", f"Blender could not write {path}: {error}", "Read the message.") from error
        if "FINISHED" not in result:
            raise UserError(
                "fbx-failed", f"Blender's FBX exporter did not write {path}.", "Look into Blender's console."
            )


def _file_name(text: str) -> str:
    return re.sub(r"[^\w.-]+", "_", text).strip("_") or "person"
