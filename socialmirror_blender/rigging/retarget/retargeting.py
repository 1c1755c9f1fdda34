"""Retargets one or both people of a reconstruction onto armatures of the scene, and says how well touches were kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from ....core.contract.contact import Contact
from ....core.contract.errors import UserError
from ....core.contract.reconstruction import PEOPLE
from ....core.contract.skeleton import JOINT_INDEX, JOINTS
from ... import compat
from ...scene.contact_list import read_contacts
from ...scene.datablocks import remove_new_datablocks_on_error
from ...scene.names import skin_role
from ...scene.objects import object_with_role
from ...scene.state import read_state
from ..limbs import pole_positions
from .anchors import Anchor, Skin
from .baking import BakedControls, ControlTrack, bake_controls, mute_nla, set_switches, write_action
from .bone_maps import BoneMap, ResolvedMap, resolve_map
from .feet import find_plants
from .overlap import Actor, find_overlaps, find_separations
from .posing import Pose, bend_hint
from .reading import (
    Target,
    bone_axes_inworld,
    bone_matrix_inworld,
    read_people,
    read_person_skin,
    read_target,
)
from .touch import Separation, Solution, Touch, corrected, solve_touches, touch_vectors, unmoved
from .touch_finding import Character, find_touches
from .transfer import Performer, SourceMotion, common_floor_scale, make_performer

_FEWEST_FRAMES = 3
_PARTING_ROUNDS = 2
"""Rounds in which characters are taken out of each other."""
_WELL_PREDICTED = 0.001
"""Metres by which a rig may do otherwise than predicted without touches being solved again."""
_POLE_DISTANCE = 0.35
"""Of pole targets from elbow and knee, relative to the body's size."""


@dataclass(frozen=True)
class Options:
    ik: bool = False
    keep_touches: bool = True
    frame_first: int | None = None
    frame_last: int | None = None
    """Scene frames; None is where the reconstruction starts and ends."""
    step: int = 1
    """Every how many frames a keyframe is set."""


@dataclass(frozen=True)
class TouchDistance:
    """Mean distances of a touch's anchors over its frames, metres."""

    touch: str
    """Id of the touch: contacts of one handshake or hug have the same one."""
    reconstructed: float
    before: float
    """On the targets without solving."""
    after: float


@dataclass(frozen=True)
class Report:
    rigs: tuple[str, ...]
    frames: tuple[int, int]
    touches: tuple[TouchDistance, ...]
    notes: tuple[str, ...]

    def text(self) -> str:
        """`Retargeted onto Joe and Ann. 12 touches kept: apart 3.1 cm in the clip, on the rigs 11.4 cm before, 3.2 cm after.`"""
        parts = [f"Retargeted onto {' and '.join(self.rigs)}"]
        if self.touches:
            clip, before, after = (
                100 * float(np.mean([getattr(touch, name) for touch in self.touches]))
                for name in ("reconstructed", "before", "after")
            )
            count = f"{len(self.touches)} touch{'es' if len(self.touches) > 1 else ''}"
            parts.append(f"{count}: {clip:.1f} cm apart in the clip, {before:.1f} → {after:.1f} cm on the rigs")
        return ". ".join([*parts, *self.notes])


@dataclass(frozen=True)
class _Job:
    """One retargeting while it is made."""

    scene: bpy.types.Scene
    frames: np.ndarray
    """int [T] of the scene."""
    targets: Mapping[int, Target]
    """By person."""
    performers: tuple[Performer, ...]
    """In the order of `targets`."""

    def characters(self) -> dict[int, Character]:
        """The targets by person, as `find_touches` takes them."""
        return {
            person: Character(number, performer, target.skin)
            for number, (performer, (person, target)) in enumerate(zip(self.performers, self.targets.items()))
        }

    def tracks(self, number: int, posed: Pose) -> list[ControlTrack]:
        target = list(self.targets.values())[number]
        return _control_tracks(target, self.performers[number], posed)


