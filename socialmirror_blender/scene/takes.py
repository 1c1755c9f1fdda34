"""Keys the armatures of an imported reconstruction with another of its takes.

Armatures, meshes, materials and the animator's keyframes stay as they are. Earlier actions stay in the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...core.contract.errors import UserError
from ...core.contract.reconstruction import PEOPLE, Reconstruction, load
from ..folders import relative_to_blend
from .actions import (
    action_for,
    action_name,
    keep_unlinked_take,
    key_person,
    leave_take,
    name_baked,
    polish_of,
    prepare_action,
    remember_take,
    require_takes,
    show_again,
)
from .armature import read_rest_pose
from .background_clip import align_background_clips, background_note
from .camera import key_camera
from .clip import clip_info
from .confidence_overlay import is_overlay_shown, show_overlay, write_limb_states
from .contact_anchors import PosedSkins
from .contact_edits import carry_over_contacts, contact_memory, restore_contact_memory, show_contacts
from .contact_list import read_contacts, write_contacts
from .contact_markers import adopt_moved_markers, skin_steps, sync_markers
from .copies import separate_copies
from .correction_state import as_corrected, as_shown, correction_restored_on_error, keep_camera
from .datablocks import Steps, at_once, remove_new_datablocks_on_error, removed_on_error, restored_on_error
from .foot_list import show_foot_contacts
from .limb_states import limb_states
from .motion import SceneMotion, motion_at_scene_frames
from .names import rig_role
from .objects import camera_of, object_with_role, require_no_control_rig, rig_of
from .pin_carrying import carry_pins
from .polish import Polish
from .pose_conversion import smplx_to_bones
from .rest_pose import RestPose, make_rest_pose, rest_offset
from .result_prompt import fill_prompt, prompt_memory, restore_prompt
from .state import ImportState, editable_reconstructions, is_reconstruction, read_state, write_state
from .take_values import TakeMark, TakeValues, take_values
from .timeline import ClipTiming, Timeline

_SAME_REST_POSE = 1e-3
"""Metres by which the joints of two rest poses may differ to count as the same body."""


def update_take(collection: bpy.types.Collection, folder: Path) -> None:
    """Key the armatures with the active take of a folder; keyframes of the animator's keep their values, and the camera stays.

    UserError `shape-changed` if the take has other bodies than the armatures, `control-rig` if these follow controls.
    """
    at_once(show_take_steps(collection, folder, load(folder)))


def show_take_steps(
    collection: bpy.types.Collection, folder: Path, reconstruction: Reconstruction, asked: Any = None
) -> Steps[None]:
    """`update_take` with the take that was read from the folder. The last step shows all of it at once.

    `asked` is the JSON of the contacts that the take was made with, if it was made of the shown one: what the animator has
    changed in the list since then stays changed.
    """
    require_no_control_rig(collection)
    require_same_bodies(collection, reconstruction)
    separate_copies()
    skins = yield from removed_on_error(_key_shown_take(collection, folder, reconstruction, asked))
    sync_markers(collection, skins)


def _key_shown_take(
    collection: bpy.types.Collection, folder: Path, reconstruction: Reconstruction, asked: Any
) -> Steps[PosedSkins]:
    """Write the take to new actions that animate nothing yet, one armature after the other, then all but the markers.

    Returns the skins, read for the markers.
    """
    state = read_state(collection)
    motion = motion_at_scene_frames(as_shown(collection, reconstruction).motion, state.timing.timeline)
    for person in range(PEOPLE):
        rig = rig_of(collection, person)
        mark = _mark(rig, reconstruction, person, motion, state.timing.timeline, state.id)
        prepare_action(rig, action_name(rig, mark.take), mark, motion.people[person])
        yield
    skins = yield from skin_steps(collection, reconstruction.info.contacts)
    yield
    if asked is not None:
        adopt_moved_markers(collection)
    left = read_contacts(collection)
    with correction_restored_on_error(collection):
        keep_camera(collection, reconstruction)
        key_take(collection, folder, as_corrected(collection, reconstruction), read_state(collection).timing.timeline)
    if asked is not None:
        carry_over_contacts(collection, asked, left)
    return skins


def rekey_take(collection: bpy.types.Collection, reconstruction: Reconstruction) -> None:
    """Key armatures and camera with the shown take for the camera correction as it is now, quickly enough for a slider.

    Markers and contacts need nothing: they follow the skins. UserError `shape-changed`, `object-missing`, `no-take` or
    `control-rig`, before any change.
    """
    require_no_control_rig(collection)
    state = read_state(collection)
    rigs = [rig_of(collection, person) for person in range(PEOPLE)]
    require_takes(rigs)
    for person, rig in enumerate(rigs):
        _check_body(reconstruction, person, read_rest_pose(rig))
    reconstruction, timeline = as_corrected(collection, reconstruction), state.timing.timeline
    motion = motion_at_scene_frames(reconstruction.motion, timeline)
    for person, rig in enumerate(rigs):
        key_rig(rig, reconstruction, person, motion, timeline, state.id, polish_of(rig))
    key_clip_camera(collection, reconstruction, motion, timeline)


def key_take(
    collection: bpy.types.Collection, folder: Path, reconstruction: Reconstruction, timeline: Timeline
) -> None:
    """Key the armatures and the camera with a take, with the animator's polish over it, and list the take's contacts.

    The contacts' markers are for the caller to make (`sync_markers`).
    A take that was shown before gets its earlier action, unless the animator baked over that one, which stays in the file.
    On an error actions and contacts are as they were.
    """
    state, contacts, memory = read_state(collection), read_contacts(collection), contact_memory(collection)
    prompts = prompt_memory(collection)
    motion = motion_at_scene_frames(reconstruction.motion, timeline)
    rigs = [rig_of(collection, person) for person in range(PEOPLE)]
    assign_again = [remember_take(rig) for rig in rigs]
    take = reconstruction.info.take
    reused = [action_for(rig, state.id, take, person) for person, rig in enumerate(rigs)]
    try:
        with restored_on_error(action for action in reused if action is not None), remove_new_datablocks_on_error():
            for person, rig in enumerate(rigs):
                show_again(rig, state.id, (state.take, take), person)
                polish = polish_of(rig)
                leave_take(rig)
                key_rig(rig, reconstruction, person, motion, timeline, state.id, polish)
            write_import(collection, folder, reconstruction, timeline, motion.frames, state.id)
    except BaseException:
        for assign in assign_again:
            assign()
        write_state(collection, state)
        write_contacts(collection, contacts)
        restore_contact_memory(collection, memory)
        restore_prompt(collection, prompts)
        raise
    for person, rig in enumerate(rigs):
        name_baked(rig, state.id, person)
    key_clip_camera(collection, reconstruction, motion, timeline)


def key_clip_camera(
    collection: bpy.types.Collection, reconstruction: Reconstruction, motion: SceneMotion, timeline: Timeline
) -> None:
    """Key the clip's camera, if it is still there, and let its movie play in step."""
    camera, clip = camera_of(collection), clip_info(reconstruction.info)
    if camera is not None:
        key_camera(camera, motion.K, motion.T_cw, clip.image_size, motion.frames)
        align_background_clips(camera, timeline, clip.frame_rate, motion.frames)


