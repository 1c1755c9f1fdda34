"""The argument parser of the lab's commands, and the types of their arguments."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterable
from typing import NoReturn

from core.contract.errors import UserError


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the line breaks of descriptions, and options and their help on one line where the terminal is wide enough."""

    def __init__(self, prog: str) -> None:
        width = min(120, shutil.get_terminal_size().columns - 2)
        super().__init__(prog, max_help_position=28, width=width)


class ArgumentParser(argparse.ArgumentParser):
    """Raises the UserError `bad-arguments` instead of printing the usage and exiting."""

    def error(self, message: str) -> NoReturn:
        raise UserError("bad-arguments", f"{message[:1].upper()}{message[1:]}.", f"See {self.prog} --help.")


def positive_integer(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number greater than 0")
    return int(text)


def image_size(text: str) -> tuple[int, int]:
    """Width and height in px from WIDTHxHEIGHT."""
    width, separator, height = text.partition("x")
    if not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 1920x1080")
    return positive_integer(width), positive_integer(height)


def names(text: str) -> tuple[str, ...]:
    """The names in a comma-separated list."""
    return tuple(text.split(","))


def check_names(given: Iterable[str], known: Iterable[str], what: str) -> None:
    """UserError `bad-arguments` for the first name that is not known; `what` says in the plural what is named."""
    known = tuple(known)
    unknown = [name for name in given if name not in known]
    if unknown:
        raise UserError("bad-arguments", f"Unknown {what}: {', '.join(unknown)}.", f"Choose from {', '.join(known)}.")
