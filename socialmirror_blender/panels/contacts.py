"""The panel with the list of touches: what an animator would call one contact, open to the pairs of regions that make it up."""

from __future__ import annotations

from typing import Any

import bpy

from ...core.contract.contact import Contact
from ...core.contract.skeleton import GROUND
from ...core.contract.touches import Touch
from ..reconstruction_properties import contact_list
from ..reconstructions import active_reconstruction
from ..scene.contact_list import (
    active_contact,
    active_touch,
    chosen_touches,
    read_contacts,
    read_item,
    read_touch,
    read_touches,
)
from ..scene.contact_markers import contact_scene_frames
from ..scene.state import read_state
from ..text import abbreviate_sides, characters_per_line, draw_text, ui_scale
from .sidebar import OnResult

_STATE_ICONS = {"auto": "RADIOBUT_OFF", "enforced": "CHECKMARK", "rejected": "X"}
_UNREACHED_ICON = "ERROR"
_STATE_BUTTONS = (("auto", "Auto"), ("enforced", "Enforce"), ("rejected", "Reject"))
_TITLE_CHARACTERS, _PAIR_CHARACTERS, _FRAMES_CHARACTERS = 47, 33, 27
"""Widths of the sidebar, in characters, above which titles of touches and of pairs are not abbreviated, and frames shown."""
_MOST_PAIRS = 8
"""Pairs that the list shows without scrolling."""


