"""Public datasets of two people in contact: readers for users who have a copy.

None of them is in this repository; each has to be requested from its authors. The whole pipeline runs on their images. What a
dataset does not annotate in a comparable way (contacts, foot contacts, skin of another topology) is left out of the report.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.body.model import BodyModel
from core.contract.errors import UserError

from ..benchmark_clip import BenchmarkClip
from ..perception_cache import PerceptionCache
from . import chi3d, harmony4d, hi4d, threedpw
from .clips import ListedClip, PublicClip, benchmark_clip, wrong_split


@dataclass(frozen=True)
class PublicDataset:
    """How a public dataset is read and evaluated, and how to get it."""

    splits: tuple[str, ...]
    list_clips: Callable[[Path, str], list[ListedClip]]
    """Of a folder and a split."""
    load: Callable[[Path, ListedClip], PublicClip]
    how_to_get: str
    notes: tuple[str, ...]
    """What readers of the report have to know."""


_PROTOCOL = (
    "The whole pipeline runs, from the pixels on, without knowledge of the lens, on one camera per sequence. Errors are over 22 "
    "joints relative to the pelvis. Published numbers are over other joints, cameras and frames and cannot be compared directly.",
    "Skin, contacts and foot contacts are not compared: MPVPE and metrics of contacts and feet are left out; penetration is that "
    "of the estimate.",
)
_SMPL = "SMPL's joints are compared with SMPL-X's of the same names: a few millimetres of every error come from this."

PUBLIC_DATASETS: Mapping[str, PublicDataset] = {
    "hi4d": PublicDataset(
        ("test", "dev"),
        hi4d.list_clips,
        hi4d.load,
        hi4d.HOW_TO_GET,
        (
            *_PROTOCOL,
            _SMPL,
            f"The authors give no split: test is {', '.join(hi4d.TEST_PAIRS)}; the camera is the one that they chose.",
            "Occlusion comes from the dataset's masks, where it has them.",
        ),
    ),
    "harmony4d": PublicDataset(
        ("test", "dev"),
        harmony4d.list_clips,
        harmony4d.load,
        f"{harmony4d.HOW_TO_GET} {harmony4d.CONVERT}",
        (*_PROTOCOL, _SMPL, "Images are undistorted and scaled down; jitter depends on an assumed frame rate."),
    ),
    "chi3d": PublicDataset(
        ("test", "dev"),
        chi3d.list_clips,
        chi3d.load,
        chi3d.HOW_TO_GET,
        (
            *_PROTOCOL,
            "Test is subject s02 of the training part, because the ground truth of the test part is not public. MPVPE is defined "
            "if methods fit the licensed SMPL-X, too.",
        ),
    ),
    "3dpw": PublicDataset(
        ("test", "dev", "contact"),
        threedpw.list_clips,
        threedpw.load,
        threedpw.HOW_TO_GET,
        (
            *_PROTOCOL,
            _SMPL,
            "The camera moves, which the product does not follow; the ground truth is given relative to that camera.",
        ),
    ),
}


def list_clips(name: str, folder: Path, split: str) -> list[ListedClip]:
    """The clips of a dataset's split, by name. UserError `unknown-split`, or `no-public-data` with how to get the dataset."""
    dataset = PUBLIC_DATASETS[name]
    if split not in dataset.splits:
        raise wrong_split(split, dataset.splits)
    if not folder.is_dir():
        raise UserError("no-public-data", f"There is no folder {folder}.", dataset.how_to_get)
    return dataset.list_clips(folder, split)


def load_clip(name: str, folder: Path, clip: ListedClip, body: BodyModel, perception: PerceptionCache) -> BenchmarkClip:
    """One clip with its detections, which take minutes unless they are cached; `body` is the body that methods fit."""
    return benchmark_clip(clip, PUBLIC_DATASETS[name].load(folder, clip), body, perception)
