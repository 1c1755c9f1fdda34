"""`python -m lab train-prompted`: the prompted landmark network."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..arguments import positive_integer
from ..paths import MOTION_CACHE, ROOT

SUMMARY = "render frames of interactions and train the prompted landmark network on them"
DESCRIPTION = """\
Train the head that tells two people in contact apart (core/perception/prompted_landmarks.py). Single frames of
choreographed interactions are rendered with random cameras, rooms, clothes and light, and MoveNet looks at them; then the
head is trained on BlazePose's features of crops of them. Clips of the splits train and dev are needed; those of test are
only measured. --close adds pairs of recordings, in any pose, who are near each other by chance. What is there already is
kept, and a run that was stopped goes on where it was.

Writes into --out: frames/SPLIT/CLIP.npz, prompted-landmarks.safetensors (weights), .md (model card) and .state.safetensors
(optimizer state). Rendering needs OpenGL (Mesa's llvmpipe is enough). --install copies the weights to core/models.
"""
EXAMPLES = """\
  python -m lab train-prompted --interactions out/pairs/*.npz benchmarks/pairs_test.npz
  python -m lab train-prompted --interactions out/pairs/*.npz --minutes 30       half an hour of it; run again to go on
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--interactions", type=Path, nargs="+", required=True, metavar="FILE", help="of lab choreograph, of all splits"
    )
    parser.add_argument("--motion", type=Path, metavar="FOLDER", help="motion capture for --close")
    parser.add_argument("--cache", type=Path, default=MOTION_CACHE, help="where parsed motion capture is kept")
    parser.add_argument("--close", type=int, default=0, metavar="N", help="pairs who are close together by chance")
    parser.add_argument("--frames", type=positive_integer, default=16, metavar="N", help="per clip (default: 16)")
    parser.add_argument("--steps", type=positive_integer, default=4000, metavar="N")
    parser.add_argument("--batch", type=positive_integer, default=16, metavar="N", help="crops per step")
    parser.add_argument("--learning-rate", type=float, default=2e-3, metavar="RATE")
    parser.add_argument("--minutes", type=float, metavar="M", help="stop after M minutes of training")
    parser.add_argument(
        "--dev-every", type=positive_integer, default=250, metavar="N", help="steps between evaluations"
    )
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "prompted", metavar="FOLDER")
    parser.add_argument(
        "--start", type=Path, metavar="STATE", help="begin with the weights of another training's .state.safetensors"
    )
    parser.add_argument(
        "--average", type=Path, metavar="STATE", help="write the mean of both trainings' weights (.state.safetensors)"
    )
    parser.add_argument("--install", action="store_true", help="copy the weights to core/models")


def run(options: argparse.Namespace) -> None:
    from core.contract.errors import UserError
    from core.device import choose_device

    from ..prompted_training.train_prompted import PromptedTraining, train_prompted

    if options.close and options.motion is None:
        raise UserError("bad-arguments", "--close needs motion capture.", "Give --motion.")
    train_prompted(
        PromptedTraining(
            interactions=tuple(options.interactions),
            out=options.out,
            frames=options.frames,
            steps=options.steps,
            batch_size=options.batch,
            learning_rate=options.learning_rate,
            minutes=options.minutes,
            dev_every=options.dev_every,
            device=choose_device(options.device),
            seed=options.seed,
            install=options.install,
            start=options.start,
            average=options.average,
            motion=options.motion,
            cache=options.cache,
            close=options.close,
        )
    )
