"""The argument parser of the lab's commands."""

from __future__ import annotations

import argparse
from typing import NoReturn

from core.contract.errors import UserError


class ArgumentParser(argparse.ArgumentParser):
    """Reports wrong arguments as a UserError, which `python -m lab` prints in one line."""

    def error(self, message: str) -> NoReturn:
        raise UserError("bad-arguments", f"{message[:1].upper()}{message[1:]}.", f"See {self.prog} --help.")
