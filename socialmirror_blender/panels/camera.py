"""The panel that corrects the clip's camera."""

from __future__ import annotations

import math
from typing import Any

import bpy

from ..reconstruction_properties import contact_list
from ..reconstructions import active_reconstruction
from ..scene.camera_correction import CameraStance
from ..scene.correction_state import correction_of, read_stance
from ..scene.objects import has_control_rig
from ..text import draw_text
from .sidebar import OnReadableResult


class SOCIALMIRROR_PT_camera(OnReadableResult, bpy.types.Panel):
    bl_label = "Camera"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        collection = active_reconstruction(context)
        assert collection is not None  # poll
        values = contact_list(collection)
        stance = read_stance(collection)
        if stance is not None:
            draw_text(layout, stance_text(stance))
        layout.label(text="Correct it by:")
        column = layout.column(align=True)
        column.enabled = not has_control_rig(collection)
        for name in ("camera_pitch", "camera_roll", "camera_height"):
            column.prop(values, name)
        column.prop(values, "camera_focal", text="Focal Scale")  # its name is too long for the sidebar
        if has_control_rig(collection):
            draw_text(layout, "Bake the control rig back first: the bones follow it.")
        if correction_of(collection).changes:
            row = layout.row(align=True)
            row.operator("socialmirror.reset_camera", text="Reset", icon="LOOP_BACK")
            row.operator("socialmirror.know_camera", icon="CAMERA_DATA")


def stance_text(stance: CameraStance) -> str:
    """`The camera is 1.42 m high, looks down 4.5° and has a field of view of 47°.`"""
    looks = "down" if stance.pitch >= 0 else "up"
    tilted = f", is rolled by {abs(math.degrees(stance.roll)):.1f}°" if abs(stance.roll) > math.radians(0.05) else ""
    return (
        f"The camera is {stance.height:.2f} m high, looks {looks} {abs(math.degrees(stance.pitch)):.1f}°{tilted} "
        f"and has a field of view of {math.degrees(stance.fov):.0f}°."
    )


CLASSES = (SOCIALMIRROR_PT_camera,)
