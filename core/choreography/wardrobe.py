"""Clothes, hair and a face for a bare body: which material each triangle has and how thick it lies on the skin.

Decided on the mean shape in the rest pose (Y up, facing +Z), from skinning weights, joints and the face's landmarks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..body.face import LEFT_BROW, MOUTH, RIGHT_BROW
from ..body.model import BodyModel
from ..contract.skeleton import JOINT_INDEX

MATERIALS = ("skin", "shirt", "stripe", "trousers", "shoes", "hair", "eye", "iris", "brow", "lips")
Colour = tuple[float, float, float]

_CLOTH, _SHOE, _HAIR = 0.005, 0.005, 0.014
"""metres that they lie over the skin."""


@dataclass(frozen=True)
class Outfit:
    """Cuts are shares of a limb from its root: sleeves of 1 end at the elbow, of 2 at the wrist; legs likewise."""

    sleeves: float = 0.5
    legs: float = 2.0
    stripes: float = 0.0
    """Height of the shirt's stripes in metres, 0 for none."""
    long_hair: bool = False
    bald: bool = False
    beard: bool = False
    jacket: float = 0.0
    """Half the width in metres over which a jacket stands open at the front (the stripes' colour shows there), 0 for none."""
    checks: bool = False
    """Stripes across and along."""
    colours: tuple[Colour, ...] = ()
    """Linear RGB, one for each of MATERIALS."""


@dataclass(frozen=True)
class Dressed:
    materials: np.ndarray
    """int32 [F], index into MATERIALS"""
    thickness: np.ndarray
    """float32 [V] metres along the normals."""


def dress(body: BodyModel, face: np.ndarray, outfit: Outfit) -> Dressed:
    """`face` [51,3] from `body.face.face_landmarks`."""
    vertices = body.template.double().cpu().numpy()
    joints = body.joint_template.double().cpu().numpy()
    faces = body.faces.cpu().numpy()
    strongest = body.weights.argmax(1).cpu().numpy()
    part = np.zeros(len(vertices), int)

    def put(name: str, where: np.ndarray) -> None:
        part[where] = MATERIALS.index(name)

    _put_clothes(put, vertices, joints, strongest, outfit)
    hair_depth = _hair_depth(vertices, joints, strongest, outfit.long_hair)
    if outfit.bald:
        hair_depth[:] = 0
    put("hair", hair_depth > 0)
    if outfit.beard:
        put("hair", _bearded(vertices, strongest, face))
    eyes = np.isin(strongest, [JOINT_INDEX["left_eye_smplhf"], JOINT_INDEX["right_eye_smplhf"]])
    materials = np.array([np.bincount(row).argmax() for row in part[faces]])
    materials[eyes[faces].all(1)] = MATERIALS.index("eye")
    _paint_face(materials, vertices, faces, joints, strongest, face)

    thickness = np.zeros(len(vertices))
    clothed = np.isin(part, [MATERIALS.index(name) for name in ("shirt", "stripe", "trousers")])
    thickness[clothed] = _CLOTH
    thickness[part == MATERIALS.index("shoes")] = _SHOE
    thickness += _HAIR * np.clip(hair_depth / 0.25, 0, 1)
    return Dressed(materials.astype(np.int32), thickness.astype(np.float32))


def worn(vertices: np.ndarray, faces: np.ndarray, thickness: np.ndarray) -> np.ndarray:
    """Posed vertices [...,V,3] moved outwards by the thickness [V] of what is worn, same shape."""
    flat = vertices.reshape(-1, *vertices.shape[-2:])
    out = np.empty_like(flat)
    for i, points in enumerate(flat):
        corners = points[faces]
        by_face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        normals = np.zeros_like(points)
        for corner in range(3):
            for axis in range(3):
                normals[:, axis] += np.bincount(faces[:, corner], by_face[:, axis], len(points))
        length = np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        out[i] = points + normals / length * thickness[:, None]
    return out.reshape(vertices.shape)


