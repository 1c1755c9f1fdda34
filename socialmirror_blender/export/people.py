"""Exports what both armatures show to files for another program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import bpy

from ...core.export import WRITERS, write_files
from ...core.export.placement import place
from ...core.export.settings import ExportSettings
from ..scene.state import read_state
from .files import check_fbx, check_usd, write_fbx, write_usd
from .reading import exported_frames, read_animation
from .temporary_scene import temporary_scene

_OF_BLENDER: dict[str, tuple[Callable[[], None], Callable[..., None]]] = {
    "fbx": (check_fbx, write_fbx),
    "usd": (check_usd, write_usd),
}


def export_people(
    context: bpy.types.Context, collection: bpy.types.Collection, settings: ExportSettings, folder: Path
) -> list[Path]:
    """Write the files of the target and the JSON beside them, and return the paths, the JSON last.

    The motion is what the scene shows, constraints and layers included, from frame 0 of the files on. The scene stays as it is.

    UserError `bad-export`, `no-frames`, `fbx-off`, `usd-missing`, `export-failed`, `scaled`, `bones-missing`, `not-writable` or
    `disk-full`.
    """
    settings.check()
    kind = settings.preset.format
    writer: Any = WRITERS.get(kind)
    if writer is None:
        check, write = _OF_BLENDER[kind]
        check()
        writer = partial(write, context, collection)
    frames = exported_frames(read_state(collection), settings)
    with temporary_scene(context.scene, "SocialMirror export") as temporary:
        temporary.scene.frame_set(context.scene.frame_current, subframe=context.scene.frame_subframe)
        animation = read_animation(temporary.scene, collection, frames, settings)
    return write_files(place(animation, replace(settings, frames=(None, None))), settings, folder, writer)
