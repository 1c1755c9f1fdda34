"""Chooses the device that torch computes on, and its number of threads."""

from __future__ import annotations

import os

import torch

from .contract.errors import UserError
from .contract.requests import DEVICES

_MAX_THREADS = 4


def choose_device(choice: str = "auto") -> torch.device:
    """The device for `choice`, one of `DEVICES`; "auto" is CUDA if available, else MPS, else the CPU.

    Raises the UserError `bad-device` or, if torch cannot use the device on this machine, `device-missing`.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if choice == "auto":
        return torch.device(next(name for name, usable in available.items() if usable))
    if choice not in available:
        raise UserError("bad-device", f"There is no device {choice!r}.", f"Choose one of {', '.join(DEVICES)}.")
    if not available[choice]:
        raise UserError(
            "device-missing",
            f"torch cannot use {choice!r} on this machine.",
            "Choose 'auto' or 'cpu', or install a build of torch for this device.",
        )
    return torch.device(choice)


def limit_threads() -> int:
    """Let torch use half of the cores, at most four, unless OMP_NUM_THREADS is set. Returns the number of threads.

    The networks are small, so more threads mostly wait for each other; on a busy machine they can take many times longer than
    a single thread.
    """
    if not os.environ.get("OMP_NUM_THREADS"):
        torch.set_num_threads(max(1, min(_MAX_THREADS, (os.cpu_count() or 1) // 2)))
    return torch.get_num_threads()


def independent_threads() -> int:
    """How many pieces of work that never wait for each other to do at once: all cores, at most four, or OMP_NUM_THREADS."""
    if os.environ.get("OMP_NUM_THREADS"):
        return torch.get_num_threads()
    return max(1, min(_MAX_THREADS, os.cpu_count() or 1))
