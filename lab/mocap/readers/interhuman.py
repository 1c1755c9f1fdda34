"""Reader of InterHuman (Liang et al., IJCV 2024, with InterGen): interactions of two people, Z up, metres.

Layout, after https://github.com/tr3e/InterGen (datasets/interhuman.py, utils/preprocess.py, issues 12, 15, 27 and 29):
`motions_processed/person1/N.npy` and `person2/N.npy`, float [T,492] at 30 frames per second: positions of 62 SMPL-H
joints in the world (the first 22 are the body's), then 51 rotations relative to the parent joint without the root (the first 21
are the body's), each as the first two columns of its matrix row by row; `annots/N.txt`, one sentence per line;
`train.txt`, `val.txt`, `test.txt`.

`motions/N.pkl` are the same clips as SMPL parameters. Pickles can run programs, so they are never opened here: a user who trusts
them converts them with `CONVERSION` to `motions/N.npz`, which is read.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from core.body.files import load_body
from core.body.model import forward_kinematics, rest_joints
from core.body.rotations import kabsch, matrix_to_axis_angle, orthonormal_frame
from core.contract.errors import UserError

from ..capture import CapturedPair
from .smpl_parameters import (
    SmplParameters,
    as_frames,
    frame_rate,
    read_arrays,
    read_sentences,
    to_capture_pair,
    unreadable,
)

_RATE = 30.0
_JOINTS, _BODY = 62, 22
_FIELDS = ("trans", "root_orient", "pose_body")
CONVERSION = (
    "import numpy, pathlib, pickle\n"
    "for file in pathlib.Path('motions').glob('*.pkl'):\n"
    "    clip = pickle.loads(file.read_bytes())\n"
    "    people = {f'{p}_{k}': clip[p][k] for p in ('person1', 'person2') for k in ('trans', 'root_orient', 'pose_body')}\n"
    "    numpy.savez(file.with_suffix('.npz'), mocap_framerate=clip['mocap_framerate'], **people)\n"
)
"""A program that a user who trusts the pickles runs once in the set's folder."""


def is_interaction(path: Path) -> bool:
    """Whether a file is an interaction by its path: `person1/N.npy` with its partner, or a converted `motions/N.npz`."""
    if path.suffix == ".npy":
        return path.parent.name == "person1" and _partner(path).is_file()
    return path.suffix == ".npz" and path.parent.name == "motions"


def read(path: Path) -> list[CapturedPair]:
    """An interaction's file, or all interactions below a folder. The processed form is preferred where both exist.

    UserError `mocap-pickle` where there are only pickles, `mocap-unreadable` or `mocap-empty`.
    """
    if path.suffix == ".pkl":
        raise _pickled(path)
    if path.is_file():
        return [_read_file(path)]
    files = [file for file in sorted(path.rglob("*.np[yz]")) if is_interaction(file)]
    processed = {file.stem for file in files if file.suffix == ".npy"}
    files = [file for file in files if file.suffix == ".npy" or file.stem not in processed]
    if not files:
        pickles = next(path.rglob("motions/*.pkl"), None)
        if pickles is not None:
            raise _pickled(pickles)
        raise UserError(
            "mocap-empty",
            f"There are no interactions of InterHuman in {path}.",
            "The folder should contain motions_processed/person1/N.npy and person2/N.npy, and annots/N.txt.",
        )
    return [_read_file(file) for file in files]


def _pickled(path: Path) -> UserError:
    return UserError(
        "mocap-pickle",
        f"{path} is a pickle, which can run programs, so it is not opened.",
        "Use motions_processed/ of the same set. Or, if you trust the pickles, convert them by running this in the folder that "
        f"contains motions/:\n{CONVERSION}",
    )


def sentences_file(path: Path) -> Path:
    """`annots/N.txt` of a clip's file."""
    root = path.parent.parent.parent if path.suffix == ".npy" else path.parent.parent
    return root / "annots" / f"{path.stem}.txt"


def _partner(path: Path) -> Path:
    return path.parent.parent / "person2" / path.name


def _read_file(path: Path) -> CapturedPair:
    text = read_sentences(sentences_file(path))
    source = f"interhuman/{path.stem}"
    if path.suffix == ".npy":
        people = (_processed(path, source, 1, text), _processed(_partner(path), source, 2, text))
    else:
        people = _converted(path, source, text)
    return CapturedPair(source, to_capture_pair(people), text)


def _processed(path: Path, source: str, number: int, text: tuple[str, ...]) -> SmplParameters:
    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise unreadable(path, str(error)) from error
    values = as_frames(path, "the array", values, _JOINTS * 3 + (_BODY - 1) * 6)
    positions = values[:, : _BODY * 3].reshape(-1, _BODY, 3)
    columns = values[:, _JOINTS * 3 :].reshape(-1, _BODY - 1, 3, 2)
    rotations = orthonormal_frame(*torch.from_numpy(columns).unbind(-1))
    return SmplParameters(
        source=f"{source}/{number}",
        subject=source.replace("/", "-"),
        text=text,
        rate=_RATE,
        up="z",
        global_orient=_root_orientation(positions, rotations),
        body_pose=matrix_to_axis_angle(rotations).numpy(),
        trans=positions[:, 0],
    )


def _converted(path: Path, source: str, text: tuple[str, ...]) -> tuple[SmplParameters, SmplParameters]:
    names = [f"person{number}_{field}" for number in (1, 2) for field in _FIELDS]
    arrays = read_arrays(path, [*names, "mocap_framerate"])
    if len(arrays) < len(names) + 1:
        missing = ", ".join(name for name in [*names, "mocap_framerate"] if name not in arrays)
        raise unreadable(path, f"it has no {missing}, so it is not a converted clip of InterHuman")
    people = []
    for number in (1, 2):
        trans, orient, pose = (
            as_frames(path, field, arrays[f"person{number}_{field}"], width)
            for field, width in zip(_FIELDS, (3, 3, 63))
        )
        people.append(
            SmplParameters(
                source=f"{source}/{number}",
                subject=source.replace("/", "-"),
                text=text,
                rate=frame_rate(path, arrays["mocap_framerate"]),
                up="z",
                global_orient=orient,
                body_pose=pose.reshape(-1, _BODY - 1, 3),
                trans=trans,
            )
        )
    return people[0], people[1]


def _root_orientation(positions: Float[np.ndarray, "T 22 3"], rotations: Float[torch.Tensor, "T 21 3 3"]) -> np.ndarray:
    """Axis-angles [T,3] of the root, which the files leave out: the rotation that takes the joints of our body in this pose
    closest to the recorded positions (Kabsch, 1976)."""
    body = load_body(None)
    root = torch.eye(3, dtype=rotations.dtype).expand(len(positions), 1, 3, 3)
    rest = rest_joints(body, torch.zeros(1, 16)).double()[:, :_BODY]
    posed, _ = forward_kinematics(torch.cat([root, rotations], 1), rest, torch.zeros(len(positions), 3).double())
    recorded = torch.from_numpy(positions - positions[:, :1])
    return matrix_to_axis_angle(kabsch(posed, recorded)).numpy()
