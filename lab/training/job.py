"""Trains one network from examples to weights and model card."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from core.body.files import load_body
from core.checkpoint import Checkpoint, as_record, load_checkpoint, load_weights, save_checkpoint
from core.contract.files import replacing
from core.infilling.denoiser import Denoiser
from core.infilling.infiller import KIND as INFILLER
from core.observations.features import VERSION
from core.representation.residual import ResidualScales
from core.representation.sliding_windows import WINDOW
from core.smoothing.network import SequenceSmoother, SmootherConfig
from core.smoothing.smooth import KIND as SMOOTHER
from core.stgcn.inference import KIND as STGCN_KIND
from core.stgcn.inference import load_stgcn
from core.stgcn.network import STGCN

from .batches import BatchSampler
from .curves import save_curves
from .distributed import ProcessGroup
from .examples import Example
from .infiller import DEV_SAMPLING, InfillerContext, compute_scales, infiller_config, infiller_errors
from .infiller_loss import InfillerObjective
from .loop import History, Objective, Task, TrainingResult, TrainingSettings, train
from .model_card import ModelCard, describe_hardware, write_card
from .non_interacting import CLOSE_FAMILY
from .non_interacting import FAMILY as NON_INTERACTING
from .sentence_embeddings import SentenceEmbeddings
from .smoother import SmootherObjective, baseline_errors, smoother_errors, true_jerk
from .stgcn import STGCNObjective, initial_errors, stgcn_config, stgcn_errors

STGCN_SIZES: dict[str, dict[str, object]] = {
    "small": {"width": 32, "person_width": 96, "blocks": 3},
    "large": {"width": 64, "person_width": 192, "blocks": 5},
}
"""The small one can be trained on a CPU in about an hour."""
INFILLER_SIZES: dict[str, dict[str, object]] = {
    "small": {"width": 160, "depth": 4, "heads": 5},
    "large": {"width": 256, "depth": 6, "heads": 8},
}
SMOOTHER_SIZES: dict[str, dict[str, object]] = {"small": {}, "large": {"width": 48, "blocks": 4}}
_LIMITS = (
    "The errors of the 2D stage are simulated and the interactions are composed from recordings of single people: real film "
    "differs."
)


@dataclass(frozen=True)
class TrainingJob:
    """What the networks are trained on, how, and where the results go."""

    examples: Sequence[Example]
    dev: Sequence[Example]
    """Examples to evaluate on, of other subjects."""
    embeddings: SentenceEmbeddings
    settings: TrainingSettings
    folder: Path
    """For NAME.state.safetensors, NAME.png, NAME.safetensors and NAME.md."""
    device: torch.device
    processes: ProcessGroup = field(default_factory=ProcessGroup)
    log: Callable[[str], None] = print
    initial: Path | None = None
    """Folder with weights of an earlier training of the same sizes to start from, NAME.safetensors."""

    def initial_checkpoint(self, kind: str) -> Checkpoint | None:
        """The weights to start from. UserError `weights-missing` or `weights-wrong`."""
        return None if self.initial is None else load_checkpoint(self.initial / f"{kind}.safetensors", kind, VERSION)


@dataclass(frozen=True)
class CardText:
    """Sentences of a model card."""

    summary: str
    limits: str = _LIMITS
    dev: str = ""


@dataclass(frozen=True)
class _Plan:
    """The training of one network."""

    kind: str
    network: nn.Module
    config: Any
    objective: Objective
    evaluate: Callable[[nn.Module], dict[str, float]]
    text: CardText
    statistics: Mapping[str, Any] = field(default_factory=dict)
    baselines: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Dev errors without the network, by column of the model card; the first are plotted beside the curves. By default those
    of the initial motion."""


def train_stgcn(job: TrainingJob, minutes: float | None, sizes: Mapping[str, object] | None = None) -> TrainingResult:
    """Train the ST-GCN of the given sizes, for `minutes` or to the end."""
    config = stgcn_config(**(sizes or {}))
    torch.manual_seed(job.settings.seed)
    network = STGCN(config).to(job.device)
    text = CardText(
        "Corrects the initial joints of two people and predicts a standard deviation (sigma) for each: a spatio-temporal graph "
        f"network over both skeletons ({parameter_count(network)} parameters, core/stgcn/network.py).",
        f"{_LIMITS} The sigma of the pelvis is that of its position, the sigma of every other joint that of its position "
        "relative to its own pelvis.",
    )
    objective = STGCNObjective(network, load_body(None).to(job.device))

    def evaluate(ema: nn.Module) -> dict[str, float]:
        return stgcn_errors(ema, job.dev, job.embeddings)

    return _train(job, _Plan(STGCN_KIND, network, config, objective, evaluate, text), minutes)


