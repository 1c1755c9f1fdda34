"""The random processes of the noise model: Markov chains, and Gaussian processes with several correlation times.

`frame_seconds` is the time between two frames, so that clips of any frame rate get the same errors per second.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy.signal import lfilter

from core.contract.skeleton import LANDMARKS

from .landmark_groups import GROUP, PARTS
from .states import CORRELATION_TIMES, PROBABILITIES, REFERENCE_STEP


def sample_markov_chains(
    initial: Float[np.ndarray, "bins S"],
    transitions: Float[np.ndarray, "bins S S"],
    bins: Int[np.ndarray, "n T"],
    frame_seconds: float,
    rng: np.random.Generator,
) -> Int[np.ndarray, "n T"]:
    """Sample chains of S states, whose probabilities depend on the bin that each chain is in at each frame."""
    speed = frame_seconds / REFERENCE_STEP
    leave = transitions * (1 - np.eye(transitions.shape[-1])) * speed
    stay = 1 - leave.sum(-1)
    probabilities = leave + np.eye(transitions.shape[-1]) * np.maximum(stay, 0)[..., None]
    probabilities = probabilities / probabilities.sum(-1, keepdims=True)
    uniform = rng.random(bins.shape)
    state = _sample_categorical(initial[bins[:, 0]], uniform[:, 0])
    states = [state]
    for frame in range(1, bins.shape[1]):
        state = _sample_categorical(probabilities[bins[:, frame], state], uniform[:, frame])
        states.append(state)
    return np.stack(states, 1)


def _sample_categorical(probabilities: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """int [N]: outcomes with probabilities [N,S], by inversion of uniform numbers [N]."""
    return np.minimum((np.cumsum(probabilities, -1) < uniform[:, None]).sum(-1), probabilities.shape[-1] - 1)


def look_up_quantile(table: np.ndarray, index: tuple[np.ndarray | int, ...], probability: np.ndarray) -> np.ndarray:
    """Quantiles from a table [...,Q] at an index that broadcasts with the probabilities; linear between the kept ones."""
    right = np.clip(np.searchsorted(PROBABILITIES, probability), 1, len(PROBABILITIES) - 1)
    low, high = PROBABILITIES[right - 1], PROBABILITIES[right]
    fraction = (probability - low) / (high - low)
    return (1 - fraction) * table[(*index, right - 1)] + fraction * table[(*index, right)]


def sample_gaussian_processes(
    shape: tuple[int, ...], frame_seconds: float, rng: np.random.Generator
) -> Float[np.ndarray, "C *shape"]:
    """Independent standard Gaussian processes (AR(1)), one for each of CORRELATION_TIMES; `shape` is (T, ...)."""
    white = rng.standard_normal((len(CORRELATION_TIMES), *shape))
    out = np.empty_like(white)
    for number, decay in enumerate(np.exp(-frame_seconds / CORRELATION_TIMES)):
        innovation = np.sqrt(1 - decay**2)
        white[number, 0] /= innovation  # the first frame has unit variance, too
        out[number] = lfilter([innovation], [1, -decay], white[number], axis=0)
    return out


def mix_processes(processes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """One standard process [T,...] from processes [C,T,...] by shares of variance [...,C] that broadcast with them."""
    return np.einsum("c...,...c->...", processes, np.sqrt(weights))


def sample_landmark_processes(
    frames: int,
    axes: int,
    weights: Float[np.ndarray, "G C"],
    correlation: Float[np.ndarray, " 2"],
    frame_seconds: float,
    rng: np.random.Generator,
) -> Float[np.ndarray, "2 T 33 axes"]:
    """Standard processes of both people's landmarks, correlated within a person and within a body part."""
    person = sample_gaussian_processes((frames, 2, 1, axes), frame_seconds, rng)
    parts = sample_gaussian_processes((frames, 2, int(PARTS.max()) + 1, axes), frame_seconds, rng)[:, :, :, PARTS]
    landmarks = sample_gaussian_processes((frames, 2, len(LANDMARKS), axes), frame_seconds, rng)
    independent = max(0.0, 1 - float(correlation.sum()))
    processes = np.sqrt(correlation[0]) * person + np.sqrt(correlation[1]) * parts + np.sqrt(independent) * landmarks
    return mix_processes(processes, weights[GROUP][:, None]).swapaxes(0, 1)
