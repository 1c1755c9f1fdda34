"""Shapes and colours of controls: what a control does can be told from its outline, whose and which side from its colour."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from ...scene.colors import PERSON_COLORS
from .layout import ControlBone

_SIDES = {"left": (0.15, 0.55, 1.0), "right": (1.0, 0.25, 0.2), "": (1.0, 0.8, 0.1)}
"""Blue is the person's left, red their right, yellow the middle, in sRGB."""
_PERSON_TINT = 0.3
_POINTS = 32


def shape_bone(pose_bone: Any, bone: ControlBone) -> None:
    """Give a control its outline; bones of the mechanism have none."""
    if bone.group == "Mechanism":
        return
    kind, size, offset = _shape_of(bone)
    pose_bone.custom_shape = _mesh(kind)
    pose_bone.custom_shape_scale_xyz = (size, size, size)
    pose_bone.custom_shape_translation = (0.0, offset, 0.0)
    pose_bone.use_custom_shape_bone_size = False


def color_bone(pose_bone: Any, person: int) -> None:
    side = next((name for name in ("left", "right") if pose_bone.name.startswith(name)), "")
    tint = np.array(PERSON_COLORS[person]) ** (1 / 2.2)
    color = (1 - _PERSON_TINT) * np.array(_SIDES[side]) + _PERSON_TINT * tint
    pose_bone.color.palette = "CUSTOM"
    custom = pose_bone.color.custom
    custom.normal = color.tolist()
    custom.select = (0.5 + 0.5 * color).tolist()
    custom.active = (1.0, 1.0, 1.0)


def _shape_of(bone: ControlBone) -> tuple[str, float, float]:
    """Kind, size in metres, and how far along the bone it is moved."""
    if bone.group == "IK":
        if bone.name.endswith(".pole"):
            return "ball", 0.03, 0.0
        return ("box", 0.08, 0.05) if "hand" in bone.name else ("box", 0.1, 0.03)
    if bone.name == "root":
        return "floor", 0.45, 0.0
    if bone.name == "pelvis":
        return "box", 0.19, 0.0
    if bone.group == "FK":
        return "ring", 0.07, bone.length / 2
    return {"head": ("ring", 0.16, 0.1), "neck": ("ring", 0.1, 0.03)}.get(bone.name) or (
        ("ring", 0.07, bone.length / 2) if "collar" in bone.name else ("ring", 0.19, bone.length / 2)
    )


def _mesh(kind: str) -> bpy.types.Object:
    """The object with an outline of size 1, in no scene. All control rigs of the file share it."""
    name = f"SocialMirror control {kind}"
    found = bpy.data.objects.get(name)
    if found is not None:
        return found
    points, edges = _OUTLINES[kind]()
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(points, edges, [])
    return bpy.data.objects.new(name, mesh)


Outline = tuple[list[tuple[float, float, float]], list[tuple[int, int]]]


def _circle(axis: int) -> Outline:
    angles = np.linspace(0, 2 * np.pi, _POINTS, endpoint=False)
    points = np.zeros((_POINTS, 3))
    points[:, (axis + 1) % 3], points[:, (axis + 2) % 3] = np.cos(angles), np.sin(angles)
    return [(x, y, z) for x, y, z in points.tolist()], [(i, (i + 1) % _POINTS) for i in range(_POINTS)]


def _ring() -> Outline:
    """Around the bone."""
    return _circle(1)


def _floor() -> Outline:
    """On the floor, with an arrow to where the person faces; the root bone lies along +Y and faces -Y."""
    points, edges = _circle(2)
    count = len(points)
    points += [(0.2, -1.05, 0.0), (0.0, -1.35, 0.0), (-0.2, -1.05, 0.0)]
    return points, [*edges, (count, count + 1), (count + 1, count + 2)]


def _ball() -> Outline:
    points: list[tuple[float, float, float]] = []
    edges: list[tuple[int, int]] = []
    for axis in range(3):
        more, links = _circle(axis)
        edges += [(a + len(points), b + len(points)) for a, b in links]
        points += more
    return points, edges


def _box() -> Outline:
    corners = [(x, y, z) for x in (-1.0, 1.0) for y in (-0.6, 0.6) for z in (-0.6, 0.6)]
    edges = [(a, b) for a in range(8) for b in range(a + 1, 8) if bin(a ^ b).count("1") == 1]
    return corners, edges


_OUTLINES = {"ring": _ring, "floor": _floor, "ball": _ball, "box": _box}
