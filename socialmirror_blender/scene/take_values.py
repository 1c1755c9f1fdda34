"""What a take itself says about a person, as one array, and as the mark of an action that holds the take.

The mark lets the animator's keyframes be told from the take's, and a take that is chosen again find its action.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from ...core.contract.skeleton import BODY_JOINTS
from .. import compat
from . import names
from .fcurves import location_path, rotation_path, scale_path
from .keyframes import OWN_KEYFRAME, read_types
from .pose_conversion import BoneChannels
from .rest_pose import BONES, ROOT
from .timeline import Timeline

CHANNELS: tuple[tuple[str, str, int], ...] = (
    *((bone, rotation_path(bone), 4) for bone in BONES),
    (ROOT, location_path(ROOT), 3),
    ("pelvis", location_path("pelvis"), 3),
)
"""Bone, path and number of components of everything that a take animates on a rig, in the order of the columns of `values`."""
COLUMNS = {
    (path, index): column
    for column, (path, index) in enumerate((path, index) for _, path, size in CHANNELS for index in range(size))
}
"""Column of each F-curve, by path and index."""


@dataclass(frozen=True)
class TakeValues:
    frames: np.ndarray
    """int [S] scene frames."""
    values: np.ndarray
    """float32 [S,C] in the order of CHANNELS."""


@dataclass(frozen=True)
class TakeMark:
    """What an action remembers about the take that it holds."""

    identity: str
    """Of the import; see `state.ImportState`."""
    take: str
    person: int
    timeline: Timeline
    own: TakeValues
    """The values before the animator changed anything."""


def take_values(frames: np.ndarray, channels: BoneChannels) -> TakeValues:
    parts = [channels.rotations.reshape(len(frames), -1), channels.root_location, channels.pelvis_location]
    return TakeValues(frames.astype(np.int32), np.concatenate(parts, 1).astype(np.float32))


def mark_action(action: bpy.types.Action, mark: TakeMark) -> None:
    stored: dict[str, Any] = {
        names.ID_PROPERTY: mark.identity,
        names.TAKE_PROPERTY: mark.take,
        names.PERSON_PROPERTY: mark.person,
        names.ZERO_FRAME_PROPERTY: mark.timeline.zero_frame,
        names.FRAME_RATE_PROPERTY: mark.timeline.frame_rate,
        names.TAKE_FRAMES_PROPERTY: mark.own.frames.tobytes(),
        names.TAKE_VALUES_PROPERTY: mark.own.values.tobytes(),
    }
    for name, value in stored.items():
        if name in action:  # bytes that are assigned to a property that exists end at their first zero
            del action[name]
        action[name] = value


def mark_of(action: bpy.types.Action) -> TakeMark | None:
    """None for an action that holds no take, or was made by an earlier version."""
    stored: Any = action
    try:
        frames = np.frombuffer(stored[names.TAKE_FRAMES_PROPERTY], dtype=np.int32)
        values = np.frombuffer(stored[names.TAKE_VALUES_PROPERTY], dtype=np.float32)
        timeline = Timeline(float(stored[names.ZERO_FRAME_PROPERTY]), float(stored[names.FRAME_RATE_PROPERTY]))
        mark = TakeMark(
            str(stored[names.ID_PROPERTY]),
            str(stored[names.TAKE_PROPERTY]),
            int(stored[names.PERSON_PROPERTY]),
            timeline,
            TakeValues(frames, values.reshape(len(frames), len(COLUMNS))),
        )
    except (KeyError, TypeError, ValueError):
        return None
    return mark if timeline.frame_rate > 0 and len(frames) else None


def find_mark(identity: str, take: str, person: int) -> TakeMark | None:
    """The mark of a take as any action in the file has it."""
    return next((mark_of(action) for action in bpy.data.actions if _key(action) == (identity, take, person)), None)


def find_action(identity: str, take: str, person: int) -> bpy.types.Action | None:
    """The action that a take was imported into before, unless it animates something or was baked over."""
    for action in bpy.data.actions:
        is_of_take = _key(action) == (identity, take, person) and mark_of(action) is not None
        if is_of_take and _is_idle(action) and action.library is None and action.slots and not is_baked(action):
            return action
    return None


def baked_actions(identity: str, person: int) -> list[bpy.types.Action]:
    """The actions of a person's takes that the animator baked over."""
    return [
        action
        for action in bpy.data.actions
        if (action.get(names.ID_PROPERTY), action.get(names.PERSON_PROPERTY)) == (identity, person) and is_baked(action)
    ]


def is_baked(action: bpy.types.Action) -> bool:
    """Whether the animator baked a body's motion over that of a take, whose mark is left: the action is theirs since then.

    *Bake Action* keys all channels of all bones, also those that no take has, and leaves no keyframe of the take.
    """
    if names.ID_PROPERTY not in action or len(action.slots) != 1:
        return False
    channelbag = compat.channelbag_in(action, action.slots[0])
    if channelbag is None:
        return False
    ordinary = compat.enum_value(bpy.types.Keyframe, "type", OWN_KEYFRAME)
    for bone in (ROOT, *BODY_JOINTS):
        location, rotation, scale = (
            channelbag.fcurves.find(path(bone)) for path in (location_path, rotation_path, scale_path)
        )
        beside = scale or (None if (location_path(bone), 0) in COLUMNS else location)
        if beside is None or rotation is None or (read_types(rotation) != ordinary).any():
            return False
    return True


def forget_take(identity: str, take: str, person: int) -> None:
    """Remove the action of a take that nothing is animated by any more."""
    action = find_action(identity, take, person)
    if action is not None:
        bpy.data.actions.remove(action)


def claim_take(action: bpy.types.Action) -> None:
    """Make an action the one in which its take is found again. Copies that nothing uses are the animator's own versions."""
    if names.ID_PROPERTY not in action or is_baked(action):
        return
    stored: Any
    for stored in bpy.data.actions:
        is_copy = stored != action and _key(stored) == _key(action)
        if is_copy and _is_idle(stored) and stored.library is None:
            stored.use_fake_user = True
            del stored[names.ID_PROPERTY]


def _key(stored: Any) -> tuple[Any, Any, Any]:
    return stored.get(names.ID_PROPERTY), stored.get(names.TAKE_PROPERTY), stored.get(names.PERSON_PROPERTY)


def _is_idle(action: bpy.types.Action) -> bool:
    return action.users == int(action.use_fake_user)
