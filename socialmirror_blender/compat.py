"""Everything that differs between Blender 4.5 and 5.2, and operators that need a context of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bpy

from ..core.contract.errors import UserError


def new_channels(action: bpy.types.Action, name: str, id_type: Any = "OBJECT") -> tuple[Any, Any]:
    """A slot (`name`) in a fresh action, with the bag that holds its curves. Returns slot and bag."""
    slot = action.slots.new(id_type=id_type, name=name)
    strip: Any = action.layers.new("Layer").strips.new(type="KEYFRAME")
    return slot, strip.channelbag(slot, ensure=True)


def channels(animated: Any) -> Any | None:
    """The bag of curves that animates a datablock through its own action, None where there is none."""
    data = animated.animation_data
    if data is None or data.action is None or data.action_slot is None:
        return None
    for layer in data.action.layers:
        for strip in layer.strips:
            bag = strip.channelbag(data.action_slot)
            if bag is not None:
                return bag
    return None


def assign_action(animated: Any, action: bpy.types.Action, slot: Any) -> None:
    data = animated.animation_data or animated.animation_data_create()
    data.action = action
    data.action_slot = slot


def assigned_action(animated: Any) -> tuple[bpy.types.Action, Any] | None:
    """A datablock's own action and slot, None where it has no action."""
    data = animated.animation_data
    return None if data is None or data.action is None else (data.action, data.action_slot)


def enum_value(owner: type, prop: str, identifier: str) -> int:
    """The number that `foreach_set` and `foreach_get` use for an option of an enum."""
    return owner.bl_rna.properties[prop].enum_items[identifier].value


def frame_rate(scene: bpy.types.Scene) -> float:
    return scene.render.fps / scene.render.fps_base


def set_frame_rate(scene: bpy.types.Scene, rate: float) -> None:
    """Frames a second as Blender keeps them: a whole number over a base (29.97 is 30 / 1.001)."""
    scene.render.fps = max(1, round(rate))
    scene.render.fps_base = scene.render.fps / rate


def sequencer_scene(context: bpy.types.Context) -> bpy.types.Scene:
    """The scene whose strips the user sees; from 5.0 on the sequencer may show another than the window's."""
    return getattr(context.workspace, "sequencer_scene", None) or context.scene


def movie_strips(context: bpy.types.Context) -> list[Any]:
    """Every movie strip of the sequencer, those inside meta strips too."""
    editor: Any = sequencer_scene(context).sequence_editor
    return [] if editor is None else [strip for strip in editor.strips_all if strip.type == "MOVIE"]


def movie_strip(context: bpy.types.Context, name: str) -> Any:
    """The movie strip of that name. UserError `no-strip` where the sequencer has none."""
    for strip in movie_strips(context):
        if strip.name == name:
            return strip
    raise UserError("no-strip", f"The sequencer has no movie strip named {name!r}.", "Pick the clip's strip again.")


def strip_zero(strip: Any) -> float:
    """The sequencer's frame, maybe fractional, at which the movie's first frame plays (or would, where trimmed)."""
    if "content_start" in strip.bl_rna.properties:
        return strip.content_start - strip.content_trim_start
    return strip.frame_start - strip.animation_offset_start


def strip_frames(strip: Any) -> tuple[int, int]:
    """First and last frame of the movie that the strip shows, counted from 0."""
    if "left_handle" in strip.bl_rna.properties:
        shown, count = strip.left_handle, strip.duration
    else:
        shown, count = strip.frame_final_start, strip.frame_final_duration
    first = max(0, round(shown - strip_zero(strip)))
    return first, first + count - 1


def shader(material: bpy.types.Material) -> Any:
    """The material's Principled BSDF; before 5.0 a new material has no nodes until asked."""
    if bpy.app.version < (5, 0):
        material.use_nodes = True
    tree: Any = material.node_tree
    return tree.nodes["Principled BSDF"]


@contextmanager
def edit_mode(context: bpy.types.Context, edited: bpy.types.Object) -> Iterator[None]:
    """Edit `edited` alone, then put back what was active, selected and in which mode."""
    layer = context.view_layer
    active, selected = layer.objects.active, list(context.selected_objects)
    mode = active.mode if active is not None else "OBJECT"
    if mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    for other in selected:
        other.select_set(False)
    layer.objects.active = edited
    edited.select_set(True)
    try:
        # a timer's context has no active object of its own accord
        with context.temp_override(active_object=edited, object=edited):
            bpy.ops.object.mode_set(mode="EDIT")
            try:
                yield
            finally:
                bpy.ops.object.mode_set(mode="OBJECT")
    finally:
        edited.select_set(False)
        for other in selected:
            other.select_set(True)
        layer.objects.active = active
        if mode != "OBJECT":
            bpy.ops.object.mode_set(mode=mode)
