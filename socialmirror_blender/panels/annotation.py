"""Shows what a vision–language model says of the clip: its sentence beside the prompt, its touches with their verdicts."""

from __future__ import annotations

from typing import Any

import bpy

from ...core.contract.annotation import BORNE_OUT, CONTRADICTED, Annotation, SeenTouch
from ..reconstructions import active_annotation, active_reconstruction
from ..scene.contact_list import read_contacts
from ..scene.result_prompt import own_prompt
from ..scene.seen_touches import is_in_list
from ..scene.state import read_state
from ..text import draw_note, draw_text
from .sidebar import Sidebar

_ICONS = {BORNE_OUT: "CHECKMARK", CONTRADICTED: "QUESTION"}
_ACTORS = {"A": "Person A acts.", "B": "Person B acts.", "both": "Both act."}


def draw_suggestion(layout: Any, context: bpy.types.Context, collection: bpy.types.Collection) -> None:
    """The model's sentence with the button that makes it the result's prompt, unless it is that already."""
    annotation = active_annotation(context)
    if annotation is None or own_prompt(collection) == annotation.sentence:
        return
    box = layout.box()
    draw_text(box, f"{annotation.model}: “{annotation.sentence}”", icon="HIDE_OFF")
    box.operator("socialmirror.use_suggestion", icon="PASTEDOWN")


class SOCIALMIRROR_PT_annotation(Sidebar, bpy.types.Panel):
    bl_label = "Seen in the Clip"
    bl_parent_id = "SOCIALMIRROR_PT_result"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return active_annotation(context) is not None

    def draw(self, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        annotation, collection = active_annotation(context), active_reconstruction(context)
        assert annotation is not None and collection is not None  # poll
        draw_text(layout, f"{annotation.model}: “{annotation.sentence}”")
        draw_note(layout, role_sentence(annotation))
        contacts = read_contacts(collection)
        for index, touch in enumerate(annotation.touches):
            first, last = read_state(collection).timing.scene_range(touch.frame_start, touch.frame_end)
            column = layout.column(align=True)
            draw_text(column, f"{touch.words}, {first}–{last}", icon=_ICONS.get(touch.verdict, "DOT"))
            if touch.verdict == CONTRADICTED:
                draw_text(column, question(touch))
            if touch.region_a and not is_in_list(touch, contacts):
                column.operator("socialmirror.add_seen_touch", icon="ADD").index = index


def role_sentence(annotation: Annotation) -> str:
    """Whether the words took part in the motion, and who acts."""
    role = (
        "Its words and the touches with a check mark guided this motion."
        if annotation.used
        else "Only a suggestion: it did not guide this motion."
    )
    return " ".join(part for part in (role, _ACTORS.get(annotation.actor, "")) if part)


def question(touch: SeenTouch) -> str:
    """What the user is asked where the model and the geometry contradict each other."""
    apart = "" if touch.distance is None else f": they stay {100 * touch.distance:.0f} cm apart"
    return f"The motion says otherwise{apart}. Add it if the model is right."


CLASSES = (SOCIALMIRROR_PT_annotation,)
