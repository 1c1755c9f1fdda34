"""The queue outlives Blender: it is there again after a restart or a crash, and nothing starts before the user asks for it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from tests.blender.drawing import draw_sidebar
from tests.blender.product import Product
from tests.blender.test_clip_queue import add, empty_queue, idle, states
from tests.blender.test_job import FAKE_WORKER, armatures, result, runtime, start, wait
from tests.blender.user_actions import press, settings

__all__ = ["empty_queue", "result", "runtime"]  # fixtures

_OTHER_BLENDER = """
import importlib, os, sys, time
import bpy, addon_utils
addon_utils.enable("bl_ext.user_default.socialmirror")
polling = importlib.import_module("bl_ext.user_default.socialmirror.socialmirror_blender.runtime.polling")
print("found", len(polling.session.queue.clips), flush=True)
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[2])
settings = bpy.context.scene.socialmirror
settings.filepath, settings.prompt = sys.argv[1], "They hug"
bpy.ops.socialmirror.queue_add()
polling.pump()
print("queued", len(polling.session.queue.clips), flush=True)
time.sleep(60)
"""


@pytest.fixture
def queue_folder(product: Product) -> Path:
    return product("socialmirror_blender.runtime.paths").queue_folder()


def restart(runtime: ModuleType, product: Product) -> None:
    """Quit Blender and start it again, as far as the add-on notices."""
    session: Any = runtime.session
    kept: Any = product("socialmirror_blender.runtime.kept_queue")
    apply, unkeyed_pose, ready = session.apply, session.unkeyed_pose, session.environment
    runtime.unregister()
    session.queue.clips, kept._kept = (), kept._Kept()
    session.pending, session.waiting, session.notice = None, (), ""
    bpy.ops.wm.read_homefile(use_empty=True)
    runtime.register(apply, unkeyed_pose)
    session.environment = ready


def test_clips_that_waited_or_ran_wait_for_the_user_after_a_restart(
    runtime: ModuleType, result: Path, product: Product
) -> None:
    add("They shake hands", "work", "They hug")
    wait(runtime, lambda: states(runtime)[:2] == ["done", "running"] and runtime.session.runner.job.fraction == 0.4)
    restart(runtime, product)
    assert states(runtime) == ["done", "held", "held"]
    for _ in range(3):
        runtime.pump()
    assert states(runtime) == ["done", "held", "held"] and not runtime.session.runner.job.active
    layout = draw_sidebar()
    assert "2 clips were waiting when Blender quit." in " ".join(layout.texts)
    assert {"queue_resume", "queue_clear_held", "queue_import"} <= set(layout.buttons)
    press("queue_remove", number=runtime.session.queue.clips[1].number)
    press("queue_resume")
    wait(runtime, lambda: idle(runtime))
    assert states(runtime) == ["done", "done"]


def test_how_a_clip_has_failed_is_kept_however_long_it_is_told(runtime: ModuleType, product: Product) -> None:
    add("They hug")
    runtime.session.queue.fail(runtime.session.queue.clips[0].number, "No. " * 10_000)
    restart(runtime, product)
    assert states(runtime) == ["failed"] and runtime.session.queue.clips[0].message.startswith("No. No. ")


def test_held_clips_are_cleared_and_new_ones_do_not_wait_for_them(
    runtime: ModuleType, result: Path, product: Product, queue_folder: Path, tmp_path: Path
) -> None:
    add("They hug")
    restart(runtime, product)
    settings().filepath, settings().output = str(FAKE_WORKER), str(tmp_path / "out")
    add("They dance")
    wait(runtime, lambda: states(runtime) == ["held", "done"])
    press("queue_clear_held")
    press("queue_clear")
    runtime.pump()
    assert states(runtime) == [] and list(queue_folder.iterdir()) == []
    with pytest.raises(RuntimeError, match="poll"):
        press("queue_resume")


def test_a_result_of_an_earlier_session_comes_into_its_file(
    runtime: ModuleType, result: Path, product: Product, tmp_path: Path
) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    add("They hug")
    wait(runtime, lambda: idle(runtime))
    restart(runtime, product)
    number = runtime.session.queue.clips[0].number
    with pytest.raises(RuntimeError, match=r"another file \(shot\.blend\)"):
        press("queue_import", number=number)
    press("dismiss_result")
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    press("queue_import", number=number)
    assert armatures() == 2


def finish_meanwhile(runtime: ModuleType, prompt: str) -> None:
    """Let a job end while another file is open, so that its result cannot be imported."""
    start(prompt)
    bpy.ops.wm.read_homefile(use_empty=True)
    wait(runtime, lambda: not runtime.session.runner.job.active)
    assert runtime.session.pending is not None and armatures() == 0


def test_a_result_that_was_not_imported_comes_into_its_file_after_a_restart(
    runtime: ModuleType, result: Path, product: Product, queue_folder: Path, tmp_path: Path
) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    finish_meanwhile(runtime, "They hug")
    restart(runtime, product)
    runtime.pump()
    assert armatures() == 0
    assert "another file (shot.blend)" in " ".join(draw_sidebar().texts)
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    wait(runtime, lambda: runtime.session.pending is None)
    assert armatures() == 2 and list(queue_folder.iterdir()) == []


def test_a_result_of_a_file_that_was_never_saved_is_imported_by_a_press_after_a_restart(
    runtime: ModuleType, result: Path, product: Product, queue_folder: Path
) -> None:
    finish_meanwhile(runtime, "They hug")
    for _ in range(2):  # it is kept until it is imported or dismissed
        restart(runtime, product)
        runtime.pump()
    layout = draw_sidebar()
    assert "not imported before Blender quit" in " ".join(layout.texts) and "import_result" in layout.buttons
    press("import_result")
    assert armatures() == 2
    runtime.pump()
    assert list(queue_folder.iterdir()) == []


def test_a_result_that_was_dismissed_does_not_come_back(runtime: ModuleType, result: Path, product: Product) -> None:
    finish_meanwhile(runtime, "They hug")
    runtime.pump()
    press("dismiss_result")
    restart(runtime, product)
    runtime.pump()
    assert runtime.session.pending is None


def test_a_queue_of_the_first_version_is_read(runtime: ModuleType, product: Product, queue_folder: Path) -> None:
    add("They hug")
    restart(runtime, product)
    (path,) = queue_folder.glob("*.json")
    record = json.loads(path.read_text())
    del record["results"]
    (queue_folder / "other.json").write_text(json.dumps({**record, "version": 1}))
    restart(runtime, product)
    assert states(runtime) == ["held", "held"]


def test_a_queue_whose_file_was_tampered_with_is_refused_whole_and_kept(
    runtime: ModuleType, product: Product, queue_folder: Path
) -> None:
    add("They hug", "They dance")
    restart(runtime, product)
    (path,) = queue_folder.glob("*.json")
    record = json.loads(path.read_text())
    for damage in (
        {"seed": "x"}, {"takes": 900}, {"clip": None}, {"unknown": 1}, {"frames": [5, 2]}, {"annotator": "server"}
    ):  # fmt: skip
        request = record["clips"][1]["request"]
        changed = {**record["clips"][1], "request": {**request, **damage}}
        (queue_folder / "other.json").write_text(json.dumps({**record, "clips": [record["clips"][0], changed]}))
        restart(runtime, product)
        assert states(runtime) == ["held", "held"], damage  # those of the other file
        assert "cannot be read" in " ".join(draw_sidebar().texts)
        press("queue_dismiss_problems")
        assert "cannot be read" not in " ".join(draw_sidebar().texts)
        (queue_folder / "other.damaged").unlink()
    (queue_folder / "other.json").write_text(
        json.dumps({**record, "clips": [{**record["clips"][0], "out": "results"}]})
    )
    restart(runtime, product)
    assert "absolute path" in " ".join(draw_sidebar().texts) and (queue_folder / "other.damaged").exists()
    (queue_folder / "other.damaged").unlink()
    runtime.session.queue_problems = ()


def test_the_key_of_a_server_is_not_kept_and_asked_for_when_its_turn_comes(
    runtime: ModuleType, product: Product, queue_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = product("socialmirror_blender.preferences").preferences(bpy.context)
    chosen.annotator_url, chosen.annotator_key = "http://localhost:11434", "sk-secret"
    settings().annotator = "server"
    add("They hug")
    product("socialmirror_blender.runtime.kept_queue").keep_queue()
    (path,) = queue_folder.glob("*.json")
    assert "localhost" in path.read_text() and "sk-secret" not in path.read_text()
    sent: list[dict[str, object]] = []
    monkeypatch.setattr(runtime.session.runner, "start", lambda _launch, _kind, fields: sent.append(fields))
    runtime.pump()
    assert [fields["annotator_key"] for fields in sent] == ["sk-secret"]
    chosen.annotator_key = ""


def test_the_queue_of_a_blender_that_crashed_is_taken_over_and_that_of_a_running_one_is_not(
    runtime: ModuleType, product: Product, tmp_path: Path
) -> None:
    add("They dance")
    runtime.pump()
    (tmp_path / "other.py").write_text(_OTHER_BLENDER)
    command = [sys.executable, str(tmp_path / "other.py"), str(FAKE_WORKER), str(tmp_path / "theirs.blend")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        lines = (line for line in other.stdout if line.startswith(("found", "queued")))
        assert next(lines) == "found 0\n"
        assert next(lines) == "queued 1\n"
        restart(runtime, product)
        assert [clip.fields["prompt"] for clip in runtime.session.queue.clips] == ["They dance"]
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
    restart(runtime, product)
    clips = {clip.fields["prompt"]: clip for clip in runtime.session.queue.clips}
    assert set(clips) == {"They dance", "They hug"} and states(runtime) == ["held", "held"]
    assert clips["They hug"].origin.filepath == str(tmp_path / "theirs.blend")


def test_a_queue_that_cannot_be_kept_says_so(runtime: ModuleType, product: Product, tmp_path: Path) -> None:
    kept, paths = product("socialmirror_blender.runtime.kept_queue"), product("socialmirror_blender.runtime.paths")
    (tmp_path / "queue").touch()  # no folder can be made there
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "queue_folder", lambda: tmp_path / "queue")
        patch.setattr(kept, "_kept", kept._Kept())
        add("They hug")
        kept.keep_queue()
        kept.keep_queue()
    (problem,) = runtime.session.queue_problems
    assert problem.startswith("The queue and results that wait will be forgotten when Blender quits.")
    runtime.session.queue_problems = ()
