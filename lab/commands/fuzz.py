"""`python -m lab fuzz`: damaged files and messages for every reader."""

from __future__ import annotations

import argparse
from pathlib import Path

from core.contract.errors import UserError

from ..arguments import positive_integer

SUMMARY = "give damaged files and messages to every reader"
DESCRIPTION = """\
Give damaged inputs to everything that reads files or messages from outside, and print a table of what went wrong: processes that
died, Python exceptions, more than 10 s or 500 MB, files outside of the input's folder, damaged values that were accepted.

Inputs are made from small valid ones by hypothesis: wrong types, shapes and values, hostile names and paths, forged headers,
compression bombs, deep nesting, damaged bytes. Those that are handled badly are kept in --out. The exit code is 2 if there are
any. Needs `pip install -r requirements-dev.txt`. Linux measures memory for each input, macOS for the whole process.
"""
EXAMPLES = """\
  python -m lab fuzz --tries 800 --out out/fuzz
  python -m lab fuzz --readers body,record --tries 5000
  python -m lab fuzz --blender .venv-blender-4.5/bin/python --readers none --tries 250
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--tries", type=positive_integer, default=200, metavar="N", help="inputs for each reader (default: 200)"
    )
    parser.add_argument(
        "--readers", default="all", metavar="A,B", help="all (default), none, or some (a wrong name lists them)"
    )
    parser.add_argument("--blender", type=Path, metavar="PYTHON", help="also import damaged results in this Blender")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the damage (default: 0)")
    parser.add_argument("--out", type=Path, default=Path("out/fuzz"), metavar="DIR", help="(default: out/fuzz)")


def run(options: argparse.Namespace) -> None:
    from ..fuzzing.campaign import reader_names, run_campaign
    from ..fuzzing.report import examples_of_failures, save_outcomes, table

    known = reader_names()
    names = {"all": known, "none": ()}.get(options.readers, tuple(options.readers.split(",")))
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UserError("bad-reader", f"There is no reader {unknown[0]!r}.", f"Readers: {', '.join(known)}.")
    options.out.mkdir(parents=True, exist_ok=True)
    outcomes = run_campaign(names, options.tries, options.seed, options.out)
    if options.blender is not None:
        from ..fuzzing.blender_campaign import run_blender_campaign

        outcomes += run_blender_campaign(options.blender, options.tries, options.seed, options.out)
    save_outcomes(outcomes, options.out / "outcomes.json")
    print(table(outcomes))
    failures = sum(len(outcome.failures) for outcome in outcomes)
    if failures:
        print(examples_of_failures(outcomes))
        raise UserError("fuzz-failures", f"{failures} inputs were handled badly.", f"They are kept in {options.out}.")
