"""The networks of the 2D stage, loaded together by one backend."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..weights import HAND_LANDMARKS, PALM_DETECTOR, POSE_LANDMARKS
from .backends import Network, NetworkBackend
from .landmarks import LandmarkNetwork
from .movenet import MoveNet
from .palms import PalmDetector
from .prompted_graph import head_graph, trunk_graph
from .prompted_landmarks import PromptedLandmarks
from .tflite_graph import read_graph


@dataclass(frozen=True)
class PerceptionNetworks:
    """The networks of the 2D stage that come with the product."""

    people: MoveNet
    body: LandmarkNetwork
    pair: PromptedLandmarks
    palms: PalmDetector
    hand: Network


def load_networks(files: dict[str, Path], backend: NetworkBackend, picture_size: tuple[int, int]) -> PerceptionNetworks:
    """Load the files that `weights.ensure(PERCEPTION_WEIGHTS, ...)` returned, and those that ship with the product.

    `picture_size` is the width and height of the clip.
    """
    landmarks = read_graph(files[POSE_LANDMARKS.name])
    return PerceptionNetworks(
        MoveNet(backend, picture_size),
        LandmarkNetwork(backend.load(landmarks)),
        PromptedLandmarks(backend.load(trunk_graph(landmarks)), backend.load(head_graph())),
        PalmDetector(backend.load(read_graph(files[PALM_DETECTOR.name]))),
        backend.load(read_graph(files[HAND_LANDMARKS.name])),
    )
