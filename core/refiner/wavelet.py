"""Motion split by how fast it is: wavelet transforms over time, exact to invert and differentiable.

`split` is the undecimated one of the cubic B-spline ("starlet": Starck and Murtagh, Astronomical Image and Data Analysis, 2006):
each detail is what one more blur takes away, so that their sum with the rest is the motion, and a motion a frame later has its
details a frame later. `lifted` is the biorthogonal 9/7 of Cohen, Daubechies and Feauveau, nearly orthonormal, by lifting
(Daubechies and Sweldens, J. Fourier Anal. Appl., 1998), half as many numbers from level to level, mirrored at the ends.

Shapes: frames lie along the last but one dimension, [...,N,D].
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

LEVELS = 4
"""Details of 2, 4, 8 and 16 frames or so."""
REACH = 2 * (2**LEVELS - 1)
"""Frames to either side that the coarsest rest of `split` depends on."""
_SPLINE = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
_LIFTS = (-1.586134342059924, -0.052980118572961, 0.882911075530934, 0.443506852043971)
"""Of the odd samples from the even ones, of the even from the odd, and both again."""
_NORM = 1.230174104914001


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


def lifted(values: Tensor, levels: int = LEVELS) -> tuple[list[Tensor], Tensor]:
    """[...,N,D] -> the details' coefficients, fastest first, and those of the rest, each level about half as many."""
    details = []
    for _ in range(levels):
        even, odd = values[..., ::2, :], values[..., 1::2, :]
        for number, factor in enumerate(_LIFTS):
            if number % 2 == 0:
                odd = odd + factor * _neighbours_of_odd(even, odd.shape[-2])
            else:
                even = even + factor * _neighbours_of_even(odd, even.shape[-2])
        values = even * _NORM
        details.append(odd / _NORM)
    return details, values


def unlifted(details: Sequence[Tensor], rest: Tensor) -> Tensor:
    """The inverse of `lifted`."""
    for detail in reversed(details):
        even, odd = rest / _NORM, detail * _NORM
        for number, factor in reversed(list(enumerate(_LIFTS))):
            if number % 2 == 0:
                odd = odd - factor * _neighbours_of_odd(even, odd.shape[-2])
            else:
                even = even - factor * _neighbours_of_even(odd, even.shape[-2])
        count = even.shape[-2] + odd.shape[-2]
        padded = torch.cat([odd, odd.new_zeros(*odd.shape[:-2], even.shape[-2] - odd.shape[-2], odd.shape[-1])], -2)
        rest = torch.stack([even, padded], -2).flatten(-3, -2)[..., :count, :]
    return rest


def _neighbours_of_odd(even: Tensor, count: int) -> Tensor:
    """The sum of the even samples on both sides of each of `count` odd ones; beyond the end, mirrored."""
    after = even[..., 1:, :] if even.shape[-2] > count else torch.cat([even[..., 1:, :], even[..., -1:, :]], -2)
    return even[..., :count, :] + after


def _neighbours_of_even(odd: Tensor, count: int) -> Tensor:
    if odd.shape[-2] == 0:
        return odd.new_zeros(*odd.shape[:-2], count, odd.shape[-1])
    after = odd if odd.shape[-2] == count else torch.cat([odd, odd[..., -1:, :]], -2)
    return torch.cat([odd[..., :1, :], odd], -2)[..., :count, :] + after
