"""Training that may be stopped at any moment: what a step does follows from its number, and the state is on disk.

AdamW (Loshchilov and Hutter, 2019), learning rate warmed up, then falling along a cosine; gradients clipped; a moving average of
the weights is what is measured and kept. The data of a step are drawn from a seed made of the recipe's seed, the
step's number and the process's: to go on is to count on, and a training that was interrupted ends with the same weights.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from core.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from core.contract.errors import UserError

from .workers import Workers

_STATE_KIND = "training-state"
_SAVE_SECONDS = 60.0
_MOST_FAILURES = 20
"""Steps in a row whose loss is not finite, after which there is no hope."""
_BETAS = (0.9, 0.98)


@dataclass(frozen=True)
class Recipe:
    steps: int
    batch: int = 16
    """Windows a step and process."""
    learning_rate: float = 1e-3
    warm_up: int = 200
    """Steps."""
    weight_decay: float = 0.01
    clip: float = 1.0
    """Largest norm of all gradients together."""
    average: float = 0.999
    """Share of the moving average that stays, each step."""
    seed: int = 0
    note_every: int = 25
    """Steps between two points of the training curve."""
    dev_every: int = 250


@dataclass
class History:
    """Curves by name, each a list of [step, value]."""

    train: dict[str, list[list[float]]] = field(default_factory=dict)
    dev: dict[str, list[list[float]]] = field(default_factory=dict)
    seconds: float = 0.0
    """Spent training, over all slices."""

    def latest(self) -> dict[str, float]:
        """The newest dev errors."""
        return {name: points[-1][1] for name, points in self.dev.items() if points}


@dataclass(frozen=True)
class Outcome:
    step: int
    finished: bool
    averaged: nn.Module
    """The network with the moving average of the weights."""
    history: History


class Objective(Protocol):
    """The loss of one batch, and its parts for the curves. Draws what it needs at random from `generator` alone."""

    def __call__(self, batch: Any, generator: torch.Generator, /) -> tuple[Tensor, Mapping[str, Tensor | float]]: ...


def train(
    network: nn.Module,
    objective: Objective,
    draw: Callable[[np.random.Generator, int], Any],
    measure: Callable[[nn.Module], Mapping[str, float]],
    recipe: Recipe,
    *,
    state: Path,
    settings: Mapping[str, Any],
    minutes: float | None = None,
    workers: Workers | None = None,
    on_dev: Callable[[int, History], None] | None = None,
) -> Outcome:
    """Train `network`, which `objective` uses, from where `state` says it stopped, or from the beginning.

    `draw(rng, count)` gives a batch on the network's device; `measure(averaged network)` the dev errors. `settings`: what else
    has to be the same for the state to be of use (sizes, data); JSON. `minutes`: stop after as many. UserError
    `training-changed` where the state on disk is of another recipe or settings, `training-diverged` where losses are no numbers.
    """
    crew = workers or Workers()
    device = next(network.parameters()).device
    run = _Run(network, recipe, {"recipe": _deciding(recipe), "settings": dict(settings)}, state)
    run.resume()
    began = saved = time.monotonic()
    spent_before, failures = run.history.seconds, 0
    while run.step < recipe.steps:
        enough = minutes is not None and time.monotonic() - began >= 60 * minutes
        if crew.agree(enough, device):
            break
        seed = (recipe.seed, run.step, crew.rank)
        batch = draw(np.random.default_rng(seed), recipe.batch)
        generator = torch.Generator(device).manual_seed(_one_number(seed))
        network.train()
        loss, parts = objective(batch, generator)
        failures = 0 if run.learn(loss, parts, crew) else failures + 1
        if failures >= _MOST_FAILURES:
            raise UserError(
                "training-diverged",
                f"The loss has not been a number for {failures} steps.",
                "Look for examples with bad numbers, or train with a smaller learning rate from the beginning.",
            )
        run.step += 1
        run.history.seconds = spent_before + time.monotonic() - began
        if crew.first and (run.step % recipe.dev_every == 0 or run.step == recipe.steps):
            run.note_dev(measure(run.averaged.eval()))
            if on_dev:
                on_dev(run.step, run.history)
        if crew.first and time.monotonic() - saved > _SAVE_SECONDS:
            run.save()
            saved = time.monotonic()
    if crew.first:
        run.save()
    crew.wait()
    return Outcome(run.step, run.step >= recipe.steps, run.averaged.eval(), run.history)


def learning_rate(recipe: Recipe, step: int) -> float:
    """Of the step with that number: up in a line, then down along half a cosine to a hundredth."""
    if step < recipe.warm_up:
        return recipe.learning_rate * (step + 1) / recipe.warm_up
    share = (step - recipe.warm_up) / max(1, recipe.steps - recipe.warm_up)
    return recipe.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share)))


class _Run:
    """Everything of a training that changes, and the file that it is kept in."""

    def __init__(self, network: nn.Module, recipe: Recipe, settings: Mapping[str, Any], path: Path) -> None:
        self.network, self.recipe, self.settings, self.path = network, recipe, settings, path
        self.averaged = copy.deepcopy(network).requires_grad_(False)
        self.parameters = dict(network.named_parameters())
        plain = [value for value in self.parameters.values() if value.dim() < 2]
        rest = [value for value in self.parameters.values() if value.dim() >= 2]
        self.adam = torch.optim.AdamW(
            [{"params": rest, "weight_decay": recipe.weight_decay}, {"params": plain, "weight_decay": 0.0}],
            betas=_BETAS,
        )
        self.step, self.history = 0, History()
        self.sums: dict[str, float] = {}
        """Of the training curve's next point."""

    def learn(self, loss: Tensor, parts: Mapping[str, Tensor | float], crew: Workers) -> bool:
        """One step down; whether it could be taken."""
        self.adam.zero_grad(set_to_none=True)
        loss.backward()
        for value in self.parameters.values():
            if value.grad is None:  # not used by this batch: all processes and all resumed runs step alike
                value.grad = torch.zeros_like(value)
        gradients = [value.grad for value in self.parameters.values() if value.grad is not None]
        crew.average(gradients)
        length = nn.utils.clip_grad_norm_(self.parameters.values(), self.recipe.clip)
        if not bool(torch.isfinite(length)) or not bool(torch.isfinite(loss.detach())):
            return False
        for group in self.adam.param_groups:
            group["lr"] = learning_rate(self.recipe, self.step)
        self.adam.step()
        # little is remembered at first: the untrained weights are no good average
        keep = min(self.recipe.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self.averaged.named_parameters():
                value.lerp_(self.parameters[name], 1 - keep)
            for mine, theirs in zip(self.averaged.buffers(), self.network.buffers()):
                mine.copy_(theirs)
        self._note({"loss": loss.detach(), **parts})
        return True

    def _note(self, parts: Mapping[str, Tensor | float]) -> None:
        for name, value in {**parts, "": 1.0}.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(torch.as_tensor(value).detach())
        if (self.step + 1) % self.recipe.note_every == 0:
            count = self.sums.pop("")
            for name, total in self.sums.items():
                self.history.train.setdefault(name, []).append([self.step + 1, total / count])
            self.sums = {}

    def note_dev(self, errors: Mapping[str, float]) -> None:
        for name, value in errors.items():
            if math.isfinite(value):
                self.history.dev.setdefault(name, []).append([self.step, float(value)])

    def save(self) -> None:
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        tensors |= {f"averaged.{name}": value for name, value in self.averaged.state_dict().items()}
        for name, value in self.parameters.items():
            tensors |= {f"adam.{part}.{name}": kept for part, kept in self.adam.state.get(value, {}).items()}
        about = {"step": self.step, "history": asdict(self.history), "sums": self.sums}
        save_checkpoint(self.path, Checkpoint(_STATE_KIND, 0, self.settings, tensors, training=about))

    def resume(self) -> None:
        if not self.path.exists():
            return
        found = load_checkpoint(self.path, _STATE_KIND)
        changed = _differences(self.settings, found.config)
        if changed:
            raise UserError(
                "training-changed",
                f"The training in {self.path.parent} was begun with other settings ({', '.join(changed)}).",
                "Go on with the same ones, or begin a new training in another folder.",
            )
        groups: dict[str, dict[str, Tensor]] = {"network": {}, "averaged": {}, "adam": {}}
        for name, value in found.tensors.items():
            group, rest = name.split(".", 1)
            groups[group][rest] = value
        self.network.load_state_dict(groups["network"])
        self.averaged.load_state_dict(groups["averaged"])
        for key, value in groups["adam"].items():
            part, name = key.split(".", 1)
            parameter = self.parameters[name]
            kept = value if part == "step" else value.to(parameter.device)
            self.adam.state[parameter][part] = kept.clone()
        self.step = int(found.training["step"])
        self.history = History(**found.training["history"])
        self.sums = dict(found.training["sums"])


def _deciding(recipe: Recipe) -> dict[str, Any]:
    """What of a recipe decides the weights; how often one looks does not."""
    return {name: value for name, value in asdict(recipe).items() if name not in ("note_every", "dev_every")}


def _differences(wanted: Mapping[str, Any], found: Mapping[str, Any], prefix: str = "") -> list[str]:
    names = []
    for name in sorted({*wanted, *found}):
        a, b = _plain(wanted.get(name)), _plain(found.get(name))
        if isinstance(a, dict) and isinstance(b, dict):
            names += _differences(a, b, f"{prefix}{name}.")
        elif a != b:
            names.append(f"{prefix}{name}")
    return names


def _plain(value: Any) -> Any:
    """As JSON gives it back."""
    return [_plain(each) for each in value] if isinstance(value, tuple | list) else value


def _one_number(seed: tuple[int, ...]) -> int:
    return int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0] >> np.uint64(1))
