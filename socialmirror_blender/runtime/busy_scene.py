"""Whether the animator is in the middle of something that an import would interrupt."""

from __future__ import annotations

import bpy

from .session import session

_FREE_MODES = ("OBJECT", "POSE")
"""An import leaves the others, and the animator would be taken out of their work."""


def scene_is_busy_with() -> str:
    """What has to end before the scene may be changed unasked, empty if nothing has to."""
    if bpy.app.is_job_running("RENDER"):
        return "the render is done"
    windows = bpy.context.window_manager.windows
    if any(len(window.modal_operators) for window in windows):
        return "the running tool is done"
    edited = [window.view_layer.objects.active for window in windows if window.view_layer is not None]
    mode = next((item.mode for item in edited if item is not None and item.mode not in _FREE_MODES), "")
    if mode:
        return f"you leave {mode.replace('_', ' ').title()} Mode"
    posed = session.unkeyed_pose() if session.unkeyed_pose is not None else ""
    return f"you key the pose of {posed}, or leave Pose Mode" if posed else ""
