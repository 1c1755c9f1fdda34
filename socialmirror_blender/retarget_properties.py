"""The settings of retargeting in the .blend file: for each person a target armature with its bone map, and options."""

from __future__ import annotations

import json
from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from ..core.contract.errors import UserError
from ..core.contract.json_reading import parse_json
from ..core.contract.skeleton import JOINTS
from .reconstruction_properties import PERSON_ITEMS
from .rigging.retarget.bone_maps import BoneMap, detect_map, find_bones, shipped_map, with_bones
from .rigging.retarget.vrm_addon import map_by_vrm_addon
from .scene.objects import role_of

_EMPTY = BoneMap("Own map", {})


def _is_target(_settings: Any, item: Any) -> bool:
    """Whether an object can be chosen: an armature that is not one of a reconstruction's people."""
    return item.type == "ARMATURE" and not role_of(item)


def _target_chosen(target: Any, _context: bpy.types.Context) -> None:
    choose_map(target, None)


class SOCIALMIRROR_bone_map_row(bpy.types.PropertyGroup):
    joint: StringProperty()
    bone: StringProperty(name="Bone", description="Bone of the target armature that corresponds to this joint")


class SOCIALMIRROR_retarget_target(bpy.types.PropertyGroup):
    rig: PointerProperty(
        name="Target",
        description="Armature that gets this person's motion",
        type=bpy.types.Object,
        poll=_is_target,
        update=_target_chosen,
    )
    map_name: StringProperty(name="Bone Map")
    map_json: StringProperty(description="The map that the rows below are of", options={"HIDDEN"})
    rows: CollectionProperty(type=SOCIALMIRROR_bone_map_row)
    row_index: IntProperty(name="Bone")


class SOCIALMIRROR_retarget(bpy.types.PropertyGroup):
    target_a: PointerProperty(type=SOCIALMIRROR_retarget_target)
    target_b: PointerProperty(type=SOCIALMIRROR_retarget_target)
    controls: EnumProperty(
        name="Controls",
        description="What gets the keyframes",
        items=[
            ("FK", "FK", "Set keyframes on FK controls, or on the bones of a plain skeleton"),
            ("IK", "IK", "Set keyframes on the IK controls of hands and feet with their pole targets"),
        ],
    )
    keep_touches: BoolProperty(
        name="Keep Touches",
        description=(
            "Move both characters, their hands and torsos a little, so that they touch where the people did, whatever their "
            "proportions"
        ),
        default=True,
    )
    use_range: BoolProperty(name="Frame Range", description="Retarget only some frames of the scene")
    frame_first: IntProperty(name="First", description="First frame of the scene", default=1)
    frame_last: IntProperty(name="Last", description="Last frame of the scene", default=100)
    step: IntProperty(name="Step", description="Number of frames between keyframes", min=1, max=100, default=1)
    shown: EnumProperty(name="Person", description="Whose bone map is shown", items=PERSON_ITEMS)
    report: StringProperty(options={"HIDDEN"})


def retarget_settings(context: bpy.types.Context) -> Any:
    """The `SOCIALMIRROR_retarget` of the context's scene."""
    return getattr(context.scene, _NAME)


def target_of(settings: Any, person: int) -> Any:
    """The `SOCIALMIRROR_retarget_target` of a person."""
    return settings.target_b if person else settings.target_a


def choose_map(target: Any, bone_map: BoneMap | None) -> None:
    """Fill the rows with a map's bones on the target armature; None detects the map, by what the VRM add-on says or by names."""
    bones = [] if target.rig is None else [bone.name for bone in target.rig.data.bones]
    if bone_map is None and target.rig is not None:
        bone_map = map_by_vrm_addon(target.rig.data, shipped_map("vrm"))
    if bone_map is None:
        detected = detect_map(bones)
        bone_map = _EMPTY if detected is None else detected.map
    found = find_bones(bone_map, bones)
    target.map_name = bone_map.name if target.rig is not None else ""
    target.map_json = _dumped(bone_map)
    target.rows.clear()
    for joint in JOINTS:
        row = target.rows.add()
        row.joint, row.bone = joint, found.get(joint, "")


def map_of(target: Any) -> BoneMap:
    """The map as the user edited it. UserError `bad-bone-map`."""
    try:
        base = BoneMap.from_json(parse_json(target.map_json)) if target.map_json else _EMPTY
    except ValueError as error:
        raise UserError("bad-bone-map", f"The bone map is not valid: {error}.", "Detect it again.") from error
    return with_bones(base, {row.joint: row.bone for row in target.rows})


def _dumped(bone_map: BoneMap) -> str:
    return json.dumps(bone_map.to_json())


_NAME = "socialmirror_retarget"
_CLASSES = (SOCIALMIRROR_bone_map_row, SOCIALMIRROR_retarget_target, SOCIALMIRROR_retarget)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    setattr(bpy.types.Scene, _NAME, PointerProperty(type=SOCIALMIRROR_retarget))


def unregister() -> None:
    delattr(bpy.types.Scene, _NAME)
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
