"""One job at a time in a child process: however it ends, a message is left, no process is, and the next run works."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from tests.blender.drawing import draw_sidebar
from tests.blender.synthetic_reconstruction import add_take, make_reconstruction
from tests.blender.user_actions import press, settings

FAKE_WORKER = Path(__file__).with_name("fake_worker.py")
Product = Callable[[str], ModuleType]


@pytest.fixture
def result(product: Product, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished reconstruction, which the fake worker hands out."""
    for part in ("skeleton", "reconstruction", "contact"):
        product(f"core.contract.{part}")
    make_reconstruction(tmp_path / "result", product("core.contract"), frames=5, clip=FAKE_WORKER)
    monkeypatch.setenv("FAKE_RESULT", str(tmp_path / "result"))
    return tmp_path / "result"


@pytest.fixture
def runtime(product: Product, tmp_path: Path) -> Iterator[ModuleType]:
    """The add-on's session, with the fake worker for its environment."""
    session = product("socialmirror_blender.runtime.polling")
    environment = product("socialmirror_blender.runtime.environment")
    session.session.environment = environment.Environment(environment.EnvironmentState.READY, str(FAKE_WORKER))
    settings().filepath = str(FAKE_WORKER)  # a file that is there
    settings().output = str(tmp_path / "out")
    yield session
    session.session.runner.close()
    session.session.runner.clear()
    session.session.pending, session.session.waiting = None, ()


def run(runtime: ModuleType, prompt: str, seconds: float = 20) -> Any:
    """Press Reconstruct Interaction with that prompt and wait for the end."""
    start(prompt)
    wait(runtime, lambda: not runtime.session.runner.job.active, seconds)
    return runtime.session.runner.job


def start(prompt: str) -> None:
    settings().prompt = prompt
    assert press("reconstruct") == {"FINISHED"}


