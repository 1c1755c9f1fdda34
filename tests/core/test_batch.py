"""Many clips: manifests, runs that go on where one was stopped, clips that fail, and the summary."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.batch.manifest import Manifest, read_manifest
from core.batch.records import DONE, FAILED, WAITING, Outcome, read_outcome, table, write_outcome, write_summary
from core.batch.run import launch, run_all, run_clip
from core.cli import main
from core.contract.errors import UserError
from core.contract.reconstruction import load_info
from tests.core.conftest import Recorder, write_clip

ROOT = Path(__file__).resolve().parents[2]


def write_manifest(folder: Path, clips: list[Any], **members: Any) -> Path:
    path = folder / "shots.json"
    path.write_text(json.dumps({"version": 1, "clips": clips, **members}))
    return path


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """A manifest of three clips, of which the second is no movie."""
    write_clip(tmp_path / "a.mp4", seed=1)
    (tmp_path / "broken.mp4").write_text("no movie")
    write_clip(tmp_path / "c.mp4", seed=2)
    return write_manifest(
        tmp_path,
        [{"clip": "a.mp4"}, {"clip": "broken.mp4"}, {"name": "last", "clip": "c.mp4", "prompt": "a hug"}],
        defaults={"takes": 2, "export": ["gltf"]},
    )


def in_this_process(started: list[str]) -> Callable[..., None]:
    """Runs clips here, where the networks are replaced."""

    def start(manifest: Manifest, clip: Any, device: str | None, on_tick: Callable[[], None]) -> None:
        started.append(clip.name)
        run_clip(manifest, clip, Recorder())

    return start


def test_a_manifest_gives_each_clip_the_shared_settings_and_its_own(three: Path) -> None:
    first, _, last = read_manifest(three).clips
    assert (first.name, first.request.takes, first.export) == ("a", 2, ("gltf",))
    assert first.request.clip == three.parent / "a.mp4" and first.out == three.parent / "results" / "a"
    assert (last.name, last.request.prompt, last.out.name) == ("last", "a hug", "last")


def test_clips_run_and_one_that_fails_does_not_end_the_others(three: Path, quick: Any) -> None:
    manifest, started, said = read_manifest(three), [], []
    outcomes = run_all(manifest, say=said.append, start=in_this_process(started))
    assert [outcome.status for outcome in outcomes] == [DONE, FAILED, DONE]
    assert started == ["a", "broken", "last"]
    first, broken, last = outcomes
    assert load_info(Path(first.folder)).take == first.take
    assert load_info(Path(last.folder)).prompt == "a hug"
    assert {Path(file).suffix for file in first.files} == {".glb", ".json"}
    assert all(Path(file).is_file() for file in first.files)
    assert broken.code == "clip-unreadable" and broken.error
    lines = table(outcomes).splitlines()
    assert len(lines) == 4 and "broken.mp4" in lines[2] and first.take in lines[1]


def test_a_second_run_does_what_is_left(three: Path, quick: Any) -> None:
    manifest, started = read_manifest(three), []
    run_all(manifest, say=lambda line: None, start=in_this_process(started))
    started.clear()
    run_all(manifest, say=lambda line: None, start=in_this_process(started))
    assert started == ["broken"]

    started.clear()
    write_clip(three.parent / "broken.mp4", seed=3)
    Path(read_outcome(manifest, manifest.clips[0]).files[0]).unlink()
    record = json.loads(three.read_text())
    record["clips"][2]["prompt"] = "a dance"
    three.write_text(json.dumps(record))
    manifest = read_manifest(three)
    outcomes = run_all(manifest, say=lambda line: None, start=in_this_process(started))
    assert started == ["a", "broken", "last"]
    assert [outcome.status for outcome in outcomes] == [DONE, DONE, DONE]
    assert load_info(Path(outcomes[2].folder)).prompt == "a dance"


def test_paths_are_relative_to_the_manifest_and_a_clip_runs_again_if_any_of_its_files_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    write_clip(clips / "a.mp4", seed=1)
    settings = {"clip": "a.mp4", "body": "bodies", "initial": ["a.npz", str(tmp_path / "b.npz")]}
    path = write_manifest(clips, [settings])
    monkeypatch.chdir(tmp_path)
    clip = read_manifest(path).clips[0]
    assert clip.request.body == clips / "bodies"
    assert clip.request.initial == (clips / "a.npz", tmp_path / "b.npz")

    digests = [clip.digest]
    (clips / "bodies").mkdir()
    for file in (clips / "a.npz", tmp_path / "b.npz", clips / "bodies" / "SMPLX_NEUTRAL.npz", clips / "a.mp4"):
        file.write_bytes(b"another one")
        digests.append(clip.digest)
    assert len(set(digests)) == 5


def test_a_manifest_that_cannot_be_read_says_how_one_looks(tmp_path: Path) -> None:
    path = tmp_path / "shots.json"
    path.write_text("{")
    with pytest.raises(UserError) as caught:
        read_manifest(path)
    assert caught.value.code == "file-unreadable" and "docs/batch.md" in caught.value.hint


def test_every_device_takes_clips_and_ctrl_c_ends_them(tmp_path: Path) -> None:
    path = write_manifest(tmp_path, [{"clip": f"{number}.mp4"} for number in range(5)])
    for number in range(5):
        (tmp_path / f"{number}.mp4").touch()
    used: list[str | None] = []

    def wait(manifest: Manifest, clip: Any, device: str | None, on_tick: Callable[[], None]) -> None:
        used.append(device)
        if len(used) == 5:
            raise OSError("disk full")
        while len(used) < 2:
            on_tick()
        write_outcome(manifest, Outcome(clip.name, DONE, clip.digest))

    outcomes = run_all(read_manifest(path), say=lambda line: None, devices=["0", "1"], start=wait)
    assert set(used) == {"0", "1"} and len(used) == 5
    assert sorted(outcome.status for outcome in outcomes) == [DONE, DONE, DONE, DONE, FAILED]


def test_a_clip_that_is_missing_is_said_before_the_others_run(three: Path, quick: Any) -> None:
    (three.parent / "c.mp4").unlink()
    manifest, said, started = read_manifest(three), [], []
    outcomes = run_all(manifest, say=said.append, start=in_this_process(started))
    assert "There is no clip at" in said[0] and said[0].startswith("last: ")
    assert started == ["a", "broken"] and [outcome.status for outcome in outcomes] == [DONE, FAILED, FAILED]
    assert read_outcome(manifest, manifest.clips[2]).code == "clip-missing"
    write_clip(three.parent / "c.mp4", seed=2)
    assert read_outcome(manifest, manifest.clips[2]).status == WAITING


def test_a_run_that_leaves_no_record_says_why(three: Path) -> None:
    manifest = read_manifest(three)

    def start(manifest: Manifest, clip: Any, device: str | None, on_tick: Callable[[], None]) -> None:
        if clip.name == "last":
            three.write_text(three.read_text().replace("a hug", "a dance"))

    outcomes = run_all(manifest, say=lambda line: None, start=start)
    assert [outcome.code for outcome in outcomes] == ["process-ended", "process-ended", "manifest-changed"]
    assert "broken.log" in outcomes[1].error and "Run the batch again" in outcomes[2].error


def test_the_table_is_printed_although_the_summary_cannot_be_written(
    three: Path, quick: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(manifest: Manifest, outcomes: Any) -> Path:
        raise UserError("disk-full", "The disk is full.")

    monkeypatch.setattr("core.batch.records.write_summary", full)
    monkeypatch.setattr("core.batch.run.run_all", lambda manifest, **_: [Outcome("a", DONE)])
    assert main(["batch", str(three)]) == 2
    told = capsys.readouterr()
    assert told.out.splitlines()[1].split() == ["a", "done"] and "The disk is full" in told.err


@pytest.mark.parametrize("name", ["summary", "Summary"])
def test_a_clip_named_like_the_summary_stays_done(tmp_path: Path, name: str) -> None:
    manifest = read_manifest(write_manifest(tmp_path, [{"clip": "a.mp4", "name": name}]))
    outcome = Outcome(name, DONE, manifest.clips[0].digest)
    write_outcome(manifest, outcome)
    summary = write_summary(manifest, [outcome])
    assert read_outcome(manifest, manifest.clips[0]) == outcome
    assert json.loads(summary.read_text())["counts"]["done"] == 1
    assert summary.name == "summary.json"


def test_a_process_that_ends_is_recorded(three: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = read_manifest(three)
    monkeypatch.setattr(sys, "executable", "/bin/false" if Path("/bin/false").exists() else "/usr/bin/false")
    launch(manifest, manifest.clips[0], None, lambda: None)
    outcome = read_outcome(manifest, manifest.clips[0])
    assert (outcome.status, outcome.code) == (FAILED, "process-ended")


@pytest.mark.slow
def test_the_command_runs_clips_in_processes_of_their_own(tmp_path: Path) -> None:
    path = write_manifest(tmp_path, [{"clip": "missing.mp4"}, {"clip": "text.mp4"}], defaults={"device": "cpu"})
    (tmp_path / "text.mp4").write_text("no movie")
    done = subprocess.run(
        [sys.executable, "-m", "core", "batch", str(path)], capture_output=True, text=True, cwd=ROOT, timeout=300
    )
    assert done.returncode == 2, done.stderr
    summary = json.loads((tmp_path / "shots.batch" / "summary.json").read_text())
    assert summary["counts"] == {"done": 0, "failed": 2, "waiting": 0}
    assert [clip["code"] for clip in summary["clips"]] == ["clip-missing", "clip-unreadable"]
    assert done.stderr.index("missing: There is no clip") < done.stderr.index("text: started")
    assert "clip-missing" not in done.stdout and (tmp_path / "shots.batch" / "text.log").read_text()


def test_the_summary_alone_and_one_clip_alone(three: Path, quick: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["batch", str(three), "--only", "last"]) == 0
    capsys.readouterr()
    assert main(["batch", str(three), "--summary"]) == 0  # none has failed
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines[1:]] == ["waiting", "waiting", "done"]
    assert main(["batch", str(three), "--only", "nobody"]) == 2


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"version": 2, "clips": [{"clip": "a.mp4"}]}, "version"),
        ({"clips": []}, "no clips"),
        ({"clips": [{"clip": "a.mp4"}, {"clip": "b/A.mp4"}]}, "two clips have the name"),
        ({"clips": [{"clip": "a.mp4", "name": "../up"}]}, "name"),
        ({"clips": [{"clip": "a.mp4", "takes": 99}]}, "takes"),
        ({"clips": [{"clip": "a.mp4", "shell": "rm"}]}, "unknown fields"),
        ({"clips": [{"clip": "a.mp4", "annotator_url": "https://example.com/v1"}]}, "unknown fields"),
        ({"clips": [{"clip": "a.mp4", "export": ["unreal"]}]}, "unreal"),
        ({"clips": [{"prompt": "no clip"}]}, "clip"),
        ({"clips": [{"clip": 3}]}, "clip"),
        ({"clips": [{"clip": "a.mp4"}], "defaults": {"out": "x"}}, "unknown fields"),
        ({"clips": "all"}, "clips"),
    ],
)
def test_manifests_that_are_not_valid_are_refused_whole(tmp_path: Path, members: dict[str, Any], problem: str) -> None:
    path = tmp_path / "shots.json"
    path.write_text(json.dumps({"version": 1, **members}))
    with pytest.raises(UserError, match=problem) as caught:
        read_manifest(path)
    assert caught.value.code == "bad-manifest"
    assert list(tmp_path.iterdir()) == [path]
