"""Any exception as the sentence that a user reads."""

from __future__ import annotations

from .contract.errors import UserError


def explain(error: BaseException) -> UserError:
    """A UserError as it is; failures of the environment with a way out; anything else as a fault of ours."""
    if isinstance(error, UserError):
        return error
    if isinstance(error, ModuleNotFoundError):
        return UserError(
            "package-missing",
            f"The Python package {error.name} is missing.",
            "Install what core/requirements.txt names into the Python that runs this.",
        )
    if isinstance(error, MemoryError):
        return UserError("out-of-memory", "There is not enough memory.", "Choose a shorter range of frames.")
    if type(error).__name__ == "OutOfMemoryError":  # torch's; torch may be what is missing here
        return UserError(
            "out-of-memory", "The graphics card has not enough memory.", "Choose the device 'cpu', or a shorter range."
        )
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return UserError(
        "internal", f"SocialMirror failed: {text}.", "Please report this with the log (on the command line: --debug)."
    )
