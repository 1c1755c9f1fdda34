"""A clip is shown to a model in stretches; an answer that is of no use is asked for once more, and then done without."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from core.annotator.annotate import annotate_clip
from core.annotator.generator import AnnotatorUnavailable
from core.annotator.settings import AnnotatorSettings
from core.clip import Clip, probe
from core.contract.annotation import Annotation, SeenTouch
from core.contract.errors import Cancelled
from core.reporting import SilentReporter
from tests.core.annotator.answers import GOOD, REFUSAL
from tests.core.annotator.scripted import ScriptedModel, scripted, two_people

FRAMES = 30
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, (320, 240))
    for number in range(FRAMES):
        writer.write(np.full((240, 320, 3), number, np.uint8))
    writer.release()
    return probe(path)


def annotate(clip: Clip, model: ScriptedModel, reporter: SilentReporter, **settings: Any) -> Annotation | None:
    detections = two_people(np.full(FRAMES, 0.2))
    return annotate_clip(clip, detections, scripted(model), CPU, reporter, AnnotatorSettings(**settings))


def test_a_good_answer_becomes_the_annotation(clip: Clip):
    model, reporter = ScriptedModel([GOOD]), SilentReporter()
    found = annotate(clip, model, reporter)
    assert found is not None and found.model == "Scripted" and not reporter.warnings
    assert found.sentence == "Person A puts a hand on person B's back." and found.actor == "A" and not found.used
    (touch,) = found.touches
    assert (touch.part_a, touch.part_b, touch.frame_start) == ("hand", "back", 0) and 15 < touch.frame_end < FRAMES - 1
    (question,) = model.asked[0]
    assert len(question.pictures) == 4 and all(picture.shape == (64, 64, 3) for picture in question.pictures)
    assert "Picture 4, at" in "".join(part for part in question.content if isinstance(part, str))


def test_an_answer_that_is_of_no_use_is_asked_for_once_more(clip: Clip):
    model, reporter = ScriptedModel(["They hug, I think.", GOOD]), SilentReporter()
    assert annotate(clip, model, reporter) is not None
    assert not reporter.warnings
    first, second, third = model.asked[1]
    assert (first.role, second.role, third.role) == ("user", "assistant", "user")
    assert second.content == ("They hug, I think.",) and "no JSON object" in str(third.content[0])


@pytest.mark.parametrize("answer", [REFUSAL, "", "{", "lorem ipsum " * 5000])
def test_a_model_that_gives_no_usable_answer_is_done_without_and_that_is_said(clip: Clip, answer: str):
    model, reporter = ScriptedModel([answer]), SilentReporter()
    assert annotate(clip, model, reporter) is None
    assert len(model.asked) == 2
    (warning,) = reporter.warnings
    assert "Scripted gave no usable answer" in warning and "Write a prompt" in warning


def test_long_clips_are_shown_in_stretches_and_merged(clip: Clip):
    hug = '{"sentence": "They hug.", "who": "both", "touches": [{"A": "chest", "B": "chest"}]}'
    model, reporter = ScriptedModel([GOOD, hug, REFUSAL]), SilentReporter()
    found = annotate(clip, model, reporter, stretch_seconds=1.0)
    assert found is not None and len(model.asked) == 4  # the third stretch is asked about twice
    assert found.sentence == "Person A puts a hand on person B's back. They hug."
    assert [touch.part_a for touch in found.touches] == ["hand", "chest"]
    first, second = found.touches
    assert first.frame_end < second.frame_start <= second.frame_end < FRAMES - 5
    assert isinstance(first, SeenTouch)
    (warning,) = reporter.warnings
    assert "1 of 3 stretches" in warning


def test_a_model_that_never_gives_an_answer_is_not_asked_about_every_stretch(clip: Clip):
    model, reporter = ScriptedModel([REFUSAL]), SilentReporter()
    assert annotate(clip, model, reporter, stretch_seconds=0.5) is None
    assert len(model.asked) == 2 * AnnotatorSettings().failures_in_a_row


def test_cancelling_stops_a_model_that_would_go_on_for_ever(clip: Clip):
    class Impatient(SilentReporter):
        started = time.monotonic()

        def progress(self, fraction: float, text: str = "") -> None:
            if time.monotonic() - self.started > 0.3:
                raise Cancelled

    with pytest.raises(Cancelled):
        annotate(clip, ScriptedModel([GOOD], endless=True), Impatient())


def test_a_model_that_cannot_be_run_now_is_no_statement_about_the_clip(clip: Clip):
    model = ScriptedModel([AnnotatorUnavailable("annotator-memory", "There is not enough memory.", "Close programs.")])
    with pytest.raises(AnnotatorUnavailable):
        annotate(clip, model, SilentReporter())


def test_pictures_that_the_file_does_not_hold_any_more_are_left_out(tmp_path: Path, clip: Clip):
    detections = two_people(np.full(FRAMES, 0.2))
    broken = Clip(clip.path, clip.width, clip.height, clip.frame_rate, FRAMES)
    model = ScriptedModel([GOOD])
    assert annotate_clip(broken, detections.frames(slice(0, 3)), scripted(model), CPU, SilentReporter()) is not None
    assert len(model.asked[0][0].pictures) == 3
