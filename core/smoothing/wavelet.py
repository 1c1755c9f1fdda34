"""Motion split by how fast it is: a wavelet transform over time, exact to invert and differentiable.

The undecimated one of the cubic B-spline ("starlet": Starck and Murtagh, Astronomical Image and Data Analysis, 2006): each detail
is what one more blur takes away, so that their sum with the rest is the motion, and a motion a frame later has its details a
frame later. An orthonormal transform has fewer numbers but not that: what it calms jerks where its coefficients lie. The same
network on the 9/7 wavelets of Cohen, Daubechies and Feauveau, trained alike, left half as much acceleration error again.

Shapes: frames lie along the last but one dimension, [...,N,D].
"""

from __future__ import annotations

import torch
from torch import Tensor

LEVELS = 4
"""Details of 2, 4, 8 and 16 frames or so."""
_SPLINE = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)


def extended(values: Tensor, frames: int) -> Tensor:
    """[...,N,D] -> [...,frames+N+frames,D], each end turned about its last value: what moves there goes on moving."""
    while frames > 0:
        count = values.shape[-2]
        if count == 1:
            return values.expand(*values.shape[:-2], 2 * frames + 1, values.shape[-1])
        step = min(frames, count - 1)
        before = 2 * values[..., :1, :] - values[..., 1 : step + 1, :].flip(-2)
        after = 2 * values[..., -1:, :] - values[..., -step - 1 : -1, :].flip(-2)
        values = torch.cat([before, values, after], -2)
        frames -= step
    return values


def split(values: Tensor, levels: int = LEVELS) -> tuple[list[Tensor], Tensor]:
    """[...,N,D] -> details, fastest first, and the rest, each [...,N,D]: their sum is `values`."""
    count, reach = values.shape[-2], 2 * (2**levels - 1)
    smooth, details = extended(values, reach), []
    for level in range(levels):
        gap = 2**level
        length = smooth.shape[-2] - 4 * gap
        blurred = sum(share * smooth.narrow(-2, gap * tap, length) for tap, share in enumerate(_SPLINE))
        assert isinstance(blurred, Tensor)
        edge = (length - count) // 2
        details.append(smooth.narrow(-2, 2 * gap + edge, count) - blurred.narrow(-2, edge, count))
        smooth = blurred
    return details, smooth
