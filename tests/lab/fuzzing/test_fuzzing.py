"""Readers of files and messages from outside survive damaged inputs; the campaign notices when one does not."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from core.contract.errors import UserError
from lab.fuzzing import mutations
from lab.fuzzing.campaign import draw_inputs, reader_names, run_campaign, try_input
from lab.fuzzing.report import table
from lab.fuzzing.targets import Target


@pytest.mark.slow
@pytest.mark.parametrize("name", reader_names())
def test_a_reader_refuses_damaged_inputs_or_reads_them_correctly(name: str, tmp_path: Path) -> None:
    (outcome,) = run_campaign([name], tries=60, random_seed=0, out=tmp_path)
    assert outcome.tries == 60
    assert outcome.failures == []
    assert outcome.refused >= 10


def target(read: Any, problem: Any = lambda value: None) -> Target:
    return Target("test", "a test", st.binary(), read, problem)


def refuse(folder: Path, data: bytes) -> Any:
    raise UserError("damaged", "It is damaged.", "")


def test_a_refused_input_is_no_failure() -> None:
    one = try_input(target(refuse), b"x")
    assert one.refused and one.failures == ()


def fail(folder: Path, data: bytes) -> Any:
    return np.zeros(3)[7]


def escape(folder: Path, data: bytes) -> Any:
    (folder / ".." / "escaped").write_bytes(data)


def hoard(folder: Path, data: bytes) -> Any:
    return np.ones(600 << 20, np.uint8).sum()


@pytest.mark.parametrize(("read", "kind"), [(fail, "traceback"), (escape, "escaped"), (hoard, "memory")])
def test_what_a_reader_does_wrong_is_noticed(read: Any, kind: str) -> None:
    found = [each for each, _ in try_input(target(read), b"x").failures]
    assert [each for each in found if each != "slow"] == [kind]  # any reader is slow on a machine that is busy


def test_a_damaged_value_that_is_accepted_is_noticed() -> None:
    one = try_input(target(lambda folder, data: data, lambda value: "it is damaged"), b"x")
    assert one.failures == (("unsound", "it is damaged"),)


def test_inputs_of_one_seed_are_the_same() -> None:
    first: list[bytes] = []
    second: list[bytes] = []
    for drawn in (first, second):
        draw_inputs(target(refuse), 20, 3, drawn.append)
    assert first == second and len(set(first)) > 5


def test_damaged_archives_include_forged_headers_and_bombs() -> None:
    arrays = {"a": np.arange(6.0), "b": np.ones((2, 3), np.int32)}
    drawn: list[bytes] = []
    draw_inputs(Target("npz", "", mutations.damaged_npz(arrays), refuse, lambda value: None), 150, 0, drawn.append)
    sizes = []
    for data in drawn:
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                sizes += [info.file_size for info in archive.infolist()]
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
            continue
    assert max(sizes) > 1 << 30
    assert any(b"10000000000" in data for data in drawn)


@pytest.mark.slow
def test_the_table_has_a_row_for_every_reader_and_a_sum(tmp_path: Path) -> None:
    outcomes = run_campaign(["edits", "messages"], tries=10, random_seed=1, out=tmp_path)
    lines = table(outcomes).splitlines()
    assert len(lines) == 5 and lines[-1].startswith("| all | 20 |")
