"""All motion of a folder as captures, whatever formats it holds, kept so that the second reading takes a moment."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from core.contract.errors import UserError
from core.contract.files import read_json, read_npz, write_json, write_npz

from .capture import Capture, CapturedPair
from .readers import amass, asfamc, bvh, deepmimic, expmap, interhuman, interx
from .retargeting.retarget import retarget
from .skeleton_motion import SkeletonMotion

_Item = TypeVar("_Item", Capture, CapturedPair)

_ARCHIVES = (".zip", ".tar", ".tar.xz", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_SKELETONS: dict[str, Callable[[Path], list[SkeletonMotion]]] = {
    "asfamc": asfamc.read,
    "bvh": bvh.read,
    "expmap": expmap.read,
    "deepmimic": deepmimic.read,
}
_BODIES: dict[str, Callable[[Path], Sequence[Capture | CapturedPair]]] = {
    "amass": amass.read,
    "interhuman": interhuman.read,
    "interx": interx.read,
}
_EXPMAP_COLUMNS = (99, 117)
"""Numbers a line of files of exponential maps: root and 32 or 38 joints."""
_NO_READERS = ("library", "motion_clip", "action_detection", "blending", "cycles")
"""Modules of this package that have no say in what is read."""
_UNKNOWN_PEOPLE = ("deepmimic",)
"""Sets that do not say who was recorded: every recording counts as a person of its own."""
_BESIDE = ("CMU-INDEX.md", "cmu-mocap-index-text.txt")
"""Files beside recordings from which readers take their texts."""
_PARTS = ("global_orient", "body_pose", "pelvis", "foot_contact")


@dataclass(frozen=True)
class Skipped:
    path: str
    """Of a file, relative to the library's folder, or the recording's name."""
    reason: str


@dataclass(frozen=True)
class Library:
    """Sources are unique; sorted by them. The two people of a pair are not among `captures`."""

    captures: tuple[Capture, ...]
    pairs: tuple[CapturedPair, ...]
    skipped: tuple[Skipped, ...]
    """Every file that gave no motion, and why."""


@dataclass(frozen=True)
class _Unit:
    """What is read at once and kept under one key."""

    kind: str
    """A reader's name, `archive`, `beside` for what helps another, or none where nothing reads it."""
    path: Path
    files: tuple[Path, ...]
    """What its content depends on."""
    reason: str = ""
    """Why nothing reads it."""


@dataclass(frozen=True)
class _Content:
    captures: tuple[Capture, ...] = ()
    pairs: tuple[CapturedPair, ...] = ()
    skipped: tuple[Skipped, ...] = ()


def load_library(folder: Path, cache: Path | None = None, report: Callable[[str], None] | None = None) -> Library:
    """Every recording below a folder (or one file), retargeted to our body.

    ASF/AMC, BVH, exponential maps, DeepMimic, AMASS, InterHuman and Inter-X, also in .zip and .tar archives. Results are kept
    in the folder `cache`, by content, and found again while neither the files nor the readers change. `report` is told of
    everything that takes time. UserError `mocap-empty` where there is no motion, with what was found instead.
    """
    if not folder.exists():
        raise UserError("mocap-empty", f"{folder} does not exist.", "Name a folder with motion capture.")
    base = folder if folder.is_dir() else folder.parent
    keys = _Keys(cache, base)
    library = _joined([_kept(unit, base, cache, keys, report) for unit in _units(folder)])
    keys.save()
    if not library.captures and not library.pairs:
        found = "; ".join(f"{skip.path}: {skip.reason}" for skip in library.skipped[:3])
        raise UserError(
            "mocap-empty",
            f"{folder} holds no motion that can be read{f' ({found})' if found else ''}.",
            "Known are ASF/AMC, BVH, CMU's exponential maps, DeepMimic, AMASS, InterHuman and Inter-X, also in .zip and .tar.*.",
        )
    return library


