"""`python -m lab evaluate`: its output, its files and its errors."""

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
from lab.evaluation.run_methods import ClipTask, ReportHeader, run_methods
from tests.lab.evaluation.synthetic import synthetic_clip


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
def synthetic_benchmark(monkeypatch: pytest.MonkeyPatch) -> list[EvaluationRequest]:
    """A benchmark of one synthetic clip in place of `real`; returns the requests."""
    clip = synthetic_clip(load_body(None), 8)
    requests: list[EvaluationRequest] = []

    def evaluate(request: EvaluationRequest, reporter: Reporter) -> EvaluationOutcome:
        requests.append(request)
        header = ReportHeader("real", request.split or "test", request.seed, "real")
        tasks = [ClipTask(clip.name, clip.family, partial(copy, clip))]
        report, pictures = run_methods(header, tasks, request.methods, workers=0, count=1, reporter=reporter)
        return EvaluationOutcome(report, tuple(pictures))

    changed = dict(benchmarks.BENCHMARKS) | {"real": evaluate}
    monkeypatch.setattr(benchmarks, "BENCHMARKS", changed)
    return requests


def test_it_prints_the_table_and_writes_the_report(synthetic_benchmark, tmp_path: Path, capsys):
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
    assert synthetic_benchmark == [EvaluationRequest("real", Path("somewhere"), 2, ("raw", "one-euro"), "dev", 5, 3)]


def test_without_out_nothing_is_written(synthetic_benchmark, tmp_path: Path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["evaluate", "--benchmark", "real", "--methods", "raw"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 4
    assert list(tmp_path.iterdir()) == []


def test_errors_say_what_to_do(refuse, tmp_path: Path):
    assert "pairs-2d" in refuse("--benchmark", "dance")
    assert "joint-fit" in refuse("--benchmark", "real", "--methods", "dance")
    assert "--data" in refuse("--benchmark", "pairs-video")
    assert "lab render" in refuse("--benchmark", "pairs-video", "--data", tmp_path / "nowhere")
    assert "--data" in refuse("--benchmark", "real")
    assert "--help" in refuse("--benchmark", "real", "--clips", "0")
    assert "--help" in refuse()
    blocking = tmp_path / "file"
    blocking.touch()
    assert "written" in refuse("--benchmark", "real", "--data", tmp_path, "--out", blocking / "report")


def test_the_command_knows_all_benchmarks():
    assert set(BENCHMARKS) == set(benchmarks.BENCHMARKS)
