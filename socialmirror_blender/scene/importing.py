"""Imports a reconstruction's folder: armatures, skins, the clip's camera and contacts, in a collection of the scene."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy

from ...core.contract.reconstruction import PEOPLE, MotionArrays, Person, Reconstruction, load
from .. import compat
from .actions import action_for, polish_of, release_take, remember_take
from .armature import build_armature
from .background_clip import add_background_clip
from .camera import build_camera
from .clip import ClipInfo, clip_info
from .contact_edits import copy_contacts
from .correction_state import as_corrected, copy_correction
from .datablocks import remove_new_datablocks_on_error, restored_on_error
from .foot_list import copy_foot_contacts
from .linking import find_import_of
from .motion import SceneMotion, motion_at_scene_frames
from .names import CAMERA_ROLE, rig_role, skin_role
from .objects import camera_of, object_with_role, rig_of, set_role
from .polish import Polish
from .replacing import replace_import
from .skin import build_skin
from .state import new_identity, read_state, write_state
from .takes import has_same_rigs, key_rig, key_take, rest_pose_of, write_import
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

    An earlier import of the folder is keyed anew; skins and a camera that were deleted are made anew. It is rebuilt if its bodies
    are others or an armature was deleted; what the animator added to its collection, its materials, keyframes and contacts, and
    what refers to its objects stay. Motion is resampled if the scene's frame rate is not the clip's.

    Args:
        frame_start: scene frame at which the motion starts.
        strip: name of a movie strip that shows the clip; the motion plays in step with it instead of starting at `frame_start`.
        link_camera: make the clip's camera the scene's active camera.
        match_scene: give the scene the clip's frame rate, resolution and frame range.

    Raises a UserError that leaves the file as it was: of `reconstruction.load`, or `no-strip`.
    """
    reconstruction = load(folder)
    clip = clip_info(reconstruction.info)
    movie_strip = None if strip is None else compat.movie_strip(context, strip)
    if match_scene:
        _match_render_settings(context.scene, clip)
    timeline = _timeline(compat.frame_rate(context.scene), reconstruction.motion, frame_start, movie_strip)
    earlier = find_import_of(folder)
    if earlier is not None and has_same_rigs(earlier, reconstruction):
        collection = earlier
        with remove_new_datablocks_on_error():
            _restore_missing(collection, reconstruction, timeline)
        key_take(collection, folder, as_corrected(collection, reconstruction), timeline)
    else:
        with _taken_over_on_success(earlier, reconstruction.info.take), remove_new_datablocks_on_error():
            collection = bpy.data.collections.new(f"{clip.name} reconstruction")
            context.scene.collection.children.link(collection)
            if earlier is not None:
                copy_correction(earlier, collection)
            reconstruction = as_corrected(collection, reconstruction)
            _build(context, collection, folder, reconstruction, timeline, earlier)
        if earlier is not None:
            replace_import(context.scene, earlier, collection)
    if link_camera:
        use_camera(context.scene, collection)
    if match_scene:
        state = read_state(collection)
        context.scene.frame_start, context.scene.frame_end = state.first_frame, state.last_frame
    return collection


def use_camera(scene: bpy.types.Scene, collection: bpy.types.Collection) -> None:
    """Make the clip's camera the scene's active camera, if it is still there."""
    camera = camera_of(collection)
    if camera is not None:
        scene.camera = camera


def _build(
    context: bpy.types.Context,
    collection: bpy.types.Collection,
    folder: Path,
    reconstruction: Reconstruction,
    timeline: Timeline,
    earlier: bpy.types.Collection | None,
) -> None:
    identity = new_identity() if earlier is None else read_state(earlier).id
    motion = motion_at_scene_frames(reconstruction.motion, timeline)
    for person in reconstruction.info.people:
        rest, _ = rest_pose_of(reconstruction, person.index)
        rig = build_armature(context, collection, person.name, rest, person.index)
        set_role(rig, rig_role(person.index))
        _add_skin(collection, reconstruction, person, rig)
        polish = Polish() if earlier is None else _polish_in(earlier, person.index)
        key_rig(rig, reconstruction, person.index, motion, timeline, identity, polish)
    _add_camera(collection, reconstruction, motion, timeline)
    if earlier is not None:
        write_state(collection, read_state(earlier))
        copy_contacts(earlier, collection)
        copy_foot_contacts(earlier, collection)
    write_import(collection, folder, reconstruction, timeline, motion.frames, identity)


def _restore_missing(collection: bpy.types.Collection, reconstruction: Reconstruction, timeline: Timeline) -> None:
    """Build skins and the camera that were deleted anew. The armatures, with all that the animator did to them, stay."""
    for person in reconstruction.info.people:
        if object_with_role(collection, skin_role(person.index)) is None:
            _add_skin(collection, reconstruction, person, rig_of(collection, person.index))
    if camera_of(collection) is None:
        motion = motion_at_scene_frames(reconstruction.motion, timeline)
        _add_camera(collection, reconstruction, motion, timeline)


def _add_skin(
    collection: bpy.types.Collection, reconstruction: Reconstruction, person: Person, rig: bpy.types.Object
) -> None:
    _, offset = rest_pose_of(reconstruction, person.index)
    skin = build_skin(collection, f"{person.name} skin", reconstruction.body, person.index, offset, rig)
    set_role(skin, skin_role(person.index))


def _add_camera(
    collection: bpy.types.Collection, reconstruction: Reconstruction, motion: SceneMotion, timeline: Timeline
) -> None:
    clip = clip_info(reconstruction.info)
    camera = build_camera(collection, f"{clip.name} camera", motion.K, motion.T_cw, clip.image_size, motion.frames)
    set_role(camera, CAMERA_ROLE)
    add_background_clip(camera, clip.path, timeline, clip.frame_rate, motion.frames)


def _polish_in(collection: bpy.types.Collection, person: int) -> Polish:
    """What the animator made of a person's motion in an import that is rebuilt; it stays in that action too."""
    rig = object_with_role(collection, rig_role(person))
    if rig is None:
        return Polish()
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
    return Timeline(frame_start - frame_rate * float(motion.time[0]), frame_rate)


def _match_render_settings(scene: bpy.types.Scene, clip: ClipInfo) -> None:
    compat.set_frame_rate(scene, clip.frame_rate)
    scene.render.resolution_x, scene.render.resolution_y = clip.image_size
    scene.render.pixel_aspect_x = scene.render.pixel_aspect_y = 1.0
