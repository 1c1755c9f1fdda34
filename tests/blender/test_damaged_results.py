"""A damaged result, or one from a stranger, is refused in one sentence; Blender lives on and the file stays as it was."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest

from tests.blender.drawing import draw_sidebar
from tests.blender.evaluated_scene import all_datablocks, deformed_vertices
from tests.blender.product import Product
from tests.blender.synthetic_reconstruction import make_reconstruction
from tests.blender.user_actions import press, settings

Arrays = dict[str, np.ndarray]


@pytest.fixture
def folder(contract: ModuleType, tmp_path: Path) -> Path:
    make_reconstruction(tmp_path / "result", contract, frames=5)
    return tmp_path / "result"


def refusal(folder: Path) -> str:
    """What the user reads when the folder is imported; the file has to stay as it was."""
    before = all_datablocks()
    with pytest.raises(RuntimeError) as error:
        press("import_folder", directory=str(folder))
    assert all_datablocks() == before
    bpy.context.view_layer.update()
    return str(error.value)


def change_body(folder: Path, contract: ModuleType, change: Callable[[Arrays], None]) -> None:
    with np.load(folder / "body.npz") as file:
        arrays = dict(file)
    change(arrays)
    contract.files.write_npz(folder / "body.npz", arrays)


def first_entry(name: str, value: float) -> Callable[[Arrays], None]:
    def change(arrays: Arrays) -> None:
        arrays[name].flat[0] = value

    return change


def all_but_last(name: str) -> Callable[[Arrays], None]:
    def change(arrays: Arrays) -> None:
        arrays[name] = arrays[name][:-1].copy()

    return change


BODIES = {
    "a corner far out of bounds": first_entry("faces", 1_000_000),
    "a corner just out of bounds": first_entry("faces", 20_000),
    "a negative corner": first_entry("faces", -1),
    "a joint that is not there": first_entry("skin_joints", 55),
    "a vertex that is no number": first_entry("rest_vertices", np.nan),
    "a weight that is no number": first_entry("skin_weights", np.inf),
    "a UV that is no number": first_entry("uv", np.nan),
    "too few UVs": all_but_last("uv"),
    "too few weights": all_but_last("skin_weights"),
    "too few regions": all_but_last("vertex_region"),
    "no faces": lambda arrays: arrays.pop("faces"),
}


@pytest.mark.parametrize("change", BODIES.values(), ids=BODIES)
def test_a_damaged_body_is_refused(folder: Path, contract: ModuleType, change: Callable[[Arrays], None]) -> None:
    change_body(folder, contract, change)
    assert "damaged" in refusal(folder)


def test_no_mesh_is_built_from_arrays_that_do_not_fit(contract: ModuleType, product: Product, tmp_path: Path) -> None:
    """The last door before Blender's memory does not rely on the reader."""
    body = make_reconstruction(tmp_path, contract, frames=5).reconstruction.body
    check = product("socialmirror_blender.scene.skin").check_indices
    check(body)
    for change in BODIES.values():
        arrays = {name: array.copy() for name, array in vars(body).items()}
        change(arrays)
        if "faces" in arrays:
            with pytest.raises(Exception, match="damaged"):
                check(replace(body, **arrays))


def test_a_mesh_is_made_valid(contract: ModuleType, product: Product, tmp_path: Path) -> None:
    body = make_reconstruction(tmp_path, contract, frames=5).reconstruction.body
    faces = body.faces.copy()
    faces[0] = faces[0, 0]  # one corner three times
    build = product("socialmirror_blender.scene.skin").build_mesh
    mesh = build("broken", replace(body, faces=faces), body.rest_vertices[0])
    assert not mesh.validate()
    assert len(mesh.vertices) == body.rest_vertices.shape[1]


