"""What the panel's buttons do, and what they say where they cannot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest

from tests.blender.synthetic_reconstruction import make_reconstruction
from tests.blender.user_actions import press, settings

Product = Callable[[str], ModuleType]


@pytest.fixture
def contract(product: Product) -> ModuleType:
    for part in ("skeleton", "reconstruction", "contact", "edits"):
        product(f"core.contract.{part}")
    return product("core.contract")


@pytest.fixture
def imported(contract: ModuleType, product: Product, tmp_path: Path) -> Any:
    """The collection of a reconstruction in the scene: three contacts, frames 0-24 of the clip at scene frames 1-25."""
    make_reconstruction(tmp_path / "result", contract)
    assert press("import_folder", directory=str(tmp_path / "result")) == {"FINISHED"}
    (collection,) = product("socialmirror_blender.scene").reconstruction_collections()
    return collection


@pytest.fixture
def ready(product: Product) -> None:
    environment = product("socialmirror_blender.runtime.environment")
    session = product("socialmirror_blender.runtime.session").session
    session.environment = environment.Environment(environment.EnvironmentState.READY, "/nowhere/python")


def handles() -> list[str]:
    return [item.name for item in bpy.data.objects if item.name.startswith("Contact")]


def test_a_contact_is_added_with_its_handles(imported: Any) -> None:
    before = len(handles())
    fields = {"person_a": "1", "region_a": "left_palm", "person_b": "0", "region_b": "chest"}
    press("contact_add", **fields, frame_start=3, frame_end=9, weight=0.5)
    item = imported.socialmirror.contacts[-1]
    assert (item.person_a, item.region_a, item.person_b, item.region_b) == ("1", "left_palm", "0", "chest")
    assert (item.frame_start, item.frame_end, item.source, item.state) == (3, 9, "user", "enforced")
    assert imported.socialmirror.contact_index == len(imported.socialmirror.contacts) - 1
    assert len(handles()) == before + 2


def test_a_contact_is_edited_and_keeps_its_identity(imported: Any, product: Product) -> None:
    identity = imported.socialmirror.contacts[0].contact_id
    press("contact_edit", person_b="ground", region_a="right_foot", frame_start=1, frame_end=2)
    edits = product("socialmirror_blender.scene").read_edits(imported)
    assert edits.contacts[0].id == identity
    assert edits.contacts[0].person_b == edits.contacts[0].region_b == "ground"
    assert edits.contacts[0].state == "enforced"


def test_a_contact_that_makes_no_sense_is_refused(imported: Any) -> None:
    with pytest.raises(RuntimeError, match=r"ends .* before it starts"):
        press("contact_add", person_b="1", frame_start=9, frame_end=3)
    with pytest.raises(RuntimeError, match="between two people"):
        press("contact_add", person_a="0", person_b="0")
    assert len(imported.socialmirror.contacts) == 3


def test_a_rejected_contact_loses_its_handles_and_stays_on_the_list(imported: Any, product: Product) -> None:
    before = len(handles())
    press("contact_state", state="rejected")
    assert len(handles()) == before - 2
    edits = product("socialmirror_blender.scene").read_edits(imported)
    assert edits.contacts[0].state == "rejected"


def test_contacts_are_removed_until_none_is_left(imported: Any) -> None:
    imported.socialmirror.contact_index = 2
    for left in (2, 1, 0):
        press("contact_remove")
        assert len(imported.socialmirror.contacts) == left
    assert not handles()
    with pytest.raises(RuntimeError, match="poll"):
        press("contact_remove")


def test_jump_goes_to_where_the_contact_begins(imported: Any) -> None:
    press("contact_jump")
    assert bpy.context.scene.frame_current == 3  # frame 2 of the clip, whose first is at scene frame 1


def test_every_joint_has_a_region(product: Product) -> None:
    contacts, skeleton = product("socialmirror_blender.scene.regions"), product("core.contract.skeleton")
    assert {contacts.region_of_bone(joint) for joint in skeleton.JOINTS} <= set(skeleton.REGIONS)
    assert contacts.region_of_bone("left_wrist") == "left_palm"
    assert contacts.region_of_bone("right_index2") == "right_fingers"
    assert contacts.region_of_bone("root") is None


def test_a_locked_pose_becomes_a_pin_and_can_be_unlocked(imported: Any, product: Product) -> None:
    scene = product("socialmirror_blender.scene")
    rig = scene.rig_of(imported, 1)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="POSE")
    for bone in rig.pose.bones:
        select(bone, bone.name == "right_elbow")
    bpy.context.scene.frame_set(7)
    rig.pose.bones["right_elbow"].rotation_quaternion = (0.8, 0.6, 0, 0)  # posed, not keyed
    press("pin")
    (pin,) = scene.read_edits(imported).pins
    assert (pin.person, pin.joint, pin.frame) == (1, "right_elbow", 6)
    assert sum(angle**2 for angle in pin.rotation) ** 0.5 == pytest.approx(2 * 0.6435, abs=1e-3)
    press("unpin")
    assert scene.read_edits(imported).pins == ()


def select(bone: Any, chosen: bool) -> None:
    """Selection of a pose bone; before 5.0 it was its bone's."""
    (bone if "select" in bone.bl_rna.properties else bone.bone).select = chosen


