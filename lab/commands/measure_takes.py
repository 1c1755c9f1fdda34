"""`python -m lab measure-takes`: what several takes of a clip are worth."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..arguments import names, positive_integer

SUMMARY = "measure how near the best of several takes comes, and how much takes differ"
DESCRIPTION = """\
Make several takes of choreographed clips with simulated detections, and print what they are worth: the error of hidden
joints of all takes and of the best, distances between the people and of what touches, penetration and jitter, and how much
takes differ where joints are hidden and where they are seen. Rows are ways to make takes: the infiller (diffusion), the same
without guidance (no-guidance), the ST-GCN alone (mean), and the ST-GCN with smooth noise of the size of its sigma (deviation).
"""
EXAMPLES = """\
  python -m lab measure-takes out/pairs/dev-0000.npz
  python -m lab measure-takes out/pairs/dev-0000.npz --clips 8 --takes 5 --samplers deviation,diffusion
"""
_SAMPLERS = ("mean", "deviation", "no-guidance", "diffusion")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("interactions", type=Path, metavar="FILE", help="of lab choreograph, of the dev split")
    parser.add_argument(
        "--clips", type=positive_integer, metavar="N", help="evenly spread over the file (default: all)"
    )
    parser.add_argument("--takes", type=positive_integer, default=8, metavar="K", help="of each clip (default: 8)")
    parser.add_argument(
        "--samplers", type=names, default=_SAMPLERS, metavar="A,B", help=f"rows (default: {','.join(_SAMPLERS)})"
    )
    parser.add_argument("--seed", type=int, default=0)


def run(options: argparse.Namespace) -> None:
    from core.device import limit_threads

    from ..arguments import check_names
    from ..choreography.interaction import load_interactions
    from ..evaluation.benchmarks import evenly_spread
    from ..evaluation.takes import SAMPLERS, takes_table

    limit_threads()
    check_names(options.samplers, SAMPLERS, "samplers")
    chosen = evenly_spread(load_interactions(options.interactions), options.clips)
    print(takes_table(chosen, options.samplers, options.takes, options.seed))
