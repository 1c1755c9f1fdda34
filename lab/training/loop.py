"""The training loop: it can be stopped at any time and continued, with the same result as if it had never been stopped.

AdamW (Loshchilov and Hutter, ICLR 2019) with warm-up and cosine decay of the learning rate, gradient clipping, and an exponential
moving average (EMA) of the weights, which is what is evaluated and kept. The data of a step are drawn from a seed made of the
settings' seed, the number of the step and the rank of the process, so continuing needs nothing but the state on disk.
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

from .distributed import ProcessGroup

_STATE_KIND = "training-state"


@dataclass(frozen=True)
class TrainingSettings:
    """How a network is trained."""

    steps: int
    batch_size: int = 16
    """Windows per step and process."""
    learning_rate: float = 1e-3
    warmup_steps: int = 200
    weight_decay: float = 0.01
    adam_betas: tuple[float, float] = (0.9, 0.98)
    max_grad_norm: float = 1.0
    ema_decay: float = 0.999
    seed: int = 0
    log_every: int = 25
    """Steps between two points of the training curve."""
    dev_every: int = 250
    """Steps between two evaluations on the dev examples."""
    save_seconds: float = 60.0
    """Between two states on disk."""
    max_failures: int = 20
    """Steps in a row with a loss that is not finite, after which the training is given up."""


_REPORTING = ("log_every", "dev_every", "save_seconds", "max_failures")
"""Settings that do not change the weights: they may differ when a training is continued."""


@dataclass
class History:
    """Curves by name, each a list of [step, value]."""

    train: dict[str, list[list[float]]] = field(default_factory=dict)
    dev: dict[str, list[list[float]]] = field(default_factory=dict)
    seconds: float = 0.0
    """Of training, over all runs."""

    def latest(self) -> dict[str, float]:
        """The newest dev errors."""
        return {name: points[-1][1] for name, points in self.dev.items() if points}


@dataclass(frozen=True)
class TrainingResult:
    """Where a training stands when it ends or is interrupted."""

    step: int
    finished: bool
    ema: nn.Module
    """The network with the averaged weights."""
    history: History


class Objective(Protocol):
    """The loss of a batch, and its parts for the curves. Random numbers come from `generator` alone."""

    def __call__(self, batch: Any, generator: torch.Generator, /) -> tuple[Tensor, Mapping[str, Tensor | float]]: ...


@dataclass(frozen=True)
class Task:
    """What is trained on what."""

    network: nn.Module
    objective: Objective
    """Uses the network."""
    draw_batch: Callable[[np.random.Generator, int], Any]
    """A batch of that size on the network's device."""
    evaluate: Callable[[nn.Module], Mapping[str, float]]
    """Dev errors of a network."""
    record: Mapping[str, Any]
    """JSON: what must be the same to continue a training (sizes, data)."""


def train(
    task: Task,
    settings: TrainingSettings,
    state: Path,
    *,
    minutes: float | None = None,
    processes: ProcessGroup | None = None,
    on_dev: Callable[[int, History], None] | None = None,
) -> TrainingResult:
    """Train the network from the state on disk, or from the beginning.

    `minutes` stops the run early. `on_dev` is called after each evaluation with the step and the curves. UserError
    `training-changed` if the state on disk belongs to other settings, `training-diverged` if losses are not finite.
    """
    processes = processes or ProcessGroup()
    device = next(task.network.parameters()).device
    run = _Run(task.network, settings, task.record, state)
    run.resume()
    began = saved = time.monotonic()
    seconds_before, failures = run.history.seconds, 0
    while run.step < settings.steps:
        time_is_up = minutes is not None and time.monotonic() - began >= 60 * minutes
        if processes.broadcast(time_is_up, device):
            break
        seed = (settings.seed, run.step, processes.rank)
        batch = task.draw_batch(np.random.default_rng(seed), settings.batch_size)
        generator = torch.Generator(device).manual_seed(_hash(seed))
        task.network.train()
        loss, parts = task.objective(batch, generator)
        failures = 0 if run.update(loss, parts, processes) else failures + 1
        if failures >= settings.max_failures:
            raise UserError(
                "training-diverged",
                f"The loss has not been finite for {failures} steps.",
                "Look for examples with values that are not finite, or start again with a smaller learning rate.",
            )
        run.step += 1
        run.history.seconds = seconds_before + time.monotonic() - began
        if processes.is_main and (run.step % settings.dev_every == 0 or run.step == settings.steps):
            run.log_dev(task.evaluate(run.ema.eval()))
            if on_dev:
                on_dev(run.step, run.history)
        if processes.is_main and time.monotonic() - saved > settings.save_seconds:
            run.save()
            saved = time.monotonic()
    if processes.is_main:
        run.save()
    processes.barrier()
    return TrainingResult(run.step, run.step >= settings.steps, run.ema.eval(), run.history)


def learning_rate(settings: TrainingSettings, step: int) -> float:
    """Linear warm-up, then a cosine down to a hundredth."""
    if step < settings.warmup_steps:
        return settings.learning_rate * (step + 1) / settings.warmup_steps
    progress = (step - settings.warmup_steps) / max(1, settings.steps - settings.warmup_steps)
    return settings.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))


