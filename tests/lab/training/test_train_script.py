"""`python -m lab train` makes its data once, and makes again what was interrupted."""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path

import pytest

from lab.choreography.splits import families_of
from lab.training import train


class Scripts:
    """Stands in for the commands that make the data: they write their files, until one is interrupted."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.interrupt_at = -1

    def __call__(self, command: list[str], check: bool) -> None:
        self.calls.append(command)
        out = Path(command[command.index("--out") + 1])
        out.with_name(f"{out.name}.npz").write_bytes(b"numbers")
        if len(self.calls) - 1 == self.interrupt_at:
            raise KeyboardInterrupt
        out.with_name(f"{out.name}.json").write_text("{}")


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> Scripts:
    stand_in = Scripts()
    monkeypatch.setattr(subprocess, "run", stand_in)
    return stand_in


def arguments(out: Path) -> argparse.Namespace:
    return argparse.Namespace(
        out=out, examples=None, motion=Path("mocap"), cache=Path("cache"), count=15, dev_count=2, cameras=3,
        strangers=40, seed=5, processes=2,
    )  # fmt: skip


def option(command: list[str], name: str) -> str:
    return command[command.index(name) + 1]


def test_all_is_drawn_and_filmed_once(tmp_path: Path, scripts: Scripts) -> None:
    train.prepare(arguments(tmp_path))
    drawn = [call for call in scripts.calls if call[3] == "choreograph"]
    assert [(option(c, "--split"), option(c, "--first"), option(c, "--count")) for c in drawn] == [
        ("train", "0", "10"),
        ("train", "10", "5"),
        ("dev", "0", "2"),
    ]
    assert option(drawn[0], "--families") == ",".join(families_of("train"))
    filmed = [call for call in scripts.calls if call[3] == "examples"]
    assert [option(c, "--cameras") for c in filmed if "--interactions" in c] == ["3", "3", "1"]
    assert Path(option(filmed[0], "--interactions")).exists()
    assert option(filmed[-1], "--strangers") == "40"
    names = [path.name for path in train.examples_in(tmp_path / "examples")]
    assert names == ["dev-0000", "strangers", "train-0000", "train-0010"]
    count = len(scripts.calls)
    train.prepare(arguments(tmp_path))
    assert len(scripts.calls) == count


def test_what_was_interrupted_is_made_again(tmp_path: Path, scripts: Scripts) -> None:
    scripts.interrupt_at = 3  # while the second chunk is filmed
    with pytest.raises(KeyboardInterrupt):
        train.prepare(arguments(tmp_path))
    assert [path.name for path in train.examples_in(tmp_path / "examples")] == ["train-0000"]
    train.prepare(arguments(tmp_path))
    assert [option(call, "--out") for call in scripts.calls].count(option(scripts.calls[3], "--out")) == 2
    assert len(scripts.calls) == 7 + 1
