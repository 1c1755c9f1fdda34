"""Expressions, facial landmarks, and the single vertices that readers of SMPL-X files expect."""

from __future__ import annotations

import numpy as np

from core.contract.skeleton import JOINT_INDEX

from .rest_pose import FINGER_BONES, SIDES, joint
from .source import Shape, Source, facial_action

EXPRESSIONS: tuple[tuple[str, ...], ...] = (
    ("mouthSmileLeft", "mouthSmileRight"),
    ("browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    ("eyeBlinkLeft", "eyeBlinkRight"),
    ("browDownLeft", "browDownRight"),
    ("mouthFrownLeft", "mouthFrownRight"),
    ("mouthPucker",),
    ("mouthFunnel",),
    ("mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight"),
    ("eyeWideLeft", "eyeWideRight"),
    ("cheekPuff",),
    ("mouthStretchLeft", "mouthStretchRight"),
    ("noseSneerLeft", "noseSneerRight"),
    ("eyeSquintLeft", "eyeSquintRight", "cheekSquintLeft", "cheekSquintRight"),
    ("mouthPressLeft", "mouthPressRight"),
    ("mouthLeft",),
    ("mouthRight",),
    ("mouthRollLower",),
    ("mouthRollUpper",),
    ("mouthShrugLower", "mouthShrugUpper"),
    ("mouthDimpleLeft", "mouthDimpleRight"),
    ("jawForward",),
    ("jawLeft",),
    ("jawRight",),
    ("jawOpen",),
    ("mouthClose",),
    ("tongueOut",),
)
"""Face units behind each expression coefficient; the smplx package loads the first ten unless told otherwise."""
_JAW_EXPRESSIONS = 2
"""The last ones move the inside of the mouth only."""
_MOVED = 1e-4
"""metres by which a coefficient of 1 moves a vertex of the face at least."""
_EDGE = -1e-9
"""Barycentric coordinate from which on a point counts as on a face, so that none falls between two."""
_TIP, _TOE, _FOOT, _SKULL = 0.5, 0.6, 0.9, 0.99
"""Skinning weights from which on a vertex belongs to the last bone of a finger, to a toe, to the ankle and to the head."""
_SOLE = 0.025
"""metres above the lowest vertex of a foot up to which one belongs to the sole."""
_SIDE_OF_HEAD, _EAR_RADIUS = 0.055, 0.03
"""metres from the middle of the head from which on an ear is looked for, and around where the source has it."""


def expression_directions(source: Source) -> np.ndarray:
    """[V,3,26] metres per coefficient; 2 is the full action."""
    return np.stack([facial_action(source, names) for names in EXPRESSIONS], -1) / 2


def moved_by_expressions(directions: np.ndarray) -> np.ndarray:
    """bool [V]"""
    return np.abs(directions[..., :-_JAW_EXPRESSIONS]).max((1, 2)) > _MOVED


# The 51 landmarks of the face in the order of the iBUG 300-W scheme, and the 17 of its contour, as seen from the front:
# millimetres to the person's left of and above the head joint, set by hand on the average face. The left half; the
# right is its mirror image.
_BROW = [(8, 51), (17, 54.4), (28, 55.6), (39, 54), (49, 49.6)]
_NOSE_BRIDGE = [(0, 42), (0, 31), (0, 19), (0, 6.6)]
_NOSE_BASE = [(0, -5.4), (7.2, -3.6), (13.4, -2.8)]
_EYE = [(16.3, 37.3), (25.2, 42.9), (36, 43.7), (43.1, 40.1), (36.6, 36), (27, 35.9)]
_OUTER_LIPS = [(0, -21.4), (4.8, -20.6), (15.2, -24.4), (23.8, -30), (16, -37), (7.2, -41), (0, -42.2)]
_INNER_LIPS = [(0, -28), (8.8, -27.6), (21.6, -29.8), (8.8, -30.4), (0, -30.8)]
_CONTOUR = [(71, 36), (69.6, 20), (67.6, 5), (64.8, -10), (60, -24), (53, -38), (40, -52), (22, -62), (0, -67)]
NOSE_TIP = 13
"""Its place among the 51."""

_Point = tuple[float, float]


def landmark_marks() -> tuple[list[_Point], list[_Point]]:
    """The 51 landmarks and the 17 of the contour, right side first, in millimetres as above."""

    def right(points: list[_Point]) -> list[_Point]:
        return [(-x, y) for x, y in points]

    nose, eye, lips, inner = _NOSE_BASE, _EYE, _OUTER_LIPS, _INNER_LIPS
    marks = right(_BROW[::-1]) + _BROW + _NOSE_BRIDGE + right(nose[:0:-1]) + nose
    marks += right([eye[3], eye[2], eye[1], eye[0], eye[5], eye[4]]) + eye
    marks += right(lips[3:0:-1]) + lips + right(lips[5:3:-1])
    marks += right(inner[2:0:-1]) + inner + right(inner[3:4])
    return marks, right(_CONTOUR[:-1]) + _CONTOUR[::-1]


def place_landmarks(shape: Shape, source: Source, marks: list[_Point]) -> tuple[np.ndarray, np.ndarray]:
    """The foremost faces [N] under marks, and barycentric coordinates [N,3] on them."""
    head = shape.heads[source.bones["head"]]
    corners = shape.vertices[source.faces]
    first, second, third = corners[:, 0], corners[:, 1], corners[:, 2]
    area = _cross(second - first, third - first)
    faces, weights = [], []
    for x, y in marks:
        point = head + np.array([x / 1000, y / 1000, 0])
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.stack([_cross(second - point, third - point), _cross(third - point, first - point)], 1)
            share = np.c_[share / area[:, None], 1 - share.sum(1) / area]
        depth = (share * corners[..., 2]).sum(1)
        hit = np.isfinite(share).all(1) & (share >= _EDGE).all(1)
        if not hit.any():
            raise ValueError(f"the mark {(x, y)} is beside the face")
        face = np.flatnonzero(hit)[depth[hit].argmax()]
        faces.append(face)
        weights.append(np.clip(share[face], 0, 1) / np.clip(share[face], 0, 1).sum())
    return np.array(faces), np.array(weights)


def _cross(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Twice the area, seen from the front, that two edges span."""
    return first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]


VERTEX_SLOTS = {
    "nose": 9120, "reye": 9929, "leye": 9448, "rear": 616, "lear": 6, "rthumb": 8079, "rindex": 7669, "rmiddle": 7794,
    "rring": 7905, "rpinky": 8022, "lthumb": 5361, "lindex": 4933, "lmiddle": 5058, "lring": 5169, "lpinky": 5286,
    "LBigToe": 5770, "LSmallToe": 5780, "LHeel": 8846, "RBigToe": 8463, "RSmallToe": 8474, "RHeel": 8635,
}  # fmt: skip
"""Where the smplx package looks for the vertices that it appends to the joints; it cannot be told otherwise."""


def named_vertices(
    source: Source, vertices: np.ndarray, weights: np.ndarray, joints: np.ndarray, nose: int
) -> dict[str, int]:
    """The vertices that belong in VERTEX_SLOTS, from a body [V,3] in the rest pose with its joints [55,3]."""

    def column(name: str) -> np.ndarray:
        return weights[:, JOINT_INDEX[name]]

    found = {"nose": nose}
    for side, mark, out in SIDES:
        letter = side[0]
        eyeball = source.eyeballs[side]
        found[f"{letter}eye"] = int(eyeball[vertices[eyeball, 2].argmax()])
        found[f"{letter}ear"] = _ear(vertices, column("head"), source.ears[side] @ vertices, out)
        for finger in FINGER_BONES:
            tip = np.flatnonzero(column(f"{side}_{finger}3") > _TIP)
            along = joint(joints, f"{side}_{finger}3") - joint(joints, f"{side}_{finger}2")
            found[f"{letter}{finger}"] = int(tip[(vertices[tip] @ along).argmax()])
        for name, number in (("BigToe", 1), ("SmallToe", 5)):
            bones = [
                source.bones[bone] for bone in source.bones if bone.startswith(f"toe{number}-") and bone[-1] == mark
            ]
            toe = np.flatnonzero(source.weights[:, bones].sum(1) > _TOE)
            found[f"{mark}{name}"] = int(toe[vertices[toe, 2].argmax()])
        ankle = np.flatnonzero(column(f"{side}_ankle") > _FOOT)
        sole = ankle[vertices[ankle, 1] < vertices[ankle, 1].min() + _SOLE]
        found[f"{mark}Heel"] = int(sole[vertices[sole, 2].argmin()])
    return found


def _ear(vertices: np.ndarray, head: np.ndarray, place: np.ndarray, out: float) -> int:
    """The head's vertex beside an ear's place; how far out counts least, for it is the outside that is wanted."""
    beside = np.flatnonzero((head > _SKULL) & (out * vertices[:, 0] > _SIDE_OF_HEAD))
    beside = beside[np.linalg.norm(vertices[beside] - place, axis=1) < _EAR_RADIUS]
    return int(beside[np.linalg.norm((vertices[beside] - place) * [0.3, 1, 1], axis=1).argmin()])


def order_with(vertices: dict[str, int], count: int) -> np.ndarray:
    """An order [V] (new -> old) that puts each named vertex into its slot and moves few others."""
    order, place = np.arange(count), np.arange(count)  # place: old -> new
    for name, slot in VERTEX_SLOTS.items():
        wanted, resident = vertices[name], order[slot]
        order[[slot, place[wanted]]] = wanted, resident
        place[[wanted, resident]] = slot, place[wanted]
    return order
