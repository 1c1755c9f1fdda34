"""Examines a result's folder, part by part, and restores what can be restored from its other parts.

A motion lies there twice, as the active take and under its id, and a record too but for the list of takes; bodies follow from
the shapes in the motion. So any one damaged file can be restored, and nothing is deleted: what is damaged is set aside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeVar

from ..errors import UserError
from ..files import explain_write_errors
from ..names import is_identifier
from ..temporary import remove_leftovers, temporary_files
from .journal import (
    BODY_FILE,
    INFO_FILE,
    JOURNAL_FILE,
    MOTION_FILE,
    TAKES_FOLDER,
    finish_interrupted_save,
    read_journal,
    refuse_links,
)
from .records import BodyArrays, Info, MotionArrays, Reconstruction, Take, best_of, damaged
from .storage import Parts, save, take_file

SET_ASIDE_FOLDER = "damaged"
"""Where `repair` moves files that are damaged."""

Value = TypeVar("Value")
State = Literal["good", "missing", "damaged", "unfinished"]
BodyBuilder = Callable[[Info, MotionArrays], BodyArrays]
"""Makes the content of `body.npz` for the people of a motion. UserError where that is not possible."""


@dataclass(frozen=True)
class Finding:
    """What was found out about one part of a result."""

    part: str
    """A file, or what else it is called for the user."""
    state: State
    text: str
    """A sentence."""

    @property
    def ok(self) -> bool:
        return self.state == "good"


@dataclass(frozen=True)
class _Contents:
    """What could be read; None for a part that is missing or damaged. Takes are those whose motion and record are both good."""

    findings: tuple[Finding, ...]
    info: Info | None
    motion: MotionArrays | None
    body: BodyArrays | None
    takes: Mapping[str, tuple[Info, MotionArrays]]
    bad_takes: tuple[str, ...]
    """Ids of takes of which something is damaged or missing."""


def examine(folder: Path) -> list[Finding]:
    """Check every part of a result. Changes nothing. UserError `no-reconstruction` where there is nothing of one."""
    return list(_read(folder).findings)


def repair(folder: Path, build_body: BodyBuilder | None = None) -> list[str]:
    """Restore what can be restored; returns a sentence for everything that was done.

    An interrupted save is completed, or undone where its files are damaged; files that are damaged are moved into `damaged/`, and
    made anew from others: the active motion from its take, a take from the active motion, the record from the takes' records,
    bodies by `build_body`. Run it only while no other run works in the folder. UserError `no-reconstruction`; `beyond-repair`
    where no take is left; `disk-full` or `not-writable`; those of `build_body`.
    """
    done: list[str] = []
    with explain_write_errors(folder):
        refuse_links(folder)
        if finish_interrupted_save(folder):
            done.append("A save that had been interrupted was completed, or undone where its files were damaged.")
    contents = _read(folder)
    unfinished = temporary_files(folder) + temporary_files(folder / TAKES_FOLDER)
    if unfinished:
        for place in (folder, folder / TAKES_FOLDER):
            remove_leftovers(place)
        done.append(f"Unfinished temporary files were removed: {len(unfinished)}.")
    if all(finding.ok or finding.state == "unfinished" for finding in contents.findings):
        return done
    whole = _restored(contents, build_body)
    with explain_write_errors(folder):
        damaged_files = [finding.part for finding in contents.findings if finding.state == "damaged"]
        for file in dict.fromkeys([*damaged_files, *_unlisted_files(contents, whole.info)]):
            if (folder / file).is_file():
                problem = "was damaged" if file in damaged_files else "belongs to a damaged take"
                done.append(f"{file} {problem} and now lies in {_set_aside(folder, file)}.")
    save(folder, whole)
    restored = [finding.part for finding in contents.findings if not finding.ok and finding.part in _main_files(whole)]
    done += [f"{part} was restored." for part in restored]
    lost = [take for take in contents.bad_takes if take != whole.info.take]
    done += [f"The take {take} could not be restored and is not listed any more." for take in lost]
    return done


def _read(folder: Path) -> _Contents:
    parts = Parts(folder)
    on_disk = _ids_on_disk(folder)
    if not on_disk and not any(parts.path(file).exists() for file in (INFO_FILE, MOTION_FILE)):
        raise UserError(
            "no-reconstruction",
            f"{folder} holds no reconstruction.",
            "Choose the folder of a finished reconstruction.",
        )
    findings = _unfinished(folder)
    info = _attempt(findings, parts, INFO_FILE, parts.info)
    takes: dict[str, tuple[Info, MotionArrays]] = {}
    bad: list[str] = []
    for take in on_disk if info is None else [take.id for take in info.takes]:
        pair = _read_take(findings, parts, take, info)
        if pair is None:
            bad.append(take)
        else:
            takes[take] = pair
    described = [record for record, _ in takes.values()] if info is None else [info]
    motion = _attempt(findings, parts, MOTION_FILE, lambda: _active_motion(parts, described))
    body = _attempt(findings, parts, BODY_FILE, parts.body)
    return _Contents(tuple(findings), info, motion, body, takes, tuple(bad))


def _read_take(
    findings: list[Finding], parts: Parts, take: str, active: Info | None
) -> tuple[Info, MotionArrays] | None:
    """A take's record and motion; the record of the active take is that of the result too."""
    record_file, motion_file = take_file(take, ".json"), take_file(take, ".npz")
    record = _attempt(findings, parts, record_file, lambda: parts.info(take))
    if record is None and active is not None and active.take == take:
        record = active
    if record is None:
        return None
    motion = _attempt(findings, parts, motion_file, lambda: parts.motion(motion_file, record))
    return None if motion is None else (record, motion)


