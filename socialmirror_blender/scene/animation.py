"""Properties that the add-on animates on datablocks whose other properties the animator may animate."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from .. import compat
from .fcurves import write_fcurves


def animate(owner: Any, path: str, values: np.ndarray, frames: np.ndarray, interpolation: str = "LINEAR") -> None:
    """Key a property with values [S,n] at scene frames [S], in the datablock's own action if it has one.

    Only the F-curves of this property are replaced.
    """
    write_fcurves(_own_channelbag(owner), path, frames, values, interpolation=interpolation)


def stop_animating(owner: Any, path: str) -> None:
    """Remove the F-curves of a property, and the datablock's action if there is nothing else in it."""
    assigned, channelbag = compat.assigned_action(owner), compat.channelbag_of(owner)
    if assigned is None or channelbag is None:
        return
    ours = [curve for curve in channelbag.fcurves if curve.data_path == path]
    for curve in ours:
        channelbag.fcurves.remove(curve)
    action = assigned[0]
    if ours and not len(channelbag.fcurves) and len(action.slots) == 1:
        owner.animation_data.action = None
        if action.users == 0:
            bpy.data.actions.remove(action)


def _own_channelbag(owner: Any) -> Any:
    assigned, channelbag = compat.assigned_action(owner), compat.channelbag_of(owner)
    if channelbag is None:
        action = bpy.data.actions.new(owner.name) if assigned is None else assigned[0]
        slot, channelbag = compat.add_channelbag(action, owner.name, owner.id_type)
        compat.assign_action(owner, action, slot)
    return channelbag
