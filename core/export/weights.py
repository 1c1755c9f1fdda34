"""Limits how many bones a vertex follows: engines cut more than they support, and few of them renormalise well."""

from __future__ import annotations

import numpy as np


def limit_weights(bones: np.ndarray, weights: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """The `most` largest weights of each vertex, largest first, [V,most] both; rows sum to 1, unused entries are bone 0.

    `bones` and `weights` are [V,K]. A vertex without any weight follows bone 0, the root.
    """
    if bones.shape[1] < most:
        padding = ((0, 0), (0, most - bones.shape[1]))
        bones, weights = np.pad(bones, padding), np.pad(weights, padding)
    largest = np.argsort(-weights, axis=1, kind="stable")[:, :most]
    kept = np.take_along_axis(weights, largest, 1).astype(np.float64)
    total = kept.sum(1, keepdims=True)
    kept = np.where(total > 0, kept / np.where(total > 0, total, 1), np.eye(1, most))
    return np.where(kept > 0, np.take_along_axis(bones, largest, 1), 0), kept
