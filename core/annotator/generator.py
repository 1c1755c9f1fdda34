"""What a vision–language model has to be able to do, whether it runs here or on a server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import torch

from ..contract.errors import UserError
from ..reporting import Reporter
from .question import Message

Check = Callable[[], None]
"""Called several times a second while a model works; raises Cancelled."""


class Generator(Protocol):
    """A loaded model."""

    @property
    def pictures(self) -> int:
        """How many it is shown at a time."""
        ...

    @property
    def picture_size(self) -> int:
        """Their width and height in pixels."""
        ...

    def answer(self, conversation: Sequence[Message], max_tokens: int, check: Check) -> str:
        """The model's next turn, of at most `max_tokens` tokens. Raises AnnotatorUnavailable, or what `check` raises."""
        ...


class AnnotatorUnavailable(UserError):
    """The model cannot be run or reached now, which says nothing about the clip: another run may well succeed."""


@dataclass(frozen=True)
class Annotator:
    """A model that was chosen and is not loaded yet."""

    title: str
    """What the user knows it by."""
    key: str
    """Identity of its weights, or of the server and its model."""
    load: Callable[[torch.device, Reporter], AbstractContextManager[Generator]]
    """Load it for the block of a `with`; it is freed afterwards. Raises AnnotatorUnavailable."""
