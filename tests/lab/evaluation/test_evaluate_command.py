"""`python -m lab evaluate`: what it prints, writes and refuses."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import partial
from pathlib import Path

import pytest

from core.body.files import load_body
from core.contract.files import read_json
from core.reporting import Reporter
from lab.cli import main
from lab.commands.evaluate import BENCHMARKS
from lab.evaluation import benchmarks
from lab.evaluation.benchmarks import EvaluationOutcome, EvaluationRequest
from lab.evaluation.run import ClipTask, ReportHeader, run_methods
from tests.lab.evaluation.synthetic import synthetic_clip as made_up_shot


@pytest.fixture
def refuse(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def attempt(*arguments: object) -> str:
        assert main(["evaluate", *map(str, arguments)]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        line = captured.err.splitlines()[-1]
        assert line.startswith("error: ")
        return line

    return attempt


@pytest.fixture
def made_up_benchmark(monkeypatch: pytest.MonkeyPatch) -> list[EvaluationRequest]:
    """A benchmark of one made-up clip in the place of `real`; returns what was asked for."""
    shot = made_up_shot(load_body(None), 8)
    asked: list[EvaluationRequest] = []

    def measured(request: EvaluationRequest, reporter: Reporter) -> EvaluationOutcome:
        asked.append(request)
        heading = ReportHeader("real", request.split, request.seed, "real")
        clips = [ClipTask(shot.name, shot.family, partial(copy, shot))]
        report, pictures = run_methods(heading, clips, request.methods, workers=0, count=1, reporter=reporter)
        return EvaluationOutcome(report, tuple(pictures))

    changed = dict(benchmarks.BENCHMARKS) | {"real": measured}
    monkeypatch.setattr(benchmarks, "BENCHMARKS", changed)
    return asked


def test_it_prints_the_table_and_writes_the_report(made_up_benchmark, tmp_path: Path, capsys):
    arguments = [
        "--methods",
        "raw,one-euro",
        "--split",
        "dev",
        "--seed",
        "5",
        "--clips",
        "2",
        "--workers",
        "3",
        "--data",
        "somewhere",
    ]
    assert main(["evaluate", "--benchmark", "real", *arguments, "--out", str(tmp_path / "report.json")]) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert [line.split()[0] for line in lines[3:5]] == ["raw", "one-euro"]
    assert lines[5:] == [str(tmp_path / f"report.{ending}") for ending in ("json", "npz", "html")]
    assert "100 %" in captured.err or "real" in captured.err
    record = read_json(tmp_path / "report.json")
    assert [row["method"] for row in record["rows"]] == ["raw", "one-euro"]
    assert (record["benchmark"], record["split"], record["seed"], record["data"]) == ("real", "dev", 5, "real")
    assert made_up_benchmark == [EvaluationRequest("real", Path("somewhere"), 2, ("raw", "one-euro"), "dev", 5, 3)]


def test_without_a_report_only_the_table(made_up_benchmark, tmp_path: Path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["evaluate", "--benchmark", "real", "--methods", "raw"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 4
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_run_is_refused_with_a_way_out(refuse, tmp_path: Path):
    assert "pairs-2d" in refuse("--benchmark", "dance")
    assert "joint-fit" in refuse("--benchmark", "real", "--methods", "dance")
    assert "--data" in refuse("--benchmark", "pairs-video")
    assert "lab render" in refuse("--benchmark", "pairs-video", "--data", tmp_path / "nowhere")
    assert "--data" in refuse("--benchmark", "real")
    assert "--help" in refuse("--benchmark", "real", "--clips", "0")
    assert "--help" in refuse()
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    assert "written" in refuse("--benchmark", "real", "--data", tmp_path, "--out", in_the_way / "report")


def test_help_names_all_benchmarks():
    assert set(BENCHMARKS) == set(benchmarks.BENCHMARKS)
