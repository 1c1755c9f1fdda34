"""The file of the noise model, and whether the numbers in it make sense."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from core.contract.errors import UserError
from core.contract.files import read_json, write_json
from lab.evaluation.detection_noise.noise_model import DetectionNoise, load_noise, save_noise
from lab.evaluation.detection_noise.states import CLEAR, PROBABILITIES
from lab.paths import NOISE_FILE


def test_a_model_can_be_saved_and_loaded(tmp_path: Path):
    noise = load_noise()
    save_noise(tmp_path / "noise.json", noise)
    again = load_noise(tmp_path / "noise.json")
    for item in fields(DetectionNoise):
        if item.name != "provenance":
            np.testing.assert_allclose(getattr(again, item.name), getattr(noise, item.name))
    assert read_json(tmp_path / "noise.json").keys() == read_json(NOISE_FILE).keys()


def test_a_file_of_another_version_is_refused(tmp_path: Path):
    record = read_json(NOISE_FILE)
    del record["whose"]
    write_json(tmp_path / "old.json", record)
    with pytest.raises(UserError, match="whose") as caught:
        load_noise(tmp_path / "old.json")
    assert caught.value.code == "noise-outdated"


def test_the_fitted_numbers_are_plausible():
    noise = load_noise()
    assert noise.provenance["frames"] > 100
    for transitions in (noise.skeleton_transitions, noise.limb_transitions, noise.hand_transitions):
        np.testing.assert_allclose(transitions.sum(-1), 1, atol=1e-3)
        assert (transitions >= 0).all()
    assert (np.diff(noise.error_radius, axis=-1) >= 0).all() and (np.diff(noise.confidence, axis=-1) >= 0).all()
    middle = (np.array([0.2, 0.8])[:, None] == PROBABILITIES).any(0)
    error = np.abs(noise.error_radius[0, CLEAR][..., middle]).mean()
    assert 0.002 < error < 0.03, "visible landmarks of a person by themselves are off by a few percent of the height"
    height = noise.metric_height[..., PROBABILITIES == 0.5]
    assert ((height > 1.3) & (height < 2.1)).all()
