"""The exceptions that end a job: an error that is explained to the user, and cancellation."""

from __future__ import annotations


class UserError(Exception):
    """An error that is shown to the user.

    `code` identifies the kind of error (`clip-unreadable`) and does not change between versions; `message` says what is wrong and
    `hint` what to do, both in sentences.
    """

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class Cancelled(Exception):
    """The user cancelled the job."""