def _put_clothes(put, vertices: np.ndarray, joints: np.ndarray, strongest: np.ndarray, outfit: Outfit) -> None:
    at = {name: joints[index] for name, index in JOINT_INDEX.items()}

    def moved_by(*names: str) -> np.ndarray:
        return np.isin(strongest, [JOINT_INDEX[name] for name in names])

    waist = at["pelvis"][1] + 0.05
    trunk = moved_by("pelvis", "spine1", "spine2", "spine3", "left_collar", "right_collar")
    throat = (vertices[:, 1] > at["neck"][1] + 0.005) & (np.abs(vertices[:, 0]) < 0.075)
    shirt = trunk & (vertices[:, 1] > waist) & ~throat
    for side in ("left", "right"):
        shirt |= moved_by(f"{side}_shoulder") & (_share(vertices, at, side, "shoulder", "elbow") < outfit.sleeves)
        shirt |= moved_by(f"{side}_elbow") & (_share(vertices, at, side, "elbow", "wrist") < outfit.sleeves - 1)
        leg = moved_by(f"{side}_hip") & (_share(vertices, at, side, "hip", "knee") < outfit.legs)
        leg |= moved_by(f"{side}_knee") & (_share(vertices, at, side, "knee", "ankle") < outfit.legs - 1)
        foot = moved_by(f"{side}_ankle", f"{side}_foot")
        put("trousers", leg)
        put("shoes", foot)
        if outfit.legs >= 2:
            put("trousers", foot & (vertices[:, 1] > at[f"{side}_ankle"][1] + 0.03))
    put("trousers", trunk & (vertices[:, 1] <= waist))
    put("shirt", shirt)
    if outfit.stripes > 0:
        # across the trunk by height, along the arms by length: the shirt's own direction
        on_trunk = np.abs(vertices[:, 0]) < at["left_shoulder"][0]
        along = np.where(on_trunk, vertices[:, 1], np.abs(vertices[:, 0]))
        striped = np.floor(along / outfit.stripes) % 2 == 0
        if outfit.checks:
            across = np.where(on_trunk, vertices[:, 0], vertices[:, 2])
            striped ^= np.floor(across / outfit.stripes) % 2 == 0
        put("stripe", shirt & striped)
    if outfit.jacket > 0:
        opening = outfit.jacket * (1 + (vertices[:, 1] - waist) / (at["neck"][1] - waist))
        put("stripe", shirt & trunk & (np.abs(vertices[:, 0]) < opening) & (vertices[:, 2] > at["spine2"][2]))


def _share(vertices: np.ndarray, at: dict[str, np.ndarray], side: str, start: str, end: str) -> np.ndarray:
    a, b = at[f"{side}_{start}"], at[f"{side}_{end}"]
    return (vertices - a) @ (b - a) / ((b - a) @ (b - a))


def _hair_depth(vertices: np.ndarray, joints: np.ndarray, strongest: np.ndarray, long: bool) -> np.ndarray:
    """[V] above 0 where hair grows, larger towards the crown and the back."""
    head = strongest == JOINT_INDEX["head"]
    eyes = joints[[JOINT_INDEX["left_eye_smplhf"], JOINT_INDEX["right_eye_smplhf"]]].mean(0)
    low, high = np.percentile(vertices[head][:, 2], (2, 98))
    centre = np.array([0, eyes[1] + 0.02, (low + high) / 2 - 0.01])
    direction = vertices - centre
    length = np.linalg.norm(direction, axis=1)
    crown = np.array([0, 0.55, -0.84] if long else [0, 0.75, -0.66])
    depth = direction @ crown / np.maximum(length, 1e-9) - (-0.12 if long else 0.02)
    skull = head | ((strongest == JOINT_INDEX["neck"]) & (vertices[:, 2] < centre[2]) if long else head)
    return np.where(skull & (length > 0.06), depth, 0).clip(0)


def _bearded(vertices: np.ndarray, strongest: np.ndarray, face: np.ndarray) -> np.ndarray:
    """bool [V]: the jaw from the upper lip down, in front of the ears."""
    lips = face[MOUTH]
    on_head = np.isin(strongest, [JOINT_INDEX["head"], JOINT_INDEX["jaw"]])
    below = vertices[:, 1] < lips[:, 1].max() + 0.012 + 0.5 * (lips[:, 2].max() - vertices[:, 2]).clip(0)
    beside = (np.abs(vertices[:, 0]) > 0.004) | (vertices[:, 1] < lips[:, 1].min())
    return on_head & below & beside & (vertices[:, 2] > lips[:, 2].max() - 0.085)