INFOS: dict[str, Callable[[dict[str, Any]], None]] = {
    "no clip": lambda info: info.update(clip=None),
    "a clip without a path": lambda info: info["clip"].pop("path"),
    "a frame rate that is text": lambda info: info["clip"].update(frame_rate="fast"),
    "no people": lambda info: info.update(people=[]),
    "a third person": lambda info: info["people"][0].update(index=7),
    "warnings that are a number": lambda info: info.update(warnings=5),
    "energy that is text": lambda info: info["takes"][0].update(energy="low"),
    "a prompt that is a number": lambda info: info.update(prompt=2),
    "a take that is a path": lambda info: info.update(take="../../elsewhere"),
    "takes that are text": lambda info: info.update(takes="take-1"),
    "a newer schema": lambda info: info.update(schema=99),
}


@pytest.mark.parametrize("change", INFOS.values(), ids=INFOS)
def test_damaged_information_never_disturbs_the_panels(
    folder: Path, product: Product, scene: ModuleType, change: Callable[[dict[str, Any]], None]
) -> None:
    """Panels are drawn all the time: they read the file of an imported reconstruction that is damaged later."""
    press("import_folder", directory=str(folder))
    (collection,) = scene.reconstruction_collections()
    info = json.loads((folder / "reconstruction.json").read_text())
    change(info)
    (folder / "reconstruction.json").write_text(json.dumps(info))
    assert collection.name in draw_sidebar().texts
    bpy.ops.wm.read_homefile(use_empty=True)
    message = refusal(folder)
    assert "failed:" not in message  # the mark of an error that nobody expected
    assert message.strip().count("\n") == 0


def test_a_damaged_result_in_the_output_folder_does_not_keep_its_clip_from_being_reconstructed(
    folder: Path, product: Product, tmp_path: Path
) -> None:
    clip = tmp_path / "result.mp4"
    clip.touch()
    settings().filepath, settings().output = str(clip), str(tmp_path)
    request = product("socialmirror_blender.requests").reconstruct_request
    for text in ('{"clip": null}', "[]", "{", "[" * 100_000, '{"schema": 1, "clip": null}'):
        (folder / "reconstruction.json").write_text(text)
        fields, _ = request(bpy.context)
        assert Path(fields["out"]) == folder  # the core takes a folder beside it


def test_a_damaged_folder_is_repaired_by_a_button(folder: Path, contract: ModuleType) -> None:
    press("import_folder", directory=str(folder))
    assert press("repair_results") == {"FINISHED"}  # nothing to do
    before = contract.reconstruction.load(folder)
    for path in (folder / "reconstruction.json", folder / "takes" / "take-1.npz"):
        path.write_text("{")
        assert press("repair_results") == {"FINISHED"}
        after = contract.reconstruction.load(folder)
        assert (after.motion.body_pose == before.motion.body_pose).all()
        assert after.info.take == before.info.take
        assert contract.reconstruction.load_take_motion(folder, "take-1").time.shape == before.motion.time.shape
    shutil.rmtree(folder / "takes")
    for path in folder.glob("*.*"):
        path.unlink()
    with pytest.raises(RuntimeError, match="holds no reconstruction"):
        press("repair_results")


def test_a_file_cut_off_anywhere_is_refused(folder: Path) -> None:
    for name in ("body.npz", "reconstruction.npz", "reconstruction.json"):
        whole = (folder / name).read_bytes()
        for size in (0, 1, 100, len(whole) // 2, len(whole) - 30):
            (folder / name).write_bytes(whole[:size])
            assert "Traceback" not in refusal(folder)
        (folder / name).write_bytes(whole)
    press("import_folder", directory=str(folder))


def test_the_repaired_mesh_follows_its_armature(imported: Any, scene: ModuleType) -> None:
    skin = scene.skin_of(imported, 0)
    bpy.context.scene.frame_set(1)
    first = deformed_vertices(skin)
    bpy.context.scene.frame_set(20)
    assert np.abs(deformed_vertices(skin) - first).max() > 0.05
