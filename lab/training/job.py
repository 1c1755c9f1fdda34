"""One model's training from examples to weights and card, a slice at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from core.body.files import load_body
from core.checkpoint import Checkpoint, as_record, load_checkpoint, load_weights, save_checkpoint
from core.contract.files import replacing
from core.infilling.denoiser import Denoiser
from core.infilling.infiller import KIND as INFILLER
from core.observations.features import VERSION
from core.representation.residual import ResidualScales
from core.smoothing.network import SequenceSmoother, SmootherConfig
from core.smoothing.smooth import KIND as REFINER
from core.stgcn.inference import KIND as OPTIMIZER
from core.stgcn.inference import load_stgcn
from core.stgcn.network import STGCN
from lab.training.infiller_loss import InfillerObjective

from .card import Card, hardware, write_card
from .curves import save_curves
from .draw import Drawer
from .examples import Example
from .geometry import JointObjective, config_for_features, initial_errors, optimizer_errors
from .infill import DEV_SAMPLING, infiller_config, infiller_errors, scales_of
from .loop import History, Objective, Outcome, Recipe, train
from .refine import RefinerObjective, filter_errors, refiner_errors, true_jerk
from .words import Words
from .workers import Workers

OPTIMIZER_SIZES: dict[str, dict[str, object]] = {
    "small": {"width": 32, "person_width": 96, "blocks": 3},
    "large": {"width": 64, "person_width": 192, "blocks": 5},
}
"""The small one learns on a CPU in an hour or so."""
_LIMITS = "Seen people are a model of the 2D stage's errors, and interactions are composed ones: real film differs."
INFILLER_SIZES: dict[str, dict[str, object]] = {
    "small": {"width": 160, "depth": 4, "heads": 5},
    "large": {"width": 256, "depth": 6, "heads": 8},
}
REFINER_SIZES: dict[str, dict[str, object]] = {"small": {}, "large": {"width": 48, "blocks": 4}}


@dataclass(frozen=True)
class Job:
    examples: Sequence[Example]
    dev: Sequence[Example]
    words: Words
    recipe: Recipe
    folder: Path
    """For the state, the curves, the weights and the card: NAME.state.safetensors, NAME.png, NAME.safetensors, NAME.md."""
    device: torch.device
    workers: Workers
    say: Callable[[str], None] = print
    start: Path | None = None
    """Folder with weights of an earlier training to begin with, NAME.safetensors, of the same sizes."""

    def begun(self, kind: str) -> Checkpoint | None:
        """The weights to begin with; UserError where they do not fit this version."""
        return None if self.start is None else load_checkpoint(self.start / f"{kind}.safetensors", kind, VERSION)


def train_optimizer(job: Job, minutes: float | None, changes: Mapping[str, object] | None = None) -> Outcome:
    """Train the geometry optimizer for `minutes`, or to its end; `changes` to the network's sizes."""
    config = config_for_features(**(changes or {}))
    torch.manual_seed(job.recipe.seed)
    network = STGCN(config).to(job.device)
    body = load_body(None).to(job.device)
    what = (
        "Moves the initial joints of two people to where they plausibly are, with a standard deviation each: a graph "
        f"network over both skeletons and time ({size_of(network)} numbers, core/stgcn/network.py)."
    )
    limits = (
        f"{_LIMITS} The pelvis' sigma is of its place, every other joint's of its place relative to the own pelvis."
    )
    return _trained(
        job, minutes, OPTIMIZER, network, JointObjective(network, body), as_record(config), {}, what, limits,
        lambda averaged: optimizer_errors(averaged, job.dev, job.words),
    )  # fmt: skip


def train_infiller(job: Job, minutes: float | None, changes: Mapping[str, object] | None = None) -> Outcome:
    """Train the infiller, on the geometry optimizer's weights in the job's folder where there are any."""
    config = infiller_config(**(changes or {}))
    torch.manual_seed(job.recipe.seed)
    network = Denoiser(config).to(job.device)
    body = load_body(None).to(job.device)
    weights = job.folder / f"{OPTIMIZER}.safetensors"
    optimizer = load_stgcn(weights, job.device) if weights.exists() else None
    begun = job.begun(INFILLER)
    scales = (
        ResidualScales.from_json(begun.statistics) if begun else scales_of(job.examples, job.words, body, optimizer)
    )
    what = (
        "Fills in the motion of two people where it was not seen: a diffusion transformer over the change of the initial "
        f"motion ({size_of(network)} numbers, core/infilling/denoiser.py), "
        + ("told the geometry optimizer's joints." if optimizer else "trained without the geometry optimizer's joints.")
    )
    limits = f"{_LIMITS} Dev errors are of one take in {DEV_SAMPLING.steps} steps without guidance."
    return _trained(
        job, minutes, INFILLER, network, InfillerObjective(network, scales, body, optimizer), as_record(config),
        scales.to_json(), what, limits,
        lambda averaged: infiller_errors(averaged, job.dev, job.words, scales, body, optimizer),
    )  # fmt: skip


