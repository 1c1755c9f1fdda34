"""`python -m lab lock`: the lock files of the core's packages."""

from __future__ import annotations

import argparse

SUMMARY = "write the lock files of the core's packages"
DESCRIPTION = """\
Write the lock files of what the core needs: versions and sha256 of all packages, for every system and Python. Versions come
from core/requirements.txt, systems that need wheels from pyproject.toml; uv resolves them in its configured package index.
Locked versions stay as they are where they still fit, unless --upgrade.
"""
EXAMPLES = """\
  python -m lab lock --upgrade
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions that requirements.txt allows")


def run(options: argparse.Namespace) -> None:
    from ..lock_packages import write_locks

    write_locks(options.upgrade)
