"""AMASS's npz layout for SMPL-X, which most research tools read (Mahmood et al., 2019; the files of amass.is.tue.mpg.de)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..contract.files import write_npz
from ..contract.reconstruction import Reconstruction
from .uniform_rate import file_names, resample_uniformly


def write_amass(reconstruction: Reconstruction, folder: Path) -> list[Path]:
    """One npz a person: metres, Z up, hands relative to the flat hand.

    `trans` is SMPL-X's translation, the pelvis minus its place in the rest pose of that shape: with the same body file,
    smplx(betas, trans, poses) gives the joints of the reconstruction. The betas are of the body named in
    `surface_model`, and mean nothing on another.
    """
    motion = resample_uniformly(reconstruction.motion)
    paths = []
    for person, name in enumerate(file_names(reconstruction.info)):
        rotations = motion.rotations[person]
        frames = len(rotations)

        def joints(first: int, last: int, rotations: np.ndarray = rotations) -> np.ndarray:
            return rotations[:, first:last].reshape(len(rotations), -1)

        path = folder / f"{name}.npz"
        write_npz(
            path,
            {
                "trans": motion.pelvis[person] - motion.rest_joints[person, 0],
                "poses": joints(0, 55),
                "root_orient": joints(0, 1),
                "pose_body": joints(1, 22),
                "pose_jaw": joints(22, 23),
                "pose_eye": joints(23, 25),
                "pose_hand": joints(25, 55),
                "betas": motion.betas[person],
                "num_betas": np.array(motion.betas.shape[1]),
                "gender": np.array("neutral"),
                "surface_model_type": np.array("smplx"),
                "surface_model": np.array(str(reconstruction.info.body["id"])),
                "mocap_frame_rate": np.array(motion.rate),
                "mocap_time_length": np.array(frames / motion.rate),
            },
        )
        paths.append(path)
    return paths
