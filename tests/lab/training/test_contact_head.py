"""Tests of the contact head's training on made-up examples."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.body.files import load_body
from core.contacts.features import ContactFeatures
from core.contacts.head import (
    KIND,
    PART_KIND,
    ContactHead,
    ContactHeadConfig,
    PairSequences,
    load_contact_head,
    pair_inputs,
)
from core.contacts.settings import ContactDecodingSettings
from core.contract.body_parts import PART_INDEX
from core.fitting.fit import Phase
from core.pipeline.settings import FitPhases
from core.semantics.prompt_parser import parse_prompt
from lab import cli
from lab.choreography.interaction import save_interactions
from lab.training.contact_augmentation import moved_along_rays
from lab.training.contact_examples import (
    ContactExample,
    contact_example,
    fit_interactions,
    load_fitted_clips,
    save_fitted_clips,
)
from lab.training.contact_head import (
    ContactBatches,
    ContactObjective,
    contact_errors,
    reliability,
    without_identity,
)
from lab.training.contact_thresholds import decoded_parts, prompt_probabilities, relative_probability
from tests.lab.training.synthetic_interaction import synthetic_interaction

HAND = PART_INDEX["right_hand"]
QUICK = FitPhases((Phase(3, 0.02),), (Phase(3, 0.02),))


def example(name: str, frames: int = 40) -> ContactExample:
    """Two right hands that meet half-way through the clip."""
    rng = np.random.default_rng(len(name))
    pairs = torch.from_numpy(rng.uniform(0.3, 1.0, (frames, 18, 18, 7))).float()
    touching = np.zeros((frames, 18, 18), bool)
    touching[frames // 2 :, HAND, HAND] = True
    pairs[:, HAND, HAND, :3] = torch.from_numpy(np.where(touching[:, HAND, HAND], 0.0, 0.5)).float()[:, None]
    features = ContactFeatures(pairs, torch.full((2, frames, 18, 6), 0.5), torch.zeros(2, frames, 3))
    return ContactExample(name, "handshake", features, touching, ("They shake hands.",))


def test_the_head_learns_that_near_hands_touch():
    torch.manual_seed(0)
    network = ContactHead(ContactHeadConfig(hidden=8, dilations=(1,)))
    examples = [example("one"), example("other")]
    batches, objective = ContactBatches(examples), ContactObjective(network)
    optimizer = torch.optim.Adam(network.parameters(), 0.02)
    before = contact_errors(network, examples)["f1"]
    for step in range(60):
        loss, _ = objective(batches(np.random.default_rng(step), 4), torch.Generator())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    errors = contact_errors(network, examples)
    assert errors["f1"] > max(0.8, before) and errors["anything_f1"] > 0.8


def test_without_identity_equal_distances_are_equally_probable_for_any_parts():
    hand, head, chest = (PART_INDEX[part] for part in ("left_hand", "head", "chest"))
    pairs = torch.tensor([[hand, head], [head, chest]])
    parts = torch.rand(2, 12, 18, 6, generator=torch.Generator().manual_seed(1))
    parts[..., :3] = 0.5  # only places on the body differ
    features = ContactFeatures(torch.full((12, 18, 18, 7), 0.1), parts, torch.zeros(2, 12, 3))
    told = pair_inputs(features, None, pairs), PART_KIND[pairs]
    torch.manual_seed(0)
    network = ContactHead(ContactHeadConfig(hidden=8)).eval()

    def logits(inputs: torch.Tensor, kinds: torch.Tensor) -> torch.Tensor:
        return network(PairSequences(inputs[None], kinds[None], torch.ones(1, 2, dtype=torch.bool)))[1][0]

    identified, unidentified = logits(*told), logits(*without_identity(*told))
    assert not torch.allclose(identified[0], identified[1])
    assert torch.allclose(unidentified[0], unidentified[1], atol=1e-6)


def test_thresholds_turn_probabilities_into_spans_and_judge_prompts():
    (handshake,) = parse_prompt("They shake hands.")
    probability = np.zeros((40, 18, 18), np.float32)
    probability[10:30, HAND, HAND] = 0.5
    probability[30:33, HAND, HAND] = 0.42
    found = decoded_parts(probability, ContactDecodingSettings(least_probability=0.3))
    assert np.flatnonzero(found[:, HAND, HAND]).tolist() == list(range(10, 33)) and found.any((1, 2)).sum() == 23
    assert not decoded_parts(probability, ContactDecodingSettings(least_probability=0.6)).any()
    alone = relative_probability(handshake, probability)
    assert alone > 1 and relative_probability(handshake, np.zeros_like(probability)) == 0
    probability[:, HAND, PART_INDEX["left_hand"]] = 1.0
    assert relative_probability(handshake, probability) < alone


def test_a_sentence_is_false_of_a_clip_only_where_nothing_that_it_names_touches():
    told = example("one")
    certain = [told.touching.astype(np.float32)]
    of_true, of_false = prompt_probabilities(certain, [told.touching], [told])
    assert len(of_true) == 1 and of_true[0] > 1
    assert len(of_false) > 5 and max(of_false) < 1  # "Two people hold hands" is not among them


def test_a_reliability_table_compares_probability_and_frequency():
    probability = np.array([0.05, 0.05, 0.85, 0.85, 0.0])
    true = np.array([False, False, True, False, True])
    (low, low_true, low_count), (high, high_true, high_count) = reliability(probability, true)
    assert (low, low_true, low_count) == (pytest.approx(0.05), 0.0, 2)
    assert (high, high_true, high_count) == (pytest.approx(0.85), 0.5, 2)


@pytest.mark.slow
def test_an_interaction_becomes_an_example_of_what_truly_touches(tmp_path: Path):
    interactions = [synthetic_interaction(frames=20), synthetic_interaction("wave-0002", 14)]
    clips = list(fit_interactions(interactions, 0, load_body(None), phases=QUICK))
    save_fitted_clips(tmp_path / "waves", clips)
    examples = [contact_example(clip) for clip in load_fitted_clips(tmp_path / "waves", load_body(None))]
    made = examples[0]
    assert made.features.pairs.shape[:3] == (len(made.touching), 18, 18)
    touching = np.argwhere(made.touching.any(0)).tolist()
    assert touching == [[PART_INDEX["right_hand"], PART_INDEX["left_shoulder"]]]
    for read, clip in zip(examples, clips, strict=True):
        before = contact_example(clip)
        assert (read.name, read.family, read.sentences) == (before.name, before.family, before.sentences)
        assert torch.equal(read.features.pairs, before.features.pairs)
        assert torch.equal(read.features.parts, before.features.parts)
        assert np.array_equal(read.touching, before.touching)
    scene, moved = clips[0].scene, moved_along_rays(clips[0], np.random.default_rng(0))
    before, after = (each.motion_incam.pelvis for each in (scene, moved.scene))
    lengths = [np.linalg.norm(each, axis=-1, keepdims=True) for each in (before, after)]
    assert np.allclose(before / lengths[0], after / lengths[1], atol=1e-5) and abs(lengths[1] - lengths[0]).max() > 0.02
    assert np.array_equal(moved.touching, clips[0].touching)
    assert not torch.equal(contact_example(moved).features.pairs, contact_example(clips[0]).features.pairs)


@pytest.mark.slow
def test_the_command_trains_on_the_splits_of_its_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    made = synthetic_interaction(frames=20)
    files = []
    for split, subject in (("train", "somebody"), ("dev", "reactidle-010")):
        interaction = replace(made, name=f"handshake-{split}", family="handshake", subjects=(subject,))
        save_interactions(tmp_path / split, [interaction])
        files.append(str(tmp_path / f"{split}.npz"))
        (tmp_path / "fits").mkdir(exist_ok=True)
        fits = list(fit_interactions([interaction], 0, load_body(None), phases=QUICK))
        save_fitted_clips(tmp_path / "fits" / f"{split}-{split}-0", fits)
    arguments = ["train-contacts", "--interactions", *files, "--steps", "1", "--batch", "2", "--out", str(tmp_path)]
    assert cli.main(arguments) == 0
    assert "9 training examples, 1 dev examples" in capsys.readouterr().out
    assert load_contact_head(tmp_path / f"{KIND}.safetensors").config == ContactHeadConfig()
    card = (tmp_path / f"{KIND}.md").read_text()
    assert "| without prompt | with prompt |" in card and "1 of 1" in card
