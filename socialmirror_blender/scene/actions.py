"""A person's action: a take with the animator's polish over it, and what the action says at any frame.

The type of a keyframe tells where it comes from, and the dope sheet shows it as a colour: Generated (grey) what the clip shows,
Jitter (green) what was filled in because the clip does not show it, Extreme (pink) what the animator locked. An ordinary keyframe
is the animator's own.

Every take has one action on each armature, which is used again when the take is chosen again. The action may be the armature's
own or lie in a strip of its NLA, below layers of the animator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import bpy
import numpy as np

from ...core.contract.errors import UserError
from ...core.contract.skeleton import BODY_JOINTS, JOINTS, PARENT_NAME
from .. import compat
from .fcurves import evaluate_fcurves, location_path, property_path, rotation_path, write_fcurves
from .keyframes import read_keys, read_types
from .limb_states import filled_in_joints
from .motion import PersonMotion
from .names import FILLED_IN_PROPERTY
from .objects import person_of
from .polish import FILLED_IN_KEYFRAME, OBSERVED_KEYFRAME, TAKE_KEYFRAMES, Polish, read_polish, write_take
from .pose_conversion import BoneChannels
from .recent import Recent
from .rest_pose import BONES, ROOT
from .take_values import (
    CHANNELS,
    TakeMark,
    baked_actions,
    claim_take,
    find_action,
    find_mark,
    is_baked,
    mark_action,
    mark_of,
)

_FILLED_IN_GROUP = "Filled In"
_MUCH_FILLED_IN = 2 / len(BODY_JOINTS)
"""Fraction of the joints from which on a frame shows as filled in where a row stands for the whole person."""


def key_person(
    rig: bpy.types.Object, name: str, mark: TakeMark, motion: PersonMotion, polish: Polish
) -> bpy.types.Action:
    """Write a take with the animator's polish to its action, which is made if there is none, and let it animate the armature."""
    action = action_for(rig, mark.identity, mark.take, mark.person) or _new_action(rig, name)
    slot = _slot_in(rig, action)
    _write_motion(action, slot, mark, motion, polish)
    rig[FILLED_IN_PROPERTY] = 0.0
    settings: Any = rig.id_properties_ui(FILLED_IN_PROPERTY)
    settings.update(
        min=0.0, max=1.0, description="Fraction of the body's joints that the clip does not show in this frame"
    )
    _assign(rig, action, slot)
    return action


def prepare_action(rig: bpy.types.Object, name: str, mark: TakeMark, motion: PersonMotion) -> None:
    """Write a take alone to a new action, for `key_person` to find, if the armature has none for this take."""
    if action_for(rig, mark.identity, mark.take, mark.person) is None:
        action = _new_action(rig, name)
        _write_motion(action, action.slots[0], mark, motion, Polish())


def _new_action(rig: bpy.types.Object, name: str) -> bpy.types.Action:
    action = bpy.data.actions.new(name)
    compat.new_channelbag(action, rig.name)
    return action


def _slot_in(rig: bpy.types.Object, action: bpy.types.Action) -> Any:
    """The slot by which an action animates an armature, or would: animation that was merged has a slot for each of several."""
    shown = take_of(rig)
    return shown[1] if shown is not None and shown[0] == action and shown[1] is not None else action.slots[0]


def _write_motion(action: bpy.types.Action, slot: Any, mark: TakeMark, motion: PersonMotion, polish: Polish) -> None:
    channelbag = compat.channelbag_in(action, slot)
    filled_in = filled_in_joints(motion.confidence, mark.timeline.frame_rate)
    _write_filled_in(channelbag, mark.own.frames, filled_in)
    write_take(channelbag, mark, _keyframe_types(filled_in), polish)
    mark_action(action, mark)