class _Run:
    """Everything of a training that changes, and the file that it is saved in."""

    def __init__(self, network: nn.Module, settings: TrainingSettings, record: Mapping[str, Any], path: Path) -> None:
        decisive = {name: value for name, value in asdict(settings).items() if name not in _REPORTING}
        self.network, self.settings, self.path = network, settings, path
        self.record = {"training": decisive, "task": dict(record)}
        self.ema = copy.deepcopy(network).requires_grad_(False)
        self.parameters = dict(network.named_parameters())
        vectors = [value for value in self.parameters.values() if value.dim() < 2]
        matrices = [value for value in self.parameters.values() if value.dim() >= 2]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": settings.weight_decay},
                {"params": vectors, "weight_decay": 0.0},
            ],
            betas=settings.adam_betas,
        )
        self.step, self.history = 0, History()
        self.sums: dict[str, float] = {}
        """For the next point of the training curve."""

    def update(self, loss: Tensor, parts: Mapping[str, Tensor | float], processes: ProcessGroup) -> bool:
        """One optimizer step. False if it was skipped because the loss or the gradients are not finite."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        for value in self.parameters.values():
            if value.grad is None:  # not used by this batch: all processes, and resumed runs, must step alike
                value.grad = torch.zeros_like(value)
        processes.average([value.grad for value in self.parameters.values() if value.grad is not None])
        norm = nn.utils.clip_grad_norm_(self.parameters.values(), self.settings.max_grad_norm)
        if not bool(torch.isfinite(norm)) or not bool(torch.isfinite(loss.detach())):
            return False
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.settings, self.step)
        self.optimizer.step()
        # a small decay at first: the untrained weights are no good average
        decay = min(self.settings.ema_decay, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self.ema.named_parameters():
                value.lerp_(self.parameters[name], 1 - decay)
            for averaged, current in zip(self.ema.buffers(), self.network.buffers()):
                averaged.copy_(current)
        self._log({"loss": loss.detach(), **parts})
        return True

    def _log(self, parts: Mapping[str, Tensor | float]) -> None:
        for name, value in {**parts, "": 1.0}.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(torch.as_tensor(value).detach())
        if (self.step + 1) % self.settings.log_every == 0:
            count = self.sums.pop("")
            for name, total in self.sums.items():
                self.history.train.setdefault(name, []).append([self.step + 1, total / count])
            self.sums = {}

    def log_dev(self, errors: Mapping[str, float]) -> None:
        for name, value in errors.items():
            if math.isfinite(value):
                self.history.dev.setdefault(name, []).append([self.step, float(value)])

    def save(self) -> None:
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        tensors |= {f"ema.{name}": value for name, value in self.ema.state_dict().items()}
        for name, value in self.parameters.items():
            tensors |= {f"adam.{key}.{name}": moment for key, moment in self.optimizer.state.get(value, {}).items()}
        progress = {"step": self.step, "history": asdict(self.history), "sums": self.sums}
        save_checkpoint(self.path, Checkpoint(_STATE_KIND, 0, self.record, tensors, training=progress))

    def resume(self) -> None:
        if not self.path.exists():
            return
        saved = load_checkpoint(self.path, _STATE_KIND)
        changed = _differences(self.record, saved.config)
        if changed:
            raise UserError(
                "training-changed",
                f"The training in {self.path.parent} was started with other settings ({', '.join(changed)}).",
                "Continue with the same settings, or start a new training in another folder.",
            )
        groups: dict[str, dict[str, Tensor]] = {"network": {}, "ema": {}, "adam": {}}
        for name, value in saved.tensors.items():
            group, rest = name.split(".", 1)
            groups[group][rest] = value
        self.network.load_state_dict(groups["network"])
        self.ema.load_state_dict(groups["ema"])
        for name, value in groups["adam"].items():
            key, parameter_name = name.split(".", 1)
            parameter = self.parameters[parameter_name]
            moment = value if key == "step" else value.to(parameter.device)
            self.optimizer.state[parameter][key] = moment.clone()
        self.step = int(saved.training["step"])
        self.history = History(**saved.training["history"])
        self.sums = dict(saved.training["sums"])


def _differences(wanted: Mapping[str, Any], saved: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Names of the settings that differ, those within others joined by dots."""
    names = []
    for name in sorted({*wanted, *saved}):
        a, b = _as_json(wanted.get(name)), _as_json(saved.get(name))
        if isinstance(a, dict) and isinstance(b, dict):
            names += _differences(a, b, f"{prefix}{name}.")
        elif a != b:
            names.append(f"{prefix}{name}")
    return names


def _as_json(value: Any) -> Any:
    """The value as it comes back from JSON: lists instead of tuples."""
    return [_as_json(each) for each in value] if isinstance(value, tuple | list) else value


def _hash(seed: tuple[int, ...]) -> int:
    """One number for torch's generators, which take no sequences."""
    return int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0] >> np.uint64(1))
