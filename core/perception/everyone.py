"""Everyone who was followed through a range of a clip, and the chosen ones of them as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from ..contract.skeleton import LANDMARKS
from .background import displacement
from .crops import mask_height
from .detections import MASK_WIDTH, Detections
from .hands import Hand
from .track import Track, TrackedPose

_MOST_VARIANCE = 2.5e5
"""px²; anything more says as little."""


@dataclass(frozen=True)
class Everyone:
    """All people found in T frames, most prominent first."""

    tracks: tuple[Track[TrackedPose], ...]
    frame_index: Int[np.ndarray, " T"]
    """int32, numbers of the frames in the clip."""
    time: Float[np.ndarray, " T"]
    """float64, seconds"""
    duplicate: Bool[np.ndarray, " T"]
    """Whether a frame repeats the one before it."""
    image_size: tuple[int, int]
    """Width and height, px."""
    background: Float[np.ndarray, "T 3 3"]
    """float64, see `Detections`."""
    lines: Float[np.ndarray, "L 4"]
    """float32, see `Detections`."""


def assemble(
    everyone: Everyone, chosen: Sequence[int], hands: Sequence[dict[tuple[int, int], Hand]] | None = None
) -> Detections:
    """The chosen people as arrays. P may be any number."""
    people, steps = len(chosen), len(everyone.frame_index)
    keypoints = np.zeros((people, steps, len(LANDMARKS), 3), np.float32)
    covariance = np.zeros((people, steps, len(LANDMARKS), 2, 2), np.float32)
    world = np.zeros_like(keypoints)
    found = np.zeros((people, steps), bool)
    masks = np.zeros((people, steps, mask_height(everyone.image_size, MASK_WIDTH), MASK_WIDTH), np.uint8)
    for person, number in enumerate(chosen):
        for step, seen in everyone.tracks[number].seen.items():
            keypoints[person, step, :, :2] = seen.pose.points
            keypoints[person, step, :, 2] = seen.pose.visibility * seen.pose.presence
            covariance[person, step] = np.clip(seen.pose.covariance, -_MOST_VARIANCE, _MOST_VARIANCE)
            world[person, step] = seen.pose.world
            masks[person, step] = seen.mask(everyone.image_size)
            found[person, step] = True
        own = [step for step, seen in everyone.tracks[number].seen.items() if seen.has_metric_landmarks]
        _interpolate(world[person], sorted(own))
    size = np.array(everyone.image_size, np.int32)
    hand_points = np.zeros((people, steps, 2, 21, 3), np.float32)
    hand_world = np.zeros_like(hand_points)
    hand_found = np.zeros((people, steps, 2), bool)
    for step, at_step in enumerate(hands or []):
        for (person, side), hand in at_step.items():
            hand_points[person, step, side, :, :2] = hand.points
            hand_points[person, step, side, :, 2] = hand.score
            hand_world[person, step, side] = hand.world
            hand_found[person, step, side] = True
    for person in range(people):
        _fill(found[person], keypoints[person, ..., :2], covariance[person], world[person])
        for side in (0, 1):
            _fill(hand_found[person, :, side], hand_points[person, :, side, :, :2], hand_world[person, :, side])
    return Detections(
        frame_index=everyone.frame_index,
        time=everyone.time,
        image_size=size,
        keypoints=keypoints,
        covariance=covariance,
        world_landmarks=world,
        found=found,
        hands=hand_points,
        hand_landmarks=hand_world,
        masks=masks,
        track_ids=np.array(chosen, np.int32),
        camera_motion=_displacements(everyone),
        background=everyone.background,
        lines=everyone.lines,
        duplicate=everyone.duplicate,
    )


def to_middle(to_first: np.ndarray) -> np.ndarray:
    """Homographies [T,3,3] to the first frame as such to the middle one."""
    found = np.linalg.inv(to_first[(len(to_first) - 1) // 2]) @ to_first
    return found / found[:, 2:, 2:]


def _displacements(everyone: Everyone) -> np.ndarray:
    """float32 [T], how far the background is from where it is in the middle frame, in picture widths."""
    width, height = everyone.image_size
    return np.array([displacement(each, height / width) for each in everyone.background], np.float32)


def _interpolate(values: np.ndarray, known: Sequence[int]) -> None:
    """Fill the rows of values [T,33,3] between the known ones in place, linearly; outside of them, with the nearest one."""
    if not known or len(known) == len(values):
        return
    steps, rows = np.arange(len(values)), values.reshape(len(values), -1)
    for column in range(rows.shape[1]):
        rows[:, column] = np.interp(steps, known, rows[known, column])


def _fill(known: np.ndarray, *arrays: np.ndarray) -> None:
    """Repeat the last known row of each array [T,...] in place; before the first known one, that one."""
    if not known.any():
        return
    source = np.maximum.accumulate(np.where(known, np.arange(len(known)), -1))
    source[source < 0] = int(np.argmax(known))
    for array in arrays:
        array[:] = array[source]
