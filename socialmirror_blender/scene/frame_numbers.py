"""Frame numbers in the core's sentences, which count in the clip, as the scene counts them."""

from __future__ import annotations

import re
from collections.abc import Callable

_FRAMES = re.compile(r"\bframes? \d+(?:(?: ?[-–] ?| to | and )\d+)?(?! of \d)(?!\d)(?:, \d+ to \d+)*")
"""`frame 12`, `frames 12-40`, `frames 12 to 40, 52 to 60`; not `frame 12 of 91`, which counts what is done."""
_NUMBER = re.compile(r"\d+")


def renumber(text: str, to_scene: Callable[[int], int]) -> str:
    """A sentence with the numbers of frames converted by `to_scene`."""

    def converted(number: re.Match[str]) -> str:
        return str(to_scene(int(number[0])))

    return _FRAMES.sub(lambda frames: _NUMBER.sub(converted, frames[0]), text)
