"""Imports a reconstruction's folder: armatures, skins, the clip's camera and contacts, in a collection of the scene."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from ...core.contract.reconstruction import PEOPLE, MotionArrays, Person, Reconstruction, load
from .. import compat
from .actions import action_for, polish_of, release_take, remember_take, show_again
from .armature import build_armature
from .background_clip import add_background_clip
from .camera import build_camera
from .clip import ClipInfo, clip_info
from .contact_edits import copy_contacts
from .contact_markers import skin_steps, sync_markers
from .correction_state import as_corrected, correction_restored_on_error, keep_corrected_camera
from .datablocks import Steps, at_once, remove_new_datablocks_on_error, removed_on_error, restored_on_error
from .foot_list import copy_foot_contacts
from .frame_rate import key_at_rate, set_strip, strip_of, timeline_from
from .linking import find_import_of
from .motion import SceneMotion, motion_at_scene_frames
from .names import CAMERA_ROLE, UNFINISHED_PROPERTY, rig_role, skin_role
from .objects import camera_of, object_with_role, require_no_control_rig, rig_of, set_role
from .polish import Polish
from .replacing import replace_import
from .skin import build_skin
from .state import is_linked, new_identity, read_state, write_state
from .takes import has_same_rigs, key_clip_camera, key_rig, key_take, rest_pose_of, write_import
from .timeline import Timeline


def import_reconstruction(
    context: bpy.types.Context,
    folder: Path,
    *,
    frame_start: int = 1,
    strip: str | None = None,
    link_camera: bool = True,
    match_scene: bool = False,
) -> bpy.types.Collection:
    """Import the active take of a reconstruction's folder into the context's scene, and return its collection.

    An earlier import of the folder into this scene is keyed anew; skins and a camera that were deleted are made anew. It is
    rebuilt if its bodies are others or an armature was deleted; what the animator added to its collection, its camera, materials,
    keyframes and contacts, and what refers to its objects stay. Imports into other scenes stay as they are.
    Motion is resampled if the scene's frame rate is not the clip's.

    Args:
        frame_start: scene frame at which the motion starts.
        strip: name of a movie strip that shows the clip; the motion plays in step with it instead of starting at `frame_start`.
        link_camera: make the clip's camera the scene's active camera.
        match_scene: give the scene the clip's frame rate, resolution and frame range.

    Raises a UserError that leaves the file as it was: of `reconstruction.load`, `no-strip`, or `control-rig`.
    """
    options = ImportOptions(frame_start, strip, link_camera, match_scene)
    return at_once(import_steps(context, folder, load(folder), options))


@dataclass(frozen=True)
class ImportOptions:
    """See `import_reconstruction`."""

    frame_start: int = 1
    strip: str | None = None
    link_camera: bool = True
    match_scene: bool = False
    keep_timeline: bool = False
    """Let an earlier import of the folder stay where it is in time, in step with its strip too, unless `strip` is given."""


def import_steps(
    context: bpy.types.Context, folder: Path, reconstruction: Reconstruction, options: ImportOptions
) -> Steps[bpy.types.Collection]:
    """`import_reconstruction` in steps, of which none takes long. Each needs the context of the scene.

    What is made belongs to no scene until the last step, and is removed if the steps are closed before.
    """
    clip = clip_info(reconstruction.info)
    movie_strip = None if options.strip is None else compat.movie_strip(context, options.strip)
    frame_rate = clip.frame_rate if options.match_scene else compat.frame_rate(context.scene)
    timeline = _timeline(frame_rate, reconstruction.motion, options.frame_start, movie_strip)
    strip = options.strip or ""
    earlier = find_import_of(folder, context.scene)
    if earlier is not None:
        require_no_control_rig(earlier)
        if options.keep_timeline and movie_strip is None:
            state = read_state(earlier)
            if options.match_scene:
                timeline = timeline_from(state.first_frame, frame_rate, reconstruction.motion)
            else:
                timeline, strip = state.timing.timeline, strip_of(earlier)
    if earlier is None:
        collection = yield from removed_on_error(_build(context, folder, reconstruction, timeline, None))
    elif has_same_rigs(earlier, reconstruction):
        collection = earlier
        skins = yield from skin_steps(collection, reconstruction.info.contacts)
        yield
        with remove_new_datablocks_on_error():
            _restore_missing(collection, reconstruction, timeline)
        with correction_restored_on_error(collection):
            keep_corrected_camera(collection, collection, reconstruction)
            key_take(collection, folder, as_corrected(collection, reconstruction), timeline)
        sync_markers(collection, skins)
    else:
        with _taken_over_on_success(earlier, reconstruction.info.take):
            collection = at_once(removed_on_error(_build(context, folder, reconstruction, timeline, earlier)))
        replace_import(context.scene, earlier, collection)
        corrected = as_corrected(collection, reconstruction)
        key_clip_camera(collection, corrected, motion_at_scene_frames(corrected.motion, timeline), timeline)
    set_strip(collection, strip)
    if collection not in set(context.scene.collection.children_recursive):
        context.scene.collection.children.link(collection)
    if options.link_camera:
        use_camera(context.scene, collection)
    if options.match_scene:
        _match_scene(context.scene, clip, collection)
    return collection


def remove_unfinished_imports() -> None:
    """Remove what imports that were under way have left in a file, as after undo to a moment between two steps."""
    for collection in [item for item in bpy.data.collections if UNFINISHED_PROPERTY in item and not is_linked(item)]:
        objects: list[Any] = list(collection.objects)
        actions = [compat.assigned_action(item) for item in objects]
        data = [item.data for item in objects if item.data is not None]
        bpy.data.batch_remove([collection, *objects, *data, *(action[0] for action in actions if action is not None)])


def match_scene_to_clip(
    scene: bpy.types.Scene, collection: bpy.types.Collection, folder: Path, reconstruction: Reconstruction
) -> None:
    """Give a scene the clip's frame rate, resolution and range, and key an import in it with a take at that rate.

    The motion still starts at the same frame. UserError `control-rig`, `shape-changed` or `object-missing` leaves the file as
    it was.
    """
    clip = clip_info(reconstruction.info)
    key_at_rate(collection, folder, reconstruction, clip.frame_rate)
    _match_scene(scene, clip, collection)


def use_camera(scene: bpy.types.Scene, collection: bpy.types.Collection) -> None:
    """Make the clip's camera the scene's active camera, if it is still there."""
    camera = camera_of(collection)
    if camera is not None:
        scene.camera = camera


def _build(
    context: bpy.types.Context,
    folder: Path,
    reconstruction: Reconstruction,
    timeline: Timeline,
    earlier: bpy.types.Collection | None,
) -> Steps[bpy.types.Collection]:
    collection: Any = bpy.data.collections.new(f"{clip_info(reconstruction.info).name} reconstruction")
    collection[UNFINISHED_PROPERTY] = True
    collection.use_fake_user = True
    if earlier is not None:
        keep_corrected_camera(earlier, collection, reconstruction)
    reconstruction = as_corrected(collection, reconstruction)
    identity = new_identity() if earlier is None else read_state(earlier).id
    motion = motion_at_scene_frames(reconstruction.motion, timeline)
    with _linked(context.scene, collection):  # edit mode needs it
        rigs = [
            _add_rig(context, collection, reconstruction, person, identity) for person in reconstruction.info.people
        ]
    yield
    skin: Any = None
    for person, rig in zip(reconstruction.info.people, rigs):
        skin = _add_skin(collection, reconstruction, person, rig, identity, skin)
        yield
    for person, rig in zip(reconstruction.info.people, rigs):
        polish = Polish() if earlier is None else _polish_in(earlier, person.index)
        key_rig(rig, reconstruction, person.index, motion, timeline, identity, polish)
        yield
    _add_camera(collection, reconstruction, motion, timeline, identity)
    if earlier is not None:
        write_state(collection, read_state(earlier))
        copy_contacts(earlier, collection)
        copy_foot_contacts(earlier, collection)
    write_import(collection, folder, reconstruction, timeline, motion.frames, identity)
    yield
    skins = yield from skin_steps(collection, reconstruction.info.contacts)
    yield
    sync_markers(collection, skins)
    context.scene.collection.children.link(collection)
    collection.use_fake_user = False
    del collection[UNFINISHED_PROPERTY]
    return collection


@contextmanager
def _linked(scene: bpy.types.Scene, collection: bpy.types.Collection) -> Generator[None]:
    scene.collection.children.link(collection)
    try:
        yield
    finally:
        scene.collection.children.unlink(collection)


def _restore_missing(collection: bpy.types.Collection, reconstruction: Reconstruction, timeline: Timeline) -> None:
    """Build skins and the camera that were deleted anew. The armatures, with all that the animator did to them, stay."""
    identity = read_state(collection).id
    for person in reconstruction.info.people:
        if object_with_role(collection, skin_role(person.index)) is None:
            _add_skin(collection, reconstruction, person, rig_of(collection, person.index), identity, None)
    if camera_of(collection) is None:
        motion = motion_at_scene_frames(reconstruction.motion, timeline)
        _add_camera(collection, reconstruction, motion, timeline, identity)


def _add_rig(
    context: bpy.types.Context,
    collection: bpy.types.Collection,
    reconstruction: Reconstruction,
    person: Person,
    identity: str,
) -> bpy.types.Object:
    rest, _ = rest_pose_of(reconstruction, person.index)
    rig = build_armature(context, collection, person.name, rest, person.index)
    set_role(rig, rig_role(person.index), identity)
    return rig


def _add_skin(
    collection: bpy.types.Collection,
    reconstruction: Reconstruction,
    person: Person,
    rig: bpy.types.Object,
    identity: str,
    like: bpy.types.Object | None,
) -> bpy.types.Object:
    """A person's skin; `like` is the other one if it has just been made."""
    _, offset = rest_pose_of(reconstruction, person.index)
    mesh: Any = None if like is None else like.data
    skin = build_skin(collection, f"{person.name} skin", reconstruction.body, person.index, offset, rig, mesh)
    set_role(skin, skin_role(person.index), identity)
    return skin


