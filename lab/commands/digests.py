"""`python -m lab digests`: the digests of the files that ship."""

from __future__ import annotations

import argparse

SUMMARY = "write the digests of the weights and bodies that ship"
DESCRIPTION = """\
Write core/SHA256SUMS anew. The product refuses weights and bodies that differ from it, so it has to be written whenever one of
them was made anew; `train --install` does so by itself.
"""
EXAMPLES = """\
  python -m lab digests
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    pass


def run(options: argparse.Namespace) -> None:
    from ..digests import write_digests

    write_digests()
