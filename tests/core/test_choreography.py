"""Motion from a script: its parts, and that the descent does what the script asks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.body.face import face_landmarks
from core.body.files import DEFAULT_BODY, load_body
from core.body.model import BodyModel
from core.body.regions import vertex_regions
from core.choreography.direct import Stage, direct
from core.choreography.goals import hand, palm_points, pump_height
from core.choreography.handshake_hug import handshake_and_hug
from core.choreography.script import during, foot_path, planted
from core.choreography.skin_sample import nearest, signed_gap
from core.choreography.splines import on_curve, spline_basis
from core.choreography.truth import contacts
from core.choreography.wardrobe import MATERIALS, OUTFITS, dress, worn
from core.contract.skeleton import REGIONS
from core.motion import pose_motion


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body(None)


def test_a_spline_of_equal_controls_is_constant_and_of_a_line_is_the_line():
    basis = spline_basis(20, 3)
    assert torch.allclose(basis.sum(1), torch.ones(20))
    line = torch.arange(basis.shape[1]).float()[None, :, None]
    assert torch.allclose(on_curve(basis, line)[0, :, 0], torch.arange(20) / 3 + 1, atol=1e-5)


def test_feet_stand_between_steps():
    actor = handshake_and_hug().actors[0]
    place, lift = foot_path(actor, "left", 160)
    still = planted(actor, "left", 160)
    assert lift[still].max() < 0.01 and lift[~still].max() == pytest.approx(1, abs=0.05)
    step = np.linalg.norm(np.diff(place, axis=0), axis=1)
    assert step[still[1:] & still[:-1]].max() < 1e-9
    assert place[16] == pytest.approx((-0.70, 0.09))


def test_weights_fade_smoothly():
    weight = during(np.arange(40), 10, 20, 5, 8)
    assert weight[[0, 5, 28, 39]].max() == 0
    assert (weight[10:21] == 1).all()
    assert np.abs(np.diff(weight)).max() < 0.5


def test_a_handshake_goes_up_and_down_and_ends_where_it_began():
    shake = handshake_and_hug().handshake
    height = pump_height(shake, np.arange(shake.start, shake.end + 1))
    assert height[[0, -1]] == pytest.approx([0, 0], abs=1e-9)
    assert height.max() == pytest.approx(shake.lift, rel=0.1) and height.min() == pytest.approx(-shake.lift, rel=0.1)


def test_gaps_are_negative_inside():
    ring = torch.linspace(0, 2 * np.pi, 200)[:-1]
    circle = torch.stack([ring.cos(), ring.sin(), torch.zeros_like(ring)], 1)[None]
    points = torch.tensor([[[0.9, 0.0, 0.0], [0.0, 1.2, 0.0]]])
    gap = signed_gap(points, circle, circle, nearest(points, circle))
    assert gap[0].tolist() == pytest.approx([-0.1, 0.2], abs=1e-3)


def test_touches_become_contacts_without_flicker():
    touching = np.zeros((40, len(REGIONS), len(REGIONS)), bool)
    a, b = REGIONS.index("right_palm"), REGIONS.index("back")
    touching[5:20, a, b] = True
    touching[[9, 10], a, b] = False  # a short gap is no release
    touching[30:32, a, b] = True  # a brush is no contact
    found = contacts(touching)
    assert [(c.region_a, c.region_b, c.frame_start, c.frame_end) for c in found] == [("right_palm", "back", 5, 19)]


def test_clothes_cover_what_they_should(body):
    outfit = OUTFITS[1]
    dressed = dress(body, face_landmarks(DEFAULT_BODY), outfit)
    regions = vertex_regions(body).numpy()[body.faces.numpy()]

    def worn_on(region: str) -> set[str]:
        inside = (regions == REGIONS.index(region)).all(1)
        return {MATERIALS[m] for m in np.unique(dressed.materials[inside])}

    assert worn_on("chest") <= {"shirt", "skin"} and "shirt" in worn_on("chest")
    assert worn_on("left_thigh") == {"trousers"}
    assert worn_on("right_palm") == {"skin"}
    assert worn_on("left_forearm") == {"skin"}
    assert "shoes" in worn_on("right_foot")
    assert set(np.unique(dressed.materials)) >= {MATERIALS.index(n) for n in ("eye", "iris", "brow", "lips", "hair")}
    template = body.template.numpy()
    moved = np.linalg.norm(worn(template, body.faces.numpy(), dressed.thickness) - template, axis=1)
    assert moved == pytest.approx(dressed.thickness, abs=1e-4)


def test_the_descent_brings_the_hands_together_and_keeps_the_feet(body):
    script = handshake_and_hug()
    reports: list[dict[str, float]] = []
    motion = direct(script, body, (Stage(60, 0.1, False),), lambda _, terms: reports.append(terms))
    assert reports[-1]["feet"] < reports[0]["feet"]
    palms = hand("right", pose_motion(body, motion), palm_points(body)).palm
    apart = (palms[0] - palms[1]).norm(dim=-1)
    assert apart[script.handshake.start + 5 : script.handshake.end - 5].max() < 0.05 < 0.5 < apart[0]