def wait(runtime: ModuleType, holds: Callable[[], bool], seconds: float = 20) -> None:
    """Do what Blender's timer does until something holds. Between two ticks Blender evaluates what has changed."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"still {runtime.session.runner.job}"
        bpy.context.view_layer.update()
        runtime.pump()
        time.sleep(0.02)
    runtime.pump()
    while runtime.session.importing is not None:
        bpy.context.view_layer.update()
        runtime.pump()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not Path(f"/proc/{pid}/stat").exists() or Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"


def armatures() -> int:
    return sum(item.type == "ARMATURE" for item in bpy.context.scene.objects)


def test_a_result_comes_into_the_scene_and_the_worker_is_kept(runtime: ModuleType, result: Path) -> None:
    job = run(runtime, "They shake hands")
    assert job.state.name == "DONE"
    assert job.warnings == ("The camera moves; a still one was assumed.",)
    assert armatures() == 2
    assert runtime.session.pending is None
    pid = runtime.session.runner.child_pid
    assert run(runtime, "again").state.name == "DONE"
    assert runtime.session.runner.child_pid == pid
    assert armatures() == 2  # the same folder: keyed anew, not built twice


def test_a_log_that_cannot_be_written_does_not_keep_the_worker_from_working(
    runtime: ModuleType, result: Path, product: Product, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "logs").touch()  # no folder can be made there, as on a read-only disk
    monkeypatch.setattr(product("socialmirror_blender.runtime.paths"), "log_folder", lambda: tmp_path / "logs")
    assert run(runtime, "They shake hands").state.name == "DONE"
    assert run(runtime, "die").failure.log == ""


def test_a_result_comes_into_the_scene_whole(runtime: ModuleType, result: Path, scene: ModuleType) -> None:
    """It is made in steps, between which the window lives on and nothing of it is seen."""
    begin_import(runtime)
    steps = 1
    while runtime.session.importing is not None:
        assert armatures() == 0
        assert not list(scene.reconstruction_collections())
        runtime.pump()
        steps += 1
    assert steps > 5
    assert armatures() == 2
    assert len(list(scene.reconstruction_collections())) == 1


def test_an_import_that_saving_interrupts_begins_anew(runtime: ModuleType, result: Path, tmp_path: Path) -> None:
    begin_import(runtime)
    runtime.pump()
    cube = bpy.data.objects.new("made meanwhile", None)
    assert len(bpy.data.armatures) == 2
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "copy.blend"), copy=True)
    assert len(bpy.data.armatures) == len(bpy.data.collections) == 0  # nothing of it was saved
    assert cube.name == "made meanwhile"
    wait(runtime, lambda: runtime.session.pending is None)
    assert armatures() == 2


def test_what_an_undone_import_has_left_is_removed(
    runtime: ModuleType, result: Path, scene: ModuleType, product: Product
) -> None:
    """Undo may lead to a moment between two steps, where nothing goes on any more."""
    begin_import(runtime)
    for _ in range(4):
        runtime.pump()
    scene.remove_unfinished_imports()
    for kind in (bpy.data.collections, bpy.data.objects, bpy.data.armatures, bpy.data.meshes, bpy.data.actions):
        assert len(kind) == 0
    product("socialmirror_blender.runtime.result_imports").abandon_import()


def begin_import(runtime: ModuleType) -> None:
    """Reconstruct, and do the first step of importing the result."""
    start("")
    end = time.monotonic() + 20
    while runtime.session.importing is None:
        assert time.monotonic() < end
        runtime.pump()
        time.sleep(0.02)


@pytest.mark.skipif(sys.platform == "win32", reason="flags of the start do it there")
def test_blenders_window_comes_before_the_worker(product: Product, tmp_path: Path) -> None:
    process = product("socialmirror_blender.runtime.process")
    child = process.Child(process.Launch((sys.executable, "-c", "input()"), tmp_path, tmp_path / "log.txt"))
    try:
        assert os.getpriority(os.PRIO_PROCESS, child.pid) > os.getpriority(os.PRIO_PROCESS, 0)
    finally:
        child.close()


def test_progress_reaches_the_panel(runtime: ModuleType) -> None:
    start("work")
    wait(runtime, lambda: runtime.session.runner.job.fraction == 0.4)
    job = runtime.session.runner.job
    assert (job.stage, job.text, job.seconds_left) == ("perception", "frame 41 of 101", 70.0)


def test_an_error_is_told_with_its_way_out_and_the_next_run_works(runtime: ModuleType, result: Path) -> None:
    failure = run(runtime, "fail").failure
    assert failure.message == "Only one person is seen in the clip."
    assert failure.hint.startswith("Choose a range")
    assert armatures() == 0
    assert run(runtime, "").state.name == "DONE"


def test_a_missing_weight_changes_the_state_of_the_environment(runtime: ModuleType) -> None:
    run(runtime, "weights")
    assert runtime.session.environment.state.name == "WEIGHTS_MISSING"
    with pytest.raises(RuntimeError, match="poll"):
        press("reconstruct")


def test_a_worker_that_dies_in_the_middle(runtime: ModuleType, result: Path) -> None:
    failure = run(runtime, "die").failure
    assert failure.code == "worker-ended"
    assert "exit code 7" in failure.message
    assert Path(failure.log).read_text().endswith("Out of memory\n")
    assert run(runtime, "").state.name == "DONE"


def test_a_worker_that_is_killed_from_outside(runtime: ModuleType, result: Path) -> None:
    start("work")
    wait(runtime, lambda: runtime.session.runner.job.fraction == 0.4)
    os.kill(runtime.session.runner.child_pid, signal.SIGKILL)
    wait(runtime, lambda: not runtime.session.runner.job.active)
    assert runtime.session.runner.job.failure.code == "worker-ended"
    assert run(runtime, "").state.name == "DONE"


def test_cancel_ends_the_job_within_a_second_and_keeps_the_worker(runtime: ModuleType, result: Path) -> None:
    start("work")
    wait(runtime, lambda: runtime.session.runner.job.fraction == 0.4)
    pid = runtime.session.runner.child_pid
    press("cancel")
    wait(runtime, lambda: not runtime.session.runner.job.active, seconds=1)
    assert runtime.session.runner.job.state.name == "CANCELLED"
    assert run(runtime, "").state.name == "DONE"
    assert runtime.session.runner.child_pid == pid


def test_a_worker_that_heeds_nothing_is_killed(runtime: ModuleType, result: Path) -> None:
    start("stubborn")
    wait(runtime, lambda: runtime.session.runner.job.fraction > 0)
    pid = runtime.session.runner.child_pid
    press("cancel")
    wait(runtime, lambda: not runtime.session.runner.job.active, seconds=8)
    assert runtime.session.runner.job.state.name == "CANCELLED"
    assert not is_alive(pid)
    assert run(runtime, "").state.name == "DONE"


def test_a_worker_that_never_answers(product: Product, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_SILENT", "1")
    runners, launches = product("socialmirror_blender.runtime.runner"), product("socialmirror_blender.runtime.launches")
    runner = runners.Runner(runners.Timeouts(ready=0.3))
    runner.start(launches.worker_launch(str(FAKE_WORKER), online=False), "reconstruct", {})
    pid = runner.child_pid
    end = time.monotonic() + 10
    while runner.job.active:
        assert time.monotonic() < end
        runner.pump()
        time.sleep(0.02)
    assert runner.job.failure.code == "worker-silent"
    assert not is_alive(pid)


def test_cancel_before_the_worker_has_answered(
    runtime: ModuleType, result: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_SILENT", "1")
    start("")
    pid = runtime.session.runner.child_pid
    press("cancel")
    assert runtime.session.runner.job.state.name == "CANCELLED"
    assert not is_alive(pid)
    monkeypatch.delenv("FAKE_SILENT")
    assert run(runtime, "").state.name == "DONE"


def test_what_libraries_print_does_not_disturb(runtime: ModuleType, result: Path) -> None:
    assert run(runtime, "nonsense").state.name == "DONE"


def test_an_interpreter_that_does_not_start(product: Product, runtime: ModuleType) -> None:
    environment = product("socialmirror_blender.runtime.environment")
    runtime.session.environment = environment.Environment(environment.EnvironmentState.READY, "/nowhere/python")
    with pytest.raises(RuntimeError, match="cannot be started"):
        press("reconstruct")
    assert not runtime.session.runner.job.active


def test_another_file_is_loaded_in_the_middle(
    product: Product, runtime: ModuleType, result: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "first.blend", tmp_path / "second.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(second), check_existing=False)
    bpy.ops.wm.save_as_mainfile(filepath=str(first), check_existing=False)
    start("They hug")
    bpy.ops.wm.open_mainfile(filepath=str(second))
    wait(runtime, lambda: not runtime.session.runner.job.active)
    assert armatures() == 0  # nothing comes into a file that did not ask for it
    assert "another file" in runtime.session.notice
    bpy.ops.wm.open_mainfile(filepath=str(first))
    wait(runtime, lambda: runtime.session.pending is None)
    assert armatures() == 2


def test_a_result_of_another_file_can_be_imported_all_the_same(
    runtime: ModuleType, result: Path, tmp_path: Path
) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "first.blend"), check_existing=False)
    start("They hug")
    bpy.ops.wm.read_homefile(use_empty=True)
    wait(runtime, lambda: not runtime.session.runner.job.active)
    assert armatures() == 0
    assert press("import_result") == {"FINISHED"}
    assert armatures() == 2
    assert runtime.session.pending is None


def start_in_file_and_leave(runtime: ModuleType, path: Path) -> None:
    """Reconstruct in a file of its own, and wait for the result in an empty one."""
    bpy.ops.wm.save_as_mainfile(filepath=str(path), check_existing=False)
    settings().filepath, settings().output = str(FAKE_WORKER), str(path.with_suffix(""))
    start("They hug")
    bpy.ops.wm.read_homefile(use_empty=True)
    wait(runtime, lambda: not runtime.session.runner.job.active)


def test_a_result_that_waits_for_its_file_outlives_the_next_job(
    runtime: ModuleType, result: Path, tmp_path: Path
) -> None:
    start_in_file_and_leave(runtime, tmp_path / "first.blend")
    settings().filepath, settings().output = str(FAKE_WORKER), str(tmp_path / "here")
    run(runtime, "They dance")
    assert armatures() == 2
    wait(runtime, lambda: runtime.session.notice)
    assert "started in another file (first.blend)" in " ".join(draw_sidebar().texts)
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "first.blend"))
    wait(runtime, lambda: runtime.session.pending is None)
    assert armatures() == 2 and runtime.session.waiting == ()


def test_results_that_wait_are_offered_one_after_the_other(runtime: ModuleType, result: Path, tmp_path: Path) -> None:
    for name in ("first", "second", "third"):
        start_in_file_and_leave(runtime, tmp_path / f"{name}.blend")
    assert "third.blend" in runtime.session.notice and "2 more results wait" in " ".join(draw_sidebar().texts)
    press("dismiss_result")
    wait(runtime, lambda: runtime.session.pending is not None)
    assert "second.blend" in runtime.session.notice
    press("import_result")
    assert armatures() == 2
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "first.blend"))
    wait(runtime, lambda: armatures() == 2)
    assert runtime.session.pending is None and runtime.session.waiting == ()


def test_dismissing_a_failure_keeps_a_result_that_waits(runtime: ModuleType, result: Path, tmp_path: Path) -> None:
    start_in_file_and_leave(runtime, tmp_path / "first.blend")
    settings().filepath, settings().output = str(FAKE_WORKER), str(tmp_path / "here")
    run(runtime, "fail")
    press("dismiss")
    assert "first.blend" in runtime.session.notice
    assert press("import_result") == {"FINISHED"}


def test_a_scene_that_is_gone_is_told_and_the_result_kept(runtime: ModuleType, result: Path) -> None:
    start("")
    asking = bpy.context.scene
    bpy.data.scenes.new("Other")
    bpy.data.scenes.remove(asking)
    wait(runtime, lambda: not runtime.session.runner.job.active)
    assert "is gone" in runtime.session.notice
    assert press("import_result") == {"FINISHED"}
    assert armatures() == 2


def test_refine_keys_the_same_rigs(
    runtime: ModuleType,
    result: Path,
    product: Product,
    scene: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copytree(result, tmp_path / "refined")
    add_take(tmp_path / "refined", product("core.contract"), "take-2", frames=5, clip=FAKE_WORKER, seed=3)
    monkeypatch.setenv("FAKE_REFINED", str(tmp_path / "refined"))
    run(runtime, "")
    rigs = {item.name for item in bpy.context.scene.objects if item.type == "ARMATURE"}
    before = {action.name for action in bpy.data.actions}
    next(scene.reconstruction_collections()).socialmirror.prompt = "closer"
    assert press("refine") == {"FINISHED"}
    wait(runtime, lambda: not runtime.session.runner.job.active)
    assert runtime.session.runner.job.kind == "refine"
    assert runtime.session.runner.job.state.name == "DONE"
    assert {item.name for item in bpy.context.scene.objects if item.type == "ARMATURE"} == rigs
    assert {action.name for action in bpy.data.actions} > before
    edits = product("core.contract.edits").Edits.read(next((result.parent / "out").glob("*/edits.json")))
    assert edits.contacts is not None
    assert len(edits.contacts) == 3


@pytest.fixture
def refined(
    runtime: ModuleType, result: Path, product: Product, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A result that was imported at frame 101 is being refined, while the settings are already for the next clip."""
    shutil.copytree(result, tmp_path / "refined")
    add_take(tmp_path / "refined", product("core.contract"), "take-2", frames=5, clip=FAKE_WORKER, seed=3)
    monkeypatch.setenv("FAKE_REFINED", str(tmp_path / "refined"))
    settings().frame_start = 101
    run(runtime, "")
    settings().frame_start = 1
    press("refine")