def rekey(rig: bpy.types.Object, mark: TakeMark, polish: Polish) -> None:
    """Write the take that an armature shows anew, with another polish over it. Its own keyframes keep their types."""
    shown, channelbag = take_of(rig), take_channelbag(rig)
    assert shown is not None  # it has a mark
    types = {bone: _types_at(channelbag, path, mark.own.frames) for bone, path, _ in reversed(CHANNELS)}
    write_take(channelbag, mark, types, polish)


def action_for(rig: bpy.types.Object, identity: str, take: str, person: int) -> bpy.types.Action | None:
    """The action that a take has on an armature, None if the take was not shown before."""
    shown = take_of(rig)
    mark = None if shown is None or is_baked(shown[0]) else mark_of(shown[0])
    if shown is not None and mark is not None and (mark.identity, mark.take, mark.person) == (identity, take, person):
        return shown[0] if len(shown[0].slots) else None
    return find_action(identity, take, person)


def take_of(rig: bpy.types.Object) -> tuple[bpy.types.Action, Any] | None:
    """The action and slot by which a take animates an armature; without a take, its own action; None if it has none."""
    owner = _owner_of_take(rig)
    return None if owner is None or owner.action is None else (owner.action, owner.action_slot)


def take_channelbag(rig: bpy.types.Object) -> Any | None:
    """The channel bag of `take_of`."""
    shown = take_of(rig)
    return None if shown is None else compat.channelbag_in(*shown)


def polish_of(rig: bpy.types.Object) -> Polish:
    """The animator's polish on an armature; empty if an action of their own has taken the place of the take's."""
    channelbag = take_channelbag(rig)
    return Polish() if channelbag is None or not shows_take(rig) else read_polish(channelbag, mark_of_take(rig))


def shows_take(rig: bpy.types.Object) -> bool:
    """Whether a take animates an armature, and not an action of the animator's own."""
    shown = take_of(rig)
    return shown is not None and _holds_take(rig, shown[0])


_shown: Recent[bool] = Recent(seconds=1.0)
"""By the `session_uid` of armature and action."""


def seems_to_show_take(rig: bpy.types.Object) -> bool:
    """`shows_take` for panels, which ask at every redraw: as of a second ago, unless actions have changed since."""
    shown = take_of(rig)
    return shown is not None and _shown.get((rig.session_uid, shown[0].session_uid), lambda: shows_take(rig))


def forget_shown() -> None:
    """An action has changed."""
    _shown.forget()


def shows_baked(rig: bpy.types.Object) -> bool:
    """Whether an armature is animated by an action of a take that the animator baked over."""
    shown = take_of(rig)
    return shown is not None and is_baked(shown[0])


def name_baked(rig: bpy.types.Object, identity: str, person: int) -> None:
    """Let actions that were baked over say so in their names, and leave these to the takes."""
    for action in baked_actions(identity, person):
        mark = mark_of(action)
        if mark is None or action.name != action_name(rig, mark.take):
            continue
        name, action.name = action.name, f"{action.name} baked"
        take = action_for(rig, identity, mark.take, person)
        if take is not None:
            take.name = name


def action_name(rig: bpy.types.Object, take: str) -> str:
    """What the action of a take is called at first."""
    return f"{rig.name} {take}"


def show_again(rig: bpy.types.Object, identity: str, takes: Iterable[str], person: int) -> None:
    """Let an armature that shows no take be animated by the first of these takes that has an action in the file.

    The animator unlinked it, or put an action of their own in its place, which stays in the file. Nothing is written: the
    keyframes that the animator gave to the take are in its action still.
    """
    found = (find_action(identity, take, person) for take in takes)
    action = None if shows_take(rig) else next((item for item in found if item is not None), None)
    if action is not None:
        _assign(rig, action, action.slots[0])


def keep_unlinked_take(rig: bpy.types.Object, identity: str, take: str, person: int) -> None:
    """Keep the action of the chosen take in the file although the armature is animated by another one, or by none.

    *Bake Action* does that, and Blender saves no action that nothing uses.
    """
    action = None if shows_take(rig) else find_action(identity, take, person)
    if action is not None:
        action.use_fake_user = True


