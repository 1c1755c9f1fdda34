"""The rooms and outdoor places that clips are rendered in. Read by Blender's Python, too: needs the standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Colour = tuple[float, float, float]
"""Linear RGB."""


@dataclass(frozen=True)
class Box:
    """A piece of furniture: a box, or the ellipsoid or upright cylinder that fits into one."""

    centre: tuple[float, float, float]
    """metres, room axes."""
    size: tuple[float, float, float]
    """metres"""
    colour: Colour
    shape: Literal["box", "ball", "tube"] = "box"


@dataclass(frozen=True)
class Room:
    """A floor and what stands on it. People are around the origin and seen from -y. Walls, if any, are at x = -5.5 and 5.5 and at
    y = 3.25, with a ceiling above."""

    name: str
    floor: Colour
    walls: Colour | None
    furniture: tuple[Box, ...]
    slab: tuple[float, float] = (2.09, 0.184)
    """metres along x and y of a floor board or tile. Their shades differ slightly, which shows the perspective."""
    contrast: float = 0.22
    """How much the shades of the slabs differ."""
    sky: Colour = (0.05, 0.05, 0.05)


def _tree(x: float, y: float, height: float, crown: Colour) -> tuple[Box, ...]:
    wide = 0.55 * height
    return (
        Box((x, y, height * 0.25), (0.3, 0.3, height * 0.5), (0.13, 0.08, 0.05), "tube"),
        Box((x, y, height * 0.7), (wide, wide, height * 0.6), crown, "ball"),
        Box((x + wide * 0.3, y - wide * 0.2, height * 0.55), (wide * 0.6, wide * 0.6, height * 0.4), crown, "ball"),
    )


_SKIRTING = Box((0, 3.17, 0.05), (11, 0.03, 0.1), (0.75, 0.73, 0.68))
_LEAVES: tuple[Colour, ...] = ((0.05, 0.14, 0.04), (0.09, 0.19, 0.05), (0.04, 0.10, 0.05))
ROOMS = (
    Room(
        "living room",
        (0.30, 0.20, 0.12),
        (0.55, 0.53, 0.47),
        (
            _SKIRTING,
            Box((-2.3, 2.95, 0.9), (1.2, 0.4, 1.8), (0.22, 0.12, 0.06)),
            Box((-2.3, 2.73, 1.25), (1.0, 0.05, 0.06), (0.40, 0.25, 0.14)),
            Box((-2.3, 2.73, 0.65), (1.0, 0.05, 0.06), (0.40, 0.25, 0.14)),
            Box((-2.55, 2.72, 1.45), (0.3, 0.06, 0.34), (0.35, 0.07, 0.06)),
            Box((-2.15, 2.72, 0.85), (0.4, 0.06, 0.30), (0.07, 0.18, 0.30)),
            Box((0.9, 3.15, 1.75), (1.0, 0.04, 0.7), (0.12, 0.26, 0.22)),
            Box((0.9, 3.12, 1.75), (0.8, 0.04, 0.5), (0.50, 0.42, 0.22)),
            Box((3.0, 2.7, 0.35), (1.8, 0.8, 0.4), (0.10, 0.17, 0.14)),
            Box((3.0, 3.0, 0.65), (1.8, 0.25, 0.7), (0.09, 0.15, 0.12)),
        ),
    ),
    Room(
        "office",
        (0.16, 0.17, 0.18),
        (0.30, 0.38, 0.42),
        (
            _SKIRTING,
            Box((-1.6, 3.14, 1.5), (1.5, 0.05, 1.2), (0.62, 0.72, 0.80)),
            Box((1.5, 2.8, 0.37), (1.4, 0.7, 0.74), (0.45, 0.30, 0.16)),
            Box((1.3, 2.7, 0.95), (0.5, 0.05, 0.35), (0.02, 0.02, 0.03)),
            Box((3.2, 3.0, 1.0), (0.9, 0.4, 2.0), (0.40, 0.40, 0.36)),
        ),
    ),
    Room(
        "park",
        (0.13, 0.20, 0.06),
        None,
        (
            Box((0, 1.9, 0.004), (60, 1.6, 0.01), (0.42, 0.36, 0.27)),
            Box((-2.6, 2.9, 0.45), (1.7, 0.45, 0.06), (0.24, 0.13, 0.06)),
            Box((-2.6, 3.12, 0.75), (1.7, 0.05, 0.35), (0.24, 0.13, 0.06)),
            Box((-3.3, 2.9, 0.21), (0.08, 0.4, 0.42), (0.05, 0.05, 0.05)),
            Box((-1.9, 2.9, 0.21), (0.08, 0.4, 0.42), (0.05, 0.05, 0.05)),
            *_tree(2.6, 5.5, 4.5, _LEAVES[0]),
            *_tree(-5.5, 8.5, 6.0, _LEAVES[1]),
            *_tree(7.5, 10.0, 7.0, _LEAVES[2]),
            *_tree(-1.0, 13.0, 6.5, _LEAVES[0]),
            *_tree(-11.0, 6.0, 5.0, _LEAVES[2]),
            *_tree(12.0, 5.0, 5.5, _LEAVES[1]),
            Box((0, 18, 1.0), (80, 1.5, 2.0), (0.07, 0.15, 0.06)),
            Box((-14, 30, 4), (12, 8, 8), (0.48, 0.40, 0.33)),
            Box((10, 34, 5), (16, 8, 10), (0.42, 0.30, 0.25)),
        ),
        (0.9, 0.7),
        0.06,
        (0.33, 0.55, 0.85),
    ),
    Room(
        "street",
        (0.30, 0.29, 0.28),
        None,
        (
            Box((0, 4.5, 2.5), (40, 0.5, 5.0), (0.36, 0.17, 0.12)),
            Box((0, 4.22, 0.3), (40, 0.06, 0.6), (0.30, 0.28, 0.26)),
            *(Box((x, 4.22, 1.9), (1.3, 0.06, 1.5), (0.16, 0.22, 0.28)) for x in (-6.6, -3.9, 3.6, 6.3)),
            *(Box((x, 4.24, 1.9), (1.5, 0.05, 1.7), (0.62, 0.60, 0.55)) for x in (-6.6, -3.9, 3.6, 6.3)),
            Box((-0.6, 4.20, 1.1), (1.1, 0.08, 2.2), (0.07, 0.16, 0.12)),
            Box((-0.6, 4.22, 1.15), (1.3, 0.05, 2.35), (0.62, 0.60, 0.55)),
            Box((1.4, 3.6, 0.45), (0.5, 0.5, 0.9), (0.06, 0.10, 0.07), "tube"),
            Box((-2.4, 3.7, 0.3), (0.6, 0.6, 0.6), (0.38, 0.20, 0.13), "tube"),
            Box((-2.4, 3.7, 0.9), (0.9, 0.9, 0.9), _LEAVES[1], "ball"),
            Box((4.9, 3.3, 1.9), (0.12, 0.12, 3.8), (0.06, 0.06, 0.06), "tube"),
        ),
        (0.6, 0.6),
        0.15,
        (0.40, 0.46, 0.52),
    ),
    Room(
        "sports hall",
        (0.50, 0.33, 0.17),
        (0.62, 0.64, 0.62),
        (
            Box((0, 3.18, 0.6), (11, 0.05, 1.2), (0.08, 0.22, 0.20)),
            *(Box((-4.0, 3.12, 0.25 * step), (1.2, 0.05, 0.05), (0.40, 0.25, 0.12)) for step in range(1, 12)),
            Box((-4.6, 3.12, 1.4), (0.08, 0.10, 2.8), (0.40, 0.25, 0.12)),
            Box((-3.4, 3.12, 1.4), (0.08, 0.10, 2.8), (0.40, 0.25, 0.12)),
            Box((2.4, 2.6, 0.15), (2.0, 1.1, 0.3), (0.10, 0.15, 0.42)),
            Box((4.6, 2.6, 0.32), (0.64, 0.64, 0.64), (0.60, 0.10, 0.10), "ball"),
            Box((0, 0.9, 0.002), (11, 0.06, 0.006), (0.80, 0.80, 0.75)),
            Box((-1.5, -2.5, 0.002), (0.06, 13, 0.005), (0.10, 0.20, 0.50)),
        ),
        (3.1, 0.10),
    ),
)