def keep_unlinked_takes() -> None:
    """Keep the actions of the chosen takes, with the animator's keys in them, in the file that is about to be saved."""
    for collection in editable_reconstructions():
        state = read_state(collection)
        for person in range(PEOPLE):
            rig = object_with_role(collection, rig_role(person))
            if rig is not None:
                keep_unlinked_take(rig, state.id, state.take, person)


def has_same_rigs(collection: bpy.types.Collection, reconstruction: Reconstruction) -> bool:
    """Whether the armatures of an import are there and have the bodies of this reconstruction."""
    try:
        require_same_bodies(collection, reconstruction)
    except UserError:
        return False
    return True


def require_same_bodies(collection: bpy.types.Collection, reconstruction: Reconstruction) -> None:
    """UserError `shape-changed` if a take has other bodies than the armatures, `object-missing` if one of them was deleted."""
    for person in range(PEOPLE):
        _check_body(reconstruction, person, read_rest_pose(rig_of(collection, person)))


def rest_pose_of(reconstruction: Reconstruction, person: int) -> tuple[RestPose, np.ndarray]:
    """A person's rest pose and its `rest_offset` [3]."""
    rest_joints = reconstruction.motion.rest_joints[person]
    offset = rest_offset(rest_joints, reconstruction.body.rest_vertices[person])
    return make_rest_pose(rest_joints, offset), offset


