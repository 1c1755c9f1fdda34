"""`python -m lab train-contacts`: the contact head."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..arguments import positive_integer
from ..paths import MOTION_CACHE, ROOT

SUMMARY = "train the contact head, which says which body parts of the two touch"
DESCRIPTION = """\
Train the contact head (core/contacts/head.py) on choreographed interactions: a random camera sees each of them, the noise
model of the 2D networks makes detections of it, the product's prior and first fit make a motion of these, and the
head learns from that motion which body parts truly touch. Clips of the splits train and dev are needed. --non-interacting adds
pairs of people who do not touch; it needs --motion. --rendered adds clips of `python -m lab render`, of either split, as the
real networks see them. What is there already is kept, and a run that was stopped goes on where it was.

Writes into --out: fits/SPLIT-NAME.npz (fitted clips), contact-head.safetensors (weights), .md (model card), .png (curves),
-reliability.png (probability against frequency) and .state.safetensors (optimizer state). --install copies the weights to
core/models.
"""
EXAMPLES = """\
  python -m lab train-contacts --interactions out/pairs/*.npz --motion FOLDER --non-interacting 60
  python -m lab train-contacts --interactions out/pairs/*.npz --minutes 10       ten minutes of it; run again to go on
  python -m lab train-contacts --interactions out/pairs/*.npz --from core/models --steps 800 --learning-rate 1e-3
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--interactions", type=Path, nargs="+", required=True, metavar="FILE", help="of lab choreograph, train and dev"
    )
    parser.add_argument("--motion", type=Path, metavar="FOLDER", help="motion capture for --non-interacting")
    parser.add_argument("--cache", type=Path, default=MOTION_CACHE, help="where parsed motion capture is kept")
    parser.add_argument("--non-interacting", type=int, default=0, metavar="N", help="pairs who do not touch")
    parser.add_argument(
        "--cameras", type=positive_integer, default=1, metavar="N", help="per training clip (default: 1)"
    )
    parser.add_argument(
        "--rendered", type=Path, nargs="*", default=[], metavar="FOLDER", help="of lab render, train or dev"
    )
    parser.add_argument("--steps", type=positive_integer, default=1200, metavar="N")
    parser.add_argument("--batch", type=positive_integer, default=8, metavar="N", help="windows per step")
    parser.add_argument("--learning-rate", type=float, default=2e-3, metavar="RATE")
    parser.add_argument("--minutes", type=float, metavar="M", help="stop after M minutes of training")
    parser.add_argument("--dev-every", type=positive_integer, default=250, metavar="N")
    parser.add_argument("--from", type=Path, dest="start", metavar="FOLDER", help="initial weights")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "contacts", metavar="FOLDER")
    parser.add_argument("--install", action="store_true", help="copy the weights to core/models")


def run(options: argparse.Namespace) -> None:
    from core.contract.errors import UserError

    if options.non_interacting and options.motion is None:
        raise UserError("bad-arguments", "--non-interacting needs motion capture.", "Give --motion.")
    from ..training.train_contacts import train_contacts

    train_contacts(options)
