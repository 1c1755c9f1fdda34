"""The sidebar is drawn without an error in every state, and says what is the matter and which button helps."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from tests.blender.drawing import draw_sidebar
from tests.blender.product import Product
from tests.blender.synthetic_reconstruction import make_reconstruction
from tests.blender.user_actions import press, settings


def text() -> str:
    return " ".join(draw_sidebar().texts)


def test_an_empty_scene(product: Product) -> None:
    assert "No reconstruction in this scene yet." in text()
    settings().source, settings().prompt = "STRIP", "They dance."
    assert "guides the motion" in text()


def test_an_imported_reconstruction(imported: Any) -> None:
    layout = draw_sidebar()
    assert "Take: take-1" in layout.texts
    assert {"refine", "export", "use_take", "contact_add", "pin"} <= set(layout.buttons)
    assert "kept over every take" in " ".join(layout.texts)


def test_own_keys_are_counted_and_listed(imported: Any, scene: ModuleType, product: Product) -> None:
    draw_sidebar()
    bone = scene.rig_of(imported, 1).pose.bones["right_elbow"]
    bone.rotation_quaternion = (0.8, 0.6, 0, 0)
    bone.keyframe_insert("rotation_quaternion", frame=7)
    product("socialmirror_blender.scene.own_keys").forget_own_keys()
    layout = draw_sidebar()
    assert "Person 2: 1 key on 1 bone" in layout.texts
    assert "right elbow: 7" in layout.texts
    assert {"pin_own_keys", "give_back"} <= set(layout.buttons)


def test_a_folder_that_is_gone_or_damaged_or_elsewhere(
    imported: Any, scene: ModuleType, product: Product, tmp_path: Path
) -> None:
    folder = tmp_path / "result"
    (folder / "reconstruction.json").write_text("{")
    layout = draw_sidebar()
    assert "Its folder is damaged." in layout.texts
    assert "repair_results" in layout.buttons
    shutil.rmtree(folder)
    layout = draw_sidebar()
    assert "Its folder is gone." in layout.texts
    assert "locate_results" in layout.buttons
    imported[product("socialmirror_blender.scene.names").FOLDER_PROPERTY] = "//stranger/share"
    layout = draw_sidebar()
    assert "on another computer" in " ".join(layout.texts)
    assert "open_network" in layout.buttons


def test_an_armature_that_was_deleted(imported: Any, scene: ModuleType) -> None:
    bpy.data.objects.remove(scene.rig_of(imported, 0))
    bpy.context.view_layer.active_layer_collection = bpy.context.view_layer.layer_collection.children[imported.name]
    assert "Take: take-1" in draw_sidebar().texts


def test_two_reconstructions_of_which_none_is_selected(imported: Any, contract: ModuleType, tmp_path: Path) -> None:
    make_reconstruction(tmp_path / "other", contract, first_frame=50)
    press("import_folder", directory=str(tmp_path / "other"))
    bpy.context.view_layer.objects.active = None
    assert "Select an armature of a reconstruction." in text()


@pytest.mark.parametrize(("state", "line"), [("INSTALLING", "Installing."), ("BROKEN", "Why."), ("READY", "clip")])
def test_the_sidebar_says_what_state_the_environment_is_in(product: Product, state: str, line: str) -> None:
    environment = product("socialmirror_blender.runtime.environment")
    session = product("socialmirror_blender.runtime.session").session
    before = session.environment
    session.environment = environment.Environment(
        environment.EnvironmentState[state], "/x", message="Why.", hint="How."
    )
    try:
        assert line in text()
    finally:
        session.environment = before
