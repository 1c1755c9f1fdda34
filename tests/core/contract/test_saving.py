"""A save is one step: killed, refused or without space at any point it leaves the old result or the new one, whole."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.contract.errors import UserError
from core.contract.reconstruction import (
    BODY_FILE,
    INFO_FILE,
    JOURNAL_FILE,
    MOTION_FILE,
    Reconstruction,
    finish_interrupted_save,
    journal,
    load,
    load_info,
    load_take_motion,
    save,
    storage,
)
from core.contract.temporary import remove_leftovers, temporary_name

ROOT = Path(__file__).resolve().parents[3]


class Killed(BaseException):
    """Like a kill: nothing that cleans up after an Exception runs, but `finally` does. See also the test with `os._exit`."""


def second_of(first: Reconstruction) -> Reconstruction:
    """Another take: it lies elsewhere, has fewer frames and other bodies, so that every file differs."""
    motion = first.motion
    frames = slice(0, 9)
    by_frame = {
        name: array[frames] if name in ("frame_index", "time", "camera_K", "camera_world") else array[:, frames]
        for name, array in vars(motion).items()
        if name not in ("betas", "rest_joints")
    }
    info = replace(
        first.info,
        take="take-002",
        takes=(*first.info.takes, replace(first.info.takes[0], id="take-002", energy=0.5)),
        clip=first.info.clip | {"frames": [0, 8]},
        prompt="another",
    )
    body = replace(first.body, rest_vertices=first.body.rest_vertices * np.float32(1.01))
    return Reconstruction(replace(motion, **by_frame), body, info)


@pytest.fixture(scope="module")
def old_and_new(made_up: Reconstruction) -> tuple[Reconstruction, Reconstruction]:
    return made_up, second_of(made_up)


@pytest.fixture
def folder(tmp_path: Path, old_and_new: tuple[Reconstruction, Reconstruction]) -> Path:
    save(tmp_path / "result", old_and_new[0])
    return tmp_path / "result"


def which(folder: Path, old_and_new: tuple[Reconstruction, Reconstruction]) -> str:
    """Which of the two results the folder holds; an error or a mixture of them fails the test."""
    read = load(folder)
    for name, given in zip(("old", "new"), old_and_new):
        if read.info.take == given.info.take:
            assert read.info == given.info
            for part in ("motion", "body"):
                for field, array in vars(getattr(given, part)).items():
                    np.testing.assert_array_equal(getattr(getattr(read, part), field), array)
            for take in read.info.takes:
                source = old_and_new[0] if take.id == "take-001" else old_and_new[1]
                np.testing.assert_array_equal(load_take_motion(folder, take.id).pelvis, source.motion.pelvis)
                assert load_info(folder, take.id).take == take.id
            return name
    raise AssertionError(f"the folder holds {read.info.take}")


def recovered(folder: Path) -> None:
    """What the next run does when it opens the folder."""
    finish_interrupted_save(folder)
    for place in (folder, folder / "takes"):
        remove_leftovers(place)
    hidden = list(folder.rglob(".*"))
    assert not hidden


def check_whole(folder: Path, old_and_new: tuple[Reconstruction, Reconstruction]) -> str:
    """The result as a reader finds it now, after recovery, and after saving again."""
    found = which(folder, old_and_new)
    recovered(folder)
    assert which(folder, old_and_new) == found
    save(folder, old_and_new[1])
    assert which(folder, old_and_new) == "new"
    assert not (folder / JOURNAL_FILE).exists()
    return found


@contextmanager
def failing(
    monkeypatch: pytest.MonkeyPatch, calls: list[tuple[object, str]], number: int, error: Callable[[], BaseException]
):
    """Make the call with this number, counted over all the functions, raise."""
    count = 0

    def wrapped(real: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **options: object) -> object:
            nonlocal count
            count += 1
            if count - 1 == number:
                raise error()
            return real(*arguments, **options)

        return call

    with monkeypatch.context() as patch:
        for owner, name in calls:
            patch.setattr(owner, name, wrapped(getattr(owner, name)))
        yield lambda: count


STEPS: list[tuple[object, str]] = [(os, "replace"), (os, "link"), (os, "fsync"), (Path, "unlink")]


def numbers(run: Callable[[int], bool]) -> Iterator[int]:
    """0, 1, 2, ... until a run says that nothing failed any more."""
    for number in range(1000):
        if not run(number):
            return
        yield number
    raise AssertionError("the runs do not end")


@pytest.mark.slow
def test_a_save_that_is_killed_at_any_step_leaves_a_whole_result(
    folder: Path, old_and_new: tuple[Reconstruction, Reconstruction], monkeypatch: pytest.MonkeyPatch
) -> None:
    pristine, found = folder.with_name("pristine"), []
    shutil.copytree(folder, pristine)

    def run(number: int) -> bool:
        shutil.rmtree(folder)
        shutil.copytree(pristine, folder)
        with failing(monkeypatch, STEPS, number, Killed) as count:
            try:
                save(folder, old_and_new[1])
            except Killed:
                pass
            else:
                assert count() <= number
                return False
        found.append(check_whole(folder, old_and_new))
        return True

    cases = len(list(numbers(run)))
    assert cases >= 20 and found == sorted(found, reverse=True), "once it is new it stays new"
    assert {"old", "new"} == set(found)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_that_ends_at_any_step_leaves_a_whole_result(
    folder: Path, old_and_new: tuple[Reconstruction, Reconstruction]
) -> None:
    """As by kill -9 and by the end of the power: no `finally` runs."""
    pristine, found = folder.with_name("pristine"), []
    shutil.copytree(folder, pristine)

    def run(number: int) -> bool:
        shutil.rmtree(folder)
        shutil.copytree(pristine, folder)
        child = os.fork()
        if child == 0:
            patch, ended = pytest.MonkeyPatch(), 0

            def end() -> BaseException:
                os._exit(9)

            try:
                with failing(patch, STEPS, number, end):
                    save(folder, old_and_new[1])
            except BaseException:
                ended = 1
            os._exit(ended)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        assert code in (0, 9)
        if code == 0:
            return False
        found.append(check_whole(folder, old_and_new))
        return True

    cases = len(list(numbers(run)))
    assert cases >= 20 and found == sorted(found, reverse=True) and {"old", "new"} == set(found)


@pytest.mark.parametrize("lasting", [False, True])
def test_a_rename_that_is_refused_leaves_a_whole_result(
    folder: Path, old_and_new: tuple[Reconstruction, Reconstruction], monkeypatch: pytest.MonkeyPatch, lasting: bool
) -> None:
    """As on Windows while another program has the file open; `lasting`: not only for a moment."""
    monkeypatch.setattr(journal, "_PAUSE", 0.0)
    pristine = folder.with_name("pristine")
    shutil.copytree(folder, pristine)
    files = [MOTION_FILE, INFO_FILE, BODY_FILE, "takes/take-001.npz", "takes/take-002.npz", "takes/take-002.json"]
    for file in files:
        shutil.rmtree(folder)
        shutil.copytree(pristine, folder)
        real, refusals = os.replace, 0

        def refuse(source: Path, target: Path, file: str = file, real: Callable[..., None] = real) -> None:
            nonlocal refusals
            if Path(target) == folder / file and (lasting or refusals < 3):
                refusals += 1
                raise PermissionError(errno.EACCES, "The file is open in another program")
            real(source, target)

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", refuse)
            save(folder, old_and_new[1])
            assert which(folder, old_and_new) == "new"
            pending = lasting and refusals > 0
            assert (folder / JOURNAL_FILE).exists() == pending
            if pending:
                with pytest.raises(UserError) as caught:
                    save(folder, old_and_new[0])
                assert caught.value.code == "not-writable" and "close other programs" in caught.value.hint
                assert which(folder, old_and_new) == "new"
        assert check_whole(folder, old_and_new) == "new"


def test_a_journal_that_cannot_be_put_there_changes_nothing(
    folder: Path, old_and_new: tuple[Reconstruction, Reconstruction], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "_PAUSE", 0.0)
    before = contents(folder)

    def refusing(real: Callable[[Path, Path], None]) -> Callable[[Path, Path], None]:
        def put(source: Path, target: Path) -> None:
            if Path(target) == folder / JOURNAL_FILE:
                raise PermissionError(errno.EACCES, "refused")
            real(source, target)

        return put

    for name in ("link", "rename", "replace"):
        monkeypatch.setattr(os, name, refusing(getattr(os, name)))
    with pytest.raises(UserError) as caught:
        save(folder, old_and_new[1])
    assert caught.value.code == "not-writable" and contents(folder) == before


def test_a_disk_that_is_full_at_any_write_leaves_the_old_result(
    folder: Path, old_and_new: tuple[Reconstruction, Reconstruction], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(folder)

    def full() -> BaseException:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    writes: list[tuple[object, str]] = [
        (storage, "put_npz"),
        (storage, "put_json"),
        (Path, "write_text"),
        (os, "fsync"),
    ]
    codes: list[str] = []

    def run(number: int) -> bool:
        with failing(monkeypatch, writes, number, full):
            try:
                save(folder, old_and_new[1])
            except UserError as error:
                codes.append(error.code)
                assert contents(folder) == before
                return True
            return False

    cases = len(list(numbers(run)))
    assert cases >= 10 and set(codes) == {"disk-full"}
    assert which(folder, old_and_new) == "new"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_disk_that_is_full_within_a_file_leaves_the_old_result(folder: Path, made_up: Reconstruction) -> None:
    code = (
        "import resource, sys; from pathlib import Path; from core.contract.reconstruction import *\n"
        "folder = Path(sys.argv[1]); held = load(folder)\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))\n"
        "from core.contract.errors import UserError\n"
        "try:\n    save(folder, held)\nexcept UserError as error:\n    print(error.code)\n"
    )
    before = contents(folder)
    for limit in (0, 100, 5000, 1_000_000):
        run = subprocess.run(
            [sys.executable, "-c", code, str(folder), str(limit)], capture_output=True, text=True, cwd=ROOT
        )
        assert run.stdout.strip() == "disk-full", run.stderr
        assert contents(folder) == before


def test_a_save_between_two_reads_is_seen_whole(
    folder: Path, old_and_new: tuple[Reconstruction, Reconstruction], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process saves after the record was read and before the motion is."""
    real, saved = storage.read_npz, []

    def read(path: Path, *arguments: object, **options: object) -> object:
        if not saved:
            saved.append(True)
            save(folder, old_and_new[1])
        return real(path, *arguments, **options)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(storage, "read_npz", read)
    assert which(folder, old_and_new) == "new"


