"""An imported reconstruction stands in the scene exactly as the core computed it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import bpy
import numpy as np
import pytest

from .make_reconstruction import Made, make_reconstruction

Product = Callable[[str], ModuleType]


@pytest.fixture
def made(product: Product, tmp_path: Path) -> Made:
    return make_reconstruction(tmp_path, contract(product))


def contract(product: Product) -> ModuleType:
    for part in ("skeleton", "reconstruction", "contact"):
        product(f"core.contract.{part}")
    return product("core.contract")


def bone_heads(rig: bpy.types.Object, names: tuple[str, ...]) -> np.ndarray:
    evaluated = rig.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return np.array([evaluated.matrix_world @ evaluated.pose.bones[name].head for name in names])


def skin_points(skin: bpy.types.Object) -> np.ndarray:
    evaluated = skin.evaluated_get(bpy.context.evaluated_depsgraph_get())
    points = np.empty(3 * len(evaluated.data.vertices), dtype=np.float32)
    evaluated.data.vertices.foreach_get("co", points)
    matrix = np.array(evaluated.matrix_world)
    return points.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]


def test_bones_and_skin_are_where_the_reconstruction_has_them(product: Product, made: Made, tmp_path: Path) -> None:
    scene = product("socialmirror_blender.scene")
    names = product("core.contract.skeleton").JOINTS
    collection = scene.import_reconstruction(bpy.context, tmp_path, frame_start=11)
    for frame in (0, 7, 24):
        bpy.context.scene.frame_set(11 + frame)
        for person in (0, 1):
            heads = bone_heads(scene.rig_of(collection, person), names)
            np.testing.assert_allclose(heads, made.reconstruction.motion.joints[person, frame], atol=1e-4)
            points = skin_points(scene.skin_of(collection, person))
            np.testing.assert_allclose(points, made.vertices(person, frame), atol=1e-4)
