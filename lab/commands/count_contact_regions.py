"""`python -m lab count-contact-regions`: which skin regions touch where two body parts do."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..paths import ROOT

SUMMARY = "count which skin regions touch where two body parts do"
DESCRIPTION = """\
Count, in the exact contacts of choreographed interactions of the train split, how often two skin regions touch while their body
parts do. Detected contacts are listed by these frequencies (core/contacts/regions.py).

Writes contact-regions.safetensors and contact-regions.md into --out, or with --install into core/models.
"""
EXAMPLES = """\
  python -m lab count-contact-regions --interactions out/pairs/*.npz --install
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--interactions", type=Path, nargs="+", required=True, metavar="FILE", help="files of lab choreograph"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "contacts", metavar="FOLDER")
    parser.add_argument("--install", action="store_true", help="write into core/models instead")


def run(options: argparse.Namespace) -> None:
    from ..training.contact_regions import count_regions

    count_regions(options.interactions, options.install, options.out)
