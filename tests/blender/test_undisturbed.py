"""Who works is left in peace: modes, views, the scene's camera and the mouse stay the animator's."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import bpy
import pytest

from tests.blender.drawing import draw_sidebar
from tests.blender.product import Product
from tests.blender.synthetic_reconstruction import add_take, make_reconstruction
from tests.blender.test_job import armatures, result, runtime, start, wait
from tests.blender.user_actions import press, settings

__all__ = ["result", "runtime"]  # fixtures


def test_a_result_waits_until_edit_mode_is_left(runtime: ModuleType, result: Path) -> None:
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.object.mode_set(mode="EDIT")
    start("They hug")
    wait(runtime, lambda: runtime.session.pending is not None)
    for _ in range(20):
        runtime.pump()
    assert armatures() == 0
    assert "as soon as you leave Edit Mode" in " ".join(draw_sidebar().texts)
    bpy.ops.object.mode_set(mode="OBJECT")
    wait(runtime, lambda: runtime.session.pending is None)
    assert armatures() == 2


def test_matching_the_scene_keeps_its_camera_and_the_shown_take(
    contract: ModuleType, scene: ModuleType, product: Product, tmp_path: Path
) -> None:
    make_reconstruction(tmp_path / "result", contract, take="take-1", seed=1, frame_rate=30.0)
    add_take(tmp_path / "result", contract, "take-2", seed=2, frame_rate=30.0)
    press("import_folder", directory=str(tmp_path / "result"))
    (collection,) = scene.reconstruction_collections()
    product("socialmirror_blender.take_files").activate_take(tmp_path / "result", "take-1")  # by another program
    current: Any = bpy.context.scene
    own = bpy.data.objects.new("own camera", bpy.data.cameras.new("own camera"))
    current.collection.objects.link(own)
    current.camera = own
    press("match_scene")
    assert current.camera == own
    assert (current.render.fps, current.render.resolution_x) == (30, 640)
    state = scene.read_state(collection)
    assert state.take == "take-2"
    assert (current.frame_start, current.frame_end) == (state.first_frame, state.last_frame) == (1, 25)


def test_a_result_that_plays_at_the_wrong_speed_says_so_and_is_keyed_anew(
    contract: ModuleType, scene: ModuleType, tmp_path: Path
) -> None:
    """A second of 30 frames, keyed for a scene of 24 that then gets the clip's own rate."""
    make_reconstruction(tmp_path, contract, frames=31, frame_rate=30.0)
    press("import_folder", directory=str(tmp_path))
    (collection,) = scene.reconstruction_collections()
    rig = scene.rig_of(collection, 0)
    rig.pose.bones["head"].keyframe_insert("rotation_quaternion", frame=13)
    assert "key_for_scene_rate" not in draw_sidebar().buttons
    bpy.context.scene.render.fps = 30
    layout = draw_sidebar()
    assert "keys are for 24 fps" in " ".join(layout.texts) and "too fast" in " ".join(layout.texts)
    assert "match_scene" not in layout.buttons
    press("key_for_scene_rate")
    state = scene.read_state(collection)
    assert (state.first_frame, state.last_frame, state.timing.timeline.frame_rate) == (1, 31, 30)
    assert bpy.context.scene.render.fps == 30 and "key_for_scene_rate" not in draw_sidebar().buttons
    bpy.context.scene.render.fps = 25
    assert {"key_for_scene_rate", "match_scene"} <= set(draw_sidebar().buttons)
    shutil.rmtree(tmp_path)
    layout = draw_sidebar()
    assert "too slow" in " ".join(layout.texts) and "key_for_scene_rate" not in layout.buttons


