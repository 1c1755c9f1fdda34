"""Sentences about a clip, as they would be about its mirror image."""

from __future__ import annotations

import re

_SIDE = re.compile(r"\b(left|right)\b", re.IGNORECASE)


def mirror_sentence(sentence: str) -> str:
    """Exchange "left" and "right", keeping capitals."""

    def exchange(match: re.Match[str]) -> str:
        word = match[0]
        other = "right" if word.lower() == "left" else "left"
        return other.capitalize() if word[0].isupper() else other

    return _SIDE.sub(exchange, sentence)
