"""Running methods over clips: the numbers do not depend on how, and nothing that fails goes unnoticed."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from core.body.files import load_body
from core.body.model import BodyModel
from core.contract.errors import Cancelled, UserError
from core.contract.files import read_json
from core.reporting import SilentReporter
from lab.evaluation import methods
from lab.evaluation.benchmark_clip import BenchmarkClip
from lab.evaluation.benchmarks import EvaluationOutcome, spread, write_outcome
from lab.evaluation.pictures import load_pictures
from lab.evaluation.run import ClipTask, ReportHeader, run_methods
from lab.evaluation.table import table
from tests.lab.evaluation.synthetic import perfect_estimate
from tests.lab.evaluation.synthetic import synthetic_clip as made_up_shot

HEADING = ReportHeader("made-up", "test", 3, "choreographed", ("Made up.",))


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body(None)


@pytest.fixture(scope="module")
def shots(body: BodyModel) -> list[BenchmarkClip]:
    first = made_up_shot(body, 8, name="b")
    noisy = first.detections.world_landmarks + np.random.default_rng(0).normal(0, 0.05, (2, 8, 33, 3)).astype(
        np.float32
    )
    return [
        first,
        replace(first, name="a", family="noisy", detections=replace(first.detections, world_landmarks=noisy)),
    ]


def clips_of(shots: list[BenchmarkClip]) -> list[ClipTask]:
    return [ClipTask(shot.name, shot.family, partial(copy, shot)) for shot in shots]


def broken(*_: object, **__: object) -> None:
    raise RuntimeError("the method fell over")


class Listening(SilentReporter):
    def __init__(self, stop_at: float = 2.0) -> None:
        super().__init__()
        self.fractions: list[float] = []
        self._stop_at = stop_at

    def progress(self, fraction: float, text: str = "") -> None:
        self.fractions.append(fraction)
        if fraction >= self._stop_at:
            raise Cancelled


@pytest.mark.slow
def test_numbers_do_not_depend_on_the_workers(shots, tmp_path):
    reports = []
    for workers in (0, 2):
        listening = Listening()
        report, pictures = run_methods(
            HEADING, clips_of(shots), ("raw", "initial"), workers=workers, count=2, reporter=listening
        )
        assert listening.fractions == [0.5, 1.0]
        reports.append(report)
    for one, other in zip(reports[0].clips, reports[1].clips):
        assert (one.clip, one.method, one.metrics, one.counts) == (
            other.clip,
            other.method,
            other.metrics,
            other.counts,
        )
    report = reports[1]
    assert [(clip.clip, clip.method) for clip in report.clips] == [
        ("b", "raw"), ("b", "initial"), ("a", "raw"), ("a", "initial")
    ]  # fmt: skip
    assert [row.method for row in report.rows] == ["raw", "initial"]
    assert set(report.rows[0].by_family) == {"family", "noisy"}
    assert {"lift", "contacts"} == set(report.rows[0].seconds_per_frame)
    assert report.notes[0] == "Made up." and not [note for note in report.notes if "Failed" in note]
    # pictures of the last method, the worst clip first
    assert [(picture.name, picture.method) for picture in pictures] == [("a", "initial"), ("b", "initial")]
    assert pictures[0].metrics["mpjpe"] > pictures[1].metrics["mpjpe"]
    written = write_outcome(EvaluationOutcome(report, tuple(pictures)), tmp_path / "new" / "report.v1")
    assert [path.name for path in written] == ["report.v1.json", "report.v1.npz", "report.v1.html"]
    record = read_json(written[0])
    assert {"benchmark", "split", "seed", "data", "rows"} <= set(record) and record["seed"] == 3
    assert record["rows"][0]["metrics"] == dict(report.rows[0].metrics)
    kept = load_pictures(written[1])
    np.testing.assert_allclose(kept[0].true_joints, pictures[0].true_joints, atol=0.003)
    assert b"made-up" in written[2].read_bytes()


def test_what_fails_is_named_and_counted(shots, monkeypatch):
    monkeypatch.setitem(methods.METHODS, "broken", broken)
    beyond = replace(
        shots[1], detections=replace(shots[1].detections, frame_index=shots[1].detections.frame_index + 100)
    )
    report, pictures = run_methods(HEADING, clips_of([shots[0], beyond]), ("raw", "broken"), workers=0)
    assert [(clip.clip, clip.method) for clip in report.clips] == [("b", "raw")]
    said = "\n".join(report.notes)
    assert "3 of 4" in said
    assert "broken on b" in said and "fell over" in said
    assert "raw on a" in said and "broken on a" in said and "frames 100 to 107" in said
    assert pictures == []


def test_another_look_at_a_clip_has_a_row_of_its_own(shots):
    again = replace(clips_of(shots)[1], name="b", methods=("initial",), label="seen apart")
    report, pictures = run_methods(HEADING, [again, clips_of(shots)[0]], ("raw", "initial"), workers=0)
    assert [row.method for row in report.rows] == ["initial, seen apart", "raw", "initial"]
    assert report.rows[0].metrics["mpjpe"] > report.rows[2].metrics["mpjpe"]
    assert [picture.method for picture in pictures] == ["initial"]


def test_nothing_to_measure(shots, monkeypatch):
    with pytest.raises(UserError) as refused:
        run_methods(HEADING, [], ("raw",), workers=0)
    assert refused.value.code == "no-clips"
    monkeypatch.setitem(methods.METHODS, "broken", broken)
    with pytest.raises(UserError, match="fell over"):
        run_methods(HEADING, clips_of(shots), ("broken",), workers=0)


def test_a_run_can_be_cancelled(shots):
    listening = Listening(stop_at=0.5)
    with pytest.raises(Cancelled):
        run_methods(HEADING, clips_of(shots), ("raw",), workers=0, count=2, reporter=listening)
    assert listening.fractions == [0.5]


def test_methods_are_told_the_clips_sentence_and_the_seed(shots, monkeypatch):
    told = []

    def remembering(detections, body, *, prompt, seed, reporter):
        told.append((prompt, seed))
        return perfect_estimate(shots[0])

    monkeypatch.setitem(methods.METHODS, "remembering", remembering)
    report, _ = run_methods(HEADING, clips_of([shots[0], replace(shots[0], sentences=())]), ("remembering",), workers=0)
    assert told == [("They shake hands.", 3), ("", 3)]
    assert report.rows[0].metrics["mpjpe"] == pytest.approx(0, abs=1e-3)


def test_the_table_has_a_line_for_each_method_with_units(shots, monkeypatch):
    monkeypatch.setitem(methods.METHODS, "perfect", lambda *_, **__: perfect_estimate(shots[0]))
    report, _ = run_methods(HEADING, clips_of(shots[:1]), ("perfect", "raw"), workers=0)
    heading, names, units, perfect, raw = table(report).splitlines()
    assert "made-up" in heading and "1 clips" in heading
    assert names.split()[:2] == ["MPJPE", "PA"] and units.split()[0] == "mm"
    assert perfect.split()[:2] == ["perfect", "0.0"]
    assert raw.split()[0] == "raw" and float(raw.split()[1]) == pytest.approx(report.rows[1].metrics["mpjpe"], abs=0.05)


def test_a_choice_of_clips_is_spread_over_all():
    assert spread(list("abcdefg"), 3) == ["a", "d", "g"]
    assert spread([1, 2], 5) == [1, 2] and spread([1, 2], None) == [1, 2]
