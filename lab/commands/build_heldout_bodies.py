"""`python -m lab build-heldout-bodies`: bodies outside the shape space."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "build people whose bodies the shape space cannot express"
DESCRIPTION = """\
Build the held-out bodies (benchmarks/heldout_bodies.npz), which `choreograph --bodies` and `render` take: from the same source as
the default body and with its order of vertices, but with traits that its shape space does not vary. Needs the environment of
`python -m lab build-body`.
"""
EXAMPLES = """\
  .venv-build/bin/python -m lab build-heldout-bodies benchmarks/heldout_bodies.npz
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="FILE.npz", help="the file to write")
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="where Anny may keep its cache")


def run(options: argparse.Namespace) -> None:
    from ..body_builder.heldout_bodies import build_file

    build_file(options.out, options.cache)
