"""Runs `python -m lab train-prompted`: renders frames, trains the head, measures it, and writes weights and model card."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from core.checkpoint import MODELS, Checkpoint, load_checkpoint, save_checkpoint
from core.contract.errors import UserError
from core.device import limit_threads
from core.perception.backends import Network, choose_backend
from core.perception.landmarks import LandmarkNetwork
from core.perception.prompted_graph import KIND, SIDE, trunk_graph
from core.perception.prompted_landmarks import PromptedLandmarks, head_input
from core.perception.tflite_graph import read_graph
from core.reporting import SilentReporter
from core.weights import POSE_LANDMARKS, ensure

from ..choreography.interaction import Interaction, load_interactions, save_interactions
from ..choreography.splits import SPLITS, Split, split_of, split_of_subject
from ..digests import write_digests
from ..paths import MOTION_CACHE
from ..training.example_files import draw_pairs
from ..training.job import install_weights
from ..training.loop import History, Task, TrainingResult, TrainingSettings, train
from ..training.model_card import ModelCard, describe_hardware, write_card
from ..training.non_interacting import CLOSE, CLOSE_FAMILY
from ..training.non_interacting import FAMILY as NON_INTERACTING
from .frames import Frame, load_frames
from .loss import Batch, make_batch, prompted_loss
from .measure import found_by_blazepose, found_by_movenet, found_by_prompts, measure, table
from .network import PromptedHead
from .render_frames import RenderSettings, render_all
from .samples import Sample, sample

_SUMMARY = (
    "33 landmarks, mask, visibility and metric landmarks of the person whose joints are meant: a small U-Net on the frozen trunk "
    "of BlazePose's landmark network (core/perception/prompted_graph.py)."
)
_LIMITS = (
    "It has seen rendered people only, in the rooms and clothes of lab/rendering; on photographs the gain over MoveNet's "
    "keypoints is small. Legs and crossed arms are still exchanged in single frames."
)


@dataclass(frozen=True)
class PromptedTraining:
    """Options of `python -m lab train-prompted`."""

    interactions: tuple[Path, ...]
    """Files of `python -m lab choreograph`; each of their clips goes to its split."""
    out: Path
    frames: int = 16
    """Rendered from each clip."""
    steps: int = 4000
    batch_size: int = 16
    learning_rate: float = 2e-3
    minutes: float | None = None
    dev_every: int = 250
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    seed: int = 0
    install: bool = False
    motion: Path | None = None
    """Folder of motion capture, for `close`."""
    cache: Path = MOTION_CACHE
    close: int = 0
    """Pairs of recordings of the training people who are close together by chance, beside the interactions."""
    start: Path | None = None
    """The state of another training, whose weights this one begins with; layers that it lacks begin anew."""
    average: Path | None = None
    """The state of another training of the same beginning: what is written is the mean of both trainings' weights."""


class TrainingSet:
    """Draws batches. The trunk runs on every crop as it is drawn, so that none comes twice.

    In a frame of one person the other one is asked for as well, as whoever is not that one.
    """

    def __init__(self, frames: Sequence[Frame], trunk: Network, device: torch.device) -> None:
        self._people = [(frame, person) for frame in frames for person in (0, 1)]
        self._trunk, self._device = trunk, device

    def draw(self, rng: np.random.Generator, count: int) -> Batch:
        chosen = rng.integers(len(self._people), size=count)
        people = [self._people[index] for index in chosen]
        samples = [sample(frame, person, rng) for frame, person in people]
        return make_batch(inputs_of(samples, self._trunk), samples, self._device)


class HeadInTraining:
    """The head that is being trained, as `core.perception.backends.Network`."""

    size, shape = SIDE, (SIDE, SIDE)

    def __init__(self, head: PromptedHead) -> None:
        self._head = head.eval()

    @torch.inference_mode()
    def run(self, pictures: Float[np.ndarray, "B S S C"], *features: Float[np.ndarray, "B _ _ _"]) -> list[np.ndarray]:
        device = next(self._head.parameters()).device
        inputs = [torch.from_numpy(each).permute(0, 3, 1, 2).to(device) for each in (pictures, *features)]
        maps, locations, whole = self._head(*inputs)
        outputs = (maps.permute(0, 2, 3, 1), locations.permute(0, 2, 3, 1), whole[:, None, None])
        return [each.float().cpu().numpy() for each in outputs]


