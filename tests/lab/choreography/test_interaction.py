"""Clips of known truth come back from their file as they went in."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from core.contract.contact import Contact
from core.contract.errors import UserError
from core.motion import PairMotion
from lab.choreography.interaction import Interaction, load_interactions, save_interactions


def interaction(name: str, frames: int, seed: int) -> Interaction:
    rng = np.random.default_rng(seed)

    def angles(*joints: int) -> np.ndarray:
        return rng.uniform(-1.8, 1.8, (2, frames, *joints, 3)).astype(np.float32)

    motion = PairMotion(
        angles(), angles(21), angles(15), angles(15), 5 + angles(), rng.normal(size=(2, 16)).astype(np.float32)
    )
    planted = rng.uniform(size=(2, frames, 2)) > 0.5
    touch = Contact(0, "left_palm", 1, "back", 3, frames - 1)
    return Interaction(name, "hug", ("set/one",), ("somebody",), 30.0, motion, planted, (touch,), ("Two hug.",))


def test_clips_come_back_as_they_went_in(tmp_path: Path) -> None:
    clips = [interaction("hug-0", 12, 0), interaction("hug-1", 7, 1)]
    save_interactions(tmp_path / "clips", clips)
    for before, after in zip(clips, load_interactions(tmp_path / "clips")):
        for item in fields(PairMotion):
            np.testing.assert_allclose(getattr(after.motion, item.name), getattr(before.motion, item.name), atol=3e-4)
        np.testing.assert_array_equal(after.foot_contact, before.foot_contact)
        assert replace(after, motion=before.motion, foot_contact=before.foot_contact) == before


def test_files_of_different_runs_are_refused(tmp_path: Path) -> None:
    save_interactions(tmp_path / "one", [interaction("hug-0", 5, 0)])
    save_interactions(tmp_path / "two", [interaction("hug-0", 5, 0), interaction("hug-1", 5, 1)])
    (tmp_path / "two.json").replace(tmp_path / "one.json")
    with pytest.raises(UserError, match="different runs"):
        load_interactions(tmp_path / "one")