def train_infiller(
    job: TrainingJob, minutes: float | None, sizes: Mapping[str, object] | None = None
) -> TrainingResult:
    """Train the infiller, with the ST-GCN's weights in the job's folder if there are any."""
    config = infiller_config(**(sizes or {}))
    torch.manual_seed(job.settings.seed)
    network = Denoiser(config).to(job.device)
    stgcn_weights = job.folder / f"{STGCN_KIND}.safetensors"
    stgcn = load_stgcn(stgcn_weights, job.device) if stgcn_weights.exists() else None
    context = InfillerContext(job.embeddings, load_body(None).to(job.device), stgcn)
    initial = job.initial_checkpoint(INFILLER)
    scales = ResidualScales.from_json(initial.statistics) if initial else compute_scales(job.examples, context)
    with_stgcn = (
        "conditioned on the joints that the ST-GCN predicts" if stgcn else "trained without the joints of the ST-GCN"
    )
    text = CardText(
        "Infills the motion of two people where it is hidden: a diffusion transformer that predicts the residual to a reference "
        f"motion ({parameter_count(network)} parameters, core/infilling/denoiser.py), {with_stgcn}.",
        f"{_LIMITS} Dev errors are those of one take, sampled in {DEV_SAMPLING.steps} steps without guidance.",
    )
    objective = InfillerObjective(network, scales, context.body, stgcn)

    def evaluate(ema: nn.Module) -> dict[str, float]:
        return infiller_errors(ema, job.dev, scales, context)

    return _train(job, _Plan(INFILLER, network, config, objective, evaluate, text, scales.to_json()), minutes)


def train_smoother(
    job: TrainingJob, minutes: float | None, sizes: Mapping[str, object] | None = None
) -> TrainingResult:
    """Train the sequence smoother on simulated takes of the examples."""
    config = SmootherConfig(**(sizes or {}))  # pyright: ignore[reportArgumentType]
    torch.manual_seed(job.settings.seed)
    network = SequenceSmoother(config).to(job.device)
    body = load_body(None).to(job.device)
    count = sum(value.numel() for value in network.parameters())
    text = CardText(
        "Smooths a take of two people over the whole clip, as much as each joint needs in each frame and at each speed: it "
        f"predicts how much of the motion's wavelet details to remove ({count} parameters, core/smoothing/network.py). It does "
        "not read the text.",
        f"{_LIMITS} Takes are simulated as well: part of the way to the ground truth, with jitter, drift and limbs that jump "
        "(lab/training/simulated_takes.py); the infiller errs differently. The smoother only removes details: slow errors stay.",
        "Errors of a simulated take of each clip, and of the same take smoothed. gauss and one-euro are plain zero-phase filters "
        "with the best of several settings on these clips. step: error of the joints' displacements from one frame to the next; "
        "fast step: the same for the fastest twentieth of true displacements; jerk: third differences of the joints themselves, "
        f"{true_jerk(job.dev):.2g} mm in the ground truth (times 27 in m/s³).",
    )
    scales = compute_scales(job.examples, InfillerContext(job.embeddings, body))

    def evaluate(ema: nn.Module) -> dict[str, float]:
        assert isinstance(ema, SequenceSmoother)
        return smoother_errors(ema, job.dev, body)

    plan = _Plan(
        SMOOTHER,
        network,
        config,
        SmootherObjective(network, body),
        evaluate,
        text,
        scales.to_json(),
        baseline_errors(job.dev, body),
    )
    return _train(job, plan, minutes)


def _train(job: TrainingJob, plan: _Plan, minutes: float | None) -> TrainingResult:
    """Train, and write weights, curves and model card."""
    kind, baselines = plan.kind, plan.baselines or {"initial": initial_errors(job.dev)}
    before = next(iter(baselines.values()))
    initial = job.initial_checkpoint(kind)
    if initial is not None and job.initial is not None:
        load_weights(plan.network, initial, job.initial / f"{kind}.safetensors")

    def on_dev(step: int, history: History) -> None:
        log_dev_errors(job, step, history, before)
        save_curves(job.folder / f"{kind}.png", kind, history, before)

    sampler = BatchSampler(job.examples, job.embeddings, job.device)
    record = {"config": as_record(plan.config), "features_version": VERSION}
    result = train(
        Task(plan.network, plan.objective, sampler, plan.evaluate, record),
        job.settings,
        job.folder / f"{kind}.state.safetensors",
        minutes=minutes,
        processes=job.processes,
        on_dev=on_dev,
    )
    if job.processes.is_main:
        errors = plan.evaluate(result.ema)
        _save_weights(job, plan, result, errors)
        write_card(job.folder / f"{kind}.md", _model_card(job, plan, result, {**baselines, kind: errors}))
    return result


