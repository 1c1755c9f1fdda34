"""The one exception that users see: what is wrong, and what to do about it."""

from __future__ import annotations


class UserError(Exception):
    """A failure with a plain sentence and a way out.

    `code` is a stable word for programs (`clip-unreadable`), `message` says what is wrong and `hint` what to do.
    """

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class Cancelled(Exception):
    """The user asked for the work to stop."""
