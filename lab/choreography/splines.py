"""Smooth curves over frames from few numbers: uniform cubic B-splines."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def spline_basis(frames: int, knot_spacing: int) -> Tensor:
    """[T,K]: the uniform cubic B-spline basis of T frames, a control value every `knot_spacing` frames; rows sum to one."""
    t = np.arange(frames) / knot_spacing
    first = np.floor(t).astype(int)
    u = t - first
    count = int(first.max()) + 4
    pieces = np.stack([(1 - u) ** 3, 3 * u**3 - 6 * u**2 + 4, -3 * u**3 + 3 * u**2 + 3 * u + 1, u**3], 1) / 6
    basis = np.zeros((frames, count))
    for piece in range(4):
        basis[np.arange(frames), first + piece] += pieces[:, piece]
    return torch.from_numpy(basis).float()


def evaluate_spline(basis: Tensor, controls: Tensor) -> Tensor:
    """basis [T,K], controls [P,K,...] -> values [P,T,...]."""
    return torch.einsum("tk,pk...->pt...", basis, controls)
