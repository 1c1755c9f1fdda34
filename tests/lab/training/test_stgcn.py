"""Training of the ST-GCN, from synthetic examples to weights that the product loads."""

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
from lab.training.batches import BatchSampler, whole_clips
from lab.training.job import install_weights, train_stgcn
from lab.training.joint_errors import JointEstimate, joint_errors
from lab.training.stgcn import STGCNObjective, initial_errors, stgcn_config
from tests.lab.training.synthetic_job import SETTINGS, synthetic_example, synthetic_job

SMALL = {"width": 8, "person_width": 16, "blocks": 1}


def test_the_initial_motion_has_the_errors_that_it_was_made_with() -> None:
    errors = initial_errors([synthetic_example(0)])
    assert errors["mpjpe"] == pytest.approx(0, abs=1e-3) and errors["hidden"] == pytest.approx(0, abs=1e-3)
    assert errors["depth"] == pytest.approx(300, rel=1e-4) and errors["position"] == pytest.approx(150, rel=1e-4)
    assert "along_1_sigma" not in errors


def test_a_right_sigma_covers_as_many_errors_as_that_of_a_normal_distribution() -> None:
    rng, sigma = np.random.default_rng(0), np.array([0.12, 0.04])
    true = np.zeros((2, 400, 22, 3))
    rays = np.broadcast_to([0.0, 2.0, 0.0], true.shape)
    predicted = true + rng.normal(0, sigma[[1, 0, 1]], true.shape)
    predicted[..., 1:, :] += predicted[..., :1, :]  # the sigma of a joint is relative to the pelvis
    visibility = np.zeros(true.shape[:3], np.uint8)
    errors = joint_errors(
        [JointEstimate(predicted, true, visibility, np.broadcast_to(sigma, (*true.shape[:3], 2)), rays)]
    )
    for direction in ("along", "across"):
        assert errors[f"{direction}_1_sigma"] == pytest.approx(0.683, abs=0.01)
        assert errors[f"{direction}_2_sigma"] == pytest.approx(0.954, abs=0.01)


def test_batches_hold_what_the_examples_do() -> None:
    job = synthetic_job(Path())
    batch = BatchSampler(job.examples, job.embeddings, job.device)(np.random.default_rng(1), 3)
    assert batch.reference_joints.shape == (3, 2, 64, 22, 3)
    assert bool(batch.valid.all()) and bool((batch.text != 0).any(1).all())
    error = batch.reference_joints - batch.true_joints
    assert torch.allclose(error[:, 1], torch.tensor([0.0, 0.3, 0.0]).expand_as(error[:, 1]), atol=1e-5)
    clip = next(whole_clips(job.examples, job.embeddings, job.device))
    assert np.array_equal(clip.features.joints.numpy(), clip.example.reference_joints)


def test_masks_change_the_reference_and_leave_the_position() -> None:
    job = synthetic_job(Path())
    network = STGCN(stgcn_config(**SMALL))
    batch = BatchSampler(job.examples, job.embeddings, job.device)(np.random.default_rng(1), 2)
    pose_losses = []
    for seed in range(4):
        loss, parts = STGCNObjective(network, load_body(None))(batch, torch.Generator().manual_seed(seed))
        assert torch.isfinite(loss) and float(parts["position"]) == pytest.approx(1.5, rel=1e-3)
        pose_losses.append(round(float(parts["pose"]), 4))
    assert len(set(pose_losses)) > 1


@pytest.mark.slow
def test_a_training_in_two_runs_gives_weights_that_the_product_loads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = train_stgcn(synthetic_job(tmp_path), 0.0, SMALL)
    assert first.step == 0 and not first.finished
    second = train_stgcn(synthetic_job(tmp_path), None, SMALL)
    assert second.finished
    network = load_stgcn(tmp_path / f"{KIND}.safetensors")
    for name, value in network.state_dict().items():
        assert torch.equal(value, second.ema.state_dict()[name]), name
    training = load_checkpoint(tmp_path / f"{KIND}.safetensors").training
    assert training["steps"] == 6 and training["examples"] == 4 and training["dev"]["depth"] > 0
    card = (tmp_path / f"{KIND}.md").read_text()
    assert "6 of 6" in card and "| depth (mm) | 300 |" in card and "handshake" in card
    assert (tmp_path / f"{KIND}.png").exists()
    models = tmp_path / "models"
    models.mkdir()
    (models / f"{KIND}.md").write_text("written by hand")
    install_weights(tmp_path, KIND, models)
    assert str(tmp_path / f"{KIND}.md") in capsys.readouterr().out
    assert (models / f"{KIND}.md").read_text() == "written by hand"
    assert load_stgcn(models / f"{KIND}.safetensors").config == network.config


@pytest.mark.slow
def test_training_brings_the_second_person_closer_to_the_true_position(tmp_path: Path) -> None:
    settings = replace(SETTINGS, steps=30, warmup_steps=3, learning_rate=0.03, ema_decay=0.5, dev_every=30)
    result = train_stgcn(synthetic_job(tmp_path, settings), None, SMALL)
    assert result.history.latest()["position"] < 0.8 * 150
