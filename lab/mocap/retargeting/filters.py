"""Filters of signals over time that retargeting uses."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import binary_closing, binary_opening, gaussian_filter1d, maximum_filter1d
from torch import Tensor


def gaussian_smooth(values: Float[Tensor, "T *channels"], sigma: float) -> Float[Tensor, "T *channels"]:
    """A Gaussian filter; `sigma` in frames."""
    return torch.from_numpy(gaussian_filter1d(values.numpy(), sigma, axis=0, mode="nearest"))


def smooth_peaks(values: Float[Tensor, " T"], width: int, sigma: float) -> Float[Tensor, " T"]:
    """A smooth envelope: the maximum over `width` frames, then a Gaussian filter."""
    peaks = maximum_filter1d(values.numpy(), width, mode="nearest")
    return torch.from_numpy(gaussian_filter1d(peaks, sigma, mode="nearest"))


def clean_flags(flags: Bool[Tensor, "T *channels"], max_gap: int, min_frames: int) -> Bool[Tensor, "T *channels"]:
    """Flags with gaps of up to `max_gap` frames closed, then without runs below `min_frames` frames."""
    shape = (-1,) + (1,) * (flags.ndim - 1)
    padded = np.pad(flags.numpy(), [(min_frames, min_frames)] + [(0, 0)] * (flags.ndim - 1), mode="edge")
    closed = binary_closing(padded, np.ones(max_gap + 1, bool).reshape(shape))
    opened = binary_opening(closed, np.ones(min_frames, bool).reshape(shape))
    return torch.from_numpy(opened[min_frames:-min_frames])


def interpolate_gaps(values: Float[np.ndarray, " T"]) -> Float[np.ndarray, " T"]:
    """NaNs replaced by monotone cubic interpolation, constant beyond the ends; zeros where fewer than two values are known."""
    known = np.flatnonzero(~np.isnan(values))
    if len(known) < 2:
        return np.zeros(len(values))
    frames = np.clip(np.arange(len(values)), known[0], known[-1])
    return PchipInterpolator(known, values[known])(frames)
