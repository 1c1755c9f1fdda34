"""Say how well one benchmark's report predicts another's: the order of the rows, and the difference of their errors.

python -m lab compare out/pairs-2d.json out/pairs-video.json [--methods raw,alone,joint-fit]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from core.contract.errors import UserError

from .agreement import agreement_table, agreements
from .page import load_report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("one", type=Path)
    parser.add_argument("other", type=Path)
    parser.add_argument("--methods", help="rows to compare (default: all that both have)")
    options = parser.parse_args()
    methods = None if options.methods is None else options.methods.split(",")
    found = agreements(load_report(options.one), load_report(options.other), methods)
    if not found:
        raise UserError("nothing-shared", "The two reports have no two rows in common.")
    print(agreement_table(found))


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        raise SystemExit(str(error)) from error
