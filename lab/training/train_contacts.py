"""`python -m lab train-contacts`: from interactions to the weights, the card and the reliability plot of the contact head."""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Shaped

from core.body.files import load_body
from core.checkpoint import MODELS, Checkpoint, as_record, load_checkpoint, load_weights, save_checkpoint
from core.contacts.features import VERSION
from core.contacts.head import KIND, ContactHead, ContactHeadConfig
from core.contract.errors import UserError
from core.contract.files import replacing
from core.device import limit_threads
from lab.digests import write_digests

from ..choreography.interaction import Interaction, load_interactions
from ..choreography.splits import Split, split_of
from ..evaluation.perception_cache import detections_beside
from ..evaluation.plots import require_matplotlib
from ..evaluation.rendered import load_rendered
from .contact_augmentation import moved_along_rays
from .contact_examples import (
    ContactExample,
    FittedClip,
    contact_example,
    fit_clip,
    fit_interactions,
    load_fitted_clips,
    save_fitted_clips,
)
from .contact_head import (
    ContactBatches,
    ContactObjective,
    contact_errors,
    predicted_and_true,
    reliability,
)
from .contact_thresholds import threshold_tables
from .curves import save_curves
from .example_files import draw_pairs
from .job import install_weights
from .loop import History, Task, TrainingResult, TrainingSettings, train
from .model_card import ModelCard, describe_hardware, write_card
from .non_interacting import FAMILY as NON_INTERACTING
from .rendered_clips import detected_clips

_DEV_SHARE = 0.25
"""Non-interacting pairs of the dev split beside those of the train split."""
_NEARLY_KNOWN = 0.4
"""Part of the simulated training clips whose camera is drawn about the true one, see `fit_interactions`."""


@dataclass(frozen=True)
class ExampleWeights:
    """How often each training clip is among the examples: that of the shipped weights, see `core/models/contact-head.md`."""

    simulated: int = 5
    rendered: int = 4
    moved: int = 2
    """Each variant of a clip whose people are moved along their rays."""
    variants: int = 2
    """Of each clip with people moved."""


_WEIGHTS = ExampleWeights()


