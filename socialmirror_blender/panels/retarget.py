"""The panel that takes the people's motion to other armatures, and the one that edits bone maps."""

from __future__ import annotations

from typing import Any

import bpy

from ..retarget_properties import retarget_settings, target_of
from ..rigging.retarget.bone_maps import REQUIRED
from ..text import draw_note, draw_text
from .sidebar import OnResult, Sidebar


class SOCIALMIRROR_PT_retarget(OnResult, bpy.types.Panel):
    bl_label = "Retarget"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        settings = retarget_settings(context)
        for person in (0, 1):
            target = target_of(settings, person)
            column = layout.column(align=True)
            column.prop(target, "rig", text=f"Person {'AB'[person]}", icon="OUTLINER_OB_ARMATURE")
            if target.rig is not None:
                text, good = map_text(target)
                draw_text(column, text, icon="CHECKMARK" if good else "ERROR")
        row = layout.row(align=True)
        row.prop(settings, "controls", expand=True)
        layout.prop(settings, "keep_touches")
        row = layout.row(align=True)
        row.prop(settings, "use_range")
        row.prop(settings, "step")
        if settings.use_range:
            row = layout.row(align=True)
            row.prop(settings, "frame_first")
            row.prop(settings, "frame_last")
        row = layout.row()
        row.scale_y = 1.4
        row.operator("socialmirror.retarget", icon="ARMATURE_DATA")
        if settings.report:
            draw_note(layout, settings.report)


class SOCIALMIRROR_PT_bone_map(Sidebar, bpy.types.Panel):
    bl_label = "Bone Map"
    bl_parent_id = "SOCIALMIRROR_PT_retarget"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        settings = retarget_settings(context)
        layout.row(align=True).prop(settings, "shown", expand=True)
        target = target_of(settings, int(settings.shown))
        if target.rig is None:
            draw_text(layout, "Choose a target armature for this person first.")
            return
        row = layout.row(align=True)
        for name, icon in (("choose", "NONE"), ("load", "FILE_FOLDER"), ("save", "FILE_TICK")):
            operator = f"socialmirror.bone_map_{name}"
            if name == "choose":
                row.operator_menu_enum(operator, "kind", text=target.map_name).person = settings.shown
            else:
                row.operator(operator, text="", icon=icon).person = settings.shown
        layout.template_list("SOCIALMIRROR_UL_bone_map", "", target, "rows", target, "row_index", rows=8)
        if 0 <= target.row_index < len(target.rows):
            row = target.rows[target.row_index]
            layout.prop_search(row, "bone", target.rig.data, "bones", text=joint_text(row.joint))


class SOCIALMIRROR_UL_bone_map(bpy.types.UIList):
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
        missing = not item.bone and item.joint in REQUIRED
        row = layout.split(factor=0.45)
        row.label(text=joint_text(item.joint), icon="ERROR" if missing else "BLANK1")
        row.label(text=item.bone or "–")


def map_text(target: Any) -> tuple[str, bool]:
    """What is to be said about a target's bone map, and whether retargeting can start."""
    bones = {row.joint: row.bone for row in target.rows}
    missing = [joint_text(joint) for joint in REQUIRED if not bones.get(joint)]
    if len(missing) == len(REQUIRED):
        return "No bone map fits: choose the bones below", False
    if missing:
        return f"{target.map_name}, but without {', '.join(missing)}", False
    return f"{target.map_name}, {sum(bool(bone) for bone in bones.values())} bones", True


def joint_text(joint: str) -> str:
    return joint.removesuffix("_smplhf").replace("_", " ")


CLASSES = (SOCIALMIRROR_PT_retarget, SOCIALMIRROR_PT_bone_map, SOCIALMIRROR_UL_bone_map)
