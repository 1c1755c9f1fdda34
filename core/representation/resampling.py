"""Resampling between a clip's own time stamps and the uniform grid of thirty frames a second that learned models work on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..body.rotations import axis_angle_to_matrix, matrix_to_axis_angle

FRAME_RATE = 30.0
"""frames a second."""
_SLACK = 1e-3
"""Fraction of a frame by which a clip may end after the grid's last time."""


@dataclass(frozen=True)
class TimeGrid:
    """The T time stamps of a clip and the N of the grid over them, seconds. Values have people first: [P,T,...], [P,N,...].

    A clip whose frames lie on the grid is resampled without any change. Beyond the ends values are held.
    """

    clip_times: np.ndarray
    """float64 [T], increasing."""
    grid_times: np.ndarray
    """float64 [N]"""

    @classmethod
    def of(cls, time: np.ndarray) -> TimeGrid:
        own = np.asarray(time, np.float64)
        steps = int(np.ceil((own[-1] - own[0]) * FRAME_RATE - _SLACK))
        return cls(own, own[0] + np.arange(max(steps, 0) + 1) / FRAME_RATE)

    def to_grid(self, values: Tensor) -> Tensor:
        """Values [P,T,...], linearly interpolated."""
        return _between(values, *_places(self.clip_times, self.grid_times))

    def from_grid(self, values: Tensor) -> Tensor:
        return _between(values, *_places(self.grid_times, self.clip_times))

    def rotations_to_grid(self, rotations: Tensor) -> Tensor:
        """Rotations [P,T,...,3,3], spherically interpolated along the shortest path."""
        return _turned_between(rotations, *_places(self.clip_times, self.grid_times))

    def rotations_from_grid(self, rotations: Tensor) -> Tensor:
        return _turned_between(rotations, *_places(self.grid_times, self.clip_times))

    def flags_to_grid(self, flags: Tensor) -> Tensor:
        """Booleans or codes [P,T,...] of the nearest time stamp."""
        return _nearest(flags, *_places(self.clip_times, self.grid_times))

    def flags_from_grid(self, flags: Tensor) -> Tensor:
        return _nearest(flags, *_places(self.grid_times, self.clip_times))


def _places(source: np.ndarray, target: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
    """For each target time the source before and after it, and the fraction of the way between them: [N], in 0-1."""
    after = np.clip(np.searchsorted(source, target), min(1, len(source) - 1), len(source) - 1)
    before = np.maximum(after - 1, 0)
    share = np.clip((target - source[before]) / np.maximum(source[after] - source[before], 1e-9), 0, 1)
    # time stamps that were rounded lie a hair off the grid: nothing is gained by mixing in a thousandth
    share = np.where(share < _SLACK, 0.0, np.where(share > 1 - _SLACK, 1.0, share))
    return torch.from_numpy(before), torch.from_numpy(after), torch.from_numpy(share).float()


def _between(values: Tensor, before: Tensor, after: Tensor, share: Tensor) -> Tensor:
    share = share.to(values).reshape(-1, *[1] * (values.dim() - 2))
    return (1 - share) * values[:, before] + share * values[:, after]


def _turned_between(rotations: Tensor, before: Tensor, after: Tensor, share: Tensor) -> Tensor:
    if bool(((share == 0) | (share == 1)).all()):
        return rotations[:, torch.where(share == 0, before, after)]
    first, second = rotations[:, before], rotations[:, after]
    step = matrix_to_axis_angle(first.mT @ second)
    return first @ axis_angle_to_matrix(step * share.to(rotations).reshape(-1, *[1] * (step.dim() - 2)))


def _nearest(flags: Tensor, before: Tensor, after: Tensor, share: Tensor) -> Tensor:
    return flags[:, torch.where(share < 0.5, before, after)]
