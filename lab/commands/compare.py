"""`python -m lab compare`: how well one benchmark predicts another."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..arguments import names

SUMMARY = "measure how well one benchmark's report predicts another's"
DESCRIPTION = """\
Compare two reports of `python -m lab evaluate` metric by metric: whether both rank the methods in the same order, and by
how much their errors differ. This shows whether a benchmark with simulated detections stands for one with video.
"""
EXAMPLES = """\
  python -m lab compare out/pairs-2d.json out/pairs-video.json --methods raw,alone,joint-fit
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("one", type=Path, metavar="REPORT.json")
    parser.add_argument("other", type=Path, metavar="OTHER.json")
    parser.add_argument("--methods", type=names, metavar="A,B", help="rows to compare (default: all that both have)")


def run(options: argparse.Namespace) -> None:
    from core.contract.errors import UserError

    from ..evaluation.agreement import agreement_table, agreements
    from ..evaluation.page import load_report

    found = agreements(load_report(options.one), load_report(options.other), options.methods)
    if not found:
        raise UserError("nothing-shared", "The two reports have fewer than two rows in common.", "Give other reports.")
    print(agreement_table(found))