def train_prompted(job: PromptedTraining) -> None:
    """Render what is missing, train from the state in the folder, and write KIND.safetensors and KIND.md.

    UserError `no-dev-clips` or `no-training-clips` where a split has none, and those of rendering and training.
    """
    limit_threads()
    job = replace(job, interactions=_with_close_pairs(job))
    frames: dict[Split, list[Frame]] = {split: _frames_of(split, job) for split in SPLITS}
    needed: tuple[tuple[Split, str], ...] = (("train", "no-training-clips"), ("dev", "no-dev-clips"))
    for split, code in needed:
        if not frames[split]:
            hint = f"Make some with `python -m lab choreograph --split {split}`."
            raise UserError(code, f"None of the clips belongs to the split {split}.", hint)
    trunk = _load_trunk()
    data = TrainingSet(frames["train"], trunk, job.device)
    torch.manual_seed(job.seed)
    head = PromptedHead().to(job.device)
    if job.start is not None:
        _begin_with(head, job.start)
    for weight in head.parameters():
        if weight.dim() == 4:
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)

    def evaluate(network: nn.Module) -> dict[str, float]:
        assert isinstance(network, PromptedHead)
        return measure(found_by_prompts(PromptedLandmarks(trunk, HeadInTraining(network))), frames["dev"])

    def on_dev(step: int, history: History) -> None:
        scores = ", ".join(f"{name} {value:.1f}" for name, value in history.latest().items())
        losses = ", ".join(f"{name} {points[-1][1]:.3f}" for name, points in history.train.items())
        print(f"step {step}, {history.seconds / 60:.0f} min: {losses}; dev: {scores}", flush=True)

    result = train(
        Task(head, lambda batch, _: prompted_loss(head, batch), data.draw, evaluate, {"kind": KIND}),
        _settings(job),
        job.out / f"{KIND}.state.safetensors",
        minutes=job.minutes,
        on_dev=on_dev,
    )
    _write(job, result, frames, trunk)


def mean_of(head: PromptedHead, state: Path) -> PromptedHead:
    """A head with the mean of a head's weights and another training's (Wortsman et al., "Model soups", ICML 2022).

    Good where both trainings have begun with the same weights. UserError `weights-missing` or `weights-wrong`.
    """
    other = copy.deepcopy(head)
    _begin_with(other, state)
    values = other.state_dict()
    for name, value in head.state_dict().items():
        if value.is_floating_point():
            values[name].add_(value).mul_(0.5)
    return other.eval()


def _begin_with(head: PromptedHead, state: Path) -> None:
    """UserError `weights-missing` or `weights-wrong`."""
    tensors = load_checkpoint(state, "training-state").tensors
    averaged = {name.removeprefix("ema."): value for name, value in tensors.items() if name.startswith("ema.")}
    _, unknown = head.load_state_dict(averaged, strict=False)
    if unknown:
        raise UserError("weights-wrong", f"{state} belongs to another network.", "Begin without --start.")


def inputs_of(samples: Sequence[Sample], trunk: Network) -> list[np.ndarray]:
    """The head's inputs: maps [B,64,64,C] and the trunk's coarser features."""
    pictures = np.stack([each.image for each in samples]).astype(np.float32) / 255
    features, heat, *coarse = trunk.run(pictures)
    maps = np.stack([head_input(each.query, *arrays) for each, *arrays in zip(samples, features, heat)])
    return [maps, *coarse]