def log_dev_errors(job: TrainingJob, step: int, history: History, before: Mapping[str, float]) -> None:
    """One line: each dev error, and in brackets that without the network."""
    errors = ", ".join(
        f"{name} {value:.3g}" + (f" ({before[name]:.3g})" if name in before else "")
        for name, value in history.latest().items()
    )
    job.log(f"step {step}, {history.seconds / 60:.1f} min: {errors}")


def _save_weights(job: TrainingJob, plan: _Plan, result: TrainingResult, errors: Mapping[str, float]) -> None:
    initial = job.initial_checkpoint(plan.kind)
    earlier = initial.training if initial else {}
    training = {
        "steps": result.step + earlier.get("steps", 0),
        "minutes": round(result.history.seconds / 60 + earlier.get("minutes", 0), 1),
        "examples": len(job.examples),
        "dev": {name: round(value, 4) for name, value in errors.items()},
    }
    config, tensors = as_record(plan.config), result.ema.state_dict()
    checkpoint = Checkpoint(plan.kind, VERSION, config, tensors, plan.statistics, training)
    save_checkpoint(job.folder / f"{plan.kind}.safetensors", checkpoint)


def _model_card(
    job: TrainingJob, plan: _Plan, result: TrainingResult, errors: Mapping[str, Mapping[str, float]]
) -> ModelCard:
    settings, frames = job.settings, sum(example.frames for example in job.examples)
    families = sorted({example.family for example in job.examples})
    interacting = [family for family in families if family not in (NON_INTERACTING, CLOSE_FAMILY)]
    others = " and of non-interacting pairs" if NON_INTERACTING in families else ""
    others += " and of pairs close together by chance" if CLOSE_FAMILY in families else ""
    data = (
        f"{len(job.examples)} clips ({frames} frames at 30 per second) of {len(interacting)} families of interactions{others}, "
        "composed from motion capture of the training subjects and seen by random cameras through the noise model of the 2D "
        f"stage: {', '.join(interacting)}."
    )
    training = {
        "steps": f"{result.step} of {settings.steps}{'' if result.finished else ' (stopped early)'}",
        "batch": f"{settings.batch_size * job.processes.world_size} windows of {WINDOW} frames",
        "time": f"{result.history.seconds / 60:.0f} minutes",
        "hardware": describe_hardware(job.device)
        + (f", {job.processes.world_size} processes" if job.processes.world_size > 1 else ""),
        "initial weights": _describe_initial(job.initial_checkpoint(plan.kind)),
        "sentences": f"{len(job.embeddings)}" if len(job.embeddings) else "none: trained without text",
        "optimizer": f"AdamW, learning rate {settings.learning_rate:g}, exponential moving average of the weights "
        f"({settings.ema_decay})",
    }
    dev = f"Means over {len(job.dev)} clips of the dev subjects, one camera each. {plan.text.dev}".rstrip()
    return ModelCard(plan.kind, plan.text.summary, data, training, dev, errors, limits=plan.text.limits)


def _describe_initial(checkpoint: Checkpoint | None) -> str:
    if checkpoint is None:
        return "random"
    training = checkpoint.training
    return f"of {training['steps']} steps, {training['minutes']:.0f} minutes, on {training['examples']} clips"


def parameter_count(network: nn.Module) -> str:
    return f"{sum(value.numel() for value in network.parameters()) / 1e6:.1f} million"


def install_weights(folder: Path, kind: str, models: Path) -> None:
    """Copy weights to the folder from which the product loads them. A card that is there, written by hand, stays as it is."""
    installed, card = models / f"{kind}.safetensors", models / f"{kind}.md"
    with replacing(installed) as temporary:
        temporary.write_bytes((folder / installed.name).read_bytes())
    print(f"{installed} is written. {folder / card.name} says how it was trained: bring {card} up to date by it.")
