"""Frame numbers in the core's sentences, which count in the clip, as the scene counts them."""

from __future__ import annotations

import re
from collections.abc import Callable

_NUMBERS = re.compile(r"\b(frames? )(\d+)(?:( ?[-–] ?| to | and )(\d+))?(?! of \d)(?!\d)")
"""`frame 12`, `frames 12-40`, `frames 12 to 40`; not `frame 12 of 91`, which counts what is done."""


def renumber(text: str, to_scene: Callable[[int], int]) -> str:
    """A sentence with the numbers of frames converted by `to_scene`."""

    def replace(found: re.Match[str]) -> str:
        word, first, between, last = found.groups()
        end = "" if last is None else f"{between}{to_scene(int(last))}"
        return f"{word}{to_scene(int(first))}{end}"

    return _NUMBERS.sub(replace, text)
