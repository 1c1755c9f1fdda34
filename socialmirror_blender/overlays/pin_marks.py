"""Draws a mark where hands, feet, heads and hips are pinned in the current frame, and the way of a pin that lasts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import bpy
import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader

from ...core.contract.reconstruction import PEOPLE
from ...core.contract.skeleton import JOINT_INDEX
from ..scene.actions import read_channels, take_of
from ..scene.armature import read_rest_pose
from ..scene.names import rig_role
from ..scene.objects import object_with_role
from ..scene.pins import PINNED_IN_WORLD, frames_of_clip, joint_places, joints_by_frame
from ..scene.recent import Recent
from ..scene.rotations import axis_angle_to_quaternion, quaternion_to_matrix
from ..scene.state import reconstructions_in

_SIZE = 0.07
"""metres from a mark's centre to its tips."""
_HERE, _ELSEWHERE = (1.0, 0.25, 0.75, 1.0), (1.0, 0.25, 0.75, 0.3)
_WIDTH = 2.5  # px


@dataclass(frozen=True)
class PinMark:
    frame: int
    place: np.ndarray
    """[3] world, metres."""
    axes: np.ndarray
    """[3,3] columns: the joint's axes in the world."""


_marks: Recent[list[PinMark]] = Recent(seconds=0.5)
"""By the `session_uid` of armature and action: merged animation of both people has one action."""


def pin_marks(collection: bpy.types.Collection) -> list[PinMark]:
    """The marks of all pins in the world of both people. They may be half a second old."""
    marks: list[PinMark] = []
    frames = frames_of_clip(collection)
    for person in range(PEOPLE):
        rig = object_with_role(collection, rig_role(person))
        shown = None if rig is None else take_of(rig)
        if rig is not None and shown is not None:
            marks += _marks.get((rig.session_uid, shown[0].session_uid), partial(_read_marks, rig, frames))
    return marks


def mark_lines(mark: PinMark) -> np.ndarray:
    """World coordinates [18,3] of the ends of a mark's lines: a cross along the joint's axes, and a square around it."""
    x, y, z = (mark.axes * _SIZE).T
    cross = [x, -x, y, -y, z, -z]
    corners = [x / 2 + z / 2, x / 2 - z / 2, -x / 2 - z / 2, -x / 2 + z / 2]
    square = [point for pair in zip(corners, [*corners[1:], corners[0]]) for point in pair]
    return mark.place + np.array([*cross, *square])


def _read_marks(rig: bpy.types.Object, among: range) -> list[PinMark]:
    joints_at = {frame: joints & set(PINNED_IN_WORLD) for frame, joints in joints_by_frame(rig, among).items()}
    frames = np.array(sorted(frame for frame, joints in joints_at.items() if joints))
    if not len(frames):
        return []
    places, turns = joint_places(read_channels(rig, frames), read_rest_pose(rig))
    axes = quaternion_to_matrix(axis_angle_to_quaternion(turns))
    return [
        PinMark(frame, places[row, JOINT_INDEX[joint]], axes[row, JOINT_INDEX[joint]])
        for row, frame in enumerate(frames.tolist())
        for joint in joints_at[frame]
    ]


def _draw() -> None:
    context = bpy.context
    space: Any = context.space_data
    if not space.overlay.show_overlays:
        return
    marks = [mark for collection in reconstructions_in(context.scene) for mark in pin_marks(collection)]
    if not marks:
        return
    here = context.scene.frame_current
    positions = [point for mark in marks for point in mark_lines(mark).tolist()]
    colors = [_HERE if mark.frame == here else _ELSEWHERE for mark in marks for _ in range(len(mark_lines(mark)))]
    shader = gpu.shader.from_builtin("POLYLINE_FLAT_COLOR")
    shader.uniform_float("viewportSize", gpu.state.viewport_get()[2:])
    shader.uniform_float("lineWidth", _WIDTH * context.preferences.system.pixel_size)
    gpu.state.blend_set("ALPHA")
    batch_for_shader(shader, "LINES", {"pos": positions, "color": colors}).draw(shader)
    gpu.state.blend_set("NONE")


_handles: list[Any] = []


def register() -> None:
    _handles.append(bpy.types.SpaceView3D.draw_handler_add(_draw, (), "WINDOW", "POST_VIEW"))


def unregister() -> None:
    while _handles:
        bpy.types.SpaceView3D.draw_handler_remove(_handles.pop(), "WINDOW")