def train_refiner(job: Job, minutes: float | None, changes: Mapping[str, object] | None = None) -> Outcome:
    """Train the sequence refiner on takes made up of the examples."""
    config = SmootherConfig(**(changes or {}))  # pyright: ignore[reportArgumentType]
    torch.manual_seed(job.recipe.seed)
    network = SequenceSmoother(config).to(job.device)
    body = load_body(None).to(job.device)
    numbers = sum(value.numel() for value in network.parameters())
    what = (
        "Makes a take of two people smooth over the whole clip, as much as each joint needs at each moment and speed: gains in "
        f"0-1 for the details of the motion ({numbers} numbers, core/smoothing/network.py). It hears no sentences."
    )
    limits = (
        f"{_LIMITS} Takes are made up, too: truth not wholly reached, with trembling, straying and jumping limbs added "
        "(lab/training/refine.py); what the infiller gets wrong is not the same. It calms and adds nothing: slow errors stay."
    )
    dev = (
        "A made-up take of each clip, and what is left of its errors. gauss and one-euro are plain filters, there and back, of "
        "the same motion; of each that setting of several which suits these same clips best. step: how wrong joints' steps from "
        "one frame to the next are; fast step: of the twentieth of joints and frames that is the fastest in truth; jerk: third "
        f"differences of the joints themselves, {true_jerk(job.dev):.2g} mm in truth (27 times as much in m/s³)."
    )
    return _trained(
        job, minutes, REFINER, network, RefinerObjective(network, body), as_record(config),
        scales_of(job.examples, job.words, body, None).to_json(), what, limits,
        lambda averaged: refiner_errors(averaged, job.dev, body), filter_errors(job.dev, body), dev,
    )  # fmt: skip


def _trained(
    job: Job,
    minutes: float | None,
    kind: str,
    network: nn.Module,
    objective: Objective,
    config: Mapping[str, Any],
    statistics: Mapping[str, Any],
    what: str,
    limits: str,
    measure: Callable[[nn.Module], dict[str, float]],
    beside: Mapping[str, Mapping[str, float]] | None = None,
    dev: str = "",
) -> Outcome:
    """`beside`: dev errors for the card by column, those without the network first; None: the initial motion's."""
    beside = beside or {"initial": initial_errors(job.dev)}
    before = dict(next(iter(beside.values())))

    begun = job.begun(kind)
    if begun is not None and job.start is not None:
        load_weights(network, begun, job.start / f"{kind}.safetensors")

    def noted(step: int, history: History) -> None:
        tell(job, step, history, before)
        save_curves(job.folder / f"{kind}.png", kind, history, before)

    outcome = train(
        network,
        objective,
        Drawer(job.examples, job.words, job.device),
        measure,
        job.recipe,
        state=job.folder / f"{kind}.state.safetensors",
        settings={"config": config, "features": VERSION},
        minutes=minutes,
        workers=job.workers,
        on_dev=noted,
    )
    if job.workers.first:
        errors = measure(outcome.averaged)
        write_weights(job, outcome, kind, config, errors, statistics)
        card = card_of(job, outcome, kind, what, {**beside, kind: errors}, limits, dev)
        write_card(job.folder / f"{kind}.md", card)
    return outcome


def tell(job: Job, step: int, history: History, before: Mapping[str, float]) -> None:
    errors = ", ".join(
        f"{name} {value:.3g}" + (f" ({before[name]:.3g})" if name in before else "")
        for name, value in history.latest().items()
    )
    job.say(f"step {step}, {history.seconds / 60:.1f} min: {errors}")


def write_weights(
    job: Job,
    outcome: Outcome,
    kind: str,
    config: Mapping[str, Any],
    errors: Mapping[str, float],
    statistics: Mapping[str, Any],
) -> None:
    before = job.begun(kind)
    earlier = before.training if before else {}
    about = {
        "steps": outcome.step + earlier.get("steps", 0),
        "minutes": round(outcome.history.seconds / 60 + earlier.get("minutes", 0), 1),
        "examples": len(job.examples),
        "dev": {name: round(value, 4) for name, value in errors.items()},
    }
    tensors = outcome.averaged.state_dict()
    path = job.folder / f"{kind}.safetensors"
    save_checkpoint(path, Checkpoint(kind, VERSION, config, tensors, statistics, about))


def card_of(
    job: Job,
    outcome: Outcome,
    name: str,
    what: str,
    errors: Mapping[str, Mapping[str, float]],
    limits: str,
    about_dev: str = "",
) -> Card:
    recipe, frames = job.recipe, int(np.sum([example.frames for example in job.examples]))
    people = "strangers" if any(example.family == "strangers" for example in job.examples) else ""
    families = sorted({example.family for example in job.examples} - {"strangers"})
    data = (
        f"{len(job.examples)} clips ({frames} frames of pairs at 30 a second) of {len(families)} families of interactions"
        f"{', and of strangers,' if people else ''} composed from motion capture of the training subjects, seen by drawn cameras "
        f"through the model of the 2D stage: {', '.join(families)}."
    )
    training = {
        "steps": f"{outcome.step} of {recipe.steps}{'' if outcome.finished else ' (stopped early)'}",
        "windows a step": f"{recipe.batch * job.workers.count} of 64 frames",
        "time": f"{outcome.history.seconds / 60:.0f} minutes",
        "hardware": hardware(job.device) + (f", {job.workers.count} processes" if job.workers.count > 1 else ""),
        "begun with": _history_of(job.begun(name)),
        "sentences": f"{len(job.words)}" if len(job.words) else "none: trained without text",
        "optimizer": f"AdamW, learning rate {recipe.learning_rate:g}, weights averaged ({recipe.average})",
    }
    dev = f"Means over {len(job.dev)} clips of the dev subjects, one camera each. {about_dev}".rstrip()
    return Card(name, what, data, training, dev, errors, limits)


def _history_of(begun: Checkpoint | None) -> str:
    if begun is None:
        return "random numbers"
    about = begun.training
    return f"weights of {about['steps']} steps, {about['minutes']:.0f} minutes, on {about['examples']} clips"


def size_of(network: nn.Module) -> str:
    return f"{sum(value.numel() for value in network.parameters()) / 1e6:.1f} million"


def install(folder: Path, name: str, models: Path) -> None:
    """Put weights and card where the product looks for them."""
    for ending in ("safetensors", "md"):
        with replacing(models / f"{name}.{ending}") as temporary:
            temporary.write_bytes((folder / f"{name}.{ending}").read_bytes())
