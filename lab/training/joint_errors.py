"""Errors of predicted joints on dev clips, in the benchmark's units, for the training curves and model cards.

The ground truth and the prediction are compared in the ground view of their own camera, so positions count as well. Shapes:
P = 2 people, N frames, 22 joints, metres.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from ..evaluation.benchmark_clip import OCCLUDED, VISIBLE
from ..evaluation.metrics import MM, acceleration_error, interaction, mpjpe, root_relative

_DIRECTIONS = ("along", "across")
UNITS = {f"{direction}_{count}_sigma": "" for direction in _DIRECTIONS for count in (1, 2)} | {"accel": "mm/frame²"}
"""Of the measures that are not in mm."""


@dataclass(frozen=True)
class JointEstimate:
    """The predicted joints of one clip and the true ones."""

    joints: Float[np.ndarray, "P N 22 3"]
    true_joints: Float[np.ndarray, "P N 22 3"]
    visibility: UInt8[np.ndarray, "P N 22"]
    """Codes of `evaluation.benchmark_clip`."""
    sigma: Float[np.ndarray, "P N 22 2"] | None = None
    """Along and across the ray, as in `STGCNPrediction`; None for predictions without."""
    rays: Float[np.ndarray, "P N 22 3"] | None = None
    """From the camera to the joints, of any length; given with `sigma`."""


def joint_errors(estimates: Iterable[JointEstimate]) -> dict[str, float]:
    """Means over clips; `seen` and `hidden` are means over all such joints.

    mpjpe, seen, hidden: relative to the own pelvis; int: distances between the joints of both people; depth: distance between
    the pelvises along the line of sight; position: of each pelvis; accel: acceleration; along_1_sigma, across_2_sigma, …:
    the part of the errors along the ray, and along an axis across it, that are that small (0.68 and 0.95 for a normal
    distribution).
    """
    values: dict[str, list[float]] = {}
    for estimate in estimates:
        joints, true = estimate.joints, estimate.true_joints
        error = np.linalg.norm(root_relative(joints) - root_relative(true), axis=-1) * MM
        of_clip = {
            "mpjpe": mpjpe(root_relative(joints), root_relative(true)),
            "int": interaction(joints, true),
            "depth": float(np.abs(_depth_difference(joints) - _depth_difference(true)).mean() * MM),
            "position": mpjpe(joints[:, :, 0], true[:, :, 0]),
        }
        if joints.shape[1] > 2:
            of_clip["accel"] = acceleration_error(joints, true)
        for name, value in of_clip.items():
            values.setdefault(name, []).append(value)
        for name, code in (("seen", VISIBLE), ("hidden", OCCLUDED)):
            values.setdefault(name, []).extend(error[estimate.visibility == code].tolist())
        if estimate.sigma is not None and estimate.rays is not None:
            components = _along_and_across(_relative_to_pelvis(joints) - _relative_to_pelvis(true), estimate.rays)
            for direction, error_of, sigma in zip(_DIRECTIONS, components, np.moveaxis(estimate.sigma, -1, 0)):
                for count in (1, 2):
                    share = float((error_of < count * sigma[..., None]).mean())
                    values.setdefault(f"{direction}_{count}_sigma", []).append(share)
    return {name: float(np.mean(each)) for name, each in values.items() if each}


def _along_and_across(
    errors: Float[np.ndarray, "P N 22 3"], rays: Float[np.ndarray, "P N 22 3"]
) -> tuple[np.ndarray, ...]:
    """Absolute errors along the rays [...,1], and along two axes across them [...,2]."""
    forward = rays / np.linalg.norm(rays, axis=-1, keepdims=True)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right /= np.maximum(np.linalg.norm(right, axis=-1, keepdims=True), 1e-6)
    down = np.cross(forward, right)
    along, first, second = (np.abs((errors * axis).sum(-1)) for axis in (forward, right, down))
    return along[..., None], np.stack([first, second], -1)


def _depth_difference(joints: Float[np.ndarray, "P N 22 3"]) -> Float[np.ndarray, " N"]:
    """How much farther from the camera the second pelvis is."""
    return joints[1, :, 0, 1] - joints[0, :, 0, 1]


def _relative_to_pelvis(joints: Float[np.ndarray, "P N 22 3"]) -> Float[np.ndarray, "P N 22 3"]:
    """What each sigma refers to: the position of the pelvis, and of other joints relative to it."""
    return np.concatenate([joints[..., :1, :], joints[..., 1:, :] - joints[..., :1, :]], -2)
