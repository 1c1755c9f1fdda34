"""`python -m lab evaluate`: run methods on a benchmark."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from ..arguments import positive_integer

BENCHMARKS = ("pairs-2d", "pairs-video", "real", "hi4d", "harmony4d", "chi3d", "3dpw")
SUMMARY = "measure reconstruction methods on a benchmark"
DESCRIPTION = """\
Run reconstruction methods on the clips of a benchmark and print a table of their errors, one row per method.

Benchmarks:
  pairs-2d     choreographed interactions with exact ground truth; a noise model simulates the 2D networks. Needs no data.
  pairs-video  the same interactions rendered as video (`python -m lab render` makes them); runs the 2D networks, too
  real         Pose2Sim's four-camera demo, and videos without ground truth
  hi4d, harmony4d, chi3d, 3dpw
               the public datasets, in the folder layout that their authors distribute

--out REPORT writes REPORT.json (all numbers), REPORT.html (a page with plots and the worst clips) and REPORT.npz (the
skeletons of the worst clips). The page needs `pip install -r lab/requirements.txt`.

All clips of pairs-2d take hours: with --resume FOLDER the scores of every clip are kept there as soon as they are known, and
the same command goes on after an interruption. Use another folder after the code or the weights have changed.
"""
EXAMPLES = """\
  python -m lab evaluate --benchmark pairs-2d --clips 42 --methods raw,joint-fit,product --out out/pairs-2d
  python -m lab evaluate --benchmark pairs-video --data out/pairs-video --out out/pairs-video-report
  python -m lab evaluate --benchmark 3dpw --data ~/3DPW --split contact
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--benchmark", required=True, choices=BENCHMARKS, metavar="NAME", help="see above")
    parser.add_argument("--data", type=Path, metavar="PATH", help="folder of the benchmark's data, if it needs any")
    parser.add_argument("--out", type=Path, metavar="REPORT", help="write REPORT.json, REPORT.html and REPORT.npz")
    parser.add_argument("--clips", type=positive_integer, metavar="N", help="use N clips, evenly spread (default: all)")
    parser.add_argument("--methods", metavar="A,B", help="rows of the table (default: all; a wrong name lists them)")
    parser.add_argument(
        "--split", metavar="NAME", help="test (default; with --data its own) or dev; 3dpw also has contact"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the simulated detections (default: 0)")
    parser.add_argument(
        "--workers", type=positive_integer, metavar="N", help="number of processes (default: number of cores)"
    )
    parser.add_argument("--resume", type=Path, metavar="FOLDER", help="keep scores there, and run only what is missing")


def run(options: argparse.Namespace) -> None:
    from core.progress import JobProgress
    from core.terminal import Terminal

    from ..evaluation.benchmarks import EvaluationRequest, evaluate, prepare_to_write, write_outcome
    from ..evaluation.run_methods import chosen_methods
    from ..evaluation.table import report_table

    request = EvaluationRequest(
        benchmark=options.benchmark,
        data=options.data,
        clips=options.clips,
        methods=() if options.methods is None else chosen_methods(options.methods),
        split=options.split,
        seed=options.seed,
        workers=options.workers or os.cpu_count() or 1,
        resume=options.resume,
    )
    if options.out is not None:
        prepare_to_write(options.out)
    with Terminal(sys.stderr) as terminal:
        progress = JobProgress(terminal)
        progress.expect({request.benchmark: 1.0})
        outcome = evaluate(request, progress.begin(request.benchmark))
    written = () if options.out is None else write_outcome(outcome, options.out)
    print(report_table(outcome.report))
    for path in written:
        print(path)
