"""How a clip is cut up and shown to a vision–language model."""

from __future__ import annotations

from dataclasses import dataclass

QUESTION_VERSION = 1
"""Rises when a model is asked or read in another way; part of the annotation's key."""


@dataclass(frozen=True)
class AnnotatorSettings:
    """How a clip is shown to a vision–language model, and how long it may answer."""

    stretch_seconds: float = 8.0
    """Longer clips are shown in stretches of about this length ..."""
    max_stretches: int = 12
    """... but in no more than this many, which are then longer."""
    max_tokens: int = 400
    """Length of an answer."""
    failures_in_a_row: int = 2
    """Stretches without a usable answer after which a model that has given none yet is asked no further."""
