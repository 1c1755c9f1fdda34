"""Reader of AMASS (Mahmood et al., ICCV 2019): one npz per recording, in folders SET/SUBJECT/, Z up, metres.

Layout, after https://github.com/nghorbani/amass and the files of its two publications: SMPL+H `NAME_poses.npz` with `poses`
[T,156] (root 3, body 63, hands 90), `trans` [T,3], `betas` [16], `mocap_framerate`; SMPL-X `NAME_stageii.npz` with `poses`
[T,165] (root 3, body 63, jaw 3, eyes 6, hands 90), or `root_orient` and `pose_body`, `trans`, `mocap_frame_rate` and
`surface_model_type`. SMPL+H and SMPL-X have the same 21 body joints in the same order.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from core.contract.errors import UserError

from ..capture import Capture
from .smpl_parameters import SmplParameters, as_frames, frame_rate, read_arrays, to_capture
from .text_files import unreadable

_ARRAYS = ("poses", "root_orient", "pose_body", "trans", "mocap_framerate", "mocap_frame_rate")
_ENDINGS = ("_poses", "_stageii")


def is_recording(path: Path) -> bool:
    """Whether a file is named like a recording; `shape.npz` and `neutral_stagei.npz` hold bodies only."""
    return path.suffix == ".npz" and path.stem.endswith(_ENDINGS)


def read(path: Path) -> list[Capture]:
    """A recording, or all recordings below a folder. UserError `recording-unreadable` or `mocap-empty`."""
    if path.is_file():
        return [_read_file(path)]
    files = sorted(file for file in path.rglob("*.npz") if is_recording(file))
    if not files:
        raise UserError(
            "mocap-empty",
            f"There are no AMASS recordings in {path}.",
            "They are named SET/SUBJECT/NAME_poses.npz or NAME_stageii.npz.",
        )
    return [_read_file(file) for file in files]


def _read_file(path: Path) -> Capture:
    arrays = read_arrays(path, _ARRAYS)
    if "trans" not in arrays or not ({"poses"} <= arrays.keys() or {"root_orient", "pose_body"} <= arrays.keys()):
        raise unreadable(path, "it has no `poses` and `trans`, so it is not a recording of AMASS")
    if "poses" in arrays:
        poses = as_frames(path, "poses", arrays["poses"], 66)
    else:
        root = as_frames(path, "root_orient", arrays["root_orient"], 3)
        poses = np.concatenate([root, as_frames(path, "pose_body", arrays["pose_body"], 63)], 1)
    trans = as_frames(path, "trans", arrays["trans"], 3)
    if len(trans) != len(poses):
        raise unreadable(path, f"`trans` has {len(trans)} frames and the poses {len(poses)}")
    rate = frame_rate(path, arrays.get("mocap_framerate", arrays.get("mocap_frame_rate")))
    set_name, person = path.parent.parent.name, path.parent.name
    return to_capture(
        SmplParameters(
            source=f"amass-{set_name}/{person}/{path.stem}",
            subject=_subject(set_name, person),
            text=_text(path.stem),
            rate=rate,
            global_orient=poses[:, :3],
            body_pose=poses[:, 3:66].reshape(-1, 21, 3),
            trans=trans,
        )
    )


def _subject(set_name: str, person: str) -> str:
    """Subjects of the CMU database are named as by its own files, so that one person has one name in both sets."""
    if set_name.lower() == "cmu" and person.isdigit():
        return f"cmu-{int(person):02d}"
    return f"amass-{set_name}-{person}".lower()


def _text(stem: str) -> tuple[str, ...]:
    """Words of the file's name: `B15_-_Walk_turn_around_poses` -> `walk turn around`."""
    for ending in _ENDINGS:
        stem = stem.removesuffix(ending)
    words = [word for word in re.split(r"[^A-Za-z]+", stem) if len(word) > 1]
    return (" ".join(words).lower(),) if words else ()
