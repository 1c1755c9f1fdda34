"""Shows a clip to a vision–language model, stretch by stretch, and makes one annotation of its answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from ..clip import Clip
from ..contract.annotation import Annotation
from ..perception.detections import Detections
from ..reporting import Reporter
from .answer import Shown, StretchAnswer, UnusableAnswer, read_answer
from .frame_choice import choose_frames, cut_stretches
from .generator import Annotator, Check, Generator
from .merging import merge_answers
from .pictures import labelled_pictures
from .question import Message, Picture, first_question, further_question
from .settings import AnnotatorSettings

_LOOKING = 0.2
"""Part of the progress until the pictures are made."""


@dataclass(frozen=True)
class ShownStretch:
    """The pictures of one stretch of the clip."""

    shown: Shown
    pictures: tuple[Picture, ...]
    seconds: tuple[float, ...]
    """Of the pictures, counted from the first one."""


def annotate_clip(
    clip: Clip,
    detections: Detections,
    annotator: Annotator,
    device: torch.device,
    reporter: Reporter,
    settings: AnnotatorSettings | None = None,
) -> Annotation | None:
    """What the model says about the clip; None, with a warning, where it gives no usable answer.

    Raises AnnotatorUnavailable where it cannot be run or reached, and Cancelled.
    """
    settings = settings or AnnotatorSettings()
    with annotator.load(device, reporter) as generator:
        stretches = _show(clip, detections, generator, settings, partial(reporter.progress, 0.0, "choosing frames"))
        answers: list[StretchAnswer] = []
        failures: list[str] = []
        for number, stretch in enumerate(stretches):
            fraction = _LOOKING + (1 - _LOOKING) * number / len(stretches)
            text = f"{annotator.title} looks at stretch {number + 1} of {len(stretches)}"
            outcome = ask(generator, stretch, settings.max_tokens, partial(reporter.progress, fraction, text))
            if isinstance(outcome, StretchAnswer):
                answers.append(outcome)
                continue
            failures.append(outcome)
            reporter.log(f"{annotator.title} gave no usable answer about stretch {number + 1}: {outcome}")
            if not answers and len(failures) >= settings.failures_in_a_row:
                break
    if not answers:
        reporter.warning(_no_answer(annotator.title, failures))
        return None
    if failures:
        reporter.warning(
            f"{annotator.title} gave no usable answer about {len(failures)} of {len(stretches)} stretches of the clip; "
            "its suggestion leaves them out."
        )
    return merge_answers(annotator.title, answers)


def ask(generator: Generator, stretch: ShownStretch, max_tokens: int, check: Check) -> StretchAnswer | str:
    """The answer about one stretch or, where it cannot be used even after one further question, a phrase that says why."""
    conversation: list[Message] = [first_question(stretch.pictures, stretch.seconds)]
    problem = ""
    for _ in range(2):
        check()
        text = generator.answer(conversation, max_tokens, check)
        try:
            return read_answer(text, stretch.shown)
        except UnusableAnswer as error:
            problem = str(error)
            conversation += [Message("assistant", (text[:2000],)), further_question(problem)]
    return problem


def _show(
    clip: Clip, detections: Detections, generator: Generator, settings: AnnotatorSettings, check: Callable[[], None]
) -> list[ShownStretch]:
    """The clip's stretches with their pictures; those that the file does not hold any more are left out."""
    check()
    spans = cut_stretches(detections, settings.stretch_seconds, settings.max_stretches)
    chosen = [choose_frames(detections, span, generator.pictures) for span in spans]
    pictures = labelled_pictures(clip, detections, np.concatenate(chosen).tolist(), generator.picture_size, check)
    shown: list[ShownStretch] = []
    for span, positions in zip(spans, chosen):
        present = [int(position) for position in positions if position in pictures]
        if present:
            shown.append(_shown_stretch(detections, span, present, [pictures[position] for position in present]))
    return shown


def _shown_stretch(
    detections: Detections, span: slice, positions: Sequence[int], pictures: Sequence[Picture]
) -> ShownStretch:
    frames, time = detections.frame_index, detections.time
    return ShownStretch(
        Shown(tuple(int(frames[each]) for each in positions), int(frames[span.start]), int(frames[span.stop - 1])),
        tuple(pictures),
        tuple(float(time[each] - time[positions[0]]) for each in positions),
    )


def _no_answer(title: str, failures: Sequence[str]) -> str:
    why = f" ({failures[-1]})" if failures else ""
    return (
        f"{title} gave no usable answer about what the two do{why}; the clip is reconstructed without it. "
        "Write a prompt, or choose another annotator."
    )
