"""Installs requirement files into the Python that runs this, by uv or pip, whichever `core.environment` chooses.

For scripts/lib.sh; what the core itself needs is installed by `python -m core doctor --fix`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.environment.installers import Span, find_installer


class Printer:
    """A `core.reporting.Reporter` that prints what is logged."""

    def progress(self, fraction: float, text: str = "") -> None:
        pass

    def warning(self, text: str) -> None:
        print(text, flush=True)

    def log(self, text: str) -> None:
        print(text, flush=True)


def install_files(files: Sequence[Path]) -> None:
    printer = Printer()
    arguments = [part for file in files for part in ("-r", str(file))]
    find_installer(printer).install(arguments, printer, Span(0.0, 1.0, 1))
