"""The frame rate for which a result is keyed: in a scene of another one it plays too fast or too slow until it is keyed anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ...core.contract.errors import UserError
from ...core.contract.reconstruction import MotionArrays, Reconstruction
from .. import compat
from .contact_markers import sync_markers
from .correction_state import as_corrected
from .names import STRIP_PROPERTY
from .objects import require_no_control_rig
from .state import is_linked, read_state
from .takes import key_take, require_same_bodies
from .timeline import Timeline

_SAME_RATE = 0.001
"""Relative difference up to which two frame rates count as equal."""


def is_same_rate(first: float, second: float) -> bool:
    return abs(first - second) <= _SAME_RATE * second


def set_strip(collection: bpy.types.Collection, strip: str) -> None:
    """Remember the movie strip that a result is keyed in step with, empty if there is none."""
    collection[STRIP_PROPERTY] = strip


def strip_of(collection: bpy.types.Collection) -> str:
    """The movie strip that a result is keyed in step with, empty if there is none."""
    stored: Any = collection
    return str(stored.get(STRIP_PROPERTY, ""))


def fits_frame_rate(scene: bpy.types.Scene, collection: bpy.types.Collection) -> bool:
    """Whether a result plays at the clip's speed. That of a strip fits always: both play frame by frame."""
    if strip_of(collection):
        return True
    return is_same_rate(compat.frame_rate(scene), read_state(collection).timing.timeline.frame_rate)


def key_for_scene_rate(
    scene: bpy.types.Scene, collection: bpy.types.Collection, folder: Path, reconstruction: Reconstruction
) -> None:
    """Key a result anew with a take, at the scene's frame rate. The motion still starts at the same frame.

    UserError `linked`, `control-rig`, `shape-changed` or `object-missing` leaves the file as it was.
    """
    if is_linked(collection):
        raise UserError("linked", "This reconstruction is linked.", "Edit it in its own file.")
    key_at_rate(collection, folder, reconstruction, compat.frame_rate(scene))
    set_strip(collection, "")


def key_at_rate(
    collection: bpy.types.Collection, folder: Path, reconstruction: Reconstruction, frame_rate: float
) -> None:
    """Key a result anew with a take at a frame rate. The motion still starts at the same frame.

    UserError `control-rig`, `shape-changed` or `object-missing` leaves the file as it was.
    """
    require_no_control_rig(collection)
    require_same_bodies(collection, reconstruction)
    timeline = timeline_from(read_state(collection).first_frame, frame_rate, reconstruction.motion)
    key_take(collection, folder, as_corrected(collection, reconstruction), timeline)
    sync_markers(collection)


def timeline_from(first_frame: int, frame_rate: float, motion: MotionArrays) -> Timeline:
    """The timeline on which a motion starts at a scene frame."""
    return Timeline(first_frame - frame_rate * float(motion.time[0]), frame_rate)