def _attempt(findings: list[Finding], parts: Parts, file: str, read: Callable[[], Value]) -> Value | None:
    """Read a part and note what was found; None if it is missing or damaged. UserError `schema-too-new`."""
    if not parts.path(file).exists():
        findings.append(Finding(file, "missing", f"{file} is missing."))
        return None
    try:
        value = read()
    except UserError as error:
        if error.code == "schema-too-new":
            raise
        findings.append(Finding(file, "damaged", f"{file} is damaged. {error.message}"))
        return None
    findings.append(Finding(file, "good", f"{file} is good."))
    return value


def _active_motion(parts: Parts, described: Sequence[Info]) -> MotionArrays:
    """The motion of the active take, as one of these records describes it."""
    if not described:
        raise damaged("no record says what it belongs to")
    for info in described[1:]:
        with suppress(UserError):
            return parts.motion(MOTION_FILE, info)
    return parts.motion(MOTION_FILE, described[0])


def _unfinished(folder: Path) -> list[Finding]:
    findings: list[Finding] = []
    if (folder / JOURNAL_FILE).exists():
        text = "A save was interrupted after it was decided; its new files are read in place of the old ones."
        if not read_journal(folder):
            text = "A save was interrupted, and its journal is damaged."
        findings.append(Finding(JOURNAL_FILE, "unfinished", text))
    count = len(temporary_files(folder)) + len(temporary_files(folder / TAKES_FOLDER))
    if count and not read_journal(folder):
        text = f"{count} temporary files are left of a save that was interrupted; nothing refers to them."
        findings.append(Finding("temporary files", "unfinished", text))
    return findings


def _ids_on_disk(folder: Path) -> list[str]:
    place = folder / TAKES_FOLDER
    if not place.is_dir():
        return []
    return sorted(
        {path.stem for path in place.iterdir() if path.suffix in (".json", ".npz") and is_identifier(path.stem)}
    )


def _restored(contents: _Contents, build_body: BodyBuilder | None) -> Reconstruction:
    """The result with every part that can be had; its record lists the takes that are whole."""
    info, motion = _active(contents)
    body = contents.body if motion is contents.motion or _same_bodies(contents, motion) else None
    if body is None:
        if build_body is None:
            raise UserError(
                "body-missing",
                "The bodies of the result are damaged, and only the core can make them anew.",
                "Run `python -m core verify DIR --repair` in the environment.",
            )
        body = build_body(info, motion)
    return Reconstruction(motion, body, info)


def _active(contents: _Contents) -> tuple[Info, MotionArrays]:
    """The record and motion to make active: the active take if it can be had, else the best of those that are whole."""
    info, whole = contents.info, contents.takes
    if info is not None:
        motion = contents.motion or (whole[info.take][1] if info.take in whole else None)
        if motion is not None:
            listed = [take for take in info.takes if take.id in whole or take.id == info.take]
            return replace(info, takes=tuple(listed)), motion
    if not whole:
        raise UserError(
            "beyond-repair",
            "No take of this result is whole, so that it cannot be repaired.",
            "Reconstruct the clip again; the damaged files stay where they are.",
        )
    listed = _known_takes(contents)
    record, motion = whole[_shown_take(contents) or best_of(listed).id]
    return replace(record, takes=tuple(listed)), motion


def _known_takes(contents: _Contents) -> list[Take]:
    """The entries of all whole takes, in the order of the record, or of their ids where it is lost."""
    records = [record for record, _ in contents.takes.values()]
    if contents.info is not None:
        records.insert(0, contents.info)
    entries = {take.id: take for record in reversed(records) for take in record.takes}
    return [entries[take] for take in sorted(entries) if take in contents.takes]


def _shown_take(contents: _Contents) -> str | None:
    """The take that `reconstruction.npz` holds; None where it is damaged."""
    active = contents.motion
    if active is None:
        return None
    return next((take for take, (_, motion) in contents.takes.items() if _equal(motion, active)), None)


def _same_bodies(contents: _Contents, motion: MotionArrays) -> bool:
    """Whether the bodies that are there belong to a motion."""
    info, active = contents.info, contents.motion
    if active is not None:
        return bool((active.betas == motion.betas).all())
    return info is not None and info.take in contents.takes and contents.takes[info.take][1] is motion


def _equal(a: MotionArrays, b: MotionArrays) -> bool:
    mine, others = vars(a), vars(b)
    return all(mine[name].shape == others[name].shape and (mine[name] == others[name]).all() for name in mine)


def _unlisted_files(contents: _Contents, info: Info) -> list[str]:
    """Both files of each take that could not be restored."""
    listed = {take.id for take in info.takes}
    lost = [take for take in contents.bad_takes if take not in listed]
    return [take_file(take, suffix) for take in lost for suffix in (".json", ".npz")]


def _set_aside(folder: Path, file: str) -> str:
    """Move a file into `damaged/`; returns its new name, relative to the folder. OSError."""
    place, name = folder / SET_ASIDE_FOLDER, Path(file)
    if place.is_symlink():
        raise OSError(f"{SET_ASIDE_FOLDER} is a link to another folder")
    place.mkdir(exist_ok=True)
    number, target = 1, place / name.name
    while target.exists():
        number += 1
        target = place / f"{name.stem}-{number}{name.suffix}"
    (folder / file).rename(target)
    return f"{SET_ASIDE_FOLDER}/{target.name}"


def _main_files(whole: Reconstruction) -> set[str]:
    """The files that `save` writes for a result."""
    take = whole.info.take
    return {MOTION_FILE, INFO_FILE, BODY_FILE, take_file(take, ".json"), take_file(take, ".npz")}
