"""The tables of the noise model, and their file, which `python -m lab fit-noise` writes.

Errors of a landmark depend on what occludes it and on how much of the person the other one occludes. Their sizes are kept as
quantiles, because their tails are heavy, and they are drawn through Gaussian processes that mix several time scales and are
partly shared by a limb and by the whole person (a Gaussian copula). Gross failures are states of Markov chains: a person who is
not found, a skeleton on the other person or with its sides swapped, a limb that is the other person's.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from core.contract.errors import UserError
from core.contract.files import read_json, write_json

from ...paths import NOISE_FILE

_FILE_KEYS = {
    "skeleton_initial": "whose_start", "skeleton_transitions": "whose", "limb_initial": "limb_start",
    "limb_transitions": "limb", "middle_joint_follow": "middle_follows", "skeleton_scale": "drawn_size",
    "scale_centre": "drawn_about", "error_bias": "error_middle", "error_radius": "error",
    "error_weights": "error_times", "error_correlation": "error_common", "max_bone_ratio": "longest",
    "confidence_weights": "confidence_times", "confidence_correlation": "confidence_common",
    "metric_height": "world_size", "metric_depth_slope": "world_turn", "metric_follow": "world_follows",
    "metric_depth_mix": "world_depth", "metric_max_bone_ratio": "world_longest", "metric_error": "world_error",
    "metric_weights": "world_times", "metric_correlation": "world_common", "person_weights": "whole_times",
    "hand_initial": "hand_start", "hand_transitions": "hand", "hand_offset": "hand_shift",
    "hand_rotation": "hand_turn", "metric_hand_error": "hand_world", "metric_hand_scale": "hand_size",
    "hand_weights": "hand_times", "mask_dilation": "mask_grown", "mask_edge_width": "mask_soft",
    "mask_roughness": "mask_rough", "mask_leak": "mask_leaked", "mask_miss": "mask_missed",
    "mask_weights": "mask_times",
}  # fmt: skip
"""Fields whose entry in the file has another name."""


@dataclass(frozen=True)
class DetectionNoise:
    """Q quantiles, C processes, G landmark groups, S landmark states, K = 8 condition bins, N bones; the axes of `states.py`.

    Lengths are in body heights (the height of the person in the image) unless said otherwise. `…_weights` [C] are the shares of
    variance of the processes in a mixture, and `…_correlation` [2] the correlation of all landmarks of a person, and how much
    that of landmarks in one body part is above it.
    """

    provenance: dict[str, Any]
    """The clips that the model was fitted to, and how many frames they have."""
    skeleton_initial: Float[np.ndarray, "closeness 5"]
    """Share of the frames in each kind of skeleton."""
    skeleton_transitions: Float[np.ndarray, "closeness 5 5"]
    """Transition probabilities per 30th of a second."""
    limb_initial: Float[np.ndarray, "limbs 4"]
    limb_transitions: Float[np.ndarray, "limbs 4 4"]
    middle_joint_follow: float
    """How far elbow or knee move along when the detector takes another limb's end, 0-1."""
    skeleton_scale: Float[np.ndarray, "K Q"]
    """Size of the detected skeleton in the image relative to the true one."""
    scale_centre: float
    """The fixed point of that scaling: 0 the trunk's middle, 1 the middle of the ankles."""
    error_bias: Float[np.ndarray, "K S G 2"]
    """Median error of landmarks, to the right and down."""
    error_radius: Float[np.ndarray, "K S G Q"]
    """Distance of landmarks from their biased position."""
    error_weights: Float[np.ndarray, "G C"]
    error_correlation: Float[np.ndarray, " 2"]
    max_bone_ratio: Float[np.ndarray, " N"]
    """Longest detected bone in the image relative to its true length: the networks know how people are built."""
    confidence: Float[np.ndarray, "S errors G Q"]
    sigma: Float[np.ndarray, "S errors G Q"]
    """Standard deviation that the networks give a landmark along an axis."""
    confidence_weights: Float[np.ndarray, "G C"]
    confidence_correlation: Float[np.ndarray, " 2"]
    metric_height: Float[np.ndarray, "K Q"]
    """metres: how tall the metric landmarks make a person who stands upright."""
    metric_depth_slope: Float[np.ndarray, "K 2 Q"]
    """Error of the metric depth per metre to the right and down: errors of heading and of lean."""
    metric_follow: Float[np.ndarray, " 2"]
    """How far metric landmarks share the errors in the image, to the right and down."""
    metric_depth_mix: Float[np.ndarray, "5 2"]
    """By kind of skeleton: how much of its own true depth, and of that of the landmark on the other side, a landmark gets."""
    metric_max_bone_ratio: Float[np.ndarray, " N"]
    """As `max_bone_ratio`, for metric landmarks of a person of the given metric height."""
    metric_error: Float[np.ndarray, "S G 3 Q"]
    """metres, the error that the above does not explain."""
    metric_weights: Float[np.ndarray, "G C"]
    metric_correlation: Float[np.ndarray, " 2"]
    person_weights: Float[np.ndarray, "4 C"]
    """Of what is common to a person: metric height, the two depth slopes, and the skeleton's scale in the image."""
    hand_initial: Float[np.ndarray, "hands 3"]
    hand_transitions: Float[np.ndarray, "hands 3 3"]
    hand_offset: Float[np.ndarray, "2 Q"]
    """Offset of all points of a hand along either axis. In this and the next five: the right hand, then a wrong one."""
    hand_error: Float[np.ndarray, "2 Q"]
    """Error of single points along either axis."""
    hand_score: Float[np.ndarray, "2 Q"]
    hand_rotation: Float[np.ndarray, "2 Q"]
    """radians about each axis."""
    metric_hand_error: Float[np.ndarray, "2 Q"]
    """metres, of single metric points along any axis."""
    metric_hand_scale: Float[np.ndarray, "2 Q"]
    """Size of metric hands relative to the true ones."""
    hand_weights: Float[np.ndarray, " C"]
    mask_dilation: Float[np.ndarray, "K Q"]
    """How far the mask's outline lies outside the true one."""
    mask_edge_width: float
    mask_roughness: float
    """How far the outline wavers around that."""
    mask_leak: Float[np.ndarray, "K Q"]
    """Share of the other person's visible part that the mask covers."""
    mask_miss: Float[np.ndarray, "K Q"]
    """Share of the person's own visible part that the mask leaves out."""
    mask_weights: Float[np.ndarray, " C"]


def save_noise(path: Path, noise: DetectionNoise) -> None:
    """Write a noise model, in one step."""
    record: dict[str, Any] = {}
    for item in fields(DetectionNoise):
        value = getattr(noise, item.name)
        record[_key(item.name)] = np.round(value, 4).tolist() if isinstance(value, np.ndarray) else value
    write_json(path, record)


@lru_cache(maxsize=2)
def load_noise(path: Path = NOISE_FILE) -> DetectionNoise:
    """Read a noise model. UserError `file-unreadable`, or `noise-outdated` for a file of another version."""
    record = read_json(path)
    missing = [_key(item.name) for item in fields(DetectionNoise) if _key(item.name) not in record]
    if missing:
        raise UserError(
            "noise-outdated",
            f"{path} is a noise model of another version: it has no {missing[0]}.",
            "Fit it again with python -m lab fit-noise.",
        )
    values: dict[str, Any] = {item.name: record[_key(item.name)] for item in fields(DetectionNoise)}
    values = {name: np.array(value, float) if isinstance(value, list) else value for name, value in values.items()}
    return DetectionNoise(**values)


def _key(name: str) -> str:
    return _FILE_KEYS.get(name, name)
