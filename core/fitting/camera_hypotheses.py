"""Estimates the camera of a clip: focal length, pitch, roll and height together, from both people and lines of the scene.

For each of a few focal lengths both people are posed from the metric landmarks, and the local optima of all evidence are found
(`camera_evidence`, `camera_search`). The cheapest is the clip's camera; the others are kept, for a result that turns out bad.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float

from ..body.model import BodyModel
from ..motion import Camera, pose_motion
from ..observations.observe import observe
from ..perception.detections import Detections
from ..records import Record
from ..reporting import Reporter
from .camera import KnownCamera, extrinsics, intrinsics_of_focal
from .camera_evidence import CameraEvidence, EvidenceSettings, camera_evidence
from .camera_search import CameraHypothesis, distinct, focal_lengths, refined_hypotheses
from .initial import estimate_initial_motion
from .scene_view import SceneView
from .soles import posed_soles

MOST_CANDIDATES = 4
_FRAMES = 24
"""Frames of evidence, evenly spread over the clip."""
_MOST_FRAMES = 240
"""Frames that people are posed in to find them."""
_SETTINGS = EvidenceSettings()


@dataclass(frozen=True)
class CameraCandidates(Record):
    """H cameras that may have filmed a clip, most likely first."""

    K: Float[np.ndarray, "H 3 3"]
    """float64, px."""
    T_cw: Float[np.ndarray, "H 4 4"]
    """float64, world -> camera (of the middle frame, where it turns)."""
    nats: Float[np.ndarray, " H"]
    """float64; only differences mean anything."""

    def camera(self, choice: int) -> Camera:
        """The candidate of this number, or the last one."""
        number = min(choice, len(self.nats) - 1)
        return Camera(self.K[number], self.T_cw[number])


def estimate_camera(
    detections: Detections,
    known: KnownCamera,
    body: BodyModel,
    reporter: Reporter,
    scene: SceneView | None = None,
) -> CameraCandidates:
    """The cameras that agree best with a clip and with what the user knows. UserError `nobody` as `estimate_initial_motion`.

    `scene` is what a model of the hub has seen of the floor and the people's distances, if there is one.
    """
    focals = focal_lengths([int(size) for size in detections.image_size], known)
    evidence_under = _evidence_of(detections, body, reporter, scene)
    evidence: list[CameraEvidence] = []
    for number, focal in enumerate(focals):
        evidence.append(evidence_under(float(focal)))
        reporter.progress((number + 1) / (len(focals) + 3))
    found = refined_hypotheses(evidence, focals.tolist(), known, _SETTINGS)
    if len(focals) > 1:
        focal = _between(found, focals)
        found += refined_hypotheses([evidence_under(focal)], [focal], known, _SETTINGS)
    chosen = distinct(found)[:MOST_CANDIDATES]
    width, height = (int(size) for size in detections.image_size)
    return CameraCandidates(
        np.stack([intrinsics_of_focal(each.focal, width, height) for each in chosen]),
        np.stack([_extrinsics(each) for each in chosen]),
        np.array([each.nats for each in chosen]),
    )


def _evidence_of(
    detections: Detections, body: BodyModel, reporter: Reporter, scene: SceneView | None
) -> Callable[[float], CameraEvidence]:
    """The evidence as a function of the focal length in px."""
    count = len(detections.time)
    posed_frames = np.unique(np.linspace(0, count - 1, min(count, _MOST_FRAMES)).astype(int))
    some = detections.frames(posed_frames)
    chosen = np.unique(np.linspace(0, len(posed_frames) - 1, _FRAMES).astype(int))
    width, height = (int(size) for size in detections.image_size)
    lines = np.zeros((0, 4), np.float32) if detections.lines is None else detections.lines

    def evidence(focal: float) -> CameraEvidence:
        observations = observe(some, intrinsics_of_focal(focal, width, height), body.device)
        initial = estimate_initial_motion(observations, body, reporter=reporter).frames(chosen)
        with torch.no_grad():
            posed = pose_motion(body, initial.motion_incam)
            soles = posed_soles(posed, body)
        found = camera_evidence(initial, posed, soles, observations.frames(chosen), lines, _SETTINGS)
        if scene is None or not scene.is_constrained:
            return found
        nearest = np.abs(posed_frames[chosen][:, None] - scene.positions).argmin(0)
        return replace(found, scene=scene, scene_frames=torch.from_numpy(nearest))

    return evidence


def _between(found: list[CameraHypothesis], focals: np.ndarray) -> float:
    """Where a parabola through the costs of the best focal length and its neighbours is lowest, px."""
    cost = np.array([min(each.nats for each in found if each.focal == focal) for focal in focals])
    best = int(np.clip(cost.argmin(), 1, len(focals) - 2))
    before, here, after = cost[best - 1 : best + 2]
    curvature = before - 2 * here + after
    shift = 0.0 if curvature <= 1e-6 else float(np.clip(0.5 * (before - after) / curvature, -1, 1))
    return float(focals[best] * (focals[1] / focals[0]) ** shift)


def _extrinsics(each: CameraHypothesis) -> np.ndarray:
    pitch, roll, height = (torch.tensor(value, dtype=torch.float64) for value in (each.pitch, each.roll, each.height))
    return extrinsics(pitch, roll, height).numpy()
