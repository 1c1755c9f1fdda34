"""Writes binary glTF 2.0: skinned and animated people, which browsers, game engines and Blender open."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..contract.files import replacing
from ..contract.rotations import make_sign_continuous, matrix_to_quaternion
from ..contract.skeleton import BONE_PARENTS
from .animation import AnimatedPerson, Material, Skin
from .gltf_document import ELEMENT_ARRAY_BUFFER, VERTEX_BUFFER, GltfDocument
from .layout import FilePlan
from .weights import limit_weights

_COLOURS = ((0.80, 0.55, 0.42, 1.0), (0.42, 0.58, 0.80, 1.0))
"""Base colour of each person whose skin has no material."""
_STILL = 1e-6
"""Metres by which a joint may leave its place at the parent and still need no translation curve."""
_WEIGHTS_PER_ATTRIBUTE = 4


def write_glb(plan: FilePlan) -> None:
    """Write metres, Y up, the T-pose at the origin as the rest pose, and one animation for all people in the file."""
    data = glb_bytes(plan)
    with replacing(plan.path) as temporary:
        temporary.write_bytes(data)


def glb_bytes(plan: FilePlan) -> bytes:
    """The content of the file."""
    document = GltfDocument()
    frames = len(plan.people[0].positions)
    times = np.arange(frames, dtype=np.float32) / np.float32(plan.frame_rate)
    time_accessor = document.add_array(times, bounds=True)
    channels: list[dict[str, Any]] = []
    samplers: list[dict[str, Any]] = []
    roots: list[int] = []
    for person, names, title in zip(plan.people, plan.bone_names, plan.object_names):
        first = len(document.nodes)
        document.nodes += _bone_nodes(person, names, first)
        roots.append(document.add_node({"name": title, "children": [first]}))
        if person.skin is not None and not plan.animation_only:
            body = {
                "name": f"{person.name} body",
                "mesh": _add_mesh(document, person, person.skin, plan.most_weights),
                "skin": _add_skin(document, person.rest, first),
            }
            # a skinned mesh ignores its node's parents, so that the format recommends it as a root
            roots.append(document.add_node(body))
        for bone, path, values in _curves(person):
            channels.append({"sampler": len(samplers), "target": {"node": first + bone, "path": path}})
            samplers.append({"input": time_accessor, "output": document.add_array(values.astype(np.float32))})
    document.animations.append({"name": plan.title, "channels": channels, "samplers": samplers})
    return document.to_bytes(roots)


def _curves(person: AnimatedPerson) -> list[tuple[int, str, np.ndarray]]:
    """Bone, property and values of every curve: all rotations, and the translations of bones that leave their place."""
    rotations, translations = person.local_transforms()
    # without changes of sign, so that readers interpolate the shorter way; glTF has the real part last
    quaternions = np.roll(make_sign_continuous(matrix_to_quaternion(rotations)), -1, axis=-1)
    moved = np.abs(translations - person.rest_translations()).max((0, 2)) > _STILL
    bones = range(len(BONE_PARENTS))
    return [(bone, "translation", translations[:, bone]) for bone in bones if moved[bone]] + [
        (bone, "rotation", quaternions[:, bone]) for bone in bones
    ]


def _bone_nodes(person: AnimatedPerson, names: tuple[str, ...], first: int) -> list[dict[str, Any]]:
    """A node per bone in the rest pose, in which no bone is turned."""
    nodes: list[dict[str, Any]] = []
    for bone, (name, translation) in enumerate(zip(names, person.rest_translations())):
        node: dict[str, Any] = {"name": name, "translation": translation.tolist()}
        children = [first + child for child, parent in enumerate(BONE_PARENTS) if parent == bone]
        if children:
            node["children"] = children
        nodes.append(node)
    return nodes


def _add_skin(document: GltfDocument, rest: np.ndarray, first: int) -> int:
    """Add a skin whose bind pose is the rest pose."""
    inverse = np.tile(np.eye(4, dtype=np.float32), (len(rest), 1, 1))
    inverse[:, 3, :3] = -rest  # glTF stores matrices in column-major order
    inverse_bind_matrices = document.add_array(inverse.reshape(-1, 16))
    joints = list(range(first, first + len(rest)))
    document.skins.append({"joints": joints, "skeleton": first, "inverseBindMatrices": inverse_bind_matrices})
    return len(document.skins) - 1


def _add_mesh(document: GltfDocument, person: AnimatedPerson, skin: Skin, most_weights: int) -> int:
    """Add a person's body in the rest pose. glTF has one texture coordinate per vertex, so seams are split."""
    corners = np.concatenate([skin.faces.reshape(-1, 1), skin.uv.reshape(-1, 2)], 1)
    unique, corner = np.unique(corners, axis=0, return_inverse=True)
    vertex = unique[:, 0].astype(np.int64)
    bones, weights = limit_weights(skin.bones, skin.weights, most_weights)
    normals = _vertex_normals(skin.vertices, skin.faces)
    uv = unique[:, 1:] * [1, -1] + [0, 1]  # the origin of glTF's texture coordinates is at the top
    attributes = {
        "POSITION": document.add_array(skin.vertices[vertex].astype(np.float32), VERTEX_BUFFER, bounds=True),
        "NORMAL": document.add_array(normals[vertex].astype(np.float32), VERTEX_BUFFER),
        "TEXCOORD_0": document.add_array(uv.astype(np.float32), VERTEX_BUFFER),
    }
    for number in range(most_weights // _WEIGHTS_PER_ATTRIBUTE):
        part = slice(number * _WEIGHTS_PER_ATTRIBUTE, (number + 1) * _WEIGHTS_PER_ATTRIBUTE)
        joints, values = bones[vertex, part].astype(np.uint16), weights[vertex, part].astype(np.float32)
        attributes[f"JOINTS_{number}"] = document.add_array(joints, VERTEX_BUFFER)
        attributes[f"WEIGHTS_{number}"] = document.add_array(values, VERTEX_BUFFER)
    corners_of_face = corner.reshape(-1, 3)
    materials = skin.materials or (Material(person.name, _COLOURS[person.index]),)
    used = np.zeros(len(corners_of_face), int) if skin.face_materials is None else skin.face_materials
    primitives: list[dict[str, Any]] = []
    numbers: set[int] = set(used.tolist())
    for number in sorted(numbers):
        indices = corners_of_face[used == number].reshape(-1).astype(np.uint32)
        primitives.append(
            {
                "attributes": attributes,
                "indices": document.add_array(indices, ELEMENT_ARRAY_BUFFER),
                "material": _add_material(document, materials[number]),
            }
        )
    document.meshes.append({"name": f"{person.name} body", "primitives": primitives})
    return len(document.meshes) - 1


def _add_material(document: GltfDocument, material: Material) -> int:
    """Add a material, unless the file has it already."""
    record: dict[str, Any] = {
        "name": material.name,
        "pbrMetallicRoughness": {
            "baseColorFactor": list(material.colour),
            "metallicFactor": material.metallic,
            "roughnessFactor": material.roughness,
        },
    }
    if material.picture is not None:
        texture = document.add_texture(material.picture.name, material.picture.data, material.picture.kind)
        record["pbrMetallicRoughness"]["baseColorTexture"] = {"index": texture}
    if material.colour[3] < 1 or material.is_cut_out:
        record["alphaMode"] = "BLEND"
    if record not in document.materials:
        document.materials.append(record)
    return document.materials.index(record)


def _vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals [V,3]: means of the normals of the adjacent faces, weighted by area."""
    corners = vertices[faces].astype(np.float64)
    face_normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros(vertices.shape)
    for corner in range(3):
        np.add.at(normals, faces[:, corner], face_normals)
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.where(lengths > 1e-12, normals / np.maximum(lengths, 1e-12), [0.0, 1.0, 0.0])
