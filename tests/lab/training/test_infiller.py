"""Training of the infiller, from synthetic examples to weights that the product loads."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from core.body.files import load_body
from core.checkpoint import load_checkpoint
from core.infilling.denoiser import Denoiser
from core.infilling.infiller import KIND, load_infiller
from core.infilling.schedule import NoiseScheduleConfig
from core.stgcn.inference import KIND as STGCN
from core.stgcn.inference import load_stgcn
from lab.training.infiller import InfillerContext, compute_scales, infiller_config, infiller_errors
from lab.training.job import train_infiller, train_stgcn
from tests.lab.training.synthetic_job import SETTINGS, synthetic_example, synthetic_job

SMALL = {"width": 16, "depth": 1, "heads": 2, "node_width": 4}


def test_an_untrained_infiller_has_the_errors_of_the_initial_motion() -> None:
    job = synthetic_job(Path())
    context = InfillerContext(job.embeddings, load_body(None))
    scales = compute_scales(job.examples, context)
    network = Denoiser(infiller_config(**SMALL)).eval()
    errors = infiller_errors(network, [synthetic_example(0)], scales, context)
    assert errors["depth"] == pytest.approx(300, rel=0.01) and errors["mpjpe"] == pytest.approx(0, abs=0.5)


@pytest.mark.slow
def test_a_training_gives_weights_with_scales_and_schedule_that_the_product_loads(tmp_path: Path) -> None:
    job = synthetic_job(tmp_path)
    train_stgcn(job, 0.0, {"width": 8, "person_width": 16, "blocks": 1})
    schedule = NoiseScheduleConfig(num_train_timesteps=500)
    result = train_infiller(job, None, {**SMALL, "schedule": schedule})
    assert result.finished and result.step == SETTINGS.steps
    loaded = load_infiller(tmp_path / f"{KIND}.safetensors")
    for name, value in loaded.denoiser.state_dict().items():
        assert torch.equal(value, result.ema.state_dict()[name]), name
    assert loaded.denoiser.config.schedule == schedule
    stgcn = load_stgcn(tmp_path / f"{STGCN}.safetensors")
    context = InfillerContext(job.embeddings, load_body(None), stgcn)
    assert torch.allclose(loaded.scales.x, compute_scales(job.examples, context).x)
    assert load_checkpoint(tmp_path / f"{KIND}.safetensors").training["steps"] == 6
    assert "conditioned on the joints that the ST-GCN predicts" in (tmp_path / f"{KIND}.md").read_text()
