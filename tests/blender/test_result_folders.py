"""Results are never lost: they follow the file, are found again when they were moved, and undo leaves them in agreement."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from tests.blender.product import Product
from tests.blender.synthetic_reconstruction import make_reconstruction, make_two_takes
from tests.blender.user_actions import press, settings


def save_as(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(path), check_existing=False)


def the_collection(scene: ModuleType) -> Any:
    (collection,) = scene.reconstruction_collections()
    return collection


@pytest.fixture
def folders(product: Product) -> ModuleType:
    return product("socialmirror_blender.folders")


@pytest.fixture
def read_info(product: Product) -> Any:
    return product("socialmirror_blender.reconstructions").read_info


@pytest.fixture
def provisional(contract: ModuleType, folders: ModuleType, scene: ModuleType) -> Iterator[Path]:
    """The folder of a result in a file that was not saved yet, imported."""
    folder = folders.output_folder("") / "dance"
    make_reconstruction(folder, contract, frames=5)
    press("import_folder", directory=str(folder))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def project(contract: ModuleType, scene: ModuleType, tmp_path: Path) -> Path:
    """A saved project with an imported result beside the .blend file."""
    save_as(tmp_path / "project" / "shot.blend")
    folder = tmp_path / "project" / "SocialMirror" / "shot" / "dance"
    make_reconstruction(folder, contract)
    press("import_folder", directory=str(folder))
    save_as(tmp_path / "project" / "shot.blend")
    return tmp_path / "project"


def test_files_beside_each_other_have_folders_of_their_own(folders: ModuleType, tmp_path: Path) -> None:
    unsaved = folders.output_folder("")
    chosen: set[Path] = set()
    for name in ("a.blend", "b.blend"):
        save_as(tmp_path / name)
        chosen |= {folders.output_folder(""), folders.output_folder(str(tmp_path / "results"))}
    root = tmp_path / "SocialMirror"
    assert chosen == {root / "a", root / "b", tmp_path / "results" / "a", tmp_path / "results" / "b"}
    assert folders.is_provisional(unsaved)
    assert not any(map(folders.is_provisional, chosen))


def test_results_of_an_unsaved_file_move_along_when_it_is_saved(
    provisional: Path, scene: ModuleType, read_info: Any, tmp_path: Path
) -> None:
    bpy.ops.ed.undo_push(message="Before")
    bpy.context.scene["note"] = 1
    bpy.ops.ed.undo_push(message="After")
    save_as(tmp_path / "shot.blend")
    target = tmp_path / "SocialMirror" / "shot" / "dance"
    assert scene.folder_of(the_collection(scene)) == target
    assert not provisional.exists()
    bpy.ops.ed.undo()  # brings the old link back
    assert scene.folder_of(the_collection(scene)) == target
    assert read_info(the_collection(scene)).take == "take-1"
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    assert scene.read_state(the_collection(scene)).folder == str(target)
    assert scene.read_state(the_collection(scene)).relative_folder == "//SocialMirror/shot/dance"


def test_an_export_goes_beside_the_result_of_a_saved_file_and_not_into_a_hidden_folder(
    provisional: Path, scene: ModuleType, product: Product, tmp_path: Path
) -> None:
    first_folder = product("socialmirror_blender.operators.export").first_folder
    assert first_folder(provisional) == ""
    save_as(tmp_path / "shot.blend")
    assert first_folder(scene.folder_of(the_collection(scene))) == str(tmp_path / "SocialMirror" / "shot" / "dance")


def test_results_that_cannot_be_moved_stay_linked_where_they_are(
    provisional: Path, scene: ModuleType, read_info: Any, tmp_path: Path
) -> None:
    (tmp_path / "SocialMirror").write_text("a file is in the way")
    save_as(tmp_path / "shot.blend")
    collection = the_collection(scene)
    assert scene.folder_of(collection) == provisional
    assert "could not be moved" in scene.folder_note(collection)
    assert read_info(collection).take == "take-1"
    (tmp_path / "SocialMirror").unlink()
    save_as(tmp_path / "shot.blend")
    assert scene.folder_of(collection) == tmp_path / "SocialMirror" / "shot" / "dance"
    assert scene.folder_note(collection) == ""


def test_moving_to_another_disk_copies_first(
    provisional: Path, scene: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def across_disks(path: Path, target: Path) -> Path:
        if path == provisional:
            raise OSError(18, "Invalid cross-device link")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", across_disks)
    save_as(tmp_path / "shot.blend")
    folder = scene.folder_of(the_collection(scene))
    assert folder == tmp_path / "SocialMirror" / "shot" / "dance"
    assert (folder / "takes" / "take-1.npz").is_file()
    assert not provisional.exists()


def test_a_copy_saved_elsewhere_takes_nothing_from_the_open_file(project: Path, scene: ModuleType) -> None:
    (project.parent / "copy").mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(project.parent / "copy" / "c.blend"), check_existing=False, copy=True)
    assert scene.read_state(the_collection(scene)).relative_folder == "//SocialMirror/shot/dance"
    assert scene.folder_of(the_collection(scene)) == project / "SocialMirror" / "shot" / "dance"


def save_copy(path: Path) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=str(path), check_existing=False, copy=True)


def test_a_copy_of_a_file_that_was_never_saved_moves_nothing_and_has_results_of_its_own(
    provisional: Path, scene: ModuleType, read_info: Any, tmp_path: Path
) -> None:
    settings().filepath = "//clip.mp4"
    save_copy(tmp_path / "copy.blend")
    collection = the_collection(scene)
    assert bpy.data.filepath == "" and settings().filepath == "//clip.mp4"
    assert (scene.read_state(collection).folder, scene.read_state(collection).relative_folder) == (str(provisional), "")
    assert [each.name for each in provisional.parent.glob("*dance*")] == ["dance"]  # neither moved nor copied halfway
    save_as(tmp_path / "shot.blend")
    assert scene.folder_of(the_collection(scene)) == tmp_path / "SocialMirror" / "shot" / "dance"
    (tmp_path / "SocialMirror" / "shot").rename(tmp_path / "shot is elsewhere")
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "copy.blend"))
    assert scene.folder_of(the_collection(scene)) == tmp_path / "SocialMirror" / "copy" / "dance"
    assert read_info(the_collection(scene)).take == "take-1"


def test_a_copy_without_room_for_two_results_shares_one(
    provisional: Path, scene: ModuleType, read_info: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copytree", full)
    save_copy(tmp_path / "copy.blend")
    assert scene.folder_of(the_collection(scene)) == tmp_path / "SocialMirror" / "copy" / "dance"
    assert read_info(the_collection(scene)).take == "take-1"


def test_a_file_that_could_not_be_saved_leaves_its_results_where_they_are(
    provisional: Path, scene: ModuleType, tmp_path: Path
) -> None:
    (tmp_path / "shot.blend").mkdir()  # no file can be written there
    with pytest.raises(RuntimeError):
        save_as(tmp_path / "shot.blend")
    assert scene.read_state(the_collection(scene)).folder == str(provisional)
    assert (provisional / "reconstruction.json").exists() and not (tmp_path / "SocialMirror").exists()


def test_a_project_that_is_moved_as_a_whole_finds_its_results(project: Path, scene: ModuleType, read_info: Any) -> None:
    bpy.ops.wm.read_homefile(use_empty=True)
    moved = project.rename(project.parent / "moved")
    bpy.ops.wm.open_mainfile(filepath=str(moved / "shot.blend"))
    assert scene.folder_of(the_collection(scene)) == moved / "SocialMirror" / "shot" / "dance"
    assert read_info(the_collection(scene)).take == "take-1"


def test_a_moved_folder_is_located_and_edits_follow(
    project: Path, contract: ModuleType, product: Product, scene: ModuleType, read_info: Any, tmp_path: Path
) -> None:
    collection = the_collection(scene)
    collection.socialmirror.contacts[0].state = "rejected"
    scene.lock_keyframes(scene.rig_of(collection, 0), ["left_elbow"], 8)
    edits = scene.read_edits(collection)
    shutil.move(project / "SocialMirror", tmp_path / "archive")
    assert read_info(collection) is None
    request = product("socialmirror_blender.requests").refine_request
    with pytest.raises(Exception, match=r"is missing.*Locate Results"):
        request(bpy.context, collection)
    make_reconstruction(tmp_path / "other", contract, first_frame=40)
    with pytest.raises(RuntimeError, match="is another reconstruction"):
        press("locate_results", directory=str(tmp_path / "other"))
    assert press("locate_results", directory=str(tmp_path / "archive" / "shot" / "dance")) == {"FINISHED"}
    assert read_info(collection).take == "take-1"
    assert scene.read_edits(collection) == edits
    fields, _ = request(bpy.context, collection)
    assert Path(fields["folder"]) == tmp_path / "archive" / "shot" / "dance"


def test_importing_a_moved_folder_links_the_armatures_that_are_there(
    project: Path, scene: ModuleType, tmp_path: Path
) -> None:
    collection = the_collection(scene)
    shutil.move(project / "SocialMirror", tmp_path / "archive")
    press("import_folder", directory=str(tmp_path / "archive" / "shot" / "dance"))
    assert the_collection(scene) == collection
    assert scene.folder_of(collection) == tmp_path / "archive" / "shot" / "dance"


def test_undo_lets_the_folder_follow_the_scene(
    contract: ModuleType, scene: ModuleType, read_info: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "result"
    make_two_takes(folder, contract)
    bpy.ops.ed.undo_push(message="Start")
    press("import_folder", directory=str(folder))
    bpy.ops.ed.undo_push(message="Import")
    press("use_take", take="take-1")
    bpy.ops.ed.undo_push(message="Use Take")
    files = {path.relative_to(folder) for path in folder.rglob("*")}

    def shown() -> tuple[str, str]:
        collection = the_collection(scene)
        return scene.read_state(collection).take, read_info(collection).take

    assert shown() == ("take-1", "take-1")
    bpy.ops.ed.undo()
    assert shown() == ("take-2", "take-2")
    bpy.ops.ed.redo()
    assert shown() == ("take-1", "take-1")
    bpy.ops.ed.undo()
    bpy.ops.ed.undo()
    assert list(scene.reconstruction_collections()) == []
    bpy.ops.ed.redo()
    assert shown() == ("take-2", "take-2")
    assert files <= {path.relative_to(folder) for path in folder.rglob("*")}


def test_refine_goes_on_from_the_take_that_is_shown(
    contract: ModuleType, scene: ModuleType, product: Product, tmp_path: Path
) -> None:
    folder = tmp_path / "result"
    make_two_takes(folder, contract)
    press("import_folder", directory=str(folder))
    product("socialmirror_blender.take_files").activate_take(folder, "take-1")  # by another program
    product("socialmirror_blender.requests").refine_request(bpy.context, the_collection(scene))
    assert contract.reconstruction.load_info(folder).take == "take-2"


def test_a_network_path_of_a_stranger_is_not_touched_unasked(
    imported: Any,
    contract: ModuleType,
    scene: ModuleType,
    product: Product,
    read_info: Any,
    folders: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    names = product("socialmirror_blender.scene.names")
    make_reconstruction(tmp_path / "other", contract)
    asked: list[str] = []
    stat = os.stat

    def watched(path: Any, *arguments: Any, **options: Any) -> Any:
        if str(path).startswith(("//stranger", "\\\\stranger")):
            asked.append(str(path))
            raise FileNotFoundError(path)
        return stat(path, *arguments, **options)

    monkeypatch.setattr(os, "stat", watched)
    for place in ("//stranger/share/result", "\\\\stranger\\share\\result"):
        imported[names.FOLDER_PROPERTY] = place
        imported[names.RELATIVE_FOLDER_PROPERTY] = ""
        assert read_info(imported) is None
        with pytest.raises(Exception, match=r"another computer.*Open Network Folder"):
            product("socialmirror_blender.requests").refine_request(bpy.context, imported)
        save_as(tmp_path / "theirs.blend")
        bpy.ops.ed.undo_push(message="x")
        press("import_folder", directory=str(tmp_path / "other"))  # compares folders
        for collection in [item for item in scene.reconstruction_collections() if item != imported]:
            bpy.data.collections.remove(collection)
    assert asked == []
    imported[names.FOLDER_PROPERTY] = "//stranger/share/result"
    bpy.context.view_layer.objects.active = scene.rig_of(imported, 0)
    assert press("open_network") == {"FINISHED"}
    assert read_info(imported) is None
    assert asked
    assert folders.may_open(Path("//stranger/share/result/takes"))
    assert not folders.may_open(Path("//stranger/other"))


def test_a_clip_on_another_computer_is_not_opened_unasked(
    contract: ModuleType, scene: ModuleType, tmp_path: Path
) -> None:
    make_reconstruction(tmp_path / "result", contract, clip=Path("//stranger/share/clip.mp4"))
    press("import_folder", directory=str(tmp_path / "result"))
    collection = the_collection(scene)
    assert "another computer" in scene.read_state(collection).notes
    assert not bpy.data.movieclips


def test_edits_of_contacts_survive_a_look_at_another_take(
    contract: ModuleType, scene: ModuleType, tmp_path: Path
) -> None:
    folder = tmp_path / "result"
    make_two_takes(folder, contract)
    press("import_folder", directory=str(folder))
    collection = the_collection(scene)
    contacts = collection.socialmirror.contacts
    contacts[0].state = "rejected"
    contacts.remove(1)
    edited = scene.read_contacts(collection)
    press("use_take", take="take-1")
    assert len(scene.read_contacts(collection)) == 3
    press("use_take", take="take-2")
    assert scene.read_contacts(collection) == edited
    press("import_folder", directory=str(folder))  # the same take again
    assert scene.read_contacts(collection) == edited


def test_a_damaged_file_of_a_stranger_draws(imported: Any, scene: ModuleType, product: Product) -> None:
    """A collection whose properties were tampered with counts as an ordinary one."""
    names = product("socialmirror_blender.scene.names")
    for name, value in (
        (names.FOLDER_PROPERTY, 5),
        (names.CLIP_FRAMES_PROPERTY, "x"),
        (names.ZERO_FRAME_PROPERTY, "y"),
    ):
        before = imported[name]
        imported[name] = value
        assert list(scene.reconstruction_collections()) == []
        imported[name] = before
    assert list(scene.reconstruction_collections()) == [imported]
    assert settings().prompt == ""
