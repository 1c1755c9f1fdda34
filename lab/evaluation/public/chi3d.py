"""CHI3D (Fieraru et al., CVPR 2020): grabs, handshakes, hits, hugs, kicks in a motion capture studio, four cameras, SMPL-X.

From ci3d.imar.ro on request. Layout (github.com/sminchisescu-research/imar_vision_datasets_tools, util/dataset_util.py):
FOLDER/train/SUBJECT/ with `videos/CAMERA/ACTION.mp4`, `camera_parameters/CAMERA/ACTION.json` (`extrinsics`: `R` [3,3] and `T`
[1,3], the camera's position, so that a world point x is R (x - T) in the camera; `intrinsics_wo_distortion`: `f` and `c` [2] px),
`smplx/ACTION.json` (`transl` [2,T,3], `betas` [2,T,10], rotation matrices `global_orient` [2,T,1,3,3], `body_pose`
[2,T,21,3,3], `left_hand_pose` and `right_hand_pose` [2,T,15,3,3]) and `interaction_contact_signature.json` (for each action
`start_fr` to `end_fr`, the frames in contact, and `fr_id`). Metres, Z up.

The annotations are parameters of the licensed SMPL-X, without joints, so that its neutral file is needed: in FOLDER, in the
layouts that `load_body` knows (FOLDER/SMPLX_NEUTRAL.npz, FOLDER/models/smplx/...).

Split: the ground truth of the published test set is on the authors' server only. `test` here is subject s02, which ContactGen
(github.com/dongjunKu/ContactGen) keeps out of training; `dev` is s03 and s04. Of each action one camera is used, the first by
name, from AROUND frames before the contact to as many after it. The authors' challenge scores translation, MPJPE and PA-MPJPE
of 14 joints regressed for LSP relative to the pelvis, and MPVPE, over all frames and in the frame of contact
(util/eval_util.py there). Contacts are annotated with 75 regions, which are not ours: they are left out.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.body.files import load_body
from core.body.model import BodyModel, rest_joints
from core.body.rotations import matrix_to_axis_angle
from core.clip import probe
from core.contract.errors import UserError
from core.contract.rotations import rigid_transform
from core.motion import Camera, PairMotion, pose_motion

from .clips import ListedClip, PublicClip, damaged_file, no_clips, subfolders

AROUND = 50
"""frames: one second."""
TEST_SUBJECTS = ("s02",)
_SIGNATURES = "interaction_contact_signature.json"
HOW_TO_GET = "Ask for CHI3D at https://ci3d.imar.ro and unpack it so that `train` lies in the folder."


def list_clips(folder: Path, split: str) -> list[ListedClip]:
    """The actions of a split. UserError `no-public-data`."""
    found = []
    for subject in subfolders(folder / "train"):
        if (subject.name in TEST_SUBJECTS) == (split == "test") and (subject / _SIGNATURES).is_file():
            for action in sorted(_read(subject / _SIGNATURES)):
                family = re.sub(r"\s*\d+$", "", action).strip().lower()
                found.append(ListedClip(f"{subject.name}/{action}", family, (subject.name, action)))
    if not found:
        raise no_clips(folder, f"actions of CHI3D's {split} subjects in train/", HOW_TO_GET)
    return found


def load(folder: Path, clip: ListedClip) -> PublicClip:
    """One action. UserError `body-not-found` without SMPL-X."""
    subject, action = folder / "train" / clip.location[0], clip.location[1]
    body = load_smplx(folder)
    video = next(iter(sorted((subject / "videos").glob(f"*/{action}.mp4"))), None)
    if video is None:
        raise damaged_file(subject / "videos", f"it holds no video of {action}")
    camera = _camera(subject / "camera_parameters" / video.parent.name / f"{action}.json")
    motion = read_motion(subject / "smplx" / f"{action}.json", body)
    joints = pose_motion(body, motion).joints.numpy()
    opened = probe(video)
    frames = min(opened.frame_count, joints.shape[1])
    contact = _read(subject / _SIGNATURES)[action]
    first = max(0, int(contact["start_fr"]) - AROUND)
    last = min(frames - 1, int(contact["end_fr"]) + AROUND)
    if first > last:
        raise damaged_file(subject / _SIGNATURES, f"{action} ends before its contact begins")
    return PublicClip(
        video, (first, last), joints, camera, (opened.width, opened.height), motion=motion, bodies=(body, body)
    )


def load_smplx(folder: Path) -> BodyModel:
    """The licensed body. UserErrors of `load_body`, which then say where to get it."""
    try:
        return load_body(folder)
    except UserError as error:
        raise UserError(
            error.code,
            f"CHI3D is annotated in SMPL-X's parameters, and {folder} holds no SMPL-X: {error.message}",
            f"Put SMPLX_NEUTRAL.npz of https://smpl-x.is.tue.mpg.de into {folder}.",
        ) from error


def read_motion(path: Path, body: BodyModel) -> PairMotion:
    """The annotated motion on that body. Each person has the shape of the first frame; SMPL-X rotates about that shape's
    pelvis."""
    record = _read(path)
    try:
        arrays = {name: np.asarray(record[name], np.float32) for name in _SHAPES}
    except (KeyError, ValueError) as error:
        raise damaged_file(path, f"it lacks {error}") from error
    frames = arrays["transl"].shape[1] if arrays["transl"].ndim == 3 else 0
    for name, shape in _SHAPES.items():
        if arrays[name].shape != (2, frames, *shape) or not frames:
            raise damaged_file(path, f"{name} has the shape {arrays[name].shape}")

    def angles(name: str) -> np.ndarray:
        return matrix_to_axis_angle(torch.from_numpy(arrays[name])).numpy()

    betas = np.zeros((2, 16), np.float32)
    betas[:, :10] = arrays["betas"][:, 0]
    pelvis = rest_joints(body, torch.from_numpy(betas))[:, None, 0].numpy() + arrays["transl"]
    return PairMotion(
        global_orient=angles("global_orient")[:, :, 0],
        body_pose=angles("body_pose"),
        left_hand_pose=angles("left_hand_pose"),
        right_hand_pose=angles("right_hand_pose"),
        pelvis=pelvis,
        betas=betas,
    )


_SHAPES = {
    "transl": (3,), "betas": (10,), "global_orient": (1, 3, 3), "body_pose": (21, 3, 3),
    "left_hand_pose": (15, 3, 3), "right_hand_pose": (15, 3, 3),
}  # fmt: skip


def _camera(path: Path) -> Camera:
    record = _read(path)
    try:
        rotation = np.asarray(record["extrinsics"]["R"], float).reshape(3, 3)
        position = np.asarray(record["extrinsics"]["T"], float).reshape(3)
        lens = record["intrinsics_wo_distortion"]
        focal, centre = (np.asarray(lens[name], float).reshape(2) for name in ("f", "c"))
    except (KeyError, TypeError, ValueError) as error:
        raise damaged_file(path, str(error)) from error
    K = np.array([[focal[0], 0, centre[0]], [0, focal[1], centre[1]], [0, 0, 1]])
    return Camera(K, rigid_transform(rotation, -rotation @ position))


def _read(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise damaged_file(path, str(error)) from error
    if not isinstance(record, dict):
        raise damaged_file(path, "it holds no JSON object")
    return record
