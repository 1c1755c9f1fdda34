"""The data of `python -m lab train` are made once, and what was interrupted is made again."""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path

import pytest

from lab.choreography.splits import families_of
from lab.commands.train import MODELS
from lab.training.train import TRAINERS
from lab.training.training_data import example_files, make_training_data


class Commands:
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
def commands(monkeypatch: pytest.MonkeyPatch) -> Commands:
    stand_in = Commands()
    monkeypatch.setattr(subprocess, "run", stand_in)
    return stand_in


def options(out: Path) -> argparse.Namespace:
    return argparse.Namespace(
        out=out, motion=Path("mocap"), cache=Path("cache"), count=15, dev_count=2, cameras=3, non_interacting=40, seed=5,
        processes=2,
    )  # fmt: skip


def argument(command: list[str], name: str) -> str:
    return command[command.index(name) + 1]


def test_each_file_is_made_once(tmp_path: Path, commands: Commands) -> None:
    make_training_data(options(tmp_path))
    choreographed = [call for call in commands.calls if call[3] == "choreograph"]
    names = ("--split", "--first", "--count")
    assert [tuple(argument(call, name) for name in names) for call in choreographed] == [
        ("train", "0", "10"),
        ("train", "10", "5"),
        ("dev", "0", "2"),
    ]
    assert argument(choreographed[0], "--families") == ",".join(families_of("train"))
    examples = [call for call in commands.calls if call[3] == "examples"]
    assert [argument(call, "--cameras") for call in examples if "--interactions" in call] == ["3", "3", "1"]
    assert Path(argument(examples[0], "--interactions")).exists()
    assert argument(examples[-1], "--non-interacting") == "40"
    train_files, dev_files = example_files(tmp_path)
    assert [path.name for path in train_files] == ["non-interacting", "train-0000", "train-0010"]
    assert [path.name for path in dev_files] == ["dev-0000"]
    count = len(commands.calls)
    make_training_data(options(tmp_path))
    assert len(commands.calls) == count


def test_an_interrupted_file_is_made_again(tmp_path: Path, commands: Commands) -> None:
    commands.interrupt_at = 3  # while the second chunk is turned into examples
    with pytest.raises(KeyboardInterrupt):
        make_training_data(options(tmp_path))
    assert [path.name for path in example_files(tmp_path)[0]] == ["train-0000"]
    make_training_data(options(tmp_path))
    outs = [argument(call, "--out") for call in commands.calls]
    assert outs.count(outs[3]) == 2
    assert len(commands.calls) == 7 + 1


def test_the_command_names_the_models_that_can_be_trained() -> None:
    assert tuple(TRAINERS) == MODELS
