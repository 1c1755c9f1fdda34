"""`python -m lab measure-2d`: the 2D stage on rendered clips."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..arguments import names

SUMMARY = "measure how well the 2D stage follows two people in rendered clips"
DESCRIPTION = """\
Run the 2D stage on the clips of a folder that `python -m lab render` made, and print what it finds of the limb joints: in how
many frames both people are found and not taken for each other (both), the share of joints within a tenth and a twentieth of a
person's height (PCK), the same of joints that the other person hides, errors of the metric landmarks after alignment (PA, mm),
and seconds a frame. Families that no network was trained on have a row of their own.
"""
EXAMPLES = """\
  python -m lab measure-2d out/pairs-video
  python -m lab measure-2d out/pairs-video --only hug-0000,help_up-0000 --alone
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--only", type=names, metavar="A,B", help="names of clips (default: all)")
    parser.add_argument(
        "--alone", action="store_true", help="measure each person alone, in the videos that show only one of them"
    )
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))


def run(options: argparse.Namespace) -> None:
    from core.device import choose_device

    from ..evaluation.measure_2d import measure_2d

    print(measure_2d(options.folder, options.only, choose_device(options.device), alone=options.alone))
