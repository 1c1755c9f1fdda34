"""What the 2D stage saw in clips, kept between runs: looking takes minutes, and no method changes what is seen."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from core.clip import Clip, probe
from core.perception.backends import backend_identity
from core.perception.detections import Detections
from core.perception.perceive import assemble, detect_people, find_everyone
from core.pipeline import stages
from core.pipeline.cache import Cache, CacheEntry, content_key, key_of
from core.reporting import Reporter

from .image_sequence import ImageSequence, encoded

_Look = Callable[[Clip, int, int], Detections]


@dataclass(frozen=True)
class CachedDetections:
    detections: Detections
    seconds: float
    """What looking took when it was done."""


@dataclass(frozen=True)
class PerceptionCache:
    """Looks at clips, and remembers in a folder what it saw there. An entry is found again wherever the clip lies."""

    folder: Path
    device: torch.device
    reporter: Reporter

    def detect_two(self, path: Path, frames: tuple[int, int] | None = None) -> CachedDetections:
        """The two foremost people in frames (first, last), None for all, as the product follows them.

        UserError where there are not two, or the clip cannot be read.
        """

        return self._remembered("pair", path, frames, self._find_two)

    def detect_two_in_images(self, stills: ImageSequence) -> CachedDetections:
        """`pair` for pictures in files."""
        key = key_of(self._version, stills.key())
        entry = self._cache.read(Detections, "pair", key)
        if entry is None:
            with encoded(stills) as path:
                clip = probe(path)
                entry = self._looked(
                    "pair", key, clip, (0, clip.frame_count - 1), stills.paths[0].parent, self._find_two
                )
        return CachedDetections(entry.result, entry.seconds)

    def detect_everyone(self, path: Path, frames: tuple[int, int] | None = None) -> CachedDetections:
        """All people, any number of them, without hands."""

        def look(clip: Clip, first: int, last: int) -> Detections:
            found = find_everyone(clip, first, last, device=self.device, reporter=self.reporter)
            return assemble(found, range(len(found.tracks)))

        return self._remembered("everyone", path, frames, look)

    def _remembered(self, who: str, path: Path, frames: tuple[int, int] | None, look: _Look) -> CachedDetections:
        clip = probe(path)
        first, last = frames or (0, clip.frame_count - 1)
        key = key_of(self._version, content_key(path), first, last)
        entry = self._cache.read(Detections, who, key) or self._looked(who, key, clip, (first, last), path, look)
        return CachedDetections(entry.result, entry.seconds)

    @property
    def _version(self) -> str:
        return f"{stages.perception.version} {backend_identity(self.device)}"

    @property
    def _cache(self) -> Cache:
        return Cache(self.folder)

    def _find_two(self, clip: Clip, first: int, last: int) -> Detections:
        return detect_people(clip, first, last, people=None, device=self.device, reporter=self.reporter)

    def _looked(self, who: str, key: str, clip: Clip, frames: tuple[int, int], shown: Path, look: _Look) -> CacheEntry:
        self.reporter.log(f"Looking at {shown.name}, frames {frames[0]} to {frames[1]}.")
        started = time.perf_counter()
        entry = CacheEntry(look(clip, *frames), (), round(time.perf_counter() - started, 3))
        self._cache.write(who, key, entry)
        return entry
