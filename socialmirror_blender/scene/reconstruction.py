"""A reconstruction's folder -> rigs, skins, camera and contacts in a collection, and the animator's edits back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...core.contract import reconstruction as contract
from ...core.contract.edits import Edits
from ...core.contract.errors import UserError
from ...core.contract.reconstruction import Info, MotionArrays, Reconstruction
from .. import compat
from . import contacts
from .basis import BoneKeys, RestBones, bone_keys, rest_bones, rest_shift
from .camera import (
    build_camera,
    clip_notes,
    keep_clip_in_step,
    key_camera,
    resample_camera,
    show_clip,
    shown_clips,
)
from .keys import key_person
from .mesh import build_skin
from .pins import carry_locked, read_pins
from .rig import build_armature, read_rest
from .state import (
    CAMERA,
    ROLE,
    ImportState,
    clip_times,
    find_import,
    read_state,
    reconstruction_id,
    rig_of,
    skin_of,
    tag,
    with_role,
    write_state,
)
from .timing import PersonMotion, Timeline, key_frames, person_motion, resample
from .transaction import all_or_nothing

_SAME_SHAPE = 1e-3
"""Metres by which joints of the rest pose may differ between takes of one shape."""


def import_reconstruction(
    context: bpy.types.Context,
    folder: Path,
    *,
    frame_start: int = 1,
    strip: str | None = None,
    link_camera: bool = True,
    match_scene: bool = False,
) -> bpy.types.Collection:
    """Build the active take of a reconstruction's folder in a collection of its own.

    The motion begins at scene frame `frame_start`, or plays in step with the movie strip named `strip`. `link_camera` looks
    through the clip's camera; `match_scene` gives the scene the clip's frame rate, shape and range. Where the scene's
    frame rate differs from the clip's, motion is resampled. An earlier import of the folder is replaced: its
    materials, and whatever the animator put into its collection or tied to its objects, move over.
    Raises UserError with the file as it was.
    """
    reconstruction = contract.load(folder)
    if strip is not None:
        compat.movie_strip(context, strip)
    if match_scene:
        _match_scene(context.scene, reconstruction.info)
    timeline = _timeline(context, reconstruction.motion, frame_start, strip)
    earlier = find_import(reconstruction_id(folder))
    if earlier is not None and _fits(earlier, reconstruction):
        collection = earlier
        _rekey(collection, folder, reconstruction, timeline)
    else:
        with all_or_nothing():
            collection = bpy.data.collections.new(f"{_clip_name(reconstruction.info)} reconstruction")
            context.scene.collection.children.link(collection)
            _build(context, collection, folder, reconstruction, timeline)
        if earlier is not None:
            _take_over(context.scene, earlier, collection)
    if link_camera:
        context.scene.camera = with_role(collection, CAMERA)
    if match_scene:
        state = read_state(collection)
        context.scene.frame_start, context.scene.frame_end = state.first, state.last
    return collection


def update_take(context: bpy.types.Context, collection: bpy.types.Collection, folder: Path) -> None:
    """Key the existing rigs with the folder's active take.

    Rigs, meshes and materials stay as the animator left them; the old actions stay in the file; locked keys keep
    their values in the new ones. UserError `shape-changed` where the take has other bodies than the rigs.
    """
    reconstruction = contract.load(folder)
    for person in range(contract.PEOPLE):
        _check_shape(reconstruction, person, read_rest(rig_of(collection, person)))
    _rekey(collection, folder, reconstruction, read_state(collection).timeline)


def read_edits(context: bpy.types.Context, collection: bpy.types.Collection) -> Edits:
    """What the animator changed: contacts as the list has them, locked keys as pins."""
    pins = [pin for person in range(contract.PEOPLE) for pin in read_pins(collection, person)]
    return Edits(contacts=contacts.read_list(collection), pins=tuple(pins))


def _build(
    context: bpy.types.Context,
    collection: bpy.types.Collection,
    folder: Path,
    reconstruction: Reconstruction,
    timeline: Timeline,
) -> None:
    motion, body, info = reconstruction.motion, reconstruction.body, reconstruction.info
    frames, seconds = key_frames(timeline, motion.time)
    for person in info.people:
        shift = rest_shift(motion.rest_joints[person.index], body.rest_vertices[person.index])
        rest = rest_bones(motion.rest_joints[person.index], shift)
        rig = build_armature(context, collection, person.name, rest, person.index)
        tag(rig, f"rig:{person.index}")
        skin = build_skin(collection, f"{person.name} skin", body, person.index, shift, rig)
        tag(skin, f"skin:{person.index}")
        keys, sampled = _person_keys(motion, person.index, read_rest(rig), seconds)
        key_person(rig, _action_name(info, rig), frames, keys, sampled)
    camera = build_camera(
        collection, f"{_clip_name(info)} camera", *_camera_at(motion, seconds), _picture_size(info), frames
    )
    tag(camera, CAMERA)
    show_clip(camera, Path(info.clip["path"]), timeline)
    _write_state(collection, folder, reconstruction, timeline, frames)
    contacts.write_list(collection, info.contacts)
    contacts.sync_handles(collection)


def _fits(collection: bpy.types.Collection, reconstruction: Reconstruction) -> bool:
    """Whether an earlier import is whole and has these bodies, so that new keys are all it needs."""
    try:
        for person in range(contract.PEOPLE):
            skin_of(collection, person)
            _check_shape(reconstruction, person, read_rest(rig_of(collection, person)))
    except UserError:
        return False
    return with_role(collection, CAMERA) is not None


def _rekey(collection: bpy.types.Collection, folder: Path, reconstruction: Reconstruction, timeline: Timeline) -> None:
    """New actions for the rigs of an import. If anything fails the former actions and contacts are put back."""
    state, times = read_state(collection), clip_times(collection)
    motion, info = reconstruction.motion, reconstruction.info
    rigs = [rig_of(collection, person) for person in range(contract.PEOPLE)]
    frames, seconds = key_frames(timeline, motion.time)
    keyed = [_person_keys(motion, person, read_rest(rig), seconds) for person, rig in enumerate(rigs)]
    former = [compat.assigned_action(rig) for rig in rigs]
    listed = contacts.read_list(collection)
    try:
        with all_or_nothing():
            for rig, (keys, sampled) in zip(rigs, keyed):
                before = compat.channels(rig) if timeline == state.timeline else None
                key_person(rig, _action_name(info, rig), frames, keys, sampled)
                if before is not None:
                    carry_locked(before, compat.channels(rig))
            _write_state(collection, folder, reconstruction, timeline, frames)
            contacts.write_list(collection, info.contacts)
            contacts.sync_handles(collection)
    except BaseException:
        for rig, assigned in zip(rigs, former):
            if assigned is not None:
                compat.assign_action(rig, *assigned)
        write_state(collection, state, *times)
        contacts.write_list(collection, listed)
        contacts.sync_handles(collection)
        raise
    for assigned in former:
        if assigned is not None:
            assigned[0].use_fake_user = True
    camera = with_role(collection, CAMERA)
    if camera is not None:
        key_camera(camera, *_camera_at(motion, seconds), _picture_size(info), frames)
        keep_clip_in_step(camera, timeline)


def _person_keys(
    motion: MotionArrays, person: int, rest: RestBones, seconds: np.ndarray
) -> tuple[BoneKeys, PersonMotion]:
    sampled = resample(person_motion(motion, person), motion.time, seconds)
    return bone_keys(sampled.rotations, sampled.pelvis, rest), sampled


def _camera_at(motion: MotionArrays, seconds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return resample_camera(motion.camera_K, motion.camera_world, motion.time, seconds)


def _write_state(
    collection: bpy.types.Collection,
    folder: Path,
    reconstruction: Reconstruction,
    timeline: Timeline,
    frames: np.ndarray,
) -> None:
    clip = reconstruction.info.clip
    camera = with_role(collection, CAMERA)
    rate = float(clip["frame_rate"])
    state = ImportState(
        id=reconstruction_id(folder),
        folder=str(folder.resolve()),
        take=reconstruction.info.take,
        clip=_clip_name(reconstruction.info),
        zero=timeline.zero,
        fps=timeline.fps,
        first=int(frames[0]),
        last=int(frames[-1]),
        notes="" if camera is None else clip_notes(camera, Path(clip["path"]), timeline, rate),
    )
    write_state(collection, state, reconstruction.motion.frame_index, reconstruction.motion.time)


def _timeline(context: bpy.types.Context, motion: MotionArrays, frame_start: int, strip: str | None) -> Timeline:
    fps = compat.frame_rate(context.scene)
    if strip is not None:
        return Timeline(compat.strip_zero(compat.movie_strip(context, strip)), fps)
    return Timeline(frame_start - fps * float(motion.time[0]), fps)


def _match_scene(scene: bpy.types.Scene, info: Info) -> None:
    compat.set_frame_rate(scene, float(info.clip["frame_rate"]))
    scene.render.resolution_x, scene.render.resolution_y = _picture_size(info)
    scene.render.pixel_aspect_x = scene.render.pixel_aspect_y = 1.0


def _take_over(scene: bpy.types.Scene, earlier: bpy.types.Collection, collection: bpy.types.Collection) -> None:
    """Put `collection` in the place of the `earlier` import of the same folder, with what is the animator's."""
    contacts.remove_handles(earlier)
    ours: dict[str, Any] = {item[ROLE]: item for item in earlier.objects if ROLE in item}
    for item in [item for item in earlier.objects if ROLE not in item]:
        collection.objects.link(item)
    for child in list(earlier.children):
        collection.children.link(child)
    removed: list[bpy.types.ID] = []
    names: list[tuple[Any, str]] = []
    for role, item in ours.items():
        heir = with_role(collection, role)
        if heir is not None:
            if item.type == "MESH":
                _keep_materials(item, heir)
            if item.type == "CAMERA":
                removed += shown_clips(item)
            assigned = [compat.assigned_action(animated) for animated in (item, item.data)]
            removed += [item.data, *(action for action, _ in filter(None, assigned))]
            names += [(heir, item.name), (heir.data, item.data.name)]
            earlier.objects.unlink(item)
            item.user_remap(heir)
        removed.append(item)
    parents = [parent for parent in _all_collections(scene) if earlier.name in parent.children]
    names.append((collection, earlier.name))
    bpy.data.batch_remove(list(dict.fromkeys([earlier, *removed])))
    for heir, name in names:
        heir.name = name
    if scene.collection not in parents:
        for parent in parents:
            parent.children.link(collection)
        if parents:
            scene.collection.children.unlink(collection)


