"""`python -m lab install`: packages from requirement files."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "install requirement files with uv or pip"
DESCRIPTION = """\
Install requirement files into the Python that runs this, with uv or pip as `core.environment` chooses. scripts/lib.sh uses
it; packages of the core itself are installed by `python -m core doctor --fix`.
"""
EXAMPLES = """\
  .venv/bin/python -m lab install requirements-dev.txt
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")


def run(options: argparse.Namespace) -> None:
    from ..install import install_files

    install_files(options.files)