class SOCIALMIRROR_PT_contacts(OnResult, bpy.types.Panel):
    bl_label = "Contacts"

    def draw(self, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        collection = active_reconstruction(context)
        assert collection is not None  # poll
        listed = contact_list(collection)
        row = layout.row(align=True)
        row.prop(listed, "only_here", toggle=True)
        row.prop(listed, "show_lines", toggle=True)
        row.prop(listed, "show_strips", toggle=True)
        row = layout.row()
        row.template_list("SOCIALMIRROR_UL_touches", "", listed, "touches", listed, "touch_index", rows=3)
        column = row.column(align=True)
        column.operator("socialmirror.contact_add", text="", icon="ADD")
        column.operator("socialmirror.contact_remove", text="", icon="REMOVE")
        column.operator("socialmirror.contact_jump", text="", icon="TIME")
        column.operator("socialmirror.contact_mark", text="", icon="CHECKBOX_HLT")
        contact = active_contact(collection)
        if contact is not None:
            marked = len(chosen_touches(collection)) if any(row.marked for row in listed.touches) else 0
            _draw_states(layout, [item for item in read_contacts(collection) if item.touch == contact.touch], marked)
            _draw_pairs(layout, listed, contact)


class SOCIALMIRROR_UL_touches(bpy.types.UIList):
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
        touch = read_touch(data.id_data, item.touch_id)
        if touch is None:
            return
        row = layout.row(align=True)
        row.active = touch.state != "rejected"
        row.prop(item, "marked", text="")
        width = characters_per_line(context.region.width, ui_scale())
        row.label(text=touch_title(touch, abbreviate=width <= _TITLE_CHARACTERS), icon=touch_icon(touch))
        if width > _FRAMES_CHARACTERS:
            frames = row.row()
            frames.alignment = "RIGHT"
            first, last = contact_scene_frames(data.id_data, touch.frame_start, touch.frame_end)
            frames.label(text=f"{first}–{last}")

    def filter_items(self, context: Any, data: Any, property: str) -> Any:
        rows = getattr(data, property)
        wanted = shown_touches(data.id_data, context.scene.frame_current)
        return [self.bitflag_filter_item if row.touch_id in wanted else 0 for row in rows], []


class SOCIALMIRROR_UL_pairs(bpy.types.UIList):
    """The pairs of regions that make up the active touch."""

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
        contact = read_item(item)
        row = layout.row()
        row.active = contact.state != "rejected"
        width = characters_per_line(context.region.width, ui_scale())
        row.label(text=region_text(contact, abbreviate=width <= _PAIR_CHARACTERS), icon=_STATE_ICONS[contact.state])

    def filter_items(self, context: Any, data: Any, property: str) -> Any:
        touch = active_touch(data.id_data)
        return [self.bitflag_filter_item if item.touch == touch else 0 for item in getattr(data, property)], []


def shown_touches(collection: bpy.types.Collection, scene_frame: int) -> set[str]:
    """Ids of the touches that the list shows at a frame of the scene: all, or those of this frame if the list is filtered."""
    touches = read_touches(collection)
    if not contact_list(collection).only_here:
        return {touch.id for touch in touches}
    frame = read_state(collection).timing.to_clip_frame(scene_frame)
    return {touch.id for touch in touches if touch.frame_start <= frame <= touch.frame_end}


def touch_title(touch: Touch, *, abbreviate: bool) -> str:
    """`A right hand – B right hand and 2 more`, abbreviated `R hand–R hand +2`: A's side first, who touches the ground named."""
    return abbreviate_sides(touch.title) if abbreviate else touch.title


def touch_icon(touch: Touch) -> str:
    return _UNREACHED_ICON if touch.reached is False and touch.state != "rejected" else _STATE_ICONS[touch.state]


def region_text(contact: Contact, *, abbreviate: bool = False) -> str:
    """A pair of regions in one line: `A right palm – B chest`, abbreviated `R palm–chest`."""
    sides = [(contact.person_a, contact.region_a), (contact.person_b, contact.region_b)]
    text = " – ".join(
        "ground" if person == GROUND else f"{'AB'[int(person)]} {region.replace('_', ' ')}" for person, region in sides
    )
    return abbreviate_sides(text) if abbreviate else text


def _draw_states(layout: Any, touch: list[Contact], marked: int) -> None:
    """Buttons for the state of the active touch, or of those that are marked."""
    if marked:
        layout.label(text=f"{marked} selected touch{'es' if marked > 1 else ''}:")
    states = {contact.state for contact in touch}
    row = layout.row(align=True)
    for state, text in _STATE_BUTTONS:
        pressed = not marked and states == {state}
        row.operator("socialmirror.contact_state", text=text, icon=_STATE_ICONS[state], depress=pressed).state = state


def _draw_pairs(layout: Any, listed: Any, active: Contact) -> None:
    """The pairs of regions of the active touch, and what is known of the active pair."""
    rows = sum(item.touch == active.touch for item in listed.contacts)
    layout.template_list(
        "SOCIALMIRROR_UL_pairs",
        "",
        listed,
        "contacts",
        listed,
        "contact_index",
        rows=min(rows, _MOST_PAIRS),
        maxrows=_MOST_PAIRS,
    )
    row = layout.row(align=True)
    for state, _ in _STATE_BUTTONS:
        button = row.operator(
            "socialmirror.contact_state", text="", icon=_STATE_ICONS[state], depress=active.state == state
        )
        button.state, button.one = state, True
    row.operator("socialmirror.contact_edit", text="Edit", icon="GREASEPENCIL")
    row.operator("socialmirror.contact_remove", text="", icon="REMOVE").one = True
    facts = layout.column(align=True)
    facts.active = False
    for text in contact_facts(active):
        draw_text(facts, text)


def contact_facts(contact: Contact) -> list[str]:
    """What the animator should know of a contact, in short lines."""
    distance = "distance not measured" if contact.distance is None else f"{100 * contact.distance:.1f} cm apart"
    certainty = "" if contact.probability is None else f", {round(100 * contact.probability)} % likely"
    facts = [f"{contact.source.capitalize()}, {distance}{certainty}"]
    if contact.reached is False:
        facts.append("Not reached: Enforce it, or move its frames")
    if contact.vertex_a is not None or contact.vertex_b is not None:
        facts.append("At a point that you chose")
    return facts


CLASSES = (SOCIALMIRROR_UL_touches, SOCIALMIRROR_UL_pairs, SOCIALMIRROR_PT_contacts)
