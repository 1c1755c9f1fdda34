"""From a folder of motion capture to the weights of the learned models, in slices.

Draws interactions of the train and dev splits (python -m lab choreograph) and films them (python -m lab examples), a chunk at a
time, each made once; then trains each model of --models. In --out lie, for each: NAME.safetensors (weights), NAME.md (card),
NAME.png (curves), NAME.state.safetensors (to go on from). --install puts weights and cards into core/models.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from core.checkpoint import MODELS
from core.contract.errors import UserError
from core.device import choose_device, limit_threads
from core.infilling.infiller import KIND as INFILLER
from core.reporting import SilentReporter
from core.semantics.encoder import fetch_encoder
from core.smoothing.smooth import KIND as REFINER
from core.stgcn.inference import KIND as OPTIMIZER

from ..arguments import check_names
from ..choreography.splits import Split, families_of
from ..evaluation.plots import require_matplotlib
from .examples import Example, load_examples
from .job import (
    INFILLER_SIZES,
    OPTIMIZER_SIZES,
    REFINER_SIZES,
    Job,
    install,
    train_infiller,
    train_optimizer,
    train_refiner,
)
from .loop import Recipe
from .words import Words, words_of
from .workers import Workers, join

TRAINERS = {
    OPTIMIZER: (train_optimizer, OPTIMIZER_SIZES),
    INFILLER: (train_infiller, INFILLER_SIZES),
    REFINER: (train_refiner, REFINER_SIZES),
}
_CHUNK = 10
"""Clips of each family that are drawn and filmed at a time."""


def train(arguments: argparse.Namespace) -> None:
    """Run `python -m lab train`; the arguments are those of `lab.commands.train`."""
    models = arguments.models
    check_names(models, TRAINERS, "models")
    require_matplotlib()
    limit_threads()
    workers, device = meet(arguments.device)
    try:
        train_all(arguments, models, workers, device)
    finally:
        workers.leave()


def meet(choice: str) -> tuple[Workers, torch.device]:
    device = choose_device(choice)
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
        torch.set_float32_matmul_precision("high")
    return join(device), device


def train_all(arguments: argparse.Namespace, models: Sequence[str], workers: Workers, device: torch.device) -> None:
    if workers.first:
        prepare(arguments)
    workers.wait()
    folder = arguments.out / "examples"
    train_files = arguments.examples or [path for path in examples_in(folder) if not path.name.startswith("dev")]
    dev_files = arguments.dev or [path for path in examples_in(folder) if path.name.startswith("dev")]
    examples, dev = load_all(train_files), load_all(dev_files)
    words = sentences(arguments, [*examples, *dev], workers)

    def say(text: str) -> None:
        if workers.first:
            print(text, flush=True)

    say(f"{len(examples)} examples to train on, {len(dev)} to measure on, {len(words)} sentences; {device}")
    recipe = Recipe(
        arguments.steps,
        arguments.batch,
        arguments.learning_rate,
        warm_up=min(200, arguments.steps // 10),
        seed=arguments.seed,
        dev_every=arguments.dev_every,
    )
    size = arguments.size if arguments.size != "auto" else "small" if device.type == "cpu" else "large"
    job = Job(examples, dev, words, recipe, arguments.out, device, workers, say, arguments.start)
    began = time.monotonic()
    for name in models:
        left = None if arguments.minutes is None else arguments.minutes - (time.monotonic() - began) / 60
        if left is not None and left <= 0:
            say(f"{name}: no time left; run it again to go on")
            continue
        trainer, sizes = TRAINERS[name]
        outcome = trainer(job, left, sizes[size])
        say(f"{name}: step {outcome.step} of {recipe.steps}" + ("" if outcome.finished else "; run it again to go on"))
        if arguments.install and workers.first:
            install(arguments.out, name, MODELS)


def prepare(arguments: argparse.Namespace) -> None:
    """Draw and film what is not there yet."""
    if arguments.examples:
        return
    wanted: tuple[tuple[Split, int, int], ...] = (
        ("train", arguments.count, arguments.cameras),
        ("dev", arguments.dev_count, 1),
    )
    for split, count, cameras in wanted:
        for first in range(0, count, _CHUNK):
            pairs = arguments.out / "pairs" / f"{split}-{first:04d}"
            draw(arguments, split, first, min(_CHUNK, count - first), pairs)
            film(
                arguments,
                f"{split}-{first:04d}",
                "--interactions",
                f"{pairs}.npz",
                "--split",
                split,
                "--cameras",
                f"{cameras}",
            )
    if arguments.strangers:
        film(arguments, "strangers", "--strangers", f"{arguments.strangers}", "--motion", f"{arguments.motion}",
             "--cache", f"{arguments.cache}")  # fmt: skip


def draw(arguments: argparse.Namespace, split: Split, first: int, count: int, out: Path) -> None:
    run_once(
        out, "choreograph", "--motion", f"{arguments.motion}", "--cache", f"{arguments.cache}", "--split", split,
        "--families", ",".join(families_of(split)), "--count", f"{count}", "--first", f"{first}",
        "--seed", f"{arguments.seed}", "--workers", f"{arguments.processes}",
    )  # fmt: skip


def film(arguments: argparse.Namespace, name: str, *options: str) -> None:
    run_once(
        arguments.out / "examples" / name, "examples", *options,
        "--seed", f"{arguments.seed}", "--workers", f"{arguments.processes}",
    )  # fmt: skip


def run_once(out: Path, command: str, *options: str) -> None:
    """Run a command of the lab that writes `out`.npz and .json, unless they are there; what was interrupted is made again."""
    endings = (".npz", ".json")
    if all(out.with_name(out.name + ending).exists() for ending in endings):
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_name(f"unfinished-{out.name}")
    print(f"{command}: {out.name}", flush=True)
    try:
        subprocess.run([sys.executable, "-m", "lab", command, *options, "--out", str(unfinished)], check=True)
    except subprocess.CalledProcessError as error:
        raise UserError("command-failed", f"python -m lab {command} failed.", "Its messages above say why.") from error
    for ending in endings:
        unfinished.with_name(unfinished.name + ending).replace(out.with_name(out.name + ending))


def examples_in(folder: Path) -> list[Path]:
    return sorted(path.with_suffix("") for path in folder.glob("*.npz") if not path.name.startswith("unfinished"))


def load_all(paths: Sequence[Path]) -> list[Example]:
    return [example for path in paths for example in load_examples(path)]


def sentences(arguments: argparse.Namespace, examples: Sequence[Example], workers: Workers) -> Words:
    """The numbers of all sentences, by the encoder from the cache, fetched where it is not there."""
    if arguments.no_text:
        return Words()
    kept = arguments.out / "sentences.npz"
    said = [sentence for example in examples for sentence in example.sentences]
    if workers.first:
        words_of(said, fetch_encoder(SilentReporter()), kept)
    workers.wait()
    return words_of(said, None, kept)
