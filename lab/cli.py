"""The lab's command line: `python -m lab COMMAND`. Exit code 0, or 2 with one line on stderr, or 130 after Ctrl-C."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Protocol, cast

from core.contract.errors import Cancelled, UserError

from .arguments import ArgumentParser, HelpFormatter

OK, FAILED, INTERRUPTED = 0, 2, 130
COMMANDS = (
    "evaluate",
    "compare",
    "page",
    "measure-2d",
    "measure-takes",
    "text-effect",
    "choreograph",
    "sample",
    "examples",
    "train",
    "render",
    "fit-noise",
    "train-contacts",
    "count-contact-regions",
    "train-landmarks",
    "train-prompted",
    "convert-movenet",
    "build-body",
    "build-heldout-bodies",
    "speed",
    "check-engines",
    "fuzz",
    "install",
    "lock",
    "digests",
)
_DESCRIPTION = """\
Measure, train and build what SocialMirror ships. Nothing here is part of the product: animators use the Blender
add-on or `python -m core`.
"""
_EPILOG = """\
`python -m lab COMMAND --help` explains a command and shows examples. Commands that render need Blender as a Python
module, in an environment that scripts/test makes (--blender names another one).
"""


class Command(Protocol):
    """What a module of `lab.commands` has."""

    SUMMARY: str
    """One line for the list of commands."""
    DESCRIPTION: str
    """What the command does, what it reads and what it writes."""
    EXAMPLES: str
    """Command lines, one a line; may be empty."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, options: argparse.Namespace) -> None: ...


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    try:
        options = build_parser().parse_args(arguments)
        options.run(options)
    except (KeyboardInterrupt, Cancelled):
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED
    except UserError as error:
        if "--debug" in arguments:
            traceback.print_exc()
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return FAILED
    return OK


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands. Imports their modules, which import nothing heavy."""
    parser = ArgumentParser(
        prog="python -m lab", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=HelpFormatter
    )
    parser.add_argument("--debug", action="store_true", help="print a traceback with every error")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True, title="commands")
    for name in COMMANDS:
        command = load_command(name)
        epilog = f"examples:\n{command.EXAMPLES}" if command.EXAMPLES else None
        added = subparsers.add_parser(
            name,
            help=command.SUMMARY,
            description=command.DESCRIPTION,
            epilog=epilog,
            formatter_class=HelpFormatter,
        )
        added.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        added.set_defaults(run=command.run)
        command.add_arguments(added)
    return parser


def load_command(name: str) -> Command:
    """The command's module, imported only when it is asked for."""
    return cast(Command, import_module(f"lab.commands.{name.replace('-', '_')}"))
