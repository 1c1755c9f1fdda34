"""The command line: its output, error messages and exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.cli import EXPORT_TARGETS, REPAIRABLE, main
from core.contract.contact import Contact
from core.contract.edits import Edits
from core.contract.reconstruction import load, load_info, save
from core.terminal import Terminal

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "core", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | environment,
    )


def refused(outcome: subprocess.CompletedProcess[str]) -> str:
    """The line on stderr of a command that has failed."""
    assert outcome.returncode == 2 and outcome.stdout == ""
    return one_line(outcome.stderr)


def one_line(errors: str) -> str:
    lines = errors.splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: "), errors
    return lines[0]


@pytest.fixture
def refuse(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command that fails in this process, which is faster than a new one, and return its line on stderr."""

    def attempt(*arguments: object) -> str:
        assert main([str(argument) for argument in arguments]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        return one_line(captured.err)

    return attempt


def test_reconstruct_refine_and_export(clip_file, tmp_path, quick, capsys):
    out = tmp_path / "out"
    assert main(["reconstruct", str(clip_file), "--out", str(out), "--frames", "0:11", "--people", "0,1"]) == 0
    captured = capsys.readouterr()
    assert "take-001" in captured.out and "perception (1/11)" in captured.err
    edits = tmp_path / "edits.json"
    contact = Contact(0, "left_palm", 1, "right_palm", 2, 9, source="user", state="enforced")
    edits.write_text(json.dumps(Edits(contacts=(contact,), prompt="a handshake").to_json()))
    assert main(["refine", str(out), "--edits", str(edits)]) == 0
    info = load_info(out)
    assert info.take == "take-002" and info.prompt == "a handshake" and info.contacts[0].id == contact.id
    capsys.readouterr()
    for kind, files in (("amass", 3), ("bvh", 3), ("glb", 2)):
        assert main(["export", str(out), "--format", kind]) == 0
        paths = [Path(line) for line in capsys.readouterr().out.splitlines()]
        assert len(paths) == files and all(path.parent == out / "export" and path.stat().st_size > 0 for path in paths)


def test_the_command_line_offers_all_export_targets_and_repairs():
    from core.environment.repair import PARTS
    from core.export import TARGETS, needs_blender

    assert {name for name in TARGETS if not needs_blender(name)} == set(EXPORT_TARGETS) and PARTS == REPAIRABLE


def test_help_and_version_are_fast():
    started = time.monotonic()
    outcome = run("--help")
    assert outcome.returncode == 0 and "reconstruct" in outcome.stdout
    assert time.monotonic() - started < 2
    assert run("--version").stdout.strip()


def test_the_error_names_a_missing_package(tmp_path, clip_file):
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')")
    line = refused(run("reconstruct", clip_file, "--out", tmp_path / "out", PYTHONPATH=str(tmp_path)))
    assert "torch is missing" in line and "doctor --fix" in line


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("dance",),
        ("reconstruct",),
        ("reconstruct", "clip.mp4"),
        ("reconstruct", "clip.mp4", "--out", "x", "--people", "0"),
        ("reconstruct", "clip.mp4", "--out", "x", "--takes", "two"),
        ("export", "x", "--format", "fbx"),
    ],
)
def test_bad_arguments_are_refused_in_one_line(refuse, arguments):
    assert "--help" in refuse(*arguments)