def _units(folder: Path) -> Iterator[_Unit]:
    files = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*") if path.is_file())
    skeletons = {path.parent for path in files if path.suffix.lower() == ".asf"}
    done: set[Path] = set()
    for path in files:
        if path in done or path.name.startswith("."):
            continue
        unit = _unit(path, skeletons)
        done.update(unit.files)
        yield unit


def _unit(path: Path, skeletons: set[Path]) -> _Unit:
    ending, name = path.suffix.lower(), path.name.lower()
    if path.name in _BESIDE:
        return _Unit("beside", path, (path,))
    if name.endswith(_ARCHIVES):
        return _Unit("archive", path, (path, *_beside(path.parent)))
    if ending in (".amc", ".asf") and path.parent in skeletons:
        together = sorted(file for file in path.parent.iterdir() if file.suffix.lower() in (".amc", ".asf"))
        return _Unit("asfamc", path.parent, (*together, *_beside(path.parent), *_beside(path.parent.parent)))
    if ending == ".amc":
        return _Unit("", path, (path,), "its skeleton (.asf) is not beside it")
    if ending == ".bvh":
        return _Unit("bvh", path, (path,))
    if path.name in ("P1.npz", "P2.npz") and interx.is_interaction(path.parent):
        text = interx.sentences_file(path.parent)
        return _Unit("interx", path.parent, (*(path.parent / f"P{n}.npz" for n in (1, 2)), *_present(text)))
    if path.parent.name == "person2" and (path.parent.parent / "person1" / path.name).is_file():
        path = path.parent.parent / "person1" / path.name
    if interhuman.is_interaction(path):
        return _Unit("interhuman", path, tuple(_interhuman_files(path)))
    if amass.is_recording(path):
        return _Unit("amass", path, (path,))
    if ending == ".pkl":
        return _Unit("", path, (path,), "a pickle, which can run programs, is not opened")
    if ending == ".txt":
        if path.parent.name in ("texts", "annots"):
            return _Unit("", path, (path,), "sentences of a recording that is not there")
        return _text_unit(path)
    return _Unit("", path, (path,), "no motion of a known format")


def _text_unit(path: Path) -> _Unit:
    with path.open("rb") as stream:
        kind = _kind_of_text(stream.read(65536))
    return _Unit(kind, path, (path,), "" if kind else "no motion of a known format")


def _kind_of_text(start: bytes) -> str:
    """`expmap`, `deepmimic` or nothing, told by how a text begins."""
    text = start.decode("utf-8", "replace")
    if text.lstrip().startswith("{"):
        return "deepmimic" if '"Frames"' in text else ""
    line = text.split("\n", 1)[0]
    numbers = re.fullmatch(r"\s*[-+.\deE]+(\s*,\s*[-+.\deE]+)+,?\s*", line)
    return "expmap" if numbers and len(line.strip().strip(",").split(",")) in _EXPMAP_COLUMNS else ""


def _interhuman_files(path: Path) -> Iterator[Path]:
    yield path
    if path.suffix == ".npy":
        yield path.parent.parent / "person2" / path.name
    yield from _present(interhuman.sentences_file(path))


def _beside(folder: Path) -> Iterator[Path]:
    for name in _BESIDE:
        yield from _present(folder / name)


