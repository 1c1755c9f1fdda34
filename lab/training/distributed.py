"""Data-parallel training in one process or several: each draws its own batches, all have the same weights.

Several processes are started by torchrun, which passes each its rank in the environment
(https://docs.pytorch.org/docs/stable/elastic/run.html).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed

_TIMEOUT = timedelta(hours=4)
"""How long the other processes wait while the main one makes data or evaluates."""


@dataclass(frozen=True)
class ProcessGroup:
    """This process among those that train together."""

    rank: int = 0
    world_size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this process evaluates, writes files and prints."""
        return self.rank == 0

    def average(self, values: Iterable[Tensor]) -> None:
        """Replace each tensor by its mean over all processes, in place."""
        if self.world_size > 1:
            tensors = list(values)
            flat = torch.cat([value.flatten() for value in tensors])
            distributed.all_reduce(flat)
            for value, part in zip(tensors, (flat / self.world_size).split([value.numel() for value in tensors])):
                value.copy_(part.view_as(value))

    def broadcast(self, value: bool, device: torch.device) -> bool:
        """The value of the main process."""
        if self.world_size == 1:
            return value
        shared = torch.tensor([float(value)], device=device)
        distributed.broadcast(shared, 0)
        return bool(shared.item())

    def barrier(self) -> None:
        """Wait until all processes have come this far."""
        if self.world_size > 1:
            distributed.barrier()

    def close(self) -> None:
        if self.world_size > 1:
            distributed.destroy_process_group()


def join_process_group(device: torch.device) -> ProcessGroup:
    """Join the processes that torchrun has started; without torchrun, this process is the only one."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return ProcessGroup()
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=_TIMEOUT)
    return ProcessGroup(distributed.get_rank(), distributed.get_world_size())
