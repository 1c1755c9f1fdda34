"""`python -m lab train`: from a folder of motion capture, or examples, to the weights of the learned models."""

from __future__ import annotations

import argparse
import os
import time

import torch

from core.checkpoint import MODELS
from core.device import choose_device, limit_threads
from core.infilling.infiller import KIND as INFILLER
from core.reporting import SilentReporter
from core.semantics.encoder import load_encoder
from core.smoothing.smooth import KIND as SMOOTHER
from core.stgcn.inference import KIND as STGCN
from core.weights import TEXT_WEIGHTS, ensure
from lab.digests import write_digests

from ..arguments import check_names
from ..evaluation.plots import require_matplotlib
from .distributed import ProcessGroup, join_process_group
from .job import (
    INFILLER_SIZES,
    SMOOTHER_SIZES,
    STGCN_SIZES,
    TrainingJob,
    install_weights,
    train_infiller,
    train_smoother,
    train_stgcn,
)
from .loop import TrainingSettings
from .sentence_embeddings import SentenceEmbeddings, embed_sentences
from .training_data import example_files, load_all, make_training_data

TRAINERS = {
    STGCN: (train_stgcn, STGCN_SIZES),
    INFILLER: (train_infiller, INFILLER_SIZES),
    SMOOTHER: (train_smoother, SMOOTHER_SIZES),
}


def train_models(options: argparse.Namespace) -> None:
    """Run `python -m lab train` with the options of `lab.commands.train`."""
    check_names(options.models, TRAINERS, "models")
    require_matplotlib()
    limit_threads()
    device = _choose_device(options.device)
    processes = join_process_group(device)
    try:
        if processes.is_main and not options.examples:
            make_training_data(options)
        processes.barrier()
        _train_each(options, _job(options, processes, device))
    finally:
        processes.close()


def _choose_device(choice: str) -> torch.device:
    """The device of this process: under torchrun, each process has a GPU of its own."""
    device = choose_device(choice)
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
        torch.set_float32_matmul_precision("high")
    return device


def _job(options: argparse.Namespace, processes: ProcessGroup, device: torch.device) -> TrainingJob:
    train_files, dev_files = example_files(options.out)
    examples, dev = load_all(options.examples or train_files), load_all(options.dev or dev_files)
    sentences = [sentence for example in [*examples, *dev] for sentence in example.sentences]
    embeddings = SentenceEmbeddings() if options.no_text else _embed(options, sentences, processes)
    settings = TrainingSettings(
        options.steps,
        options.batch,
        options.learning_rate,
        warmup_steps=min(200, options.steps // 10),
        seed=options.seed,
        dev_every=options.dev_every,
    )

    def log(text: str) -> None:
        if processes.is_main:
            print(text, flush=True)

    log(f"{len(examples)} training examples, {len(dev)} dev examples, {len(embeddings)} sentences; {device}")
    return TrainingJob(examples, dev, embeddings, settings, options.out, device, processes, log, options.start)


def _embed(options: argparse.Namespace, sentences: list[str], processes: ProcessGroup) -> SentenceEmbeddings:
    """Embed the sentences in the main process; the others read the file that it writes."""
    file = options.out / "sentences.npz"
    if processes.is_main:
        folder = ensure(TEXT_WEIGHTS, SilentReporter())["text_model"].parent  # downloaded (84 MB) if it is not there
        embed_sentences(sentences, load_encoder(folder), file)
    processes.barrier()
    return embed_sentences(sentences, None, file)


def _train_each(options: argparse.Namespace, job: TrainingJob) -> None:
    size = options.size if options.size != "auto" else "small" if job.device.type == "cpu" else "large"
    began = time.monotonic()
    for kind in options.models:
        minutes = None if options.minutes is None else options.minutes - (time.monotonic() - began) / 60
        if minutes is not None and minutes <= 0:
            job.log(f"{kind}: no time left; run the command again to continue")
            continue
        trainer, sizes = TRAINERS[kind]
        result = trainer(job, minutes, sizes[size])
        note = "" if result.finished else "; run the command again to continue"
        job.log(f"{kind}: step {result.step} of {job.settings.steps}{note}")
        if options.install and job.processes.is_main:
            install_weights(options.out, kind, MODELS)
            write_digests()
