"""`python -m lab examples`: training examples."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from ..arguments import positive_integer
from ..paths import MOTION_CACHE

SUMMARY = "simulate detections of choreographed interactions: training examples"
DESCRIPTION = """\
Turn interactions of `python -m lab choreograph` into training examples: every interaction is projected through several
random cameras, every second time mirrored, and the noise model of the 2D networks makes detections of it. Writes FILE.npz
and FILE.json, after every hundred examples anew. The same seed gives the same examples with any number of workers.
Interactions of another split than --split are refused.

--non-interacting adds pairs of people from motion capture who do not interact, --close pairs who are as near each other
as people who do, in any pose and place; of the latter only the ST-GCN can learn, as nothing is known of their contacts. Both
need --motion.

--rendered adds rendered clips of `python -m lab render` as the real 2D networks see them. They have a camera each: --cameras
is how many are assumed for it, the first one estimated as in the product, the others drawn about the true one.
"""
EXAMPLES = """\
  python -m lab examples --interactions out/train.npz --cameras 3 --out out/examples/train
  python -m lab examples --interactions out/dev.npz --split dev --cameras 1 --seed 1 --out out/examples/dev
  python -m lab examples --non-interacting 300 --motion FOLDER --out out/examples/non-interacting
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--interactions", type=Path, nargs="*", default=[], metavar="FILE", help="of lab choreograph")
    parser.add_argument("--split", choices=("train", "dev"), default="train", help="of all interactions")
    parser.add_argument("--cameras", type=positive_integer, default=3, metavar="N", help="per interaction (default: 3)")
    parser.add_argument("--non-interacting", type=int, default=0, metavar="N", help="pairs who do not interact")
    parser.add_argument("--close", type=int, default=0, metavar="N", help="pairs close together by chance")
    parser.add_argument("--rendered", type=Path, nargs="*", default=[], metavar="FOLDER", help="of lab render")
    parser.add_argument("--motion", type=Path, metavar="FOLDER", help="motion capture for these")
    parser.add_argument("--cache", type=Path, default=MOTION_CACHE, help="where parsed motion capture is kept")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=positive_integer, default=os.cpu_count() or 1, metavar="N")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the files to write, without ending")


def run(options: argparse.Namespace) -> None:
    from core.contract.errors import UserError

    if (options.non_interacting or options.close) and options.motion is None:
        raise UserError("bad-arguments", "--non-interacting and --close need motion capture.", "Give --motion.")
    from ..training.example_files import write_example_files

    write_example_files(options)
