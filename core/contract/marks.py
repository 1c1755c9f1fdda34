"""Marks of people in a clip: a click on somebody, or a box around them, in one frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass

from .limits import MAX_FRAME_INDEX, MAX_IMAGE_SIZE


@dataclass(frozen=True)
class PersonMark:
    """A box in px of the upright picture, its top left corner at (0, 0); a click is a box without extent."""

    frame: int
    """Number in the clip."""
    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def from_numbers(cls, numbers: Sequence[float]) -> PersonMark:
        """From the frame and a point (x, y) or a box (left, top, right, bottom). ValueError for anything else."""
        frame, *place = numbers
        if len(place) == 2:
            place = [*place, *place]
        if frame != int(frame) or not 0 <= frame <= MAX_FRAME_INDEX or len(place) != 4:
            raise ValueError
        left, top, right, bottom = (float(number) for number in place)
        if not all(math.isfinite(number) and 0 <= number <= MAX_IMAGE_SIZE for number in place):
            raise ValueError
        if right < left or bottom < top:
            raise ValueError
        return cls(int(frame), left, top, right, bottom)

    @classmethod
    def from_text(cls, text: str) -> PersonMark:
        """From "FRAME:X,Y" or "FRAME:LEFT,TOP,RIGHT,BOTTOM". ValueError for anything else."""
        frame, place = text.split(":")
        return cls.from_numbers([int(frame), *map(float, place.split(","))])

    def to_numbers(self) -> list[float]:
        """The frame and the box, as `from_numbers` reads them."""
        return list(astuple(self))
