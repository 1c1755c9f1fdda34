"""The head learns, its folded weights do the same as the trained ones, and scores mean what they say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.checkpoint import Checkpoint, save_checkpoint
from core.contract.errors import UserError
from core.perception.backends import choose_backend
from core.perception.prompted_graph import COARSE_FEATURES, KIND, head_graph
from core.perception.prompted_landmarks import PROMPT_JOINTS
from lab.choreography.interaction import save_interactions
from lab.prompted_training.frames import save_frames
from lab.prompted_training.loss import prompted_loss
from lab.prompted_training.measure import Estimate, measure, table
from lab.prompted_training.network import PromptedHead
from lab.prompted_training.train_prompted import (
    HeadInTraining,
    PromptedTraining,
    TrainingSet,
    mean_of,
    train_prompted,
)
from lab.training.non_interacting import CLOSE_FAMILY
from tests.lab.prompted_training.synthetic_frame import synthetic_frame
from tests.lab.training.synthetic_interaction import synthetic_interaction


class FlatTrunk:
    """A trunk that sees the crop's colours, coarsely."""

    size, shape = 256, (256, 256)

    def run(self, pictures: np.ndarray, *features: np.ndarray) -> list[np.ndarray]:
        small = pictures.reshape(len(pictures), 64, 4, 64, 4, 3).mean((2, 4))
        coarse = [
            np.resize(small[:, :: 64 // side, :: 64 // side], (len(pictures), side, side, channels))
            for side, channels in COARSE_FEATURES
        ]
        heat = np.zeros((len(pictures), 64, 64, 39))
        return [each.astype(np.float32) for each in (np.tile(small, 16), heat, *coarse)]


def test_the_loss_falls_and_the_folded_head_answers_as_the_trained_one(tmp_path: Path) -> None:
    torch.manual_seed(0)
    data = TrainingSet([synthetic_frame()], FlatTrunk(), torch.device("cpu"))
    head = PromptedHead()
    optimizer = torch.optim.AdamW(head.parameters(), 3e-3)
    losses = []
    for step in range(12):
        loss, parts = prompted_loss(head, data.draw(np.random.default_rng(step), 4))
        assert set(parts) == {"heat", "metric", "visible", "mask", "front"}
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-3:]) < 0.9 * np.mean(losses[:3])

    save_checkpoint(tmp_path / "head.safetensors", Checkpoint(KIND, 0, {}, head.product_tensors()))
    batch = data.draw(np.random.default_rng(99), 2)
    inputs = [each.permute(0, 2, 3, 1).numpy() for each in (batch.inputs, *batch.coarse)]
    product = choose_backend(torch.device("cpu")).load(head_graph(tmp_path / "head.safetensors")).run(*inputs)
    for trained, folded in zip(HeadInTraining(head).run(*inputs), product, strict=True):
        assert trained.shape == folded.shape
        # the product's weights are float16
        assert np.abs(trained - folded).max() < 0.02 * max(1.0, float(np.abs(trained).max()))


def test_the_mean_of_two_trainings_lies_between_them(tmp_path: Path) -> None:
    first, second = PromptedHead(), PromptedHead()
    state = {f"ema.{name}": value for name, value in second.state_dict().items()}
    save_checkpoint(tmp_path / "state.safetensors", Checkpoint("training-state", 0, {}, state))
    mean = mean_of(first, tmp_path / "state.safetensors")
    expected = (first.stem.convolution.weight + second.stem.convolution.weight) / 2
    torch.testing.assert_close(mean.stem.convolution.weight, expected)


def test_perfect_answers_score_a_hundred_and_one_skeleton_for_both_does_not() -> None:
    frame = synthetic_frame()

    def perfect(_: object) -> list[Estimate | None]:
        return [Estimate(frame.points[k, PROMPT_JOINTS], frame.metric[k, PROMPT_JOINTS]) for k in (0, 1)]

    def one_for_both(_: object) -> list[Estimate | None]:
        return [perfect(None)[0], perfect(None)[0]]

    def first_only(_: object) -> list[Estimate | None]:
        return [perfect(None)[0], None]

    best = measure(perfect, [frame])
    assert best["both found"] == best["PCK.05H"] == best["hidden .05H"] == 100
    assert best["PA-MPJPE"] == pytest.approx(0, abs=1e-3)
    assert measure(one_for_both, [frame])["both found"] == 0
    half = measure(first_only, [frame])
    assert half["both found"] == 0 and half["PCK.1H"] == 50 and half["hidden .1H"] == 0
    assert "| best | 100 |" in table({"best": best})


def test_landmarks_outside_the_image_do_not_count() -> None:
    frame = replace(synthetic_frame(), bounds=np.array([0, 0, 512, 280], np.float32))
    wrong = frame.points.copy()
    wrong[:, PROMPT_JOINTS[8:]] += 100  # knees and ankles, all of them below the edge

    def method(_: object) -> list[Estimate | None]:
        return [Estimate(wrong[k, PROMPT_JOINTS]) for k in (0, 1)]

    assert measure(method, [frame])["PCK.05H"] == 100


@pytest.mark.parametrize(("family", "subject"), [("piggyback", "nobody"), (CLOSE_FAMILY, "cmu-18")])
def test_clips_of_test_alone_are_nothing_to_train_on(tmp_path: Path, family: str, subject: str) -> None:
    clip = replace(synthetic_interaction(), family=family, subjects=(subject,))
    save_interactions(tmp_path / "clips.npz", [clip])
    frames = tmp_path / "out" / "frames" / "test"
    frames.mkdir(parents=True)
    save_frames(frames / f"{clip.name}.npz", [synthetic_frame()])
    with pytest.raises(UserError) as caught:
        train_prompted(PromptedTraining((tmp_path / "clips.npz",), tmp_path / "out"))
    assert caught.value.code == "no-training-clips"
