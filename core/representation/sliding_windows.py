"""Sliding windows over a clip of any length, and blending their results without a seam."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

WINDOW, OVERLAP = 64, 16
"""Frames of a window, and how many of them it shares at least with the next one."""


def sliding_windows(count: int, length: int = WINDOW, overlap: int = OVERLAP) -> list[slice]:
    """Windows that cover `count` frames: all of `length`, the last one ends with the clip; a short clip is one shorter window."""
    if count <= length:
        return [slice(0, count)]
    starts = [*range(0, count - length, length - overlap), count - length]
    return [slice(start, start + length) for start in starts]


def successive_windows(count: int, length: int, overlap: int) -> list[slice]:
    """Windows that cover `count` frames, each sharing `overlap` frames with the one before it; the last one may be shorter."""
    starts = range(0, max(count - overlap, 1), length - overlap)
    return [slice(start, min(start + length, count)) for start in starts]


def blend_weights(windows: Sequence[slice]) -> list[Tensor]:
    """The weight of each window in each of its frames [length]; the weights of all windows sum to one in every frame.

    Where windows overlap each fades out towards its own end, so that no frame shows where a window began.
    """
    count = max(window.stop for window in windows)
    reach = max((first.stop - second.start for first, second in zip(windows, windows[1:])), default=0) + 1
    total = torch.zeros(count)
    rises = []
    for window in windows:
        frames = torch.arange(window.start, window.stop)
        rise = torch.ones(len(frames))
        if window.start > 0:
            rise = torch.minimum(rise, (frames - window.start + 1) / reach)
        if window.stop < count:
            rise = torch.minimum(rise, (window.stop - frames) / reach)
        total[window] += rise
        rises.append(rise)
    return [rise / total[window] for rise, window in zip(rises, windows)]


def blend(parts: Iterable[Tensor], windows: Sequence[slice], dim: int = 1) -> Tensor:
    """One tensor from those of the windows, whose frames lie along `dim`; parts may come one after the other."""
    count = max(window.stop for window in windows)
    whole: Tensor | None = None
    for part, window, weight in zip(parts, windows, blend_weights(windows)):
        if whole is None:
            shape = list(part.shape)
            shape[dim] = count
            whole = part.new_zeros(shape)
        shape = [1] * part.dim()
        shape[dim] = len(weight)
        whole.narrow(dim, window.start, window.stop - window.start).add_(part * weight.to(part).reshape(shape))
    if whole is None:
        raise ValueError("no windows to blend")
    return whole