def _paint_face(materials, vertices, faces, joints, strongest, face: np.ndarray) -> None:
    middle = vertices[faces].mean(1)
    for name in ("left_eye_smplhf", "right_eye_smplhf"):
        ball = vertices[strongest == JOINT_INDEX[name]]
        if len(ball) == 0:
            continue
        centre, radius = (ball.min(0) + ball.max(0)) / 2, np.ptp(ball, 0).max() / 2
        offset = middle - centre
        ring = (offset[:, 2] > 0.75 * radius) & (np.hypot(offset[:, 0], offset[:, 1]) < 0.6 * radius)
        materials[ring & (strongest[faces] == JOINT_INDEX[name]).all(1)] = MATERIALS.index("iris")
    bare = np.isin(materials, [MATERIALS.index("skin"), MATERIALS.index("hair")])
    brows = np.minimum(_line_distance(middle, face[RIGHT_BROW]), _line_distance(middle, face[LEFT_BROW]))
    materials[bare & (brows < 0.006)] = MATERIALS.index("brow")
    mouth = face[MOUTH]
    lips = _line_distance(middle, np.vstack([mouth, mouth[:1]]))
    materials[bare & (lips < 0.005)] = MATERIALS.index("lips")


def _line_distance(points: np.ndarray, line: np.ndarray) -> np.ndarray:
    """[N] metres from points [N,3] to a broken line [M,3]."""
    nearest = np.full(len(points), np.inf)
    for a, b in zip(line[:-1], line[1:]):
        share = np.clip((points - a) @ (b - a) / max((b - a) @ (b - a), 1e-12), 0, 1)
        nearest = np.minimum(nearest, np.linalg.norm(points - a - share[:, None] * (b - a), axis=1))
    return nearest


OUTFITS: tuple[Outfit, ...] = (
    Outfit(
        sleeves=1.85,
        colours=(
            (0.46, 0.27, 0.19), (0.06, 0.15, 0.36), (0.30, 0.36, 0.48), (0.10, 0.095, 0.09), (0.03, 0.03, 0.035),
            (0.020, 0.014, 0.010), (0.75, 0.75, 0.75), (0.05, 0.03, 0.02), (0.03, 0.02, 0.015), (0.36, 0.14, 0.12),
        ),
        stripes=0.09,
    ),
    Outfit(
        sleeves=0.55,
        long_hair=True,
        colours=(
            (0.68, 0.46, 0.36), (0.50, 0.06, 0.07), (0.60, 0.50, 0.40), (0.09, 0.13, 0.24), (0.55, 0.53, 0.50),
            (0.11, 0.05, 0.02), (0.75, 0.75, 0.75), (0.05, 0.09, 0.12), (0.08, 0.04, 0.025), (0.52, 0.17, 0.17),
        ),
    ),
)  # fmt: skip
"""The sample's: a striped long-sleeved shirt and dark trousers; a red T-shirt and jeans."""


def _colours(
    skin: Colour, shirt: Colour, second: Colour, trousers: Colour, shoes: Colour, hair: Colour, iris: Colour
) -> tuple[Colour, ...]:
    """One for each of MATERIALS, lips and brows after skin and hair."""
    lips = (skin[0] * 0.8, skin[1] * 0.45, skin[2] * 0.5)
    brows = (hair[0] * 0.7, hair[1] * 0.7, hair[2] * 0.7)
    return (skin, shirt, second, trousers, shoes, hair, (0.75, 0.75, 0.75), iris, brows, lips)


_FAIR, _LIGHT, _TAN, _BROWN, _DARK = (
    (0.72, 0.50, 0.41), (0.66, 0.44, 0.33), (0.50, 0.31, 0.21), (0.30, 0.16, 0.10), (0.13, 0.07, 0.05),
)  # fmt: skip
_BLACK_HAIR, _BROWN_HAIR, _BLOND_HAIR, _GREY_HAIR, _RED_HAIR = (
    (0.015, 0.012, 0.010), (0.09, 0.045, 0.02), (0.42, 0.27, 0.11), (0.36, 0.35, 0.34), (0.24, 0.07, 0.02),
)  # fmt: skip
_BLUE_EYES, _GREEN_EYES, _BROWN_EYES = (0.06, 0.14, 0.24), (0.06, 0.11, 0.05), (0.05, 0.03, 0.02)

