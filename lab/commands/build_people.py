"""`python -m lab build-people`: bodies outside the shape space."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "build people whose bodies the shape space cannot express"
DESCRIPTION = """\
Build the individual bodies of the benchmark pairs-video (benchmarks/people_outside.npz): from the same source as the default
body and with its order of vertices, but with traits that its shape space does not vary. Needs the environment of
`python -m lab build-body`.
"""
EXAMPLES = """\
  .venv-build/bin/python -m lab build-people benchmarks/people_outside.npz
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="FILE.npz", help="the file to write")
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="where Anny may keep its cache")


def run(options: argparse.Namespace) -> None:
    from ..body_builder.heldout_bodies import build_file

    build_file(options.out, options.cache)
