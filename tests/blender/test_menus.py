"""The add-on is found in Blender's own menus, and leaves them when it is disabled."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import pytest

from tests.blender.drawing import Layout
from tests.blender.product import Product
from tests.blender.user_actions import press, settings

OF_RESULT = [
    "reconstruct",
    "refine",
    "show_result",
    "contact_add",
    "confidence_overlay",
    "uncertain_stretch",
    "uncertain_stretch",
    "control_rig_add",
    "control_rig_remove",
    "retarget",
    "match_scene",
    "export",
]


def entries(menu: str) -> list[str]:
    """The operators that the add-on draws in a menu of Blender's."""
    layout = Layout([], [])
    for draw in getattr(bpy.types, menu)._dyn_ui_initialize():
        if "socialmirror" in draw.__module__:
            draw(SimpleNamespace(layout=layout), bpy.context)
    return layout.buttons


@pytest.mark.parametrize(
    ("menu", "operators"),
    [
        ("TOPBAR_MT_file_import", ["import_folder"]),
        ("TOPBAR_MT_file_export", ["export"]),
        ("VIEW3D_MT_object", OF_RESULT),
        ("VIEW3D_MT_pose", ["pin", "pin_range", "unpin", "pin_own_keys", "give_back", *OF_RESULT]),
        ("SEQUENCER_MT_strip", ["queue_strips"]),
    ],
)
def test_what_an_animator_looks_for_stands_in_the_menu_until_the_add_on_is_disabled(
    product: Product, menu: str, operators: list[str]
) -> None:
    menus = product("socialmirror_blender.menus")
    assert entries(menu) == operators
    menus.unregister()
    try:
        assert entries(menu) == []
    finally:
        menus.register()


def test_strips_are_queued_only_if_one_is_selected() -> None:
    with pytest.raises(RuntimeError, match="Select movie strips"):
        press("queue_strips")


def test_export_can_keep_its_settings_as_a_preset() -> None:
    operators: Any = bpy.ops
    assert "PRESET" in operators.socialmirror.export.bl_options
    properties = operators.socialmirror.export.get_rna_type().properties
    assert properties["directory"].is_skip_save, "a preset is not bound to a folder"
    kept = {item.identifier for item in properties if not (item.is_hidden or item.is_skip_save)}
    assert {"target", "people", "names", "root", "origin", "weights", "animation_only"} <= kept


def test_a_movie_is_used_as_the_clip_if_it_is_dropped_on_the_tab_and_nowhere_else(
    tmp_path: Path, product: Product
) -> None:
    handler = product("socialmirror_blender.dropping").SOCIALMIRROR_FH_clip
    tab = SimpleNamespace(type="UI", active_panel_category="SocialMirror")
    view, other = SimpleNamespace(type="VIEW_3D"), SimpleNamespace(type="UI", active_panel_category="Item")
    dropped_on = [handler.poll_drop(SimpleNamespace(area=view, region=region)) for region in (tab, other, None)]
    assert dropped_on == [True, False, False]
    assert ".mp4" in handler.bl_file_extensions.split(";")
    settings().source = "STRIP"
    press(handler.bl_import_operator.removeprefix("socialmirror."), filepath=str(tmp_path / "clip.mp4"))
    assert (settings().source, settings().filepath) == ("FILE", str(tmp_path / "clip.mp4"))


def test_a_dropped_movie_is_noted_relative_to_the_file_and_used_whole_if_it_is_another_one(tmp_path: Path) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"), check_existing=False)
    settings().use_range = True
    press("use_clip", filepath=str(tmp_path / "clips" / "first.mp4"))
    assert (settings().filepath.replace("\\", "/"), settings().use_range) == ("//clips/first.mp4", False)
    settings().use_range = True
    press("use_clip", filepath=str(tmp_path / "clips" / "first.mp4"))
    assert settings().use_range
    bpy.context.preferences.filepaths.use_relative_paths = False
    try:
        press("use_clip", filepath=str(tmp_path / "clips" / "second.mp4"))
    finally:
        bpy.context.preferences.filepaths.use_relative_paths = True
    assert (settings().filepath, settings().use_range) == (str(tmp_path / "clips" / "second.mp4"), False)