def test_two_saves_at_once_leave_one_of_both(
    folder: Path, old_and_new: tuple[Reconstruction, Reconstruction], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one commits while this one has written its files: the later one is refused, or both succeed in turn."""
    name = "rename" if os.name == "nt" else "link"  # what puts a file there only where none is
    real, inside = getattr(os, name), []

    def put(source: Path, target: Path) -> None:
        if not inside:
            inside.append(True)
            with monkeypatch.context() as patch:
                patch.setattr(
                    journal, "finish_interrupted_save", lambda folder: True
                )  # it is killed right after its commit
                save(folder, old_and_new[1])
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, name, put)
        with pytest.raises(UserError):
            save(folder, old_and_new[0])
    assert inside
    assert check_whole(folder, old_and_new) == "new"


@pytest.mark.parametrize(
    "record",
    [
        {"replacements": [{"file": "../../escaped.json", "new": temporary_name(".json"), "sha256": "0" * 64}]},
        {"replacements": [{"file": "takes/../../x.json", "new": temporary_name(".json"), "sha256": "0" * 64}]},
        {"replacements": [{"file": "notes.json", "new": temporary_name(".json"), "sha256": "0" * 64}]},
        {"replacements": [{"file": "body.npz", "new": "../elsewhere.npz", "sha256": "0" * 64}]},
        {"replacements": [{"file": "body.npz", "new": "mine.npz", "sha256": "0" * 64}]},
        {"replacements": [{"file": "body.npz", "new": temporary_name(".json"), "sha256": "0" * 64}]},
        {"replacements": [{"file": "body.npz", "new": temporary_name(".npz"), "sha256": "x"}]},
        {"replacements": 5},
        {},
        [],
    ],
)
def test_a_journal_of_a_stranger_renames_nothing_but_parts_of_a_result(
    folder: Path, old_and_new: tuple[Reconstruction, Reconstruction], record: object
) -> None:
    for name in ("notes.json", "mine.npz"):
        (folder / name).write_text("theirs")
    (folder.parent / "elsewhere.npz").write_text("theirs")
    before = contents(folder.parent)
    (folder / JOURNAL_FILE).write_text(json.dumps(record))
    assert which(folder, old_and_new) == "old"
    assert finish_interrupted_save(folder)
    assert contents(folder.parent) == before


def test_new_files_that_did_not_reach_the_disk_are_not_taken(
    folder: Path, old_and_new: tuple[Reconstruction, Reconstruction], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(folder)
    with monkeypatch.context() as patch:
        patch.setattr(journal, "finish_interrupted_save", lambda folder: True)
        save(folder, old_and_new[1])
    assert which(folder, old_and_new) == "new"
    new = journal.read_journal(folder)[BODY_FILE].new_path(folder)
    new.write_bytes(bytes(new.stat().st_size))
    finish_interrupted_save(folder)
    assert contents(folder) == before


def test_the_record_names_its_files_by_digest(folder: Path, old_and_new: tuple[Reconstruction, Reconstruction]) -> None:
    save(folder, old_and_new[1])
    digests = json.loads((folder / INFO_FILE).read_text())["digests"]
    files = [MOTION_FILE, BODY_FILE, *(f"takes/take-00{n}{suffix}" for n in (1, 2) for suffix in (".json", ".npz"))]
    assert digests == {file: hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in files}
    take = json.loads((folder / "takes" / "take-002.json").read_text())["digests"]
    assert take == {"takes/take-002.npz": digests["takes/take-002.npz"]}


@pytest.mark.parametrize("file", [MOTION_FILE, BODY_FILE])
def test_a_valid_file_of_another_result_is_not_accepted(
    folder: Path, tmp_path: Path, old_and_new: tuple[Reconstruction, Reconstruction], file: str
) -> None:
    first = old_and_new[0]
    pelvis = first.motion.pelvis + np.float32(0.1)
    body = replace(first.body, rest_vertices=first.body.rest_vertices * np.float32(1.1))
    save(tmp_path / "other", replace(first, motion=replace(first.motion, pelvis=pelvis), body=body))
    shutil.copy(tmp_path / "other" / file, folder / file)
    with pytest.raises(UserError, match="not what was saved"):
        load(folder)


def test_a_result_of_an_older_version_is_read_and_gets_digests_with_the_next_save(
    folder: Path, old_and_new: tuple[Reconstruction, Reconstruction]
) -> None:
    for path in (folder / INFO_FILE, folder / "takes" / "take-001.json"):
        record = json.loads(path.read_text())
        del record["digests"]
        path.write_text(json.dumps(record))
    assert which(folder, old_and_new) == "old"
    save(folder, old_and_new[1])
    assert which(folder, old_and_new) == "new"
    digests = json.loads((folder / INFO_FILE).read_text())["digests"]
    assert len(digests) == 6 and {"takes/take-001.npz", "takes/take-001.json"} < set(digests)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
