"""Turns any exception into an error message for the user."""

from __future__ import annotations

import sys

from .contract.errors import UserError


def explain(error: BaseException) -> UserError:
    """The UserError to show for an exception.

    Missing packages and lack of memory get a hint; other exceptions become the UserError `internal`.
    """
    if isinstance(error, UserError):
        return error
    if isinstance(error, ModuleNotFoundError):
        return UserError(
            "package-missing",
            f"The Python package {error.name} is missing.",
            f"Run `{sys.executable} -m core doctor --fix`.",
        )
    if isinstance(error, MemoryError):
        return UserError(
            "out-of-memory", "The computer does not have enough memory.", "Choose a shorter range of frames."
        )
    if type(error).__name__ == "OutOfMemoryError":  # of torch, which may not be installed
        return UserError(
            "out-of-memory",
            "The GPU does not have enough memory.",
            "Choose the device 'cpu', or a shorter range of frames.",
        )
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return UserError(
        "internal", f"SocialMirror failed: {text}.", "Please report this with the log (on the command line: --debug)."
    )
