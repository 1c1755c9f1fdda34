"""Running methods on clips: results do not depend on the workers, and failures are reported."""

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
from lab.evaluation.benchmarks import EvaluationOutcome, evenly_spread, write_outcome
from lab.evaluation.kept_scores import KeptScores
from lab.evaluation.pictures import load_pictures
from lab.evaluation.run_methods import ClipTask, ReportHeader, run_methods
from lab.evaluation.table import report_table
from tests.lab.evaluation.synthetic import perfect_estimate, synthetic_clip

HEADER = ReportHeader("synthetic", "test", 3, "choreographed", ("Synthetic.",))


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body(None)


@pytest.fixture(scope="module")
def clips(body: BodyModel) -> list[BenchmarkClip]:
    first = synthetic_clip(body, 8, name="b")
    noisy = first.detections.world_landmarks + np.random.default_rng(0).normal(0, 0.05, (2, 8, 33, 3)).astype(
        np.float32
    )
    return [
        first,
        replace(first, name="a", family="noisy", detections=replace(first.detections, world_landmarks=noisy)),
    ]


def tasks_of(clips: list[BenchmarkClip]) -> list[ClipTask]:
    return [ClipTask(clip.name, clip.family, partial(copy, clip)) for clip in clips]


def broken(*_: object, **__: object) -> None:
    raise RuntimeError("the method is broken")


class RecordingReporter(SilentReporter):
    def __init__(self, stop_at: float = 2.0) -> None:
        super().__init__()
        self.fractions: list[float] = []
        self._stop_at = stop_at

    def progress(self, fraction: float, text: str = "") -> None:
        self.fractions.append(fraction)
        if fraction >= self._stop_at:
            raise Cancelled


@pytest.mark.slow
def test_numbers_do_not_depend_on_the_workers(clips, tmp_path):
    reports = []
    for workers in (0, 2):
        reporter = RecordingReporter()
        report, pictures = run_methods(
            HEADER, tasks_of(clips), ("raw", "initial"), workers=workers, count=2, reporter=reporter
        )
        assert reporter.fractions == [0.5, 1.0]
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
    assert report.notes[0] == "Synthetic." and not [note for note in report.notes if "failed" in note]
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
    assert b"synthetic" in written[2].read_bytes()


def test_failures_are_named_and_counted(clips, monkeypatch):
    monkeypatch.setitem(methods.METHODS, "broken", broken)
    out_of_range = replace(
        clips[1], detections=replace(clips[1].detections, frame_index=clips[1].detections.frame_index + 100)
    )
    report, pictures = run_methods(HEADER, tasks_of([clips[0], out_of_range]), ("raw", "broken"), workers=0)
    assert [(clip.clip, clip.method) for clip in report.clips] == [("b", "raw")]
    notes = "\n".join(report.notes)
    assert "3 of 4" in notes
    assert "broken on b" in notes and "is broken" in notes
    assert "raw on a" in notes and "broken on a" in notes and "frames 100 to 107" in notes
    assert pictures == []


def test_a_variant_of_a_clip_has_a_row_of_its_own(clips):
    again = replace(tasks_of(clips)[1], name="b", methods=("initial",), label="seen apart")
    report, pictures = run_methods(HEADER, [again, tasks_of(clips)[0]], ("raw", "initial"), workers=0)
    assert [row.method for row in report.rows] == ["initial, seen apart", "raw", "initial"]
    assert report.rows[0].metrics["mpjpe"] > report.rows[2].metrics["mpjpe"]
    assert [picture.method for picture in pictures] == ["initial"]


def test_no_clips_and_no_results_are_errors(clips, monkeypatch):
    with pytest.raises(UserError) as refused:
        run_methods(HEADER, [], ("raw",), workers=0)
    assert refused.value.code == "no-clips"
    monkeypatch.setitem(methods.METHODS, "broken", broken)
    with pytest.raises(UserError, match="is broken"):
        run_methods(HEADER, tasks_of(clips), ("broken",), workers=0)


def test_a_run_can_be_cancelled(clips):
    reporter = RecordingReporter(stop_at=0.5)
    with pytest.raises(Cancelled):
        run_methods(HEADER, tasks_of(clips), ("raw",), workers=0, count=2, reporter=reporter)
    assert reporter.fractions == [0.5]


def test_methods_get_the_clips_first_sentence_and_the_seed(clips, monkeypatch):
    calls = []

    def recording(detections, body, *, prompt, seed, reporter):
        calls.append((prompt, seed))
        return perfect_estimate(clips[0])

    monkeypatch.setitem(methods.METHODS, "recording", recording)
    report, _ = run_methods(HEADER, tasks_of([clips[0], replace(clips[0], sentences=())]), ("recording",), workers=0)
    assert calls == [("They shake hands.", 3), ("", 3)]
    assert report.rows[0].metrics["mpjpe"] == pytest.approx(0, abs=1e-3)


def test_the_table_has_a_line_per_method_and_units(clips, monkeypatch):
    monkeypatch.setitem(methods.METHODS, "perfect", lambda *_, **__: perfect_estimate(clips[0]))
    report, _ = run_methods(HEADER, tasks_of(clips[:1]), ("perfect", "raw"), workers=0)
    heading, names, units, perfect, raw = report_table(report).splitlines()
    assert "synthetic" in heading and "1 clips" in heading
    assert names.split()[:2] == ["MPJPE", "PA"] and units.split()[0] == "mm"
    assert perfect.split()[:2] == ["perfect", "0.0"]
    assert raw.split()[0] == "raw" and float(raw.split()[1]) == pytest.approx(report.rows[1].metrics["mpjpe"], abs=0.05)


def test_a_subset_of_clips_is_evenly_spread():
    assert evenly_spread(list("abcdefg"), 3) == ["a", "d", "g"]
    assert evenly_spread([1, 2], 5) == [1, 2] and evenly_spread([1, 2], None) == [1, 2]


def test_an_interrupted_run_goes_on_with_what_is_missing(clips, tmp_path, monkeypatch):
    kept = KeptScores.of_run(tmp_path / "scores", "synthetic", "test", 3)
    first, _ = run_methods(HEADER, tasks_of(clips[:1]), ("raw",), workers=0, kept=kept)

    def made() -> BenchmarkClip:
        raise AssertionError("the clip has been scored")

    known = ClipTask(clips[0].name, clips[0].family, made)
    report, pictures = run_methods(HEADER, [known, *tasks_of(clips[1:])], ("raw",), workers=0, kept=kept)
    assert report.clips[0] == first.clips[0]
    assert [clip.clip for clip in report.clips] == ["b", "a"] and [picture.name for picture in pictures] == ["a"]
    again, _ = run_methods(HEADER, [known, *tasks_of(clips[1:])], ("initial", "raw"), workers=0, kept=kept)
    assert [(clip.clip, clip.method) for clip in again.clips] == [("b", "raw"), ("a", "initial"), ("a", "raw")]
    assert any("initial on b" in note for note in again.notes)  # what fails is not kept


def test_scores_of_another_run_are_not_mixed_in(tmp_path):
    KeptScores.of_run(tmp_path, "pairs-2d", "test", 0)
    with pytest.raises(UserError) as caught:
        KeptScores.of_run(tmp_path, "pairs-2d", "dev", 0)
    assert caught.value.code == "other-run" and "split test" in caught.value.message
    with pytest.raises(UserError) as caught:
        KeptScores.of_run(tmp_path, "pairs-2d", "test", 0, "of other interactions")
    assert caught.value.code == "other-run"
