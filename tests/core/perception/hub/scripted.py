"""A made-up clip of two people who cross, and networks of the hub that answer with its truth as far as it can be seen."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from core.clip import Clip, probe, read_frames
from core.perception.hub.keypoints import HubKeypoints, KeypointQuery
from core.perception.hub.networks import HubNetworks
from core.perception.hub.person_detector import DetectedPerson
from core.perception.hub.video_masks import MASK_SIDE, MaskPrompt, PairMasks

BONES = [
    (5, 7),
    (7, 9),
    (6, 8),
    (8, 10),
    (5, 6),
    (11, 12),
    (5, 11),
    (6, 12),
    (11, 13),
    (13, 15),
    (12, 14),
    (14, 16),
    (0, 5),
    (0, 6),
]
_STANDING = np.array(
    [
        *[(0, 0), (2, -2), (-2, -2), (5, 0), (-5, 0)],
        *[(14, 22), (-14, 22), (20, 44), (-20, 44), (22, 64), (-22, 64)],
        *[(9, 70), (-9, 70), (10, 104), (-10, 104), (10, 138), (-10, 138)],
    ],
    np.float32,
)
COLOURS = ((200, 40, 40), (40, 60, 200))


def crossing(frames: int = 40, size: tuple[int, int] = (320, 240)) -> np.ndarray:
    """float32 [T,2,17,2] px: the first person walks from left to right in front of the second, who comes the other way."""
    way = np.linspace(60, size[0] - 60, frames)
    swing = 8 * np.sin(np.arange(frames) / 2)
    points = np.tile(_STANDING, (frames, 2, 1, 1))
    points[..., 1] += 60
    points[:, 0, :, 0] += way[:, None]
    points[:, 1, :, 0] += way[::-1, None]
    for left, sign in ((15, 1), (16, -1), (9, -1), (10, 1)):
        points[:, :, left, 0] += sign * swing[:, None]
    return points


def outline(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """uint8 [H,W] 0 or 255, all of a person."""
    mask = np.zeros((size[1], size[0]), np.uint8)
    for a, b in BONES:
        cv2.line(mask, points[a].round().astype(int).tolist(), points[b].round().astype(int).tolist(), 255, 11)
    cv2.fillConvexPoly(mask, points[[5, 6, 12, 11]].round().astype(int), 255)
    cv2.circle(mask, points[0].round().astype(int).tolist(), 11, 255, -1)
    return mask


def visible(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """uint8 [2,H,W]: the first person is in front."""
    front, behind = (outline(each, size) for each in points)
    return np.stack([front, np.where(front > 0, 0, behind).astype(np.uint8)])


def write_crossing(path: Path, points: np.ndarray, size: tuple[int, int] = (320, 240)) -> Clip:
    noise = np.random.default_rng(0).integers(90, 160, (size[1] // 8, size[0] // 8, 3)).astype(np.uint8)
    street = cv2.resize(noise, size, interpolation=cv2.INTER_CUBIC)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25, size)
    for each in points:
        picture = street.copy()
        masks = visible(each, size)
        for person in (1, 0):
            picture[masks[person] > 0] = COLOURS[person]
        writer.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    writer.release()
    return probe(path)


@dataclass
class Script:
    """What the scripted networks know, and what they were asked."""

    points: np.ndarray
    """float32 [T,2,17,2] px."""
    masks: np.ndarray
    """uint8 [T,2,H,W], what is visible of each."""
    frames: dict[int, int]
    """By checksum of the picture."""
    asked: list[str] = field(default_factory=list)
    fails: dict[str, Exception] = field(default_factory=dict)
    """What a network raises instead of an answer."""

    @classmethod
    def of_clip(cls, clip: Clip, points: np.ndarray) -> Script:
        frames = {_checksum(frame.image): frame.index for frame in read_frames(clip, 0, len(points) - 1)}
        size = (clip.width, clip.height)
        return cls(points, np.stack([visible(each, size) for each in points]), frames)

    def frame(self, image: np.ndarray, network: str) -> int:
        self.asked.append(network)
        if network in self.fails:
            raise self.fails[network]
        return self.frames[_checksum(image)]

    def networks(self) -> HubNetworks:
        return HubNetworks(_Detector(self), _Keypoints(self), _Masks(self))


@dataclass
class _Detector:
    script: Script

    def find(self, images: Sequence[np.ndarray]) -> list[list[DetectedPerson]]:
        return [self._people(self.script.frame(image, "people")) for image in images]

    def free(self) -> None:
        pass

    def _people(self, frame: int) -> list[DetectedPerson]:
        """Those of whom enough is seen, from left to right: it does not know who is who."""
        found = []
        for points, mask in zip(self.script.points[frame], self.script.masks[frame]):
            if (mask > 0).sum() > 0.5 * (outline(points, mask.shape[::-1]) > 0).sum():
                box = np.concatenate([points.min(0) - 8, points.max(0) + 8]).astype(np.float32)
                found.append(DetectedPerson(0.9, box, cv2.resize(mask, (64, 48), interpolation=cv2.INTER_AREA)))
        return sorted(found, key=lambda person: float(person.box[0]))


@dataclass
class _Keypoints:
    script: Script

    def predict(self, queries: Sequence[KeypointQuery]) -> list[HubKeypoints]:
        return [self._answer(query) for query in queries]

    def free(self) -> None:
        pass

    def _answer(self, query: KeypointQuery) -> HubKeypoints:
        """Whoever fits into the box and is not where the other people are."""
        frame = self.script.frame(query.image, "keypoints")
        values = []
        for points, mask in zip(self.script.points[frame], self.script.masks[frame]):
            box = np.concatenate([points.min(0), points.max(0)])
            value = -float(np.abs(box - query.box).mean()) / 100
            if query.others is not None:
                others = cv2.resize(query.others, mask.shape[::-1]) > 127
                value -= 5 * float((others & (mask > 0)).sum()) / max(float((mask > 0).sum()), 1)
            values.append(value)
        points = self.script.points[frame, int(np.argmax(values))]
        return HubKeypoints(points, np.full(17, 0.95, np.float32), np.tile(np.eye(2, dtype=np.float32), (17, 1, 1)))


@dataclass
class _Masks:
    script: Script

    def session(self) -> _Session:
        return _Session(self.script)

    def take_less(self) -> None:
        self.script.asked.append("less")
        self.script.fails.pop("masks", None)

    def free(self) -> None:
        pass


@dataclass
class _Session:
    script: Script
    order: tuple[int, int] | None = None

    def advance(self, image: np.ndarray, prompts: Sequence[MaskPrompt] | None) -> PairMasks:
        frame = self.script.frame(image, "masks")
        if prompts is not None and self.order is None:
            middles = self.script.points[frame].mean(1)
            nearest = [int(np.argmin(np.abs(middles - p.box.reshape(2, 2).mean(0)).sum(1))) for p in prompts]
            self.order = nearest[0], nearest[1]
        assert self.order is not None and set(self.order) == {0, 1}
        masks = [
            cv2.resize(self.script.masks[frame, who], (MASK_SIDE, MASK_SIDE), interpolation=cv2.INTER_AREA)
            for who in self.order
        ]
        seen = [float((self.script.masks[frame, who] > 0).sum()) for who in self.order]
        return PairMasks.of(np.stack(masks), np.where(np.array(seen) > 200, 5.0, -5.0).astype(np.float32))


def _checksum(image: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(image).tobytes())
