"""Benchmarks by name: from their data to a report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.body.files import load_body
from core.body.model import BodyModel
from core.contract.contact import Contact
from core.contract.errors import UserError
from lab.choreography.interaction import Interaction, load_interactions, save_interactions
from lab.evaluation.benchmarks import EvaluationRequest, evaluate, methods_to_run
from lab.evaluation.perception_cache import CachedDetections, PerceptionCache
from lab.evaluation.rendered import RenderedClip, save_rendered
from tests.lab.evaluation.synthetic import SIZE, pair, perfect_detections, synthetic_clip


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body(None)


@pytest.fixture
def interactions(tmp_path: Path) -> Path:
    """Three clips of two families, not in the order of their names."""
    motion = pair(12)
    clips = [
        Interaction(
            name, name.split("-")[0], ("made/up",), ("made-up",), 30.0, motion, np.zeros((2, 12, 2), bool),
            (Contact(0, "left_palm", 1, "right_palm", 2, 8),), ("They meet.",),
        )
        for name in ("hug-1", "shove-0", "hug-0")
    ]  # fmt: skip
    save_interactions(tmp_path / "pairs.npz", clips)
    return tmp_path / "pairs"


@pytest.mark.slow
def test_pairs_2d_is_the_same_twice_and_another_with_another_seed(interactions):
    def metrics(seed: int) -> dict[str, dict[str, float]]:
        request = EvaluationRequest("pairs-2d", interactions, methods=("raw",), seed=seed, workers=0)
        report = evaluate(request).report
        assert (report.benchmark, report.data, report.seed) == ("pairs-2d", "choreographed", seed)
        assert [clip.clip for clip in report.clips] == ["hug-0", "hug-1", "shove-0"]
        return {clip.clip: dict(clip.metrics) for clip in report.clips}

    first, again, other = metrics(0), metrics(0), metrics(1)
    assert first == again
    assert all(first[name] != other[name] for name in first)


def test_some_clips_are_the_same_as_among_all(interactions):
    some = evaluate(EvaluationRequest("pairs-2d", interactions, clips=1, methods=("raw",), workers=0)).report
    every = evaluate(EvaluationRequest("pairs-2d", interactions, methods=("raw",), workers=0)).report
    assert len(some.clips) == 1
    assert some.clips[0].metrics == next(clip for clip in every.clips if clip.clip == some.clips[0].clip).metrics


def test_the_split_is_that_of_the_data(interactions: Path):
    request = EvaluationRequest("pairs-2d", interactions, clips=1, methods=("raw",), workers=0)
    assert evaluate(request).report.split == "train"
    with pytest.raises(UserError) as refused:
        evaluate(replace(request, split="test"))
    assert refused.value.code == "wrong-split" and "train" in refused.value.message


def test_a_run_does_not_go_on_with_other_interactions(interactions: Path, tmp_path: Path):
    request = EvaluationRequest("pairs-2d", interactions, 1, ("raw",), workers=0, resume=tmp_path / "scores")
    first = evaluate(request).report
    assert evaluate(request).report.clips == first.clips
    clips = load_interactions(interactions)
    save_interactions(tmp_path / "others.npz", [replace(clip, motion=pair(14)) for clip in clips])
    with pytest.raises(UserError) as refused:
        evaluate(replace(request, data=tmp_path / "others"))
    assert refused.value.code == "other-run"


def test_rendered_people_are_seen_together_and_apart(body, tmp_path: Path, monkeypatch):
    """What is seen together is worse here, so that the rows can be told from each other."""
    together = synthetic_clip(body)
    for name in ("clip.mp4", "clip_alone0.mp4", "clip_alone1.mp4"):
        (tmp_path / name).touch()
    alone = (tmp_path / "clip_alone0.mp4", tmp_path / "clip_alone1.mp4")
    save_rendered(
        tmp_path,
        RenderedClip("clip", "hug", tmp_path / "clip.mp4", alone, SIZE, 30.0, together.truth, (), (), ()),
    )
    detections = perfect_detections(together.truth.motion, body)
    off = detections.world_landmarks + np.random.default_rng(0).normal(0, 0.1, (2, 12, 33, 3)).astype(np.float32)
    noisy = replace(detections, world_landmarks=off)

    def everyone(_: PerceptionCache, path: Path) -> CachedDetections:
        return CachedDetections(detections.person(int(path.stem[-1])), 1.0)

    monkeypatch.setattr(PerceptionCache, "detect_two", lambda *_: CachedDetections(noisy, 3.0))
    monkeypatch.setattr(PerceptionCache, "detect_everyone", everyone)
    report = evaluate(EvaluationRequest("pairs-video", tmp_path, methods=("raw",), workers=0)).report
    assert [row.method for row in report.rows] == ["raw, seen apart", "raw"]
    assert report.rows[0].metrics["mpjpe"] < 20 < report.rows[1].metrics["mpjpe"]
    assert [row.seconds_per_frame["perception"] for row in report.rows] == pytest.approx([2 / 12, 3 / 12])
    assert any("seen apart" in note for note in report.notes)


def test_rows_that_need_a_sentence_are_left_out_where_there_is_none():
    assert "prompted" in methods_to_run(EvaluationRequest("pairs-2d"))
    assert "prompted" not in methods_to_run(EvaluationRequest("hi4d"), has_sentences=False)
    assert methods_to_run(EvaluationRequest("hi4d", methods=("prompted",)), has_sentences=False) == ("prompted",)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (EvaluationRequest("pairs-3d"), "unknown-benchmark"),
        (EvaluationRequest("pairs-2d", split="train"), "no-such-split"),
        (EvaluationRequest("pairs-2d", Path("nowhere")), "no-data"),
        (EvaluationRequest("pairs-video"), "no-data"),
        (EvaluationRequest("pairs-video", Path("nowhere")), "no-rendered-clips"),
        (EvaluationRequest("real"), "no-data"),
        (EvaluationRequest("hi4d"), "no-data"),
        (EvaluationRequest("hi4d", Path("nowhere")), "no-public-data"),
    ],
)
def test_what_is_missing_is_said_with_the_way_to_get_it(request_, code):
    with pytest.raises(UserError) as refused:
        evaluate(request_)
    assert refused.value.code == code and refused.value.hint
