"""What the fit and the learned models read of a clip: the 2D stage's detections, weighted, without gaps, in the camera's frame.

Observations are made once for a clip; every later stage reads them, or a slice of them, and none reads the detections.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from ..body.landmarks import palm_of_hand
from ..body.rotations import matrix_to_rotation_6d, rotation_6d_to_matrix
from ..contract.skeleton import LANDMARK_INDEX
from ..motion import Timeline, elapsed_seconds
from ..perception.detections import Detections
from ..perception.landmarks import HEIGHT_IN_TORSOS
from ..records import Record
from .confidence import joint_confidence
from .line_of_sight import line_of_sight_rotation
from .over_time import interpolated, smooth_over_time
from .stabilisation import TRUNK as _TRUNK
from .stabilisation import estimate_camera_rotation, stabilised

_SMOOTHING_SECONDS = 0.04
"""Standard deviation over which metric landmarks are averaged; palms over twice as much."""
PRECISE = 0.04
"""Heights of a person: keypoints with a larger sigma are not plainly seen, however confident."""
_HEIGHT_SECONDS = 0.4
"""Before and after a frame, over which the height of a person in the picture is a median."""
BONES = tuple(
    (LANDMARK_INDEX[f"{side}_{start}"], LANDMARK_INDEX[f"{side}_{end}"])
    for side in ("left", "right")
    for start, end in (
        ("shoulder", "elbow"),
        ("elbow", "wrist"),
        ("hip", "knee"),
        ("knee", "ankle"),
        ("shoulder", "hip"),
    )
)
"""Pairs of landmarks whose distances say how large a person is."""
_BORROWING_SECONDS = 0.35
"""Standard deviation over which metric landmarks of low confidence are averaged from the frames around."""


@dataclass(frozen=True)
class Observations(Record):
    """P = 2 people, T frames; tensors on one device. Pixels are of the upright picture, (0, 0) its top left corner."""

    frame_index: Int[np.ndarray, " T"]
    """Frames of the clip."""
    time: Float[np.ndarray, " T"]
    """float64, seconds."""
    image_size: Int[np.ndarray, " 2"]
    """Width and height in pixels."""
    K: Float[Tensor, "3 3"]
    """The camera's intrinsics, px."""
    keypoints: Float[Tensor, "P T 33 2"]
    """px"""
    confidence: Float[Tensor, "P T 33"]
    """Of the keypoints, 0-1; 0 where a landmark or its person was not detected."""
    joint_confidence: Float[Tensor, "P T 22"]
    """Of the body joints that the keypoints show, 0-1."""
    covariance: Float[Tensor, "P T 33 2 2"]
    """px², of the keypoints' error."""
    found: Bool[Tensor, "P T"]
    """Whether the person was detected in the frame."""
    box_height: Float[Tensor, "P T"]
    """px, a steady measure of how large the person appears."""
    landmarks_incam: Float[Tensor, "P T 33 3"]
    """Metric landmarks about the middle of the hips; gaps and landmarks of low confidence are filled from the frames around."""
    bone_length: Float[Tensor, " P"]
    """metres, of the metric landmarks' `BONES` together: medians over the whole clip, also in observations of a part of it."""
    hand_wrists: Float[Tensor, "P T 2 3"]
    """Wrists that the hand detector found, left then right: px and confidence."""
    hand_landmarks: Float[Tensor, "P T 2 21 3"]
    """Metric hand landmarks in the axes of the hand's crop; fingers bend alike in any axes."""
    palm_frames_incam: Float[Tensor, "P T 2 3 3"]
    """Orthonormal frames of the palms: along the hand, towards the index finger, and their cross product."""
    palm_confidence: Float[Tensor, "P T 2"]
    masks: UInt8[Tensor, "P T h w"]
    """0-255, the person's mask in the whole picture, at low resolution."""

    @property
    def sigma(self) -> Float[Tensor, "P T 33"]:
        """Standard deviation of the keypoints along an axis of the picture, in heights of the person."""
        return (self.covariance.diagonal(dim1=-2, dim2=-1).mean(-1)).sqrt() / self.box_height[..., None]

    def covariance_with(self, sigma: float) -> Float[Tensor, "P T 33 2 2"]:
        """px², of the keypoints' distance from projections of a model that is wrong by `sigma` heights of the person itself."""
        own = (sigma * self.box_height).square()[..., None, None, None]
        return self.covariance + own * torch.eye(2, device=own.device)

    def plainly_seen(self, confident: float) -> Bool[Tensor, "P T 33"]:
        """Keypoints with at least that confidence whose place is known to a few hundredths of the person's height."""
        return (self.confidence >= confident) & (self.sigma < PRECISE) & self.found[..., None]

    @property
    def timeline(self) -> Timeline:
        return Timeline(self.frame_index, self.time)

    @property
    def seconds(self) -> Float[Tensor, " T"]:
        """Since the first frame."""
        return elapsed_seconds(self.time).to(self.K.device)


