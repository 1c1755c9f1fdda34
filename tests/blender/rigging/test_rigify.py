"""Rigs that Rigify generates get keyframes on their own FK and IK controls, and do what the people did."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest

from tests.blender.evaluated_scene import bone_heads, deformed_vertices, person_fcurves
from tests.blender.product import Product
from tests.blender.rigging.rigify_rigs import append_rigify
from tests.blender.rigging.target_rigs import body_of
from tests.blender.synthetic_reconstruction import make_reconstruction
from tests.blender.user_actions import press

FRAMES = (1, 9, 17, 25)
JOINTS = {
    "pelvis": "ORG-spine", "spine3": "ORG-spine.003", "head": "ORG-spine.006", "left_shoulder": "ORG-upper_arm.L",
    "right_elbow": "ORG-forearm.R", "left_wrist": "ORG-hand.L", "right_wrist": "ORG-hand.R",
    "right_index2": "ORG-f_index.02.R",
}  # fmt: skip


@pytest.mark.slow
def test_a_generated_rig_gets_the_pose_on_its_controls(contract: ModuleType, product: Product, tmp_path: Path) -> None:
    made = make_reconstruction(tmp_path, contract, frames=25)
    assert press("import_folder", directory=str(tmp_path)) == {"FINISHED"}
    reconstruction, skeleton = made.reconstruction, contract.skeleton
    _, offset = product("socialmirror_blender.scene.takes").rest_pose_of(reconstruction, 0)
    body = body_of(reconstruction.motion.rest_joints[0].astype(float), reconstruction.body, 0, offset)
    rig, skin = append_rigify("Joe", body, tmp_path)
    scene: Any = bpy.context.scene
    options = scene.socialmirror_retarget
    options.target_a.rig, options.keep_touches = rig, False
    assert options.target_a.map_name == "Rigify"
    indices = [skeleton.JOINT_INDEX[name] for name in JOINTS]
    strongest = body.weights.argmax(1)
    hands = np.isin(strongest, [skeleton.JOINT_INDEX[f"{side}_wrist"] for side in ("left", "right")])
    for controls in ("FK", "IK"):
        options.controls = controls
        assert press("retarget") == {"FINISHED"}

        keyed = {curve.data_path.split('"')[1] for curve in person_fcurves(rig)}
        assert not [name for name in keyed if name.startswith(("ORG-", "DEF-", "MCH-"))]
        assert ("hand_ik.L" in keyed, "upper_arm_fk.L" in keyed) == (controls == "IK", controls == "FK")
        assert rig.pose.bones["upper_arm_parent.L"]["IK_FK"] == (0 if controls == "IK" else 1)
        for frame in FRAMES:
            scene.frame_set(frame)
            expected = reconstruction.motion.joints[0, frame - 1]
            tolerance = 0.006 if controls == "FK" else 0.02
            np.testing.assert_allclose(bone_heads(rig, list(JOINTS.values())), expected[indices], atol=tolerance)
            apart = np.linalg.norm(deformed_vertices(skin) - made.vertices_inworld(0, frame - 1), axis=-1)
            assert apart[hands].mean() < 0.02
