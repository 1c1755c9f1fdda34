"""Train, dev and test, by family and by who was recorded: what `splits.json` says."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Protocol

from core.contract.errors import UserError
from core.contract.files import read_json

from ..mocap.capture import Capture
from ..mocap.library import Library

Split = Literal["train", "dev", "test"]
SPLITS: tuple[Split, ...] = ("train", "dev", "test")

_FILE = Path(__file__).with_suffix(".json")
NOBODY = "nobody"
"""The subject of a motion that was not recorded; it belongs to every split."""


def families_of(split: Split) -> tuple[str, ...]:
    """Ids of the families that the split may hold."""
    return tuple(_record()["families"][split])


def unseen_families() -> tuple[str, ...]:
    """Those that test holds and train does not."""
    return tuple(family for family in families_of("test") if family not in families_of("train"))


def split_of_subject(subject: str) -> Split:
    """Where a recorded person belongs: train, unless listed elsewhere."""
    listed = _record()["subjects"]
    for split in SPLITS:
        if any(fnmatchcase(subject, pattern) for pattern in listed.get(split, ())):
            return split
    return "train"


class Clip(Protocol):
    """What is known of an interaction, or of a clip that was rendered of one."""

    @property
    def name(self) -> str: ...
    @property
    def family(self) -> str: ...
    @property
    def subjects(self) -> tuple[str, ...]: ...


def split_of(clip: Clip) -> Split:
    """Where a clip belongs, by the people underneath; by its family alone where nobody was recorded.

    UserError `split-broken` where they belong to several splits, or to one that may not hold the family.
    """
    splits: set[Split] = {split_of_subject(subject) for subject in clip.subjects if subject != NOBODY}
    if len(splits) > 1:
        raise _broken(clip, f"is made of people of {' and '.join(sorted(splits))}")
    holding: list[Split] = [split for split in SPLITS if clip.family in families_of(split)]
    wanted = splits.pop() if splits else next(iter(holding), None)
    if wanted is None or wanted not in holding:
        which = f"{wanted} may not hold" if wanted else "no split may hold"
        raise _broken(clip, f"is of the family {clip.family}, which {which}")
    return wanted


def captures_of(library: Library, split: Split) -> list[Capture]:
    """The library's single recordings of one split."""
    return [capture for capture in library.captures if split_of_subject(capture.subject) == split]


def _broken(clip: Clip, why: str) -> UserError:
    return UserError("split-broken", f"The clip {clip.name} {why}.", "Make it again for one split.")


@lru_cache(maxsize=1)
def _record() -> dict[str, Any]:
    return read_json(_FILE)
