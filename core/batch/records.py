"""What became of each clip: one small JSON file per clip, replaced in one step, and the summary of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ..contract.errors import UserError
from ..contract.fields import MAX_PATH, Fields
from ..contract.files import read_json, write_json
from ..contract.reconstruction import load_info
from .manifest import Manifest, ManifestClip

DONE, FAILED, WAITING = "done", "failed", "waiting"
SUMMARY_FILE = "summary.json"
_LONGEST_ERROR = 2000


@dataclass(frozen=True)
class Outcome:
    """What became of a clip."""

    name: str
    status: str
    digest: str = ""
    """`ManifestClip.digest` of the run."""
    folder: str = ""
    """Where the result lies, which is beside the wished folder where that held a result of another clip."""
    take: str = ""
    seconds: float = 0.0
    code: str = ""
    """Of the error, if it has failed."""
    error: str = ""
    files: tuple[str, ...] = ()
    """Exported files."""
    reprojection: float | None = None
    """As `Scores` of the take, percent of the person's height."""
    penetration: float | None = None
    """mm"""
    contact: float | None = None
    """mm"""


def write_outcome(manifest: Manifest, outcome: Outcome) -> None:
    """Keep what a run of a clip came to, for the next run and for the summary."""
    write_json(_file(manifest, outcome.name), asdict(outcome))


def read_outcome(manifest: Manifest, clip: ManifestClip) -> Outcome:
    """What the last run of a clip has left; `WAITING` if there was none, or if what is there is of no use any more."""
    waiting = Outcome(clip.name, WAITING)
    try:
        values = Fields(read_json(_file(manifest, clip.name)), _unusable)
        values.only(item.name for item in fields(Outcome))
        outcome = Outcome(
            name=clip.name,
            status=values.text("status", choices=(DONE, FAILED)),
            digest=values.text("digest", longest=200),
            folder=values.text("folder", longest=MAX_PATH),
            take=values.text("take", longest=200),
            seconds=values.number("seconds", 0, 1e9),
            code=values.text("code", longest=200),
            error=values.text("error", longest=_LONGEST_ERROR),
            files=values.texts("files"),
            reprojection=values.number("reprojection", 0, 1e30, None),
            penetration=values.number("penetration", 0, 1e30, None),
            contact=values.number("contact", 0, 1e30, None),
        )
    except UserError:
        return waiting
    return outcome if outcome.digest == clip.digest else waiting


def is_finished(manifest: Manifest, clip: ManifestClip) -> bool:
    """Whether a clip needs no other run: it is done with the same settings, and its take and its files are still there."""
    outcome = read_outcome(manifest, clip)
    if outcome.status != DONE or not all(Path(file).is_file() for file in outcome.files):
        return False
    try:
        return outcome.take in {take.id for take in load_info(Path(outcome.folder)).takes}
    except UserError:
        return False


def failed(clip: ManifestClip, error: UserError, seconds: float) -> Outcome:
    """The outcome of a clip whose run ended with an error."""
    text = " ".join(str(error).split())[:_LONGEST_ERROR]
    return Outcome(clip.name, FAILED, clip.digest, seconds=round(seconds, 2), code=error.code, error=text)


def write_summary(manifest: Manifest, outcomes: Sequence[Outcome]) -> Path:
    """Write all outcomes and their counts into one file; its path."""
    path = manifest.records / SUMMARY_FILE
    record: dict[str, Any] = {
        "manifest": str(manifest.path),
        "counts": {status: sum(each.status == status for each in outcomes) for status in (DONE, FAILED, WAITING)},
        "clips": [asdict(outcome) for outcome in outcomes],
    }
    write_json(path, record)
    return path


def table(outcomes: Sequence[Outcome]) -> str:
    """The outcomes as text, a line each."""
    rows = [("clip", "status", "take", "time", "contact mm", "penetration mm", "")]
    rows += [
        (
            each.name,
            each.status,
            each.take,
            f"{each.seconds:.0f} s" if each.seconds else "",
            "" if each.contact is None else f"{each.contact:.0f}",
            "" if each.penetration is None else f"{each.penetration:.0f}",
            each.error or each.folder,
        )
        for each in outcomes
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[6]]).rstrip() for row in rows
    )


def _file(manifest: Manifest, name: str) -> Path:
    file = f"{name}.json"
    if file.casefold() == SUMMARY_FILE:
        file = f"{name} (clip).json"  # no clip can have that name
    return manifest.records / file


def _unusable(problem: str) -> UserError:
    return UserError("file-unreadable", f"The record cannot be used: {problem}.")
