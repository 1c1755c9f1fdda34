"""What the 2D stage saw in clips, kept between runs: looking takes minutes, and no method changes what is seen."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from ..cache import Cache, CacheEntry, content_key, key_of
from ..clip import Clip, probe
from ..perception.stage import assemble, find_everyone, find_people
from ..perception.tracks import Tracks
from ..report import Reporter
from ..stages import PERCEPTION


@dataclass(frozen=True)
class Perceived:
    tracks: Tracks
    seconds: float
    """What looking took when it was done."""


@dataclass(frozen=True)
class Onlooker:
    """Looks at clips, and remembers in a folder what it saw there. An entry is found again wherever the clip lies."""

    folder: Path
    device: torch.device
    reporter: Reporter

    def pair(self, path: Path, frames: tuple[int, int] | None = None) -> Perceived:
        """The two foremost people in frames (first, last), None for all, as the product follows them.

        UserError where there are not two, or the clip cannot be read.
        """

        def look(clip: Clip, first: int, last: int) -> Tracks:
            return find_people(clip, first, last, people=None, device=self.device, reporter=self.reporter)

        return self._remembered("pair", path, frames, look)

    def everyone(self, path: Path, frames: tuple[int, int] | None = None) -> Perceived:
        """All people, any number of them, without hands."""

        def look(clip: Clip, first: int, last: int) -> Tracks:
            found = find_everyone(clip, first, last, device=self.device, reporter=self.reporter)
            return assemble(found, range(len(found.tracks)))

        return self._remembered("everyone", path, frames, look)

    def _remembered(
        self, who: str, path: Path, frames: tuple[int, int] | None, look: Callable[[Clip, int, int], Tracks]
    ) -> Perceived:
        clip = probe(path)
        first, last = frames or (0, clip.frame_count - 1)
        cache, key = Cache(self.folder), key_of(PERCEPTION.version, content_key(path), first, last)
        entry = cache.read(Tracks, who, key)
        if entry is None:
            self.reporter.log(f"Looking at {path.name}, frames {first} to {last}.")
            started = time.perf_counter()
            entry = CacheEntry(look(clip, first, last), (), round(time.perf_counter() - started, 3))
            cache.write(who, key, entry)
        return Perceived(entry.result, entry.seconds)
