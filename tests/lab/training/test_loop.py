"""Training: it learns, it can be stopped and gone on with, and it says what is wrong."""

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
from lab.training.loop import History, Outcome, Recipe, learning_rate, train
from lab.training.workers import Workers

RECIPE = Recipe(
    steps=40, batch=8, learning_rate=0.05, warm_up=5, weight_decay=0.0, average=0.9, note_every=4, dev_every=10
)
TRUE = torch.tensor([[1.0, -2.0, 0.5]])


class Line:
    """Learn y = w x from noisy points."""

    def __init__(self) -> None:
        torch.manual_seed(3)
        self.network = nn.Linear(3, 1)
        self.steps = 0

    def draw(self, rng: np.random.Generator, count: int) -> Tensor:
        self.steps += 1
        return torch.from_numpy(rng.normal(size=(count, 3))).float()

    def loss(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        noise = 0.01 * torch.randn(len(x), 1, generator=generator)
        error = (self.network(x) - (x @ TRUE.T + noise)).square().mean()
        return error, {"error": error}

    def measure(self, network: nn.Module) -> dict[str, float]:
        assert isinstance(network, nn.Linear)
        return {"off": float((network.weight - TRUE).abs().max())}

    def train(self, state: Path, recipe: Recipe = RECIPE, minutes: float | None = None) -> Outcome:
        return train(
            self.network,
            self.loss,
            self.draw,
            self.measure,
            recipe,
            state=state,
            settings={"of": "a line"},
            minutes=minutes,
        )


def weights(outcome: Outcome) -> Tensor:
    return nn.utils.parameters_to_vector(outcome.averaged.parameters())


def test_it_learns(tmp_path: Path) -> None:
    recipe = replace(RECIPE, steps=150)
    outcome = Line().train(tmp_path / "state.safetensors", recipe)
    assert outcome.finished and outcome.history.latest()["off"] < 0.02
    curve = np.array(outcome.history.train["error"])
    assert curve[0, 0] == 4 and curve[-1, 1] < 0.01 * curve[0, 1]
    assert [step for step, _ in outcome.history.dev["off"]] == list(range(10, 151, 10))


def test_what_was_stopped_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    straight = Line().train(tmp_path / "straight.safetensors")
    state = tmp_path / "stopped.safetensors"

    class Interrupted(Line):
        def draw(self, rng: np.random.Generator, count: int) -> Tensor:
            if self.steps == 17:
                monotonic.now += 3600.0  # an hour is over: the slice ends after this step
            return super().draw(rng, count)

    with pytest.MonkeyPatch.context() as patch:
        monotonic = Clock()
        patch.setattr("lab.training.loop.time.monotonic", monotonic)
        first = Interrupted().train(state, minutes=10)
    assert not first.finished and first.step == 18
    again = Line()
    second = again.train(state)
    assert second.finished and again.steps == RECIPE.steps - 18
    assert torch.equal(weights(second), weights(straight))
    assert second.history.train == straight.history.train and second.history.dev == straight.history.dev


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_crash_costs_a_minute_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("lab.training.loop.time.monotonic", clock)

    class Crashing(Line):
        def draw(self, rng: np.random.Generator, count: int) -> Tensor:
            clock.now += 10.0
            if self.steps == 30:
                raise KeyboardInterrupt
            return super().draw(rng, count)

    with pytest.raises(KeyboardInterrupt):
        Crashing().train(tmp_path / "state.safetensors")
    assert load_checkpoint(tmp_path / "state.safetensors").training["step"] >= 30 - 7


def test_a_finished_training_is_left_as_it_is(tmp_path: Path) -> None:
    state = tmp_path / "state.safetensors"
    first, again = Line().train(state), Line()
    second = again.train(state)
    assert again.steps == 0 and torch.equal(weights(first), weights(second))


def test_other_settings_do_not_go_on_with_it(tmp_path: Path) -> None:
    state = tmp_path / "state.safetensors"
    Line().train(state)
    with pytest.raises(UserError, match=r"recipe\.learning_rate") as caught:
        Line().train(state, replace(RECIPE, learning_rate=0.01))
    assert caught.value.code == "training-changed"


def test_losses_that_are_no_numbers_do_not_spoil_the_weights(tmp_path: Path) -> None:
    class Sometimes(Line):
        bad = frozenset({3, 4, 11})

        def loss(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
            error, parts = super().loss(x, generator)
            return (error * float("nan") if self.steps in self.bad else error), parts

    recipe = replace(RECIPE, steps=150)
    assert Sometimes().train(tmp_path / "a.safetensors", recipe).history.latest()["off"] < 0.05
    hopeless = Sometimes()
    hopeless.bad = frozenset(range(1000))
    with pytest.raises(UserError) as caught:
        hopeless.train(tmp_path / "b.safetensors", recipe)
    assert caught.value.code == "training-diverged"


def test_the_learning_rate_warms_up_and_falls() -> None:
    rates = [learning_rate(RECIPE, step) for step in range(RECIPE.steps)]
    assert rates[0] == pytest.approx(0.01) and max(rates) == pytest.approx(0.05) and np.argmax(rates) in (4, 5)
    assert all(later < earlier for earlier, later in zip(rates[5:], rates[6:]))
    assert rates[-1] < 0.05 * 0.02


def test_one_process_agrees_with_itself() -> None:
    alone, values = Workers(), [torch.tensor([1.0, 2.0])]
    alone.average(values)
    assert alone.first and values[0].tolist() == [1.0, 2.0] and alone.agree(True, torch.device("cpu"))


def test_curves_are_a_picture(tmp_path: Path) -> None:
    history = History({"loss": [[1, 2.0], [2, 1.0]]}, {"mpjpe": [[2, 50.0]], "int": [[2, 70.0]]}, 90.0)
    save_curves(tmp_path / "curves.png", "a line", history, {"mpjpe": 60.0})
    assert (tmp_path / "curves.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
