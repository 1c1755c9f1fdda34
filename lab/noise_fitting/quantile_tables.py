"""Quantile tables of errors by condition, the normal scores of errors within them, and the correlations of those scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.optimize import nnls
from scipy.special import ndtri

from ..evaluation.detection_noise.landmark_groups import GROUP, GROUPS, PARTS
from ..evaluation.detection_noise.states import CORRELATION_TIMES, PROBABILITIES

FEW_SAMPLES = 100
"""A table's cell with fewer samples takes those of its neighbours, too."""
_LAGS = (1, 2, 3, 5, 8, 14, 24, 40)
"""frames at which autocorrelations are measured."""
_SHORT_LAG = 3


@dataclass(frozen=True)
class Scores:
    """Values of one clip as standard normal scores within their cell of a table."""

    score: np.ndarray
    """[P,T,...]; NaN where the value is not valid."""
    cell: np.ndarray
    """int [P,T,...]: number of the cell; -1 where the value is not valid."""

    @staticmethod
    def stack(axes: Sequence[Sequence[Scores]]) -> list[Scores]:
        """The scores of several axes of each clip, stacked along a last axis."""
        return [
            Scores(np.stack([axis.score for axis in clip], -1), np.stack([axis.cell for axis in clip], -1))
            for clip in zip(*axes)
        ]


def quantile_table(
    values: Sequence[np.ndarray],
    valid: Sequence[np.ndarray],
    keys: Sequence[Sequence[np.ndarray]],
    sizes: tuple[int, ...],
    pooling: Sequence[tuple[int, ...]] = (),
) -> tuple[Float[np.ndarray, "*sizes Q"], list[Scores]]:
    """Quantiles of the values of all clips in each cell, and the values' scores.

    `values` and `valid` have one array per clip; `keys` one such list per axis of the table, with the cell's index along it.
    Cells with few samples use those of all cells that agree in the axes of the first entry of `pooling`, then of the
    second, and so on; at last those of all cells.
    """
    flat = np.concatenate([v[m] for v, m in zip(values, valid)])
    indices = [np.concatenate([k[m] for k, m in zip(key, valid)]) for key in keys]
    number = np.ravel_multi_index(tuple(indices), sizes)
    all_axes = tuple(range(len(sizes)))
    table = np.zeros((*sizes, len(PROBABILITIES)))
    score = np.zeros(len(flat))
    for cell, index in enumerate(np.ndindex(*sizes)):
        inside = number == cell
        pool = flat[inside]
        for axes in (all_axes, *pooling, ()):
            if len(pool) >= FEW_SAMPLES:
                break
            pool = flat[np.all([indices[axis] == index[axis] for axis in axes], 0)] if axes else flat
        table[index] = np.quantile(pool, PROBABILITIES)
        rank = np.searchsorted(np.sort(pool), flat[inside], side="left") + 0.5
        score[inside] = ndtri(np.clip(rank / (len(pool) + 1), 1e-3, 1 - 1e-3))
    return table, _by_clip(score, number, valid)


def process_weights(scores: Sequence[Scores], rates: Sequence[float]) -> Float[np.ndarray, " C"]:
    """Shares of variance of the processes whose mixture has the autocorrelation of the scores [P,T,...].

    At short lags the autocorrelation comes from the median step within a cell, because rare jumps do not make the usual step;
    at long lags it is the correlation.
    """
    rows, targets = [], []
    for lag in _LAGS:
        valid = [(s.cell[:, lag:] >= 0) & (s.cell[:, :-lag] >= 0) for s in scores]
        if lag <= _SHORT_LAG:
            valid = [v & (s.cell[:, lag:] == s.cell[:, :-lag]) for v, s in zip(valid, scores)]
        late = np.concatenate([s.score[:, lag:][v] for v, s in zip(valid, scores)])
        early = np.concatenate([s.score[:, :-lag][v] for v, s in zip(valid, scores)])
        if len(late) < FEW_SAMPLES:
            continue
        correlation = (late * early).mean() / (late**2).mean()
        if lag <= _SHORT_LAG:
            correlation = 1 - (np.median(np.abs(late - early)) / 0.6745) ** 2 / 2
        rows.append(np.exp(-lag / np.mean(rates) / CORRELATION_TIMES))
        targets.append(float(np.clip(correlation, 0, 1)))
    rows.append(100 * np.ones(len(CORRELATION_TIMES)))  # the shares sum to one
    targets.append(100.0)
    # small steps matter most: they make the acceleration
    weight = np.array([1 / (1.02 - target) if target <= 1 else 1.0 for target in targets])
    shares = nnls(np.array(rows) * weight[:, None], np.array(targets) * weight)[0]
    return shares / shares.sum()


def process_weights_by_group(scores: Sequence[Scores], rates: Sequence[float]) -> Float[np.ndarray, "G C"]:
    """`process_weights` of each landmark group, from scores [P,T,33,A]."""
    by_group = [
        [Scores(s.score[:, :, group == GROUP], s.cell[:, :, group == GROUP]) for s in scores]
        for group in range(len(GROUPS))
    ]
    return np.stack([process_weights(some, rates) for some in by_group])


def part_correlation(scores: Sequence[Scores]) -> Float[np.ndarray, " 2"]:
    """Mean correlation of landmarks in different body parts, and how much that within a part is above it; scores [P,T,33,A]."""
    flat = np.concatenate([s.score.swapaxes(2, 3).reshape(-1, s.score.shape[2]) for s in scores])
    flat = flat[~np.isnan(flat).any(1)]
    correlation = np.corrcoef(flat.T)
    # without the face, whose eleven landmarks move as one
    same_part = (PARTS[:, None] == PARTS) & (PARTS[:, None] > 0) & ~np.eye(len(PARTS), dtype=bool)
    person = max(0.0, float(np.nanmean(correlation[PARTS[:, None] != PARTS])))
    part = max(0.0, float(np.nanmean(correlation[same_part])) - person)
    return np.array([person, min(part, 0.95 - person)])


def _by_clip(score: np.ndarray, number: np.ndarray, valid: Sequence[np.ndarray]) -> list[Scores]:
    found, start = [], 0
    for mask in valid:
        scores, cells = np.full(mask.shape, np.nan), np.full(mask.shape, -1)
        count = int(mask.sum())
        scores[mask], cells[mask] = score[start : start + count], number[start : start + count]
        start += count
        found.append(Scores(scores, cells))
    return found
