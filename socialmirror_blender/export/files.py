"""Writes FBX and USD files by Blender's exporters, with the options that engines need."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy

from ...core.contract.errors import UserError
from ...core.contract.files import replacing
from ...core.export.layout import FilePlan
from .temporary_scene import planned_scene

_FBX_OPTIONS: dict[str, Any] = {
    "apply_scale_options": "FBX_SCALE_ALL",  # the others leave a scale of 100 on the armature
    "add_leaf_bones": False,
    "use_armature_deform_only": True,
    "mesh_smooth_type": "OFF",
    "path_mode": "COPY",
    "embed_textures": True,
    "bake_anim": True,
    "bake_anim_use_all_bones": True,
    "bake_anim_use_nla_strips": False,  # with this and the next one, every armature gets all actions of the file as takes
    "bake_anim_use_all_actions": False,
    "bake_anim_force_startend_keying": True,
    # just enough to drop the curves of what does not move: a curve of the armature's own rotation, which is constant, lays people
    # down in Godot's retargeting
    "bake_anim_simplify_factor": 1e-4,
}
_USD_OPTIONS: dict[str, Any] = {
    "export_animation": True,
    "export_armatures": True,
    "only_deform_bones": True,
    "export_hair": False,
    "export_lights": False,
    "export_cameras": False,
    "export_custom_properties": False,
    "convert_world_material": False,
    "evaluation_mode": "RENDER",
}


def check_fbx() -> None:
    """UserError `fbx-off` if Blender's FBX add-on is disabled."""
    if not hasattr(bpy.types, "EXPORT_SCENE_OT_fbx"):
        raise UserError(
            "fbx-off",
            "Blender's FBX add-on is disabled.",
            'Enable "FBX format" in Preferences > Add-ons and try again.',
        )


def has_usd() -> bool:
    """Whether this Blender was built with USD; those of Linux distributions often are not."""
    app: Any = bpy.app
    return bool(getattr(app.build_options, "usd", False))


def check_usd() -> None:
    """UserError `usd-missing` if this Blender was built without USD."""
    if not has_usd():
        raise UserError(
            "usd-missing", "This Blender was built without USD.", "Choose glTF, or use Blender from blender.org."
        )


def write_fbx(context: bpy.types.Context, collection: bpy.types.Collection, plan: FilePlan) -> None:
    """UserError `export-failed` if the exporter fails; `not-writable` or `disk-full`. A file is replaced in one step."""
    operators: Any = bpy.ops
    kinds = {"ARMATURE"} if plan.animation_only else {"ARMATURE", "MESH"}
    _write(
        context,
        collection,
        plan,
        lambda path: operators.export_scene.fbx(filepath=path, object_types=kinds, **_FBX_OPTIONS),
    )


def write_usd(context: bpy.types.Context, collection: bpy.types.Collection, plan: FilePlan) -> None:
    """Errors as for `write_fbx`."""
    operators: Any = bpy.ops
    _write(context, collection, plan, lambda path: operators.wm.usd_export(filepath=path, **_USD_OPTIONS))


def _write(
    context: bpy.types.Context,
    collection: bpy.types.Collection,
    plan: FilePlan,
    export: Callable[[str], set[Any]],
) -> None:
    overridable: Any = context
    with planned_scene(context.scene, collection, plan) as scene, replacing(plan.path) as temporary:
        try:
            with overridable.temp_override(
                scene=scene, view_layer=scene.view_layers[0], active_object=None, object=None
            ):
                result = export(str(temporary))
        except RuntimeError as error:
            raise _failed(plan.path, str(error)) from error
        if "FINISHED" not in result or temporary.stat().st_size == 0:
            raise _failed(plan.path, "look into Blender's console")


def _failed(path: Path, reason: str) -> UserError:
    return UserError("export-failed", f"Blender's exporter did not write {path.name}: {reason}.", "Read the message.")