@pytest.mark.parametrize("on_import", [False, True])
def test_other_results_follow_a_scene_that_is_matched_to_a_clip(
    contract: ModuleType, scene: ModuleType, tmp_path: Path, on_import: bool
) -> None:
    for seed, name in enumerate(("first", "second")):
        make_reconstruction(tmp_path / name, contract, seed=seed, frames=31, frame_rate=30.0)
        settings().match_scene = on_import and name == "second"
        press("import_folder", directory=str(tmp_path / name))
    first, second = scene.reconstruction_collections()
    bpy.context.view_layer.objects.active = scene.rig_of(second, 0)
    if not on_import:
        press("match_scene")
    assert [scene.read_state(each).last_frame for each in (first, second)] == [31, 31]
    bpy.context.view_layer.objects.active = scene.rig_of(first, 0)
    assert not {"key_for_scene_rate", "match_scene"} & set(draw_sidebar().buttons)


def test_a_result_that_cannot_follow_a_matched_scene_is_named(
    contract: ModuleType, scene: ModuleType, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for seed, name in enumerate(("first", "second")):
        make_reconstruction(tmp_path / name, contract, seed=seed, frame_rate=30.0)
        press("import_folder", directory=str(tmp_path / name))
    first, second = scene.reconstruction_collections()
    first.name = "hug"
    bpy.context.view_layer.objects.active = scene.rig_of(first, 0)
    press("control_rig_add")
    bpy.context.view_layer.objects.active = scene.rig_of(second, 0)
    assert press("match_scene") == {"FINISHED"}
    assert "hug is still keyed for 24 fps" in capfd.readouterr().out
    bpy.context.view_layer.objects.active = scene.rig_of(first, 0)
    assert "keys are for 24 fps" in " ".join(draw_sidebar().texts)


def view(perspective: str, local: bool = False) -> Any:
    region = SimpleNamespace(view_perspective=perspective, view_camera_zoom=3.0, view_camera_offset=(0.2, 0.2))
    return SimpleNamespace(region_3d=region, use_local_camera=local)


def test_the_largest_view_looks_through_the_camera_if_none_does(product: Product) -> None:
    look = product("socialmirror_blender.viewing")._look_through_camera
    small, large, own = view("PERSP"), view("ORTHO"), view("CAMERA", local=True)
    look([(small, 100), (large, 900), (own, 5000)])
    assert (small.region_3d.view_perspective, large.region_3d.view_perspective) == ("PERSP", "CAMERA")
    assert own.region_3d.view_camera_zoom == 3.0
    arranged, other = view("CAMERA"), view("PERSP")
    look([(arranged, 100), (other, 900)])
    assert (arranged.region_3d.view_camera_zoom, arranged.region_3d.view_camera_offset) == (3.0, (0.2, 0.2))
    assert other.region_3d.view_perspective == "PERSP"
    look([])


@pytest.fixture
def marking(product: Product) -> Iterator[ModuleType]:
    module = product("socialmirror_blender.operators.marking")
    yield module
    module._waiting_for_click.clear()


def test_clicks_on_people_are_asked_for_once_and_end_with_the_file(marking: ModuleType) -> None:
    asked: list[Any] = []
    context: Any = SimpleNamespace(
        window_manager=SimpleNamespace(modal_handler_add=asked.append),
        workspace=SimpleNamespace(status_text_set=asked.append),
        window=SimpleNamespace(
            cursor_modal_set=asked.append, cursor_modal_restore=lambda: asked.append("restored"), screen=None
        ),
    )
    cls = marking.SOCIALMIRROR_OT_mark_people
    running: Any = SimpleNamespace(bl_label="Click", report=lambda kind, text: asked.append(text))
    for name in ("_ask", "_finish", "_handle"):
        setattr(running, name, getattr(cls, name).__get__(running))
    assert cls.poll(bpy.context)
    assert cls.invoke(running, context, None) == {"RUNNING_MODAL"}
    with pytest.raises(RuntimeError, match="or press Esc"):
        press("mark_people")
    cls.cancel(running, context)
    assert cls.poll(bpy.context) and asked[-2:] == [None, "restored"]
    cls.invoke(running, context, None)
    click = SimpleNamespace(type="LEFTMOUSE", value="PRESS")  # fails: the window has no screen
    assert cls.modal(running, context, click) == {"CANCELLED"}
    assert cls.poll(bpy.context) and asked[-2] == "restored" and "failed" in asked[-1]
