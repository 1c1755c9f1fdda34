"""What the installer says: the messages of core/contract/messages.py for a job of id 1, and lines of its log on stderr."""

from __future__ import annotations

import sys
from typing import Any

from ...core.contract.messages import Message, encode, message
from ...core.contract.redaction import redact

MAKING = "Making the environment"
"""The installer's own stage, which comes before the core's."""
STAGES = 4


class InstallError(Exception):
    """A failure in the words that the user reads."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint


class Stopped(Exception):
    """The user asked to stop."""


def send(kind: str, **fields: Any) -> None:
    write(message(1, kind, **fields))


def write(record: Message) -> None:
    print(encode(record), end="", flush=True)


def progress(text: str) -> None:
    """Say what is being done at the very beginning."""
    send("progress", stage=MAKING, fraction=0.0, seconds_left=None, text=text)


def log(text: str) -> None:
    send("log", text=redact(text))


def write_log(text: str) -> None:
    """A line for the log file only."""
    print(redact(text), file=sys.stderr, flush=True)
