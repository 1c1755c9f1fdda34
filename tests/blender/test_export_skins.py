"""The skin in glTF and Godot files: shaped, cut and coloured as the scene shows it, and what a file cannot hold is said."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest

from tests.blender.evaluated_scene import all_datablocks
from tests.blender.product import Product
from tests.blender.user_actions import press
from tests.engines.readers import validate

Texts = Callable[[], list[str]]


@pytest.fixture
def skin(scene: ModuleType, collection: Any) -> Any:
    return scene.skin_of(collection, 0)


@pytest.fixture
def texts(product: Product, collection: Any) -> Texts:
    """What the dialog says of an export to glTF."""
    check, settings = product("socialmirror_blender.export").check_export, product("core.export.settings")
    return lambda: [each.text for each in check(bpy.context, collection, settings.ExportSettings("gltf", weights=8))]


def test_shape_keys_shape_the_exported_skin(skin: Any, texts: Texts, tmp_path: Path) -> None:
    before = exported_points(tmp_path)
    skin.shape_key_add(name="Basis")
    key = skin.shape_key_add(name="Tall")
    for point in key.data:
        point.co.z += 0.3
    key.value = 0.5
    datablocks = all_datablocks()
    np.testing.assert_allclose(exported_points(tmp_path), before + (0, 0.15, 0), atol=1e-5)
    assert (key.value, len(skin.data.shape_keys.key_blocks), all_datablocks()) == (0.5, 2, datablocks)
    assert texts() == []
    key.keyframe_insert("value", frame=1)
    assert [text for text in texts() if "shape keys" in text]


def test_modifiers_shape_the_exported_skin_and_the_check_names_them(skin: Any, texts: Texts, tmp_path: Path) -> None:
    before = exported_points(tmp_path)
    mask = skin.modifiers.new("No Head", "MASK")
    mask.vertex_group, mask.invert_vertex_group = "head", True
    after = exported_points(tmp_path)
    assert len(after) < 0.9 * len(before) and after[:, 1].max() < before[:, 1].max()
    assert [text for text in texts() if "No Head" in text and "rest pose" in text]
    mask.show_viewport = False
    assert len(exported_points(tmp_path)) == len(before) and texts() == []


def test_a_mesh_that_a_modifier_builds_anew_follows_the_bones_of_the_skin(skin: Any, tmp_path: Path) -> None:
    """Voxel Remesh leaves no vertex groups."""
    before = len(exported_points(tmp_path))
    remesh = skin.modifiers.new("Remesh", "REMESH")
    remesh.mode, remesh.voxel_size = "VOXEL", 0.05
    document, binary = exported(tmp_path)
    attributes = document["meshes"][0]["primitives"][0]["attributes"]
    points, joints, weights = (read(document, binary, attributes[n]) for n in ("POSITION", "JOINTS_0", "WEIGHTS_0"))
    assert len(points) < 0.5 * before
    names = [document["nodes"][node]["name"] for node in document["skins"][0]["joints"]]
    followed = {names[joint] for joint in joints[np.arange(len(joints)), weights.argmax(1)].tolist()}
    assert {"A_head", "A_left_elbow", "A_right_knee"} <= followed and "A_root" not in followed
    top = joints[points[:, 1].argmax(), weights[points[:, 1].argmax()].argmax()]
    assert names[top] == "A_head"


@pytest.mark.parametrize("target", ["gltf", "fbx"])
def test_a_skin_in_edit_mode_is_exported_as_it_is_edited(skin: Any, target: str, tmp_path: Path) -> None:
    bpy.context.view_layer.objects.active = skin
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_all(action="SELECT")
    bpy.ops.transform.translate(value=(0, 0, 0.25))
    top = 0.25 + max(vertex.co.z for vertex in skin.data.vertices)
    assert press("export", directory=str(tmp_path / "out"), target=target) == {"FINISHED"}
    assert skin.mode == "EDIT"
    if target == "gltf":
        assert exported_points(tmp_path)[:, 1].max() == pytest.approx(top, abs=1e-4)
        return
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.wm.fbx_import(filepath=str(next((tmp_path / "out").glob("*1.fbx"))))
    mesh: Any
    (mesh,) = (item.data for item in bpy.data.objects if item.type == "MESH")
    assert max(vertex.co.z for vertex in mesh.vertices) == pytest.approx(top, abs=1e-3)


def test_materials_keep_their_names_and_colours(skin: Any, texts: Texts, tmp_path: Path) -> None:
    skin_material = skin.data.materials[0]
    shirt: Any = bpy.data.materials.new("Shirt")
    shirt.use_nodes = True
    shader = shirt.node_tree.nodes["Principled BSDF"]
    shader.inputs["Base Color"].default_value = (0.9, 0.1, 0.2, 1)
    shader.inputs["Metallic"].default_value, shader.inputs["Roughness"].default_value = 0.25, 0.75
    skin.data.materials.append(shirt)
    for face in list(skin.data.polygons)[:100]:
        face.material_index = 1
    document, _ = exported(tmp_path)
    primitives = document["meshes"][0]["primitives"]
    materials = [document["materials"][each["material"]] for each in primitives]
    assert [material["name"] for material in materials] == [skin_material.name, "Shirt"]
    surface = materials[1]["pbrMetallicRoughness"]
    assert surface["baseColorFactor"] == pytest.approx([0.9, 0.1, 0.2, 1])
    assert (surface["metallicFactor"], surface["roughnessFactor"]) == pytest.approx((0.25, 0.75))
    assert document["accessors"][primitives[1]["indices"]]["count"] == 3 * 100
    (issues,) = validate(tmp_path / "report.json", list(tmp_path.glob("out/*.glb")))
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"][:3]
    assert texts() == []
    noise = shirt.node_tree.nodes.new("ShaderNodeTexNoise")
    shirt.node_tree.links.new(noise.outputs["Color"], shader.inputs["Base Color"])
    assert [text for text in texts() if "Shirt" in text and "Base Color" in text]


@pytest.mark.parametrize("kind", ["painted", "packed", "file"])
def test_an_image_as_the_base_colour_is_in_the_file(skin: Any, texts: Texts, tmp_path: Path, kind: str) -> None:
    image = textured(skin.data.materials[0])
    if kind == "packed":
        image.pack()
    elif kind == "file":
        image.filepath_raw, image.file_format = str(tmp_path / "shirt.jpg"), "JPEG"
        image.save()
    assert texts() == []
    document, binary = exported(tmp_path)
    material = document["materials"][document["meshes"][0]["primitives"][0]["material"]]
    surface = material["pbrMetallicRoughness"]
    assert surface["baseColorTexture"] == {"index": 0} and surface["baseColorFactor"] == [1, 1, 1, 1]
    view = document["bufferViews"][document["images"][document["textures"][0]["source"]]["bufferView"]]
    stored = binary[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]
    if kind == "file":
        assert stored == (tmp_path / "shirt.jpg").read_bytes()
    (tmp_path / "stored").write_bytes(stored)
    found: Any = bpy.data.images.load(str(tmp_path / "stored"))
    assert found.pixels[:4] == pytest.approx((1, 0, 0, 1), abs=0.02)
    assert "alphaMode" not in material
    (issues,) = validate(tmp_path / "report.json", list(tmp_path.glob("out/*.glb")))
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"][:3]


def test_what_a_file_cannot_hold_of_textures_is_said(skin: Any, texts: Texts, tmp_path: Path) -> None:
    material = skin.data.materials[0]
    image = textured(material)
    tree = material.node_tree
    node, shader = tree.nodes["Image Texture"], tree.nodes["Principled BSDF"]
    tree.links.new(node.outputs["Alpha"], shader.inputs["Alpha"])
    assert texts() == []
    document, _ = exported(tmp_path)
    assert document["materials"][0]["alphaMode"] == "BLEND"
    tree.links.new(node.outputs["Color"], shader.inputs["Roughness"])
    assert [text for text in texts() if text.endswith("make of Roughness.")]
    mapping = tree.nodes.new("ShaderNodeMapping")
    tree.links.new(mapping.outputs["Vector"], node.inputs["Vector"])
    assert [text for text in texts() if "make of Base Color" in text]
    tree.links.remove(node.inputs["Vector"].links[0])
    image.source, image.filepath = "FILE", str(tmp_path / "gone.png")
    assert [text for text in texts() if "make of Base Color" in text]


def test_an_fbx_file_holds_the_images_of_its_materials(skin: Any, tmp_path: Path) -> None:
    textured(skin.data.materials[0]).pack()
    assert press("export", directory=str(tmp_path / "out"), target="fbx") == {"FINISHED"}
    assert b"\x89PNG" in next((tmp_path / "out").glob("*1.fbx")).read_bytes()
    assert sorted(path.suffix for path in (tmp_path / "out").iterdir()) == [".fbx", ".fbx", ".json"]
    image = bpy.data.images.new("Lost", 4, 4)
    image.filepath_raw = str(tmp_path / "lost.png")
    image.save()
    (tmp_path / "lost.png").unlink()
    skin.data.materials[0].node_tree.nodes["Image Texture"].image = image
    assert press("export", directory=str(tmp_path / "out"), target="fbx") == {"FINISHED"}


def textured(material: Any) -> Any:
    """Give a material a red image of 4 x 4 px as its base colour."""
    image: Any = bpy.data.images.new("Shirt", 4, 4)
    image.pixels[:] = [1, 0, 0, 1] * 16
    image.update()
    node = material.node_tree.nodes.new("ShaderNodeTexImage")
    node.image = image
    material.node_tree.links.new(
        node.outputs["Color"], material.node_tree.nodes["Principled BSDF"].inputs["Base Color"]
    )
    return image


def exported_points(folder: Path) -> np.ndarray:
    """[V,3] the skin of person A at rest."""
    document, binary = exported(folder)
    return read(document, binary, document["meshes"][0]["primitives"][0]["attributes"]["POSITION"])


def exported(folder: Path) -> tuple[dict[str, Any], bytes]:
    """A glTF file of both people, as the operator writes it: its JSON and its buffer."""
    assert press("export", directory=str(folder / "out"), target="gltf") == {"FINISHED"}
    data = next((folder / "out").glob("*.glb")).read_bytes()
    (length,) = struct.unpack("<I", data[12:16])
    return json.loads(data[20 : 20 + length]), data[28 + length :]


def read(document: dict[str, Any], binary: bytes, index: int) -> np.ndarray:
    accessor = document["accessors"][index]
    view = document["bufferViews"][accessor["bufferView"]]
    kind = {5126: np.float32, 5123: np.uint16}[accessor["componentType"]]
    values = np.frombuffer(binary, kind, view["byteLength"] // np.dtype(kind).itemsize, view["byteOffset"])
    return values.reshape(accessor["count"], -1)
