"""`python -m lab fit-noise`: the noise model of the 2D networks."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..paths import NOISE_FILE, ROOT

SUMMARY = "fit the noise model of the 2D networks to rendered clips"
DESCRIPTION = """\
Run the 2D networks on rendered clips whose ground truth is known, fit the model of their errors (lab/evaluation/data/noise.json)
and print how real and simulated detections of the same motions compare. FOLDER is what `python -m lab render` wrote; fit to clips
of the train split, never to those of the test split. Detections take a quarter of a second per frame and are kept in FOLDER/seen.
"""
EXAMPLES = """\
  python -m lab fit-noise out/train-video
  python -m lab fit-noise --sample --compare      compare the present model with the sample clip
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", type=Path, nargs="*", metavar="FOLDER")
    parser.add_argument("--sample", action="store_true", help="use the sample clip, too")
    parser.add_argument("--compare", action="store_true", help="fit nothing; compare with the model in --out")
    parser.add_argument(
        "--work", type=Path, default=ROOT / "build" / "noise", metavar="FOLDER", help="keeps the sample's detections"
    )
    parser.add_argument("--out", type=Path, default=NOISE_FILE, metavar="FILE.json", help="the noise model")


def run(options: argparse.Namespace) -> None:
    from core.contract.errors import UserError

    if not options.folders and not options.sample:
        raise UserError(
            "bad-arguments", "There are no clips to fit to.", "Give folders of rendered clips, or --sample."
        )
    from ..noise_fitting.fit_noise import NoiseFit, fit_noise

    fit_noise(NoiseFit(options.folders, options.sample, options.compare, options.work, options.out))
