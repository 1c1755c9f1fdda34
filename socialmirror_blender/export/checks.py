"""Before an export: what of the scene an engine would stumble on, and the way out of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from ...core.export.bone_names import bone_names
from ...core.export.settings import ExportSettings
from .. import compat
from ..scene.objects import rig_of, skin_of
from ..scene.rest_pose import BONES, ROOT
from ..scene.skin_weights import read_vertex_weights
from ..scene.state import read_state
from .reading import is_scaled
from .skin import is_of_rig, uv_layer_of
from .textures import inputs_left_out

_MOVABLE = (ROOT, "pelvis")
_WHOLE_FRAME = 1e-3
_MOVED = 1e-4


@dataclass(frozen=True)
class Finding:
    text: str
    """What is the matter, in one sentence."""
    hint: str
    """The way out."""
    stops: bool = False
    """Whether the file would be wrong, so that nothing is exported."""


def check_export(
    context: bpy.types.Context, collection: bpy.types.Collection, settings: ExportSettings
) -> list[Finding]:
    """What stops the export first, then what the user should know. UserError `object-missing`."""
    people = sorted({person for file in settings.files for person in file})
    findings: list[Finding] = [*_check_names(settings), *_check_rate(context, collection)]
    for person in people:
        rig = rig_of(collection, person)
        findings += _check_rig(rig, settings)
        if settings.preset.format in ("fbx", "glb", "usd") and not settings.animation_only:
            skin = skin_of(collection, person)
            findings += _check_skin(rig, skin, settings)
            if settings.preset.format == "glb":
                findings += _check_shape(rig, skin)
                findings += _check_materials(skin)
    return sorted(findings, key=lambda finding: not finding.stops)


def _check_names(settings: ExportSettings) -> Iterator[Finding]:
    for file in settings.files:
        names = [name for person in file for name in bone_names(settings.name_set, settings.prefix_of(person, file))]
        if len(set(names)) < len(names):
            yield Finding(
                "Both people's bones would have the same names in one file: importers that bind by name give both one motion.",
                "Switch the prefix on, or write one file per person.",
                stops=True,
            )


def _check_rate(context: bpy.types.Context, collection: bpy.types.Collection) -> Iterator[Finding]:
    state = read_state(collection)
    rate = compat.frame_rate(context.scene)
    if abs(rate - state.timing.timeline.frame_rate) > 0.01:
        yield Finding(
            f"The scene runs at {rate:g} frames a second, the keys are for {state.timing.timeline.frame_rate:g}: "
            "the exported motion is faster or slower.",
            "Set the scene's frame rate back, or import the take again.",
        )


def _check_rig(rig: bpy.types.Object, settings: ExportSettings) -> Iterator[Finding]:
    yield from _check_armature(rig)
    yield from _check_constraints(rig)
    yield from _check_channels(rig, settings)
    between = _keys_between_frames(rig)
    if between:
        yield Finding(
            f"{between} keys of {rig.name} lie between frames; files have one key a frame, so that a peak there is lost.",
            "Snap them: select all in the dope sheet, Key > Snap > Nearest Frame.",
        )


def _check_armature(rig: bpy.types.Object) -> Iterator[Finding]:
    """Whether all bones are there, and the size of the object is left alone."""
    armature: Any = rig.data
    missing = [name for name in BONES if name not in armature.bones]
    if missing:
        role = ", which carries the root motion" if missing[0] == ROOT else ""
        yield Finding(
            f"{rig.name} has no bone {missing[0]!r}{role}.",
            "Undo the change to the armature, or import the reconstruction again.",
            stops=True,
        )
    if is_scaled(rig.matrix_world):
        scale = ", ".join(f"{value:.3g}" for value in rig.matrix_world.to_scale())
        yield Finding(
            f"The object {rig.name} has the scale {scale}: bones and skin would not fit each other.",
            "Apply it (Ctrl A > Scale) or clear it (Alt S).",
            stops=True,
        )


def _check_constraints(rig: bpy.types.Object) -> Iterator[Finding]:
    driven = [bone for bone in _bones(rig) if any(_active(constraint) for constraint in bone.constraints)]
    controls = {name for bone in driven for name in _controls(bone, rig)}
    if controls:
        yield Finding(
            f"{rig.name} follows a control rig ({', '.join(sorted(controls)[:3])}): what it shows now is exported.",
            "Switch the control rig off first if the motion below it is wanted.",
        )
    elif driven:
        yield Finding(
            f"{len(driven)} bones of {rig.name} have constraints: their effect is baked into the keys of the file.",
            "Mute the constraints first if the keys below them are wanted.",
        )


def _check_channels(rig: bpy.types.Object, settings: ExportSettings) -> Iterator[Finding]:
    """Whether bones have a scale or a location that a file cannot hold."""
    scaled = [bone.name for bone in _bones(rig) if np.abs(np.array(bone.scale) - 1).max() > _MOVED]
    if scaled:
        yield Finding(
            f"{rig.name}: {scaled[0]} and {len(scaled) - 1} other bones are scaled; files hold no scale of bones."
            if len(scaled) > 1
            else f"{rig.name}: the bone {scaled[0]} is scaled; files hold no scale of bones.",
            "Clear it in pose mode (Alt S).",
        )
    in_joints = [bone for bone in _bones(rig) if bone.name not in _MOVABLE and not bone.bone.use_connect]
    moved = [bone.name for bone in in_joints if np.abs(np.array(bone.location)).max() > _MOVED]
    if moved and settings.preset.format in ("bvh", "amass"):
        yield Finding(
            f"{rig.name}: {moved[0]} is moved off its joint; {settings.preset.label} holds rotations only.",
            "Clear the location (Alt G), or choose FBX or glTF.",
        )


def _bones(rig: bpy.types.Object) -> list[Any]:
    pose: Any = rig.pose
    return [bone for bone in pose.bones if bone.name in BONES]


def _check_skin(rig: bpy.types.Object, skin: bpy.types.Object, settings: ExportSettings) -> Iterator[Finding]:
    weights = read_vertex_weights(skin, {bone: number for number, bone in enumerate(BONES)})
    counts = [len(entries) for entries in weights]
    over = sum(count > settings.most_weights for count in counts)
    if over:
        yield Finding(
            f"{over} vertices of {skin.name} follow more than {settings.most_weights} bones: the smallest weights are left out.",
            "Choose 8 weights where the engine supports them.",
        )
    lost = sum(count == 0 for count in counts)
    if lost:
        yield Finding(
            f"{lost} vertices of {skin.name} follow no bone and would stay behind.",
            "Paint weights for them, or import the reconstruction again.",
        )
    if np.abs(np.array(rig.matrix_world.inverted() @ skin.matrix_world) - np.eye(4)).max() > _MOVED:
        yield Finding(
            f"The object {skin.name} does not lie where its armature does; the file has it where it is shown.",
            "Clear its location, rotation and scale (Alt G, Alt R, Alt S) if that is not wanted.",
        )


def _check_shape(rig: bpy.types.Object, skin: bpy.types.Object) -> Iterator[Finding]:
    """Whether the shape of a skin changes in ways that a file of ours does not hold."""
    mesh: Any = skin.data
    data = None if mesh.shape_keys is None else mesh.shape_keys.animation_data
    if data is not None and (data.action is not None or len(data.drivers) or len(data.nla_tracks)):
        yield Finding(
            f"The shape keys of {skin.name} are animated: the file has the shape that they give it in the present frame.",
            "Go to the frame with the shape that you want.",
        )
    applied = [each.name for each in skin.modifiers if each.show_viewport and not is_of_rig(each, rig)]
    if applied:
        yield Finding(
            f"{skin.name} has modifiers ({', '.join(applied[:3])}): the file has what they make of the rest pose.",
            "Mute those whose effect depends on the pose, such as Corrective Smooth.",
        )


def _check_materials(skin: bpy.types.Object) -> Iterator[Finding]:
    materials = {slot.material.name: slot.material for slot in skin.material_slots if slot.material is not None}
    layer = uv_layer_of(skin.data)
    for name, material in materials.items():
        left_out = inputs_left_out(material, "" if layer is None else layer.name)
        if left_out:
            yield Finding(
                f"The file does not hold what the nodes of the material {name} make of {', '.join(left_out[:3])}.",
                "Bake it to an image as Base Color, or make the material in the engine.",
            )


def _active(constraint: Any) -> bool:
    return not constraint.mute and constraint.influence > 0


def _controls(bone: Any, rig: bpy.types.Object) -> set[str]:
    """What drives a bone by a constraint: another armature, or bones that the armature has beside ours."""
    found: set[str] = set()
    for constraint in bone.constraints:
        target = getattr(constraint, "target", None)
        if not _active(constraint) or target is None or target.type != "ARMATURE":
            continue
        control = getattr(constraint, "subtarget", "")
        if target != rig:
            found.add(target.name)
        elif control and control not in BONES:
            found.add(control)
    return found


def _keys_between_frames(rig: bpy.types.Object) -> int:
    channelbag = compat.channelbag_of(rig)
    if channelbag is None:
        return 0
    count = 0
    for curve in channelbag.fcurves:
        flat = np.empty(2 * len(curve.keyframe_points), np.float32)
        curve.keyframe_points.foreach_get("co", flat)
        count += int((np.abs(flat[::2] - np.round(flat[::2])) > _WHOLE_FRAME).sum())
    return count
