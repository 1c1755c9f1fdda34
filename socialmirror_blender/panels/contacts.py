"""The panel with the list of contacts."""

from __future__ import annotations

from typing import Any

import bpy

from ...core.contract.skeleton import GROUND
from ..properties import contact_list
from ..reconstructions import active_reconstruction
from .sidebar import Sidebar
from .text import characters_per_line, ui_scale

_STATE_ICONS = {"auto": "RADIOBUT_OFF", "enforced": "CHECKMARK", "rejected": "X"}
_STATE_BUTTONS = (("auto", "Auto"), ("enforced", "Enforce"), ("rejected", "Reject"))
_UNABBREVIATED_CHARACTERS = 50
"""Width of the list, in characters, above which sides are not abbreviated."""


class SOCIALMIRROR_PT_contacts(Sidebar, bpy.types.Panel):
    bl_label = "Contacts"
    bl_parent_id = "SOCIALMIRROR_PT_result"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return active_reconstruction(context) is not None

    def draw(self, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        collection = active_reconstruction(context)
        assert collection is not None  # poll
        contacts = contact_list(collection)
        row = layout.row()
        row.template_list("SOCIALMIRROR_UL_contacts", "", contacts, "contacts", contacts, "contact_index", rows=5)
        column = row.column(align=True)
        column.operator("socialmirror.contact_add", text="", icon="ADD")
        column.operator("socialmirror.contact_remove", text="", icon="REMOVE")
        column.separator()
        column.operator("socialmirror.contact_edit", text="", icon="GREASEPENCIL")
        column.operator("socialmirror.contact_jump", text="", icon="TIME")
        if 0 <= contacts.contact_index < len(contacts.contacts):
            _draw_contact(layout, contacts.contacts[contacts.contact_index])


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
        abbreviate = characters_per_line(context.region.width, ui_scale()) <= _UNABBREVIATED_CHARACTERS
        split = row.split(factor=0.72)
        split.label(text=contact_text(item, abbreviate=abbreviate), icon=_STATE_ICONS[item.state])
        frames = split.row()
        frames.alignment = "RIGHT"
        frames.label(text=f"{item.frame_start}–{item.frame_end}")


def contact_text(item: Any, *, abbreviate: bool) -> str:
    """A contact in one line: `A right palm · B chest`, abbreviated `A R palm · B chest`."""
    sides = [(item.person_a, item.region_a), (item.person_b, item.region_b)]
    return " · ".join(
        "ground" if person == GROUND else f"{'AB'[int(person)]} {_region_text(region, abbreviate)}"
        for person, region in sides
    )


def _region_text(region: str, abbreviate: bool) -> str:
    side, _, part = region.partition("_")
    if side in ("left", "right") and abbreviate:
        return f"{side[0].upper()} {part.replace('_', ' ')}"
    return region.replace("_", " ")


def _draw_contact(layout: Any, item: Any) -> None:
    """Draw the active contact's state, source and distance."""
    row = layout.row(align=True)
    for state, text in _STATE_BUTTONS:
        button = row.operator(
            "socialmirror.contact_state", text=text, icon=_STATE_ICONS[state], depress=item.state == state
        )
        button.state = state
    distance = "distance not measured" if item.distance < 0 else f"{100 * item.distance:.1f} cm apart"
    row = layout.row()
    row.active = False
    row.label(text=f"{item.source.capitalize()}, {distance}, weight {item.weight:.2f}")


CLASSES = (SOCIALMIRROR_UL_contacts, SOCIALMIRROR_PT_contacts)
