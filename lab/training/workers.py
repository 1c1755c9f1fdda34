"""One process, or several that train together: each with its own share of the data, all with the same weights.

Several are started by torchrun, which tells each its number in the environment (https://docs.pytorch.org/docs/stable/elastic/run.html).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed

_PATIENCE = timedelta(hours=4)
"""How long the others wait while the first one measures or makes data."""


@dataclass(frozen=True)
class Workers:
    rank: int = 0
    count: int = 1
    local_rank: int = 0
    """Number on this machine: which of its GPUs is ours."""

    @property
    def first(self) -> bool:
        return self.rank == 0

    def average(self, values: Iterable[Tensor]) -> None:
        """Replace each tensor by its mean over all processes."""
        if self.count > 1:
            chosen = list(values)
            flat = torch.cat([value.flatten() for value in chosen])
            distributed.all_reduce(flat)
            for value, part in zip(chosen, (flat / self.count).split([value.numel() for value in chosen])):
                value.copy_(part.view_as(value))

    def agree(self, value: bool, device: torch.device) -> bool:
        """What the first process says."""
        if self.count == 1:
            return value
        said = torch.tensor([float(value)], device=device)
        distributed.broadcast(said, 0)
        return bool(said.item())

    def wait(self) -> None:
        if self.count > 1:
            distributed.barrier()

    def leave(self) -> None:
        if self.count > 1:
            distributed.destroy_process_group()


def join(device: torch.device) -> Workers:
    """Meet the other processes that torchrun started, or be the only one."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        return Workers()
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=_PATIENCE)
    return Workers(distributed.get_rank(), count, int(os.environ.get("LOCAL_RANK", "0")))
