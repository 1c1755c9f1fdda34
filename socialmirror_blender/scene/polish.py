"""The animator's polish: what differs between an armature's action and the take in it.

That is their own layer over the take. Another take, or the same one at another place of the timeline, gets it on top of its own
keyframes: keyframes that the animator changed, added or locked, keyframes that they removed, F-curves of other properties, and
the settings and modifiers of F-curves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import bpy
import numpy as np

from .. import compat
from .fcurves import location_path, property_path, scale_path
from .keyframes import (
    OWN_KEYFRAME,
    CurveCopy,
    Keys,
    copy_curve,
    holds_keys,
    join_keys,
    move_keys,
    paste_curve,
    paste_look,
    read_keys,
    read_places,
    select_keys,
    write_keys,
)
from .names import FILLED_IN_PROPERTY
from .take_values import CHANNELS, COLUMNS, TakeMark, TakeValues

OBSERVED_KEYFRAME = "GENERATED"
FILLED_IN_KEYFRAME = "JITTER"
TAKE_KEYFRAMES = (OBSERVED_KEYFRAME, FILLED_IN_KEYFRAME)
LOCKED_KEYFRAME = "EXTREME"
MUTED_KEYFRAME = "MOVING_HOLD"
"""A locked one that Refine is not to keep for the time being."""

_SAME_VALUE = 1e-5
"""Difference of quaternion components, or metres, below which a keyframe has the take's own value."""
_SAME_FRAME = 1e-3
_TAKE_PATHS = {property_path(FILLED_IN_PROPERTY)}
"""Paths that belong to the take and that the animator has no reason to change."""

Curve = tuple[str, int]
"""Path and index of an F-curve."""


@dataclass(frozen=True)
class Polish:
    keys: Mapping[Curve, Keys] = field(default_factory=dict[Curve, Keys])
    """Keyframes of the animator on F-curves of the take."""
    removed: Mapping[Curve, np.ndarray] = field(default_factory=dict[Curve, np.ndarray])
    """bool [S] for each F-curve of the take from which keyframes were removed, at the frames of `timing`."""
    looks: Mapping[Curve, CurveCopy] = field(default_factory=dict[Curve, CurveCopy])
    """F-curves of the take with settings or modifiers; only those of the copies count."""
    curves: Mapping[Curve, CurveCopy] = field(default_factory=dict[Curve, CurveCopy])
    """F-curves of anything else."""
    mark: TakeMark | None = None
    """Of the action that it was read from."""


def read_polish(channelbag: Any, mark: TakeMark | None) -> Polish:
    """What the animator made of the take. Without a mark, as in files of earlier versions, ordinary keyframes are theirs."""
    found = _curves(channelbag)
    keys: dict[Curve, Keys] = {}
    removed: dict[Curve, np.ndarray] = {}
    for _, curves, places, frames in _channels(found, mark):
        for curve in curves:
            at = places[curve].frames if curve in places else _NO_FRAMES
            if len(frames) and (rows := is_at(at, frames)).any():
                keys[curve] = _as_own(select_keys(read_keys(found[curve]), rows))
            if mark is not None and not np.array_equal(at, mark.own.frames):
                gone = ~is_at(mark.own.frames, at)
                if gone.any():
                    removed[curve] = gone
    looks = {curve: copy_curve(item) for curve, item in found.items() if curve in COLUMNS and _has_look(item)}
    others = {curve: copy_curve(found[curve]) for curve in found if _is_other(curve)}
    return Polish(keys, removed, looks, others, mark)


def own_keyframes(channelbag: Any, mark: TakeMark | None) -> dict[str, list[int]]:
    """For each bone, the scene frames with keyframes of the animator, rounded; also those that are locked."""
    by_bone: dict[str, set[int]] = {}
    for bone, _, _, frames in _channels(_curves(channelbag), mark):
        if len(frames):
            by_bone.setdefault(bone, set()).update(np.round(frames).astype(int).tolist())
    return {bone: sorted(frames) for bone, frames in by_bone.items()}


def count_other_curves(channelbag: Any) -> int:
    """How many F-curves animate something that a take does not."""
    return sum(map(_is_other, _curves(channelbag)))


