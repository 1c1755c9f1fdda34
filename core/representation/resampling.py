"""Resampling between a clip's own time stamps and the uniform grid of thirty frames a second that learned models work on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from ..body.rotations import slerp

FRAME_RATE = 30.0
"""Frames a second."""
_SLACK = 1e-3
"""Fraction of a frame by which a clip may end after the grid's last time."""


@dataclass(frozen=True)
class TimeGrid:
    """The T time stamps of a clip and the N of the grid over them, in seconds. Values have people first.

    A clip whose frames lie on the grid is resampled without any change. Beyond the ends values are held.
    """

    clip_times: Float[np.ndarray, " T"]
    """Increasing."""
    grid_times: Float[np.ndarray, " N"]

    @classmethod
    def of(cls, time: np.ndarray) -> TimeGrid:
        clip_times = np.asarray(time, np.float64)
        steps = int(np.ceil((clip_times[-1] - clip_times[0]) * FRAME_RATE - _SLACK))
        return cls(clip_times, clip_times[0] + np.arange(max(steps, 0) + 1) / FRAME_RATE)

    def cut(self, frames: slice) -> tuple[TimeGrid, slice]:
        """The grid over some frames of the clip, from start to stop, and which of its frames these are."""
        times = self.clip_times[frames]
        first = max(int(np.searchsorted(self.grid_times, times[0], "right")) - 1, 0)
        stop = min(int(np.searchsorted(self.grid_times, times[-1], "left")) + 1, len(self.grid_times))
        return TimeGrid(times, self.grid_times[first:stop]), slice(first, stop)

    def to_grid(self, values: Float[Tensor, "P T *values"]) -> Float[Tensor, "P N *values"]:
        """Values by linear interpolation."""
        return _lerp(values, _neighbours(self.clip_times, self.grid_times))

    def from_grid(self, values: Float[Tensor, "P N *values"]) -> Float[Tensor, "P T *values"]:
        """Values by linear interpolation."""
        return _lerp(values, _neighbours(self.grid_times, self.clip_times))

    def rotations_to_grid(self, rotations: Float[Tensor, "P T *joints 3 3"]) -> Float[Tensor, "P N *joints 3 3"]:
        """Rotations by spherical linear interpolation."""
        return _slerp(rotations, _neighbours(self.clip_times, self.grid_times))

    def flags_to_grid(self, flags: Shaped[Tensor, "P T *values"]) -> Shaped[Tensor, "P N *values"]:
        """Booleans or codes of the nearest time stamp."""
        return _nearest(flags, _neighbours(self.clip_times, self.grid_times))


class _Neighbours(NamedTuple):
    """For each of N target times the source times around it."""

    before: Int[Tensor, " N"]
    after: Int[Tensor, " N"]
    fraction: Float[Tensor, " N"]
    """In 0-1, from the one before to the one after."""


def _neighbours(source: np.ndarray, target: np.ndarray) -> _Neighbours:
    after = np.clip(np.searchsorted(source, target), min(1, len(source) - 1), len(source) - 1)
    before = np.maximum(after - 1, 0)
    fraction = np.clip((target - source[before]) / np.maximum(source[after] - source[before], 1e-9), 0, 1)
    # rounded time stamps lie slightly off the grid: to interpolate by a thousandth of a frame would only blur exact values
    fraction = np.where(fraction < _SLACK, 0.0, np.where(fraction > 1 - _SLACK, 1.0, fraction))
    return _Neighbours(torch.from_numpy(before), torch.from_numpy(after), torch.from_numpy(fraction).float())


def _lerp(values: Tensor, neighbours: _Neighbours) -> Tensor:
    before, after, fraction = neighbours
    fraction = fraction.to(values).reshape(-1, *[1] * (values.dim() - 2))
    return (1 - fraction) * values[:, before] + fraction * values[:, after]


def _slerp(rotations: Tensor, neighbours: _Neighbours) -> Tensor:
    before, after, fraction = neighbours
    if bool(((fraction == 0) | (fraction == 1)).all()):
        return _nearest(rotations, neighbours)
    fraction = fraction.to(rotations).reshape(-1, *[1] * (rotations.dim() - 4))
    return slerp(rotations[:, before], rotations[:, after], fraction)


def _nearest(flags: Tensor, neighbours: _Neighbours) -> Tensor:
    before, after, fraction = neighbours
    return flags[:, torch.where(fraction < 0.5, before, after)]
