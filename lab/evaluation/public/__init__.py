"""Public data sets of two people, for those who have them: what their files mean, and how their clips go through the product.

All of them have to be asked for; none is here. A clip is looked at from its pixels on. What a set does not annotate in a way
that ours could be compared with (contacts, planted feet, skin of another topology) is left out of the report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.body.model import BodyModel
from core.contract.errors import UserError

from ..benchmark_clip import BenchmarkClip
from ..perception_cache import PerceptionCache
from . import chi3d, harmony4d, hi4d, threedpw
from .clips import Listed, PublicClip, shot_of, wrong_split


@dataclass(frozen=True)
class PublicSet:
    about: str
    """In a few words, for help."""
    splits: tuple[str, ...]
    listed: Callable[[Path, str], list[Listed]]
    load: Callable[[Path, Listed], PublicClip]
    get_it: str
    notes: tuple[str, ...]
    """What a reader of its numbers has to know."""


_NOT_THE_PUBLISHED = (
    "From the pixels on through the whole product, with the camera's lens unknown; one camera a sequence. 22 joints about the "
    "pelvis: published numbers are of other joints, cameras and frames, and are no direct comparison.",
    "No skin, contacts or planted feet are compared: MPVPE, contact and foot measures are left out; penetration is the row's.",
)
_SMPL = (
    "SMPL's joints against SMPL-X's of the same names: a few millimetres of every error are the two models' difference."
)

PUBLIC_SETS: Mapping[str, PublicSet] = {
    "hi4d": PublicSet(
        "Hi4D: close contact in a studio",
        ("test", "dev"),
        hi4d.listed,
        hi4d.load,
        hi4d.GET_IT,
        (
            *_NOT_THE_PUBLISHED,
            _SMPL,
            f"The authors give no split: test is {', '.join(hi4d.TEST_PAIRS)}, the camera is the one that they chose.",
            "Who hides whom is read from the set's masks, where it has them.",
        ),
    ),
    "harmony4d": PublicSet(
        "Harmony4D: grappling, dancing, martial arts",
        ("test", "dev"),
        harmony4d.listed,
        harmony4d.load,
        f"{harmony4d.GET_IT} {harmony4d.CONVERT}",
        (
            *_NOT_THE_PUBLISHED,
            _SMPL,
            "Pictures are straightened and made smaller; jitter is for an assumed rate.",
        ),
    ),
    "chi3d": PublicSet(
        "CHI3D: grabs, hits, hugs in a motion capture studio",
        ("test", "dev"),
        chi3d.listed,
        chi3d.load,
        chi3d.GET_IT,
        (
            *_NOT_THE_PUBLISHED,
            "Subject s02 of the training part is test, for the test part's truth is not public. MPVPE is there where methods fit "
            "the licensed SMPL-X too.",
        ),
    ),
    "3dpw": PublicSet(
        "3DPW: two people outdoors, a camera in the hand",
        ("test", "dev", "contact"),
        threedpw.listed,
        threedpw.load,
        threedpw.GET_IT,
        (
            *_NOT_THE_PUBLISHED,
            _SMPL,
            "The camera moves, which the product does not follow; truth is as that camera saw it.",
        ),
    ),
}


def listed(name: str, folder: Path, split: str) -> list[Listed]:
    """The clips of a set's split, by name. UserError that says how to get the set where they are not there."""
    public = PUBLIC_SETS[name]
    if split not in public.splits:
        raise wrong_split(split, public.splits)
    if not folder.is_dir():
        raise UserError("no-public-data", f"There is no folder {folder}.", public.get_it)
    return public.listed(folder, split)


def shot(name: str, folder: Path, clip: Listed, body: BodyModel, onlooker: PerceptionCache) -> BenchmarkClip:
    """One of them, looked at (minutes, or out of what the onlooker remembers); `body` is the one that methods fit."""
    return shot_of(clip, PUBLIC_SETS[name].load(folder, clip), body, onlooker)


def shots(name: str, folder: Path, split: str, body: BodyModel, onlooker: PerceptionCache) -> Iterator[BenchmarkClip]:
    """All clips of a split, one at a time."""
    for clip in listed(name, folder, split):
        yield shot(name, folder, clip, body, onlooker)
