"""Measure methods on a benchmark: a table, a file of numbers, a page."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from core.progress import JobProgress
from core.terminal import Terminal

from ..arguments import ArgumentParser
from .benchmarks import Request, evaluate, prepare_to_write, write_outcome
from .methods import chosen_methods
from .table import table

BENCHMARKS = ("pairs-2d", "pairs-video", "real", "hi4d", "harmony4d", "chi3d", "3dpw")


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--benchmark", required=True, metavar="NAME", help=f"one of {', '.join(BENCHMARKS)}")
    parser.add_argument("--data", type=Path, metavar="PATH", help="its data, where they do not ship with this")
    parser.add_argument("--out", type=Path, metavar="REPORT", help="write REPORT.json, .html and .npz")
    parser.add_argument("--clips", type=_positive, metavar="N", help="at most so many clips, evenly spread")
    parser.add_argument("--methods", metavar="A,B", help="rows of the table (default: all)")
    parser.add_argument("--split", default="test", metavar="NAME", help="test (default) or dev; of 3dpw also contact")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument(
        "--workers", type=_positive, metavar="N", help="processes side by side (default: one for each core)"
    )
    options = parser.parse_args()
    request = Request(
        benchmark=options.benchmark,
        data=options.data,
        clips=options.clips,
        methods=() if options.methods is None else chosen_methods(options.methods),
        split=options.split,
        seed=options.seed,
        workers=options.workers or os.cpu_count() or 1,
    )
    if options.out is not None:
        prepare_to_write(options.out)
    with Terminal(sys.stderr) as terminal:
        progress = JobProgress(terminal)
        progress.expect({request.benchmark: 1.0})
        outcome = evaluate(request, progress.begin(request.benchmark))
    print(table(outcome.report))
    if options.out is not None:
        for path in write_outcome(outcome, options.out):
            print(path)


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)


if __name__ == "__main__":
    main()
