"""Reads what the armatures show, with constraints, layers of animation and transforms of their objects, for an export."""

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Matrix

from ...core.contract.errors import UserError
from ...core.contract.reconstruction import load_info, load_take_motion
from ...core.contract.rotations import Y_UP_TO_Z_UP
from ...core.contract.skeleton import JOINTS
from ...core.export.animation import AnimatedPerson, Animation, Skin, SmplxShape
from ...core.export.settings import ExportSettings
from .. import compat
from ..scene.armature import read_rest_pose
from ..scene.contact_list import read_contacts
from ..scene.evaluated_poses import evaluated_poses, visible_in
from ..scene.linking import folder_of
from ..scene.objects import rig_of, skin_of
from ..scene.rest_pose import BONES
from ..scene.state import ImportState, read_state
from .skin import read_skin

_LARGEST_SCALE_ERROR = 1e-3


def exported_frames(state: ImportState, settings: ExportSettings) -> range:
    """The chosen frames of the scene. UserError `no-frames` for an empty range."""
    first, last = settings.frames
    first = state.first_frame if first is None else first
    last = state.last_frame if last is None else last
    if last < first:
        raise UserError("no-frames", f"The range {first} to {last} is empty.", "Choose a last frame after the first.")
    return range(first, last + 1)


def read_animation(
    scene: bpy.types.Scene, collection: bpy.types.Collection, frames: range, settings: ExportSettings
) -> Animation:
    """Evaluate the skins in the present frame of `scene`, and both armatures in every frame, to which it is set.

    `scene` is a temporary one.

    UserError `bones-missing`, `object-missing`, `scaled`; those of the folder where the target needs it (AMASS).
    """
    state = read_state(collection)
    rigs = [rig_of(collection, person) for person in (0, 1)]
    skins = _skins(scene, collection, rigs, settings)
    poses = _evaluate(scene, rigs, frames)
    people = tuple(
        _person(collection, state, person, rig, poses[person], skins[person], settings)
        for person, rig in enumerate(rigs)
    )
    return Animation(
        state.clip,
        compat.frame_rate(scene),
        state.timing.to_clip_times(frames),
        people,
        tuple(contact for contact in read_contacts(collection) if contact.active()),
    )


def is_scaled(matrix: Matrix) -> bool:
    """Whether a matrix changes sizes, as that of an armature's object must not."""
    return float(np.abs(np.array(matrix.to_scale()) - 1).max()) > _LARGEST_SCALE_ERROR


def _skins(
    scene: bpy.types.Scene,
    collection: bpy.types.Collection,
    rigs: list[bpy.types.Object],
    settings: ExportSettings,
) -> list[Skin | None]:
    """Both people's, where the writer of the target takes them; Blender's exporters read them themselves."""
    if settings.preset.format != "glb" or settings.animation_only:
        return [None for _ in rigs]
    return [read_skin(scene, rig, skin_of(collection, person)) for person, rig in enumerate(rigs)]


def _person(
    collection: bpy.types.Collection,
    state: ImportState,
    person: int,
    rig: bpy.types.Object,
    pose_inworld: np.ndarray,
    skin: Skin | None,
    settings: ExportSettings,
) -> AnimatedPerson:
    """`pose_inworld` [T,56,4,4] takes each bone's space to the world."""
    rest = read_rest_pose(rig)
    return AnimatedPerson(
        person,
        rig.name,
        rest.heads_inarmature @ Y_UP_TO_Z_UP,
        pose_inworld[..., :3, :3] @ rest.axes_inarmature.swapaxes(-1, -2) @ Y_UP_TO_Z_UP,
        pose_inworld[..., :3, 3],
        skin,
        _shape(collection, state, person) if settings.preset.format == "amass" else None,
    )


def _shape(collection: bpy.types.Collection, state: ImportState, person: int) -> SmplxShape:
    folder = folder_of(collection)
    motion = load_take_motion(folder, state.take)
    return SmplxShape(
        motion.betas[person].astype(np.float64),
        motion.rest_joints[person, JOINTS.index("pelvis")].astype(np.float64),
        str(load_info(folder, state.take).body["id"]),
    )


def _evaluate(scene: bpy.types.Scene, rigs: list[bpy.types.Object], frames: range) -> np.ndarray:
    """[2,T,56,4,4] matrices of the bones in the world, without their scale."""
    with visible_in(scene, rigs):
        places, poses = evaluated_poses(scene, rigs, BONES, frames)
    for rig, at in zip(rigs, places):
        for frame, place in zip(frames, at):
            if is_scaled(Matrix(place.tolist())):
                raise UserError(
                    "scaled",
                    f"The object {rig.name!r} is scaled in frame {frame}, so that bones and skin would not fit each other.",
                    "Apply its scale (Ctrl A > Scale) or clear it (Alt S), and export again.",
                )
    poses = places[:, :, None] @ poses
    rotations = poses[..., :3, :3]
    poses[..., :3, :3] = rotations / np.linalg.norm(rotations, axis=-2, keepdims=True)
    return poses
