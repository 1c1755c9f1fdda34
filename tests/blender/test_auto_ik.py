"""Blender's Auto IK pulls arms and legs of the SMPL-X armatures."""

from __future__ import annotations

from collections.abc import Callable
from math import radians
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest
from mathutils import Euler

from tests.blender.drawing import draw_sidebar
from tests.blender.user_actions import select_bone

Pull = Callable[[str, tuple[float, float, float]], None]


@pytest.fixture
def rig(imported: Any, scene: ModuleType) -> Any:
    """Person A in pose mode with Auto IK, with limbs bent as real ones are: a little to the side and twisted, too."""
    found: Any = scene.rig_of(imported, 0)
    found.animation_data_clear()
    for bone in found.pose.bones:
        bone.matrix_basis.identity()
        if "knee" in bone.name or "elbow" in bone.name:
            bone.rotation_quaternion = Euler((radians(50), radians(20), radians(12))).to_quaternion()
    bpy.context.view_layer.objects.active = found
    bpy.ops.object.mode_set(mode="POSE")
    found.pose.use_auto_ik = True
    return found


@pytest.fixture
def pull(rig: Any) -> Pull:
    """Moves a bone as G does in a 3D view."""

    def move(bone: str, offset: tuple[float, float, float]) -> None:
        bpy.ops.pose.select_all(action="DESELECT")
        select_bone(rig.pose.bones[bone], True)
        rig.data.bones.active = rig.data.bones[bone]
        context: Any = bpy.context
        area = next(area for area in context.window.screen.areas if area.type == "VIEW_3D")
        region = next(region for region in area.regions if region.type == "WINDOW")
        with context.temp_override(window=context.window, area=area, region=region):
            bpy.ops.transform.translate(value=offset)
        bpy.context.view_layer.update()

    return move


def heads(rig: Any) -> dict[str, np.ndarray]:
    return {bone.name: np.array(bone.head) for bone in rig.pose.bones}


@pytest.mark.parametrize(
    ("bone", "end", "chain"),
    [
        ("left_elbow", "left_wrist", ("left_collar", "left_shoulder", "left_elbow")),
        ("right_elbow", "right_wrist", ("right_collar", "right_shoulder", "right_elbow")),
        ("left_knee", "left_ankle", ("left_hip", "left_knee")),
        ("right_knee", "right_ankle", ("right_hip", "right_knee")),
    ],
)
def test_pulling_forearm_or_shin_brings_the_hand_or_foot_along(
    rig: Any, pull: Pull, bone: str, end: str, chain: tuple[str, ...]
) -> None:
    before = heads(rig)
    turned = {name: bone.matrix_basis.copy() for name, bone in rig.pose.bones.items()}
    pull(bone, (0.02, -0.05, 0.06))
    after = heads(rig)
    np.testing.assert_allclose(after[end] - before[end], (0.02, -0.05, 0.06), atol=1e-3)
    changed = {name for name, bone in rig.pose.bones.items() if bone.matrix_basis != turned[name]}
    assert changed == set(chain)
    for name in chain:
        child = rig.data.bones[name].children[0].name
        lengths = [np.linalg.norm(each[child] - each[name]) for each in (before, after)]
        assert lengths[0] == pytest.approx(lengths[1], abs=1e-5)


def test_a_limb_does_not_jump_when_it_is_grabbed(rig: Any, pull: Pull) -> None:
    before = heads(rig)
    for bone in ("left_elbow", "right_elbow", "left_knee", "right_knee", "left_wrist", "right_ankle"):
        pull(bone, (0.0, 0.0, 0.0))
    after = heads(rig)
    assert max(np.abs(after[name] - before[name]).max() for name in before) < 1e-4


def test_pulling_a_finger_leaves_the_hand(rig: Any, pull: Pull) -> None:
    before = heads(rig)
    pull("left_index3", (0.0, 0.0, -0.01))
    after = heads(rig)
    assert np.linalg.norm(after["left_index3"] - before["left_index3"]) > 2e-3
    np.testing.assert_allclose(after["left_wrist"], before["left_wrist"], atol=1e-6)


def test_auto_ik_is_switched_on_in_the_panel(rig: Any) -> None:
    assert any(text.startswith("Auto IK") for text in draw_sidebar().texts)
    bpy.ops.object.mode_set(mode="OBJECT")
    assert not any(text.startswith("Auto IK") for text in draw_sidebar().texts)
