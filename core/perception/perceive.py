"""The 2D stage: a range of a clip becomes two people's tracks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ..clip import Clip, read_frames
from ..contract.errors import UserError
from ..contract.skeleton import LANDMARKS
from ..device import limit_threads
from ..reporting import Reporter
from ..weights import PERCEPTION_WEIGHTS, ensure
from .ambiguity import CONTESTED_TRUST, ambiguous
from .backends import BackendChoice, choose_backend
from .camera_motion import CameraMotion
from .detections import MASK_WIDTH, Detections
from .gaps import GapFiller
from .hands import Hand, HandTracker
from .identity import choose_two, resolve
from .people import Networks, load_networks
from .regions import mask_height
from .steady import steady
from .tracking import Track, Tracker

_FOLLOWING_SHARE = 0.8
"""Share of the stage's time that goes into following everyone; the rest is for hands."""
_RUN_IN = 15
"""Frames before the wanted ones from which people are followed: who is blurred or hidden at the start is known by then."""
_MOVING = 0.01
"""Displacement of the background, in picture widths, from which the camera is said to move."""
_SELDOM = 0.7
"""A person seen in a smaller share of the frames is worth a warning."""


@dataclass(frozen=True)
class Everyone:
    """All people found in T frames, numbered by how long and clearly they were seen."""

    tracks: tuple[Track, ...]
    frame_index: np.ndarray
    """int32 [T]"""
    time: np.ndarray
    """float64 [T], seconds"""
    duplicate: np.ndarray
    """bool [T]"""
    image_size: tuple[int, int]
    camera_motion: np.ndarray
    """float32 [T], see Tracks."""


def detect_people(
    clip: Clip,
    first: int,
    last: int,
    *,
    people: tuple[int, int] | None,
    device: torch.device,
    backend: BackendChoice = "auto",
    reporter: Reporter,
) -> Detections:
    """Follow two people through frames `first` to `last`, both included.

    `people` are numbers among everyone found (see `identity.choose_two`), None leaves the choice to us. Memory does not
    grow with the clip, apart from the result. UserError where two people cannot be found, or the clip not be read.
    """
    networks = _networks(device, backend, reporter)
    everyone = _follow(clip, first, last, networks, reporter)
    chosen = choose_two(everyone.tracks, len(everyone.frame_index), people)
    if people is None and len(everyone.tracks) > 2:
        reporter.log(f"{len(everyone.tracks)} people were found; {chosen[0]} and {chosen[1]} are reconstructed.")
    hands = _look_again(clip, everyone, chosen, networks, reporter)
    detections = assemble(everyone, chosen, hands)
    _warn(detections, reporter)
    return detections


def find_everyone(clip: Clip, first: int, last: int, *, device: torch.device, reporter: Reporter) -> Everyone:
    """Follow everyone, be it one person or many, without hands."""
    return _follow(clip, first, last, _networks(device, "auto", reporter), reporter)


def _networks(device: torch.device, backend: BackendChoice, reporter: Reporter) -> Networks:
    limit_threads()
    return load_networks(ensure(PERCEPTION_WEIGHTS, reporter), choose_backend(device, backend))


def _follow(clip: Clip, first: int, last: int, networks: Networks, reporter: Reporter) -> Everyone:
    size = (clip.width, clip.height)
    tracker, motion = Tracker(networks, size), CameraMotion()
    indices, times, duplicates, moved = [], [], [], []
    start = max(0, first - _RUN_IN)
    count = last - start + 1
    frames = read_frames(clip, start, last, while_skipping=lambda: reporter.progress(0.0, "Finding the first frame"))
    for frame in frames:
        step = frame.index - first
        done = (frame.index - start) / (last - start + 1)
        reporter.progress(_FOLLOWING_SHARE * done, f"Finding people, frame {frame.index - start + 1} of {count}")
        if frame.duplicate:
            tracker.repeat(step)
        else:
            tracker.advance(step, frame.image)
        if step < 0:
            continue
        repeats = frame.duplicate and moved
        moved.append(moved[-1] if repeats else motion.displacement(frame.image, tracker.masks(step)))
        indices.append(frame.index)
        times.append(frame.time)
        duplicates.append(frame.duplicate)
    if not indices:
        raise UserError(
            "clip-truncated",
            f"{clip.path.name} breaks off before frame {first}.",
            "Choose an earlier range of frames, or get a whole copy of the clip.",
        )
    if indices[-1] < last:
        reporter.warning(f"The clip ends after frame {indices[-1]}, earlier than its header says.")
    return Everyone(
        tuple(steady(track) for track in resolve([t.since(0) for t in tracker.tracks if t.last >= 0])),
        np.array(indices, np.int32),
        np.array(times, np.float64),
        np.array(duplicates, bool),
        size,
        np.array(moved, np.float32),
    )