def shown(scene: ModuleType) -> tuple[str, int, int]:
    """The take of the only reconstruction, and its first and last scene frame."""
    (collection,) = scene.reconstruction_collections()
    state = scene.read_state(collection)
    return state.take, state.first_frame, state.last_frame


@pytest.mark.usefixtures("refined")
def test_a_refined_result_waits_for_the_control_rig_and_comes_where_the_motion_is(
    runtime: ModuleType, scene: ModuleType
) -> None:
    press("control_rig_add")
    wait(runtime, lambda: not runtime.session.runner.job.active)
    for _ in range(3):
        runtime.pump()
        assert "Press Bake Back" in runtime.session.notice
    with pytest.raises(RuntimeError, match="Press Bake Back"):
        press("import_result")
    press("control_rig_remove")
    wait(runtime, lambda: runtime.session.pending is None)
    assert shown(scene) == ("take-2", 101, 105)
    assert runtime.session.notice == ""


@pytest.mark.usefixtures("refined")
def test_import_result_shows_a_refined_take_where_the_motion_is(runtime: ModuleType, scene: ModuleType) -> None:
    bpy.ops.object.select_all(action="DESELECT")
    item = scene.skin_of(*scene.reconstruction_collections(), 0)
    bpy.context.view_layer.objects.active = item
    bpy.ops.object.mode_set(mode="EDIT")  # the result waits
    wait(runtime, lambda: not runtime.session.runner.job.active)
    bpy.ops.object.mode_set(mode="OBJECT")
    assert press("import_result") == {"FINISHED"}
    assert shown(scene) == ("take-2", 101, 105)
    assert runtime.session.pending is None