def test_too_many_takes_are_refused_before_any_work(clip_file, tmp_path, refuse):
    assert "1 to 8" in refuse("reconstruct", clip_file, "--out", tmp_path / "out", "--takes", "9")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_file_that_is_not_a_clip_is_refused(tmp_path, clip_file, refuse):
    out = tmp_path / "out"
    text = tmp_path / "text.mp4"
    text.write_text("This is a text.")
    whole = clip_file.read_bytes()
    truncated = tmp_path / "truncated.mp4"
    truncated.write_bytes(whole[: len(whole) // 2])
    empty = tmp_path / "empty.mp4"
    empty.write_bytes(b"")
    for path in (text, truncated, empty, tmp_path / "nowhere.mp4", tmp_path):
        assert path.name in refuse("reconstruct", path, "--out", out)
        assert not out.exists()
    assert text.name in refused(run("reconstruct", text, "--out", out))


@pytest.mark.slow
def test_a_clip_without_people_is_refused(tmp_path, clip_file):
    outcome = run("reconstruct", clip_file, "--out", tmp_path / "out")
    assert outcome.returncode == 2
    last = outcome.stderr.splitlines()[-1]
    assert last.startswith("error: ") and "found" in last and "Choose" in last
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_weights_that_cannot_be_downloaded_are_reported(tmp_path, clip_file):
    offline = {
        "SOCIALMIRROR_CACHE": str(tmp_path / "cache"),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(tmp_path),
    }
    outcome = run("reconstruct", clip_file, "--out", tmp_path / "out", **offline)
    assert outcome.returncode == 2
    assert "could not be downloaded" in outcome.stderr.splitlines()[-1]
    assert not (tmp_path / "out").exists()
    doctor = run("doctor", **offline)
    assert doctor.returncode == 2 and "MISSING" in doctor.stdout and "doctor --fix" in doctor.stdout


def test_a_file_that_is_not_a_body_is_refused(tmp_path, clip_file, refuse):
    body = tmp_path / "SMPL_NEUTRAL.pkl"
    body.write_bytes(b"\x80\x04.")
    assert "pickle" in refuse("reconstruct", clip_file, "--out", tmp_path / "out", "--body", body)
    motion = tmp_path / "motion.npz"
    np.savez(motion, poses=np.zeros((3, 165)), trans=np.zeros((3, 3)))
    assert "not a body" in refuse("reconstruct", clip_file, "--out", tmp_path / "out", "--body", motion)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_reported(clip_file, refuse):
    line = refuse("reconstruct", clip_file, "--out", clip_file / "out")
    assert "cannot be written" in line and "Choose a folder" in line
    if sys.platform == "linux":
        assert "cannot be written" in refuse("reconstruct", clip_file, "--out", "/proc/out")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_reported(tmp_path, clip_file, refuse):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    assert "cannot be written" in refuse("reconstruct", clip_file, "--out", closed / "out")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_full_disk_is_reported_and_leaves_no_files(tmp_path, clip_file, quick, capsys):
    import resource

    out = tmp_path / "out"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        assert main(["reconstruct", str(clip_file), "--out", str(out)]) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "The disk is full" in capsys.readouterr().err.splitlines()[-1]
    assert not out.exists()
    assert main(["reconstruct", str(clip_file), "--out", str(out)]) == 0


@pytest.mark.parametrize("damage", ["reconstruction.npz", "reconstruction.json", "body.npz"])
def test_a_damaged_reconstruction_is_not_exported(clip_file, tmp_path, quick, capsys, damage):
    out = tmp_path / "out"
    main(["reconstruct", str(clip_file), "--out", str(out)])
    data = (out / damage).read_bytes()
    (out / damage).write_bytes(data[: len(data) * 2 // 3])
    capsys.readouterr()
    assert main(["export", str(out), "--format", "bvh"]) == 2
    assert "econstruct the clip again" in capsys.readouterr().err
    assert not (out / "export").exists()


def test_bad_edits_are_refused(clip_file, tmp_path, quick, capsys):
    out = tmp_path / "out"
    main(["reconstruct", str(clip_file), "--out", str(out)])
    capsys.readouterr()
    for text in ("{", "[]", '{"pins": [{"person": 5, "joint": "head", "frame": 1}]}', '{"contacts": [{}]}'):
        edits = tmp_path / "edits.json"
        edits.write_text(text)
        assert main(["refine", str(out), "--edits", str(edits)]) == 2
        assert capsys.readouterr().err.startswith("error: ")
    assert load(out).info.take == "take-001"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_a_stopped_run_leaves_no_result_and_the_next_run_succeeds(tmp_path, clip_file, quick, sent, code):
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-m", "core", "reconstruct", str(clip_file), "--out", str(out)],
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        # a shell that runs the tests in the background makes them ignore Ctrl-C, and child processes inherit this
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stderr is not None
    assert process.stderr.readline().startswith("perception")
    process.send_signal(sent)
    rest = process.stderr.read()
    assert process.wait() == code
    assert code < 0 or rest.splitlines()[-1].startswith("Cancelled")
    assert not (out / "reconstruction.json").exists()
    assert main(["reconstruct", str(clip_file), "--out", str(out)]) == 0
    assert load(out).info.take == "take-001"


LOST_INTERRUPT = """
import os, signal, time
from core import cli, doctor, interrupts

def examine(**options):
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)
    except KeyboardInterrupt:  # as numpy does
        raise ImportError("Error importing numpy")

signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever started this may ignore Ctrl-C
interrupts.watch_interrupts()
doctor.examine = examine
raise SystemExit(cli.main(["doctor"]))
"""


def test_an_interrupt_that_becomes_another_error_is_still_one():
    outcome = subprocess.run([sys.executable, "-c", LOST_INTERRUPT], capture_output=True, text=True, cwd=ROOT)
    assert (outcome.returncode, outcome.stderr) == (130, "Cancelled; nothing was changed.\n")


@pytest.mark.slow
def test_doctor_repairs_the_cache_and_then_reports_its_checks(tmp_path):
    cache = {"SOCIALMIRROR_CACHE": str(tmp_path / "cache")}
    copy = tmp_path / "cache" / "weights" / "pose-opset17.onnx"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(b"cut off")
    checks = {check["name"]: check for check in json.loads(run("doctor", "--json", **cache).stdout)["checks"]}
    assert (
        not checks["cache"]["ok"] and "pose-opset17.onnx" in checks["cache"]["detail"] and not checks["cache"]["needed"]
    )
    outcome = run("doctor", "--fix", "caches", "--json", **cache)
    checks = {check["name"]: check for check in json.loads(outcome.stdout)["checks"]}
    assert checks["cache"]["ok"] and not copy.exists() and str(copy) in outcome.stderr
    assert outcome.returncode == 2 and not checks["weights pose_landmarks"]["ok"]  # only the cache was to be repaired


def test_doctor_prints_its_checks_as_json():
    outcome = run("doctor", "--json")
    report = json.loads(outcome.stdout)
    names = {check["name"] for check in report["checks"]}
    assert {"python", "torch", "device", "body", "disk", "weights pose_landmarks"} <= names
    assert report["ok"] == (outcome.returncode == 0)


def test_a_terminal_shows_a_progress_bar_above_which_warnings_stay():
    import io

    from core.progress import Progress

    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Screen()
    with Terminal(screen) as terminal:
        terminal.stage("fit", 1, 3)
        terminal.progress(Progress("fit", 0.5, 83.0, "descending"))
        terminal.warning("The camera moves.")
    text = screen.getvalue()
    assert "############............" in text and " 50 %" in text and "fit (2/3)" in text and "1:23 left" in text
    assert text.count("\n") == 1 and "warning: The camera moves.\n" in text


def test_verify_says_what_is_damaged_and_repairs_it(clip_file, tmp_path, quick, capsys):
    out = tmp_path / "out"
    main(["reconstruct", str(clip_file), "--out", str(out)])
    capsys.readouterr()
    assert main(["verify", str(out)]) == 0
    assert "whole" in capsys.readouterr().out
    held = load(out)
    entry = next((out / "cache").glob("first-fit-*.npz"))
    for path in (out / "body.npz", entry):
        path.write_bytes(path.read_bytes()[:1000])
    assert main(["verify", str(out)]) == 2
    said = capsys.readouterr().out
    assert "body.npz is damaged" in said and entry.name in said and "--repair" in said
    assert main(["verify", str(out), "--repair"]) == 0
    said = capsys.readouterr().out
    assert (
        "body.npz was restored" in said and "now lies in damaged/body.npz" in said and "whole" in said.splitlines()[-1]
    )
    np.testing.assert_allclose(load(out).body.rest_vertices, held.body.rest_vertices, atol=1e-6)
    assert not entry.exists() and main(["verify", str(out)]) == 0
    assert main(["export", str(out), "--format", "glb"]) == 0
    (out / "body.npz").unlink()
    capsys.readouterr()
    assert main(["export", str(out), "--format", "glb"]) == 2
    assert "verify DIR --repair" in capsys.readouterr().err
    assert main(["verify", str(out), "--repair"]) == main(["export", str(out), "--format", "glb"]) == 0


def test_verify_says_where_the_cache_that_refine_needs_is_gone(clip_file, tmp_path, quick, capsys):
    out = tmp_path / "out"
    main(["reconstruct", str(clip_file), "--out", str(out)])
    for path in (out / "cache").glob("perception-*"):
        path.unlink()
    capsys.readouterr()
    assert main(["verify", str(out)]) == 0
    said = capsys.readouterr().out
    assert "The cache is gone" in said and "before you refine" in said and "The cache is good" not in said
    assert main(["refine", str(out)]) == 2


@pytest.mark.parametrize(
    ("option", "value", "says"), [("frames", "-3:5", "'-3:5'"), ("people", "-1,2", "no person -1")]
)
def test_values_that_begin_with_a_minus_are_told_what_is_wrong_with_them(tmp_path, capsys, option, value, says):
    assert main(["reconstruct", "clip.mp4", "--out", str(tmp_path / "out"), f"--{option}", value]) == 2
    said = capsys.readouterr().err
    assert says in said and "expected one argument" not in said


def test_a_body_that_is_gone_is_named_by_repair(clip_file, tmp_path, quick, capsys):
    out = tmp_path / "out"
    main(["reconstruct", str(clip_file), "--out", str(out)])
    record = json.loads((out / "reconstruction.json").read_text())
    for path, named in ((r"\\host\share\body.npz", "another computer"), (str(tmp_path / "gone.npz"), "gone.npz")):
        record["body"]["path"] = path
        (out / "reconstruction.json").write_text(json.dumps(record))
        (out / "body.npz").write_bytes(b"")
        capsys.readouterr()
        assert main(["verify", str(out), "--repair"]) == 2
        line = capsys.readouterr().err.splitlines()[-1]
        assert line.startswith("error: body.npz cannot be made anew") and named in line


def test_verify_of_a_folder_without_a_result_makes_nothing(tmp_path, refuse):
    assert "no reconstruction" in refuse("verify", tmp_path, "--repair")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("out", ["", " ", "a\0b"])
def test_an_output_folder_that_is_no_path_is_refused(clip_file, refuse, out):
    assert "not a path" in refuse("reconstruct", clip_file, "--out", out)


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names of files are Unicode there")
def test_a_folder_whose_name_is_not_unicode_can_be_named(tmp_path, made_up):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    save(folder, made_up)
    outcome = run("export", folder, "--format", "bvh")
    assert outcome.returncode == 0 and "caf\\udce9" in outcome.stdout


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    command = subprocess.Popen(
        [sys.executable, "-m", "core", "doctor"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert command.stdout is not None and command.stderr is not None
    command.stdout.close()
    assert command.stderr.read() == ""
    command.stderr.close()
    command.wait()
