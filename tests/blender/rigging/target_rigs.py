"""Target armatures with skins, built from a body: with other names, proportions, rest poses and bone axes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import bpy
import numpy as np
from mathutils import Vector

_FINGERS = ("index", "middle", "pinky", "ring", "thumb")
_LEGS = ("hip", "knee")
_ARMS = ("shoulder", "elbow")


@dataclass(frozen=True)
class Body:
    """A body at rest, Z up and facing -Y, soles at z = 0. J = 55 joints, V vertices."""

    joints: np.ndarray
    vertices: np.ndarray
    weights: np.ndarray
    """[V,J]"""
    faces: np.ndarray
    regions: np.ndarray


@dataclass(frozen=True)
class Build:
    arms: float = 1.0
    legs: float = 1.0
    """Lengths relative to the body's."""
    arm_angle: float = 0.0
    """Degrees by which the arms hang below a T-pose."""
    turned: float = 0.0
    """Degrees about the vertical by which the character faces another way."""
    scale: float = 1.0
    """Of the armature object; the bones are larger by its inverse."""
    along_x: bool = False
    """Whether bones point along the world's x axis instead of along their limb, as those of engines do."""


def reshaped(body: Body, build: Build, skeleton: ModuleType) -> Body:
    """The body with other proportions and another rest pose, by stretching and turning its limbs."""
    index, parents = skeleton.JOINT_INDEX, skeleton.PARENTS
    child = {index[f"{s}_{a}"]: index[f"{s}_{b}"] for s in ("left", "right") for a, b in (
        ("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))}  # fmt: skip
    stretch = {index[f"{s}_{part}"]: factor for s in ("left", "right") for parts, factor in (
        (_LEGS, build.legs), (_ARMS, build.arms)) for part in parts}  # fmt: skip
    rotations, linear = np.tile(np.eye(3), (55, 1, 1)), np.tile(np.eye(3), (55, 1, 1))
    joints = body.joints.copy()
    for joint in range(55):
        name, parent = skeleton.JOINTS[joint], parents[joint]
        if parent >= 0:
            rotations[joint] = rotations[parent]
            joints[joint] = joints[parent] + linear[parent] @ (body.joints[joint] - body.joints[parent])
        if name.endswith("_shoulder") and build.arm_angle:
            angle = np.radians(build.arm_angle) * (1 if name.startswith("left") else -1)
            c, s = np.cos(angle), np.sin(angle)
            rotations[joint] = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
        linear[joint] = rotations[joint]
        if joint in stretch:
            limb = body.joints[child[joint]] - body.joints[joint]
            limb = limb / np.linalg.norm(limb)
            linear[joint] = rotations[joint] @ (np.eye(3) + (stretch[joint] - 1) * np.outer(limb, limb))
    moved = np.einsum("jab,vjb->vja", linear, body.vertices[:, None] - body.joints) + joints
    vertices = np.einsum("vj,vja->va", body.weights, moved)
    turn = np.radians(build.turned)
    R = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    down = np.array([0, 0, vertices[:, 2].min()])
    return Body((joints - down) @ R.T, (vertices - down) @ R.T, body.weights, body.faces, body.regions)


def build_armature(
    name: str, body: Body, names: Mapping[str, str], build: Build, skeleton: ModuleType
) -> tuple[Any, Any]:
    """Armature and mesh object of a body that has been reshaped; bones of joints without a name are left out."""
    armature: Any = bpy.data.armatures.new(name)
    rig: Any = bpy.data.objects.new(name, armature)
    bpy.context.scene.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    for joint, title in enumerate(skeleton.JOINTS):
        if title not in names:
            continue
        bone = armature.edit_bones.new(names[title])
        head = body.joints[joint] / build.scale
        children = [j for j, parent in enumerate(skeleton.PARENTS) if parent == joint and skeleton.JOINTS[j] in names]
        tail = body.joints[children[0]] / build.scale if len(children) else head + np.array([0, 0, 0.05]) / build.scale
        if build.along_x:
            tail = head + np.array([0.06, 0.01, 0.0]) / build.scale
        bone.head, bone.tail = Vector(head), Vector(tail)
        parent = skeleton.PARENTS[joint]
        while parent >= 0 and skeleton.JOINTS[parent] not in names:
            parent = skeleton.PARENTS[parent]
        if parent >= 0:
            bone.parent = armature.edit_bones[names[skeleton.JOINTS[parent]]]
    bpy.ops.object.mode_set(mode="OBJECT")
    rig.scale = (build.scale,) * 3
    bpy.context.view_layer.update()
    skin = build_skin(f"{name} skin", body, rig, lambda joint: [(names[_named(joint, names, skeleton)], 1.0)], skeleton)
    return rig, skin


def build_skin(
    name: str, body: Body, rig: Any, bones_of: Callable[[str], list[tuple[str, float]]], skeleton: ModuleType
) -> Any:
    """A mesh deformed by a rig; `bones_of` names the bones, with shares, that take over a joint's weights."""
    mesh: Any = bpy.data.meshes.new(name)
    local = body.vertices / np.array(rig.matrix_world.to_scale())
    mesh.from_pydata(local.tolist(), [], body.faces.tolist())
    skin: Any = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(skin)
    weights: dict[str, np.ndarray] = {}
    for joint, title in enumerate(skeleton.JOINTS):
        for bone, share in bones_of(title):
            weights[bone] = weights.get(bone, 0) + body.weights[:, joint] * share
    for bone, values in weights.items():
        group = skin.vertex_groups.new(name=bone)
        for vertex in np.flatnonzero(values > 1e-4).tolist():
            group.add((vertex,), float(values[vertex]), "REPLACE")
    skin.parent = rig
    modifier: Any = skin.modifiers.new("Armature", "ARMATURE")
    modifier.object = rig
    return skin


def body_of(rest_joints: np.ndarray, arrays: Any, person: int, offset: np.ndarray) -> Body:
    """The body of a person of a reconstruction; `arrays` are of `body.npz`, `offset` of `rest_pose.rest_offset`."""
    up = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    weights = np.zeros((len(arrays.skin_joints), 55))
    for column in range(arrays.skin_joints.shape[1]):
        np.add.at(weights, (np.arange(len(weights)), arrays.skin_joints[:, column]), arrays.skin_weights[:, column])
    return Body(
        rest_joints @ up.T + offset,
        arrays.rest_vertices[person] @ up.T + offset,
        weights,
        arrays.faces,
        arrays.vertex_region,
    )


def mixamo_names(skeleton: ModuleType) -> dict[str, str]:
    names = {
        "pelvis": "Hips",
        "spine1": "Spine",
        "spine2": "Spine1",
        "spine3": "Spine2",
        "neck": "Neck",
        "head": "Head",
    }
    parts = {"hip": "UpLeg", "knee": "Leg", "ankle": "Foot", "foot": "ToeBase", "collar": "Shoulder", "shoulder": "Arm",
             "elbow": "ForeArm", "wrist": "Hand"}  # fmt: skip
    for side in ("left", "right"):
        names |= {f"{side}_{joint}": f"{side.capitalize()}{part}" for joint, part in parts.items()}
        names |= {f"{side}_{f}{i}": f"{side.capitalize()}Hand{f.capitalize()}{i}" for f in _FINGERS for i in (1, 2, 3)}
    return {joint: f"mixamorig:{name}" for joint, name in names.items()}


def unreal_names(skeleton: ModuleType) -> dict[str, str]:
    names = {"pelvis": "pelvis", "spine1": "spine_01", "spine2": "spine_03", "spine3": "spine_05", "neck": "neck_01",
             "head": "head"}  # fmt: skip
    parts = {"hip": "thigh", "knee": "calf", "ankle": "foot", "foot": "ball", "collar": "clavicle",
             "shoulder": "upperarm", "elbow": "lowerarm", "wrist": "hand"}  # fmt: skip
    for side in ("left", "right"):
        names |= {f"{side}_{joint}": f"{part}_{side[0]}" for joint, part in parts.items()}
        names |= {f"{side}_{f}{i}": f"{f}_{i:02d}_{side[0]}" for f in _FINGERS for i in (1, 2, 3)}
    return names


def _named(joint: str, names: Mapping[str, str], skeleton: ModuleType) -> str:
    while joint not in names:
        joint = skeleton.PARENT_NAME[joint]
    return joint
