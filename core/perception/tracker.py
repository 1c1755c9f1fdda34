"""Trackers of the 2D stage: the protocol that the embedded networks and those of the hub share, and the embedded one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import UInt8

from ..clip import Clip, Frame, read_frames
from ..contract.marks import PersonMark
from ..hub.memory import main_memory_gigabytes
from ..reporting import Reporter
from .exchanges import EXCHANGE_COST
from .following import Follower
from .networks import PerceptionNetworks
from .scan import FrameFindings
from .track import Sighting, Track, TrackedPose

_FRACTION_OF_MEMORY, _LEAST_BYTES, _MOST_BYTES = 1 / 8, 1 << 28, 1 << 32
"""How much of the machine's memory may hold pictures while the clip is gone through backwards, and its bounds."""


@dataclass(frozen=True)
class ClipSteps:
    """The frames of a clip that a pass goes through, counted as steps."""

    clip: Clip
    findings: Sequence[FrameFindings]
    first_step: int
    """Of the first of the findings."""
    while_skipping: Callable[[], None] = lambda: None
    """Called for each frame on the way to the first one that is wanted: see `read_frames`."""

    @property
    def steps(self) -> range:
        return range(self.first_step, self.first_step + len(self.findings))

    def found(self, step: int) -> FrameFindings:
        return self.findings[step - self.first_step]

    def frames(self, first: int, last: int) -> Iterator[tuple[int, Frame]]:
        """The steps from `first` to `last` with their frames, without those that repeat the one before, other than the first."""
        zero = self.findings[0].index - self.first_step
        repeated = {found.index for found in self.findings if found.duplicate} - {zero + first}
        frames = read_frames(
            self.clip,
            zero + first,
            zero + last,
            while_skipping=self.while_skipping,
            unwanted=repeated.__contains__,
        )
        for frame in frames:
            yield frame.index - zero, frame

    def forward(self, start: int) -> Iterator[tuple[int, UInt8[np.ndarray, "H W 3"]]]:
        """Steps and pictures from `start` on, without frames that repeat the one before."""
        for step, frame in self.frames(start, self.steps[-1]):
            yield step, frame.image

    def backward(self, start: int) -> Iterator[tuple[int, UInt8[np.ndarray, "H W 3"]]]:
        """The same from `start` to the first step.

        Files are read forwards only, each block of frames by decoding all before it: the larger blocks are, the fewer.
        """
        block = max(8, _most_bytes() // (3 * self.clip.width * self.clip.height))
        end = start
        while end >= self.first_step:
            begin = max(self.first_step, end - block + 1)
            for step, frame in reversed(list(self.frames(begin, end))):
                if step in (start, self.first_step) or not self.found(step).duplicate:
                    yield step, frame.image
            end = begin - 1

    def position(self, step: int) -> str:
        """Which frame of the range a pass is at. Those before the range, in which tracking runs in, count as its first."""
        return f"frame {max(step, 0) + 1} of {self.steps.stop}"


def _most_bytes() -> int:
    allowed = int(1e9 * _FRACTION_OF_MEMORY * (main_memory_gigabytes() or 0))
    return min(max(allowed, _LEAST_BYTES), _MOST_BYTES)


class PeopleTracker(Protocol):
    """Detects and tracks everyone in a clip. `networks.people` detects, bottom-up or top-down; identities, and which two are
    meant, are decided without it."""

    networks: PerceptionNetworks
    exchange_cost: float
    """How seldom `follow` exchanges two people who are at one place: see `exchanges.EXCHANGE_COST`."""

    def follow(
        self,
        steps: ClipSteps,
        tracks: Sequence[Track[Sighting]],
        marks: tuple[PersonMark, PersonMark] | None,
        reporter: Reporter,
    ) -> list[Track[TrackedPose]]:
        """The landmarks of the people of some tracks in all steps. `marks` are the user's, in the order of the tracks."""
        ...


class EmbeddedTracker:
    """Tracks with the networks that come with the product."""

    exchange_cost = EXCHANGE_COST

    def __init__(self, networks: PerceptionNetworks) -> None:
        self.networks = networks

    def follow(
        self,
        steps: ClipSteps,
        tracks: Sequence[Track[Sighting]],
        marks: tuple[PersonMark, PersonMark] | None,
        reporter: Reporter,
    ) -> list[Track[TrackedPose]]:
        """Any number of people; the marks have done their work when the tracks were chosen."""
        follower = Follower(self.networks, tracks, (steps.clip.width, steps.clip.height), steps.clip.frame_rate)
        frames = steps.frames(steps.first_step, steps.steps[-1])
        for step in steps.steps:
            found = steps.found(step)
            done = (step - steps.first_step) / len(steps.findings)
            reporter.progress(done, f"Following people, {steps.position(step)}")
            if found.duplicate:
                follower.repeat(step)
            elif (shown := next(frames, None)) is not None:
                between = [track.seen[step] for track in tracks if step in track.seen]
                follower.advance(step, shown[1].image, found.sightings if found.searched else between)
        return follower.tracks
