"""Tests of the contact head on made-up features."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from core.checkpoint import Checkpoint, as_record, save_checkpoint
from core.contacts.features import VERSION, ContactFeatures
from core.contacts.head import (
    KIND,
    ContactHead,
    ContactHeadConfig,
    load_contact_head,
    near_pairs,
    predict_part_contacts,
    with_people_swapped,
)
from core.contract.body_parts import PART_INDEX
from core.contract.errors import UserError

HAND, HEAD = PART_INDEX["left_hand"], PART_INDEX["head"]


def features(frames: int = 12, distance: float = 0.1) -> ContactFeatures:
    generator = torch.Generator().manual_seed(1)
    pairs = 0.6 + torch.rand(frames, 18, 18, 7, generator=generator)
    pairs[:, HAND, HEAD, :3] = distance
    pairs[:, 3:6, 9:12, :3] = 0.4 * torch.rand(frames, 3, 3, 3, generator=generator)
    return ContactFeatures(
        pairs, torch.rand(2, frames, 18, 6, generator=generator), torch.rand(2, frames, 3, generator=generator)
    )


def network() -> ContactHead:
    torch.manual_seed(0)
    return ContactHead(ContactHeadConfig(hidden=8)).eval()


def test_probabilities_are_those_of_pairs_that_come_near_and_zero_elsewhere():
    found = predict_part_contacts(features(), network())
    assert found.shape == (12, 18, 18) and bool(((found >= 0) & (found <= 1)).all())
    assert bool((found[:, HAND, HEAD] > 0).all()) and not found[:, HEAD, HAND].any()
    assert (HAND, HEAD) in map(tuple, near_pairs(features()).tolist())


def test_two_who_stay_apart_touch_nowhere():
    apart = features()
    apart = ContactFeatures(apart.pairs + 1.0, apart.parts, apart.people)
    assert not predict_part_contacts(apart, network()).any()


def test_it_does_not_matter_which_person_comes_first():
    named = torch.zeros(18, 18, dtype=torch.bool)
    named[HAND, HEAD] = True
    found = predict_part_contacts(features(), network(), named)
    exchanged = predict_part_contacts(with_people_swapped(features()), network(), named.T)
    assert torch.allclose(found, exchanged.mT, atol=1e-6)


def test_hands_of_one_side_are_told_from_a_left_and_a_right_one():
    same, other = PART_INDEX["left_hand"], PART_INDEX["right_hand"]
    alike = features()
    alike.pairs[:] = 1.0
    alike.pairs[:, HAND, [same, other]] = 0.1
    alike.parts[:] = 0.5
    found = predict_part_contacts(alike, network())
    assert not torch.allclose(found[:, HAND, same], found[:, HAND, other])


def test_weights_of_other_features_are_refused(tmp_path: Path):
    trained = network()
    path = tmp_path / f"{KIND}.safetensors"

    def save(version: int) -> None:
        save_checkpoint(path, Checkpoint(KIND, version, as_record(trained.config), trained.state_dict()))

    save(VERSION)
    again = load_contact_head(path)
    assert torch.allclose(predict_part_contacts(features(), again), predict_part_contacts(features(), trained))
    save(VERSION + 1)
    with pytest.raises(UserError) as caught:
        load_contact_head(path)
    assert caught.value.code == "weights-wrong"
