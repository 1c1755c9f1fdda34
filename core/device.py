"""Which processor does the work."""

from __future__ import annotations

import os

import torch

from .contract.errors import UserError
from .contract.requests import DEVICES

_MOST_THREADS = 4


def choose_device(choice: str = "auto") -> torch.device:
    """The device for `choice`; "auto" takes CUDA, else Apple's, else the CPU.

    UserError `device-missing` where this machine does not have it.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if choice == "auto":
        return torch.device(next(name for name, present in there.items() if present))
    if choice not in there:
        raise UserError("bad-device", f"There is no device {choice!r}.", f"Choose one of {', '.join(DEVICES)}.")
    if not there[choice]:
        raise UserError(
            "device-missing",
            f"torch cannot use {choice!r} on this machine.",
            "Choose 'auto' or 'cpu', or install a build of torch for this device.",
        )
    return torch.device(choice)


def limit_threads() -> int:
    """Give torch half of the cores, at most four, unless OMP_NUM_THREADS says otherwise; return their number.

    The networks are small: more threads wait for each other, and on a machine whose cores are busy they can take many
    times longer than one thread alone.
    """
    if not os.environ.get("OMP_NUM_THREADS"):
        torch.set_num_threads(max(1, min(_MOST_THREADS, (os.cpu_count() or 1) // 2)))
    return torch.get_num_threads()
