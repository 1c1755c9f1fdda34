"""`python -m lab compare`: how well one benchmark predicts another, or what changed between two runs of one benchmark."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from ..arguments import names

SUMMARY = "compare two reports: what changed, or how well one benchmark predicts another"
DESCRIPTION = """\
Compare two reports of `python -m lab evaluate`.

Without options: metric by metric, whether both rank the methods in the same order, and by how much their errors differ. This
shows whether a benchmark with simulated detections stands for one with video.

With --changes, for two runs of one benchmark: every metric of every method before and after, on the clips that both have, with
the difference and its standard error over the clips.
"""
EXAMPLES = """\
  python -m lab compare out/pairs-2d.json out/pairs-video.json --methods raw,alone,joint-fit
  python -m lab compare before.json after.json --changes
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("one", type=Path, metavar="REPORT.json")
    parser.add_argument("other", type=Path, metavar="OTHER.json")
    parser.add_argument("--methods", type=names, metavar="A,B", help="rows to compare (default: all that both have)")
    parser.add_argument("--changes", action="store_true", help="show what changed from the first to the second report")


def run(options: argparse.Namespace) -> None:
    from ..evaluation.page import load_report

    one, other = load_report(options.one), load_report(options.other)
    if options.changes:
        from ..evaluation.changes import changes, changes_table

        changed = changes(one, other, options.methods)
        _require(changed, "The two reports have no row with the same clips in common.")
        print(changes_table(changed))
    else:
        from ..evaluation.agreement import agreement_table, agreements

        found = agreements(one, other, options.methods)
        _require(found, "The two reports have fewer than two rows in common.")
        print(agreement_table(found))


def _require(found: Sequence[object], otherwise: str) -> None:
    from core.contract.errors import UserError

    if not found:
        raise UserError("nothing-shared", otherwise, "Give other reports.")
