"""The add-on's installer, a script of its own that needs no Blender: it never harms the environment in use."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[2]
FAKE_CORE = PROJECT / "tests" / "blender" / "fake_core.py"
INSTALLER = PROJECT / "socialmirror_blender" / "runtime" / "installer.py"


def run_installer(folder: Path, root: Path, *options: str) -> list[dict[str, Any]]:
    """The messages of a whole run; stdin stays open as long as it runs."""
    with subprocess.Popen(
        [sys.executable, "-I", str(INSTALLER), str(folder), str(root), *options],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        return [json.loads(line) for line in process.stdout]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An extension's folder whose core needs no package and finds itself in order."""
    core = tmp_path / "extension" / "core"
    core.mkdir(parents=True)
    (core / "requirements.txt").write_text("# nothing\n")
    (core / "__init__.py").write_text("")
    (core / "__main__.py").write_text(
        "import json, sys\n"
        "if sys.argv[1] == 'doctor':\n"
        "    print(json.dumps({'ok': True, 'checks': [{'name': 'python', 'ok': True, 'detail': '', 'fix': ''}]}, indent=1))\n"
    )
    return core.parent


@pytest.mark.slow
def test_an_environment_is_made_and_kept_until_a_new_one_works(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    folder = tmp_path / "environment"
    result = run_installer(folder, root)[-1]
    assert result["type"] == "result", result
    record = json.loads((folder / "environment.json").read_text())
    assert Path(record["interpreter"]).is_relative_to(folder)
    assert subprocess.run([record["interpreter"], "-c", "import pip"], check=False).returncode == 0

    (root / "core" / "requirements.txt").write_text("there-is-no-such-package-anywhere\n")
    error = run_installer(folder, root)[-1]
    assert error["code"] == "pip-failed"
    assert "there-is-no-such-package-anywhere" in error["message"]
    assert json.loads((folder / "environment.json").read_text()) == record
    assert [made.name for made in folder.glob("env-*")] == [record["folder"]]
    assert Path(record["interpreter"]).exists()


def test_an_interpreter_of_the_users_own_is_checked_and_nothing_installed(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "environment"
    messages = run_installer(folder, root, "--interpreter", str(FAKE_CORE), "--offline")
    assert messages[-1]["type"] == "result"
    record = json.loads((folder / "environment.json").read_text())
    assert (record["interpreter"], record["folder"], record["weights"]) == (str(FAKE_CORE), "", True)
    assert sorted(path.name for path in folder.iterdir()) == ["environment.json"]


def test_an_interpreter_that_lacks_a_package_is_refused(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_MISSING", "torch")
    error = run_installer(tmp_path / "environment", root, "--interpreter", str(FAKE_CORE))[-1]
    assert (error["code"], error["hint"]) == ("environment-unfit", "Run pip.")
    assert not (tmp_path / "environment").exists()


@pytest.mark.parametrize("interpreter", ["/nowhere/python3", "/bin/false", str(INSTALLER.parent)])
def test_what_is_no_python_is_refused(root: Path, tmp_path: Path, interpreter: str) -> None:
    error = run_installer(tmp_path / "environment", root, "--interpreter", interpreter)[-1]
    assert error["code"] == "python-unfit"
    assert interpreter in error["message"]
    assert "3.11" in error["hint"]


def test_offline_nothing_is_begun(root: Path, tmp_path: Path) -> None:
    error = run_installer(tmp_path / "environment", root, "--offline")[-1]
    assert error["code"] == "offline"
    assert not (tmp_path / "environment").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("how", ["stdin", "interrupt"])
def test_an_installation_is_cancelled_and_leaves_nothing(root: Path, tmp_path: Path, how: str) -> None:
    slow = tmp_path / "slow"  # an interpreter that takes its time
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    with subprocess.Popen(
        [sys.executable, "-I", str(INSTALLER), str(tmp_path / "environment"), str(root), "--base", str(slow)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stderr is not None
        assert process.stdout is not None
        process.stderr.readline()  # it says what it starts
        time.sleep(0.2)
        began = time.monotonic()
        if how == "stdin":
            process.stdin.close()
        else:
            process.send_signal(signal.SIGINT)
        last = [json.loads(line) for line in process.stdout][-1]
        assert last["type"] == "cancelled"
        assert time.monotonic() - began < 2
    assert not list((tmp_path / "environment").glob("env-*"))
