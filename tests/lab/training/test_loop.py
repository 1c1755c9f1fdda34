"""The training loop: it learns, it can be stopped and continued, and it reports what is wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from core.checkpoint import load_checkpoint
from core.contract.errors import UserError
from lab.training.curves import save_curves
from lab.training.distributed import ProcessGroup
from lab.training.loop import History, Task, TrainingResult, TrainingSettings, learning_rate, train

SETTINGS = TrainingSettings(
    steps=40,
    batch_size=8,
    learning_rate=0.05,
    warmup_steps=5,
    weight_decay=0.0,
    ema_decay=0.9,
    log_every=4,
    dev_every=10,
)
TRUE = torch.tensor([[1.0, -2.0, 0.5]])


class Regression:
    """Learns y = w x from noisy points."""

    def __init__(self) -> None:
        torch.manual_seed(3)
        self.network = nn.Linear(3, 1)
        self.steps = 0

    def draw_batch(self, rng: np.random.Generator, count: int) -> Tensor:
        self.steps += 1
        return torch.from_numpy(rng.normal(size=(count, 3))).float()

    def objective(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        noise = 0.01 * torch.randn(len(x), 1, generator=generator)
        error = (self.network(x) - (x @ TRUE.T + noise)).square().mean()
        return error, {"error": error}

    def evaluate(self, network: nn.Module) -> dict[str, float]:
        assert isinstance(network, nn.Linear)
        return {"weight": float((network.weight - TRUE).abs().max())}

    def train(self, state: Path, settings: TrainingSettings = SETTINGS, minutes: float | None = None) -> TrainingResult:
        task = Task(self.network, self.objective, self.draw_batch, self.evaluate, {"of": "a line"})
        return train(task, settings, state, minutes=minutes)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Replaces the clock of the loop; it stands still until a test moves it."""
    clock = Clock()
    monkeypatch.setattr("lab.training.loop.time.monotonic", clock)
    return clock


def weights(result: TrainingResult) -> Tensor:
    return nn.utils.parameters_to_vector(result.ema.parameters())


def test_it_learns_and_keeps_curves(tmp_path: Path) -> None:
    result = Regression().train(tmp_path / "state.safetensors", replace(SETTINGS, steps=150))
    assert result.finished and result.history.latest()["weight"] < 0.02
    curve = np.array(result.history.train["error"])
    assert curve[0, 0] == 4 and curve[-1, 1] < 0.01 * curve[0, 1]
    assert [step for step, _ in result.history.dev["weight"]] == list(range(10, 151, 10))


def test_a_stopped_training_ends_as_if_it_had_not_been_stopped(tmp_path: Path, clock: Clock) -> None:
    whole = Regression().train(tmp_path / "whole.safetensors")
    state = tmp_path / "stopped.safetensors"

    class Slow(Regression):
        def draw_batch(self, rng: np.random.Generator, count: int) -> Tensor:
            if self.steps == 17:
                clock.now += 3600.0  # an hour passes: the run ends after this step
            return super().draw_batch(rng, count)

    first = Slow().train(state, minutes=10)
    assert not first.finished and first.step == 18
    continued = Regression()
    second = continued.train(state)
    assert second.finished and continued.steps == SETTINGS.steps - 18
    assert torch.equal(weights(second), weights(whole))
    assert second.history.train == whole.history.train and second.history.dev == whole.history.dev


def test_the_state_is_saved_every_minute(tmp_path: Path, clock: Clock) -> None:
    class Crashing(Regression):
        def draw_batch(self, rng: np.random.Generator, count: int) -> Tensor:
            clock.now += 10.0
            if self.steps == 30:
                raise KeyboardInterrupt
            return super().draw_batch(rng, count)

    with pytest.raises(KeyboardInterrupt):
        Crashing().train(tmp_path / "state.safetensors")
    assert load_checkpoint(tmp_path / "state.safetensors").training["step"] >= 30 - 7


def test_a_finished_training_is_not_continued(tmp_path: Path) -> None:
    state = tmp_path / "state.safetensors"
    first, again = Regression().train(state), Regression()
    second = again.train(state)
    assert again.steps == 0 and torch.equal(weights(first), weights(second))


def test_a_state_of_other_settings_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "state.safetensors"
    Regression().train(state)
    with pytest.raises(UserError, match=r"training\.learning_rate") as caught:
        Regression().train(state, replace(SETTINGS, learning_rate=0.01))
    assert caught.value.code == "training-changed"


def test_how_often_the_training_reports_may_change(tmp_path: Path) -> None:
    state = tmp_path / "state.safetensors"
    Regression().train(state)
    assert Regression().train(state, replace(SETTINGS, log_every=1, dev_every=5)).finished


def test_steps_with_a_loss_that_is_not_finite_are_skipped(tmp_path: Path) -> None:
    class Sometimes(Regression):
        bad = frozenset({3, 4, 11})

        def objective(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
            error, parts = super().objective(x, generator)
            return (error * float("nan") if self.steps in self.bad else error), parts

    settings = replace(SETTINGS, steps=150)
    assert Sometimes().train(tmp_path / "a.safetensors", settings).history.latest()["weight"] < 0.05
    always = Sometimes()
    always.bad = frozenset(range(1000))
    with pytest.raises(UserError) as caught:
        always.train(tmp_path / "b.safetensors", settings)
    assert caught.value.code == "training-diverged"


def test_the_learning_rate_warms_up_and_decays() -> None:
    rates = [learning_rate(SETTINGS, step) for step in range(SETTINGS.steps)]
    assert rates[0] == pytest.approx(0.01) and max(rates) == pytest.approx(0.05) and np.argmax(rates) in (4, 5)
    assert all(later < earlier for earlier, later in zip(rates[5:], rates[6:]))
    assert rates[-1] < 0.05 * 0.02


def test_a_single_process_averages_and_broadcasts_with_itself() -> None:
    alone, values = ProcessGroup(), [torch.tensor([1.0, 2.0])]
    alone.average(values)
    assert alone.is_main and values[0].tolist() == [1.0, 2.0] and alone.broadcast(True, torch.device("cpu"))


def test_curves_are_plotted(tmp_path: Path) -> None:
    history = History({"loss": [[1, 2.0], [2, 1.0]]}, {"mpjpe": [[2, 50.0]], "int": [[2, 70.0]]}, 90.0)
    save_curves(tmp_path / "curves.png", "a line", history, {"mpjpe": 60.0})
    assert (tmp_path / "curves.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