def require_takes(rigs: Iterable[bpy.types.Object]) -> None:
    """UserError `no-take` if one of the armatures is animated by something else than a take."""
    for rig in rigs:
        if not shows_take(rig):
            raise no_take(rig)


def no_take(rig: bpy.types.Object) -> UserError:
    return UserError(
        "no-take",
        f"{rig.name} does not move as the take does: its action is another one, or none.",
        "Choose the take in the panel again; your action stays in the file.",
    )


def is_below_layers(rig: bpy.types.Object) -> bool:
    """Whether the take lies in a strip of the NLA, so that layers of the animator add to it."""
    shown, data = take_of(rig), rig.animation_data
    return shown is not None and data is not None and data.action != shown[0]


def mark_of_take(rig: bpy.types.Object) -> TakeMark | None:
    """The mark of the take that animates an armature, None for one of an earlier version, or one that was baked over.

    Where animation of both people was merged into one action, it bears the mark of one of them; that of the other is still on
    the action that they had before, as long as the file has it.
    """
    shown, person = take_of(rig), person_of(rig)
    mark = None if shown is None or is_baked(shown[0]) else mark_of(shown[0])
    if mark is None or person in (None, mark.person):
        return mark
    return find_mark(mark.identity, mark.take, person)


def leave_take(rig: bpy.types.Object) -> None:
    """Keep the action of the take that an armature shows in the file, and as the one in which the take is found again."""
    shown = take_of(rig)
    if shown is not None:
        shown[0].use_fake_user = True
        claim_take(shown[0])


def read_channels(rig: bpy.types.Object, frames: np.ndarray) -> BoneChannels:
    """What the armature's own action says at scene frames [S]; bones without F-curves are in their rest pose.

    UserError `no-action` if the animator unlinked the action.
    """
    channelbag = take_channelbag(rig)
    if channelbag is None:
        raise UserError(
            "no-action", f"The armature {rig.name!r} has no action.", "Assign its action again in the Action Editor."
        )
    identity = np.array([1.0, 0.0, 0.0, 0.0])
    rotations = [evaluate_fcurves(channelbag, rotation_path(bone), frames, identity) for bone in BONES]
    rotations = np.stack(rotations, 1)
    rotations /= np.maximum(np.linalg.norm(rotations, axis=-1, keepdims=True), 1e-9)
    root, pelvis = (evaluate_fcurves(channelbag, location_path(bone), frames, np.zeros(3)) for bone in (ROOT, "pelvis"))
    return BoneChannels(rotations, root, pelvis)


def _write_filled_in(channelbag: Any, frames: np.ndarray, filled_in: np.ndarray) -> None:
    """Key which fraction of the joints [S,22] was filled in, in the first group of the action.

    Where keyframes of several channels share a row of the dope sheet, those of the first channel give it its colour.
    """
    types = [compat.enum_value(bpy.types.Keyframe, "type", kind) for kind in (FILLED_IN_KEYFRAME, OBSERVED_KEYFRAME)]
    group = channelbag.groups.get(_FILLED_IN_GROUP) or channelbag.groups.new(_FILLED_IN_GROUP)
    fractions = filled_in.mean(-1, keepdims=True)
    write_fcurves(
        channelbag,
        property_path(FILLED_IN_PROPERTY),
        frames,
        fractions,
        keyframe_types=np.where(fractions[:, 0] >= _MUCH_FILLED_IN, *types).astype(np.int32),
        group=group,
    )


def _keyframe_types(filled_in: np.ndarray) -> dict[str, np.ndarray]:
    """Keyframe types [S] of every bone from `filled_in` [S,22]; fingers and face have those of the joint that carries them."""
    numbers = [compat.enum_value(bpy.types.Keyframe, "type", kind) for kind in (FILLED_IN_KEYFRAME, OBSERVED_KEYFRAME)]
    types = {joint: np.where(filled_in[:, i], *numbers).astype(np.int32) for i, joint in enumerate(BODY_JOINTS)}
    for joint in JOINTS:
        if joint not in types:
            types[joint] = types[PARENT_NAME[joint]]
    return types | {ROOT: types["pelvis"]}


