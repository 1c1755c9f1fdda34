"""Writes binary glTF 2.0: both people skinned and animated in one file, which browsers, game engines and Blender open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial.transform import Rotation  # pyright: ignore[reportMissingTypeStubs]

from ..contract.files import replacing
from ..contract.reconstruction import BodyArrays, Reconstruction
from ..contract.skeleton import JOINTS, PARENTS
from .gltf_document import ELEMENT_ARRAY_BUFFER, VERTEX_BUFFER, GltfDocument
from .uniform_rate import UniformMotion, resample_uniformly

_MAX_INFLUENCES = 4
"""Joints per vertex. More are optional in glTF, and many readers do not support them."""
_Z_UP_TO_Y_UP = [-(0.5**0.5), 0.0, 0.0, 0.5**0.5]
"""-90 degrees about X, as a quaternion with the real part last."""
_COLOURS = ([0.80, 0.55, 0.42, 1.0], [0.42, 0.58, 0.80, 1.0])
"""Base colour of each person."""


def write_glb(reconstruction: Reconstruction, folder: Path) -> list[Path]:
    """Write `pair.glb`: metres, Y up, one animation for both people."""
    path = folder / "pair.glb"
    data = glb_bytes(reconstruction)
    with replacing(path) as temporary:
        temporary.write_bytes(data)
    return [path]


def glb_bytes(reconstruction: Reconstruction) -> bytes:
    """The content of the file."""
    motion = resample_uniformly(reconstruction.motion)
    document = GltfDocument()
    channels: list[dict[str, Any]] = []
    samplers: list[dict[str, Any]] = []
    times = np.arange(motion.pelvis.shape[1], dtype=np.float32) / np.float32(motion.frame_rate)
    time_accessor = document.add_array(times, bounds=True)
    roots: list[int] = []
    for person in reconstruction.info.people:
        first_joint = len(document.nodes)
        document.nodes += _joint_nodes(motion, person.index, first_joint)
        skin = _add_skin(document, motion.rest_joints[person.index], first_joint)
        mesh = _add_mesh(document, reconstruction.body, person.index, person.name)
        body = document.add_node({"name": f"{person.name} body", "mesh": mesh, "skin": skin})
        armature = document.add_node({"name": person.name, "rotation": _Z_UP_TO_Y_UP, "children": [first_joint]})
        # a skinned mesh ignores its node's parents, so that the format recommends it as a root
        roots += [armature, body]
        curves = [(0, "translation", motion.pelvis[person.index])]
        curves += [(joint, "rotation", _quaternions(motion, person.index, joint)) for joint in range(len(JOINTS))]
        for joint, path, values in curves:
            target = {"node": first_joint + joint, "path": path}
            channels.append({"sampler": len(samplers), "target": target})
            samplers.append({"input": time_accessor, "output": document.add_array(values.astype(np.float32))})
    document.animations.append({"name": reconstruction.info.take, "channels": channels, "samplers": samplers})
    return document.to_bytes(roots)


def _joint_nodes(motion: UniformMotion, person: int, first_joint: int) -> list[dict[str, Any]]:
    """A node per joint in the pose of the first frame, translated from its parent as in the rest pose."""
    rest = motion.rest_joints[person]
    nodes: list[dict[str, Any]] = []
    for joint, (name, parent) in enumerate(zip(JOINTS, PARENTS)):
        translation = motion.pelvis[person, 0] if parent < 0 else rest[joint] - rest[parent]
        node: dict[str, Any] = {
            "name": name,
            "translation": translation.tolist(),
            "rotation": _quaternions(motion, person, joint)[0].tolist(),
        }
        children = [first_joint + child for child, its_parent in enumerate(PARENTS) if its_parent == joint]
        if children:
            node["children"] = children
        nodes.append(node)
    return nodes


def _add_skin(document: GltfDocument, rest: Float[np.ndarray, "55 3"], first_joint: int) -> int:
    """Add a skin whose joints are not rotated in the bind pose."""
    inverse = np.tile(np.eye(4, dtype=np.float32), (len(rest), 1, 1))
    inverse[:, 3, :3] = -rest  # glTF stores matrices in column-major order
    inverse_bind_matrices = document.add_array(inverse.reshape(-1, 16))
    joints = list(range(first_joint, first_joint + len(rest)))
    document.skins.append({"joints": joints, "skeleton": first_joint, "inverseBindMatrices": inverse_bind_matrices})
    return len(document.skins) - 1


def _add_mesh(document: GltfDocument, body: BodyArrays, person: int, name: str) -> int:
    """Add a person's body in the rest pose. glTF has one texture coordinate per vertex, so seams are split."""
    corners = np.concatenate([body.faces.reshape(-1, 1), body.uv.reshape(-1, 2)], 1)
    unique, corner = np.unique(corners, axis=0, return_inverse=True)
    vertex = unique[:, 0].astype(np.int64)
    largest = np.argsort(-body.skin_weights, axis=1, kind="stable")[:, :_MAX_INFLUENCES]
    joints = np.take_along_axis(body.skin_joints, largest, 1)
    weights = np.take_along_axis(body.skin_weights, largest, 1)
    weights = weights / weights.sum(1, keepdims=True)
    joints = np.where(weights > 0, joints, 0)
    vertices = body.rest_vertices[person]
    normals = _vertex_normals(vertices, body.faces)
    uv = unique[:, 1:] * [1, -1] + [0, 1]  # the origin of glTF's texture coordinates is at the top
    attributes = {
        "POSITION": document.add_array(vertices[vertex].astype(np.float32), VERTEX_BUFFER, bounds=True),
        "NORMAL": document.add_array(normals[vertex].astype(np.float32), VERTEX_BUFFER),
        "TEXCOORD_0": document.add_array(uv.astype(np.float32), VERTEX_BUFFER),
        "JOINTS_0": document.add_array(joints[vertex].astype(np.uint16), VERTEX_BUFFER),
        "WEIGHTS_0": document.add_array(weights[vertex].astype(np.float32), VERTEX_BUFFER),
    }
    indices = document.add_array(corner.reshape(-1).astype(np.uint32), ELEMENT_ARRAY_BUFFER)
    surface = {"baseColorFactor": _COLOURS[person], "metallicFactor": 0.0, "roughnessFactor": 0.8}
    document.materials.append({"name": name, "pbrMetallicRoughness": surface})
    primitive = {"attributes": attributes, "indices": indices, "material": len(document.materials) - 1}
    document.meshes.append({"name": f"{name} body", "primitives": [primitive]})
    return len(document.meshes) - 1


def _quaternions(motion: UniformMotion, person: int, joint: int) -> Float[np.ndarray, "T 4"]:
    """Rotations of a joint with the real part last, without changes of sign, so that readers interpolate the shorter way."""
    quaternions = Rotation.from_rotvec(motion.rotations[person, :, joint]).as_quat()
    dot = np.sign((quaternions[1:] * quaternions[:-1]).sum(1))
    signs = np.concatenate([[1.0], np.cumprod(np.where(dot < 0, -1.0, 1.0))])
    return quaternions * signs[:, None]


def _vertex_normals(vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]) -> Float[np.ndarray, "V 3"]:
    """Unit normals: means of the normals of the adjacent faces, weighted by area."""
    corners = vertices[faces].astype(np.float64)
    face_normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros(vertices.shape)
    for corner in range(3):
        np.add.at(normals, faces[:, corner], face_normals)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
