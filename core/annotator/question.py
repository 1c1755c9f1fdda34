"""What a vision–language model is asked about the pictures of a stretch, and what it is asked when its answer cannot be used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import UInt8

from ..contract.body_parts import PART_KINDS

Picture = UInt8[np.ndarray, "s s 3"]
SENTENCE_PLACEHOLDER = "one plain sentence"

_FORM = (
    f'{{"sentence": "{SENTENCE_PLACEHOLDER}", "who": "A", '
    '"touches": [{"A": "part of A", "B": "part of B", "first": 1, "last": 2}]}'
)


@dataclass(frozen=True)
class Message:
    """One turn of a conversation: text and pictures in the order in which they are to be read."""

    role: Literal["user", "assistant"]
    content: tuple[str | Picture, ...]

    @property
    def pictures(self) -> tuple[Picture, ...]:
        return tuple(part for part in self.content if not isinstance(part, str))


def first_question(pictures: Sequence[Picture], seconds: Sequence[float]) -> Message:
    """`seconds` are the pictures' times, counted from the first one."""
    content: list[str | Picture] = []
    for number, (picture, time) in enumerate(zip(pictures, seconds), 1):
        content += [f"Picture {number}, at {time:.1f} s:", picture]
    content.append(
        f"These {len(pictures)} pictures are one video in order of time. Two people are outlined: person A in orange, person B "
        "in blue. What do they do with each other, and which parts of their bodies touch?\n"
        f"Answer with one JSON object and nothing else, of this form:\n{_FORM}\n"
        "sentence: what person A and person B do with each other, without clothes, feelings or guesses.\n"
        'who: who acts: "A", "B" or "both".\n'
        "touches: each contact between A and B that you can see, [] if they do not touch. "
        f"Parts: {', '.join(part.replace('_', ' ') for part in PART_KINDS)}. Do not say left or right. "
        "first, last: numbers of the first and last picture that show the contact."
    )
    return Message("user", tuple(content))


def further_question(problem: str) -> Message:
    """Asked once, after an answer that could not be repaired. `problem` is a phrase."""
    return Message(
        "user",
        (
            f"That cannot be used: {problem}. Nobody's name or identity is asked for. "
            f"Answer with the JSON object alone:\n{_FORM}",
        ),
    )