def _add_camera(
    collection: bpy.types.Collection,
    reconstruction: Reconstruction,
    motion: SceneMotion,
    timeline: Timeline,
    identity: str,
) -> None:
    clip = clip_info(reconstruction.info)
    camera = build_camera(collection, f"{clip.name} camera", motion.K, motion.T_cw, clip.image_size, motion.frames)
    set_role(camera, CAMERA_ROLE, identity)
    add_background_clip(camera, clip.path, clip.image_size, timeline, clip.frame_rate, motion.frames)


def _polish_in(collection: bpy.types.Collection, person: int) -> Polish:
    """What the animator made of a person's motion in an import that is rebuilt; it stays in that action too."""
    rig = object_with_role(collection, rig_role(person))
    if rig is None:
        return Polish()
    state = read_state(collection)
    show_again(rig, state.id, [state.take], person)
    polish = polish_of(rig)
    release_take(rig)
    return polish


@contextmanager
def _taken_over_on_success(earlier: bpy.types.Collection | None, take: str) -> Generator[None]:
    """If the block raises, let the armatures of an earlier import be animated as they were, by the same content."""
    rigs = [] if earlier is None else [object_with_role(earlier, rig_role(person)) for person in range(PEOPLE)]
    assign_again = [remember_take(rig) for rig in rigs if rig is not None]
    identity = "" if earlier is None else read_state(earlier).id
    actions = [action_for(rig, identity, take, person) for person, rig in enumerate(rigs) if rig is not None]
    try:
        with restored_on_error(action for action in actions if action is not None):
            yield
    except BaseException:
        for assign in assign_again:
            assign()
        raise


def _timeline(frame_rate: float, motion: MotionArrays, frame_start: int, movie_strip: Any) -> Timeline:
    """The motion starts at scene frame `frame_start`; if there is a strip, it plays as the strip does.

    A strip shows a frame of the movie in every frame of the scene, whatever their rates are, unless it was stretched.
    """
    if movie_strip is not None:
        return Timeline(compat.strip_zero_frame(movie_strip), compat.strip_frame_rate(movie_strip))
    return timeline_from(frame_start, frame_rate, motion)


def _match_scene(scene: bpy.types.Scene, clip: ClipInfo, collection: bpy.types.Collection) -> None:
    """Give the scene the clip's frame rate and resolution, and the range of the imported motion."""
    compat.set_frame_rate(scene, clip.frame_rate)
    scene.render.resolution_x, scene.render.resolution_y = clip.image_size
    scene.render.pixel_aspect_x = scene.render.pixel_aspect_y = 1.0
    state = read_state(collection)
    scene.frame_start, scene.frame_end = state.first_frame, state.last_frame
