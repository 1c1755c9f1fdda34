"""3DPW (von Marcard et al., ECCV 2018), its sequences of two people: outdoors, a hand-held camera, SMPL from inertial sensors.

From virtualhumans.mpi-inf.mpg.de/3DPW. Layout (its readme): FOLDER/imageFiles/SEQUENCE/image_NNNNN.jpg at 30 frames per second
and FOLDER/sequenceFiles/{train,validation,test}/SEQUENCE.pkl, with for each actor `jointPositions` [N,72] (SMPL's 24 joints,
metres, world) and `campose_valid` [N], and for the camera `cam_poses` [N,4,4] (world -> camera) and `cam_intrinsics` [3,3], all
at the images' rate.

**The sequence files are pickles, which this code never opens.** If you trust them, convert them once:

    import glob, pickle, numpy as np
    for path in glob.glob("sequenceFiles/*/*.pkl"):
        with open(path, "rb") as stream:
            read = pickle.load(stream, encoding="latin1")
        np.savez(path[:-4] + ".npz", joints=np.array(read["jointPositions"], "float32").reshape(len(read["betas"]), -1, 24, 3),
                 valid=np.array(read["campose_valid"], bool), cam_poses=np.array(read["cam_poses"], float),
                 cam_intrinsics=np.array(read["cam_intrinsics"], float))

The reader needs SEQUENCE.npz beside the pickle: `joints` [P,N,24,3], `valid` bool [P,N], `cam_poses`, `cam_intrinsics`.

The world has Y up. The camera moves, which the product does not follow: the ground truth is given relative to the camera, in a
world that moves with it and is upright in the clip's first annotated frame. Metrics in the camera's axes (MPJPE, PA-MPJPE
and others) are exact; those of the world contain the camera's motion.

Splits: `test` and `dev` (train and validation) are the dataset's own, restricted to sequences with two actors and cut into
clips of at most CLIP frames; `contact` is the parts of six sequences in which people occlude each other, which ROMP's authors
chose for their subset 3DPW-PC (github.com/Arthur151/ROMP, its reader of 3DPW). Published protocol: pelvis-relative MPJPE and
PA-MPJPE of 14 joints regressed for LSP or of SMPL's 24, for each person separately.
"""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np

from core.contract.errors import UserError
from core.motion import Camera
from core.transforms import inverse_transform_points

from ..image_sequence import ImageSequence
from .clips import ListedClip, PublicClip, damaged_file, no_clips, read_arrays
from .smpl_joints import camera_z_up, from_smpl

RATE = 30.0
CLIP = 300
_FOLDERS = {"test": ("test",), "dev": ("train", "validation"), "contact": ("train", "validation", "test")}
CONTACT = {
    "courtyard_basketball_00": (200, 280), "courtyard_captureSelfies_00": (500, 600), "courtyard_dancing_00": (60, 370),
    "courtyard_dancing_01": (60, 270), "courtyard_hug_00": (100, 500), "downtown_bus_00": (1620, 1900),
}  # fmt: skip
"""First and last frame of each sequence."""
HOW_TO_GET = (
    "Get 3DPW from virtualhumans.mpi-inf.mpg.de/3DPW, so that imageFiles and sequenceFiles lie in the folder, and convert its "
    "sequence files once with the script at the top of lab/evaluation/public/threedpw.py."
)


def list_clips(folder: Path, split: str) -> list[ListedClip]:
    """Clips of two people. UserError `no-public-data`, or `public-data-pickled` if sequences have not been converted."""
    files = [path for part in _FOLDERS[split] for path in sorted((folder / "sequenceFiles" / part).glob("*.npz"))]
    if not files:
        if any((folder / "sequenceFiles").glob("*/*.pkl")):
            raise UserError("public-data-pickled", f"The sequences in {folder} are pickles.", HOW_TO_GET)
        raise no_clips(folder, f"converted sequences in sequenceFiles/{' or '.join(_FOLDERS[split])}", HOW_TO_GET)
    found = []
    for path in files:
        valid = read_arrays(path, ("valid",))["valid"]
        if valid.shape[0] == 2 and (split != "contact" or path.stem in CONTACT):
            spans = [CONTACT[path.stem]] if split == "contact" else _spans(valid[0] & valid[1])
            family = re.sub(r"_\d+$", "", path.stem).partition("_")[2]
            for first, last in spans:
                location = (path.parent.name, path.stem, str(first), str(last))
                found.append(ListedClip(f"{path.stem} {first}-{last}", family, location))
    if not found:
        raise no_clips(folder, "sequences of two actors", HOW_TO_GET)
    return found


def _spans(valid: np.ndarray) -> list[tuple[int, int]]:
    """First and last frame of clips of at most CLIP frames, from the first to the last valid frame [N]."""
    frames = np.flatnonzero(valid)
    if not len(frames):
        return []
    count = int(frames[-1] - frames[0]) // CLIP + 1
    edges = np.linspace(frames[0], frames[-1] + 1, count + 1).round().astype(int)
    return [(int(first), int(last) - 1) for first, last in zip(edges, edges[1:])]


def load(folder: Path, clip: ListedClip) -> PublicClip:
    """One clip, in a world that moves with the camera."""
    part, sequence, first, last = clip.location
    path = folder / "sequenceFiles" / part / f"{sequence}.npz"
    arrays = read_arrays(path, ("joints", "valid", "cam_poses", "cam_intrinsics"))
    frames = np.arange(int(first), int(last) + 1)
    joints, valid, poses = arrays["joints"], arrays["valid"], arrays["cam_poses"]
    if joints.shape[2:] != (24, 3) or joints.shape[:2] != valid.shape or len(poses) <= frames[-1]:
        raise damaged_file(path, f"its arrays do not fit each other or frames {first} to {last}")
    images = folder / "imageFiles" / sequence
    paths = tuple(images / f"image_{frame:05d}.jpg" for frame in frames)
    image = cv2.imread(str(paths[0]))
    if image is None or not all(path.is_file() for path in paths):
        raise damaged_file(images, f"it lacks images of frames {first} to {last}")
    known = valid[:, frames].all(0)
    if not known.any():
        raise damaged_file(path, f"no frame of {first} to {last} is annotated")
    T_cw = camera_z_up(poses[frames[int(known.argmax())]])
    incam = np.einsum("tij,ptkj->ptki", poses[frames, :3, :3], joints[:, frames]) + poses[frames, None, :3, 3]
    inworld = inverse_transform_points(T_cw, incam).astype(np.float32)
    inworld[:, ~known] = np.nan
    camera = Camera(arrays["cam_intrinsics"].astype(np.float64), T_cw)
    size = (image.shape[1], image.shape[0])
    return PublicClip(ImageSequence(paths, RATE), None, from_smpl(inworld), camera, size)
