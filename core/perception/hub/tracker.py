"""The tracker of the 2D stage with the hub's networks: the same steps as with the embedded ones, other answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import UInt8

from ...clip import Frame
from ...contract.marks import PersonMark
from ...reporting import Pulse, Reporter, SubProgress
from ..crops import Crop
from ..movenet import INPUT_SIZE, FoundPerson, KeypointMaps, MoveNet
from ..networks import PerceptionNetworks
from ..recorded_networks import recorded
from ..recording import Recorder, checksum, picture_checksum
from ..track import Sighting, Track, TrackedPose
from ..tracker import ClipSteps
from .following import MaskedFollower
from .keypoints import HubKeypoints, KeypointNetwork, KeypointQuery
from .networks import HubNetworks, load_hub_networks
from .pair_tracking import track_pair
from .person_detector import DetectedPerson

_FRAMES_AT_ONCE = 16
"""Frames whose people the keypoint network sees together on a GPU."""
_MASKS_FRACTION = 0.5
"""Of the time that following takes."""


class HubTracker:
    """Finds people with RF-DETR and ViTPose++, follows two with SAM 2.1, ViTPose++ and the embedded landmark network."""

    exchange_cost = 8.0
    """Masks follow pixels, also through the frames in which the joints of both people are at one place."""

    def __init__(self, embedded: PerceptionNetworks, device: torch.device, recorder: Recorder, pulse: Pulse) -> None:
        """`embedded` are not recorded. UserError `model-missing` or `model-damaged`."""
        self._hub = load_hub_networks(device, pulse)
        self._recorder = recorder
        self._at_once = 1 if device.type == "cpu" else _FRAMES_AT_ONCE
        self.networks = recorded(replace(embedded, people=HubPeople(embedded.people, self._hub)), recorder)

    def follow(
        self,
        steps: ClipSteps,
        tracks: Sequence[Track[Sighting]],
        marks: tuple[PersonMark, PersonMark] | None,
        reporter: Reporter,
    ) -> list[Track[TrackedPose]]:
        """UserError `one-person` or `model-damaged`; NoMemory."""
        self._hub.people.free()
        part = SubProgress(reporter, 0.0, _MASKS_FRACTION)
        masks = track_pair(steps, tracks, marks, self._hub.masks, self._recorder, part)
        self._hub.masks.free()
        keypoints = _RecordedKeypoints(self._hub.keypoints, self._recorder)
        follower = MaskedFollower(self.networks, keypoints, tracks, masks, (steps.clip.width, steps.clip.height))
        part = SubProgress(reporter, _MASKS_FRACTION, 1 - _MASKS_FRACTION)
        waiting: list[tuple[int, Frame]] = []
        for step, frame in steps.frames(steps.first_step, steps.steps[-1]):
            part.progress((step - steps.first_step) / len(steps.findings), f"Following people, {steps.position(step)}")
            waiting.append((step, frame))
            if len(waiting) >= self._at_once:
                follower.advance(waiting)
                waiting = []
        if waiting:
            follower.advance(waiting)
        for step in steps.steps:
            if steps.found(step).duplicate:
                follower.repeat(step)
        self.free()
        return follower.tracks

    def free(self) -> None:
        """Give the memory of all networks of the hub back."""
        for network in (self._hub.people, self._hub.keypoints, self._hub.masks):
            network.free()


class HubPeople(MoveNet):
    """Finds everyone top-down, by the hub's detector and keypoints; closer looks, and keypoint maps, are MoveNet's."""

    def __init__(self, movenet: MoveNet, hub: HubNetworks) -> None:
        self._movenet, self._hub = movenet, hub
        self.at_once = movenet.at_once

    def find_everywhere(self, images: Sequence[UInt8[np.ndarray, "H W 3"]]) -> list[list[FoundPerson]]:
        """Everyone in each of some whole pictures, best first."""
        detected = self._hub.people.find(images)
        queries = [
            KeypointQuery(image, person.box, _others(people, number))
            for image, people in zip(images, detected)
            for number, person in enumerate(people)
        ]
        keypoints = iter(self._hub.keypoints.predict(queries))
        return [[next(keypoints).person(each.score, each.box) for each in people] for people in detected]

    def find(
        self, image: UInt8[np.ndarray, "H W 3"], windows: Sequence[Crop], side: int = INPUT_SIZE
    ) -> list[tuple[list[FoundPerson], KeypointMaps]]:
        return self._movenet.find(image, windows, side)


def _others(people: Sequence[DetectedPerson], number: int) -> UInt8[np.ndarray, "h w"] | None:
    """Where the other people are, and this one is not; None where the detector draws no masks."""
    own = people[number].mask
    others = [person.mask for k, person in enumerate(people) if k != number and person.mask is not None]
    return (
        None if own is None or not others else np.where(np.max(others, 0) > own, np.max(others, 0), 0).astype(np.uint8)
    )


class _RecordedKeypoints:
    def __init__(self, network: KeypointNetwork, recorder: Recorder) -> None:
        self._network, self._recorder = network, recorder

    def predict(self, queries: Sequence[KeypointQuery]) -> list[HubKeypoints]:
        told: list[int] = []
        for query in queries:
            told += [picture_checksum(query.image), checksum(query.box)]
            told += [] if query.others is None else [checksum(query.others)]
        question = f"keypoints {' '.join(map(str, told))}"
        return self._recorder.answer(question, list[HubKeypoints], lambda: self._network.predict(queries))

    def free(self) -> None:
        self._network.free()