def key_rig(
    rig: bpy.types.Object,
    reconstruction: Reconstruction,
    person: int,
    motion: SceneMotion,
    timeline: Timeline,
    identity: str,
    polish: Polish,
) -> None:
    """Key a person's armature with a take and the polish over it. `identity` is that of the import."""
    moving, mark = motion.people[person], _mark(rig, reconstruction, person, motion, timeline, identity)
    action = key_person(rig, action_name(rig, mark.take), mark, moving, carry_pins(rig, polish, mark))
    write_limb_states(action, limb_states(moving.confidence, timeline.frame_rate))


def _mark(
    rig: bpy.types.Object,
    reconstruction: Reconstruction,
    person: int,
    motion: SceneMotion,
    timeline: Timeline,
    identity: str,
) -> TakeMark:
    moving = motion.people[person]
    channels = smplx_to_bones(moving.rotations, moving.pelvis_inworld, read_rest_pose(rig))
    return TakeMark(identity, reconstruction.info.take, person, timeline, take_values(motion.frames, channels))


def values_of_take(collection: bpy.types.Collection, reconstruction: Reconstruction, person: int) -> TakeValues:
    """What the active take of a reconstruction says about a person, on the timeline of an import and for its armature.

    UserError `shape-changed` if the take has another body than the armature.
    """
    rest = read_rest_pose(rig_of(collection, person))
    _check_body(reconstruction, person, rest)
    reconstruction = as_shown(collection, reconstruction)
    motion = motion_at_scene_frames(reconstruction.motion, read_state(collection).timing.timeline)
    moving = motion.people[person]
    return take_values(motion.frames, smplx_to_bones(moving.rotations, moving.pelvis_inworld, rest))


def write_import(
    collection: bpy.types.Collection,
    folder: Path,
    reconstruction: Reconstruction,
    timeline: Timeline,
    frames: np.ndarray,
    identity: str,
) -> None:
    """Write the state and the contacts of a take that is keyed at scene frames [S] to its collection."""
    clip, camera = clip_info(reconstruction.info), camera_of(collection)
    folder = folder.absolute()
    state = ImportState(
        id=identity,
        folder=str(folder),
        relative_folder=relative_to_blend(folder, bpy.data.filepath),
        take=reconstruction.info.take,
        clip=clip.name,
        timing=ClipTiming(reconstruction.motion.frame_index, reconstruction.motion.time, timeline),
        first_frame=int(frames[0]),
        last_frame=int(frames[-1]),
        notes="" if camera is None else background_note(camera, clip.path),
    )
    leaving = read_state(collection).take if is_reconstruction(collection) else ""
    write_state(collection, state)
    show_contacts(collection, state.take, reconstruction.info.contacts, leaving)
    show_foot_contacts(collection, reconstruction.info.foot_contacts)
    fill_prompt(collection, reconstruction.info)
    if is_overlay_shown(collection):
        show_overlay(collection)


def _check_body(reconstruction: Reconstruction, person: int, rest: RestPose) -> None:
    expected, _ = rest_pose_of(reconstruction, person)
    if np.abs(expected.heads_inarmature - rest.heads_inarmature).max() > _SAME_REST_POSE:
        raise UserError(
            "shape-changed",
            f"The take has another body for {reconstruction.info.people[person].name} than the armature.",
            "Import the reconstruction again to build both bodies anew.",
        )
