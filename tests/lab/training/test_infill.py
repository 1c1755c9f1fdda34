"""The infiller's training, from made-up examples to weights that the product loads."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from core.body.files import load_body
from core.checkpoint import load_checkpoint
from core.infilling.denoiser import Denoiser
from core.infilling.infiller import KIND, load_infiller
from core.stgcn.inference import KIND as OPTIMIZER
from core.stgcn.inference import load_stgcn
from lab.training.infill import infiller_config, infiller_errors, scales_of
from lab.training.job import train_infiller, train_optimizer
from tests.lab.training.made_up import RECIPE, job_in, made_up

SMALL = {"width": 16, "depth": 1, "heads": 2, "node_width": 4}


def test_an_untrained_infiller_has_the_first_motions_errors() -> None:
    job = job_in(Path())
    body = load_body(None)
    scales = scales_of(job.examples, job.words, body, None)
    errors = infiller_errors(Denoiser(infiller_config(**SMALL)).eval(), [made_up(0)], job.words, scales, body, None)
    assert errors["depth"] == pytest.approx(300, rel=0.01) and errors["mpjpe"] == pytest.approx(0, abs=0.5)


@pytest.mark.slow
def test_a_training_ends_in_weights_that_load(tmp_path: Path) -> None:
    job = job_in(tmp_path)
    train_optimizer(job, 0.0, {"width": 8, "person_width": 16, "blocks": 1})
    assert (tmp_path / f"{OPTIMIZER}.safetensors").exists()
    outcome = train_infiller(job, None, SMALL)
    assert outcome.finished and outcome.step == RECIPE.steps
    loaded = load_infiller(tmp_path / f"{KIND}.safetensors")
    for name, value in loaded.denoiser.state_dict().items():
        assert torch.equal(value, outcome.averaged.state_dict()[name]), name
    optimizer = load_stgcn(tmp_path / f"{OPTIMIZER}.safetensors")
    assert torch.allclose(loaded.scales.x, scales_of(job.examples, job.words, load_body(None), optimizer).x)
    assert load_checkpoint(tmp_path / f"{KIND}.safetensors").training["steps"] == 6
    assert "told the geometry optimizer's joints" in (tmp_path / f"{KIND}.md").read_text()