def retarget(
    context: bpy.types.Context,
    collection: bpy.types.Collection,
    chosen: Mapping[int, tuple[bpy.types.Object, BoneMap]],
    options: Options,
) -> Report:
    """Key the armatures chosen for persons 0 and 1 with new actions.

    Their NLA tracks are muted.

    UserErrors: `no-target`, `linked-target`, `tweak-mode`, `bones-missing`, `no-ik-controls`, `connected`, `not-upright`,
    `range-too-short`. Nothing is changed then.
    """
    if not chosen:
        raise UserError("no-target", "No target armature is chosen.", "Choose an armature for one or both people.")
    if len({rig.name for rig, _ in chosen.values()}) < len(chosen):
        raise UserError("no-target", "Both people have the same target armature.", "Choose another armature for one.")
    context.view_layer.update()  # or transforms that were just set are not in the world matrices yet
    frames = _frames(collection, options)
    rate = compat.frame_rate(context.scene)
    targets = {person: _target(rig, bone_map, options) for person, (rig, bone_map) in sorted(chosen.items())}
    sources = read_people(context.scene, collection, range(PEOPLE), frames)
    scale = common_floor_scale(sources, [targets[p].rest if p in targets else None for p in range(PEOPLE)])
    performers = tuple(
        make_performer(
            sources[person], target.rest, find_plants(sources[person].rest, sources[person].positions, rate), scale
        )
        for person, target in targets.items()
    )
    job = _Job(context.scene, frames, targets, performers)
    skins = _skins(collection)
    touches = find_touches(_contact_rows(collection, frames), sources, job.characters(), skins)
    plain = unmoved(performers)
    before = [touch.distance(touch_vectors(performers, plain.poses, touch)) for touch in touches]
    solve = bool(touches) and options.keep_touches
    with remove_new_datablocks_on_error():
        solution, separations = _solve(job, touches, sources, skins, rate) if solve else (plain, [])
        baked, measured = _bake(job, solution, touches)
        if solve:
            predicted = [touch_vectors(performers, solution.poses, touch) for touch in touches]
            errors = [np.abs(m - p).max() for m, p in zip(measured, predicted)]
            if max(errors) > _WELL_PREDICTED:
                aims = [corrected(*each) for each in zip(touches, predicted, measured)]
                solution = solve_touches(performers, aims, rate, solution, separations)
                baked, measured = _bake(job, solution, touches)
        rows = np.unique(np.append(np.arange(0, len(frames), options.step), len(frames) - 1))
        take = read_state(collection).take
        muted: dict[str, list[str]] = {}
        for target, each in zip(targets.values(), baked):
            set_switches(target.rig, target.bones.switches)
            write_action(target.rig, f"{target.rig.name} {take}", each, frames, rows, target.bones.switches)
            muted[target.rig.name] = mute_nla(target.rig)
    return Report(
        tuple(target.rig.name for target in targets.values()),
        (int(frames[0]), int(frames[-1])),
        _distances(touches, before, measured),
        tuple(_notes(tuple(targets.values()), muted)),
    )


def _solve(
    job: _Job, touches: Sequence[Touch], sources: Sequence[SourceMotion], skins: Mapping[int, Skin], rate: float
) -> tuple[Solution, list[Separation]]:
    """A solution that keeps the touches, and what it took to keep the characters out of each other."""
    solution = solve_touches(job.performers, touches, rate)
    separations: list[Separation] = []
    if len(skins) < PEOPLE or any(target.skin is None for target in job.targets.values()):
        return solution, separations
    people = [Actor(skins[p], sources[p].rest, sources[p].rotations, sources[p].positions) for p in range(PEOPLE)]
    reconstructed = find_overlaps((people[0], people[1]))
    for _ in range(_PARTING_ROUNDS):
        actors = dict(enumerate(people))
        for number, (person, target) in enumerate(job.targets.items()):
            posed = solution.poses[number]
            assert target.skin is not None
            actors[person] = Actor(target.skin, target.rest, posed.rotations, posed.positions, number)
        found = find_separations((actors[0], actors[1]), reconstructed)
        if not found:
            break
        separations += found
        solution = solve_touches(job.performers, touches, rate, solution, separations)
    return solution, separations


