"""Least squares over time: unknowns of every frame, tied to those of the two frames beside it by their acceleration."""

from __future__ import annotations

import numpy as np


def second_difference_bands(frames: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The matrix D^T D of second differences of T frames: its diagonal [T] and the next two [T-1] and [T-2]."""
    main, first, second = np.zeros(frames), np.zeros(max(frames - 1, 0)), np.zeros(max(frames - 2, 0))
    for offset, weight in ((0, 1.0), (1, -2.0), (2, 1.0)):
        main[offset : max(frames - 2, 0) + offset] += weight**2
    if frames > 2:
        first[: frames - 2] += -2.0
        first[1:] += -2.0
        second[:] = 1.0
    return main, first, second


def apply_bands(bands: tuple[np.ndarray, np.ndarray, np.ndarray], x: np.ndarray) -> np.ndarray:
    """D^T D x for x [T,n]."""
    main, first, second = bands
    result = main[:, None] * x
    for offset, band in ((1, first), (2, second)):
        result[:-offset] += band[:, None] * x[offset:]
        result[offset:] += band[:, None] * x[:-offset]
    return result


def solve_smooth(blocks: np.ndarray, smoothness: np.ndarray, right: np.ndarray) -> np.ndarray:
    """x [T,n] with `(blocks + D^T D * smoothness) x = right`: symmetric blocks [T,n,n], weights [n], right side [T,n].

    Two frames make one block of a block-tridiagonal system, which is solved by elimination in time linear in T.
    """
    frames, n = right.shape
    main, first, second = second_difference_bands(frames)
    pairs = (frames + 1) // 2
    diagonal = np.zeros((pairs, 2 * n, 2 * n))
    upper = np.zeros((pairs, 2 * n, 2 * n))
    rhs = np.zeros((pairs, 2 * n))
    eye = np.eye(n) * smoothness
    for half in (0, 1):
        at, rows = slice(half * n, half * n + n), slice(half, None, 2)
        count = len(range(half, frames, 2))
        diagonal[:count, at, at] = blocks[rows] + main[rows, None, None] * eye
        rhs[:count, at] = right[rows]
    if frames % 2:
        diagonal[-1, n:, n:] = np.eye(n)
    low, high = slice(0, n), slice(n, 2 * n)
    inside, between = first[0::2], first[1::2]
    diagonal[: len(inside), low, high] = diagonal[: len(inside), high, low] = inside[:, None, None] * eye
    upper[: len(between), high, low] = between[:, None, None] * eye
    even, odd = second[0::2], second[1::2]
    upper[: len(even), low, low] = even[:, None, None] * eye
    upper[: len(odd), high, high] = odd[:, None, None] * eye
    for k in range(1, pairs):
        factor = np.linalg.solve(diagonal[k - 1], upper[k - 1]).T
        diagonal[k] -= factor @ upper[k - 1]
        rhs[k] -= factor @ rhs[k - 1]
    x = np.zeros((pairs, 2 * n))
    x[-1] = np.linalg.solve(diagonal[-1], rhs[-1])
    for k in range(pairs - 2, -1, -1):
        x[k] = np.linalg.solve(diagonal[k], rhs[k] - upper[k] @ x[k + 1])
    return x.reshape(2 * pairs, n)[:frames]
