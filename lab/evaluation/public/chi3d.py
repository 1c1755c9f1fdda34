"""CHI3D (Fieraru et al., CVPR 2020): grabs, handshakes, hits, hugs, kicks in a motion capture studio, four cameras, SMPL-X.

From ci3d.imar.ro on request. Layout (github.com/sminchisescu-research/imar_vision_datasets_tools, util/dataset_util.py):
FOLDER/train/SUBJECT/ with `videos/CAMERA/ACTION.mp4`, `camera_parameters/CAMERA/ACTION.json` (`extrinsics`: `R` [3,3] and `T`
[1,3], the camera's place, so that a point x is seen at R (x - T); `intrinsics_wo_distortion`: `f` and `c` [2] px),
`smplx/ACTION.json` (`transl` [2,T,3], `betas` [2,T,10], rotation matrices `global_orient` [2,T,1,3,3], `body_pose`
[2,T,21,3,3], `left_hand_pose` and `right_hand_pose` [2,T,15,3,3]) and `interaction_contact_signature.json` (for each action
`start_fr` to `end_fr`, the frames in contact, and `fr_id`). Metres, Z up.

The annotations are parameters of the licensed SMPL-X, without joints that could stand for them: its neutral file is needed.
It is looked for in FOLDER, in the layouts that `load_body` knows (FOLDER/SMPLX_NEUTRAL.npz, FOLDER/models/smplx/...).

Split: truth of the published test set is on the authors' server. `test` here is subject s02, which ContactGen (github.com/
dongjunKu/ContactGen) keeps out of training, `dev` is s03 and s04. Of each action one camera, the first by name, from AROUND
frames before the contact to as many after it. The authors' challenge scores translation, MPJPE and PA-MPJPE of 14 joints
regressed for LSP about the pelvis, and MPVPE, over all frames and in the frame of contact (util/eval_util.py there). Contacts
are annotated by 75 regions of theirs, which are not ours: they are left out.
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
from core.motion import Camera, PairMotion, pose_motion

from .clips import Listed, PublicClip, damaged, folders_in, no_clips

AROUND = 50
"""frames, a second at the set's rate."""
TEST_SUBJECTS = ("s02",)
_SIGNATURES = "interaction_contact_signature.json"
GET_IT = "Ask for CHI3D at https://ci3d.imar.ro and unpack it so that `train` lies in the folder."


def listed(folder: Path, split: str) -> list[Listed]:
    """The actions of a split. UserError `no-public-data` where there are none."""
    found = []
    for subject in folders_in(folder / "train"):
        if (subject.name in TEST_SUBJECTS) == (split == "test") and (subject / _SIGNATURES).is_file():
            for action in sorted(_read(subject / _SIGNATURES)):
                family = re.sub(r"\s*\d+$", "", action).strip().lower()
                found.append(Listed(f"{subject.name}/{action}", family, (subject.name, action)))
    if not found:
        raise no_clips(folder, f"actions of CHI3D's {split} subjects in train/", GET_IT)
    return found


def load(folder: Path, clip: Listed) -> PublicClip:
    """One action. UserError `body-not-found` where SMPL-X is not there."""
    subject, action = folder / "train" / clip.place[0], clip.place[1]
    body = smplx_in(folder)
    video = next(iter(sorted((subject / "videos").glob(f"*/{action}.mp4"))), None)
    if video is None:
        raise damaged(subject / "videos", f"it holds no video of {action}")
    camera = _camera(subject / "camera_parameters" / video.parent.name / f"{action}.json")
    motion = read_motion(subject / "smplx" / f"{action}.json", body)
    joints = pose_motion(body, motion).joints.numpy()
    opened = probe(video)
    frames = min(opened.frame_count, joints.shape[1])
    contact = _read(subject / _SIGNATURES)[action]
    first = max(0, int(contact["start_fr"]) - AROUND)
    last = min(frames - 1, int(contact["end_fr"]) + AROUND)
    if first > last:
        raise damaged(subject / _SIGNATURES, f"{action} is over before its contact begins")
    return PublicClip(
        video, (first, last), joints, camera, (opened.width, opened.height), motion=motion, bodies=(body, body)
    )


def smplx_in(folder: Path) -> BodyModel:
    try:
        return load_body(folder)
    except UserError as error:
        raise UserError(
            error.code,
            f"CHI3D is annotated in SMPL-X's parameters, and {folder} holds no SMPL-X: {error.message}",
            f"Put SMPLX_NEUTRAL.npz of https://smpl-x.is.tue.mpg.de into {folder}.",
        ) from error


def read_motion(path: Path, body: BodyModel) -> PairMotion:
    """The annotated motion on that body. A person's shape is the first frame's; SMPL-X turns about the pelvis of that shape."""
    record = _read(path)
    try:
        arrays = {name: np.asarray(record[name], np.float32) for name in _SHAPES}
    except (KeyError, ValueError) as error:
        raise damaged(path, f"it lacks {error}") from error
    frames = arrays["transl"].shape[1] if arrays["transl"].ndim == 3 else 0
    for name, shape in _SHAPES.items():
        if arrays[name].shape != (2, frames, *shape) or not frames:
            raise damaged(path, f"{name} has the shape {arrays[name].shape}")

    def angles(name: str) -> np.ndarray:
        return matrix_to_axis_angle(torch.from_numpy(arrays[name])).numpy()

    betas = np.zeros((2, 16), np.float32)
    betas[:, :10] = arrays["betas"][:, 0]
    pelvis = rest_joints(body, torch.from_numpy(betas))[:, None, 0].numpy() + arrays["transl"]
    return PairMotion(
        angles("global_orient")[:, :, 0], angles("body_pose"), angles("left_hand_pose"), angles("right_hand_pose"),
        pelvis, betas,
    )  # fmt: skip


_SHAPES = {
    "transl": (3,), "betas": (10,), "global_orient": (1, 3, 3), "body_pose": (21, 3, 3),
    "left_hand_pose": (15, 3, 3), "right_hand_pose": (15, 3, 3),
}  # fmt: skip


def _camera(path: Path) -> Camera:
    record = _read(path)
    try:
        rotation = np.asarray(record["extrinsics"]["R"], float).reshape(3, 3)
        place = np.asarray(record["extrinsics"]["T"], float).reshape(3)
        lens = record["intrinsics_wo_distortion"]
        focal, centre = (np.asarray(lens[name], float).reshape(2) for name in ("f", "c"))
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(path, str(error)) from error
    world = np.eye(4)
    world[:3, :3], world[:3, 3] = rotation, -rotation @ place
    return Camera(np.array([[focal[0], 0, centre[0]], [0, focal[1], centre[1]], [0, 0, 1]]), world)


def _read(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise damaged(path, str(error)) from error
    if not isinstance(record, dict):
        raise damaged(path, "it holds no JSON object")
    return record