def _look_again(
    clip: Clip, everyone: Everyone, chosen: tuple[int, int], networks: Networks, reporter: Reporter
) -> list[dict[tuple[int, int], Hand]]:
    """Fill gaps in the chosen tracks, and find for each step the hands by (0 or 1 of the chosen, side)."""
    pair = (everyone.tracks[chosen[0]], everyone.tracks[chosen[1]])
    tracker, filler = HandTracker(networks), GapFiller(networks, pair, everyone.image_size)
    first, last = int(everyone.frame_index[0]), int(everyone.frame_index[-1])
    hands: list[dict[tuple[int, int], Hand]] = []
    count = len(everyone.frame_index)
    for step, frame in enumerate(read_frames(clip, first, last)):
        done = _FOLLOWING_SHARE + (1 - _FOLLOWING_SHARE) * step / count
        reporter.progress(done, f"Finding hands, frame {step + 1} of {count}")
        if everyone.duplicate[step]:
            hands.append(hands[-1] if hands else {})
        else:
            poses = [track.observations[step].pose if step in track.observations else None for track in pair]
            hands.append(tracker.advance(frame.image, poses))
        filler.advance(step, frame.image)
    return hands


def assemble(
    everyone: Everyone, chosen: Sequence[int], hands: Sequence[dict[tuple[int, int], Hand]] | None = None
) -> Detections:
    """The chosen people as arrays. P may be any number; landmarks are contested only where there are two."""
    people, steps = len(chosen), len(everyone.frame_index)
    keypoints = np.zeros((people, steps, len(LANDMARKS), 3), np.float32)
    world = np.zeros_like(keypoints)
    found = np.zeros((people, steps), bool)
    masks = np.zeros((people, steps, mask_height(everyone.image_size, MASK_WIDTH), MASK_WIDTH), np.uint8)
    for person, number in enumerate(chosen):
        for step, seen in everyone.tracks[number].observations.items():
            keypoints[person, step, :, :2] = seen.pose.points
            keypoints[person, step, :, 2] = seen.pose.visibility * seen.pose.presence
            world[person, step] = seen.pose.world
            masks[person, step] = seen.mask(everyone.image_size)
            found[person, step] = True
    size = np.array(everyone.image_size, np.int32)
    doubtful = np.zeros(keypoints.shape[:3], bool)
    if people == 2:
        doubtful = ambiguous(keypoints[..., :2], found, masks, size)
    keypoints[..., 2] *= np.where(doubtful, CONTESTED_TRUST, 1)
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
        _fill(found[person], keypoints[person, ..., :2], world[person])
        for side in (0, 1):
            _fill(hand_found[person, :, side], hand_points[person, :, side, :, :2], hand_world[person, :, side])
    return Detections(
        frame_index=everyone.frame_index,
        time=everyone.time,
        image_size=size,
        keypoints=keypoints,
        ambiguous=doubtful,
        world_landmarks=world,
        found=found,
        hands=hand_points,
        hand_landmarks=hand_world,
        masks=masks,
        track_ids=np.array(chosen, np.int32),
        camera_motion=everyone.camera_motion,
        duplicate=everyone.duplicate,
    )


def _fill(known: np.ndarray, *arrays: np.ndarray) -> None:
    """Repeat the last known row of each array [T,...] in place; before the first known one, that one."""
    if not known.any():
        return
    source = np.maximum.accumulate(np.where(known, np.arange(len(known)), -1))
    source[source < 0] = int(np.argmax(known))
    for array in arrays:
        array[:] = array[source]


def _warn(detections: Detections, reporter: Reporter) -> None:
    moved = float(detections.camera_motion.max())
    if moved > _MOVING:
        reporter.warning(
            f"The camera moves (the background by {moved:.0%} of the picture's width). A static camera is assumed, so "
            "the people will seem to move instead."
        )
    for person, share in enumerate(detections.found.mean(1)):
        if share < _SELDOM:
            reporter.warning(f"Person {person} was seen in only {share:.0%} of the frames; the rest is guessed.")
