"""The mesh of a room, in numpy: boxes, balls and tubes with their colours. Read by Blender's Python: no jaxtyping here."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .rooms import Box, Colour, Room

_NEAR, _FAR, _HALF_WIDTH = -9.0, 3.2, 5.5
"""metres: the near and the far end of an indoor floor, and half its width."""
_OUTSIDE = 18.0
"""metres of an outdoor floor that have slabs; the rest is plain."""
_SHADES = (-1.0, -0.6, -0.2, 0.2, 0.6, 1.0)
_CEILING = (0.9, 0.9, 0.9)


@dataclass(frozen=True)
class RoomMesh:
    """One mesh for everything, which renders faster than many objects."""

    vertices: np.ndarray
    """float [V,3] metres, room axes."""
    faces: list[tuple[int, ...]]
    colours: list[Colour]
    face_colours: list[int]
    """For each face, an index into `colours`."""
    is_smooth: list[bool]
    """For each face, whether it is shaded smoothly."""


def room_mesh(room: Room) -> RoomMesh:
    """The room's boxes as one mesh; each face has one of its colours."""
    boxes = _boxes(room)
    solids = [_solid(box) for box in boxes]
    first = np.cumsum([0, *(len(vertices) for vertices, _ in solids)]).tolist()
    colours = sorted({box.colour for box in boxes})
    faces_of = [(box, faces, start) for box, (_, faces), start in zip(boxes, solids, first)]
    return RoomMesh(
        vertices=np.concatenate([vertices for vertices, _ in solids]),
        faces=[tuple(start + k for k in face) for _, faces, start in faces_of for face in faces],
        colours=colours,
        face_colours=[colours.index(box.colour) for box, faces, _ in faces_of for _ in faces],
        is_smooth=[box.shape != "box" and len(face) == 4 for box, faces, _ in faces_of for face in faces],
    )


def _boxes(room: Room) -> list[Box]:
    near, far, wide = (_NEAR, _FAR, _HALF_WIDTH) if room.walls else (-_OUTSIDE / 2, _OUTSIDE / 2, _OUTSIDE / 2)
    boxes = [*_slabs(room, near, far, wide), *room.furniture]
    boxes.append(Box((0, (near + far) / 2, -0.06), (2 * wide, far - near, 0.06), (0.02, 0.015, 0.01)))
    if room.walls is None:
        boxes.append(Box((0, 0, -0.13), (160, 160, 0.1), room.floor))
    else:
        boxes.append(Box((0, far + 0.05, 1.6), (2 * wide, 0.1, 3.2), room.walls))
        boxes += [Box((x, (near + far) / 2, 1.6), (0.1, far - near, 3.2), room.walls) for x in (-wide, wide)]
        boxes.append(Box((0, (near + far) / 2, 3.25), (2 * wide, far - near, 0.1), _CEILING))
    return boxes


def _slabs(room: Room, near: float, far: float, wide: float) -> list[Box]:
    rng = np.random.default_rng(0)
    along, across = room.slab
    boxes = []
    for row, y in enumerate(np.arange(near, far - 0.01, across)):
        for x in np.arange(-wide - (row % 3) * along / 3, wide, along):
            low, high = max(float(x), -wide), min(float(x) + along, wide)
            shade = 1 + room.contrast * float(rng.choice(_SHADES))
            colour = (room.floor[0] * shade, room.floor[1] * shade, room.floor[2] * shade)
            size = (high - low - 0.01, across - 0.006, 0.04)
            if size[0] > 0:
                boxes.append(Box(((low + high) / 2, float(y) + across / 2, -0.02), size, colour))
    return boxes


def _solid(box: Box) -> tuple[np.ndarray, list[tuple[int, ...]]]:
    """Vertices [N,3] and faces of a surface of revolution about Z; a box is one with four sides."""
    if box.shape == "ball":
        angle = np.linspace(-math.pi / 2, math.pi / 2, 12)[1:-1]
        count, profile = 20, np.stack([np.cos(angle), np.sin(angle)], 1) / 2
    else:
        count = 24 if box.shape == "tube" else 4
        radius = 0.5 if box.shape == "tube" else math.sqrt(0.5)
        profile = np.array([(radius, -0.5), (radius, 0.5)])
    around = 2 * math.pi * (np.arange(count) + 0.5) / count
    vertices = [(r * math.cos(a), r * math.sin(a), z) for r, z in profile for a in around]
    sides: list[tuple[int, ...]] = [
        (low + k, low + (k + 1) % count, low + count + (k + 1) % count, low + count + k)
        for low in range(0, (len(profile) - 1) * count, count)
        for k in range(count)
    ]
    top = (len(profile) - 1) * count
    caps = [tuple(reversed(range(count))), tuple(range(top, top + count))]
    return np.array(vertices) * box.size + box.centre, [*sides, *caps]
