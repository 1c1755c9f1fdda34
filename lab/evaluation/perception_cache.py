"""Detections of videos, kept in a folder between runs: the 2D networks take minutes, and no method changes their result."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from core.clip import Clip, probe
from core.digests import content_key
from core.perception.backends import backend_identity
from core.perception.detections import Detections
from core.perception.everyone import assemble
from core.perception.perceive import detect_people
from core.pipeline import stages
from core.pipeline.cache import Cache, CacheEntry, key_of
from core.reporting import Reporter, SilentReporter

from .everyone import find_everyone
from .image_sequence import ImageSequence, encoded

DETECTIONS_FOLDER = "seen"
"""Within a folder of videos, or the cache's: keeps what the 2D networks found."""
_Detect = Callable[[Clip, int, int], Detections]


@dataclass(frozen=True)
class CachedDetections:
    """Detections, whether the networks ran for them now or earlier."""

    detections: Detections
    seconds: float
    """Time that the 2D networks took when they ran."""


@dataclass(frozen=True)
class PerceptionCache:
    """Runs the 2D networks on videos that are not in its folder yet. Keys depend on a video's content, not on its path."""

    folder: Path
    device: torch.device
    reporter: Reporter

    def detect_two(self, path: Path, frames: tuple[int, int] | None = None) -> CachedDetections:
        """The two most prominent people in frames (first, last), as the product detects them; None for the whole video.

        UserError where two people are not found, or the video cannot be read.
        """

        return self._detect("pair", path, frames, self._detect_two)

    def detect_two_in_images(self, images: ImageSequence) -> CachedDetections:
        """As `detect_two`, for images in files."""
        key = key_of(self._version, images.key())
        entry = self._cache.read(Detections, "pair", key)
        if entry is None:
            self._log(images.paths[0].parent, 0, len(images.paths) - 1)
            with encoded(images) as path:
                clip = probe(path)
                entry = self._run("pair", key, lambda: self._detect_two(clip, 0, clip.frame_count - 1))
        return CachedDetections(entry.result, entry.seconds)

    def detect_everyone(self, path: Path, frames: tuple[int, int] | None = None) -> CachedDetections:
        """All people, any number of them, without hands."""

        def detect(clip: Clip, first: int, last: int) -> Detections:
            found = find_everyone(clip, first, last, device=self.device, reporter=self.reporter)
            return assemble(found, range(len(found.tracks)))

        return self._detect("everyone", path, frames, detect)

    def _detect(self, kind: str, path: Path, frames: tuple[int, int] | None, detect: _Detect) -> CachedDetections:
        clip = probe(path)
        first, last = frames or (0, clip.frame_count - 1)
        key = key_of(self._version, content_key(path), first, last)
        entry = self._cache.read(Detections, kind, key)
        if entry is None:
            self._log(path, first, last)
            entry = self._run(kind, key, lambda: detect(clip, first, last))
        return CachedDetections(entry.result, entry.seconds)

    @property
    def _version(self) -> str:
        return f"{stages.perception.version} {backend_identity(self.device)}"

    @property
    def _cache(self) -> Cache:
        return Cache(self.folder, kept=None)

    def _detect_two(self, clip: Clip, first: int, last: int) -> Detections:
        return detect_people(clip, first, last, people=None, device=self.device, reporter=self.reporter)

    def _log(self, path: Path, first: int, last: int) -> None:
        self.reporter.log(f"Detecting people in {path.name}, frames {first} to {last}.")

    def _run(self, kind: str, key: str, detect: Callable[[], Detections]) -> CacheEntry:
        started = time.perf_counter()
        entry = CacheEntry(detect(), (), round(time.perf_counter() - started, 3))
        self._cache.write(kind, key, entry)
        return entry


def detections_beside(folder: Path, reporter: Reporter | None = None) -> PerceptionCache:
    """Runs the 2D networks on the CPU, and keeps what they find within the folder."""
    return PerceptionCache(folder / DETECTIONS_FOLDER, torch.device("cpu"), reporter or SilentReporter())
