"""The animator's own keyframes on the armatures of a reconstruction: counted, made pins of, or given back to the take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from ...core.contract.errors import UserError
from ...core.contract.reconstruction import PEOPLE
from ...core.contract.runs import successive_frames
from ...core.contract.skeleton import BODY_JOINTS
from .. import compat
from .actions import mark_of_take, polish_of, rekey, shows_take, take_channelbag, take_of
from .keyframes import read_keys
from .names import rig_role
from .objects import object_with_role, rig_of
from .pins import frames_of_clip, require_quaternions, with_parents
from .polish import LOCKED_KEYFRAME, count_other_curves, is_at, own_keyframes, without_bones
from .recent import Recent
from .rest_pose import ROOT
from .take_values import CHANNELS, baked_actions


@dataclass(frozen=True)
class OwnKeys:
    frames: dict[str, list[int]]
    """Scene frames with keyframes of the animator, locked ones too, for each bone that has any."""
    others: int
    """Number of F-curves that are not of the take at all."""
    covers_take: bool = False
    """Whether they hold the whole body in all frames, so that a take below them is not seen."""
    baked: tuple[str, ...] = ()
    """Names of actions that the animator baked over a take, and that animate the armature no longer."""

    @property
    def count(self) -> int:
        return sum(map(len, self.frames.values()))


_counts: Recent[OwnKeys] = Recent(seconds=1.0)
"""By the `session_uid` of armature and action: merged animation of both people has one action."""


def count_own_keys(collection: bpy.types.Collection) -> list[tuple[str, OwnKeys]]:
    """Name and keyframes of each armature that is there. It may be a second old."""
    counted: list[tuple[str, OwnKeys]] = []
    for person in range(PEOPLE):
        rig = object_with_role(collection, rig_role(person))
        if rig is not None:
            counted.append((rig.name, _count(rig)))
    return counted


def lock_own_keys(collection: bpy.types.Collection) -> tuple[int, int]:
    """Lock all keyframes of the animator, so that Refine gets them as pins.

    Those of fingers and face, and those outside the clip cannot be pins.

    Returns for how many poses of bones that was done, and how many lie outside the clip. UserError `no-own-keys` if there is
    nothing to lock.
    """
    locked = left_out = 0
    clip = frames_of_clip(collection)
    for person in range(PEOPLE):
        rig = rig_of(collection, person)
        channelbag = take_channelbag(rig)
        if channelbag is None or not shows_take(rig):
            continue
        keyed = own_keyframes(channelbag, mark_of_take(rig))
        of_body = {bone: frames for bone, frames in keyed.items() if bone in (ROOT, *BODY_JOINTS)}
        inside = {bone: [frame for frame in frames if frame in clip] for bone, frames in of_body.items()}
        require_quaternions(rig, with_parents(bone for bone, frames in inside.items() if frames))
        for bone, path, size in CHANNELS:
            for index in range(size if inside.get(bone) else 0):
                _lock_at(channelbag.fcurves.find(path, index=index), inside[bone])
        count = sum(map(len, inside.values()))
        locked += count
        left_out += sum(map(len, of_body.values())) - count
    if left_out and not locked:
        raise UserError(
            "no-own-keys",
            f"All your keyframes of the body lie outside the clip ({clip[0]}–{clip[-1]}).",
            "Refine moves only frames of the clip: pose bones there.",
        )
    if not locked:
        raise UserError(
            "no-own-keys",
            "No keyframe of the body differs from the take.",
            "Pose bones and insert keyframes first, or pin poses with Pin Pose.",
        )
    forget_own_keys()
    return locked, left_out


def give_back(rig: bpy.types.Object, bones: Iterable[str]) -> None:
    """Let bones move as the take has it again. UserError `no-take` if the armature's action was made by an earlier version."""
    polish = polish_of(rig)
    if polish.mark is None:
        raise UserError(
            "no-take",
            f"The action of {rig.name!r} does not know what its take was like.",
            "Choose the take in the panel again.",
        )
    rekey(rig, polish.mark, without_bones(polish, bones))
    forget_own_keys()


def forget_own_keys() -> None:
    """Let the next count be of now."""
    _counts.forget()


def frames_text(frames: Sequence[int]) -> str:
    """Sorted frames in short: `3, 10–14`."""
    return ", ".join(str(a) if a == b else f"{a}–{b}" for a, b in successive_frames(frames))


def _count(rig: Any) -> OwnKeys:
    shown = take_of(rig)
    uid = 0 if shown is None else shown[0].session_uid
    return _counts.get((rig.session_uid, uid), lambda: _count_now(rig))


def _count_now(rig: Any) -> OwnKeys:
    shown, channelbag = take_of(rig), take_channelbag(rig) if shows_take(rig) else None
    if shown is None or channelbag is None:
        return OwnKeys({}, 0)
    mark = mark_of_take(rig)
    frames = own_keyframes(channelbag, mark)
    if mark is None:
        return OwnKeys(frames, count_other_curves(channelbag))
    covers = all(set(mark.own.frames.tolist()) <= set(frames.get(bone, ())) for bone in (ROOT, *BODY_JOINTS))
    baked = tuple(action.name for action in baked_actions(mark.identity, mark.person) if action != shown[0])
    return OwnKeys(frames, count_other_curves(channelbag), covers, baked)


def _lock_at(curve: Any, frames: Sequence[int]) -> None:
    if curve is None:
        return
    keys = read_keys(curve)
    locked = compat.enum_value(bpy.types.Keyframe, "type", LOCKED_KEYFRAME)
    rows = is_at(np.round(keys["co"][:, 0]), np.array(frames, dtype=np.float64))
    curve.keyframe_points.foreach_set("type", np.where(rows, locked, keys["type"]).astype(np.int32))
    curve.update()
