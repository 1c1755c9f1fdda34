"""Writes AMASS's npz layout for SMPL-X, which most research tools read (Mahmood et al., 2019; amass.is.tue.mpg.de)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..contract.files import write_npz
from ..contract.reconstruction import Reconstruction
from .uniform_rate import file_stems, resample_uniformly


def write_amass(reconstruction: Reconstruction, folder: Path) -> list[Path]:
    """Write one npz per person: metres, Z up, hand poses relative to the flat hand.

    `trans` is SMPL-X's translation, i.e. the position of the pelvis minus its position in the rest pose of that shape: with the
    same body file, smplx(betas, trans, poses) gives the joints of the reconstruction. The betas hold for the body named in
    `surface_model` only.
    """
    motion = resample_uniformly(reconstruction.motion)
    paths: list[Path] = []
    for person, stem in enumerate(file_stems(reconstruction.info)):
        rotations = motion.rotations[person]
        frames = len(rotations)
        poses = rotations.reshape(frames, -1)
        path = folder / f"{stem}.npz"
        write_npz(
            path,
            {
                "trans": motion.pelvis[person] - motion.rest_joints[person, 0],
                "poses": poses,
                "root_orient": poses[:, : 1 * 3],
                "pose_body": poses[:, 1 * 3 : 22 * 3],
                "pose_jaw": poses[:, 22 * 3 : 23 * 3],
                "pose_eye": poses[:, 23 * 3 : 25 * 3],
                "pose_hand": poses[:, 25 * 3 :],
                "betas": motion.betas[person],
                "num_betas": np.array(motion.betas.shape[1]),
                "gender": np.array("neutral"),
                "surface_model_type": np.array("smplx"),
                "surface_model": np.array(str(reconstruction.info.body["id"])),
                "mocap_frame_rate": np.array(motion.frame_rate),
                "mocap_time_length": np.array(frames / motion.frame_rate),
            },
        )
        paths.append(path)
    return paths
