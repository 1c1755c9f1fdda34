"""Settings become the request that the core gets; settings that cannot be used are refused with what to do."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from tests.blender.drawing import draw_sidebar
from tests.blender.movies import write_movie
from tests.blender.product import Product
from tests.blender.user_actions import press, settings


@pytest.fixture
def requests(product: Product) -> ModuleType:
    return product("socialmirror_blender.requests")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "dance.mp4"
    path.touch()
    settings().filepath, settings().output = str(path), str(tmp_path / "out")
    return path


@pytest.fixture
def ready_environment(product: Product) -> None:
    environment = product("socialmirror_blender.runtime.environment")
    session = product("socialmirror_blender.runtime.session").session
    session.environment = environment.Environment(environment.EnvironmentState.READY, "/nowhere/python")


def test_settings_become_the_fields_of_the_request(requests: ModuleType, clip: Path, tmp_path: Path) -> None:
    current = settings()
    current.use_range, current.frame_first, current.frame_last = True, 10, 110
    current.choose_people, current.track_a, current.track_b = True, 2, 0
    current.prompt, current.seed, current.takes, current.fov = "  They dance ", 7, 3, 55.0
    current.smoothness = 0.5
    fields, origin = requests.reconstruct_request(bpy.context)
    expected = {
        "clip": str(clip), "out": str(tmp_path / "out" / "dance"), "frames": [10, 110], "people": [2, 0],
        "people_at": None, "body": None,
        "fov": 55.0, "prompt": "They dance", "seed": 7, "takes": 3, "smoothness": 0.5, "device": "auto",
        "perception": "auto", "annotator": "auto", "lifting": "auto", "camera_model": "auto",
        "camera_pitch": None, "camera_roll": None, "camera_height": None,
    }  # fmt: skip
    assert {name: fields[name] for name in expected} == expected
    assert {fields[name] for name in fields.keys() - expected.keys()} <= {None}  # what the panel does not set
    assert origin.scene == bpy.context.scene.name
    current.person_a, current.person_b = " the dancer in red", "the dancer in blue "
    current.perception = "hub"
    fields, _ = requests.reconstruct_request(bpy.context)
    assert (fields["person_a"], fields["person_b"]) == ("the dancer in red", "the dancer in blue")
    assert fields["people"] is None and fields["perception"] == "hub"
    motion = tmp_path / "woman.npz"
    motion.touch()
    current.initial_a, current.initial_b, current.camera_model = str(motion), str(motion), "off"
    current.lifting, current.annotator = "embedded", "off"
    fields, _ = requests.reconstruct_request(bpy.context)
    assert fields["initial"] == [str(motion), str(motion)]
    assert (fields["camera_model"], fields["lifting"], fields["annotator"]) == ("off", "embedded", "off")
    current.initial_a = ""
    fields, _ = requests.reconstruct_request(bpy.context)
    assert fields["initial"] is None, "the second is hidden without a first"
    current.use_range = current.choose_people = False
    current.fov, current.prompt = 0.0, ""
    fields, _ = requests.reconstruct_request(bpy.context)
    assert fields["frames"] is fields["people"] is fields["fov"] is fields["prompt"] is None
    assert fields["person_a"] is fields["person_b"] is None, "they are hidden while people are not chosen"


def test_every_choice_of_the_command_line_is_in_the_panel(product: Product) -> None:
    """A field of the request is drawn as a property of its name, or by those that stand for it."""
    contract = product("core.contract.requests")
    drawn = set(draw_sidebar().properties)
    stands_for = {
        "clip": "filepath", "frames": "use_range", "people": "choose_people", "people_at": "choose_people",
        "person_a": "choose_people", "person_b": "choose_people", "initial": "initial_a", "camera_pitch": "know_camera",
        "camera_roll": "know_camera", "camera_height": "know_camera", "annotator_url": "annotator",
        "annotator_model": "annotator", "fov": "fov_angle",
    }  # fmt: skip
    for field in dataclasses.fields(contract.ReconstructRequest):
        assert stands_for.get(field.name, field.name) in drawn, field.name


def test_the_frames_that_a_strip_shows_are_requested(requests: ModuleType, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    write_movie(clip, 30)
    editor = bpy.context.scene.sequence_editor_create()
    strips: Any = editor.strips if hasattr(editor, "strips") else editor.sequences
    strip = strips.new_movie("Take 5", str(clip), channel=1, frame_start=101)
    if hasattr(strip, "left_handle"):
        strip.left_handle, strip.right_handle = 111, 121
    else:
        strip.frame_final_start, strip.frame_final_end = 111, 121
    settings().source, settings().strip = "STRIP", "Take 5"
    fields, origin = requests.reconstruct_request(bpy.context)
    assert (fields["clip"], fields["frames"], origin.strip) == (str(clip), [10, 19], "Take 5")
    settings().use_range = True
    assert (settings().scene_first, settings().scene_last) == (111, 120)
    settings().scene_first, settings().scene_last = 114, 300  # of the scene, as the animator sees them
    fields, _ = requests.reconstruct_request(bpy.context)
    assert fields["frames"] == [13, 19]
    settings().scene_first = 121
    with pytest.raises(Exception, match="does not play from frame 121"):
        requests.reconstruct_request(bpy.context)


def test_relative_paths_are_those_of_the_saved_file(
    requests: ModuleType, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker runs in another folder, so that it gets absolute paths."""
    current = settings()
    for name, value in (("filepath", "//dance.mp4"), ("output", "//results"), ("body", "//body.npz")):
        before = getattr(current, name)
        setattr(current, name, value)
        with pytest.raises(Exception, match="Save the file first"):
            requests.reconstruct_request(bpy.context)
        setattr(current, name, before)
    current.filepath, current.output = "//dance.mp4", "//results"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"), check_existing=False, relative_remap=False)
    fields, _ = requests.reconstruct_request(bpy.context)
    assert (fields["clip"], fields["out"]) == (str(clip), str(tmp_path / "results" / "shot" / "dance"))
    monkeypatch.chdir(tmp_path)
    current.filepath, current.output = "dance.mp4", "out"
    fields, _ = requests.reconstruct_request(bpy.context)
    assert (fields["clip"], fields["out"]) == (str(clip), str(tmp_path / "out" / "shot" / "dance"))


