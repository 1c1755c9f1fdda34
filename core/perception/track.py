"""Tracks: what was seen of one person over the frames of a clip."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import numpy as np
from jaxtyping import Float32, UInt8

from .crops import mask_height
from .detections import MASK_WIDTH
from .landmarks import Pose, mask_in_picture
from .movenet import FoundPerson
from .skeletons import SHARED


class Seen(Protocol):
    """One person in one frame, as far as identities depend on it."""

    @property
    def appearance(self) -> Float32[np.ndarray, "3 33"]:
        """See `appearance.appearance_embedding`."""
        ...

    @property
    def middle(self) -> Float32[np.ndarray, " 2"]:
        """px, of the trunk."""
        ...

    @property
    def keypoints(self) -> Float32[np.ndarray, "17 2"]:
        """px, in the order of `movenet.KEYPOINTS`."""
        ...

    @property
    def scale(self) -> float:
        """A length in px that grows with the person."""
        ...

    @property
    def quality(self) -> float:
        """0-1, how clearly the limbs are seen."""
        ...


SeenT = TypeVar("SeenT", bound=Seen)


@dataclass(frozen=True, eq=False)
class Sighting:
    """Somebody who was found in one frame; nobody knows yet who it is."""

    person: FoundPerson
    appearance: Float32[np.ndarray, "3 33"]
    isolated: bool
    """Whether nobody else was close, so that the appearance is surely this person's."""
    is_inferred: bool = False
    """Whether MoveNet did not find the person, but the prompted network did when it was asked for whoever is not another one."""

    @property
    def middle(self) -> Float32[np.ndarray, " 2"]:
        return self.person.middle

    @property
    def keypoints(self) -> Float32[np.ndarray, "17 2"]:
        return self.person.points

    @property
    def scale(self) -> float:
        return self.person.scale

    @property
    def quality(self) -> float:
        return self.person.quality


@dataclass(frozen=True)
class TrackedPose:
    """One person's landmarks in one frame."""

    pose: Pose
    """Without its mask, which `packed_mask` holds for the whole picture."""
    appearance: Float32[np.ndarray, "3 33"]
    quality: float
    packed_mask: bytes
    has_metric_landmarks: bool = True
    """False where the landmark network answered for somebody else: `pose.world` is then another frame's."""

    @property
    def middle(self) -> Float32[np.ndarray, " 2"]:
        return self.pose.torso_middle

    @property
    def keypoints(self) -> Float32[np.ndarray, "17 2"]:
        return self.pose.points[SHARED]

    @property
    def scale(self) -> float:
        return self.pose.scale

    def mask(self, picture_size: tuple[int, int]) -> UInt8[np.ndarray, "h w"]:
        """0-255, in the whole picture of (width, height) px, MASK_WIDTH wide."""
        height = mask_height(picture_size, MASK_WIDTH)
        return np.frombuffer(zlib.decompress(self.packed_mask), np.uint8).reshape(height, MASK_WIDTH)


def packed(mask: UInt8[np.ndarray, "h w"]) -> bytes:
    """A mask, compressed as `TrackedPose.packed_mask`."""
    return zlib.compress(np.ascontiguousarray(mask).tobytes(), 1)


def tracked_pose(pose: Pose, appearance: np.ndarray, quality: float, picture_size: tuple[int, int]) -> TrackedPose:
    """A tracked pose that keeps the pose's mask in a picture of (width, height) px, compressed."""
    mask = packed(mask_in_picture(pose, picture_size, MASK_WIDTH))
    return TrackedPose(pose.without_mask(), appearance, quality, mask)


@dataclass(eq=False)
class Track(Generic[SeenT]):
    """One person over the clip."""

    seen: dict[int, SeenT] = field(default_factory=dict)
    """By step: 0 is the first frame of the range; frames before it have negative steps."""

    @property
    def first(self) -> int:
        return min(self.seen)

    @property
    def last(self) -> int:
        return max(self.seen)

    def since(self, step: int) -> Track[SeenT]:
        """The track without what was seen before `step`."""
        return Track({k: seen for k, seen in self.seen.items() if k >= step})

    def prominence(self) -> float:
        """How long and how clearly the person was seen."""
        return sum(seen.quality for seen in self.seen.values())
