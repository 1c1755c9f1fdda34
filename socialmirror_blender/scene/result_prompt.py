"""The prompt of an imported reconstruction, which Refine gets: that of the shown take, until the animator writes another one.

What the next clip is reconstructed with is a setting of the scene (properties.py).
"""

from __future__ import annotations

import bpy

from ...core.contract.reconstruction import Info
from ..reconstruction_properties import contact_list

_OF_USER = "user"

PromptMemory = tuple[str, str, str]
"""To be restored when an import fails."""


def fill_prompt(collection: bpy.types.Collection, info: Info) -> None:
    """Show the prompt or the caption of a take, unless the animator has written a prompt that no take was made with yet."""
    listed, waits = contact_list(collection), wanted_prompt(collection) is not None
    listed.take_prompt, listed.take_prompt_source = info.prompt.strip(), info.prompt_source
    if not waits:
        listed.prompt = listed.take_prompt


def is_filled(collection: bpy.types.Collection) -> bool:
    """Whether the prompt was filled from a take: files of earlier versions have none."""
    return bool(contact_list(collection).take_prompt_source)


def wanted_prompt(collection: bpy.types.Collection) -> str | None:
    """The prompt that Refine is to use in place of the shown take's, empty if it is to use none; None to keep the take's."""
    listed = contact_list(collection)
    text = listed.prompt.strip()
    if text == listed.take_prompt:
        return None
    return text if text or listed.take_prompt_source == _OF_USER else None  # without a caption nothing is different


def own_prompt(collection: bpy.types.Collection) -> str | None:
    """The prompt that somebody wrote; None if the field is empty or holds a caption that was not edited."""
    listed = contact_list(collection)
    text = listed.prompt.strip()
    is_caption = text == listed.take_prompt and listed.take_prompt_source != _OF_USER
    return text if text and not is_caption else None


def keep_waiting_prompt(source: bpy.types.Collection, target: bpy.types.Collection) -> None:
    """Let a collection that was filled from its take have the prompt that waits for Refine in another one."""
    prompt = wanted_prompt(source)
    if prompt is not None:
        contact_list(target).prompt = prompt


def prompt_memory(collection: bpy.types.Collection) -> PromptMemory:
    listed = contact_list(collection)
    return listed.prompt, listed.take_prompt, listed.take_prompt_source


def restore_prompt(collection: bpy.types.Collection, memory: PromptMemory) -> None:
    listed = contact_list(collection)
    listed.prompt, listed.take_prompt, listed.take_prompt_source = memory