WARDROBE: tuple[Outfit, ...] = (
    *OUTFITS,
    Outfit(  # a white shirt and dark trousers
        sleeves=1.9, beard=True,
        colours=_colours(_TAN, (0.70, 0.70, 0.68), (0.5, 0.5, 0.5), (0.05, 0.06, 0.10), (0.06, 0.03, 0.02),
                         _BLACK_HAIR, _BROWN_EYES),
    ),
    Outfit(  # a yellow T-shirt and shorts
        sleeves=0.6, legs=0.85,
        colours=_colours(_FAIR, (0.72, 0.45, 0.05), (0.5, 0.3, 0.1), (0.10, 0.17, 0.28), (0.70, 0.70, 0.70),
                         _BLOND_HAIR, _BLUE_EYES),
    ),
    Outfit(  # a checked shirt and jeans
        sleeves=1.2, stripes=0.07, checks=True,
        colours=_colours(_LIGHT, (0.42, 0.08, 0.07), (0.08, 0.07, 0.08), (0.11, 0.18, 0.34), (0.20, 0.11, 0.06),
                         _RED_HAIR, _GREEN_EYES), beard=True,
    ),
    Outfit(  # a black vest and green leggings
        sleeves=0.12, long_hair=True,
        colours=_colours(_BROWN, (0.03, 0.03, 0.035), (0.3, 0.3, 0.3), (0.06, 0.20, 0.15), (0.55, 0.10, 0.20),
                         _BLACK_HAIR, _BROWN_EYES),
    ),
    Outfit(  # a grey suit
        sleeves=1.93, jacket=0.045,
        colours=_colours(_FAIR, (0.20, 0.21, 0.24), (0.75, 0.75, 0.78), (0.18, 0.19, 0.22), (0.02, 0.02, 0.02),
                         _GREY_HAIR, _BLUE_EYES),
    ),
    Outfit(  # an orange jumper and light trousers
        sleeves=1.85,
        colours=_colours(_DARK, (0.62, 0.19, 0.04), (0.5, 0.2, 0.1), (0.48, 0.44, 0.36), (0.12, 0.08, 0.05),
                         _BLACK_HAIR, _BROWN_EYES),
    ),
    Outfit(  # a green top and trousers down to the calves
        sleeves=0.9, legs=1.45, long_hair=True,
        colours=_colours(_LIGHT, (0.10, 0.36, 0.18), (0.2, 0.5, 0.3), (0.13, 0.12, 0.14), (0.62, 0.60, 0.57),
                         _RED_HAIR, _GREEN_EYES),
    ),
    Outfit(  # a bald man in a purple T-shirt
        sleeves=0.7, bald=True,
        colours=_colours(_BROWN, (0.26, 0.10, 0.36), (0.4, 0.2, 0.5), (0.33, 0.28, 0.19), (0.10, 0.10, 0.12),
                         _BLACK_HAIR, _BROWN_EYES), beard=True,
    ),
    Outfit(  # a sailor's striped top and light shorts
        sleeves=1.5, stripes=0.03, legs=0.6, long_hair=True,
        colours=_colours(_TAN, (0.70, 0.69, 0.66), (0.05, 0.08, 0.22), (0.60, 0.55, 0.48), (0.20, 0.05, 0.05),
                         _BROWN_HAIR, _BROWN_EYES),
    ),
    Outfit(  # a training jacket, open, over a white T-shirt
        sleeves=1.9, jacket=0.06,
        colours=_colours(_DARK, (0.04, 0.18, 0.42), (0.72, 0.72, 0.70), (0.04, 0.05, 0.08), (0.70, 0.68, 0.66),
                         _BLACK_HAIR, _BROWN_EYES),
    ),
    Outfit(  # a pink blouse and beige trousers
        sleeves=1.4, long_hair=True,
        colours=_colours(_FAIR, (0.66, 0.28, 0.34), (0.6, 0.3, 0.3), (0.44, 0.36, 0.26), (0.07, 0.05, 0.05),
                         _GREY_HAIR, _BLUE_EYES),
    ),
)  # fmt: skip
"""For clips with many people; the sample's two first."""