@pytest.mark.usefixtures("refined")
def test_import_result_rebuilds_an_armature_that_was_deleted_while_refine_ran(
    runtime: ModuleType, scene: ModuleType
) -> None:
    bpy.data.objects.remove(scene.rig_of(*scene.reconstruction_collections(), 0))
    wait(runtime, lambda: not runtime.session.runner.job.active)
    assert "import the reconstruction again" in runtime.session.notice
    assert press("import_result") == {"FINISHED"}
    assert shown(scene) == ("take-2", 101, 105)
    assert armatures() == 2


def test_a_folder_that_is_imported_again_stays_where_it_is_in_time(
    runtime: ModuleType, result: Path, scene: ModuleType
) -> None:
    settings().frame_start = 101
    run(runtime, "")
    settings().frame_start = 1
    (collection,) = scene.reconstruction_collections()
    press("import_folder", directory=str(scene.folder_of(collection)))
    assert shown(scene) == ("take-1", 101, 105)
    run(runtime, "again")
    assert shown(scene) == ("take-1", 101, 105)
    bpy.context.scene.render.fps = 48
    press("import_folder", directory=str(scene.folder_of(collection)))
    assert shown(scene) == ("take-1", 101, 105)
    settings().match_scene = True
    press("import_folder", directory=str(scene.folder_of(collection)))
    assert shown(scene) == ("take-1", 101, 105)
    assert bpy.context.scene.render.fps == 24