def write_take(channelbag: Any, mark: TakeMark, types: Mapping[str, np.ndarray], polish: Polish) -> None:
    """Write a take with the animator's polish over it into a channel bag, and remove what else is there.

    `types` are the keyframe types [S] of each bone's own keyframes, as numbers of `compat.enum_value`.
    """
    to_frame = _between_timelines(polish.mark, mark)
    moved = {curve: move_keys(keys, to_frame) for curve, keys in polish.keys.items()}
    for bone, path, size in CHANNELS:
        curves = [(path, index) for index in range(size)]
        own = _with_signs_of(mark.own, curves, {curve: moved[curve] for curve in curves if curve in moved})
        for curve in curves:
            column = mark.own.values[:, COLUMNS[curve]]
            keeps = ~_removed_at(polish, curve, mark)
            if curve in own:
                keeps &= ~is_at(mark.own.frames, own[curve]["co"][:, 0])
            keys = take_keys(mark.own.frames[keeps], column[keeps], types[bone][keeps])
            _write(channelbag, bone, curve, join_keys(keys, own[curve]) if curve in own else keys, polish)
    for curve in list(channelbag.fcurves):
        place = (curve.data_path, curve.array_index)
        if place not in COLUMNS and place[0] not in _TAKE_PATHS and place not in polish.curves:
            channelbag.fcurves.remove(curve)
    for (path, index), copy in polish.curves.items():
        paste_curve(channelbag, path, index, _moved_copy(copy, to_frame))


def without_bones(polish: Polish, bones: Iterable[str]) -> Polish:
    """The polish without what concerns these bones of the take."""
    paths = {path for bone, path, _ in CHANNELS if bone in set(bones)}

    def rest(part: Mapping[Curve, Any]) -> dict[Curve, Any]:
        return {curve: value for curve, value in part.items() if curve[0] not in paths}

    return Polish(rest(polish.keys), rest(polish.removed), rest(polish.looks), polish.curves, polish.mark)


def with_keyframes(polish: Polish, curve: Curve, frames: np.ndarray, values: np.ndarray, kind: str) -> Polish:
    """The polish with keyframes of a type at frames [n], in place of those there; without values, just without those."""
    keys = polish.keys.get(curve)
    if keys is not None:
        keys = select_keys(keys, ~is_at(keys["co"][:, 0], frames))
    if len(values):
        new = take_keys(frames, values, np.full(len(frames), _type(kind), dtype=np.int32))
        keys = new if keys is None else join_keys(keys, new)
    rest = {place: value for place, value in polish.keys.items() if place != curve}
    if keys is not None and len(keys["co"]):
        rest[curve] = keys
    return replace(polish, keys=rest)


@dataclass(frozen=True)
class _Places:
    """Where the keyframes of an F-curve are."""

    frames: np.ndarray
    values: np.ndarray
    types: np.ndarray


def _curves(channelbag: Any) -> dict[Curve, Any]:
    return {(curve.data_path, curve.array_index): curve for curve in channelbag.fcurves}


def _is_other(curve: Curve) -> bool:
    return curve not in COLUMNS and curve[0] not in _TAKE_PATHS


def _channels(
    found: Mapping[Curve, Any], mark: TakeMark | None
) -> Iterator[tuple[str, list[Curve], dict[Curve, _Places], np.ndarray]]:
    """Everything that a take animates: the bone, its F-curves, those that are there, and the sorted frames of the animator's."""
    own_types = [_type(name) for name in (OWN_KEYFRAME, LOCKED_KEYFRAME, MUTED_KEYFRAME)]
    for bone, path, size in CHANNELS:
        curves = [(path, index) for index in range(size)]
        places: dict[Curve, _Places] = {}
        for curve in curves:
            if curve in found:
                points, types = read_places(found[curve])
                places[curve] = _Places(points[:, 0], points[:, 1], types)
        frames = [at.frames[_is_own(curve, at, mark, own_types)] for curve, at in places.items()]
        frames.append(_frames_keyed_as_a_whole(found, bone))
        yield bone, curves, places, np.unique(np.concatenate(frames))


def _is_own(curve: Curve, at: _Places, mark: TakeMark | None, own_types: list[int]) -> np.ndarray:
    """Which keyframes [n] of an F-curve are the animator's."""
    own = (at.types[:, None] == own_types).any(-1)
    if mark is None:
        return own
    column = mark.own.values[:, COLUMNS[curve]]
    if np.array_equal(at.frames, mark.own.frames):
        return own | (np.abs(at.values - column) >= _SAME_VALUE)
    row = np.clip(np.searchsorted(mark.own.frames, at.frames - _SAME_FRAME), 0, len(column) - 1)
    same = (np.abs(column[row] - at.values) < _SAME_VALUE) & (np.abs(mark.own.frames[row] - at.frames) < _SAME_FRAME)
    return own | ~same


def _frames_keyed_as_a_whole(found: Mapping[Curve, Any], bone: str) -> np.ndarray:
    """Frames at which the animator keyed location or scale of a bone, which a take does not.

    Blender keys all channels together, and a keyframe that holds the take's own value bears no other trace of it.
    """
    curves = ((path, index) for path in (location_path(bone), scale_path(bone)) for index in range(3))
    frames = [read_places(found[curve])[0][:, 0] for curve in curves if curve in found and curve not in COLUMNS]
    return np.concatenate(frames) if frames else _NO_FRAMES


