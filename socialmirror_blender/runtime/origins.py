"""Where jobs were started: the file and the scene, which may be closed, renamed or gone when a job ends."""

from __future__ import annotations

from dataclasses import dataclass, replace

import bpy
from bpy.app.handlers import persistent

EARLIER_SESSION = -1
"""In place of numbers that Blender has given until it quit."""

_files_loaded = [0]


@dataclass(frozen=True)
class Origin:
    """Where a job was started, as names and numbers that stay valid when datablocks do not."""

    file_serial: int
    """Number of files loaded so far."""
    filepath: str
    scene: str
    scene_uid: int
    collection: str = ""
    """Identity of the reconstruction to refine; see scene/state.py."""
    take: str = ""
    """The take that is refined."""
    frame_start: int = 1
    strip: str = ""
    strip_timing: tuple[float, float] | None = None
    """The scene frame at which the strip's movie begins, and scene frames for each frame of the movie; None for a file."""
    link_camera: bool = True
    match_scene: bool = False


def current_origin(context: bpy.types.Context) -> Origin:
    """The origin of a job that is started now."""
    return Origin(_files_loaded[0], bpy.data.filepath, context.scene.name, context.scene.session_uid)


def is_open(origin: Origin) -> bool:
    """Whether the file that a job was started in is open, be it still or again."""
    return origin.file_serial == _files_loaded[0] or (bool(origin.filepath) and origin.filepath == bpy.data.filepath)


def followed(origin: Origin) -> Origin:
    """The origin after the open file was saved, perhaps for the first time or under another name, if it is of that file."""
    return replace(origin, filepath=bpy.data.filepath) if origin.file_serial == _files_loaded[0] else origin


def find_scene(origin: Origin) -> bpy.types.Scene | None:
    """The scene that a job was started in, also after it was renamed or its file was loaded again."""
    if origin.file_serial == _files_loaded[0]:
        for scene in bpy.data.scenes:
            if scene.session_uid == origin.scene_uid:
                return scene
    return bpy.data.scenes.get(origin.scene)


@persistent
def _count_file(*_: object) -> None:
    _files_loaded[0] += 1


def register() -> None:
    bpy.app.handlers.load_post.append(_count_file)


def unregister() -> None:
    bpy.app.handlers.load_post.remove(_count_file)
