"""Looks at both people in every frame of a clip: prompts from the 2D stage, batches that fit into memory, one camera."""

# torch's own annotations are incomplete
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from jaxtyping import Bool, Float

from ..clip import Clip, read_frames
from ..contract.skeleton import LANDMARK_INDEX
from ..hub.memory import TooLittleMemory, out_of_memory
from ..hub.store import require
from ..perception.detections import Detections
from ..records import Record
from ..reporting import Reporter
from .estimate import FoundPeople, People, find_people
from .network import Sam3dBody
from .skeleton import rest_parameters
from .weights import MODEL, load_network

_BATCH = {"cuda": 16, "mps": 4, "cpu": 1}
"""People at a time; halved where memory runs out."""
_PROMPTS = {
    "left_elbow": 7, "right_elbow": 8, "left_knee": 11, "right_knee": 12, "left_ankle": 13, "right_ankle": 14,
    "right_wrist": 41, "left_wrist": 62,
}  # fmt: skip
"""The network's keypoints that are the same points as landmarks of the 2D stage."""
_LANDMARKS = [LANDMARK_INDEX[name] for name in _PROMPTS]
CONFIDENT = 0.6
"""Confidence from which on a keypoint prompts the network and is compared with what it finds."""
_SHOWN = 0.3
"""Confidence from which on a keypoint belongs into the person's box."""
_FEWEST_SHOWN = 4
_MARGIN = 0.08
"""Of the box's longer side by which it is widened: heads and feet reach beyond their keypoints."""
_FARTHEST, _OUTMOST = 1000.0, 1e5
"""metres, px; what lies beyond is no place of a person."""
_LEAST_MASK = 0.02
"""Part of the box that a mask has to cover to be believed."""


@dataclass(frozen=True)
class LiftedPeople(Record):
    """What the network found of P = 2 people in T frames, each person alone, in the axes of each frame's camera; metres."""

    joints: Float[np.ndarray, "P T 127 3"]
    rotations: Float[np.ndarray, "P T 127 3 3"]
    """Axes of the rig's joints."""
    keypoints: Float[np.ndarray, "P T 70 2"]
    """px"""
    hands_seen: Bool[np.ndarray, "P T 2"]
    """Whether the hand decoder saw the left and the right hand."""
    known: Bool[np.ndarray, "P T"]
    """Whether the person was looked at; where not, nothing else means anything."""
    rest_joints: Float[np.ndarray, "127 3"]
    """Of the rig at rest with mean proportions, Y up and facing +Z."""
    rest_rotations: Float[np.ndarray, "127 3 3"]

    @classmethod
    def nobody(cls, people: int, frames: int) -> LiftedPeople:
        def zeros(*shape: int) -> np.ndarray:
            return np.zeros(shape, np.float32)

        return cls(
            zeros(people, frames, 127, 3),
            zeros(people, frames, 127, 3, 3),
            zeros(people, frames, 70, 2),
            np.zeros((people, frames, 2), bool),
            np.zeros((people, frames), bool),
            zeros(127, 3),
            zeros(127, 3, 3),
        )


@dataclass(frozen=True)
class _Look:
    """One person in one frame."""

    person: int
    frame: int
    """Position in the range."""
    picture: np.ndarray
    box: np.ndarray


def lift_people(
    clip: Clip, detections: Detections, K: Float[np.ndarray, "3 3"], device: torch.device, reporter: Reporter
) -> LiftedPeople:
    """Both people seen by the network that the user has fetched.

    UserError `model-missing` or `model-damaged`; TooLittleMemory.
    """
    try:
        reporter.progress(0.0, "Loading SAM 3D Body")
        return look_at_clip(load_network(require(MODEL), device), clip, detections, K, reporter)
    except Exception as error:
        if not out_of_memory(error):
            raise
        raise TooLittleMemory(
            "lifting",
            "The memory is too small for SAM 3D Body: the people are lifted by the networks that come with the product. "
            "Close other programs that use the GPU, or choose the embedded lifting.",
        ) from error


