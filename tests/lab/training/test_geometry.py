"""The geometry optimizer's training, from made-up examples to weights that the product loads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.body.files import load_body
from core.checkpoint import load_checkpoint
from core.stgcn.inference import KIND, load_stgcn
from core.stgcn.network import STGCN
from lab.training.draw import Drawer, whole_clips
from lab.training.geometry import JointObjective, config_for_features, initial_errors
from lab.training.job import install, train_optimizer
from lab.training.measure import Guess, joint_errors
from lab.training.words import words_of
from tests.lab.training.made_up import RECIPE, job_in, made_up

SMALL = {"width": 8, "person_width": 16, "blocks": 1}


def test_the_first_motions_errors_are_what_was_put_into_it() -> None:
    errors = initial_errors([made_up(0)])
    assert errors["mpjpe"] == pytest.approx(0, abs=1e-3) and errors["hidden"] == pytest.approx(0, abs=1e-3)
    assert errors["depth"] == pytest.approx(300, rel=1e-4) and errors["place"] == pytest.approx(150, rel=1e-4)
    assert "within_1_sigma" not in errors


def test_sigmas_that_are_right_hold_as_many_errors_as_they_should() -> None:
    rng, sigma = np.random.default_rng(0), 0.04
    true = np.zeros((2, 400, 22, 3))
    guess = true + rng.normal(0, sigma, true.shape)
    guess[..., 1:, :] += guess[..., :1, :]  # each joint's is about the own pelvis
    visibility = np.zeros(true.shape[:3], np.uint8)
    errors = joint_errors([Guess(guess, true, visibility, np.full(true.shape[:3], sigma))])
    assert errors["within_1_sigma"] == pytest.approx(0.683, abs=0.01)
    assert errors["within_2_sigma"] == pytest.approx(0.954, abs=0.01)


def test_batches_hold_what_the_examples_do() -> None:
    job = job_in(Path())
    batch = Drawer(job.examples, job.words, job.device)(np.random.default_rng(1), 3)
    assert batch.joints.shape == (3, 2, 64, 22, 3) and bool(batch.valid.all()) and bool((batch.text != 0).any(1).all())
    off = batch.joints - batch.truth_joints
    assert torch.allclose(off[:, 1], torch.tensor([0.0, 0.3, 0.0]).expand_as(off[:, 1]), atol=1e-5)
    example, observed, _ = next(whole_clips(job.examples, job.words, job.device))
    assert np.array_equal(observed.joints.numpy(), example.joints)


def test_hiding_moves_the_first_motion_and_the_loss_is_still_a_number() -> None:
    job = job_in(Path())
    network = STGCN(config_for_features(**SMALL))
    batch = Drawer(job.examples, job.words, job.device)(np.random.default_rng(1), 2)
    losses = []
    for seed in range(4):
        loss, parts = JointObjective(network, load_body(None))(batch, torch.Generator().manual_seed(seed))
        assert torch.isfinite(loss) and float(parts["place"]) == pytest.approx(1.5, rel=1e-3)
        losses.append(round(float(parts["pose"]), 4))
    assert len(set(losses)) > 1


@pytest.mark.slow
def test_a_training_in_slices_ends_in_weights_that_load(tmp_path: Path) -> None:
    first = train_optimizer(job_in(tmp_path), 0.0, SMALL)
    assert first.step == 0 and not first.finished
    second = train_optimizer(job_in(tmp_path), None, SMALL)
    assert second.finished
    network = load_stgcn(tmp_path / f"{KIND}.safetensors")
    for name, value in network.state_dict().items():
        assert torch.equal(value, second.averaged.state_dict()[name]), name
    training = load_checkpoint(tmp_path / f"{KIND}.safetensors").training
    assert training["steps"] == 6 and training["examples"] == 4 and training["dev"]["depth"] > 0
    card = (tmp_path / f"{KIND}.md").read_text()
    assert "6 of 6" in card and "| depth (mm) | 300 |" in card and "handshake" in card
    assert (tmp_path / f"{KIND}.png").exists()
    install(tmp_path, KIND, tmp_path / "models")
    assert load_stgcn(tmp_path / "models" / f"{KIND}.safetensors").config == network.config


@pytest.mark.slow
def test_learning_brings_the_second_person_nearer(tmp_path: Path) -> None:
    recipe = replace(RECIPE, steps=30, warm_up=3, learning_rate=0.03, average=0.5, dev_every=30)
    outcome = train_optimizer(job_in(tmp_path, recipe), None, SMALL)
    assert outcome.history.latest()["place"] < 0.8 * 150


class Counting:
    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, sentences: list[str]) -> np.ndarray:
        self.asked += sentences
        return np.stack([np.full(384, len(sentence), np.float32) for sentence in sentences])


def test_each_sentence_is_encoded_once(tmp_path: Path) -> None:
    encoder, kept = Counting(), tmp_path / "sentences.npz"
    words_of(["hug", "", "kick them"], encoder, kept)  # pyright: ignore[reportArgumentType]
    words = words_of(["hug", "push", "hug"], encoder, kept)  # pyright: ignore[reportArgumentType]
    assert sorted(encoder.asked) == ["hug", "kick them", "push"] and len(words) == 2
    vectors = words.of(["push", "", "unknown", "hug"])
    assert vectors[:, 0].tolist() == [4.0, 0.0, 0.0, 3.0]
    assert words_of(["kick them"], None, kept).of(["kick them"])[0, 0] == 9.0
