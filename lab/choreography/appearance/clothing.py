"""Clothes, hair and a face for a bare body: which material each triangle has and how thick it lies on the skin.

Decided on the mean shape in the rest pose (Y up, facing +Z), from skinning weights, joints and the face's landmarks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from core.body.model import BodyModel
from core.contract.skeleton import JOINT_INDEX

from ...face_landmarks import LEFT_BROW, MOUTH, RIGHT_BROW

MATERIALS = ("skin", "shirt", "stripe", "trousers", "shoes", "hair", "eye", "iris", "brow", "lips")
Colour = tuple[float, float, float]

_CLOTH, _SHOE, _HAIR = 0.005, 0.005, 0.014
"""metres that they lie over the skin."""


_TEXTURE = 1024
"""Texels along a side of a texture."""
_GRAIN = {"skin": 0.03, "shirt": 0.04, "stripe": 0.04, "trousers": 0.05, "hair": 0.18, "shoes": 0.05}
"""Standard deviation of the brightness of what is painted, as a share."""


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
class ClothedBody:
    """What is worn where: F faces and V vertices of the body."""

    materials: np.ndarray
    """int32 [F], index into MATERIALS"""
    thickness: np.ndarray
    """float32 [V] metres along the normals."""


def dress(body: BodyModel, face: np.ndarray, outfit: Outfit) -> ClothedBody:
    """`face` [51,3] from `lab.face_landmarks`."""
    model = _model(body, face)
    corners = body.faces.cpu().numpy()
    weights = body.lbs_weights.cpu().numpy()
    part = _parts(model, model.vertices, model.strongest, outfit)
    thickness = np.zeros(len(part))
    thickness[np.isin(part, [MATERIALS.index(name) for name in ("shirt", "stripe", "trousers")])] = _CLOTH
    thickness[part == MATERIALS.index("shoes")] = _SHOE
    thickness += _HAIR * np.clip(_hair_depth(model, model.vertices, model.strongest, outfit) / 0.25, 0, 1)
    materials = _parts(model, model.vertices[corners].mean(1), weights[corners].mean(1).argmax(1), outfit)
    return ClothedBody(materials.astype(np.int32), thickness.astype(np.float32))


def paint(body: BodyModel, face: np.ndarray, outfit: Outfit) -> np.ndarray:
    """uint8 [S,S,3] sRGB: what `dress` says, drawn on the body's texture map, with sharp edges and the grain of cloth and hair.

    The row at the top is v = 1. Empty texels have the colour of those nearest to them.
    """
    model, texels = _model(body, face), _texels(body)
    part = _parts(model, texels.points, texels.strongest, outfit)
    colour = np.array(outfit.colours)[part] * _grain(texels.points, part)[:, None]
    picture = np.zeros((_TEXTURE, _TEXTURE, 3), np.uint8)
    picture.reshape(-1, 3)[texels.place] = np.round(255 * _srgb(colour)).astype(np.uint8)
    return picture.reshape(-1, 3)[texels.nearest].reshape(picture.shape)


def offset_by_thickness(vertices: np.ndarray, faces: np.ndarray, thickness: np.ndarray) -> np.ndarray:
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


@dataclass(frozen=True)
class _Model:
    """Whom clothes are cut for: the mean shape in the rest pose."""

    vertices: np.ndarray
    """[V,3]"""
    joints: np.ndarray
    """[55,3]"""
    strongest: np.ndarray
    """int [V] the joint that moves the vertex most."""
    face: np.ndarray
    """[51,3]"""


def _model(body: BodyModel, face: np.ndarray) -> _Model:
    return _Model(
        vertices=body.v_template.double().cpu().numpy(),
        joints=body.J_template.double().cpu().numpy(),
        strongest=body.lbs_weights.argmax(1).cpu().numpy(),
        face=face,
    )


def _parts(model: _Model, points: np.ndarray, strongest: np.ndarray, outfit: Outfit) -> np.ndarray:
    """int [N], index into MATERIALS of points [N,3] of the skin that joints `strongest` [N] move most."""
    part = np.zeros(len(points), int)

    def put(name: str, where: np.ndarray) -> None:
        part[where] = MATERIALS.index(name)

    _put_clothes(put, points, model.joints, strongest, outfit)
    put("hair", _hair_depth(model, points, strongest, outfit) > 0)
    if outfit.beard:
        put("hair", _bearded(points, strongest, model.face))
    put("eye", np.isin(strongest, [JOINT_INDEX["left_eye_smplhf"], JOINT_INDEX["right_eye_smplhf"]]))
    _paint_face(model, part, points, strongest)
    return part


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


def _hair_depth(model: _Model, points: np.ndarray, strongest: np.ndarray, outfit: Outfit) -> np.ndarray:
    """[N] above 0 where hair grows, larger towards the crown and the back."""
    if outfit.bald:
        return np.zeros(len(points))
    eyes = model.joints[[JOINT_INDEX["left_eye_smplhf"], JOINT_INDEX["right_eye_smplhf"]]].mean(0)
    low, high = np.percentile(model.vertices[model.strongest == JOINT_INDEX["head"]][:, 2], (2, 98))
    centre = np.array([0, eyes[1] + 0.02, (low + high) / 2 - 0.01])
    direction = points - centre
    length = np.linalg.norm(direction, axis=1)
    long = outfit.long_hair
    crown = np.array([0, 0.55, -0.84] if long else [0, 0.75, -0.66])
    depth = direction @ crown / np.maximum(length, 1e-9) - (-0.12 if long else 0.02)
    head = strongest == JOINT_INDEX["head"]
    skull = head | ((strongest == JOINT_INDEX["neck"]) & (points[:, 2] < centre[2]) if long else head)
    return np.where(skull & (length > 0.06), depth, 0).clip(0)


def _bearded(vertices: np.ndarray, strongest: np.ndarray, face: np.ndarray) -> np.ndarray:
    """bool [V]: the jaw from the upper lip down, in front of the ears."""
    lips = face[MOUTH]
    on_head = np.isin(strongest, [JOINT_INDEX["head"], JOINT_INDEX["jaw"]])
    below = vertices[:, 1] < lips[:, 1].max() + 0.012 + 0.5 * (lips[:, 2].max() - vertices[:, 2]).clip(0)
    beside = (np.abs(vertices[:, 0]) > 0.004) | (vertices[:, 1] < lips[:, 1].min())
    return on_head & below & beside & (vertices[:, 2] > lips[:, 2].max() - 0.085)


def _paint_face(model: _Model, part: np.ndarray, points: np.ndarray, strongest: np.ndarray) -> None:
    """Irises, brows and lips, into `part` [N]."""
    for name in ("left_eye_smplhf", "right_eye_smplhf"):
        ball = model.vertices[model.strongest == JOINT_INDEX[name]]
        if len(ball) == 0:
            continue
        centre, radius = (ball.min(0) + ball.max(0)) / 2, np.ptp(ball, 0).max() / 2
        offset = points - centre
        ring = (offset[:, 2] > 0.75 * radius) & (np.hypot(offset[:, 0], offset[:, 1]) < 0.6 * radius)
        part[ring & (strongest == JOINT_INDEX[name])] = MATERIALS.index("iris")
    bare = np.isin(part, [MATERIALS.index("skin"), MATERIALS.index("hair")])
    near = np.flatnonzero(bare & (np.linalg.norm(points - model.face.mean(0), axis=1) < 0.15))
    brows = [_line_distance(points[near], model.face[line]) for line in (RIGHT_BROW, LEFT_BROW)]
    part[near[np.minimum(*brows) < 0.006]] = MATERIALS.index("brow")
    mouth = model.face[MOUTH]
    part[near[_line_distance(points[near], np.vstack([mouth, mouth[:1]])) < 0.005]] = MATERIALS.index("lips")


def _line_distance(points: np.ndarray, line: np.ndarray) -> np.ndarray:
    """[N] metres from points [N,3] to a broken line [M,3]."""
    nearest = np.full(len(points), np.inf)
    for a, b in zip(line[:-1], line[1:]):
        share = np.clip((points - a) @ (b - a) / max((b - a) @ (b - a), 1e-12), 0, 1)
        nearest = np.minimum(nearest, np.linalg.norm(points - a - share[:, None] * (b - a), axis=1))
    return nearest


@dataclass(frozen=True)
class _Texels:
    """The N texels of a texture on which the body's triangles lie."""

    place: np.ndarray
    """int [N] row * S + column."""
    points: np.ndarray
    """[N,3] of the mean shape."""
    strongest: np.ndarray
    """int [N]"""
    nearest: np.ndarray
    """int [S*S] for every texel the nearest that has a triangle."""


