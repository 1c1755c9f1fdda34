"""Installs requirement files into the Python that runs this, by uv or pip, whichever `core.environment` chooses.

    python -m lab install FILE...

For scripts/lib.sh; what the core itself needs is installed by `python -m core doctor --fix`.
"""

from __future__ import annotations

import argparse

from core.environment.installers import Span, find_installer


class Printer:
    """A `core.reporting.Reporter` that prints what is logged."""

    def progress(self, fraction: float, text: str = "") -> None:
        pass

    def warning(self, text: str) -> None:
        print(text, flush=True)

    def log(self, text: str) -> None:
        print(text, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="Install requirement files into the Python that runs this.")
    parser.add_argument("files", nargs="+", metavar="FILE")
    options = parser.parse_args()
    printer = Printer()
    arguments = [part for file in options.files for part in ("-r", file)]
    find_installer(printer).install(arguments, printer, Span(0.0, 1.0, 1))
    return 0