def test_only_one_job_at_a_time(runtime: ModuleType) -> None:
    start("work")
    with pytest.raises(RuntimeError, match="poll"):
        press("reconstruct")


def test_disabling_the_addon_ends_the_worker(runtime: ModuleType) -> None:
    start("work")
    wait(runtime, lambda: runtime.session.runner.job.fraction == 0.4)
    pid = runtime.session.runner.child_pid
    bpy.ops.preferences.addon_disable(module="bl_ext.user_default.socialmirror")
    assert not is_alive(pid)
    assert not hasattr(bpy.types.Scene, "socialmirror")
    assert not hasattr(bpy.types, "SOCIALMIRROR_PT_reconstruct")
    bpy.ops.preferences.addon_enable(module="bl_ext.user_default.socialmirror")
    assert hasattr(bpy.types.Scene, "socialmirror")


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_nothing_is_left_when_blender_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "blender.py"
    script.write_text(
        "import importlib, pathlib, sys, time\n"
        "import bpy, addon_utils\n"
        "addon_utils.enable('bl_ext.user_default.socialmirror')\n"
        "launches = importlib.import_module('bl_ext.user_default.socialmirror.socialmirror_blender.runtime.launches')\n"
        "process = importlib.import_module('bl_ext.user_default.socialmirror.socialmirror_blender.runtime.process')\n"
        f"child = process.Child(launches.worker_launch({str(FAKE_WORKER)!r}, online=False))\n"
        "print('pid', child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as blender:
        assert blender.stdout is not None
        pid = next(int(line.split()[1]) for line in blender.stdout if line.startswith("pid "))
        assert is_alive(pid)
        blender.kill()
    end = time.monotonic() + 5
    while is_alive(pid):
        assert time.monotonic() < end
        time.sleep(0.05)