@lru_cache(maxsize=2)
def _texels(body: BodyModel) -> _Texels:
    faces, vertices = body.faces.cpu().numpy(), body.v_template.double().cpu().numpy()
    uv = body.uv.double().cpu().numpy()
    corners = np.stack([uv[..., 0], 1 - uv[..., 1]], -1) * _TEXTURE
    drawn = np.full((_TEXTURE, _TEXTURE), -1, np.int32)
    fixed = np.round((corners - 0.5) * 256).astype(np.int32)  # cv2 counts from the texel's middle
    for number, triangle in enumerate(fixed):
        cv2.fillConvexPoly(drawn, triangle, number, cv2.LINE_8, 8)
    place = np.flatnonzero(drawn.ravel() >= 0)
    triangle = drawn.ravel()[place]
    a, b, c = corners[triangle].transpose(1, 0, 2)
    texel = np.stack([place % _TEXTURE, place // _TEXTURE], 1) + 0.5
    area = _cross(b - a, c - a)
    share = (
        np.stack([_cross(b - texel, c - texel), _cross(c - texel, a - texel)], 1)
        / np.where(area == 0, 1, area)[:, None]
    )
    share = np.clip(np.c_[share, 1 - share.sum(1)], 0, 1)  # the polygons' edges reach a little beyond the triangles
    share /= share.sum(1, keepdims=True)
    weights = body.lbs_weights.cpu().numpy()
    strongest = [
        np.einsum("nk,nkj->nj", share[some], weights[faces[triangle[some]]]).argmax(1)
        for some in np.array_split(np.arange(len(place)), 1 + len(place) // 50_000)
    ]
    empty = (drawn < 0).astype(np.uint8)
    labels = (
        cv2.distanceTransformWithLabels(empty, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)[1].ravel().astype(int)
    )
    of_label = np.zeros(labels.max() + 1, int)
    of_label[labels[place]] = place
    points = np.einsum("nk,nkd->nd", share, vertices[faces[triangle]])
    return _Texels(place, points, np.concatenate(strongest), of_label[labels])


def _cross(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]


def _grain(points: np.ndarray, part: np.ndarray) -> np.ndarray:
    """[N] factors about 1: uneven from centimetre to centimetre on cloth and skin, strand by strand in hair."""
    strands = np.sin(900 * points[:, 0]) * np.sin(700 * points[:, 2] + 40 * points[:, 1])
    folds = np.sin(60 * points[:, 1] + 25 * points[:, 0]) * np.sin(45 * points[:, 0] - 30 * points[:, 2])
    pattern = np.where(part == MATERIALS.index("hair"), strands, folds)
    size = np.array([_GRAIN.get(name, 0.0) for name in MATERIALS])
    return 1 + 2 * size[part] * pattern  # products of two sines have a deviation of a half


def _srgb(linear: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1, clipped to 0-1."""
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


SAMPLE_OUTFITS: tuple[Outfit, ...] = (
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

ALL_OUTFITS: tuple[Outfit, ...] = (
    *SAMPLE_OUTFITS,
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
