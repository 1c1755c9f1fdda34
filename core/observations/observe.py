"""The 2D stage's observations, made ready for fitting: weighted, gaps carried over, one unit for each person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..body.rotations import matrix_to_rotation_6d, rotation_6d_to_matrix
from ..contract.skeleton import LANDMARK_INDEX
from ..fitting.lifting import palm_frame, rotation_between
from ..perception.detections import Detections

_TRUNK = [LANDMARK_INDEX[f"{side}_{part}"] for part in ("shoulder", "hip") for side in ("left", "right")]
_HAND_WRIST, _HAND_INDEX, _HAND_MIDDLE, _HAND_PINKY = 0, 5, 9, 17
_BLUR_SECONDS = 0.04
_BORROW_SECONDS = 0.35


@dataclass(frozen=True)
class Observations:
    """P = 2 people, T frames; tensors on one device."""

    time: Tensor
    """[T] seconds."""
    pixels: Tensor
    """[P,T,33,2] px."""
    weight: Tensor
    """[P,T,33] in 0-1, 0 where nothing was seen."""
    box_height: Tensor
    """[P,T] px, a steady measure of how large the person appears."""
    landmarks: Tensor
    """[P,T,33,3] metric, about the hips' middle, camera axes; gaps and doubtful ones filled from neighbouring frames."""
    hand_frames: Tensor
    """[P,T,2,3,3] orthonormal frames of the palms (along the hand, towards the index finger), camera axes."""
    hand_weight: Tensor
    """[P,T,2] in 0-1."""


def observe(detections: Detections, K: Tensor) -> Observations:
    """Observations as the fit uses them, on the device of the camera's K [3,3]. Nothing in it depends on a body model."""
    device = K.device
    keypoints = torch.from_numpy(detections.keypoints).to(device)
    time = torch.from_numpy(detections.time).to(device, torch.float32)
    found = torch.from_numpy(detections.found).to(device)
    weight = keypoints[..., 2] * found[..., None]
    landmarks = torch.from_numpy(detections.world_landmarks).to(device)
    towards_person = line_of_sight_rotation(keypoints[:, :, _TRUNK, :2].mean(2), K)
    landmarks = _borrowed((landmarks @ towards_person.mT).flatten(2), weight, time).unflatten(2, (33, 3))
    hands = torch.from_numpy(detections.hand_landmarks).to(device)
    hands = hands @ line_of_sight_rotation(torch.from_numpy(detections.hands[..., :2]).to(device).mean(3), K).mT
    hand_weight = torch.from_numpy(detections.hands[..., 0, 2]).to(device)
    return Observations(
        time=time,
        pixels=keypoints[..., :2],
        weight=weight,
        box_height=_box_height(detections, device),
        landmarks=landmarks,
        hand_frames=_steady_frames(_palm_frames(hands), hand_weight, time),
        hand_weight=_smooth(hand_weight, torch.ones_like(hand_weight), time, 2 * _BLUR_SECONDS),
    )


def line_of_sight_rotation(pixels: Tensor, K: Tensor) -> Tensor:
    """The smallest turns [...,3,3] that take the optical axis to the lines of sight through pixels [...,2].

    Metric landmarks come from a crop about a person, and are relative to the line of sight to that person: somebody at the
    picture's edge who stands square to the camera is seen from the side.
    """
    ray = torch.cat([(pixels - K[:2, 2]) / torch.stack([K[0, 0], K[1, 1]]), torch.ones_like(pixels[..., :1])], -1)
    return rotation_between(ray.new_tensor([0.0, 0.0, 1.0]), ray)