def _all_collections(scene: bpy.types.Scene) -> list[bpy.types.Collection]:
    return [scene.collection, *bpy.data.collections]


def _keep_materials(old: Any, new: Any) -> None:
    """Give a rebuilt skin the materials of the one before, which the animator may have changed or replaced."""
    fresh = list(new.data.materials)
    new.data.materials.clear()
    for material in old.data.materials:
        new.data.materials.append(material)
    bpy.data.batch_remove([material for material in fresh if material is not None and material.users == 0])


def _check_shape(reconstruction: Reconstruction, person: int, rest: RestBones) -> None:
    motion, body = reconstruction.motion, reconstruction.body
    shift = rest_shift(motion.rest_joints[person], body.rest_vertices[person])
    heads = rest_bones(motion.rest_joints[person], shift).heads
    if np.abs(heads - rest.heads).max() > _SAME_SHAPE:
        raise UserError(
            "shape-changed",
            f"The new take has another body for {reconstruction.info.people[person].name} than the armature.",
            "Import the reconstruction again to build both bodies anew.",
        )


def _action_name(info: Info, rig: bpy.types.Object) -> str:
    return f"{rig.name} {info.take}"


def _clip_name(info: Info) -> str:
    return Path(info.clip["path"]).stem


def _picture_size(info: Info) -> tuple[int, int]:
    return int(info.clip["width"]), int(info.clip["height"])
