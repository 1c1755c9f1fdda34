"""Puts what a model said about each stretch of a clip together into one annotation."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from ..contract.annotation import MAX_SENTENCE, MAX_TOUCHES, Annotation, SeenTouch
from .answer import StretchAnswer

_ALIKE = 0.85
"""Similarity of two sentences from which on only the first is kept."""


def merge_answers(model: str, answers: Sequence[StretchAnswer]) -> Annotation:
    """The sentences in order without repetitions; touches of the same parts that meet or overlap in time as one."""
    actors = Counter(answer.actor for answer in answers if answer.actor).most_common(2)
    undecided = len(actors) == 2 and actors[0][1] == actors[1][1]
    return Annotation(
        model=model,
        sentence=_merge_sentences([answer.sentence for answer in answers]),
        touches=merge_touches([touch for answer in answers for touch in answer.touches])[:MAX_TOUCHES],
        actor="both" if undecided else actors[0][0] if actors else "",
        notes=tuple(dict.fromkeys(note for answer in answers for note in answer.notes)),
    )


def merge_touches(touches: Sequence[SeenTouch]) -> tuple[SeenTouch, ...]:
    """Sorted by time; touches of the same parts that follow each other without a frame between them are one."""
    merged: list[SeenTouch] = []
    for touch in sorted(touches, key=lambda touch: (touch.part_a, touch.part_b, touch.frame_start)):
        before = merged[-1] if merged else None
        same = before is not None and (before.part_a, before.part_b) == (touch.part_a, touch.part_b)
        if before is not None and same and touch.frame_start <= before.frame_end + 1:
            merged[-1] = replace(before, frame_end=max(before.frame_end, touch.frame_end))
        else:
            merged.append(touch)
    return tuple(sorted(merged, key=lambda touch: (touch.frame_start, touch.part_a, touch.part_b)))


def _merge_sentences(sentences: Sequence[str]) -> str:
    kept: list[str] = []
    for sentence in sentences:
        ended = sentence if sentence[-1:] in ".!?" else f"{sentence}."
        repeated = any(difflib.SequenceMatcher(None, ended.lower(), other.lower()).ratio() > _ALIKE for other in kept)
        if not repeated and len(" ".join([*kept, ended])) <= MAX_SENTENCE:
            kept.append(ended)
    return " ".join(kept)
