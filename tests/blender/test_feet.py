"""The list of foot contacts: what the core found, and what the animator wants of each, which Refine gets."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import bpy

from tests.blender.synthetic_reconstruction import add_take
from tests.blender.user_actions import press


def test_feet_are_listed_by_how_sure_they_stand(imported: Any, product: Any) -> None:
    feet = product("socialmirror_blender.scene.foot_list")
    assert feet.listed_feet(imported) == [0]
    imported.socialmirror.foot_sensitivity = 1.0
    assert feet.listed_feet(imported) == [0, 1]
    panel = product("socialmirror_blender.panels.feet")
    assert panel.foot_text(imported.socialmirror.feet[0], (1, 13)) == "A left  1–13"
    press("foot_jump", frame=12)
    assert bpy.context.scene.frame_current == 13


def test_modes_become_edits_and_stay_for_the_next_take(
    imported: Any, scene: ModuleType, contract: ModuleType, tmp_path: Path
) -> None:
    assert scene.read_edits(imported).feet == ()
    press("feet_mode", mode="lock")
    imported.socialmirror.feet[1].mode = "free"
    found = [(foot.person, foot.foot, foot.mode) for foot in scene.read_edits(imported).feet]
    assert found == [(0, "left", "lock"), (1, "right", "free")]
    add_take(tmp_path / "result", contract, "take-2", seed=3)
    scene.update_take(imported, tmp_path / "result")
    assert [(foot.person, foot.foot, foot.mode) for foot in scene.read_edits(imported).feet] == found
    press("feet_mode", mode="reconstructed")
    assert scene.read_edits(imported).feet == ()


def test_a_list_that_somebody_tampered_with_is_read_as_far_as_it_makes_sense(imported: Any, scene: ModuleType) -> None:
    item = imported.socialmirror.feet[0]
    item.mode, item.foot = "lock", "third"
    imported.socialmirror.feet[1].mode = "lock"
    assert [foot.foot for foot in scene.read_edits(imported).feet] == ["right"]
