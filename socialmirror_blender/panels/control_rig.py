"""The panel of the control rig."""

from __future__ import annotations

from typing import Any

import bpy

from ...core.contract.reconstruction import PEOPLE
from ..reconstructions import active_reconstruction
from ..rigging.control_rig.layout import LIMBS
from ..scene.names import rig_role
from ..scene.objects import control_rig_of, object_with_role
from ..text import draw_text
from .sidebar import OnResult

_NAME_WIDTH = 0.64
"""Of a limb's row: with less Blender leaves the name out in a sidebar of the usual width."""


class SOCIALMIRROR_PT_control_rig(OnResult, bpy.types.Panel):
    bl_label = "Control Rig"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        collection = active_reconstruction(context)
        assert collection is not None  # poll
        rigs = [control_rig_of(collection, person) for person in range(PEOPLE)]
        people: list[Any] = [object_with_role(collection, rig_role(person)) for person in range(PEOPLE)]
        active: Any = context.object
        if context.mode == "POSE" and active in people:
            layout.prop(active.pose, "use_auto_ik", text="Auto IK (G pulls the limb)")
        if None in rigs:
            row = layout.row(align=True)
            row.operator("socialmirror.control_rig_add", text="Add to Both").both = True
            row.operator("socialmirror.control_rig_add", text="Add to Selected").both = False
        shown = next((rig for rig in rigs if rig is not None and rig == context.object), None)
        shown = shown or next((rig for rig in rigs if rig is not None), None)
        if shown is None:
            return
        column = layout.column(align=True)
        column.label(text=shown.name)
        for limb in LIMBS:
            row = column.split(factor=_NAME_WIDTH, align=True)
            row.prop(shown, f'["{limb.name}"]', text=f"{limb.name.replace('_', ' ').capitalize()} IK", slider=True)
            buttons = row.row(align=True)
            for text, to_ik in (("FK", False), ("IK", True)):
                button = buttons.operator("socialmirror.control_rig_snap", text=text)
                button.limb, button.to_ik = limb.name, to_ik
        layout.operator("socialmirror.control_rig_feet", icon="LOCKED")
        row = layout.row(align=True)
        row.operator("socialmirror.control_rig_reduce", icon="MOD_DECIM")
        row.operator("socialmirror.control_rig_remove", icon="LOOP_BACK")
        draw_text(layout, "Bake back before you refine or choose another take: both work on the SMPL-X bones.")


CLASSES = (SOCIALMIRROR_PT_control_rig,)