def look_at_clip(
    network: Sam3dBody, clip: Clip, detections: Detections, K: Float[np.ndarray, "3 3"], reporter: Reporter
) -> LiftedPeople:
    """Both people wherever the 2D stage has found them. Frames that repeat another one are left out.

    Where memory runs out the batches get smaller; where a single person does not fit, or it runs out of the machine's own, the
    error of torch is raised. Cancelled within a second.
    """
    out = LiftedPeople.nobody(*detections.found.shape)
    rest = network.rig(torch.zeros(1, 45, device=network.device), rest_parameters(network.body.head_pose.scale_mean))
    out.rest_joints[:], out.rest_rotations[:] = rest.joints[0].cpu().numpy(), rest.rotations[0].cpu().numpy()
    size, waiting, done = _BATCH.get(network.device.type, 1), list[_Look](), 0
    total = int(detections.found.sum())

    def report() -> None:
        reporter.progress(min(1.0, done / max(1, total)), f"Looking at people with SAM 3D Body, {done} of {total}")

    def look(everyone: bool) -> None:
        nonlocal size, waiting, done
        while waiting and (everyone or len(waiting) >= size):
            batch = waiting[:size]
            try:
                found = find_people(network, _people(batch, detections, K), report)
            except Exception as error:
                if size == 1 or not out_of_memory(error):
                    raise
                size = max(1, min(size, len(batch)) // 2)
                reporter.log(f"The memory is too small; people are looked at {size} at a time.")
                continue
            _put(out, batch, found)
            waiting, done = waiting[size:], done + len(batch)
            report()

    for each in _looks(clip, detections, reporter):
        waiting.append(each)
        look(everyone=False)
    look(everyone=True)
    return out


def _looks(clip: Clip, detections: Detections, reporter: Reporter) -> Iterator[_Look]:
    first, last = int(detections.frame_index[0]), int(detections.frame_index[-1])
    boxes = person_boxes(detections)
    for frame in read_frames(clip, first, last, while_skipping=lambda: reporter.progress(0.0)):
        at = frame.index - first
        if at >= len(detections.time) or (detections.duplicate is not None and detections.duplicate[at]):
            continue
        for person in range(len(boxes)):
            if np.isfinite(boxes[person, at]).all():
                yield _Look(person, at, frame.image, boxes[person, at])


def person_boxes(detections: Detections) -> Float[np.ndarray, "P T 4"]:
    """px, left, top, right, bottom: around the keypoints that are seen; not finite where there are too few."""
    shown = (detections.keypoints[..., 2] > _SHOWN) & detections.found[..., None]
    pixels = np.where(shown[..., None], detections.keypoints[..., :2], np.nan)
    out = np.full((*shown.shape[:2], 4), np.nan, np.float32)
    enough = shown.sum(-1) >= _FEWEST_SHOWN
    low, high = np.nanmin(pixels[enough], 1), np.nanmax(pixels[enough], 1)
    margin = _MARGIN * (high - low).max(-1, keepdims=True) + 1
    width, height = detections.image_size
    limit = np.array([width, height], np.float32)
    out[enough] = np.concatenate([(low - margin).clip(0, limit), (high + margin).clip(0, limit)], -1)
    return out


def _people(batch: Sequence[_Look], detections: Detections, K: np.ndarray) -> People:
    at = [each.person for each in batch], [each.frame for each in batch]
    keypoints = detections.keypoints[at][:, _LANDMARKS]
    boxes = np.stack([each.box for each in batch])
    masks = detections.masks[at]
    ratio = masks.shape[2] / float(detections.image_size[0])
    area = np.prod(boxes[:, 2:] - boxes[:, :2], -1) * ratio**2
    covered = (masks > 127).sum((1, 2)) / np.maximum(area, 1)
    return People(
        pictures=[each.picture for each in batch],
        boxes=torch.from_numpy(boxes).float(),
        masks=list(masks),
        mask_known=torch.from_numpy(covered > _LEAST_MASK),
        K=torch.from_numpy(K).float(),
        keypoints=torch.from_numpy(keypoints[..., :2].copy()).float(),
        keypoints_known=torch.from_numpy(keypoints[..., 2] > CONFIDENT),
        labels=torch.tensor(list(_PROMPTS.values())),
    )


def _put(out: LiftedPeople, batch: Sequence[_Look], found: FoundPeople) -> None:
    at = [each.person for each in batch], [each.frame for each in batch]
    for item in fields(found):
        getattr(out, item.name)[at] = getattr(found, item.name).float().cpu().numpy()
    near = (found.joints.abs() < _FARTHEST).flatten(1).all(1)  # false where a place is not finite, too
    sound = near & torch.isfinite(found.rotations).flatten(1).all(1)
    out.known[at] = sound.cpu().numpy()
    for name, limit in (("joints", _FARTHEST), ("rotations", 1.0), ("keypoints", _OUTMOST)):
        values = getattr(out, name)
        values[at] = np.nan_to_num(values[at], posinf=0, neginf=0).clip(-limit, limit)
