"""Everything that differs between Blender 4.5 and 5.2, and edit mode for code that runs outside of a window.

Functions take and return Any where fake-bpy-module, which describes one version of Blender, lacks what another version has.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import bpy

from ..core.contract.errors import UserError


def new_channelbag(action: bpy.types.Action, slot_name: str, id_type: Any = "OBJECT") -> tuple[Any, Any]:
    """Add a slot to a new action. Returns the slot and the channel bag that holds its F-curves."""
    slot = action.slots.new(id_type=id_type, name=slot_name)
    strip: Any = action.layers.new("Layer").strips.new(type="KEYFRAME")
    return slot, strip.channelbag(slot, ensure=True)


def add_channelbag(action: bpy.types.Action, slot_name: str, id_type: Any) -> tuple[Any, Any]:
    """Add another slot to an action, which may be empty. Returns the slot and its channel bag."""
    if not len(action.layers):
        return new_channelbag(action, slot_name, id_type)
    slot = action.slots.new(id_type=id_type, name=slot_name)
    strip: Any = action.layers[0].strips[0]
    return slot, strip.channelbag(slot, ensure=True)


def channelbag_of(animated: Any) -> Any | None:
    """The channel bag that animates a datablock by its own action, None if it has no action or slot."""
    assigned = assigned_action(animated)
    return None if assigned is None else channelbag_in(*assigned)


def channelbag_in(action: bpy.types.Action, slot: Any) -> Any | None:
    """The channel bag of a slot, None if there is no slot or it has no F-curves yet."""
    for layer in action.layers if slot is not None else ():
        strips: Any = layer.strips
        for strip in strips:
            channelbag = strip.channelbag(slot)
            if channelbag is not None:
                return channelbag
    return None


def assign_action(animated: Any, action: bpy.types.Action, slot: Any) -> None:
    data = animated.animation_data or animated.animation_data_create()
    data.action = action
    data.action_slot = slot


def assigned_action(animated: Any) -> tuple[bpy.types.Action, Any] | None:
    """A datablock's own action and slot, None if it has no action."""
    data = animated.animation_data
    return None if data is None or data.action is None else (data.action, data.action_slot)


def select_bone(bone: Any, selected: bool) -> None:
    """Select or deselect a pose bone; before 5.0 the selection belongs to its bone."""
    (bone if "select" in bone.bl_rna.properties else bone.bone).select = selected


def enum_value(owner: Any, prop: str, identifier: str) -> int:
    """The number by which `foreach_set` and `foreach_get` represent an item of an enum."""
    return owner.bl_rna.properties[prop].enum_items[identifier].value


def frame_rate(scene: bpy.types.Scene) -> float:
    """Frames per second."""
    return scene.render.fps / scene.render.fps_base


def set_frame_rate(scene: bpy.types.Scene, rate: float) -> None:
    """Set the frames per second as Blender keeps them: an integer over a base (29.97 is 30 / 1.001)."""
    scene.render.fps = max(1, round(rate))
    scene.render.fps_base = scene.render.fps / rate


def sequencer_scene(context: bpy.types.Context) -> bpy.types.Scene:
    """The scene whose strips the user sees; from 5.0 on the sequencer may show another one than the window."""
    return getattr(context.workspace, "sequencer_scene", None) or context.scene


def movie_strips(context: bpy.types.Context) -> list[Any]:
    """All movie strips of the sequencer, those inside meta strips too."""
    editor: Any = sequencer_scene(context).sequence_editor
    return [] if editor is None else [strip for strip in editor.strips_all if strip.type == "MOVIE"]


def movie_strip(context: bpy.types.Context, name: str) -> Any:
    """The movie strip with this name. UserError `no-strip` if the sequencer has none."""
    for strip in movie_strips(context):
        if strip.name == name:
            return strip
    raise UserError("no-strip", f"The sequencer has no movie strip named {name!r}.", "Choose the clip's strip again.")


def strip_zero_frame(strip: Any) -> float:
    """The frame of the sequencer, possibly fractional, at which the movie's first frame plays, or would if it is trimmed."""
    if "content_start" in strip.bl_rna.properties:
        return strip.content_start - strip.content_trim_start * strip_stretch(strip)
    return strip.frame_start - strip.animation_offset_start * strip_stretch(strip)


def strip_stretch(strip: Any) -> float:
    """Frames of the sequencer for each frame of the movie: 1, unless the strip keeps the movie's speed or was retimed as a whole.

    Blender says only how long the strip's content is; the movie itself says how many frames that are.
    """
    newer = "content_duration" in strip.bl_rna.properties
    content = strip.content_duration if newer else strip.frame_duration
    trimmed = (
        strip.content_trim_start + strip.content_trim_end
        if newer
        else strip.animation_offset_start + strip.animation_offset_end
    )
    try:
        movie = bpy.data.movieclips.load(bpy.path.abspath(strip.filepath), check_existing=False)
    except RuntimeError:
        return 1.0
    frames = movie.frame_duration - trimmed
    bpy.data.movieclips.remove(movie)
    # the length is a whole number of frames, so a difference of one says nothing
    return content / frames if frames > 0 and abs(content - frames) > 1 else 1.0


def strip_frame_rate(strip: Any) -> float:
    """Frames of the sequencer for each second of the movie."""
    return strip.fps * strip_stretch(strip)


def strip_handles(strip: Any) -> tuple[int, int]:
    """First and last frame of the sequencer in which the strip plays."""
    if "left_handle" in strip.bl_rna.properties:
        return strip.left_handle, strip.left_handle + strip.duration - 1
    return strip.frame_final_start, strip.frame_final_start + strip.frame_final_duration - 1


def strip_frames(strip: Any, first: int, last: int) -> tuple[int, int]:
    """The frames of the movie, counted from 0, that the strip shows from one frame of the sequencer to another, both included."""
    zero, stretch = strip_zero_frame(strip), strip_stretch(strip)
    start, end = (max(0, round((frame - zero) / stretch)) for frame in (first, last))
    return start, end


def principled_bsdf(material: bpy.types.Material) -> Any:
    """The material's Principled BSDF node. Before 5.0 a new material has no nodes until `use_nodes` is set."""
    if bpy.app.version < (5, 0):
        material.use_nodes = True
    tree: Any = material.node_tree
    return tree.nodes["Principled BSDF"]


def surface_tree(material: bpy.types.Material) -> Any | None:
    """The nodes that give a material its look, None if only its own values do. Before 5.0 nodes can be switched off."""
    return None if bpy.app.version < (5, 0) and not material.use_nodes else material.node_tree


def surface_shader(material: bpy.types.Material) -> Any | None:
    """The Principled BSDF that is a material's surface, None if that is something else."""
    tree = surface_tree(material)
    output = None if tree is None else tree.get_output_node("ALL")
    nodes = [] if output is None else [link.from_node for link in output.inputs["Surface"].links]
    return nodes[0] if nodes and nodes[0].type == "BSDF_PRINCIPLED" else None


@contextmanager
def edit_mode(context: bpy.types.Context, edited: bpy.types.Object) -> Generator[None]:
    """Put one object into edit mode; afterwards restore the active object, the selection and the mode."""
    layer = context.view_layer
    active, selected = layer.objects.active, list(layer.objects.selected)
    mode = active.mode if active is not None else "OBJECT"
    if mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    for other in selected:
        other.select_set(False)
    layer.objects.active = edited
    edited.select_set(True)
    overridable: Any = context
    try:
        # the context of a timer has no active object
        with overridable.temp_override(active_object=edited, object=edited):
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