def _settings(job: PromptedTraining) -> TrainingSettings:
    return TrainingSettings(
        job.steps,
        job.batch_size,
        job.learning_rate,
        warmup_steps=min(100, job.steps // 10),
        weight_decay=1e-3,
        ema_decay=0.995,
        seed=job.seed,
        dev_every=job.dev_every,
        save_seconds=120,
    )


def _frames_of(split: Split, job: PromptedTraining) -> list[Frame]:
    clips = _clips_of(split, job.interactions)
    folder = job.out / "frames" / split
    render_all(clips, folder, RenderSettings(job.frames, job.seed))
    return [frame for clip in clips for frame in load_frames(folder / f"{clip.name}.npz")]


def _clips_of(split: Split, files: Sequence[Path]) -> list[Interaction]:
    return [clip for file in files for clip in load_interactions(file) if _belongs_to(clip, split)]


def _with_close_pairs(job: PromptedTraining) -> tuple[Path, ...]:
    """The files of interactions, and one of the pairs who are close together by chance if some are wanted."""
    if not job.close or job.motion is None:
        return job.interactions
    file = job.out / "close.npz"
    if not file.is_file():
        save_interactions(file, draw_pairs(job.motion, job.cache, "train", job.close, job.seed, CLOSE))
    return (*job.interactions, file)


def _belongs_to(clip: Interaction, split: Split) -> bool:
    """Whether a clip is of the split; pairs that nobody choreographed belong where the people do who were recorded."""
    if clip.family in (NON_INTERACTING, CLOSE_FAMILY):
        return all(split_of_subject(subject) == split for subject in clip.subjects)
    return split_of(clip) == split


def _pose_landmarks() -> Path:
    return ensure([POSE_LANDMARKS], SilentReporter())[POSE_LANDMARKS.name]


def _load_trunk() -> Network:
    """On the CPU, where crops are drawn."""
    return choose_backend(torch.device("cpu")).load(trunk_graph(read_graph(_pose_landmarks())))


def _write(
    job: PromptedTraining, result: TrainingResult, frames: Mapping[Split, Sequence[Frame]], trunk: Network
) -> None:
    assert isinstance(result.ema, PromptedHead)
    head = result.ema if job.average is None else mean_of(result.ema, job.average)
    clips = {split: len(_clips_of(split, job.interactions)) for split in SPLITS}
    training = {
        "steps": result.step,
        "minutes": round(result.history.seconds / 60, 1),
        "clips": clips["train"],
        "frames": len(frames["train"]),
    }
    tensors = head.product_tensors()
    save_checkpoint(job.out / f"{KIND}.safetensors", Checkpoint(KIND, 0, {}, tensors, training=training))
    network = PromptedLandmarks(trunk, HeadInTraining(head))
    blazepose = LandmarkNetwork(choose_backend(torch.device("cpu")).load(read_graph(_pose_landmarks())))
    methods = {
        "MoveNet": found_by_movenet,
        "BlazePose in the same crops": found_by_blazepose(blazepose),
        KIND: found_by_prompts(network),
        f"{KIND}, two rounds": found_by_prompts(network, 2),
    }
    measured: Split = "test" if frames["test"] else "dev"
    errors = {name: measure(method, frames[measured]) for name, method in methods.items()}
    print(table(errors))
    families = sorted({clip.family for clip in _clips_of("train", job.interactions)})
    card = ModelCard(
        name=KIND,
        summary=_SUMMARY,
        data=f"{len(frames['train'])} rendered frames of {clips['train']} clips of the training subjects and families "
        f"({', '.join(families)}), each with its own camera, room, clothes and light.",
        training={
            "steps": f"{result.step} of {job.steps}{'' if result.finished else ' (stopped early)'}",
            **(
                {}
                if job.start is None
                else {"began with": f"the weights in {job.start.name} of {job.start.parent.name}"}
            ),
            **(
                {}
                if job.average is None
                else {"averaged with": f"the weights in {job.average.name} of {job.average.parent.name}"}
            ),
            "batch": f"{job.batch_size} crops",
            "time": f"{training['minutes']:.0f} minutes",
            "hardware": describe_hardware(job.device),
            "optimizer": f"AdamW, learning rate {job.learning_rate:g}, exponential moving average of the weights (0.995)",
        },
        measured_on=f"{len(frames[measured])} rendered single frames of {clips[measured]} clips of the {measured} split.",
        split=measured,
        errors={name: {key: v for key, v in scores.items() if np.isfinite(v)} for name, scores in errors.items()},
        units={name: "mm" if "MPJPE" in name else "%" for scores in errors.values() for name in scores},
        limits=_LIMITS,
    )
    write_card(job.out / f"{KIND}.md", card)
    if job.install:
        install_weights(job.out, KIND, MODELS)
        write_digests()
