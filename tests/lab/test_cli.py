"""`python -m lab`: help, errors and exit codes of all commands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.contract.errors import UserError
from lab import cli
from lab.commands import page

HEAVY = ("torch", "numpy", "cv2", "scipy", "matplotlib")


def test_every_module_of_commands_is_a_command():
    modules = {path.stem.replace("_", "-") for path in Path(page.__file__).parent.glob("*.py")}
    assert modules - {"--init--"} == set(cli.COMMANDS)


def test_the_parser_of_all_commands_imports_nothing_heavy():
    program = (
        f"import sys; from lab.cli import build_parser; build_parser(); print([m for m in {HEAVY} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_help_says_what_a_command_does_and_gives_examples(name: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as stopped:
        cli.main([name, "--help"])
    assert stopped.value.code == 0
    printed = capsys.readouterr().out
    assert cli.load_command(name).DESCRIPTION.splitlines()[0] in printed
    assert f"-m lab {name}" in printed.partition("examples:")[2]


def test_wrong_arguments_are_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str]):
    for arguments in ([], ["dance"], ["page"], ["choreograph", "--count", "none"]):
        assert cli.main(arguments) == cli.FAILED
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("error: ") and "--help" in line


def test_missing_data_is_asked_for(capsys: pytest.CaptureFixture[str]):
    for arguments, option in (
        (["train"], "--motion"),
        (["train", "--examples", "a"], "--dev"),
        (["sample"], "--render-only"),
        (["examples", "--non-interacting", "3", "--out", "a"], "--motion"),
        (["fit-noise"], "--sample"),
        (["build-body", "body.npz"], "SMPLX_"),
    ):
        assert cli.main(arguments) == cli.FAILED
        (line,) = capsys.readouterr().err.splitlines()
        assert option in line


def test_a_user_error_is_one_line_and_an_interrupt_exits_with_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def fail(_: object) -> None:
        raise UserError("file-unreadable", "The report\ncannot be read.", "Choose another.")

    monkeypatch.setattr(page, "run", fail)
    assert cli.main(["page", "report.json"]) == cli.FAILED
    assert capsys.readouterr().err == "error: The report cannot be read. Choose another.\n"

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(page, "run", interrupt)
    assert cli.main(["page", "report.json"]) == cli.INTERRUPTED
    assert capsys.readouterr().err == "Interrupted.\n"


def test_the_module_runs_and_keeps_idle_threads_of_torch_asleep():
    program = "import os, lab.__main__; print(os.environ['OMP_WAIT_POLICY'], os.environ['GOMP_SPINCOUNT'])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["PASSIVE", "0"]
