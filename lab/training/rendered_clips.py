"""Rendered clips for training: the detections of the real 2D networks, in the order of the truth's people."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import numpy as np
from jaxtyping import Float

from core.body.model import BodyModel
from core.contract.errors import UserError
from core.contract.skeleton import JOINT_INDEX, LANDMARK_INDEX
from core.perception.detections import Detections
from core.transforms import transform_points

from ..choreography.splits import Split, split_of
from ..evaluation.benchmark_clip import BenchmarkClip, GroundTruth
from ..evaluation.perception_cache import PerceptionCache
from ..evaluation.rendered import RenderedClip, load_rendered

_COMPARED = tuple(f"{side}_{joint}" for side in ("left", "right") for joint in ("shoulder", "hip", "knee", "ankle"))
_WORST = 0.3
"""Heights of a person at which errors are cut off: a track that leaves its person somewhere may still be theirs."""


def detected_clips(folder: Path, split: Split, body: BodyModel, perception: PerceptionCache) -> Iterator[BenchmarkClip]:
    """All clips of a folder of `lab render` in which two people are found.

    UserError `wrong-split` if a clip belongs to another split, and as `load_rendered`.
    """
    for clip in load_rendered(folder, body):
        found = split_of(clip)
        if found != split:
            raise UserError(
                "wrong-split", f"{clip.name} in {folder} belongs to the split {found}, not to {split}.", "Leave it out."
            )
        detected = detected_clip(clip, perception)
        if detected is not None:
            yield detected


def detected_clip(clip: RenderedClip, perception: PerceptionCache) -> BenchmarkClip | None:
    """A clip with the detections of its video, or None where the 2D stage refuses it."""
    try:
        detections = perception.detect_two(clip.video).detections
    except UserError:
        return None
    ordered = in_order_of_truth(detections, clip.truth)
    return BenchmarkClip(clip.name, clip.family, clip.truth, ordered, clip.sentences, video=clip.video)


def in_order_of_truth(detections: Detections, truth: GroundTruth) -> Detections:
    """The detections with the track first that lies nearer to the truth's first person, over the whole clip."""
    landmarks = detections.keypoints[:, :, [LANDMARK_INDEX[name] for name in _COMPARED], :2]
    joints = truth.joints[:, :, [JOINT_INDEX[name] for name in _COMPARED]]
    pixels = _projected(joints, truth)
    height = np.median(np.ptp(pixels[..., 1], axis=-1)) + 1e-6

    def error(order: tuple[int, ...]) -> float:
        distance = np.linalg.norm(landmarks[list(order)] - pixels, axis=-1) / height
        return float(np.minimum(distance, _WORST).mean())

    best = min(permutations(range(len(pixels))), key=error)
    return detections.along("P", list(best))


def _projected(joints_inworld: Float[np.ndarray, "P T J 3"], truth: GroundTruth) -> Float[np.ndarray, "P T J 2"]:
    incam = transform_points(truth.camera.T_cw, joints_inworld.astype(float))
    K = truth.camera.K
    return incam[..., :2] / np.maximum(incam[..., 2:], 0.1) * K[[0, 1], [0, 1]] + K[:2, 2]
