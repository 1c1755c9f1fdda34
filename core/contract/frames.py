"""Frames in sentences. The core names them as they are counted in the clip, and the add-on shows them as its scene counts them.

Whatever names a frame is written by these functions, so that `renumber` finds it: a number beside other words is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_FRAMES = re.compile(r"\bframe \d+(?!\d| of \d|\.\w|[/\\])|\bframes \d+(?:-| to )\d+(?!\d|\.\w|[/\\])(?:, \d+ to \d+)*")
"""`frames 12-40` was written by earlier versions. `frame 12 of 91` counts what is done, `frame 12.mp4` is a file."""
_NUMBER = re.compile(r"\d+")
_MOST_STRETCHES = 3
"""So many are named in a sentence."""


def frame_in_words(frame: int) -> str:
    """`frame 12`."""
    return f"frame {frame}"


def frames_in_words(*stretches: tuple[int, int]) -> str:
    """The first and last frames of stretches: `frames 3 to 9, 20 to 31 and 2 more stretches`."""
    named = ", ".join(f"{first} to {last}" for first, last in stretches[:_MOST_STRETCHES])
    more = len(stretches) - _MOST_STRETCHES
    return f"frames {named}" + (f" and {more} more {'stretch' if more == 1 else 'stretches'}" if more > 0 else "")


def renumber(text: str, to_scene: Callable[[int], int]) -> str:
    """A sentence of the core with the numbers of its frames converted by `to_scene`."""

    def converted(number: re.Match[str]) -> str:
        return str(to_scene(int(number[0])))

    return _FRAMES.sub(lambda frames: _NUMBER.sub(converted, frames[0]), text)