def _present(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path


def _kept(unit: _Unit, base: Path, cache: Path | None, keys: _Keys, report: Callable[[str], None] | None) -> _Content:
    name = unit.path.relative_to(base).as_posix() if unit.path != base else unit.path.name
    if unit.kind == "beside":
        return _Content()
    if not unit.kind:
        return _Content(skipped=(Skipped(name, unit.reason),))
    place = None if cache is None else cache / keys.of(unit)
    if place is not None and place.with_suffix(".npz").is_file() and place.with_suffix(".json").is_file():
        with suppress(UserError):  # a damaged result is made again
            return _load(place)
    if report is not None:
        report(f"Reading {name}")
    content = _read(unit, name)
    if place is not None:
        _save(place, content)
        _remove_older(place)
    return content


def _read(unit: _Unit, name: str) -> _Content:
    try:
        if unit.kind == "archive":
            return _read_archive(unit.path, name)
        if unit.kind in _BODIES:
            found = _BODIES[unit.kind](unit.path)
            return _Content(
                tuple(item for item in found if isinstance(item, Capture)),
                tuple(item for item in found if isinstance(item, CapturedPair)),
            )
        return _retargeted(_SKELETONS[unit.kind](unit.path))
    except UserError as error:
        return _Content(skipped=(Skipped(name, error.message),))


def _retargeted(motions: Sequence[SkeletonMotion]) -> _Content:
    captures, skipped = [], []
    for motion in motions:
        try:
            captures.append(_known_person(retarget(motion)))
        except UserError as error:
            skipped.append(Skipped(motion.source, error.message))
    return _Content(tuple(captures), (), tuple(skipped))


def _known_person(capture: Capture) -> Capture:
    if capture.subject not in _UNKNOWN_PEOPLE:
        return capture
    return replace(capture, subject=f"{capture.subject}-{capture.source.rpartition('/')[2]}")


def _read_archive(path: Path, name: str) -> _Content:
    """Text formats are read in memory by their readers; archives of arrays are unpacked to a temporary folder."""
    try:
        kinds = _kinds_within(path)
        texts = [kind for kind in _SKELETONS if kind in kinds]
        if texts:
            parts = [_retargeted(_SKELETONS[kind](path)) for kind in texts]
        elif "arrays" in kinds:
            with tempfile.TemporaryDirectory() as folder:
                _unpack(path, Path(folder))
                parts = [_read(unit, unit.path.name) for unit in _units(Path(folder)) if unit.kind]
        else:
            return _Content(skipped=(Skipped(name, "an archive without motion of a known format"),))
    except (OSError, EOFError, tarfile.TarError, zipfile.BadZipFile, NotImplementedError) as error:
        return _Content(skipped=(Skipped(name, f"the archive is damaged: {error}"),))
    return _Content(
        tuple(capture for part in parts for capture in part.captures),
        tuple(pair for part in parts for pair in part.pairs),
        tuple(Skipped(f"{name}/{skip.path}", skip.reason) for part in parts for skip in part.skipped),
    )


def _kinds_within(path: Path) -> set[str]:
    kinds = set()
    for name, start in _entries(path):
        ending = Path(name).suffix.lower()
        if ending == ".amc":
            kinds.add("asfamc")
        elif ending == ".bvh":
            kinds.add("bvh")
        elif ending in (".npz", ".npy"):
            kinds.add("arrays")
        elif ending == ".txt" and not kinds & {"expmap", "deepmimic"}:
            kinds.add(_kind_of_text(start()))
    return kinds - {""}


def _entries(path: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Names of an archive's files, and how to read how each begins."""
    if path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if not entry.is_dir():
                    yield entry.filename, lambda entry=entry: archive.open(entry).read(65536)
    else:
        with tarfile.open(path) as archive:
            for member in archive:
                if member.isfile():
                    stream = archive.extractfile(member)
                    yield member.name, lambda stream=stream: stream.read(65536) if stream else b""


def _unpack(path: Path, folder: Path) -> None:
    if path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
    else:
        with tarfile.open(path) as archive:
            archive.extractall(folder, filter="data")


def _joined(contents: Sequence[_Content]) -> Library:
    captures, twice = _unique([item for content in contents for item in content.captures])
    pairs, paired_twice = _unique([item for content in contents for item in content.pairs])
    skipped = [skip for content in contents for skip in content.skipped]
    return Library(captures, pairs, (*skipped, *twice, *paired_twice))


def _unique(items: Sequence[_Item]) -> tuple[tuple[_Item, ...], list[Skipped]]:
    """The first of each source, sorted by it, and what was left out."""
    known: dict[str, _Item] = {}
    twice = []
    for item in items:
        if item.source in known:
            twice.append(Skipped(item.source, "another recording of the library has the same name"))
        else:
            known[item.source] = item
    return tuple(known[source] for source in sorted(known)), twice


class _Keys:
    """Names of cached results, made of what is in the files, where they lie, and the readers' own code.

    Hashing is saved for files whose size and time have not changed since.
    """

    def __init__(self, cache: Path | None, base: Path) -> None:
        self._base = base
        self._place = None if cache is None else cache / "files.json"
        self._known: dict[str, list] = {}
        if self._place is not None and self._place.is_file():
            try:
                self._known = read_json(self._place)
            except UserError:
                self._known = {}
        self._changed = False
        readers = hashlib.sha256()
        for file in sorted(Path(__file__).parent.rglob("*.py")):
            if file.stem not in _NO_READERS:
                readers.update(file.read_bytes())
        self._readers = readers.hexdigest()

    def of(self, unit: _Unit) -> str:
        place = hashlib.sha256(os.fspath(unit.path.resolve()).encode()).hexdigest()[:8]
        parts = [self._readers, unit.kind, unit.path.relative_to(self._base).as_posix()]
        parts += [self._hash(file) for file in unit.files]
        return f"{unit.path.name.split('.')[0]}-{place}-{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]}"

    def save(self) -> None:
        if self._place is not None and self._changed:
            write_json(self._place, self._known)

    def _hash(self, file: Path) -> str:
        status, name = file.stat(), os.fspath(file.resolve())
        stamp = [status.st_size, status.st_mtime_ns]
        known = self._known.get(name)
        if known is not None and known[:2] == stamp:
            return known[2]
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        self._known[name] = [*stamp, digest]
        self._changed = True
        return digest


def _save(place: Path, content: _Content) -> None:
    people = [*content.captures, *(person for pair in content.pairs for person in pair.people)]
    arrays: dict[str, np.ndarray] = {"frames": np.array([len(one.pelvis) for one in people], np.int64)}
    arrays["betas"] = np.stack([one.betas for one in people]) if people else np.zeros((0, 16), np.float32)
    for part in _PARTS:
        arrays[part] = np.concatenate([getattr(one, part) for one in people]) if people else np.zeros(0)
    write_npz(place.with_suffix(".npz"), arrays)
    record = {
        "people": [
            {"source": one.source, "subject": one.subject, "text": list(one.text), "rate": one.rate} for one in people
        ],
        "captures": len(content.captures),
        "pairs": [{"source": pair.source, "text": list(pair.text)} for pair in content.pairs],
        "skipped": [{"path": skip.path, "reason": skip.reason} for skip in content.skipped],
    }
    write_json(place.with_suffix(".json"), record)


def _remove_older(place: Path) -> None:
    """Results of the same file as it was, or as it was read, before."""
    same = place.name.rpartition("-")[0]
    for file in place.parent.iterdir():
        if file.stem != place.name and file.stem.rpartition("-")[0] == same:
            file.unlink(missing_ok=True)


def _load(place: Path) -> _Content:
    arrays, record = read_npz(place.with_suffix(".npz")), read_json(place.with_suffix(".json"))
    ends = np.cumsum(arrays["frames"])
    people = []
    for words, betas, end, frames in zip(record["people"], arrays["betas"], ends, arrays["frames"]):
        part = slice(int(end - frames), int(end))
        people.append(
            Capture(
                source=words["source"],
                subject=words["subject"],
                text=tuple(words["text"]),
                rate=words["rate"],
                betas=betas,
                **{name: arrays[name][part] for name in _PARTS},
            )
        )
    alone = record["captures"]
    couples = zip(record["pairs"], people[alone::2], people[alone + 1 :: 2])
    return _Content(
        tuple(people[:alone]),
        tuple(CapturedPair(words["source"], (a, b), tuple(words["text"])) for words, a, b in couples),
        tuple(Skipped(skip["path"], skip["reason"]) for skip in record["skipped"]),
    )
