"""Values of frames averaged and interpolated over their time stamps, however uneven these are.

There are two Gaussians. `smooth_over_time` averages tensors, of any device and precision, over neighbours within about three
sigmas. `gaussian_sums` leaves the division to its caller, who may add to the mass, and sums in double precision to where nothing
is left of the Gaussian: the mass may be tiny where few frames count.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

_NEGLIGIBLE = 1e-8
"""Weight of a Gaussian, about six sigmas from its middle, from which on it counts for nothing."""


def smooth_over_time(
    values: Float[Tensor, "P T *c"], weight: Float[Tensor, "P T *c"], time: Float[Tensor, " T"], sigma: float
) -> Float[Tensor, "P T *c"]:
    """Weighted Gaussian average over neighbours within about three sigmas; `time` and `sigma` in seconds."""
    reach = 1
    while reach < len(time) - 1 and bool((time[reach:] - time[:-reach]).min() < 3 * sigma):
        reach += 1
    total = torch.zeros_like(values)
    mass = torch.zeros_like(weight)
    count = len(time)
    for shift in range(-reach, reach + 1):
        here = slice(max(0, -shift), count - max(0, shift))
        there = slice(max(0, shift), count - max(0, -shift))
        kernel = torch.exp(-0.5 * ((time[there] - time[here]) / sigma) ** 2)
        kernel = kernel.reshape(-1, *[1] * (values.dim() - 2))
        total[:, here] += kernel * weight[:, there] * values[:, there]
        mass[:, here] += kernel * weight[:, there]
    return total / mass.clamp_min(1e-9)


def gaussian_sums(
    values: Float[np.ndarray, "P T *c"], time: Float[np.ndarray, " T"], sigma: float
) -> Float[np.ndarray, "P T *c"]:
    """float64, sums over time, weighted by a Gaussian of the distance in time from each frame; `time` and `sigma` in seconds."""
    total = values.astype(np.float64)
    for shift in range(1, len(time)):
        weight = np.exp(-0.5 * ((time[shift:] - time[:-shift]) / sigma) ** 2)
        if weight.max() < _NEGLIGIBLE:
            break
        weight = weight.reshape(-1, *[1] * (values.ndim - 2))
        total[:, shift:] += weight * values[:, :-shift]
        total[:, :-shift] += weight * values[:, shift:]
    return total


def interpolated(
    values: Float[Tensor, "P T C"], known: Bool[Tensor, "P T"], time: Float[Tensor, " T"]
) -> Float[Tensor, "P T C"]:
    """Values where they are known, linear interpolation over time between them, the nearest value at both ends."""
    seconds = time.cpu().double().numpy()
    out = values.detach().cpu().double().numpy().copy()
    for person, there in enumerate(known.cpu().numpy()):
        if there.any():
            for column in range(out.shape[2]):
                out[person, :, column] = np.interp(seconds, seconds[there], out[person, there, column])
    return torch.from_numpy(out).to(values)
