"""Training of the sequence smoother: its loss, the filters that it is compared with, and weights that the product loads."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from core.body.files import load_body
from core.checkpoint import load_checkpoint
from core.representation.resampling import FRAME_RATE
from core.smoothing.network import SequenceSmoother, SmootherConfig
from core.smoothing.smooth import KIND, load_smoother
from lab.training.baseline_filters import PoseFilter, gaussian, identity, one_euro
from lab.training.infiller import InfillerContext, compute_scales
from lab.training.job import train_smoother
from lab.training.smoother import baseline_errors, motion_loss, smoother_errors
from tests.lab.training.synthetic_job import SETTINGS, synthetic_example, synthetic_job

SMALL = {"width": 8, "blocks": 1}


def test_the_parts_of_the_loss_are_about_one_at_usual_errors() -> None:
    true = torch.zeros(1, 2, 12, 22, 3)
    valid = torch.ones(1, 12, dtype=torch.bool)
    translated = true.clone()
    translated[..., 0] = 0.1
    parts = motion_loss(translated, true, valid)
    assert parts["position"] == pytest.approx(1) and parts["pose"] == pytest.approx(0)
    moving = true + torch.arange(12.0)[:, None, None] * torch.tensor([1 / FRAME_RATE, 0, 0])
    parts = motion_loss(moving, true, valid)
    assert parts["velocity"] == pytest.approx(1, rel=1e-3) and parts["acceleration"] < 0.02


def test_padding_does_not_count() -> None:
    true = torch.zeros(1, 2, 12, 22, 3)
    valid = torch.arange(12)[None] < 8
    padded = true.clone()
    padded[:, :, 8:] = 100
    assert all(float(value) < 1e-3 for value in motion_loss(padded, true, valid).values())


@pytest.mark.parametrize(("pose_filter", "error"), [(gaussian(2.0), 1e-4), (one_euro(0.5, 0.3), 0.1)])
def test_plain_filters_remove_noise_and_keep_uniform_motion(pose_filter: PoseFilter, error: float) -> None:
    size = 6 * 22 + 3
    uniform = 0.02 * torch.arange(40.0)[:, None].expand(1, 2, 40, size)
    noise = 0.01 * torch.randn(1, 2, 40, size, generator=torch.Generator().manual_seed(1))
    evidence = torch.zeros(1, 2, 40, 22, 9)
    filtered = pose_filter(uniform, uniform, evidence)
    assert torch.allclose(filtered[:, :, 15:25], uniform[:, :, 15:25], atol=error)
    rest = pose_filter(uniform + noise, uniform, evidence) - uniform
    assert float(rest.diff(dim=2).norm()) < 0.5 * float(noise.diff(dim=2).norm())


def test_an_untrained_smoother_has_the_errors_of_the_takes() -> None:
    body, examples = load_body(None), [synthetic_example(0)]
    before = smoother_errors(identity, examples, body)
    network = SequenceSmoother(SmootherConfig(width=8, blocks=1))
    assert smoother_errors(network, examples, body) == pytest.approx(before, rel=1e-3)
    assert before["fast_step"] > before["step"] > 1  # mm
    baselines = baseline_errors(examples, body)
    assert list(baselines) == ["take", "gauss", "one-euro"] and baselines["take"] == before
    assert baselines["gauss"]["jerk"] < 0.5 * before["jerk"]


@pytest.mark.slow
def test_a_training_gives_weights_that_the_product_loads(tmp_path: Path) -> None:
    job = synthetic_job(tmp_path)
    result = train_smoother(job, None, SMALL)
    assert result.finished and result.step == SETTINGS.steps
    path = tmp_path / f"{KIND}.safetensors"
    loaded = load_smoother(path)
    for name, value in loaded.network.state_dict().items():
        assert torch.equal(value, result.ema.state_dict()[name]), name
    assert float(loaded.network.max_attenuation) != 0, "it is trained although it starts at zero"
    scales = compute_scales(job.examples, InfillerContext(job.embeddings, load_body(None)))
    assert torch.allclose(loaded.scales.x, scales.x)
    assert load_checkpoint(path).training["steps"] == SETTINGS.steps
    assert "one-euro" in (tmp_path / f"{KIND}.md").read_text()
