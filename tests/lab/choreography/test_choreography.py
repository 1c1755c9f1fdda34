"""Parts of choreography: curves, weights, contacts, clothes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.body.files import DEFAULT_BODY, load_body
from core.body.model import BodyModel
from core.body.regions import vertex_regions
from core.contract.skeleton import REGIONS
from lab.choreography.appearance.clothing import MATERIALS, SAMPLE_OUTFITS, dress, offset_by_thickness
from lab.choreography.contact_intervals import contact_intervals
from lab.choreography.splines import evaluate_spline, spline_basis
from lab.choreography.timing import fade_weights
from lab.face_landmarks import face_landmarks


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body(None)


def test_a_spline_of_equal_controls_is_constant_and_of_a_line_is_the_line():
    basis = spline_basis(20, 3)
    assert torch.allclose(basis.sum(1), torch.ones(20))
    line = torch.arange(basis.shape[1]).float()[None, :, None]
    assert torch.allclose(evaluate_spline(basis, line)[0, :, 0], torch.arange(20) / 3 + 1, atol=1e-5)


def test_weights_fade_smoothly():
    weight = fade_weights(np.arange(40), 10, 20, 5, 8)
    assert weight[[0, 5, 28, 39]].max() == 0
    assert (weight[10:21] == 1).all()
    assert np.abs(np.diff(weight)).max() < 0.5


def test_touches_become_contacts_without_flicker():
    touching = np.zeros((40, len(REGIONS), len(REGIONS)), bool)
    a, b = REGIONS.index("right_palm"), REGIONS.index("back")
    touching[5:20, a, b] = True
    touching[[9, 10], a, b] = False  # a short gap is no release
    touching[30:32, a, b] = True  # a brush is no contact
    found = contact_intervals(touching)
    assert [(c.region_a, c.region_b, c.frame_start, c.frame_end) for c in found] == [("right_palm", "back", 5, 19)]


def test_clothes_cover_what_they_should(body):
    outfit = SAMPLE_OUTFITS[1]
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
    template = body.v_template.numpy()
    moved = np.linalg.norm(offset_by_thickness(template, body.faces.numpy(), dressed.thickness) - template, axis=1)
    assert moved == pytest.approx(dressed.thickness, abs=1e-4)