def _box_height(detections: Detections, device: torch.device) -> Tensor:
    """Four times the trunk's length or the box's long side, whichever is larger, as a slow median over time."""
    pixels, confidence = detections.keypoints[..., :2], detections.keypoints[..., 2]
    trunk = np.linalg.norm(pixels[:, :, _TRUNK[:2]].mean(2) - pixels[:, :, _TRUNK[2:]].mean(2), axis=-1)
    seen = np.where(confidence[..., None] > 0.3, pixels, np.nan)
    with np.errstate(all="ignore"):
        low = np.nanmin(np.where(np.isnan(seen), np.inf, seen), 2)
        high = np.nanmax(np.where(np.isnan(seen), -np.inf, seen), 2)
    extent = np.where(np.isfinite(high - low), high - low, 0).max(-1)
    size = np.maximum(3.3 * trunk, extent)
    good = detections.found & (confidence[:, :, _TRUNK].min(-1) > 0.3)
    out = np.empty_like(size)
    half = max(1, len(detections.time) // 8)
    for person in range(len(size)):
        fallback = np.median(size[person][good[person]]) if good[person].any() else np.median(size[person])
        for t in range(size.shape[1]):
            near = slice(max(0, t - half), t + half + 1)
            values = size[person, near][good[person, near]]
            out[person, t] = np.median(values) if len(values) else fallback
    return torch.from_numpy(np.maximum(out, 8).astype(np.float32)).to(device)


def _borrowed(values: Tensor, weight: Tensor, time: Tensor) -> Tensor:
    """Values [P,T,33*3] lightly smoothed; where the weight [P,T,33] is low, taken from the trusted frames around."""
    weight = weight.repeat_interleave(3, -1)
    values = interpolated(values, weight.amax(-1) > 0, time)
    near = _smooth(values, weight + 1e-3, time, _BLUR_SECONDS)
    far = _smooth(values, weight.square() + 1e-4, time, _BORROW_SECONDS)
    trust = (weight / 0.5).clamp(0, 1)
    return trust * near + (1 - trust) * far


def _smooth(values: Tensor, weight: Tensor, time: Tensor, sigma: float) -> Tensor:
    """Gaussian average over time with weights; both [P,T,...]. Exact for uneven time stamps, banded in memory."""
    reach = 1
    while reach < len(time) - 1 and bool((time[reach:] - time[:-reach]).min() < 3 * sigma):
        reach += 1
    total = torch.zeros_like(values)
    mass = torch.zeros_like(weight)
    count = len(time)
    for shift in range(-reach, reach + 1):
        here = slice(max(0, -shift), count - max(0, shift))
        there = slice(max(0, shift), count - max(0, -shift))
        kernel = torch.exp(-0.5 * ((time[there] - time[here]) / sigma) ** 2)
        kernel = kernel.reshape(-1, *[1] * (values.dim() - 2))
        total[:, here] += kernel * weight[:, there] * values[:, there]
        mass[:, here] += kernel * weight[:, there]
    return total / mass.clamp_min(1e-9)


def smooth_over_time(values: Tensor, weight: Tensor, time: Tensor, sigma: float) -> Tensor:
    """Weighted Gaussian average of values [P,T,N] with weights [P,T,N] over time [T]; sigma in seconds."""
    return _smooth(values, weight, time, sigma)


def interpolated(values: Tensor, seen: Tensor, time: Tensor) -> Tensor:
    """Values [P,T,N] where `seen` [P,T]; between, straight lines over time [T]; before the first and after the last, held."""
    seconds = time.cpu().double().numpy()
    out = values.detach().cpu().double().numpy().copy()
    for person, there in enumerate(seen.cpu().numpy()):
        if there.any():
            for column in range(out.shape[2]):
                out[person, :, column] = np.interp(seconds, seconds[there], out[person, there, column])
    return torch.from_numpy(out).to(values)


def _palm_frames(hands: Tensor) -> Tensor:
    """Metric hand landmarks [P,T,2,21,3] -> frames [P,T,2,3,3]."""
    return palm_frame(*(hands[..., part, :] for part in (_HAND_WRIST, _HAND_INDEX, _HAND_MIDDLE, _HAND_PINKY)))


def _steady_frames(frames: Tensor, weight: Tensor, time: Tensor) -> Tensor:
    six = _smooth(
        matrix_to_rotation_6d(frames).flatten(2), weight.repeat_interleave(6, -1) + 1e-4, time, 2 * _BLUR_SECONDS
    )
    return rotation_6d_to_matrix(six.unflatten(2, (2, 6)))