def _as_own(keys: Keys) -> Keys:
    """The dope sheet shows a keyframe of the take that the animator changed as one of theirs from now on."""
    own = np.isin(keys["type"], [_type(name) for name in TAKE_KEYFRAMES])
    return keys | {"type": np.where(own, _type(OWN_KEYFRAME), keys["type"]).astype(np.int32)}


def is_at(frames: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which of `frames` [n] are among others."""
    if not len(others):
        return np.zeros(len(frames), dtype=bool)
    others = np.sort(others)
    row = np.clip(np.searchsorted(others, frames - _SAME_FRAME), 0, len(others) - 1)
    return np.abs(others[row] - frames) < _SAME_FRAME


def _between_timelines(earlier: TakeMark | None, now: TakeMark) -> Callable[[np.ndarray], np.ndarray]:
    """Scene frames of an earlier import to those of this one, by the clip's time."""
    if earlier is None or earlier.timeline == now.timeline:
        return lambda frames: frames
    return lambda frames: now.timeline.to_frames(earlier.timeline.to_seconds(frames))


def _removed_at(polish: Polish, curve: Curve, mark: TakeMark) -> np.ndarray:
    """Which of a take's own keyframes [S] the animator does not want: bool."""
    gone = polish.removed.get(curve)
    if gone is None or polish.mark is None:
        return np.zeros(len(mark.own.frames), dtype=bool)
    before = _between_timelines(mark, polish.mark)(mark.own.frames.astype(np.float64))
    rows = np.interp(before, polish.mark.own.frames, np.arange(len(gone)))
    return gone[np.round(rows).astype(int)]


def _with_signs_of(own: TakeValues, curves: list[Curve], keys: dict[Curve, Keys]) -> dict[Curve, Keys]:
    """Turn quaternions of the animator to the side of the take's, which may have the other sign for the same rotation.

    Otherwise the rotation between their keyframe and the take's next one would go the long way round.
    """
    if len(curves) != 4 or len(keys) != 4:
        return keys
    frames = [keys[curve]["co"][:, 0] for curve in curves]
    if any(not np.array_equal(frames[0], other) for other in frames[1:]):
        return keys
    dots = np.zeros(len(frames[0]))
    for curve in curves:
        dots += keys[curve]["co"][:, 1] * np.interp(frames[0], own.frames, own.values[:, COLUMNS[curve]])
    sign = np.where(dots < 0, -1, 1).astype(np.float32)
    for curve in curves:
        for name in ("co", "handle_left", "handle_right"):
            if name in keys[curve]:
                keys[curve][name][:, 1] *= sign
    return keys


def take_keys(frames: np.ndarray, values: np.ndarray, types: np.ndarray) -> Keys:
    """Linear keyframes [n] of the take itself."""
    linear = compat.enum_value(bpy.types.Keyframe, "interpolation", "LINEAR")
    return {
        "co": np.stack([frames, values], -1).astype(np.float32),
        "interpolation": np.full(len(frames), linear, dtype=np.int32),
        "type": types.astype(np.int32),
    }


def _write(channelbag: Any, bone: str, place: Curve, keys: Keys, polish: Polish) -> None:
    path, index = place
    curve = channelbag.fcurves.find(path, index=index)
    if not len(keys["co"]):
        if curve is not None:  # the animator removed it
            channelbag.fcurves.remove(curve)
        return
    if curve is None:
        curve = channelbag.fcurves.new(path, index=index)
    if curve.group is None:
        curve.group = channelbag.groups.get(bone) or channelbag.groups.new(bone)
    if not holds_keys(curve, keys):
        write_keys(curve, keys)
    look = polish.looks.get(place)
    if look is not None:
        paste_look(curve, look)
    elif _has_look(curve):
        paste_look(curve, _PLAIN)


def _moved_copy(copy: CurveCopy, to_frame: Callable[[np.ndarray], np.ndarray]) -> CurveCopy:
    return CurveCopy(move_keys(copy.keys, to_frame), copy.group, copy.look, copy.modifiers)


def _has_look(curve: Any) -> bool:
    return bool(len(curve.modifiers) or curve.mute or curve.lock or curve.extrapolation != "CONSTANT")


def _type(name: str) -> int:
    return compat.enum_value(bpy.types.Keyframe, "type", name)


_NO_FRAMES = np.zeros(0, dtype=np.float32)
_PLAIN = CurveCopy({}, "", {"extrapolation": "CONSTANT", "mute": False, "lock": False}, ())
