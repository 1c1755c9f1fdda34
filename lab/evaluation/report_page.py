"""Draw a benchmark's page again from what `python -m lab evaluate` wrote, with what `python -m lab speed` measured of speed.

    python -m lab page REPORT.json [--speed SPEED.json] [--out PAGE.html]

Beside REPORT.json lies REPORT.npz with the worst clips, where the benchmark had any. Without --out the page is REPORT.html.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from core.contract.errors import UserError

from .page import load_report, write_page
from .pictures import load_pictures
from .speed import load_speed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path)
    parser.add_argument("--speed", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    worst = options.report.with_suffix(".npz")
    pictures = load_pictures(worst) if worst.is_file() else []
    speed = None if options.speed is None else load_speed(options.speed)
    page = options.out or options.report.with_suffix(".html")
    write_page(load_report(options.report), pictures, page, speed)
    print(page)


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        raise SystemExit(str(error)) from error
