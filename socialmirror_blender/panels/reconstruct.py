"""The panels that choose a clip, reconstruct it and hold the settings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import bpy

from ..picked_people import are_picked_in, chosen_movie
from ..properties import settings_of
from ..runtime.models import JOBS as MODEL_JOBS
from ..runtime.session import session
from ..text import draw_text
from .clip_queue import draw_held_clips
from .environment import draw_environment, draw_environment_details
from .job import draw_failures, draw_job, draw_pending_result, in_scene_frames
from .next_step import next_step
from .prompts import draw_clip_prompt
from .sidebar import Sidebar
from .sidebar_state import read_sidebar_state

_BOX_MARGIN = 10
_HOW_IT_IS_MADE = ("takes", "seed", "smoothness", "device")
_MODELS = ("perception", "lifting", "camera_model", "annotator")


class SOCIALMIRROR_PT_reconstruct(Sidebar, bpy.types.Panel):
    bl_label = "SocialMirror"
    bl_order = 0

    def draw(self, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        settings = settings_of(context)
        _draw_next_step(layout, context)
        _draw_clip(layout, settings)
        draw_clip_prompt(layout, settings)
        row = layout.row()
        row.scale_y = 1.8
        row.operator("socialmirror.reconstruct", icon="ARMATURE_DATA")


class SOCIALMIRROR_PT_settings(Sidebar, bpy.types.Panel):
    bl_label = "Settings"
    bl_parent_id = "SOCIALMIRROR_PT_reconstruct"
    bl_options = {"DEFAULT_CLOSED"}
    bl_order = 1

    def draw(self, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        settings = settings_of(context)
        _draw_people_settings(layout.column(heading="People"), context, settings)
        _draw_camera_settings(layout.column(), settings)
        _draw_properties(layout.column(), settings, _HOW_IT_IS_MADE)
        _draw_properties(layout.column(), settings, _MODELS)
        motions = ("initial_a", "initial_b") if settings.initial_a.strip() else ("initial_a",)
        _draw_properties(layout.column(), settings, motions)
        _draw_properties(layout.column(), settings, ("output", "body"))
        imported = ("frame_start", "match_scene") if settings.source == "FILE" else ()
        _draw_properties(layout.column(heading="Import"), settings, (*imported, "link_camera"))
        if session.environment.usable:
            draw_environment(layout)


def _draw_people_settings(column: Any, context: bpy.types.Context, settings: Any) -> None:
    column.prop(settings, "choose_people", text="Choose")
    if not settings.choose_people:
        return
    column.operator("socialmirror.mark_people", icon="RESTRICT_SELECT_OFF")
    if settings.people_marks:
        column.prop(settings, "people_marks")
        movie = chosen_movie(context, settings)
        if not movie or are_picked_in(settings, movie):
            return
        draw_text(column, f"Picked in {bpy.path.basename(settings.people_movie)}. Not used for this clip.", icon="INFO")
    _draw_properties(column, settings, ("person_a", "person_b"))
    row = column.row(align=True)
    row.active = not (settings.person_a.strip() or settings.person_b.strip())
    row.prop(settings, "track_a", text="Numbers")
    row.prop(settings, "track_b", text="")


def _draw_camera_settings(column: Any, settings: Any) -> None:
    column.prop(settings, "fov_angle", text="FOV (0: Auto)")
    column.prop(settings, "know_camera")
    if settings.know_camera:
        _draw_properties(column, settings, ("camera_pitch_angle", "camera_roll_angle", "camera_height_length"))


def _draw_properties(column: Any, settings: Any, names: Iterable[str]) -> None:
    for name in names:
        column.prop(settings, name)


def _draw_next_step(layout: Any, context: bpy.types.Context) -> None:
    """What is going on, and what to do next."""
    draw_job(layout, "reconstruct", "refine", "install", *MODEL_JOBS, hints=False)  # they are the next step
    draw_failures(layout)
    draw_pending_result(layout)
    draw_held_clips(layout)
    step = next_step(read_sidebar_state(context))
    box = layout.box()
    column = box.column()
    column.alert = step.alert
    draw_text(column, in_scene_frames(step.text), icon=step.icon, margin=_BOX_MARGIN)
    if step.button is not None:
        row = box.row()
        row.scale_y = 1.4
        row.operator(step.button.operator, **({"text": step.button.text} if step.button.text else {}))
    if not session.runner.job.active:
        draw_environment_details(box)


def _draw_clip(layout: Any, settings: Any) -> None:
    column = layout.column(align=True)
    column.row(align=True).prop(settings, "source", expand=True)
    if settings.source == "FILE":
        column.prop(settings, "filepath", text="", placeholder="Movie of two people")
    else:
        column.prop(settings, "strip", text="", icon="SEQ_STRIP_DUPLICATE", placeholder="Movie strip")
    row = layout.row(align=True)
    row.prop(settings, "use_range", text="Frames" if settings.use_range else "All Frames", toggle=True)
    if settings.use_range:
        kind = "frame" if settings.source == "FILE" else "scene"
        row.prop(settings, f"{kind}_first", text="")
        row.prop(settings, f"{kind}_last", text="")


CLASSES = (SOCIALMIRROR_PT_reconstruct, SOCIALMIRROR_PT_settings)
