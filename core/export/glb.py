"""Binary glTF 2.0: both people skinned and animated in one file, which browsers, engines and Blender open."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from .. import __version__
from ..contract.files import replacing
from ..contract.reconstruction import BodyArrays, Reconstruction
from ..contract.skeleton import JOINTS, PARENTS
from .uniform_rate import UniformMotion, resample_uniformly

# glTF's numbers for what an array is and what it is for
_FLOAT, _UINT16, _UINT32 = 5126, 5123, 5125
_VERTICES, _INDICES = 34962, 34963
_COMPONENT = {np.dtype(np.float32): _FLOAT, np.dtype(np.uint16): _UINT16, np.dtype(np.uint32): _UINT32}
_KIND = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}

_INFLUENCES = 4
"""Joints a vertex, of the strongest: more is optional for readers, and many have not taken the option."""
_Z_UP_TO_Y_UP = [-(0.5**0.5), 0.0, 0.0, 0.5**0.5]
"""Quaternion, w last: -90 degrees about X."""
_COLOURS = ([0.80, 0.55, 0.42, 1.0], [0.42, 0.58, 0.80, 1.0])


def write_glb(reconstruction: Reconstruction, folder: Path) -> list[Path]:
    """`pair.glb`: metres, Y up, one animation that moves both people."""
    path = folder / "pair.glb"
    data = glb_bytes(reconstruction)
    with replacing(path) as temporary:
        temporary.write_bytes(data)
    return [path]


def glb_bytes(reconstruction: Reconstruction) -> bytes:
    motion = resample_uniformly(reconstruction.motion)
    document = _Document()
    channels: list[dict[str, Any]] = []
    samplers: list[dict[str, Any]] = []
    times = np.arange(motion.pelvis.shape[1], dtype=np.float32) / np.float32(motion.rate)
    clock = document.array(times, bounds=True)
    roots = []
    for person in reconstruction.info.people:
        first_joint = len(document.nodes)
        document.nodes += _joint_nodes(motion, person.index, first_joint)
        skin = document.skin(motion.rest_joints[person.index], first_joint)
        mesh = document.mesh(reconstruction.body, person.index, person.name)
        body = document.node({"name": f"{person.name} body", "mesh": mesh, "skin": skin})
        # a skin ignores where its mesh hangs, so it hangs at the top, as the format recommends
        roots += [document.node({"name": person.name, "rotation": _Z_UP_TO_Y_UP, "children": [first_joint]}), body]
        moved = [(0, "translation", motion.pelvis[person.index])]
        moved += [(joint, "rotation", _quaternions(motion, person.index, joint)) for joint in range(len(JOINTS))]
        for joint, what, values in moved:
            target = {"node": first_joint + joint, "path": what}
            channels.append({"sampler": len(samplers), "target": target})
            samplers.append({"input": clock, "output": document.array(values.astype(np.float32))})
    animation = {"name": reconstruction.info.take, "channels": channels, "samplers": samplers}
    return document.packed(roots, animation)


@dataclass
class _Document:
    """The lists of a glTF file as they grow, and the bytes they refer to."""

    nodes: list[dict[str, Any]] = field(default_factory=list)
    meshes: list[dict[str, Any]] = field(default_factory=list)
    materials: list[dict[str, Any]] = field(default_factory=list)
    skins: list[dict[str, Any]] = field(default_factory=list)
    accessors: list[dict[str, Any]] = field(default_factory=list)
    views: list[dict[str, Any]] = field(default_factory=list)
    data: bytearray = field(default_factory=bytearray)

    def array(self, values: np.ndarray, use: int | None = None, bounds: bool = False) -> int:
        """Add an array [N] or [N,K] and return its accessor."""
        flat = values.reshape(len(values), -1)
        view: dict[str, Any] = {"buffer": 0, "byteOffset": len(self.data), "byteLength": flat.nbytes}
        if use is not None:
            view["target"] = use
        accessor: dict[str, Any] = {
            "bufferView": len(self.views),
            "componentType": _COMPONENT[flat.dtype],
            "count": len(flat),
            "type": _KIND[flat.shape[1]],
        }
        if bounds:
            accessor |= {"min": flat.min(0).tolist(), "max": flat.max(0).tolist()}
        self.views.append(view)
        self.accessors.append(accessor)
        self.data += flat.tobytes()
        self.data += b"\0" * (-len(self.data) % 4)
        return len(self.accessors) - 1

    def node(self, node: dict[str, Any]) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1

    def skin(self, rest: np.ndarray, first_joint: int) -> int:
        """A skin whose joints rest without rotation at `rest` [55,3]."""
        inverse = np.tile(np.eye(4, dtype=np.float32), (len(rest), 1, 1))
        inverse[:, 3, :3] = -rest  # matrices are stored by column
        joints = list(range(first_joint, first_joint + len(rest)))
        bind = self.array(inverse.reshape(-1, 16))
        self.skins.append({"joints": joints, "skeleton": first_joint, "inverseBindMatrices": bind})
        return len(self.skins) - 1

    def mesh(self, body: BodyArrays, person: int, name: str) -> int:
        """A person's body in the rest pose. glTF has one texture coordinate a vertex: seams are cut."""
        corners = np.concatenate([body.faces.reshape(-1, 1), body.uv.reshape(-1, 2)], 1)
        unique, corner = np.unique(corners, axis=0, return_inverse=True)
        vertex = unique[:, 0].astype(np.int64)
        strongest = np.argsort(-body.skin_weights, axis=1, kind="stable")[:, :_INFLUENCES]
        joints = np.take_along_axis(body.skin_joints, strongest, 1)
        weights = np.take_along_axis(body.skin_weights, strongest, 1)
        weights = weights / weights.sum(1, keepdims=True)
        joints = np.where(weights > 0, joints, 0)
        vertices = body.rest_vertices[person]
        uv = unique[:, 1:] * [1, -1] + [0, 1]  # glTF counts from the picture's top
        attributes = {
            "POSITION": self.array(vertices[vertex].astype(np.float32), _VERTICES, bounds=True),
            "NORMAL": self.array(_normals(vertices, body.faces)[vertex].astype(np.float32), _VERTICES),
            "TEXCOORD_0": self.array(uv.astype(np.float32), _VERTICES),
            "JOINTS_0": self.array(joints[vertex].astype(np.uint16), _VERTICES),
            "WEIGHTS_0": self.array(weights[vertex].astype(np.float32), _VERTICES),
        }
        indices = self.array(corner.reshape(-1).astype(np.uint32), _INDICES)
        colour = {"baseColorFactor": _COLOURS[person], "metallicFactor": 0.0, "roughnessFactor": 0.8}
        self.materials.append({"name": name, "pbrMetallicRoughness": colour})
        primitive = {"attributes": attributes, "indices": indices, "material": len(self.materials) - 1}
        self.meshes.append({"name": f"{name} body", "primitives": [primitive]})
        return len(self.meshes) - 1

    def packed(self, roots: list[int], animation: dict[str, Any]) -> bytes:
        """The file: a header, the document as JSON, the arrays; both chunks padded to four bytes."""
        document = {
            "asset": {"version": "2.0", "generator": f"SocialMirror {__version__}"},
            "scene": 0,
            "scenes": [{"nodes": roots}],
            "nodes": self.nodes,
            "meshes": self.meshes,
            "materials": self.materials,
            "skins": self.skins,
            "animations": [animation],
            "accessors": self.accessors,
            "bufferViews": self.views,
            "buffers": [{"byteLength": len(self.data)}],
        }
        text = json.dumps(document, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        chunks = struct.pack("<I4s", len(text), b"JSON") + text
        chunks += struct.pack("<I4s", len(self.data), b"BIN\0") + bytes(self.data)
        return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def _joint_nodes(motion: UniformMotion, person: int, first: int) -> list[dict[str, Any]]:
    """One node a joint, in the pose of the first frame, its translation from its parent at rest."""
    rest = motion.rest_joints[person]
    nodes = []
    for joint, (name, parent) in enumerate(zip(JOINTS, PARENTS)):
        place = motion.pelvis[person, 0] if parent < 0 else rest[joint] - rest[parent]
        node: dict[str, Any] = {
            "name": name,
            "translation": place.tolist(),
            "rotation": _quaternions(motion, person, joint)[0].tolist(),
        }
        children = [first + child for child, above in enumerate(PARENTS) if above == joint]
        if children:
            node["children"] = children
        nodes.append(node)
    return nodes


def _quaternions(motion: UniformMotion, person: int, joint: int) -> np.ndarray:
    """[T,4], w last, without jumps of sign, which would make readers take the long way round."""
    quaternions = Rotation.from_rotvec(motion.rotations[person, :, joint]).as_quat()
    flips = np.sign((quaternions[1:] * quaternions[:-1]).sum(1))
    signs = np.concatenate([[1.0], np.cumprod(np.where(flips < 0, -1.0, 1.0))])
    return quaternions * signs[:, None]


def _normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """[V,3] unit normals, each the mean of its faces' by area."""
    corners = vertices[faces].astype(np.float64)
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros(vertices.shape)
    for corner in range(3):
        np.add.at(normals, faces[:, corner], across)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
