"""The add-on's installer, a script that needs no Blender: whatever happens, the environment in use stays whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from tests.core.processes import ends, is_running

PROJECT = Path(__file__).resolve().parents[2]
FAKE_WORKER = PROJECT / "tests" / "blender" / "fake_worker.py"
INSTALLER = PROJECT / "socialmirror_blender" / "runtime" / "install_script.py"
CORE = '''
"""A core that needs no packages. It answers with the messages in answers.json, then waits if it is told to."""
import json, pathlib, sys
assert sys.argv[1:] == ["serve"]
request = json.loads(sys.stdin.readline())
pathlib.Path("request.json").write_text(json.dumps(request))
print("What a library prints is no message.", flush=True)
for answer in json.loads(pathlib.Path("answers.json").read_text()):
    print(json.dumps({"v": 1, "id": 1, **answer}), flush=True)
sys.stdin.readline()
'''
FINE = {"name": "torch", "ok": True, "detail": "2.13.0", "fix": "", "needed": True, "by_installing": True}


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
    """An extension's folder with `CORE` in it, which says that everything is in order."""
    core = tmp_path / "extension" / "core"
    core.mkdir(parents=True)
    (core / "requirements.lock").write_text("# nothing\n")
    (core / "__init__.py").write_text("")
    (core / "__main__.py").write_text(CORE)
    answer(core.parent, {"type": "result", "doctor": [FINE]})
    return core.parent


def answer(root: Path, *messages: dict[str, Any]) -> None:
    (root / "answers.json").write_text(json.dumps(messages))


@pytest.mark.slow
def test_an_environment_is_made_and_kept_until_a_new_one_works(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "environment"
    result = run_installer(folder, root, "--torch-index", "https://torch.example")[-1]
    assert result["type"] == "result", result
    record = json.loads((folder / "environment.json").read_text())
    assert Path(record["interpreter"]).is_relative_to(folder)
    assert record["weights"]
    request = json.loads((root / "request.json").read_text())
    assert (request["type"], request["torch_index"]) == ("repair", "https://torch.example")
    assert request["parts"] == ["packages", "weights", "caches"]

    answer(root, {"type": "error", "code": "pip-failed", "message": "No network.", "hint": "Check it.", "log": ""})
    error = run_installer(folder, root)[-1]
    assert (error["code"], error["message"], error["hint"]) == ("pip-failed", "No network.", "Check it.")
    assert json.loads((folder / "environment.json").read_text()) == record
    assert [made.name for made in folder.glob("env-*")] == [record["folder"]]
    assert Path(record["interpreter"]).exists()


def test_the_cores_progress_becomes_part_of_the_whole(root: Path, tmp_path: Path) -> None:
    steps = [
        {"type": "stage", "name": "Installing packages", "index": 0, "count": 3},
        {"type": "progress", "stage": "Installing packages", "fraction": 0.5, "seconds_left": 9.0, "text": "torch"},
        {"type": "warning", "text": "No sentence encoder."},
    ]
    answer(root, *steps, {"type": "result", "doctor": [FINE]})
    messages = run_installer(tmp_path / "environment", root, "--interpreter", sys.executable)
    stage, progress, warning = messages[:3]
    assert (stage["index"], stage["count"]) == (1, 4)
    assert progress["fraction"] == pytest.approx(0.525)
    assert (progress["seconds_left"], warning["text"]) == (9.0, "No sentence encoder.")
    assert json.loads((root / "request.json").read_text())["parts"] == ["weights", "caches"]  # never packages


@pytest.mark.parametrize(("needed", "weights"), [(True, False), (False, True)])
def test_the_record_says_whether_the_weights_are_there(root: Path, tmp_path: Path, needed: bool, weights: bool) -> None:
    missing = {"name": "weights pose", "ok": False, "detail": "missing", "fix": "", "needed": needed}
    answer(root, {"type": "result", "doctor": [FINE, missing]})
    assert run_installer(tmp_path / "environment", root, "--interpreter", sys.executable)[-1]["weights"] is weights


@pytest.mark.parametrize("needed", [False, True])
def test_what_no_installation_mends_does_not_undo_one(root: Path, tmp_path: Path, needed: bool) -> None:
    full = {"name": "disk", "ok": False, "detail": "0.9 GB free", "fix": "Free some space.", "needed": needed}
    answer(root, {"type": "result", "doctor": [FINE, full]})
    result = run_installer(tmp_path / "environment", root, "--interpreter", sys.executable)[-1]
    assert (result["type"], result["weights"]) == ("result", True)


@pytest.mark.parametrize(
    ("index", "needed"), [("https://torch.example/whl/cpu", 3), ("https://torch.example/whl/cu130", 9)]
)
def test_nothing_is_begun_where_there_is_too_little_room(root: Path, tmp_path: Path, index: str, needed: int) -> None:
    folder = tmp_path / "environment"
    script = (
        "import runpy, shutil, sys, types; shutil.disk_usage = lambda folder: types.SimpleNamespace(free=2.6e9); "
        f"sys.argv = [{str(INSTALLER)!r}, {str(folder)!r}, {str(root)!r}, '--torch-index', {index!r}]; "
        f"runpy.run_path({str(INSTALLER)!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", script], stdin=subprocess.PIPE, capture_output=True, text=True)
    error = json.loads(done.stdout.splitlines()[-1])
    assert (error["code"], error["hint"].startswith("Free some space")) == ("disk-full", True)
    assert f"needs {needed} GB" in error["message"] and "2.6 GB are free" in error["message"]
    assert not list(folder.glob("env-*"))


