"""The panel of the active reconstruction: its takes, its notes, Refine and export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ...core.contract.frames import renumber
from ...core.contract.reconstruction import best_of
from .. import compat, folders
from .. import scene as scenes
from ..reconstructions import active_reconstruction, read_info
from ..scene.clip import clip_info
from ..scene.result_prompt import is_filled
from ..scene.take_notes import take_name, take_sentence
from ..text import draw_note, draw_text
from .annotation import draw_suggestion
from .prompts import draw_result_prompt
from .sidebar import Sidebar

_SAME_SCALE = 1e-4


class SOCIALMIRROR_PT_result(Sidebar, bpy.types.Panel):
    bl_label = "Result"
    bl_order = 2

    def draw(self, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        collection = active_reconstruction(context)
        if collection is None:
            several = bool(scenes.reconstructions_in(context.scene))
            draw_text(
                layout, "Select an armature of a reconstruction." if several else "No reconstruction in this scene yet."
            )
            layout.operator("socialmirror.import_folder", text="Import Existing…", icon="FILE_FOLDER")
            return
        _draw_reconstruction(layout, collection)
        _draw_rate(layout, context.scene, collection)
        _draw_unit_scale(layout, context.scene)
        draw_result_prompt(layout, collection)
        draw_suggestion(layout, context, collection)
        row = layout.row()
        row.scale_y = 1.4
        row.operator("socialmirror.refine", icon="FILE_REFRESH")
        row = layout.row(align=True)
        row.operator("socialmirror.export", text="Export…", icon="EXPORT")
        row.operator("socialmirror.import_folder", text="", icon="FILE_FOLDER")


class SOCIALMIRROR_MT_takes(bpy.types.Menu):
    bl_label = "Takes"

    def draw(self, context: Any) -> None:
        layout: Any = self.layout
        collection = active_reconstruction(context)
        info = None if collection is None else read_info(collection)
        if collection is None or info is None:
            layout.label(text="The reconstruction's folder cannot be read", icon="ERROR")
            return
        active = scenes.read_state(collection).take
        best = best_of(info.takes) if len(info.takes) > 1 else None
        for take in info.takes:
            icon = "RADIOBUT_ON" if take.id == active else "RADIOBUT_OFF"
            text = f"{take_name(collection, take.id)}: {take_sentence(take, info.takes)}{', best fit' if take is best else ''}"
            layout.operator("socialmirror.use_take", text=text, icon=icon).take = take.id
        layout.separator()
        layout.operator("socialmirror.repair_results", icon="TOOL_SETTINGS")


def _draw_reconstruction(layout: Any, collection: bpy.types.Collection) -> None:
    state, info = scenes.read_state(collection), read_info(collection)
    column = layout.column(align=True)
    column.label(text=collection.name, icon="OUTLINER_COLLECTION")
    column.menu("SOCIALMIRROR_MT_takes", text=f"Take: {take_name(collection, state.take)}", icon="RENDER_ANIMATION")
    if info is None:
        _draw_missing_folder(layout, scenes.folder_of(collection))
    elif info.prompt and not is_filled(collection):  # appended from a file of an earlier version
        heading = "Caption: " if info.prompt_source == "captioner" else ""
        draw_text(layout, f"{heading}“{info.prompt}”")
    warnings = () if info is None else info.warnings
    in_scene = [renumber(warning, lambda frame: state.timing.scene_range(frame, frame)[0]) for warning in warnings]
    for note in [scenes.folder_note(collection), *state.notes.splitlines(), *in_scene]:
        if note:
            draw_note(layout, note)


def _draw_rate(layout: Any, scene: bpy.types.Scene, collection: bpy.types.Collection) -> None:
    """Say that the scene has another frame rate than the keys, or than the clip, with the buttons that change it."""
    info, rate = read_info(collection), compat.frame_rate(scene)
    if not scenes.fits_frame_rate(scene, collection):
        keyed = scenes.read_state(collection).timing.timeline.frame_rate
        speed = "fast" if rate > keyed else "slow"
        draw_text(layout, f"Its keys are for {keyed:.4g} fps: at {rate:.4g} fps it plays too {speed}.", icon="ERROR")
        if info is not None:
            layout.operator("socialmirror.key_for_scene_rate", text=f"Key for {rate:.4g} fps", icon="KEYINGSET")
    if info is None:
        return
    clip_rate = clip_info(info).frame_rate
    if not scenes.is_same_rate(rate, clip_rate):
        text = f"Match Scene to Clip ({rate:.4g} → {clip_rate:.4g} fps)"
        layout.operator("socialmirror.match_scene", text=text, icon="SCENE_DATA")


def _draw_unit_scale(layout: Any, scene: bpy.types.Scene) -> None:
    """Say that lengths of the scene are not what the animator sees of them."""
    scale = scene.unit_settings.scale_length
    if abs(scale - 1) > _SAME_SCALE:
        draw_note(
            layout,
            f"The scene's Unit Scale is {scale:.4g}, but results have one Blender unit for each metre.",
            "Set Unit Scale to 1 in the scene's properties, under Units.",
        )


def _draw_missing_folder(layout: Any, folder: Path) -> None:
    """Say why there is no information about a result, with the button that helps. The armatures do not need it."""
    if not folders.may_open(folder):
        draw_note(layout, f"Its folder is on another computer: {folder}", icon="ERROR")
        layout.operator("socialmirror.open_network", icon="URL")
    elif folder.is_dir():
        draw_note(layout, "Its folder is damaged.", f"Repair restores what it can: {folder}", icon="ERROR")
        layout.operator("socialmirror.repair_results", icon="TOOL_SETTINGS")
    else:
        draw_note(layout, "Its folder is gone.", f"To refine, put it back or locate it: {folder}", icon="ERROR")
        layout.operator("socialmirror.locate_results", icon="FILE_FOLDER")


CLASSES = (SOCIALMIRROR_PT_result, SOCIALMIRROR_MT_takes)
