"""Reader of Inter-X (Xu et al., CVPR 2024): interactions of two people, SMPL-X parameters at 120 frames per second, Y up, metres.

Layout, after https://github.com/liangxuy/Inter-X (README and preprocess/): `motions/GgggTtttAaaaRrrr/P1.npz` and `P2.npz` with
`root_orient` [T,3], `pose_body` [T,21,3], `pose_lhand` and `pose_rhand` [T,15,3], `trans` [T,3], `betas` [1,10], `gender`;
`texts/GgggTtttAaaaRrrr.txt`, one sentence per line. ggg is the pair of people, aaa the action (0-39), in the order of
`annots/action_setting.txt`. Which of the two acts is stored in a pickle there, which is not read.
"""

from __future__ import annotations

import re
from pathlib import Path

from core.contract.errors import UserError

from ..capture import CapturedPair
from .smpl_parameters import SmplParameters, as_frames, read_arrays, read_sentences, to_capture_pair, unreadable

_RATE = 120.0
_ARRAYS = ("root_orient", "pose_body", "trans")
_NAME = re.compile(r"G(\d{3})T\d{3}A(\d{3})R\d{3}")
ACTIONS = (
    "hug", "handshake", "wave", "grab", "hit", "kick", "posing", "push", "pull", "sit on leg", "slap", "pat on back",
    "point finger at", "walk towards", "knock over", "step on foot", "high-five", "chase", "whisper in ear",
    "support with hand", "rock-paper-scissors", "dance", "link arms", "shoulder to shoulder", "bend", "carry on back",
    "massaging shoulder", "massaging leg", "hand wrestling", "chat", "pat on cheek", "thumb up", "touch head", "imitate",
    "kiss on cheek", "help up", "cover mouth", "look back", "block", "fly kiss",
)  # fmt: skip
"""The set's 40 action labels."""


def is_interaction(folder: Path) -> bool:
    return (folder / "P1.npz").is_file() and (folder / "P2.npz").is_file()


def read(path: Path) -> list[CapturedPair]:
    """An interaction's folder, or all interactions below a folder. UserError `mocap-unreadable` or `mocap-empty`."""
    if is_interaction(path):
        return [_read_folder(path)]
    folders = sorted(file.parent for file in path.rglob("P1.npz") if is_interaction(file.parent))
    if not folders:
        raise UserError(
            "mocap-empty",
            f"There are no interactions of Inter-X in {path}.",
            "Unpack motions.zip: it contains motions/G001T000A000R000/P1.npz and P2.npz.",
        )
    return [_read_folder(folder) for folder in folders]


def sentences_file(folder: Path) -> Path:
    """`texts/NAME.txt` of `motions/NAME`."""
    return folder.parent.parent / "texts" / f"{folder.name}.txt"


def action(name: str) -> str | None:
    """The action's label for a name such as `G001T000A000R000`; None for other names."""
    found = _NAME.fullmatch(name)
    return ACTIONS[int(found[2])] if found and int(found[2]) < len(ACTIONS) else None


def _read_folder(folder: Path) -> CapturedPair:
    text = read_sentences(sentences_file(folder))
    label = action(folder.name)
    text = text or ((label,) if label else ())
    source = f"inter-x/{folder.name}"
    people = (_person(folder, 1, source, text), _person(folder, 2, source, text))
    return CapturedPair(source, to_capture_pair(people), text)


def _person(folder: Path, number: int, source: str, text: tuple[str, ...]) -> SmplParameters:
    path = folder / f"P{number}.npz"
    arrays = read_arrays(path, _ARRAYS)
    if len(arrays) < len(_ARRAYS):
        raise unreadable(path, "it has no `root_orient`, `pose_body` and `trans`, so it is not a file of Inter-X")
    orient = as_frames(path, "root_orient", arrays["root_orient"], 3)
    pose = as_frames(path, "pose_body", arrays["pose_body"], 63)
    trans = as_frames(path, "trans", arrays["trans"], 3)
    if not len(orient) == len(pose) == len(trans):
        raise unreadable(path, "its arrays have different numbers of frames")
    found = _NAME.fullmatch(folder.name)
    # which of a pair's two people is P1 is not known, so both have the pair's name
    pair = found[1] if found else folder.name
    return SmplParameters(
        source=f"{source}/{number}",
        subject=f"inter-x-{pair}",
        text=text,
        rate=_RATE,
        up="y",
        global_orient=orient,
        body_pose=pose.reshape(-1, 21, 3),
        trans=trans,
    )