def _frames(collection: bpy.types.Collection, options: Options) -> np.ndarray:
    state = read_state(collection)
    first = state.first_frame if options.frame_first is None else max(options.frame_first, state.first_frame)
    last = state.last_frame if options.frame_last is None else min(options.frame_last, state.last_frame)
    if last - first + 1 < _FEWEST_FRAMES:
        raise UserError(
            "range-too-short",
            f"Frames {first} to {last} are fewer than {_FEWEST_FRAMES} frames of the reconstruction.",
            f"Choose a range within {state.first_frame} to {state.last_frame}.",
        )
    return np.arange(first, last + 1)


def _target(rig: bpy.types.Object, bone_map: BoneMap, options: Options) -> Target:
    if rig.library is not None:
        raise UserError(
            "linked-target",
            f"The armature {rig.name!r} is linked from another file and cannot be keyed.",
            "Make a library override of it, or append it.",
        )
    if rig.animation_data is not None and rig.animation_data.use_tweak_mode:
        raise UserError(
            "tweak-mode",
            f"{rig.name}: A strip of the NLA is in Tweak Mode, so that no other action can be assigned.",
            "Leave Tweak Mode in the NLA (Tab) first.",
        )
    data: Any = rig.data
    bones = [bone.name for bone in data.bones]
    try:
        resolved = resolve_map(bone_map, bones, ik=options.ik)
        _check_movable(data, resolved)
        return read_target(rig, resolved)
    except UserError as error:
        raise UserError(error.code, f"{rig.name}: {error.message}", error.hint) from error


def _check_movable(armature: Any, bones: ResolvedMap) -> None:
    """UserError `connected` if a bone whose location is keyed is connected to its parent: Blender ignores its location."""
    located = [control.bone for control in bones.controls if control.location] + [pole.bone for pole in bones.poles]
    connected = [name for name in located if armature.bones[name].parent and armature.bones[name].use_connect]
    if connected:
        raise UserError(
            "connected",
            f"Bones that have to move are connected to their parents: {', '.join(connected)}.",
            "Select them in Edit Mode and press Alt P > Disconnect Bone.",
        )


def _contact_rows(collection: bpy.types.Collection, frames: np.ndarray) -> list[tuple[Contact, int, int]]:
    """The contacts that the motion makes within scene frames [T], each with the indices of its first and last frame."""
    rows = []
    timing = read_state(collection).timing
    for contact in read_contacts(collection):
        first, last = timing.scene_range(contact.frame_start, contact.frame_end)
        first, last = max(first - int(frames[0]), 0), min(last - int(frames[0]), len(frames) - 1)
        if contact.active() and contact.reached is not False and first <= last:
            rows.append((contact, first, last))
    return rows


def _skins(collection: bpy.types.Collection) -> dict[int, Skin]:
    """The skins of both people; one that the animator deleted is left out, and its contacts with it."""
    found = {person: object_with_role(collection, skin_role(person)) for person in range(PEOPLE)}
    return {person: read_person_skin(skin) for person, skin in found.items() if skin is not None}


def _distances(
    touches: Sequence[Touch], before: Sequence[float], measured: Sequence[np.ndarray]
) -> tuple[TouchDistance, ...]:
    """Means over the parts of each touch, weighted by their frames."""
    sums: dict[str, np.ndarray] = {}
    for touch, earlier, vectors in zip(touches, before, measured):
        count = touch.last - touch.first + 1
        row = count * np.array([1.0, touch.distance(touch.vectors), earlier, touch.distance(vectors)])
        sums[touch.id] = sums.get(touch.id, 0) + row
    return tuple(TouchDistance(touch, *(row[1:] / row[0]).tolist()) for touch, row in sums.items())


def _notes(targets: Sequence[Target], muted: Mapping[str, Sequence[str]]) -> list[str]:
    """`muted` names the NLA tracks that were muted, by armature."""
    notes = []
    for target in targets:
        fingers = [joint for joint in target.bones.missing if joint[-1] in "123" and "spine" not in joint]
        if fingers:
            notes.append(f"{target.rig.name} lacks {len(fingers)} finger bones of its map")
    for rig, tracks in muted.items():
        if tracks:
            notes.append(f"{rig}: NLA track{'s' if len(tracks) > 1 else ''} muted: {', '.join(tracks)}")
    return notes