def test_the_other_take_comes_back(contract: ModuleType, product: Product, tmp_path: Path) -> None:
    folder = tmp_path / "result"
    record = contract.reconstruction
    first = make_reconstruction(folder, contract, take="take-1", seed=1).reconstruction
    both = (record.Take("take-1", "", 1, 2.0, "reconstruct"), record.Take("take-2", "", 2, 1.0, "refine"))
    second = make_reconstruction(folder, contract, take="take-2", seed=2).reconstruction
    record.save(folder, replace(second, info=replace(second.info, takes=both)))
    press("import_folder", directory=str(folder))
    (collection,) = product("socialmirror_blender.scene").reconstruction_collections()
    assert press("use_take", take="take-1") == {"FINISHED"}
    active = record.load(folder)
    assert (active.info.take, [take.id for take in active.info.takes]) == ("take-1", ["take-1", "take-2"])
    assert (active.motion.body_pose == first.motion.body_pose).all()
    assert product("socialmirror_blender.scene").read_state(collection).take == "take-1"
    with pytest.raises(RuntimeError, match="no reconstruction"):
        press("use_take", take="take-9")


def test_a_take_of_other_bodies_leaves_a_folder_that_can_be_imported(
    contract: ModuleType, product: Product, tmp_path: Path
) -> None:
    folder, record = tmp_path / "result", contract.reconstruction
    first = make_reconstruction(folder, contract, take="take-1").reconstruction
    taller = first.motion.betas + np.float32(0.8) * np.eye(1, 16, dtype=np.float32)
    other = replace(first.motion, betas=taller)
    grown = first.body.rest_vertices + 0.8 * first.body.shape_vertices[..., 0]
    info = replace(first.info, take="take-2")
    record.save(folder, replace(first, motion=other, body=replace(first.body, rest_vertices=grown), info=info))
    product("socialmirror_blender.take_files").activate_take(folder, "take-1")
    active = record.load(folder)
    assert active.info.take == "take-1"
    np.testing.assert_allclose(active.body.rest_vertices, first.body.rest_vertices, atol=1e-5)


def seen_as(folder: Path, contract: ModuleType, caption: str, source: str = "captioner") -> None:
    """Write into a reconstruction what it shows."""
    record = contract.reconstruction
    made = record.load(folder)
    record.save(folder, replace(made, info=replace(made.info, prompt=caption, prompt_source=source)))


def test_what_was_seen_is_suggested_and_steers_only_when_it_is_edited(
    contract: ModuleType, product: Product, tmp_path: Path
) -> None:
    folder, clip = tmp_path / "result", tmp_path / "clip.mp4"
    clip.touch()
    make_reconstruction(folder, contract)
    seen_as(folder, contract, "They shake hands.")
    given = settings()
    given.filepath, given.output = str(clip), str(tmp_path / "out")
    press("import_folder", directory=str(folder))
    (collection,) = product("socialmirror_blender.scene").reconstruction_collections()
    requests = product("socialmirror_blender.requests")

    def asked() -> list[str | None]:
        fields = (
            requests.reconstruct_request(bpy.context)[0],
            requests.refine_request(bpy.context, collection)[0],
        )
        return [each["prompt"] for each in fields]

    assert given.prompt == "They shake hands." and asked() == [None, None]
    seen_as(folder, contract, "They hug.")  # another result, and nobody has touched the first suggestion
    press("import_folder", directory=str(folder))
    assert given.prompt == "They hug." and asked() == [None, None]
    given.prompt = "They hug for long. "
    assert asked() == ["They hug for long."] * 2
    seen_as(folder, contract, "They part.")
    press("import_folder", directory=str(folder))
    assert asked() == ["They hug for long."] * 2
    given.prompt = ""
    seen_as(folder, contract, "a kiss", "user")
    press("import_folder", directory=str(folder))
    assert given.prompt == "" and asked() == [None, None]


def test_a_take_in_a_line(contract: ModuleType, product: Product) -> None:
    record, text = contract.reconstruction, product("socialmirror_blender.panels.result").take_text
    old = record.Take("take-1", "", 0, 0.5, "reconstruct")
    assert text(old) == "take-1 · energy 0.50"
    take = replace(old, id="take-002", energy=0.414, prompt="They hug.", scores=record.Scores(1.2, 8.3, 2.0, 12.4))
    assert text(take) == "take-002 · energy 0.41 · contact 12 mm · through 8 mm  “They hug.”"
    apart = replace(take, prompt="", scores=record.Scores(1.2, 0.0, 2.0))
    assert text(apart) == "take-002 · energy 0.41 · through 0 mm"


def test_fbx_is_exported_from_the_panel(imported: Any, tmp_path: Path) -> None:
    press("export_fbx", directory=str(tmp_path), people="EACH")
    assert len(list(tmp_path.glob("*.fbx"))) == 2


def test_a_folder_without_a_reconstruction_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="holds no reconstruction"):
        press("import_folder", directory=str(tmp_path))


