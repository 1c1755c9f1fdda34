"""`verify` says what of a result is good, missing or damaged, and `repair` restores it from what is left; nothing is deleted."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from core.contract.errors import UserError
from core.contract.reconstruction import (
    BODY_FILE,
    INFO_FILE,
    JOURNAL_FILE,
    MOTION_FILE,
    BodyArrays,
    Info,
    MotionArrays,
    Reconstruction,
    examine,
    journal,
    load,
    load_info,
    load_take_motion,
    repair,
    save,
)
from core.contract.temporary import temporary_name

TAKES = [f"takes/take-00{n}{suffix}" for n in (1, 2) for suffix in (".json", ".npz")]
FILES = [INFO_FILE, MOTION_FILE, BODY_FILE, *TAKES]


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def empty(path: Path) -> None:
    path.write_bytes(b"")


DAMAGE: dict[str, Callable[[Path], None]] = {"flipped": flip, "cut": cut, "empty": empty, "missing": Path.unlink}


@pytest.fixture(scope="module")
def both(made_up: Reconstruction) -> tuple[Reconstruction, Reconstruction]:
    """Two takes of one result that differ in motion and contacts; the second is active."""
    takes = (made_up.info.takes[0], replace(made_up.info.takes[0], id="take-002", energy=0.5, prompt="another"))
    second = replace(
        made_up,
        motion=replace(made_up.motion, pelvis=made_up.motion.pelvis + np.float32(0.1)),
        info=replace(made_up.info, take="take-002", takes=takes, prompt="another"),
    )
    return made_up, second


@pytest.fixture
def folder(tmp_path: Path, both: tuple[Reconstruction, Reconstruction]) -> Path:
    for result in both:
        save(tmp_path / "result", result)
    return tmp_path / "result"


@pytest.fixture
def build_body(made_up: Reconstruction) -> Callable[[Info, MotionArrays], BodyArrays]:
    return lambda info, motion: made_up.body


def states(folder: Path) -> dict[str, str]:
    return {finding.part: finding.state for finding in examine(folder)}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_whole_result_is_called_good_and_left_as_it_is(folder: Path, build_body) -> None:
    before = contents(folder)
    assert states(folder) == dict.fromkeys(FILES, "good")
    assert repair(folder, build_body) == [] and contents(folder) == before


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("file", FILES)
def test_one_damaged_file_is_found_named_and_restored(
    folder: Path, both: tuple[Reconstruction, Reconstruction], build_body, file: str, damage: str
) -> None:
    DAMAGE[damage](folder / file)
    kept = (folder / file).read_bytes() if (folder / file).exists() else None
    found = {finding.part: finding for finding in examine(folder)}
    assert found[file].state == ("missing" if damage == "missing" else "damaged") and file in found[file].text
    assert all(finding.ok for part, finding in found.items() if part != file)
    done = repair(folder, build_body)
    assert done and all(sentence.endswith(".") for sentence in done)
    assert all(finding.ok for finding in examine(folder))
    if kept is not None:
        assert kept in [path.read_bytes() for path in (folder / "damaged").iterdir()], "a damaged file was deleted"
    read = load(folder)
    assert read.info.take == "take-002"
    np.testing.assert_array_equal(read.motion.pelvis, both[1].motion.pelvis)
    np.testing.assert_array_equal(read.body.rest_vertices, both[1].body.rest_vertices)
    lost = file.startswith("takes/take-001")
    assert [take.id for take in read.info.takes] == (["take-002"] if lost else ["take-001", "take-002"])
    assert any("take-001" in sentence and "not listed" in sentence for sentence in done) == lost
    assert read.info.prompt == "another" and load_info(folder, "take-002").prompt == "another"


@pytest.mark.parametrize("files", list(combinations(FILES, 2)))
def test_two_damaged_files_leave_a_whole_result(folder: Path, build_body, files: tuple[str, str]) -> None:
    for file in files:
        flip(folder / file)
    repair(folder, build_body)
    assert all(finding.ok for finding in examine(folder))
    read = load(folder)
    for take in read.info.takes:
        assert len(load_take_motion(folder, take.id).time) == 12
    gone = ({MOTION_FILE, "takes/take-002.npz"}, {INFO_FILE, "takes/take-002.json"}, {INFO_FILE, "takes/take-002.npz"})
    assert read.info.take == ("take-001" if set(files) in gone else "take-002")


def test_a_repair_that_is_killed_at_any_rename_can_be_run_again(
    tmp_path: Path, both: tuple[Reconstruction, Reconstruction], build_body, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    cases = 0
    for number in range(100):
        folder, count = tmp_path / f"result-{number}", 0
        for result in both:
            save(folder, result)
        for file in (BODY_FILE, MOTION_FILE, "takes/take-001.npz"):
            (folder / file).write_bytes(file.encode())

        def wrapped(real: Callable[..., object], number: int = number) -> Callable[..., object]:
            def call(*arguments: object) -> object:
                nonlocal count
                count += 1
                if count - 1 == number:
                    raise Killed
                return real(*arguments)

            return call

        with monkeypatch.context() as patch:
            for owner, name in ((os, "replace"), (os, "link"), (os, "rename")):
                patch.setattr(owner, name, wrapped(getattr(owner, name)))
            try:
                repair(folder, build_body)
            except Killed:
                cases += 1
            else:
                break
        repair(folder, build_body)
        assert all(finding.ok for finding in examine(folder))
        read = load(folder)
        assert [take.id for take in read.info.takes] == ["take-002"]
        np.testing.assert_array_equal(read.motion.pelvis, both[1].motion.pelvis)
        aside = {path.read_bytes() for path in (folder / "damaged").iterdir()}
        assert aside >= {b"body.npz", b"reconstruction.npz", b"takes/take-001.npz"}
    assert cases >= 9


def test_where_no_take_is_left_nothing_is_touched(folder: Path, build_body) -> None:
    for file in FILES:
        flip(folder / file)
    before = contents(folder)
    with pytest.raises(UserError) as caught:
        repair(folder, build_body)
    assert caught.value.code == "beyond-repair" and "Reconstruct" in caught.value.hint
    assert contents(folder) == before


def test_bodies_are_not_restored_where_nothing_can_make_them(folder: Path) -> None:
    flip(folder / BODY_FILE)
    before = contents(folder)
    with pytest.raises(UserError) as caught:
        repair(folder)
    assert caught.value.code == "body-missing" and "verify" in caught.value.hint and contents(folder) == before


def test_an_interrupted_save_is_told_and_completed(
    folder: Path, both: tuple[Reconstruction, Reconstruction], build_body, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(journal, "finish_interrupted_save", lambda folder: True)
        save(folder, replace(both[1], info=replace(both[1].info, prompt="the newest")))
    assert states(folder)[JOURNAL_FILE] == "unfinished" and set(states(folder).values()) == {"good", "unfinished"}
    (said,) = repair(folder, build_body)
    assert said.startswith("A save that had been interrupted was completed")
    assert states(folder) == dict.fromkeys(FILES, "good")
    assert json.loads((folder / INFO_FILE).read_text())["prompt"] == "the newest"


def test_leftovers_are_told_and_removed(folder: Path, build_body) -> None:
    (folder / temporary_name(".npz")).write_bytes(b"half")
    (folder / "takes" / temporary_name(".json")).write_bytes(b"half")
    (folder / ".mine-12345678.npz").write_bytes(b"theirs")
    assert states(folder)["temporary files"] == "unfinished"
    assert "2" in repair(folder, build_body)[0]
    assert states(folder) == dict.fromkeys(FILES, "good")
    assert (folder / ".mine-12345678.npz").read_bytes() == b"theirs"


def test_files_set_aside_never_replace_each_other(folder: Path, build_body) -> None:
    for text in (b"first", b"second", b"third"):
        (folder / BODY_FILE).write_bytes(text)
        repair(folder, build_body)
    names = {path.name: path.read_bytes() for path in (folder / "damaged").iterdir()}
    assert names == {"body.npz": b"first", "body-2.npz": b"second", "body-3.npz": b"third"}


def test_nothing_is_moved_where_a_link_leads(folder: Path, tmp_path: Path, build_body) -> None:
    (tmp_path / "elsewhere").mkdir()
    (folder / "damaged").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    flip(folder / BODY_FILE)
    with pytest.raises(UserError) as caught:
        repair(folder, build_body)
    assert caught.value.code == "not-writable" and not any((tmp_path / "elsewhere").iterdir())


def test_a_folder_without_a_result_is_refused(tmp_path: Path) -> None:
    for check in (examine, repair):
        with pytest.raises(UserError) as caught:
            check(tmp_path)
        assert caught.value.code == "no-reconstruction" and not any(tmp_path.iterdir())
