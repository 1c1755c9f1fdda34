"""The queue: clips run one after the other, however one ends, and results are imported when asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from tests.blender.drawing import draw_sidebar
from tests.blender.product import Product
from tests.blender.test_job import FAKE_WORKER, armatures, result, runtime, start, start_in_file_and_leave, wait
from tests.blender.user_actions import press, settings

__all__ = ["result", "runtime"]  # fixtures


@pytest.fixture(autouse=True)
def empty_queue(product: Product) -> Iterator[None]:
    session = product("socialmirror_blender.runtime.session").session
    session.queue.clips = ()
    yield
    session.queue.clips, session.failures = (), ()


def add(*prompts: str) -> None:
    for prompt in prompts:
        settings().prompt = prompt
        assert press("queue_add") == {"FINISHED"}


def states(runtime: ModuleType) -> list[str]:
    return [clip.state.value for clip in runtime.session.queue.clips]


def idle(runtime: ModuleType) -> bool:
    queue = runtime.session.queue
    return queue.next is None and queue.running is None


def test_clips_run_one_after_the_other_and_a_failure_ends_none(runtime: ModuleType, result: Path) -> None:
    add("They hug", "fail", "They dance")
    assert states(runtime) == ["waiting"] * 3
    wait(runtime, lambda: idle(runtime))
    assert states(runtime) == ["done", "failed", "done"]
    assert "Only one person" in runtime.session.queue.clips[1].message
    assert armatures() == 0 and runtime.session.pending is None


def test_a_result_is_imported_when_asked(runtime: ModuleType, result: Path) -> None:
    add("They hug")
    wait(runtime, lambda: idle(runtime))
    (clip,) = runtime.session.queue.clips
    press("queue_import", number=clip.number)
    assert armatures() == 2 and runtime.session.queue.clips == ()


def test_an_import_from_the_queue_is_one_step_of_undo(runtime: ModuleType, result: Path) -> None:
    bpy.ops.ed.undo_push(message="Start")
    add("They hug")
    wait(runtime, lambda: idle(runtime))
    press("queue_import", number=runtime.session.queue.clips[0].number)
    assert armatures() == 2
    bpy.ops.ed.undo()
    assert armatures() == 0


def test_an_import_that_fails_is_said_and_the_clip_stays_in_the_queue(runtime: ModuleType, result: Path) -> None:
    add("They hug")
    wait(runtime, lambda: idle(runtime))
    (clip,) = runtime.session.queue.clips
    (Path(clip.folder) / "reconstruction.npz").write_bytes(b"damaged")
    with pytest.raises(RuntimeError, match="cannot be read"):
        press("queue_import", number=clip.number)
    assert states(runtime) == ["done"] and armatures() == 0


def test_the_queue_waits_for_a_job_that_runs_and_cancel_ends_one_clip(runtime: ModuleType, result: Path) -> None:
    start("work")
    add("work", "They hug")
    wait(runtime, lambda: runtime.session.runner.job.fraction == 0.4)
    assert states(runtime) == ["waiting", "waiting"]
    press("cancel")
    wait(runtime, lambda: states(runtime)[0] == "running" and runtime.session.runner.job.fraction == 0.4)
    with pytest.raises(RuntimeError, match="Cancel it first"):
        press("queue_remove", number=runtime.session.queue.clips[0].number)
    press("cancel")
    wait(runtime, lambda: idle(runtime))
    assert states(runtime) == ["cancelled", "done"]


def test_the_queue_goes_on_after_the_add_on_was_switched_off_and_on(
    runtime: ModuleType, result: Path, product: Product
) -> None:
    add("work", "They hug")
    wait(runtime, lambda: runtime.session.runner.job.fraction == 0.4)
    apply, unkeyed_pose = runtime.session.apply, runtime.session.unkeyed_pose
    ready = runtime.session.environment
    runtime.unregister()
    assert states(runtime) == ["cancelled", "waiting"]
    assert runtime.session.runner.job.state.name == "IDLE"
    runtime.register(apply, unkeyed_pose)
    runtime.session.environment = ready
    wait(runtime, lambda: idle(runtime))
    assert states(runtime) == ["cancelled", "done"]
    press("queue_again", number=runtime.session.queue.clips[0].number)


def test_a_failure_outside_the_queue_is_shown_until_it_is_dismissed(runtime: ModuleType, result: Path) -> None:
    start("fail")
    add("They hug", "work")
    wait(runtime, lambda: states(runtime) == ["done", "running"])
    layout = draw_sidebar()
    text = " ".join(layout.texts)
    assert "fake_worker.py: Only one person is seen in the clip." in text and "Choose a range" in text
    assert "open_log" in layout.buttons
    press("dismiss_failure", number=0)
    assert "Only one person" not in " ".join(draw_sidebar().texts)
    press("cancel")


def test_the_queue_does_not_wait_for_a_result_of_another_file(
    runtime: ModuleType, result: Path, tmp_path: Path
) -> None:
    start_in_file_and_leave(runtime, tmp_path / "first.blend")
    settings().filepath, settings().output = str(FAKE_WORKER), str(tmp_path / "here")
    add("They dance")
    wait(runtime, lambda: idle(runtime))
    press("queue_import", number=runtime.session.queue.clips[0].number)
    assert armatures() == 2 and runtime.session.queue.clips == ()
    wait(runtime, lambda: runtime.session.pending is not None)
    assert "first.blend" in runtime.session.notice


def test_the_queue_goes_on_while_a_result_waits_for_the_end_of_edit_mode(
    runtime: ModuleType, result: Path, tmp_path: Path
) -> None:
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.object.mode_set(mode="EDIT")
    start("They shake hands")
    add("They hug")  # of the same clip: its take would come in place of the one that waits
    settings().output = str(tmp_path / "elsewhere")
    add("They dance")
    second = runtime.session.queue.clips[1]
    press("queue_move", number=second.number, steps=-1)
    wait(runtime, lambda: states(runtime) == ["done", "waiting"])
    for _ in range(5):
        runtime.pump()
    assert states(runtime) == ["done", "waiting"] and runtime.session.pending is not None
    assert "waits until the result of the same clip" in " ".join(draw_sidebar().texts)
    bpy.ops.object.mode_set(mode="OBJECT")
    wait(runtime, lambda: idle(runtime))
    assert armatures() == 2 and runtime.session.pending is None
    assert states(runtime) == ["done", "done"]


@pytest.mark.parametrize(("frames", "waits"), [([2, 4], True), (None, True), ([5, 9], False)])
def test_only_a_result_of_the_same_frames_holds_a_clip_up(
    runtime: ModuleType, product: Product, frames: Any, waits: bool
) -> None:
    session = product("socialmirror_blender.runtime.session")
    add("They hug")
    (clip,) = runtime.session.queue.clips
    runtime.session.queue.clips = ()
    clip = replace(clip, fields=clip.fields | {"frames": [2, 4]})
    runtime.session.pending = session.Outcome(f"{clip.fields['out']}-2", clip.origin, "reconstruct", frames)
    assert product("socialmirror_blender.runtime.queue_turns").waits_for_import(clip) is waits


def test_results_that_are_not_imported_yet_move_along_when_the_file_is_saved(
    runtime: ModuleType, result: Path, tmp_path: Path, product: Product
) -> None:
    folders = product("socialmirror_blender.folders")
    settings().output = ""
    add("They hug", "They dance")  # both in one folder
    wait(runtime, lambda: idle(runtime))
    before = Path(runtime.session.queue.clips[0].folder)
    assert folders.is_provisional(before) and folders.existing_results("") == before.parent
    add("They wait")
    (tmp_path / "shots").mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shots" / "one.blend"))
    beside = tmp_path / "shots" / "SocialMirror" / "one"
    first, second, waiting = runtime.session.queue.clips
    assert Path(first.folder) == Path(second.folder) == beside / before.name
    assert Path(waiting.fields["out"]) == beside / before.name
    assert not before.exists() and folders.existing_results("") == beside
    operator = getattr(bpy.types, "SOCIALMIRROR_OT_queue_import")  # noqa: B009, no stub knows it
    assert str(beside) in operator.description(bpy.context, first)
    press("queue_import", number=first.number)
    assert armatures() == 2


def test_what_runs_while_the_file_is_saved_moves_beside_it_when_it_ends(
    runtime: ModuleType, result: Path, tmp_path: Path
) -> None:
    settings().output = ""
    add("They hug")
    runtime.pump()
    assert states(runtime) == ["running"]
    before = Path(runtime.session.queue.clips[0].fields["out"])
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "one.blend"))
    wait(runtime, lambda: idle(runtime))
    (clip,) = runtime.session.queue.clips
    assert Path(clip.folder) == tmp_path / "SocialMirror" / "one" / before.name
    assert (Path(clip.folder) / "reconstruction.npz").is_file() and not before.exists()


def test_a_result_that_a_cancelled_refine_kept_in_place_moves_when_that_has_ended(
    runtime: ModuleType, result: Path, tmp_path: Path, scene: ModuleType
) -> None:
    settings().output = ""
    start("They hug")
    wait(runtime, lambda: armatures() == 2)
    start("work")
    wait(runtime, lambda: runtime.session.runner.job.fraction == 0.4)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "one.blend"))
    press("cancel")
    wait(runtime, lambda: not runtime.session.runner.job.active)
    (collection,) = scene.reconstruction_collections()
    assert scene.folder_of(collection).parent == tmp_path / "SocialMirror" / "one"


def test_a_job_belongs_to_the_file_that_it_was_saved_in(runtime: ModuleType, result: Path, tmp_path: Path) -> None:
    start("They hug")
    add("They dance")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "one.blend"))
    bpy.ops.wm.read_homefile(use_empty=True)
    wait(runtime, lambda: idle(runtime))
    assert "one.blend" in runtime.session.notice and armatures() == 0
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "one.blend"))
    wait(runtime, lambda: armatures() == 2)
    press("queue_import", number=runtime.session.queue.clips[0].number)


def test_clips_that_wait_are_moved_and_removed(runtime: ModuleType, product: Product) -> None:
    queue = product("socialmirror_blender.runtime.clip_queue").ClipQueue()
    for title in "abcd":
        queue.add(title, {}, None)
    queue.begin(1)
    queue.move(4, -1)
    queue.move(2, 5)
    queue.move(1, 3)  # it runs
    queue.remove(3)
    assert [clip.title for clip in queue.clips] == ["a", "d", "b"]
    queue.finish(queue.clips[0].state.CANCELLED)
    queue.again(1)
    assert [clip.title for clip in queue.clips] == ["d", "b", "a"] and queue.next.title == "d"


def test_settings_are_those_of_the_moment_of_queueing(runtime: ModuleType, result: Path) -> None:
    settings().seed = 3
    add("They hug")
    settings().seed = 5
    assert runtime.session.queue.clips[0].fields["seed"] == 3
    assert runtime.session.queue.clips[0].fields["prompt"] == "They hug"


def test_selected_strips_are_queued_and_the_settings_stay(
    runtime: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, product: Product
) -> None:
    from tests.blender.movies import write_movie

    write_movie(tmp_path / "a.avi", 8)
    editor: Any = bpy.context.scene.sequence_editor_create()
    for name in ("first", "second", "third"):
        strip = editor.strips.new_movie(name, str(tmp_path / "a.avi"), channel=1 + "fst".index(name[0]), frame_start=10)
        strip.select = name != "second"
    settings().use_range, settings().scene_first, settings().scene_last = True, 11, 13
    press("queue_strips")
    clips = runtime.session.queue.clips
    assert sorted(clip.title for clip in clips) == ["first", "third"]
    assert all(clip.origin.strip == clip.title and clip.origin.strip_timing for clip in clips)
    assert settings().source == "FILE" and settings().strip == ""
    assert (settings().use_range, settings().scene_first, settings().scene_last) == (True, 11, 13)
    assert [clip.fields["frames"] for clip in clips] == [[0, 7], [0, 7]]  # whole strips


def test_what_was_set_for_one_clip_is_left_out_of_the_other_strips(
    runtime: ModuleType, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from tests.blender.movies import write_movie

    editor: Any = bpy.context.scene.sequence_editor_create()
    for channel, name in enumerate("abc", 1):
        write_movie(tmp_path / f"{name}.avi", 8)
        editor.strips.new_movie(name, str(tmp_path / f"{name}.avi"), channel=channel, frame_start=10).select = True
    late = editor.strips["c"]
    setattr(late, "left_handle" if hasattr(late, "left_handle") else "frame_final_start", 16)  # after the picked frames
    late.filepath = str(tmp_path / "a.avi")
    (tmp_path / "motion.npz").touch()
    settings().source, settings().strip = "STRIP", "a"
    settings().choose_people, settings().people_marks = True, "2:10,20;3:30,40"
    settings().initial_a = str(tmp_path / "motion.npz")
    press("queue_strips")
    clips = {clip.title: clip.fields for clip in runtime.session.queue.clips}
    assert [clips[name]["people_at"] is None for name in "abc"] == [False, True, True]
    assert [clips[name]["initial"] for name in "abc"] == [None] * 3
    assert "Queued 3 clips; picked people and initial motion of one clip were left out" in capfd.readouterr().out
    runtime.session.queue.clips = ()
    settings().people_marks, settings().track_a, settings().track_b, settings().initial_a = "", 2, 3, ""
    press("queue_strips")
    assert [clip.fields["people"] for clip in runtime.session.queue.clips] == [None] * 3
    assert "Queued 3 clips; numbers of people of one clip were left out" in capfd.readouterr().out
    runtime.session.queue.clips = ()
    settings().person_a, settings().person_b = "the dancer in red", "the dancer in blue"
    press("queue_strips")
    assert {clip.fields["person_a"] for clip in runtime.session.queue.clips} == {"the dancer in red"}


def test_the_panel_shows_every_state(runtime: ModuleType, result: Path, product: Product) -> None:
    add("They hug", "fail")
    wait(runtime, lambda: idle(runtime))
    add("work")
    wait(runtime, lambda: runtime.session.runner.job.fraction == 0.4)
    add("They wait")
    layout = draw_sidebar()
    assert {"queue_import", "queue_again", "queue_move", "queue_remove", "queue_add", "cancel"} <= set(layout.buttons)
    press("cancel")
