"""Turns any exception into an error message for the user."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator

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
    if out_of_memory(error):
        if _on_a_gpu(error):
            return UserError(
                "out-of-memory",
                "The GPU does not have enough memory.",
                "Choose the device 'cpu', or a shorter range of frames.",
            )
        return UserError(
            "out-of-memory", "The computer does not have enough memory.", "Choose a shorter range of frames."
        )
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return UserError(
        "internal", f"SocialMirror failed: {text}.", "Please report this with the log (on the command line: --debug)."
    )


_SIGNS = (
    "out of memory",  # torch on CUDA and MPS, and most libraries
    "can't allocate memory",  # torch's allocator for the CPU
    "alloc_failed",  # cuBLAS and cuDNN
    "failed to allocate",  # onnxruntime
    "bad allocation",  # std::bad_alloc on Windows
    "std::bad_alloc",
    "paging file is too small",  # Windows, where a library or a mapped file does not fit
)


def out_of_memory(error: BaseException) -> bool:
    """Whether an error, or what caused it, says that memory ran out: the GPU's or the computer's."""
    return any(_says_out_of_memory(each) for each in _with_causes(error))


def _says_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, UserError):
        return error.code == "out-of-memory"
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # the latter of torch
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    return any(sign in str(error).lower() for sign in _SIGNS)


def _on_a_gpu(error: BaseException) -> bool:
    text = " ".join(f"{type(each).__name__} {each}" for each in _with_causes(error))
    return any(word in text for word in ("OutOfMemoryError", "CUDA", "CUBLAS", "CUDNN", "MPS"))


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    for _ in range(10):  # a chain may be a circle
        if current is None:
            return
        yield current
        current = current.__cause__
