"""Turns the stored take of a reconstruction into an `Animation`."""

from __future__ import annotations

import ntpath
from pathlib import PurePath

import numpy as np

from ..contract.reconstruction import BodyArrays, Reconstruction
from ..contract.rotations import Y_UP_TO_Z_UP, headings, matrix_to_quaternion, quaternion_about_z, quaternion_to_matrix
from ..contract.skeleton import PARENTS
from .animation import AnimatedPerson, Animation, Skin, SmplxShape
from .uniform_rate import UniformMotion, resample_uniformly


def animation_of(reconstruction: Reconstruction) -> Animation:
    """Both people as reconstructed, at a uniform rate, without the animator's changes in Blender."""
    motion = resample_uniformly(reconstruction.motion)
    people: list[AnimatedPerson] = []
    for person in reconstruction.info.people:
        index = person.index
        rest_joints = motion.rest_joints[index]
        vertices = reconstruction.body.rest_vertices[index].astype(np.float64)
        offset = np.array([-rest_joints[0, 0], -vertices[:, 1].min(), -rest_joints[0, 2]])
        rotations, positions = _pose(motion, index)
        people.append(
            AnimatedPerson(
                index,
                person.name,
                np.vstack([np.zeros(3), rest_joints + offset]),
                rotations,
                positions,
                _skin(reconstruction.body, vertices + offset),
                SmplxShape(motion.betas[index], rest_joints[0], str(reconstruction.info.body["id"])),
            )
        )
    clip = str(reconstruction.info.clip["path"])
    return Animation(
        PurePath(ntpath.basename(clip)).stem,
        motion.frame_rate,
        motion.clip_frames,
        tuple(people),
        tuple(contact for contact in reconstruction.info.contacts if contact.active()),
    )


def _pose(motion: UniformMotion, person: int) -> tuple[np.ndarray, np.ndarray]:
    """Rotations [T,56,3,3] from the rest pose to the world and positions [T,56,3] of all bones, by forward kinematics."""
    local = quaternion_to_matrix(motion.rotations[person])
    rest = motion.rest_joints[person]
    frames = len(local)
    rotations, positions = np.empty((frames, 56, 3, 3)), np.zeros((frames, 56, 3))
    rotations[:, 1], positions[:, 1] = local[:, 0], motion.pelvis[person]
    for joint, parent in enumerate(PARENTS[1:], 1):
        rotations[:, joint + 1] = rotations[:, parent + 1] @ local[:, joint]
        positions[:, joint + 1] = positions[:, parent + 1] + rotations[:, parent + 1] @ (rest[joint] - rest[parent])
    heading = headings(matrix_to_quaternion(rotations[:, 1] @ Y_UP_TO_Z_UP.T))
    rotations[:, 0] = quaternion_to_matrix(quaternion_about_z(heading)) @ Y_UP_TO_Z_UP
    positions[:, 0, :2] = positions[:, 1, :2]
    return rotations, positions


def _skin(body: BodyArrays, vertices: np.ndarray) -> Skin:
    return Skin(
        vertices, body.faces, body.uv, np.where(body.skin_weights > 0, body.skin_joints + 1, 0), body.skin_weights
    )