def test_settings_that_cannot_be_used_are_refused(ready_environment: None, clip: Path, tmp_path: Path) -> None:
    current = settings()

    def assert_refused(message: str) -> None:
        with pytest.raises(RuntimeError, match=message):
            press("reconstruct")

    current.filepath = ""
    assert_refused("No clip is chosen")
    current.filepath = str(tmp_path / "gone.mp4")
    assert_refused("not there.*Choose the movie again")
    current.filepath = str(clip)
    current.use_range, current.frame_first, current.frame_last = True, 20, 10
    assert_refused("range is empty")
    current.use_range = False
    current.choose_people, current.track_a, current.track_b = True, 1, 1
    assert_refused("same number")
    current.choose_people = False
    current.body = str(tmp_path / "SMPLX_FEMALE.npz")
    assert_refused("body model is not there")
    current.body = ""
    current.initial_a = str(tmp_path / "gone.npz")
    assert_refused("motion is not there")
    current.initial_a = ""
    current.output = str(clip / "below a file")
    assert_refused("cannot be written")
    current.source = "STRIP"
    assert_refused("No strip is chosen")
    current.strip = "gone"
    assert_refused("no movie strip named 'gone'")


def test_clicks_on_two_people_are_requested_in_pixels_of_the_clip(
    requests: ModuleType, product: Product, clip: Path
) -> None:
    current = settings()
    current.choose_people, current.people_marks = True, "12:100,200;30:400.5,210"
    fields, _ = requests.reconstruct_request(bpy.context)
    assert fields["people"] is None
    assert fields["people_at"] == [[12, 100.0, 200.0, 100.0, 200.0], [30, 400.5, 210.0, 400.5, 210.0]]
    current.people_marks = "12:100"
    with pytest.raises(Exception, match="does not mark two people"):
        requests.reconstruct_request(bpy.context)
    point = product("socialmirror_blender.marking").picture_point
    assert point((300.0, 400.0), 300.0, 940.0, 400.0, (960, 540)) == pytest.approx((0.0, 270.0))
    assert point((940.0, 500.0), 300.0, 940.0, 400.0, (960, 540)) == pytest.approx((960.0, 120.0))


def test_people_who_were_picked_are_looked_for_in_a_whole_clip_of_the_queue(requests: ModuleType, clip: Path) -> None:
    current = settings()
    current.choose_people, current.people_marks = True, "12:100,200;30:400.5,210"
    for frames, found in ((None, True), ((10, 40), True), ((20, 40), False)):
        fields, _ = requests.reconstruct_request(
            bpy.context, requests.ChosenClip(filepath=current.filepath, frames=frames)
        )
        assert (fields["people_at"] is not None) == found
        assert fields["frames"] == (None if frames is None else list(frames))


def test_people_who_were_picked_in_one_clip_are_not_looked_for_in_another(
    requests: ModuleType, product: Product, clip: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def picked() -> bool:
        return requests.reconstruct_request(bpy.context)[0]["people_at"] is not None

    current, other = settings(), tmp_path / "hug.mp4"
    other.touch()
    current.choose_people, current.people_marks = True, "12:100,200;30:400.5,210"
    assert picked() and "Not used" not in " ".join(draw_sidebar().texts)
    current.filepath = str(other)
    assert not picked() and "Not used for this clip" in " ".join(draw_sidebar().texts)
    press("queue_add")
    product("socialmirror_blender.runtime.session").session.queue.clips = ()
    assert "picked in another clip, dance.mp4, and are not used" in capfd.readouterr().out
    assert "mark_people" in draw_sidebar().buttons and "person_a" in draw_sidebar().properties
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"), check_existing=False)
    current.filepath = "//dance.mp4"
    assert picked()
    current.filepath, current.people_marks = str(other), "1:2,3;4:5,6"
    assert picked()
    current.people_movie = ""  # a file of an earlier version
    assert picked()
