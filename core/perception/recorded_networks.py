"""The networks of the 2D stage with answers that are recorded: see `recording`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import UInt8

from .backends import Network
from .crops import Crop
from .landmarks import LandmarkNetwork, Pose
from .movenet import INPUT_SIZE, FoundPerson, KeypointMaps, MoveNet
from .networks import PerceptionNetworks
from .palms import Detection, PalmDetector
from .prompted_landmarks import PromptedLandmarks, PromptedPose, Query
from .recording import Recorder, checksum, picture_checksum


def recorded(networks: PerceptionNetworks, recorder: Recorder) -> PerceptionNetworks:
    """The same networks, whose answers are recorded."""
    return PerceptionNetworks(
        people=_RecordedMoveNet(networks.people, recorder),
        body=_RecordedLandmarks(networks.body, recorder),
        pair=_RecordedPair(networks.pair, recorder),
        palms=_RecordedPalms(networks.palms, recorder),
        hand=_RecordedNetwork(networks.hand, recorder),
    )


class _RecordedMoveNet(MoveNet):
    def __init__(self, network: MoveNet, recorder: Recorder) -> None:
        self._network, self._recorder = network, recorder
        self.at_once = network.at_once

    def find_everywhere(self, images: Sequence[UInt8[np.ndarray, "H W 3"]]) -> list[list[FoundPerson]]:
        return self._recorder.answer(
            _question("people", *images), list[list[FoundPerson]], lambda: self._network.find_everywhere(images)
        )

    def find(
        self, image: UInt8[np.ndarray, "H W 3"], windows: Sequence[Crop], side: int = INPUT_SIZE
    ) -> list[tuple[list[FoundPerson], KeypointMaps]]:
        """The maps are large and seldom looked at: they are not recorded, but made when they are needed."""
        asked: list[tuple[list[FoundPerson], KeypointMaps]] = []

        def ask() -> list[tuple[list[FoundPerson], KeypointMaps]]:
            if not asked:
                asked.extend(self._network.find(image, windows, side))
            return asked

        people = self._recorder.answer(
            _question(f"people in {side}", image, crops=windows),
            list[list[FoundPerson]],
            lambda: [found for found, _ in ask()],
        )
        return [(found, _LaterMaps(lambda number=number: ask()[number][1])) for number, found in enumerate(people)]


class _LaterMaps(KeypointMaps):
    """Maps that are made when one of their fields is read."""

    def __init__(self, make: Callable[[], KeypointMaps]) -> None:
        object.__setattr__(self, "_make", make)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._make(), name)


class _RecordedLandmarks(LandmarkNetwork):
    def __init__(self, network: LandmarkNetwork, recorder: Recorder) -> None:
        self._landmarks, self._recorder = network, recorder

    def predict(self, image: np.ndarray, crops: Sequence[Crop]) -> list[Pose]:
        question = _question("landmarks", image, crops=crops)
        return self._recorder.answer(question, list[Pose], lambda: self._landmarks.predict(image, crops))


class _RecordedPair(PromptedLandmarks):
    def __init__(self, network: PromptedLandmarks, recorder: Recorder) -> None:
        self._pair, self._recorder = network, recorder

    def predict(self, image: UInt8[np.ndarray, "H W 3"], queries: Sequence[Query]) -> list[PromptedPose]:
        prompts = [prompt for query in queries for prompt in (query.own, query.other) if prompt is not None]
        told = [part for prompt in prompts for part in (prompt.points, prompt.confidence, prompt.sigma)]
        question = _question("pair", image, crops=[query.crop for query in queries], told=told)
        return self._recorder.answer(question, list[PromptedPose], lambda: self._pair.predict(image, queries))


class _RecordedPalms(PalmDetector):
    def __init__(self, network: PalmDetector, recorder: Recorder) -> None:
        self._palms, self._recorder = network, recorder

    def detect(self, image: np.ndarray, windows: Sequence[Crop], threshold: float) -> list[Detection]:
        question = _question("palms", image, crops=windows)
        return self._recorder.answer(question, list[Detection], lambda: self._palms.detect(image, windows, threshold))


class _RecordedNetwork:
    def __init__(self, network: Network, recorder: Recorder) -> None:
        self.shape, self.size = network.shape, network.size
        self._network, self._recorder = network, recorder

    def run(self, pictures: np.ndarray, *features: np.ndarray) -> list[np.ndarray]:
        question = f"run {' '.join(str(checksum(each)) for each in (pictures, *features))}"
        return self._recorder.answer(question, list[np.ndarray], lambda: self._network.run(pictures, *features))


def _question(name: str, *images: np.ndarray, crops: Sequence[Crop] = (), told: Sequence[np.ndarray] = ()) -> str:
    pictures = [str(picture_checksum(image)) for image in images]
    places = [f"{float(c.x)},{float(c.y)},{float(c.size)},{float(c.angle)}" for c in crops]
    return " ".join([name, *pictures, *places, *(str(checksum(part)) for part in told)])
