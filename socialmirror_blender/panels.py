"""The sidebar of the 3D view. Drawing reads state and changes nothing."""

from __future__ import annotations

import textwrap
from typing import Any

import bpy

from ..core.contract.reconstruction import Take, best_of
from ..core.contract.skeleton import GROUND
from . import scene as scenes
from .properties import contact_list, settings_of, users_prompt
from .reconstructions import active_import, info_of
from .runtime.environment import EnvironmentState
from .runtime.job import Failure, Job, JobState
from .runtime.session import is_open, session

CATEGORY = "SocialMirror"

_DOING = {"reconstruct": "Reconstructing", "refine": "Refining", "install": "Installing"}
_STAGES = {
    "perception": "looking at the clip",
    "initial": "first guess",
    "sentence": "reading the prompt",
    "geometry": "placing joints",
    "fit": "fitting both people",
    "contacts": "finding contacts",
    "prompt-contacts": "reading the prompt",
    "infill": "filling in what is hidden",
    "contact-fit": "closing contacts",
    "caption": "saying what it shows",
    "new-sentence": "reading the prompt",
    "new-prompt-contacts": "reading the prompt",
    "infill-again": "filling in anew",
    "refine": "following your changes",
}
"""The core's stages in words; those that are not here have names to be read."""
_STATE_ICONS = {"auto": "RADIOBUT_OFF", "enforced": "CHECKMARK", "rejected": "X"}
_ENVIRONMENT_ICONS = {
    EnvironmentState.NOT_INSTALLED: "IMPORT",
    EnvironmentState.INSTALLING: "SORTTIME",
    EnvironmentState.READY: "CHECKMARK",
    EnvironmentState.BROKEN: "ERROR",
    EnvironmentState.UPDATE_REQUIRED: "FILE_REFRESH",
    EnvironmentState.WEIGHTS_MISSING: "IMPORT",
}
_ENVIRONMENT_BUTTONS = {
    EnvironmentState.NOT_INSTALLED: ("socialmirror.install_environment", "Install Environment"),
    EnvironmentState.BROKEN: ("socialmirror.install_environment", "Repair Environment"),
    EnvironmentState.UPDATE_REQUIRED: ("socialmirror.install_environment", "Update Environment"),
    EnvironmentState.WEIGHTS_MISSING: ("socialmirror.fetch_weights", "Download Networks"),
}
_FIXES = {
    "weight-missing": "socialmirror.fetch_weights",
    "weight-damaged": "socialmirror.fetch_weights",
    "package-missing": "socialmirror.install_environment",
    "environment-unfit": "socialmirror.install_environment",
    "core-unusable": "socialmirror.install_environment",
    "worker-start": "socialmirror.install_environment",
    "worker-silent": "socialmirror.install_environment",
    "version-mismatch": "socialmirror.install_environment",
}
"""The button that mends a failure, by the failure's code."""
_CHARACTER_WIDTH, _MARGINS = 6.2, 50
"""Pixels of a character of the panel's font on the average, and of what is left and right of a text, at a scale of 1."""
_ROOMY = 50
"""Characters from which on nothing needs to be abbreviated."""


class _Sidebar:
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = CATEGORY


