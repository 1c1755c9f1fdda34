"""Draws the two prompts: that of the clip, for Reconstruct, and that of a result, for Refine."""

from __future__ import annotations

from typing import Any

import bpy

from ..properties import user_prompt
from ..reconstruction_properties import contact_list
from ..runtime.session import session
from ..scene.result_prompt import own_prompt, wanted_prompt
from ..text import draw_text

_SUGGESTED = "Suggested from the motion. Edit it to use it as the prompt."


def draw_clip_prompt(layout: Any, settings: Any) -> None:
    hint = "For the clip: it guides the motion, and contacts that it names are added."
    if user_prompt(settings) is None:
        hint = _SUGGESTED if settings.prompt else ""
    _draw(layout, settings, "What they do, e.g. a handshake", hint)


def draw_result_prompt(layout: Any, collection: bpy.types.Collection) -> None:
    listed, wanted = contact_list(collection), wanted_prompt(collection)
    hint = "The take was made with this prompt."
    if wanted is not None:
        hint = "Refine makes a take with this prompt." if wanted else "Refine makes a take without a prompt."
    elif own_prompt(collection) is None:
        hint = _SUGGESTED if listed.prompt else ""
    _draw(layout, listed, "What they do in this result", hint)


def _draw(layout: Any, owner: Any, placeholder: str, hint: str) -> None:
    column = layout.column(align=True)
    column.prop(owner, "prompt", text="", icon="TEXT", placeholder=placeholder)
    if hint:
        row = column.column(align=True)
        row.active = False
        draw_text(row, hint)
    if owner.prompt and session.environment.lacks_encoder:
        draw_text(
            column, "The network that reads sentences is missing: only contacts that are named are used.", icon="INFO"
        )
        column.operator("socialmirror.download_networks", text="Download", icon="IMPORT")