def test_a_core_that_does_not_run_is_reported_with_its_last_line(root: Path, tmp_path: Path) -> None:
    (root / "core" / "__main__.py").write_text("raise SystemExit('This disk is broken.')")
    error = run_installer(tmp_path / "environment", root, "--interpreter", sys.executable)[-1]
    assert error["code"] == "core-unusable"
    assert "This disk is broken" in error["message"]


def test_an_interpreter_of_the_user_is_checked_and_nothing_is_installed(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "environment"
    messages = run_installer(folder, root, "--interpreter", str(FAKE_WORKER), "--offline")
    assert messages[-1]["type"] == "result"
    record = json.loads((folder / "environment.json").read_text())
    assert (record["interpreter"], record["folder"], record["weights"]) == (str(FAKE_WORKER), "", True)
    assert sorted(path.name for path in folder.iterdir()) == ["environment.json"]


def test_an_interpreter_that_lacks_a_package_is_refused(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_MISSING", "torch")
    error = run_installer(tmp_path / "environment", root, "--interpreter", str(FAKE_WORKER))[-1]
    assert (error["code"], error["hint"]) == ("environment-unfit", "Run pip.")
    assert not (tmp_path / "environment").exists()


@pytest.mark.parametrize("interpreter", ["/nowhere/python3", "/bin/false", str(INSTALLER.parent)])
def test_a_program_that_is_not_python_is_refused(root: Path, tmp_path: Path, interpreter: str) -> None:
    error = run_installer(tmp_path / "environment", root, "--interpreter", interpreter)[-1]
    assert error["code"] == "python-unfit"
    assert interpreter in error["message"]
    assert "3.11" in error["hint"]


def test_offline_nothing_is_begun(root: Path, tmp_path: Path) -> None:
    error = run_installer(tmp_path / "environment", root, "--offline")[-1]
    assert error["code"] == "offline"
    assert not (tmp_path / "environment").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for uv is a shell script")
@pytest.mark.parametrize("succeeds", [True, False])
def test_uv_brings_a_python_where_none_fits(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, succeeds: bool
) -> None:
    uv = tmp_path / "bin" / "uv"
    uv.parent.mkdir()
    uv.write_text(
        f'#!/bin/sh\nfor folder; do :; done\necho "$@" > {tmp_path}/uv-arguments\n'
        + (f'exec {sys.executable} -m venv --without-pip "$folder"\n' if succeeds else "echo offline; exit 2\n")
    )
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", str(uv.parent), prepend=os.pathsep)
    folder = tmp_path / "environment"
    last = run_installer(folder, root, "--base", "/bin/false")[-1]
    assert (tmp_path / "uv-arguments").read_text().startswith("venv ")
    if succeeds:
        assert Path(last["interpreter"]).is_relative_to(folder)
    else:
        assert last["code"] == "python-unfit"
        assert "Install Python 3.11" in last["hint"]
        assert not list(folder.glob("env-*"))


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("how", ["stdin", "interrupt"])
@pytest.mark.parametrize("what", ["interpreter", pytest.param("core", marks=pytest.mark.slow)])
def test_an_installation_is_cancelled_and_leaves_nothing(root: Path, tmp_path: Path, how: str, what: str) -> None:
    mark = tmp_path / "begun"
    hang = f"#!/bin/sh\necho > {mark}\nexec sleep 60\n"
    if what == "interpreter":
        slow = tmp_path / "slow"
        slow.write_text(hang)
        slow.chmod(0o755)
        base = slow
    else:
        base = Path(sys.executable)
        (root / "core" / "__main__.py").write_text(
            f"import pathlib, subprocess\npathlib.Path({str(mark)!r}).touch()\nsubprocess.run(['sleep', '60'])\n"
        )
    with subprocess.Popen(
        [sys.executable, "-I", str(INSTALLER), str(tmp_path / "environment"), str(root), "--base", str(base)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        while not mark.exists():
            time.sleep(0.02)
        began = time.monotonic()
        if how == "stdin":
            process.stdin.close()
        else:
            process.send_signal(signal.SIGINT)
        last = [json.loads(line) for line in process.stdout][-1]
        assert last["type"] == "cancelled"
        assert time.monotonic() - began < 2
    assert not (tmp_path / "environment").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_installer_leaves_no_program_and_its_folder_goes_with_the_next_run(
    root: Path, tmp_path: Path, sent: signal.Signals
) -> None:
    folder, mark, slow = tmp_path / "environment", tmp_path / "begun", tmp_path / "slow"
    slow.write_text(f"#!/bin/sh\nsleep 60 &\necho $$ $! > {mark}.part\nmv {mark}.part {mark}\nwait\n")
    slow.chmod(0o755)
    with subprocess.Popen(
        [sys.executable, "-I", str(INSTALLER), str(folder), str(root), "--base", str(slow)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        while not mark.exists():
            time.sleep(0.02)
        process.send_signal(sent)
        process.wait()
    assert all(ends(lambda pid=pid: is_running(int(pid))) for pid in mark.read_text().split())
    assert folder.exists() is (sent == signal.SIGKILL)  # which no program can answer
    run_installer(folder, root, "--interpreter", str(FAKE_WORKER))
    assert [path.name for path in folder.iterdir()] == ["environment.json"]


@pytest.mark.slow
def test_two_blenders_make_one_environment(root: Path, tmp_path: Path) -> None:
    folder, go = tmp_path / "environment", tmp_path / "go"
    hold = f"import pathlib, time\nwhile not pathlib.Path({str(go)!r}).exists(): time.sleep(0.02)\n"
    (root / "core" / "__main__.py").write_text(hold + CORE)
    command = [sys.executable, "-I", str(INSTALLER), str(folder), str(root)]
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen(command, **pipes) as first:
        while not list(folder.glob("env-*")):
            time.sleep(0.02)
        with subprocess.Popen(command, **pipes) as second:
            assert first.stdout is not None and second.stdout is not None
            assert json.loads(second.stdout.readline())["type"] == "stage"
            assert "Another Blender" in json.loads(second.stdout.readline())["text"]
            assert len(list(folder.glob("env-*"))) == 1
            go.touch()
            made = [json.loads(line) for line in first.stdout][-1]
            used = [json.loads(line) for line in second.stdout][-1]
    assert made == used and made["type"] == "result"
    assert sorted(path.name for path in folder.iterdir()) == [made["folder"], "environment.json"]
    assert json.loads((root / "request.json").read_text())["parts"] == ["weights", "caches"]


@pytest.mark.skipif(sys.platform == "win32", reason="there the system keeps files of running programs")
def test_an_environment_that_a_process_runs_in_stays(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "environment"
    for name in ("env-used", "env-unused"):
        (folder / name).mkdir(parents=True)
        (folder / name / "state").write_text("whole")
    script = textwrap.dedent(
        f"""
        from pathlib import Path
        from core.environment.use import hold_environment
        hold_environment(Path({str(folder / "env-used")!r}))
        print("held", flush=True)
        input()
        """
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=PROJECT
    ) as process:
        assert process.stdout is not None and process.stdout.readline()
        run_installer(folder, root, "--interpreter", str(FAKE_WORKER))
        assert sorted(path.name for path in folder.iterdir()) == ["env-used", "environment.json"]
        process.kill()
    run_installer(folder, root, "--interpreter", str(FAKE_WORKER))
    assert [path.name for path in folder.iterdir()] == ["environment.json"]
