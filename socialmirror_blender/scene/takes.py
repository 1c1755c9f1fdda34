"""Keys the armatures of an imported reconstruction with another of its takes.

Armatures, meshes and materials stay as the animator left them. Earlier actions stay in the file.
"""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np

from ...core.contract.errors import UserError
from ...core.contract.reconstruction import PEOPLE, Reconstruction, load
from .. import compat
from ..folders import relative_to_blend
from .actions import key_person
from .armature import read_rest_pose
from .background_clip import align_background_clips, background_note
from .camera import key_camera
from .clip import clip_info
from .contact_edits import contact_memory, restore_contact_memory, show_contacts
from .contact_list import read_contacts, write_contacts
from .contact_markers import sync_markers
from .datablocks import remove_new_datablocks_on_error
from .motion import SceneMotion, motion_at_scene_frames
from .objects import camera_of, rig_of, skin_of
from .pins import copy_locked_keyframes
from .pose_conversion import smplx_to_bones
from .rest_pose import RestPose, make_rest_pose, rest_offset
from .state import ImportState, is_reconstruction, new_identity, read_state, write_state
from .timeline import ClipTiming, Timeline

_SAME_REST_POSE = 1e-3
"""Metres by which the joints of two rest poses may differ to count as the same body."""


def update_take(collection: bpy.types.Collection, folder: Path) -> None:
    """Key the armatures with the active take of a folder; locked keyframes keep their values.

    UserError `shape-changed` if the take has other bodies than the armatures.
    """
    reconstruction = load(folder)
    for person in range(PEOPLE):
        _check_body(reconstruction, person, read_rest_pose(rig_of(collection, person)))
    key_take(collection, folder, reconstruction, read_state(collection).timing.timeline)


def key_take(
    collection: bpy.types.Collection, folder: Path, reconstruction: Reconstruction, timeline: Timeline
) -> None:
    """Assign new actions to the armatures and the camera, and write the take's contacts.

    Locked keyframes are copied unless the timeline changes. On an error the earlier actions and contacts are restored.
    """
    state, contacts, memory = read_state(collection), read_contacts(collection), contact_memory(collection)
    motion = motion_at_scene_frames(reconstruction.motion, timeline)
    rigs = [rig_of(collection, person) for person in range(PEOPLE)]
    earlier_actions = [compat.assigned_action(rig) for rig in rigs]
    try:
        with remove_new_datablocks_on_error():
            for person, rig in enumerate(rigs):
                earlier = compat.channelbag_of(rig) if timeline == state.timing.timeline else None
                key_rig(rig, reconstruction, person, motion)
                if earlier is not None:
                    copy_locked_keyframes(earlier, compat.channelbag_of(rig))
            write_import(collection, folder, reconstruction, timeline, motion.frames)
    except BaseException:
        for rig, assigned in zip(rigs, earlier_actions):
            if assigned is not None:
                compat.assign_action(rig, *assigned)
        write_state(collection, state)
        write_contacts(collection, contacts)
        restore_contact_memory(collection, memory)
        sync_markers(collection)
        raise
    for assigned in earlier_actions:
        if assigned is not None:
            assigned[0].use_fake_user = True
    camera = camera_of(collection)
    if camera is not None:
        key_camera(camera, motion.K, motion.T_cw, clip_info(reconstruction.info).image_size, motion.frames)
        align_background_clips(camera, timeline)


def has_same_bodies(collection: bpy.types.Collection, reconstruction: Reconstruction) -> bool:
    """Whether an import is complete and has the bodies of this reconstruction, so that new keyframes are all it needs."""
    try:
        for person in range(PEOPLE):
            skin_of(collection, person)
            _check_body(reconstruction, person, read_rest_pose(rig_of(collection, person)))
    except UserError:
        return False
    return camera_of(collection) is not None


def rest_pose_of(reconstruction: Reconstruction, person: int) -> tuple[RestPose, np.ndarray]:
    """A person's rest pose and its `rest_offset` [3]."""
    rest_joints = reconstruction.motion.rest_joints[person]
    offset = rest_offset(rest_joints, reconstruction.body.rest_vertices[person])
    return make_rest_pose(rest_joints, offset), offset


def key_rig(rig: bpy.types.Object, reconstruction: Reconstruction, person: int, motion: SceneMotion) -> None:
    """Assign a new action, named after the take, to a person's armature."""
    moving = motion.people[person]
    channels = smplx_to_bones(moving.rotations, moving.pelvis_inworld, read_rest_pose(rig))
    key_person(rig, f"{rig.name} {reconstruction.info.take}", motion.frames, channels, moving)


def write_import(
    collection: bpy.types.Collection,
    folder: Path,
    reconstruction: Reconstruction,
    timeline: Timeline,
    frames: np.ndarray,
) -> None:
    """Write the state and the contacts of a take that is keyed at scene frames [S] to its collection."""
    clip, camera = clip_info(reconstruction.info), camera_of(collection)
    folder = folder.absolute()
    state = ImportState(
        id=read_state(collection).id if is_reconstruction(collection) else new_identity(),
        folder=str(folder),
        relative_folder=relative_to_blend(folder, bpy.data.filepath),
        take=reconstruction.info.take,
        clip=clip.name,
        timing=ClipTiming(reconstruction.motion.frame_index, reconstruction.motion.time, timeline),
        first_frame=int(frames[0]),
        last_frame=int(frames[-1]),
        notes="" if camera is None else background_note(camera, clip.path, timeline, clip.frame_rate),
    )
    leaving = read_state(collection).take if is_reconstruction(collection) else ""
    write_state(collection, state)
    show_contacts(collection, state.take, reconstruction.info.contacts, leaving)
    sync_markers(collection)


def _check_body(reconstruction: Reconstruction, person: int, rest: RestPose) -> None:
    expected, _ = rest_pose_of(reconstruction, person)
    if np.abs(expected.heads_inarmature - rest.heads_inarmature).max() > _SAME_REST_POSE:
        raise UserError(
            "shape-changed",
            f"The take has another body for {reconstruction.info.people[person].name} than the armature.",
            "Import the reconstruction again to build both bodies anew.",
        )