def test_bad_settings_are_told_in_a_sentence(ready: None, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.touch()
    given = settings()

    def reported(text: str) -> None:
        with pytest.raises(RuntimeError, match=text):
            press("reconstruct")

    reported("No clip is chosen")
    given.filepath = str(tmp_path / "gone.mp4")
    reported("not there.*Choose the movie again")
    given.filepath = str(clip)
    given.use_range, given.frame_first, given.frame_last = True, 20, 10
    reported("range is empty")
    given.use_range = False
    given.choose_people, given.track_a, given.track_b = True, 1, 1
    reported("same number")
    given.choose_people = False
    given.body = str(tmp_path / "SMPLX_FEMALE.npz")
    reported("body model is not there")
    given.body = ""
    given.output = str(clip / "below a file")
    reported("cannot be written")
    given.source = "STRIP"
    reported("No strip is chosen")
    given.strip = "gone"
    reported("no movie strip named 'gone'")


def test_without_an_environment_the_button_says_so(product: Product) -> None:
    session = product("socialmirror_blender.runtime.session")
    session.refresh_environment()
    with pytest.raises(RuntimeError, match=r"poll.*Install it once"):
        press("reconstruct")


def test_what_is_set_is_what_is_asked_for(product: Product, tmp_path: Path) -> None:
    requests = product("socialmirror_blender.requests")
    clip = tmp_path / "dance.mp4"
    clip.touch()
    given = settings()
    given.filepath, given.output = str(clip), str(tmp_path / "out")
    given.use_range, given.frame_first, given.frame_last = True, 10, 110
    given.choose_people, given.track_a, given.track_b = True, 2, 0
    given.prompt, given.seed, given.takes, given.fov = "  They dance ", 7, 3, 55.0
    given.smoothness = 0.5
    fields, origin = requests.reconstruct_request(bpy.context)
    assert fields == {
        "clip": str(clip), "out": str(tmp_path / "out" / "dance"), "frames": [10, 110], "people": [2, 0], "body": None,
        "fov": 55.0, "prompt": "They dance", "seed": 7, "takes": 3, "smoothness": 0.5, "device": "auto",
        "perception": "auto",
    }  # fmt: skip
    assert origin.scene == bpy.context.scene.name
    given.use_range = given.choose_people = False
    given.fov, given.prompt = 0.0, ""
    fields, _ = requests.reconstruct_request(bpy.context)
    assert fields["frames"] is fields["people"] is fields["fov"] is fields["prompt"] is None


def test_the_part_that_a_strip_shows_is_asked_for(product: Product, tmp_path: Path) -> None:
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
    fields, origin = product("socialmirror_blender.requests").reconstruct_request(bpy.context)
    assert (fields["clip"], fields["frames"], origin.strip) == (str(clip), [10, 19], "Take 5")


def write_movie(path: Path, frames: int) -> None:
    """A small movie, rendered from an empty scene."""
    scene: Any = bpy.data.scenes.new("Movie")
    render = scene.render
    if hasattr(render.image_settings, "media_type"):
        render.image_settings.media_type = "VIDEO"
    render.image_settings.file_format = "FFMPEG"
    render.ffmpeg.format, render.ffmpeg.codec = "MPEG4", "H264"
    render.resolution_x = render.resolution_y = 64
    render.resolution_percentage = 100
    render.engine = "BLENDER_WORKBENCH"
    render.filepath, render.use_file_extension = str(path), False
    scene.frame_start, scene.frame_end = 1, frames
    scene.camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(scene.camera)
    bpy.ops.render.render(animation=True, scene=scene.name)
    bpy.data.scenes.remove(scene)


def test_another_clip_of_the_same_name_gets_its_own_folder(
    contract: ModuleType, product: Product, tmp_path: Path
) -> None:
    clip = tmp_path / "clip.mp4"
    clip.touch()
    make_reconstruction(tmp_path / "out" / "clip", contract, frames=5, clip=tmp_path / "elsewhere" / "clip.mp4")
    settings().filepath, settings().output = str(clip), str(tmp_path / "out")
    fields, _ = product("socialmirror_blender.requests").reconstruct_request(bpy.context)
    assert Path(fields["out"]).name == "clip-2"


def test_words_of_the_panel(product: Product) -> None:
    job, text = product("socialmirror_blender.panels.job"), product("socialmirror_blender.panels.text")
    assert job.time_left(4) == "a few seconds left"
    assert job.time_left(72) == "about 70 s left"
    assert job.time_left(300) == "about 5 min left"
    assert max(map(len, text.wrap("word " * 50, 300, 1.0))) < 300 / 6
    assert len(text.wrap("word " * 50, 300, 2.0)) > len(text.wrap("word " * 50, 300, 1.0))


def test_a_contact_in_few_words(imported: Any, product: Product) -> None:
    text = product("socialmirror_blender.panels.contacts").contact_text
    contacts = imported.socialmirror.contacts
    assert text(contacts[0], abbreviate=False) == "A right palm · B right palm"
    assert text(contacts[0], abbreviate=True) == "A R palm · B R palm"
    assert text(contacts[1], abbreviate=False) == "B left foot · ground"
