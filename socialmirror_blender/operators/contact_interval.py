"""Drags the ends of a touch, or all of it, along the timeline; overlays/contact_strips.py draws what is dragged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import bpy

from ...core.contract.contact import Contact
from .. import scene as scenes
from ..overlays.contact_strips import strip_at
from ..reconstructions import active_reconstruction
from ..scene.contact_list import activate_contact, change_contacts, read_contacts
from ..scene.contact_markers import contact_scene_frames
from .reporting import OperatorReturn, reports_errors


class SOCIALMIRROR_OT_contact_interval(bpy.types.Operator):
    bl_idname = "socialmirror.contact_interval"
    bl_label = "Drag Touch"
    bl_description = "Drag the start, the end or all of a touch to other frames. It is enforced from then on"
    bl_options = {"UNDO", "BLOCKING", "INTERNAL"}

    @reports_errors
    def invoke(self, context: Any, event: bpy.types.Event) -> OperatorReturn:
        collection = active_reconstruction(context)
        hit = strip_at(context, event.mouse_region_x, event.mouse_region_y)
        if collection is None or hit is None or scenes.is_linked(collection):
            return {"PASS_THROUGH"}
        strip, self.part = hit
        self.collection, self.before = collection, read_contacts(collection)
        self.touch = [contact for contact in self.before if contact.touch == strip.touch]
        self.pressed_at = self._scene_frame(context, event)
        activate_contact(collection, self.touch[0].id)
        context.window_manager.modal_handler_add(self)
        context.area.tag_redraw()
        return {"RUNNING_MODAL"}

    @reports_errors
    def modal(self, context: Any, event: bpy.types.Event) -> OperatorReturn:
        if event.type in ("ESC", "RIGHTMOUSE"):
            self._show(self.touch)
            return {"CANCELLED"}
        if event.type == "MOUSEMOVE":
            self._show(self._dragged(self._scene_frame(context, event) - self.pressed_at))
            context.area.tag_redraw()
        if event.type == "LEFTMOUSE" and event.value == "RELEASE":
            scenes.sync_markers(self.collection)
            return {"FINISHED"} if read_contacts(self.collection) != self.before else {"CANCELLED"}
        return {"RUNNING_MODAL"}

    def _scene_frame(self, context: Any, event: bpy.types.Event) -> int:
        return round(context.region.view2d.region_to_view(event.mouse_region_x, 0)[0])

    def _dragged(self, scene_frames: int) -> list[Contact]:
        first, last = min(item.frame_start for item in self.touch), max(item.frame_end for item in self.touch)
        start, end = contact_scene_frames(self.collection, first, last)
        start += scene_frames if self.part != "end" else 0
        end += scene_frames if self.part != "start" else 0
        timing = scenes.read_state(self.collection).timing
        return with_interval(self.touch, timing.to_clip_frame(start), timing.to_clip_frame(end))

    def _show(self, changed: Sequence[Contact]) -> None:
        by_id = {contact.id: contact for contact in changed}
        change_contacts(self.collection, lambda contact: by_id.get(contact.id, contact))


def with_interval(touch: Sequence[Contact], first: int, last: int) -> list[Contact]:
    """A touch's contacts between other frames of the clip, as the animator's: made in any case.

    Each contact keeps its place within the touch, as a fraction of its duration. An interval that ends before it starts
    lasts one frame.
    """
    last = max(first, last)
    old_first, old_last = min(item.frame_start for item in touch), max(item.frame_end for item in touch)
    if (first, last) == (old_first, old_last):
        return list(touch)
    scale = (last - first) / max(old_last - old_first, 1)

    def moved(frame: int) -> int:
        return last if frame == old_last else first + round((frame - old_first) * scale)

    return [
        replace(
            contact,
            frame_start=min(moved(contact.frame_start), moved(contact.frame_end)),
            frame_end=moved(contact.frame_end),
            source="user",
            state="enforced",
        )
        for contact in touch
    ]


_keymap_items: list[tuple[Any, Any]] = []


def register_keymap() -> None:
    """Press on a strip in the timeline or the dope sheet starts dragging; elsewhere the press is passed on."""
    keyconfig: Any = bpy.context.window_manager.keyconfigs.addon
    if keyconfig is None:
        return  # without a user interface
    keymap = keyconfig.keymaps.new("Dopesheet", space_type="DOPESHEET_EDITOR")
    item = keymap.keymap_items.new(SOCIALMIRROR_OT_contact_interval.bl_idname, "LEFTMOUSE", "PRESS", head=True)
    _keymap_items.append((keymap, item))


def unregister_keymap() -> None:
    while _keymap_items:
        keymap, item = _keymap_items.pop()
        keymap.keymap_items.remove(item)


CLASSES = (SOCIALMIRROR_OT_contact_interval,)
