"""`python -m lab train`: the learned models."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from ..arguments import names, positive_integer
from ..paths import MOTION_CACHE, ROOT

MODELS = ("stgcn", "infiller", "sequence-smoother")
SUMMARY = "train the learned models"
DESCRIPTION = """\
Train the ST-GCN (stgcn), the diffusion model (infiller) and the smoother (sequence-smoother), starting from a folder of
motion capture. Interactions are choreographed and turned into examples a few at a time, each only once; then
the chosen models are trained. A run that was interrupted, or stopped by --minutes, goes on where it was.

Writes into --out, per model: NAME.safetensors (weights), NAME.md (model card), NAME.png (training curves) and
NAME.state.safetensors (optimizer state). --install copies the weights to core/models.
"""
EXAMPLES = """\
  python -m lab train --motion FOLDER                          everything, to the end
  python -m lab train --motion FOLDER --minutes 10             ten minutes of it; run again to go on
  python -m lab train --examples A B --dev D                   on examples that `python -m lab examples` wrote
  python -m lab train --motion FOLDER --from core/models       start from the weights in the repository
  torchrun --nproc-per-node 4 -m lab train --motion FOLDER     on four GPUs
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    data = parser.add_argument_group("data")
    data.add_argument("--motion", type=Path, metavar="FOLDER", help="motion capture")
    data.add_argument("--cache", type=Path, default=MOTION_CACHE, help="where parsed motion capture is kept")
    data.add_argument("--count", type=int, default=60, metavar="N", help="training clips per family (default: 60)")
    data.add_argument("--dev-count", type=int, default=6, metavar="N", help="dev clips per family (default: 6)")
    data.add_argument("--cameras", type=int, default=3, metavar="N", help="per training clip (default: 3)")
    data.add_argument(
        "--non-interacting", type=int, default=300, metavar="N", help="pairs who do not interact (default: 300)"
    )
    data.add_argument("--examples", type=Path, nargs="*", metavar="FILE", help="train on these, choreograph none")
    data.add_argument("--dev", type=Path, nargs="*", metavar="FILE", help="dev examples, with --examples")
    data.add_argument("--processes", type=positive_integer, default=os.cpu_count() or 1, metavar="N", help="for data")
    training = parser.add_argument_group("training")
    training.add_argument("--models", type=names, default=MODELS, metavar="A,B", help=f"of {', '.join(MODELS)}")
    training.add_argument("--size", choices=("auto", "small", "large"), default="auto", help="auto: small on a CPU")
    training.add_argument("--minutes", type=float, metavar="M", help="stop after M minutes of training")
    training.add_argument("--steps", type=int, default=20_000, metavar="N")
    training.add_argument("--batch", type=int, default=16, metavar="N", help="windows per step and process")
    training.add_argument("--learning-rate", type=float, default=1e-3, metavar="RATE")
    training.add_argument("--dev-every", type=int, default=500, metavar="N", help="steps between evaluations on dev")
    training.add_argument(
        "--from", type=Path, dest="start", metavar="FOLDER", help="initial weights, of the same --size"
    )
    training.add_argument("--no-text", action="store_true", help="train without sentences")
    training.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    training.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "training", metavar="FOLDER")
    parser.add_argument("--install", action="store_true", help="copy the weights to core/models")


def run(options: argparse.Namespace) -> None:
    from core.contract.errors import UserError

    if not options.examples and not options.motion:
        raise UserError("bad-arguments", "There is nothing to train on.", "Give --motion, or --examples and --dev.")
    if options.examples and not options.dev:
        raise UserError("bad-arguments", "--examples needs examples to evaluate on.", "Give --dev.")
    from ..training.train import train_models

    train_models(options)