def train_contacts(options: argparse.Namespace) -> None:
    """Run the command with the options of `lab.commands.train_contacts`.

    UserError `no-clips` where a split is missing, `weights-missing` or `weights-wrong` where the initial weights are.
    """
    require_matplotlib()
    limit_threads()
    examples, dev = (_examples(options, split) for split in ("train", "dev"))
    print(f"{len(examples)} training examples, {len(dev)} dev examples", flush=True)
    torch.manual_seed(options.seed)
    network = ContactHead(ContactHeadConfig())
    if options.start is not None:
        path = options.start / f"{KIND}.safetensors"
        load_weights(network, load_checkpoint(path, KIND, VERSION), path)
    settings = TrainingSettings(
        options.steps,
        options.batch,
        options.learning_rate,
        warmup_steps=min(50, options.steps // 10),
        ema_decay=0.98,
        weight_decay=0.05,
        seed=options.seed,
        dev_every=options.dev_every,
    )

    def on_dev(step: int, history: History) -> None:
        errors = ", ".join(f"{name} {value:.3g}" for name, value in history.latest().items())
        print(f"step {step}, {history.seconds / 60:.1f} min: {errors}", flush=True)
        save_curves(options.out / f"{KIND}.png", KIND, history)

    task = Task(
        network,
        ContactObjective(network),
        ContactBatches(examples),
        lambda ema: contact_errors(ema, dev),
        {"config": as_record(network.config), "features_version": VERSION},
    )
    state = options.out / f"{KIND}.state.safetensors"
    result = train(task, settings, state, minutes=options.minutes, on_dev=on_dev)
    _save(options.out, network.config, result, len(examples))
    print(threshold_tables(result.ema, dev), flush=True)
    save_reliability(options.out / f"{KIND}-reliability.png", result, dev)
    write_card(options.out / f"{KIND}.md", _card(result, settings, examples, dev, options.start))
    if options.install:
        install_weights(options.out, KIND, MODELS)
        write_digests()


def _examples(options: argparse.Namespace, split: Split) -> list[ContactExample]:
    """The examples of a split; fits that are missing are made."""
    folder = options.out / "fits"
    folder.mkdir(parents=True, exist_ok=True)
    sources: dict[str, list[Interaction]] = {}
    for path in options.interactions:
        chosen = [each for each in load_interactions(path) if split_of(each) == split]
        if chosen:
            sources[path.stem] = chosen
    if not sources:
        raise UserError("no-clips", f"There are no interactions of the split {split}.", "Give files of both splits.")
    training = split == "train"
    count = options.non_interacting if training else round(_DEV_SHARE * options.non_interacting)
    if count:
        sources[NON_INTERACTING] = draw_pairs(options.motion, options.cache, split, count, options.seed)
    nearly_known = _NEARLY_KNOWN if training else 0.0
    body, found = load_body(None), list[ContactExample]()
    for camera in range(options.cameras if training else 1):
        for name, interactions in sources.items():
            clips = fit_interactions(interactions, options.seed, body, camera=camera, nearly_known=nearly_known)
            fits = _cached_fits(folder / f"{split}-{name}-{camera}", clips)
            found += _repeated(fits, _WEIGHTS.simulated, options.seed) if training else map(contact_example, fits)
    for rendered in options.rendered:
        if split_of(load_rendered(rendered, body)[0]) == split:
            fits = _cached_rendered_fits(folder / f"{split}-{rendered.name}", rendered, split)
            found += _repeated(fits, _WEIGHTS.rendered, options.seed) if training else map(contact_example, fits)
    return found


def _repeated(clips: Sequence[FittedClip], times: int, seed: int) -> list[ContactExample]:
    """The examples of fitted clips, several times: as they are, and with people moved along their rays."""
    found = [contact_example(clip) for clip in clips] * times
    for variant in range(_WEIGHTS.variants):
        for clip in clips:
            rng = np.random.default_rng((seed, variant, zlib.crc32(clip.name.encode())))
            found += [contact_example(moved_along_rays(clip, rng))] * _WEIGHTS.moved
    return found


def _cached_rendered_fits(path: Path, folder: Path, split: Split) -> list[FittedClip]:
    body = load_body(None)
    clips = detected_clips(folder, split, body, detections_beside(folder))
    return _cached_fits(path, (fit_clip(clip, body) for clip in clips))


def _cached_fits(path: Path, clips: Iterator[FittedClip]) -> list[FittedClip]:
    """The clips in the file, which is written first if it is missing."""
    if not _exists(path):
        print(f"fitting the clips of {path.name}", flush=True)
        save_fitted_clips(path, list(clips))
    return load_fitted_clips(path, load_body(None))


def _exists(path: Path) -> bool:
    return all(path.with_suffix(ending).exists() for ending in (".npz", ".json"))


def _save(folder: Path, config: ContactHeadConfig, result: TrainingResult, examples: int) -> None:
    training = {"steps": result.step, "minutes": round(result.history.seconds / 60, 1), "examples": examples}
    checkpoint = Checkpoint(KIND, VERSION, as_record(config), result.ema.state_dict(), {}, training)
    save_checkpoint(folder / f"{KIND}.safetensors", checkpoint)


def save_reliability(path: Path, result: TrainingResult, dev: Sequence[ContactExample]) -> None:
    """A PNG: for bins of the probability how often the parts truly touch, without and with a prompt."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.6, 4.2), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="grey", lw=1, ls="--")
    for with_prompt in (False, True):
        probability, true = predicted_and_true(result.ema, dev, with_prompt=with_prompt)
        bins = reliability(*(_flat(values) for values in (probability, true)))
        mean, frequency, _ = zip(*bins) if bins else ((), (), ())
        axes.plot(mean, frequency, marker="o", label="with prompt" if with_prompt else "without prompt")
    axes.set(xlabel="probability", ylabel="frequency", xlim=(0, 1), ylim=(0, 1), title="pairs of body parts, dev clips")
    axes.legend()
    axes.grid(alpha=0.3)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110, format="png")


def _flat(values: Sequence[Shaped[np.ndarray, "N Q Q"]]) -> Shaped[np.ndarray, " n"]:
    return np.concatenate([each.ravel() for each in values])


def _card(
    result: TrainingResult,
    settings: TrainingSettings,
    examples: Sequence[ContactExample],
    dev: Sequence[ContactExample],
    start: Path | None,
) -> ModelCard:
    frames = sum(len(example.touching) for example in examples)
    families = sorted({example.family for example in examples} - {NON_INTERACTING})
    apart = sum(example.family == NON_INTERACTING for example in examples)
    parameters = sum(value.numel() for value in result.ema.parameters())
    return ModelCard(
        KIND,
        "Says how probable it is that a body part of one person touches a body part of the other, for each of 18 × 18 pairs in "
        f"each frame ({parameters} parameters, core/contacts/head.py). It reads distances of the fitted motion with their depth "
        "in full and in part, relative speeds, confidence, the sigmas of the ST-GCN along the ray and across it, where the parts "
        "are on their own bodies and whether on the same side, how the two face each other, and which parts the prompt names.",
        f"{len(examples)} clips ({frames} frames at 30 per second): {len(families)} families of interactions "
        f"({', '.join(families)}) and {apart} pairs of people who do not touch, seen by random cameras through the noise model "
        f"of the 2D stage, or rendered. Motions are the product's whole first fits, of which simulated ones are drawn "
        f"{_WEIGHTS.simulated} times, rendered ones {_WEIGHTS.rendered} times, and {_WEIGHTS.variants} variants of each with "
        f"people moved along their rays {_WEIGHTS.moved} times. In about half of the windows a sentence is the prompt, in some a "
        "wrong one.",
        {
            "steps": f"{result.step} of {settings.steps}",
            "batch": f"{settings.batch_size} windows of 64 frames",
            "time": f"{result.history.seconds / 60:.0f} minutes",
            "hardware": describe_hardware(torch.device("cpu")),
            "initial weights": "random" if start is None else f"those of {start.name}/{KIND}.safetensors before",
            "optimizer": f"AdamW, learning rate {settings.learning_rate:g}, exponential moving average of the weights "
            f"({settings.ema_decay})",
        },
        f"Over {len(dev)} clips of the dev subjects, pairs of parts per frame at even odds; calibration is the mean difference "
        "of probability and frequency. apart found: part of the clips of two who do not touch in which something is found.",
        {
            "without prompt": contact_errors(result.ema, dev),
            "with prompt": contact_errors(result.ema, dev, with_prompt=True),
        },
        limits="The errors of the 2D stage are simulated and the interactions are composed from recordings of single people: "
        "real film differs. Contacts that nobody sees are found only where the prior puts the parts near each other.",
        units=dict.fromkeys(("f1", "precision", "recall", "anything_f1", "apart_found", "calibration"), ""),
    )
