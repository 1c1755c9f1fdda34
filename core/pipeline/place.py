"""Where the takes of a clip go: beside those of the same clip, or into a new folder, so that no take is ever removed."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from ..contract.errors import UserError
from ..contract.fields import Fields
from ..contract.reconstruction import Info, damaged, load_info
from . import results
from .choices import ClipChoices


def find_place(folder: Path, choices: ClipChoices) -> tuple[Path, Info | None]:
    """The folder itself or the first one beside it that is free or holds takes of the same, and what it holds.

    UserError `schema-too-new` where a folder on the way holds a result of a newer version.
    """
    for number in count(1):
        place = folder if number == 1 else folder.resolve().with_name(f"{folder.resolve().name}-{number}")
        if not results.holds_result(place):
            return place, None
        before = _readable(place)
        made_of = None if before is None else choices_of(before)
        if made_of is not None and made_of.are_of_same_clip(choices):
            return place, before
    raise AssertionError("not reached")


def _readable(folder: Path) -> Info | None:
    """What the folder holds, None where it is damaged; UserError where it is too new for us."""
    try:
        return load_info(folder)
    except UserError as error:
        if error.code == "schema-too-new":
            raise
        return None


def choices_of(info: Info) -> ClipChoices | None:
    """What a take was made of; None where an older version did not say."""
    try:
        return ClipChoices.from_json(Fields(info.settings, damaged).record("choices"))
    except UserError:
        return None
