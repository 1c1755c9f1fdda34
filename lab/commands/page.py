"""`python -m lab page`: the HTML page of a benchmark's report."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "draw the HTML page of a benchmark's report again"
DESCRIPTION = """\
Draw the page of a report that `python -m lab evaluate --out` wrote, without measuring anything. The worst clips are shown
when REPORT.npz lies beside REPORT.json; --speed adds what `python -m lab speed --out` measured.
"""
EXAMPLES = """\
  python -m lab page out/pairs-2d.json --speed out/speed.json --out page.html
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("report", type=Path, metavar="REPORT.json")
    parser.add_argument("--speed", type=Path, metavar="SPEED.json", help="add these measurements of time and memory")
    parser.add_argument("--out", type=Path, metavar="PAGE.html", help="the page (default: REPORT.html)")


def run(options: argparse.Namespace) -> None:
    from ..evaluation.page import load_report, write_page
    from ..evaluation.pictures import load_pictures
    from ..evaluation.speed import load_speed

    worst = options.report.with_suffix(".npz")
    pictures = load_pictures(worst) if worst.is_file() else []
    speed = None if options.speed is None else load_speed(options.speed)
    page = options.out or options.report.with_suffix(".html")
    write_page(load_report(options.report), pictures, page, speed)
    print(page)
