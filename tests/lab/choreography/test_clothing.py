"""People are painted as they are dressed: cloth where it is worn, skin where it ends."""

from __future__ import annotations

import numpy as np
import pytest

from core.body.files import DEFAULT_BODY, load_body
from core.contract.skeleton import JOINT_INDEX
from lab.choreography.appearance.clothing import ALL_OUTFITS, MATERIALS, Outfit, dress, paint
from lab.face_landmarks import face_landmarks

PLACES = {
    # name: (joint, metres from it in the rest pose) of a place on the skin
    "chest": ("spine3", (0.09, 0.0, 0.12)),
    "shin": ("left_knee", (0.0, -0.25, 0.06)),
    "hand": ("left_middle1", (0.0, 0.015, 0.0)),
    "forearm": ("left_elbow", (0.13, 0.04, 0.0)),
    "crown": ("head", (0.0, 0.2, -0.03)),
    "foot": ("left_foot", (0.0, 0.02, 0.0)),
}


@pytest.fixture(scope="module")
def corner_of() -> dict[str, tuple[int, int]]:
    """Of each place, the nearest vertex: a face that has it, and which of its corners."""
    body = load_body(None)
    template, joints, faces = (part.numpy() for part in (body.v_template, body.J_template, body.faces))
    found = {}
    for name, (joint, offset) in PLACES.items():
        vertex = np.linalg.norm(template - joints[JOINT_INDEX[joint]] - offset, axis=1).argmin()
        face, corner = np.argwhere(faces == vertex)[0]
        found[name] = (int(face), int(corner))
    return found


def worn_at(outfit: Outfit, corner_of: dict[str, tuple[int, int]]) -> dict[str, str]:
    """The material whose colour is nearest to what is painted at each place, brightness aside."""
    body = load_body(None)
    texture = paint(body, face_landmarks(DEFAULT_BODY), outfit)
    found = {}
    for name, (face, corner) in corner_of.items():
        u, v = body.uv[face, corner].tolist()
        rows, columns = int((1 - v) * len(texture)), int(u * len(texture))
        shown = (texture[rows - 1 : rows + 2, columns - 1 : columns + 2].mean((0, 1)) / 255) ** 2.2
        colours = np.array(outfit.colours)
        unlike = np.linalg.norm(colours / colours.sum(1, keepdims=True) - shown / shown.sum(), axis=1)
        unlike += 0.3 * np.abs(np.log(colours.sum(1) / shown.sum()))
        found[name] = MATERIALS[int(unlike.argmin())]
    return found


COLOURS = (
    (0.6, 0.4, 0.3), (0.7, 0.0, 0.0), (0.0, 0.5, 0.5), (0.0, 0.0, 0.6), (0.5, 0.5, 0.0),
    (0.0, 0.3, 0.0), (0.7, 0.7, 0.7), (0.0, 0.2, 0.4), (0.1, 0.0, 0.1), (0.6, 0.0, 0.4),
)  # fmt: skip


@pytest.mark.slow
def test_sleeves_and_legs_end_where_they_are_cut(corner_of: dict[str, tuple[int, int]]) -> None:
    short = worn_at(Outfit(sleeves=0.5, legs=0.8, colours=COLOURS), corner_of)
    assert short == {
        "chest": "shirt", "shin": "skin", "hand": "skin", "forearm": "skin", "crown": "hair", "foot": "shoes",
    }  # fmt: skip
    long = worn_at(Outfit(sleeves=1.9, legs=2.0, bald=True, colours=COLOURS), corner_of)
    assert long == {
        "chest": "shirt", "shin": "trousers", "hand": "skin", "forearm": "shirt", "crown": "skin", "foot": "shoes",
    }  # fmt: skip


def test_clothes_lie_over_the_skin_only_where_they_are_worn(corner_of: dict[str, tuple[int, int]]) -> None:
    body = load_body(None)
    clothes = dress(body, face_landmarks(DEFAULT_BODY), Outfit(sleeves=0.5, legs=0.8, bald=True, colours=COLOURS))
    thickness = {name: clothes.thickness[body.faces[face, corner]] for name, (face, corner) in corner_of.items()}
    assert {name for name, metres in thickness.items() if metres > 0} == {"chest", "foot"}
    assert clothes.thickness.max() < 0.02


def test_everybody_has_a_colour_for_everything_and_few_look_alike() -> None:
    assert len(ALL_OUTFITS) >= 8
    assert all(len(outfit.colours) == len(MATERIALS) for outfit in ALL_OUTFITS)
    shirts = np.array([outfit.colours[1] for outfit in ALL_OUTFITS])
    apart = np.linalg.norm(shirts[:, None] - shirts[None], axis=-1)
    assert np.median(apart) > 0.3