def remember_take(rig: bpy.types.Object) -> Callable[[], None]:
    """A function that lets the armature be animated as it is now, for when something fails.

    It knows the action by its name, since `datablocks.restored_on_error` puts a copy in its place.
    """
    owner, shown = _owner_of_take(rig), take_of(rig)
    name, slot = ("", "") if shown is None else (shown[0].name, getattr(shown[1], "identifier", ""))

    def assign_again() -> None:
        action = bpy.data.actions.get(name)
        if owner is not None and action is not None:
            owner.action, owner.action_slot = action, action.slots.get(slot)
        elif owner is not None and not name:
            owner.action = None

    return assign_again


def release_take(rig: bpy.types.Object) -> None:
    """Let the take's action animate the armature no longer, so that it can animate another one. It stays in the file."""
    leave_take(rig)
    owner = _owner_of_take(rig)
    if owner is not None:
        owner.action = None


def _types_at(channelbag: Any, path: str, frames: np.ndarray) -> np.ndarray:
    """Keyframe types [S] of the take's keyframes at scene frames [S]; those that the animator changed look like observed ones."""
    types = np.full(len(frames), compat.enum_value(bpy.types.Keyframe, "type", OBSERVED_KEYFRAME), dtype=np.int32)
    curve = channelbag.fcurves.find(path, index=0)
    if curve is not None:
        keys = read_keys(curve)
        of_take = np.isin(
            keys["type"], [compat.enum_value(bpy.types.Keyframe, "type", name) for name in TAKE_KEYFRAMES]
        )
        rows = np.searchsorted(frames, keys["co"][of_take, 0])
        found = (rows < len(frames)) & (frames[np.clip(rows, 0, len(frames) - 1)] == keys["co"][of_take, 0])
        types[rows[found]] = keys["type"][of_take][found]
    return types


def _assign(rig: bpy.types.Object, action: bpy.types.Action, slot: Any) -> None:
    """Let an action animate the armature. The one in whose place it comes, which may be the animator's own, stays in the file."""
    owner: Any = _owner_of_take(rig) or rig.animation_data_create()
    if owner.action is not None and owner.action != action:
        owner.action.use_fake_user = True
    owner.action = action
    owner.action_slot = slot


def _owner_of_take(rig: bpy.types.Object) -> Any | None:
    """What holds the take's action: the armature's animation data, or a strip of its NLA. None without animation data."""
    data = rig.animation_data
    if data is None or (data.action is not None and _holds_take(rig, data.action)):
        return data
    for track in data.nla_tracks:
        for strip in track.strips:
            if strip.action is not None and _holds_take(rig, strip.action):
                return strip
    return data


def _holds_take(rig: bpy.types.Object, action: bpy.types.Action) -> bool:
    """Whether a take was imported into the action, also by an earlier version, which left no mark, or for another person."""
    mark = mark_of(action)
    if mark is not None and person_of(rig) in (None, mark.person):
        return not is_baked(action)
    return any(map(_has_keys_of_take, (compat.channelbag_in(action, slot) for slot in action.slots)))


def _has_keys_of_take(channelbag: Any | None) -> bool:
    """Whether a channel bag has keyframes of a take. What Blender has baked from one has its curves, but ordinary keyframes."""
    if channelbag is None or channelbag.fcurves.find(property_path(FILLED_IN_PROPERTY)) is None:
        return False
    types = [compat.enum_value(bpy.types.Keyframe, "type", name) for name in TAKE_KEYFRAMES]
    return any(np.isin(read_types(curve), types).any() for curve in channelbag.fcurves)
