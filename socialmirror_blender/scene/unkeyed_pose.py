"""What the animator has posed without keys, which is gone as soon as the armature is keyed anew."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy

from ...core.contract.reconstruction import PEOPLE
from .actions import is_below_layers, shows_take
from .names import rig_role
from .objects import object_with_role
from .pins import is_posed_without_keys
from .rest_pose import BONES
from .state import reconstructions_in


def unkeyed_pose() -> str:
    """Whose bones are posed in pose mode without keys, such as `Person 1 (head)`; empty if nobody's are."""
    for window in bpy.context.window_manager.windows:
        for rig in _posed_rigs(window.scene):
            frame = window.scene.frame_current_final
            bones = [name for name in BONES if name in rig.pose.bones and is_posed_without_keys(rig, name, frame)]
            if bones:
                others = f" and {len(bones) - 1} more" if len(bones) > 1 else ""
                return f"{rig.name} ({bones[0].replace('_', ' ')}{others})"
    return ""


def _posed_rigs(scene: bpy.types.Scene) -> Iterator[Any]:
    """Armatures of reconstructions in pose mode that move as their take's F-curves say: layers of the NLA add to these."""
    for collection in reconstructions_in(scene):
        for person in range(PEOPLE):
            rig = object_with_role(collection, rig_role(person))
            if rig is not None and rig.mode == "POSE" and shows_take(rig) and not is_below_layers(rig):
                yield rig