def observe(detections: Detections, K: np.ndarray, device: torch.device | str = "cpu") -> Observations:
    """Observations of a clip under a camera with intrinsics K [3,3]. Nothing in them depends on a body model.

    Where the camera turned, they are what the camera of the middle frame would have seen (`stabilisation`).
    """
    detections = stabilised(detections, K, estimate_camera_rotation(detections, K))

    def tensor(array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(device)

    keypoints, found = tensor(detections.keypoints), tensor(detections.found)
    seconds = elapsed_seconds(detections.time).to(device)
    K_tensor = tensor(K).float()
    confidence = keypoints[..., 2] * found[..., None]
    trunks = keypoints[:, :, _TRUNK, :2].mean(2)
    landmarks = _in_camera_axes(tensor(detections.world_landmarks), trunks, K_tensor).flatten(2)
    landmarks = _filled_from_neighbours(landmarks, confidence, seconds).unflatten(2, (33, 3))
    hands = tensor(detections.hands)
    hand_landmarks = tensor(detections.hand_landmarks)
    hand_confidence = hands[..., 0, 2]
    palm_frames = palm_of_hand(_in_camera_axes(hand_landmarks, hands[..., :2].mean(3), K_tensor))
    return Observations(
        frame_index=detections.frame_index,
        time=detections.time,
        image_size=detections.image_size,
        K=K_tensor,
        keypoints=keypoints[..., :2],
        confidence=confidence,
        joint_confidence=tensor(joint_confidence(detections)),
        covariance=tensor(detections.covariance),
        found=found,
        box_height=tensor(_box_height(detections)),
        landmarks_incam=landmarks,
        bone_length=bone_lengths(landmarks).median(1).values.sum(-1),
        hand_wrists=hands[:, :, :, 0],
        hand_landmarks=hand_landmarks,
        palm_frames_incam=_smoothed_frames(palm_frames, hand_confidence, seconds),
        palm_confidence=smooth_over_time(
            hand_confidence, torch.ones_like(hand_confidence), seconds, 2 * _SMOOTHING_SECONDS
        ),
        masks=tensor(detections.masks),
    )


def bone_lengths(landmarks: Float[Tensor, "*n 33 3"]) -> Float[Tensor, "*n 10"]:
    """metres, of each of `BONES`."""
    start, end = torch.tensor(BONES).T
    return (landmarks[..., start, :] - landmarks[..., end, :]).norm(dim=-1)


def _in_camera_axes(
    points: Float[Tensor, "P T *n L 3"], pixels: Float[Tensor, "P T *n 2"], K: Float[Tensor, "3 3"]
) -> Float[Tensor, "P T *n L 3"]:
    """Points in axes of the line of sight through pixels, rotated into the camera's axes.

    Each person is computed alone: how a sum is rounded can depend on its place in a batch, and nothing may depend on who comes
    first.
    """
    return torch.stack([own @ line_of_sight_rotation(at, K).mT for own, at in zip(points, pixels)])


def _box_height(detections: Detections) -> np.ndarray:
    """float32 [P,T]: the height that the trunk's length tells or the box's long side, whichever is larger, as a median over
    the frames around; between such values where the person is not seen for longer."""
    pixels, confidence = detections.keypoints[..., :2], detections.keypoints[..., 2]
    trunk = np.linalg.norm(pixels[:, :, _TRUNK[:2]].mean(2) - pixels[:, :, _TRUNK[2:]].mean(2), axis=-1)
    seen = np.where(confidence[..., None] > 0.3, pixels, np.nan)
    with np.errstate(all="ignore"):
        low = np.nanmin(np.where(np.isnan(seen), np.inf, seen), 2)
        high = np.nanmax(np.where(np.isnan(seen), -np.inf, seen), 2)
    extent = np.where(np.isfinite(high - low), high - low, 0).max(-1)
    size = np.maximum(HEIGHT_IN_TORSOS * trunk, extent)
    good = detections.found & (confidence[:, :, _TRUNK].min(-1) > 0.3)
    median = _medians_around(np.where(good, size, np.nan), detections.time, _HEIGHT_SECONDS)
    for person, known in enumerate(~np.isnan(median)):
        if known.any():
            median[person] = np.interp(detections.time, detections.time[known], median[person, known])
        else:
            median[person] = np.median(size[person])
    return np.maximum(median, 8).astype(np.float32)


def _medians_around(
    values: Float[np.ndarray, "P T"], time: Float[np.ndarray, " T"], seconds: float
) -> Float[np.ndarray, "P T"]:
    """Of the values that are not NaN up to so many seconds before and after each; NaN where there are none."""
    first, end = np.searchsorted(time, time - seconds), np.searchsorted(time, time + seconds, side="right")
    frames = first[:, None] + np.arange((end - first).max())
    around = np.where(frames < end[:, None], values[:, frames.clip(0, len(time) - 1)], np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # nothing but NaN
        return np.nanmedian(around, axis=-1)


def _filled_from_neighbours(
    values: Float[Tensor, "P T 99"], confidence: Float[Tensor, "P T 33"], seconds: Float[Tensor, " T"]
) -> Float[Tensor, "P T 99"]:
    """The coordinates of 33 landmarks, lightly smoothed; where the confidence is low, taken from the frames around."""
    weight = confidence.repeat_interleave(3, -1)
    values = interpolated(values, weight.amax(-1) > 0, seconds)
    near = smooth_over_time(values, weight + 1e-3, seconds, _SMOOTHING_SECONDS)
    far = smooth_over_time(values, weight.square() + 1e-4, seconds, _BORROWING_SECONDS)
    near_weight = (weight / 0.5).clamp(0, 1)
    return near_weight * near + (1 - near_weight) * far


def _smoothed_frames(
    frames: Float[Tensor, "P T 2 3 3"], confidence: Float[Tensor, "P T 2"], seconds: Float[Tensor, " T"]
) -> Float[Tensor, "P T 2 3 3"]:
    weight = confidence.repeat_interleave(6, -1) + 1e-4
    six = smooth_over_time(matrix_to_rotation_6d(frames).flatten(2), weight, seconds, 2 * _SMOOTHING_SECONDS)
    return rotation_6d_to_matrix(six.unflatten(2, (2, 6)))
