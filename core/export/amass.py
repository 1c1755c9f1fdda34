"""Writes AMASS's npz layout for SMPL-X, which most research tools read (Mahmood et al., 2019; amass.is.tue.mpg.de)."""

from __future__ import annotations

import numpy as np

from ..contract.errors import UserError
from ..contract.files import write_npz
from ..contract.rotations import matrix_to_quaternion, quaternion_to_axis_angle
from .animation import AnimatedPerson
from .layout import FilePlan


def write_amass(plan: FilePlan) -> None:
    """Write one person: metres, Z up, hand poses relative to the flat hand (`flat_hand_mean=True` in smplx).

    `trans` is SMPL-X's translation, i.e. the position of the pelvis minus its position in the rest pose of that shape: with the
    same body file, smplx(betas, trans, poses) gives the joints of the reconstruction. The betas hold for the body named in
    `surface_model` only. UserError `no-shape` if the person's shape is unknown.
    """
    (person,) = plan.people
    if person.shape is None:
        raise UserError(
            "no-shape",
            "The shapes of the people are not known without the reconstruction's folder, and AMASS files need them.",
            "Locate the folder, or choose another format.",
        )
    poses = _poses(person)
    rate = np.array(plan.frame_rate)
    write_npz(
        plan.path,
        {
            "trans": person.positions[:, 1] - person.shape.pelvis,
            "poses": poses,
            "root_orient": poses[:, : 1 * 3],
            "pose_body": poses[:, 1 * 3 : 22 * 3],
            "pose_jaw": poses[:, 22 * 3 : 23 * 3],
            "pose_eye": poses[:, 23 * 3 : 25 * 3],
            "pose_hand": poses[:, 25 * 3 :],
            "betas": person.shape.betas,
            "num_betas": np.array(len(person.shape.betas)),
            "gender": np.array("neutral"),
            "surface_model_type": np.array("smplx"),
            "surface_model": np.array(person.shape.body),
            # AMASS itself has both spellings, and readers ask for one of them
            "mocap_frame_rate": rate,
            "mocap_framerate": rate,
            "mocap_time_length": np.array(len(poses) / plan.frame_rate),
        },
    )


def _poses(person: AnimatedPerson) -> np.ndarray:
    """[T,165] axis-angles of the joints, relative to the parent joint; the pelvis' to the world."""
    local, _ = person.local_transforms()
    local = local[:, 1:].copy()
    local[:, 0] = person.rotations[:, 1]
    return quaternion_to_axis_angle(matrix_to_quaternion(local)).reshape(len(local), -1)