class SOCIALMIRROR_PT_reconstruct(_Sidebar, bpy.types.Panel):
    bl_label = "SocialMirror"
    bl_order = 0

    def draw(self, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        settings = settings_of(context)
        if not session.environment.usable:
            draw_environment(layout.box())
        _draw_clip(layout, settings)
        _draw_prompt(layout, settings)
        row = layout.row()
        row.scale_y = 1.8
        row.operator("socialmirror.reconstruct", icon="ARMATURE_DATA")
        draw_job(layout, "reconstruct", "refine", "install")
        _draw_notice(layout)


class SOCIALMIRROR_PT_settings(_Sidebar, bpy.types.Panel):
    bl_label = "Settings"
    bl_parent_id = "SOCIALMIRROR_PT_reconstruct"
    bl_options = {"DEFAULT_CLOSED"}
    bl_order = 1

    def draw(self, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        settings = settings_of(context)
        column = layout.column(heading="People")
        column.prop(settings, "choose_people", text="Choose")
        if settings.choose_people:
            row = column.row(align=True)
            row.prop(settings, "track_a", text="Numbers")
            row.prop(settings, "track_b", text="")
        column = layout.column()
        column.prop(settings, "fov", text="FOV (0: Auto)")
        column.prop(settings, "takes")
        column.prop(settings, "seed")
        column.prop(settings, "smoothness", slider=True)
        column.prop(settings, "device")
        column = layout.column()
        column.prop(settings, "output")
        column.prop(settings, "body")
        column = layout.column(heading="Import")
        if settings.source == "FILE":
            column.prop(settings, "frame_start")
            column.prop(settings, "match_scene")
        column.prop(settings, "link_camera")
        if session.environment.usable:
            draw_environment(layout)


class SOCIALMIRROR_PT_result(_Sidebar, bpy.types.Panel):
    bl_label = "Result"
    bl_order = 2

    def draw(self, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        collection = active_import(context)
        if collection is None:
            several = any(True for _ in scenes.imports())
            text = "Select an armature of a reconstruction." if several else "No reconstruction in this scene yet."
            _paragraph(layout, text, context.region)
            layout.operator("socialmirror.import_folder", text="Import Existing…", icon="FILE_FOLDER")
            return
        state = scenes.read_state(collection)
        info = info_of(collection)
        column = layout.column(align=True)
        column.label(text=collection.name, icon="OUTLINER_COLLECTION")
        column.menu("SOCIALMIRROR_MT_takes", text=f"Take: {state.take}", icon="RENDER_ANIMATION")
        if info is None:
            _message(layout, "ERROR", "Its folder is gone.", f"Put it back to refine: {state.folder}", context.region)
        elif info.prompt:
            seen = "Shows: " if info.prompt_source == "captioner" else ""
            _paragraph(layout, f"{seen}“{info.prompt}”", context.region)
        for note in state.notes.splitlines():
            _message(layout, "INFO", note, "", context.region)
        for warning in info.warnings if info is not None else ():
            _message(layout, "INFO", warning, "", context.region)
        row = layout.row()
        row.scale_y = 1.4
        row.operator("socialmirror.refine", icon="FILE_REFRESH")
        row = layout.row(align=True)
        row.operator("socialmirror.export_fbx", icon="EXPORT")
        row.operator("socialmirror.import_folder", text="", icon="FILE_FOLDER")


class SOCIALMIRROR_PT_contacts(_Sidebar, bpy.types.Panel):
    bl_label = "Contacts"
    bl_parent_id = "SOCIALMIRROR_PT_result"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return active_import(context) is not None

    def draw(self, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        collection = active_import(context)
        assert collection is not None  # poll
        held = contact_list(collection)
        row = layout.row()
        row.template_list("SOCIALMIRROR_UL_contacts", "", held, "contacts", held, "contact_index", rows=5)
        column = row.column(align=True)
        column.operator("socialmirror.contact_add", text="", icon="ADD")
        column.operator("socialmirror.contact_remove", text="", icon="REMOVE")
        column.separator()
        column.operator("socialmirror.contact_edit", text="", icon="GREASEPENCIL")
        column.operator("socialmirror.contact_jump", text="", icon="TIME")
        if 0 <= held.contact_index < len(held.contacts):
            _draw_contact(layout, held.contacts[held.contact_index])


class SOCIALMIRROR_PT_keys(_Sidebar, bpy.types.Panel):
    bl_label = "Locked Poses"
    bl_parent_id = "SOCIALMIRROR_PT_result"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return active_import(context) is not None

    def draw(self, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        if not context.selected_pose_bones:
            _paragraph(layout, "In pose mode, select bones and lock them. Refine keeps locked poses.", context.region)
        row = layout.row(align=True)
        row.operator("socialmirror.pin", icon="LOCKED")
        row.operator("socialmirror.unpin", icon="UNLOCKED")


class SOCIALMIRROR_UL_contacts(bpy.types.UIList):
    def draw_item(
        self,
        context: Any,
        layout: Any,
        data: Any,
        item: Any,
        icon: Any,
        active_data: Any,
        active_property: Any,
        index: Any,
        flt_flag: Any,
    ) -> None:
        row = layout.row(align=True)
        row.active = item.state != "rejected"
        roomy = _characters(context.region.width, _ui_scale()) > _ROOMY
        split = row.split(factor=0.72)
        split.label(text=contact_text(item, roomy), icon=_STATE_ICONS[item.state])
        frames = split.row()
        frames.alignment = "RIGHT"
        frames.label(text=f"{item.frame_start}–{item.frame_end}")


class SOCIALMIRROR_MT_takes(bpy.types.Menu):
    bl_label = "Takes"

    def draw(self, context: Any) -> None:
        layout: Any = self.layout
        collection = active_import(context)
        info = None if collection is None else info_of(collection)
        if collection is None or info is None:
            layout.label(text="The reconstruction's folder is gone", icon="ERROR")
            return
        used = scenes.read_state(collection).take
        best = best_of(info.takes) if len(info.takes) > 1 else None
        for take in info.takes:
            icon = "RADIOBUT_ON" if take.id == used else "RADIOBUT_OFF"
            text = f"{take_text(take)}{'  best fit' if take is best else ''}"
            layout.operator("socialmirror.use_take", text=text, icon=icon).take = take.id


def draw_environment(layout: Any) -> None:
    """What computes, its state, and the button that mends it."""
    environment = session.environment
    icon = _ENVIRONMENT_ICONS[environment.state]
    column = layout.column(align=True)
    column.label(text=f"Environment: {environment.state.value}", icon=icon)
    if environment.message:
        _lines(column, f"{environment.message} {environment.hint}", bpy.context.region)
    if environment.device:
        _lines(column, f"Computes on {environment.device}", bpy.context.region)
    if environment.state in _ENVIRONMENT_BUTTONS:
        if not bpy.app.online_access:
            _lines(column, "That needs the network, and Blender's online access is off.", bpy.context.region)
            column.operator("socialmirror.network_preferences", icon="PREFERENCES")
        operator, text = _ENVIRONMENT_BUTTONS[environment.state]
        row = column.row()
        row.scale_y = 1.4
        row.enabled = bpy.app.online_access
        row.operator(operator, text=text, icon=icon)
        row = column.row(align=True)
        row.operator("socialmirror.use_interpreter", icon="FILE_SCRIPT")
        row.operator("socialmirror.check_environment", text="", icon="FILE_REFRESH")


def draw_job(layout: Any, *kinds: str) -> None:
    """How far the job is, or how it ended, where it is one of these kinds."""
    job = session.runner.job
    if job.kind not in kinds:
        return
    if job.active:
        _draw_running(layout.box(), job)
    elif job.state is JobState.FAILED and job.failure is not None:
        _draw_failure(layout.box(), job.failure)
    elif job.state is JobState.CANCELLED:
        row = layout.row()
        row.label(text="Cancelled; nothing was changed.", icon="INFO")
        row.operator("socialmirror.dismiss", text="", icon="X", emboss=False)
    for warning in job.warnings if job.kind == "install" or job.active else ():
        _message(layout, "INFO", warning, "", bpy.context.region)


def take_text(take: Take) -> str:
    """A take in a line: `take-002 · energy 0.41 · contact 12 mm · through 8 mm  “They hug.”`."""
    parts = [take.id, f"energy {take.energy:.2f}"]
    if take.scores is not None:
        if take.scores.contact is not None:
            parts.append(f"contact {take.scores.contact:.0f} mm")
        parts.append(f"through {take.scores.penetration:.0f} mm")
    prompt = f"  “{textwrap.shorten(take.prompt, 40, placeholder='…')}”" if take.prompt else ""
    return " · ".join(parts) + prompt


def contact_text(item: Any, roomy: bool) -> str:
    """A contact in few words: `A right palm · B chest`, or `A R palm · B chest` where there is little room."""
    whom = "ground" if item.person_b == GROUND else f"{_letter(item.person_b)} {_words(item.region_b, roomy)}"
    return f"{_letter(item.person_a)} {_words(item.region_a, roomy)} · {whom}"


def time_text(seconds: float) -> str:
    """Time left as a person says it."""
    if seconds < 10:
        return "a few seconds left"
    if seconds < 90:
        return f"about {round(seconds / 5) * 5} s left"
    if seconds < 90 * 60:
        return f"about {round(seconds / 60)} min left"
    return f"about {seconds / 3600:.1f} h left"


def wrapped(text: str, width: float, scale: float) -> list[str]:
    """Lines of a text that fit `width` pixels of the interface at that scale."""
    return textwrap.wrap(text, max(16, _characters(width, scale)))


def _characters(width: float, scale: float) -> int:
    """How many characters stand side by side in a region of this width."""
    return int((width / scale - _MARGINS) / _CHARACTER_WIDTH)


def _ui_scale() -> float:
    return bpy.context.preferences.system.ui_scale


def _draw_clip(layout: Any, settings: Any) -> None:
    column = layout.column(align=True)
    column.row(align=True).prop(settings, "source", expand=True)
    if settings.source == "FILE":
        column.prop(settings, "filepath", text="", placeholder="Movie with two people")
    else:
        column.prop(settings, "strip", text="", icon="SEQ_STRIP_DUPLICATE", placeholder="Movie strip")
    row = layout.row(align=True)
    row.prop(settings, "use_range", text="Frames" if settings.use_range else "All Frames", toggle=True)
    if settings.use_range:
        row.prop(settings, "frame_first", text="")
        row.prop(settings, "frame_last", text="")


def _draw_prompt(layout: Any, settings: Any) -> None:
    column = layout.column(align=True)
    column.prop(settings, "prompt", text="", icon="TEXT", placeholder="What they do, e.g. a handshake")
    if settings.prompt:
        hint = column.column(align=True)
        hint.active = False
        suggested = users_prompt(settings) is None
        text = (
            "Seen in the motion. Edit it to steer." if suggested else "It steers the motion, and the touches it names."
        )
        _lines(hint, text, bpy.context.region)


def _draw_running(box: Any, job: Job) -> None:
    doing = "Stopping" if job.state is JobState.CANCELLING else _DOING[job.kind]
    stage = _STAGES.get(job.stage, job.stage[:1].lower() + job.stage[1:])
    title = f"{doing}: {stage or 'starting'}"
    column = box.column(align=True)
    column.label(text=title, icon="SORTTIME")
    left = "" if job.seconds_left is None else f", {time_text(job.seconds_left)}"
    column.progress(factor=job.fraction, text=f"{job.fraction:.0%}{left}")
    if job.text:
        _lines(column, job.text, bpy.context.region)
    if session.origin is not None and not is_open(session.origin):
        _lines(column, "It was started in another file.", bpy.context.region)
    row = box.row()
    row.enabled = job.state is not JobState.CANCELLING
    row.operator("socialmirror.cancel", icon="CANCEL")


def _draw_failure(box: Any, failure: Failure) -> None:
    row = box.row()
    column = row.column(align=True)
    column.alert = True
    _lines(column, failure.message, bpy.context.region, icon="ERROR", margin=40)
    row.operator("socialmirror.dismiss", text="", icon="X", emboss=False)
    if failure.hint:
        _lines(box.column(align=True), failure.hint, bpy.context.region)
    row = box.row(align=True)
    if failure.code in _FIXES:
        row.operator(_FIXES[failure.code])
    row.operator("socialmirror.open_log", icon="TEXT").filepath = failure.log


def _draw_notice(layout: Any) -> None:
    if session.pending is None:
        return
    box = layout.box()
    _lines(
        box.column(align=True),
        session.notice or "The result comes in as soon as no tool is in use.",
        bpy.context.region,
        icon="INFO",
    )
    row = box.row(align=True)
    row.operator("socialmirror.import_result", icon="IMPORT")
    row.operator("socialmirror.dismiss", text="", icon="X")


def _draw_contact(layout: Any, item: Any) -> None:
    row = layout.row(align=True)
    for state, text in (("auto", "Auto"), ("enforced", "Enforce"), ("rejected", "Reject")):
        button = row.operator(
            "socialmirror.contact_state", text=text, icon=_STATE_ICONS[state], depress=item.state == state
        )
        button.state = state
    distance = "distance not measured" if item.distance < 0 else f"{100 * item.distance:.1f} cm apart"
    row = layout.row()
    row.active = False
    row.label(text=f"{item.source.capitalize()}, {distance}, weight {item.weight:.2f}")


def _letter(person: str) -> str:
    return "AB"[int(person)]


def _words(region: str, roomy: bool) -> str:
    side, _, part = region.partition("_")
    if side in ("left", "right") and not roomy:
        return f"{side[0].upper()} {part.replace('_', ' ')}"
    return region.replace("_", " ")


def _message(layout: Any, icon: str, text: str, hint: str, region: Any) -> None:
    column = layout.column(align=True)
    _lines(column, text, region, icon=icon)
    if hint:
        _lines(column, hint, region)


def _paragraph(layout: Any, text: str, region: Any) -> None:
    _lines(layout.column(align=True), text, region)


def _lines(column: Any, text: str, region: Any, icon: str = "NONE", margin: int = 0) -> None:
    """A text in as many labels as it takes: Blender wraps nothing."""
    width = region.width if region is not None else 300
    scale = _ui_scale()
    used = margin * scale + (20 * scale if icon != "NONE" else 0)
    for number, line in enumerate(wrapped(text, width - used, scale)):
        column.label(text=line, icon=icon if number == 0 else ("NONE" if icon == "NONE" else "BLANK1"))


_CLASSES = (
    SOCIALMIRROR_UL_contacts,
    SOCIALMIRROR_MT_takes,
    SOCIALMIRROR_PT_reconstruct,
    SOCIALMIRROR_PT_settings,
    SOCIALMIRROR_PT_result,
    SOCIALMIRROR_PT_contacts,
    SOCIALMIRROR_PT_keys,
)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
