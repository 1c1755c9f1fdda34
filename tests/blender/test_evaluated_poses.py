"""Motion is read as it is animated, also while an armature is shown in Rest Position, and not in Edit Mode, which has no pose."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest

from tests.blender.evaluated_scene import bone_heads
from tests.blender.product import Product
from tests.blender.user_actions import press

JOINTS = ("left_wrist", "head", "left_ankle")


def seen(rig: Any) -> np.ndarray:
    """[F,3,3] where joints are seen in some frames."""
    found = []
    for frame in (1, 13, 25):
        bpy.context.scene.frame_set(frame)
        found.append(bone_heads(rig, JOINTS))
    return np.array(found)


def exported(folder: Path) -> list[bytes]:
    folder.mkdir()
    press("export", directory=str(folder), target="bvh")
    return [path.read_bytes() for path in sorted(folder.glob("*.bvh"))]


def enter_edit_mode(rig: Any) -> None:
    for item in list(bpy.context.selected_objects):
        item.select_set(False)
    rig.hide_set(False)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")


@pytest.fixture
def rigs(imported: Any, scene: ModuleType) -> list[Any]:
    return [scene.rig_of(imported, person) for person in (0, 1)]


def test_an_armature_in_rest_position_is_exported_as_it_is_animated(rigs: Any, tmp_path: Path) -> None:
    before = exported(tmp_path / "posed")
    rigs[0].data.pose_position = "REST"
    assert exported(tmp_path / "at rest") == before
    assert rigs[0].data.pose_position == "REST"


def test_controls_are_made_and_baked_back_in_rest_position(
    rigs: Any, imported: Any, scene: ModuleType, product: Product
) -> None:
    before = [seen(rig) for rig in rigs]
    rigs[0].data.pose_position = "REST"
    press("control_rig_add", both=True)
    rigs[0].data.pose_position = "POSE"
    np.testing.assert_allclose([seen(rig) for rig in rigs], before, atol=1e-3)
    rigs[0].data.pose_position = "REST"
    controls: Any = product("socialmirror_blender.scene.objects").control_rig_of(imported, 1)
    controls.data.pose_position = "REST"
    press("control_rig_remove")
    rigs[0].data.pose_position = "POSE"
    np.testing.assert_allclose([seen(rig) for rig in rigs], before, atol=1e-3)


def test_an_armature_in_edit_mode_is_not_exported_as_a_t_pose(rigs: Any, tmp_path: Path) -> None:
    enter_edit_mode(rigs[1])
    with pytest.raises(RuntimeError, match="Person 2 is in Edit Mode"):
        exported(tmp_path / "edited")
    assert not list((tmp_path / "edited").iterdir())


def test_controls_are_baked_back_from_edit_mode(rigs: Any) -> None:
    before = [seen(rig) for rig in rigs]
    press("control_rig_add", both=True)
    bpy.ops.object.mode_set(mode="OBJECT")
    enter_edit_mode(rigs[0])
    press("control_rig_remove")
    np.testing.assert_allclose([seen(rig) for rig in rigs], before, atol=1e-3)