def _bake(job: _Job, solution: Solution, touches: Sequence[Touch]) -> tuple[list[BakedControls], list[np.ndarray]]:
    """All rigs with a solution, and the vectors [T,3] of all touches between the skins as the rigs really deform them."""
    baked: list[BakedControls] = []
    points: dict[tuple[int, int], np.ndarray] = {}
    for number, target in enumerate(job.targets.values()):
        needed = [
            (index, row, side.anchor)
            for index, touch in enumerate(touches)
            for row, side in enumerate(touch.sides)
            if side.performer == number and side.anchor is not None
        ]
        followers = sorted({bone for _, _, anchor in needed for bone in _carriers(target, anchor)})
        tracks = job.tracks(number, solution.poses[number])
        baked.append(bake_controls(job.scene, target.rig, tracks, job.frames, target.bones.switches, followers))
        for index, row, anchor in needed:
            points[index, row] = _carried_point(target, anchor, followers, baked[-1].followers)
    vectors = []
    for index, touch in enumerate(touches):
        first, second = (points[index, row] if side.path is None else side.path for row, side in enumerate(touch.sides))
        vectors.append(second - first)
    return baked, vectors


def _carriers(target: Target, anchor: Anchor) -> dict[str, float]:
    """The bones that carry an anchor, with their weights."""
    if anchor.vertex < 0 or target.deform is None:
        return {target.bones.bones[JOINTS[int(anchor.weights.argmax())]]: 1.0}
    table = target.deform
    carriers: dict[str, float] = {}
    for bone, weight in zip(table.indices[anchor.vertex].tolist(), table.weights[anchor.vertex].tolist()):
        if weight > 0:
            carriers[table.bones[bone]] = carriers.get(table.bones[bone], 0.0) + weight
    return carriers


def _carried_point(target: Target, anchor: Anchor, followers: Sequence[str], matrices: np.ndarray) -> np.ndarray:
    """[T,3] of an anchor from the world matrices [T,m,4,4] of the bones that carry it."""
    rest_point = target.rest.T_wc @ np.array([*anchor.place, 1.0])
    point = np.zeros((len(matrices), 3))
    for bone, weight in _carriers(target, anchor).items():
        local = np.linalg.inv(bone_matrix_inworld(target, bone)) @ rest_point
        point += weight * (matrices[:, followers.index(bone)] @ local)[:, :3]
    return point


def _control_tracks(target: Target, performer: Performer, posed: Pose) -> list[ControlTrack]:
    """Where every control of a target is to be: it moves rigidly with its joint."""
    rest = target.rest
    to_canonical = rest.T_wc[:3, :3].T
    inverse = np.linalg.inv(rest.T_wc)
    tracks = []
    for control in target.bones.controls:
        joint, at = JOINT_INDEX[control.joint], JOINT_INDEX[control.at]
        axes = to_canonical @ bone_axes_inworld(target, control.bone)
        rotations = posed.rotations[:, joint]
        head = (inverse @ bone_matrix_inworld(target, control.bone))[:3, 3]
        locations = posed.positions[:, at] + rotations @ (head - rest.heads[at])
        tracks.append(ControlTrack(control.bone, rotations @ axes, locations if control.location else None))
    for pole in target.bones.poles:
        side, _, part = pole.limb.partition("_")
        names = ("hip", "knee", "ankle") if part == "knee" else ("shoulder", "elbow", "wrist")
        root, middle, end = (posed.positions[:, JOINT_INDEX[f"{side}_{name}"]] for name in names)
        hint = bend_hint(performer, JOINT_INDEX[f"{side}_{names[0]}"])
        tracks.append(
            ControlTrack(pole.bone, None, pole_positions(root, middle, end, _POLE_DISTANCE * rest.size, hint))
        )
    return tracks
