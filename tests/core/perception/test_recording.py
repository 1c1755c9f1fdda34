"""A run of the 2D stage that was killed goes on where it was, and its result is bit by bit that of an undisturbed run."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pytest
import torch

from core.clip import probe
from core.contract.errors import Cancelled, UserError
from core.perception import recording
from core.perception.detections import Detections
from core.perception.perceive import detect_people
from core.perception.recording import Chunk, ChunkStore, NoChunks, Recorder
from core.pipeline.cache import Cache, CacheEntry, MemoryCache
from core.pipeline.stage import Given, run, stage
from core.progress import JobProgress
from core.reporting import SilentReporter
from tests.core.conftest import Recorder as Listener

ROOT = Path(__file__).resolve().parents[3]
KEY = "a" * 64


@dataclass(frozen=True)
class Find:
    score: float
    points: np.ndarray
    name: str = "palm"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ChunkStore:
    """An empty store, and chunks of four answers."""
    monkeypatch.setattr(recording, "CHUNK_SIZE", 4)
    return Cache(tmp_path / "cache").chunks("perception", KEY)


def finds(number: int) -> list[list[Find]]:
    draw = np.random.default_rng(number)
    points = np.asfortranarray(draw.normal(size=(3, 2)).astype(np.float32))
    return [[Find(np.float64(draw.normal()), points), Find(0.1, np.zeros((0, 2), np.uint8))], []]  # type: ignore[arg-type]


def ask(recorder: Recorder, numbers: range, asked: list[int]) -> list[list[list[Find]]]:
    def answer(number: int) -> Callable[[], list[list[Find]]]:
        return lambda: (asked.append(number), finds(number))[1]

    return [recorder.answer(f"find {number}", list[list[Find]], answer(number)) for number in numbers]


def assert_equal(found: list[list[list[Find]]], numbers: range) -> None:
    for answer, number in zip(found, numbers, strict=True):
        for one, other in zip(answer[0], finds(number)[0], strict=True):
            assert one.score == other.score and type(one.score) is type(other.score) and one.name == other.name
            assert one.points.dtype == other.points.dtype and one.points.tobytes() == other.points.tobytes()
            assert one.points.flags.c_contiguous and one.points.flags.writeable
        assert answer[1] == []


def test_recorded_answers_are_given_again_from_the_last_whole_chunk_on(store: ChunkStore) -> None:
    asked: list[int] = []
    assert_equal(ask(Recorder(store), range(10), asked), range(10))
    assert asked == list(range(10))
    asked.clear()
    recorder = Recorder(store)
    assert recorder.continues
    assert_equal(ask(recorder, range(13), asked), range(13))
    assert asked == list(range(8, 13)) and not recorder.continues
    asked.clear()
    ask(Recorder(store), range(13), asked)
    assert asked == [12]


def test_other_questions_are_asked_and_what_was_recorded_for_the_rest_is_forgotten(store: ChunkStore) -> None:
    ask(Recorder(store), range(12), [])
    asked: list[int] = []
    recorder = Recorder(store)
    ask(recorder, range(6), asked)
    assert not asked
    assert_equal(ask(recorder, range(50, 60), asked), range(50, 60))
    assert asked == list(range(50, 60))
    asked.clear()
    again = Recorder(store)
    assert_equal([*ask(again, range(6), asked), *ask(again, range(50, 60), asked)], [*range(6), *range(50, 60)])  # type: ignore[arg-type]
    assert not asked


@pytest.mark.parametrize("damage", ["calls", "data", "type"])
def test_a_damaged_chunk_is_asked_for_again(store: ChunkStore, damage: str) -> None:
    ask(Recorder(store), range(12), [])
    whole = store.read(1)
    assert whole is not None
    changed = {
        "calls": Chunk("[[1, 2]]", whole.data),
        "data": Chunk(whole.calls, whole.data[:-5]),
        "type": Chunk(whole.calls.replace("float32", "object"), whole.data),
    }[damage]
    store.write(1, changed)
    asked: list[int] = []
    assert_equal(ask(Recorder(store), range(12), asked), range(12))
    assert asked == list(range(4, 12))


def test_where_nothing_can_be_kept_the_run_goes_on() -> None:
    class Full(NoChunks):
        def write(self, number: int, chunk: Chunk) -> None:
            raise UserError("disk-full", "The disk is full.") from OSError(errno.ENOSPC, "full")

    asked: list[int] = []
    assert_equal(ask(Recorder(Full()), range(300), asked), range(300))
    assert len(asked) == 300


@dataclass(frozen=True)
class Sum:
    value: float


stops: list[int] = []
computed: list[int] = []


@stage(version=1, cost=1)
def slow_sum(clip: str, chunks: ChunkStore) -> Sum:
    recorder, total = Recorder(chunks), 0.0
    for number in range(20):
        if number in stops:
            raise Cancelled
        total += recorder.answer(
            f"value {number}", float, lambda number=number: (computed.append(number), number / 3)[1]
        )
    return Sum(total)


def test_a_stage_goes_on_and_leaves_nothing_but_its_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "CHUNK_SIZE", 4)
    cache, node, other = Cache(tmp_path), slow_sum.node(clip=Given("", "a")), slow_sum.node(clip=Given("", "b"))
    computed.clear()
    stops[:] = [14]
    with pytest.raises(Cancelled):
        run([node], cache, JobProgress(Listener()))
    assert len(list(tmp_path.iterdir())) == 3
    stops.clear()
    assert (
        run([node], cache, JobProgress(Listener()))[node] == run([node], MemoryCache(), JobProgress(Listener()))[node]
    )
    assert computed[:22] == [*range(14), *range(12, 20)]
    assert len(list(tmp_path.iterdir())) == 1
    stops[:] = [14]
    with pytest.raises(Cancelled):
        run([other], cache, JobProgress(Listener()))
    stops[:] = [1]
    with pytest.raises(Cancelled):  # what nobody goes on with makes room
        run([slow_sum.node(clip=Given("", "c"))], cache, JobProgress(Listener()))
    assert len(list(tmp_path.iterdir())) == 1


def detect(folder: Path, recorded: bool) -> None:
    recording.CHUNK_SIZE = 8
    cache = Cache(folder)
    found = detect_people(
        probe(ROOT / "samples" / "handshake_hug.mp4"),
        60,
        67,
        people=None,
        device=torch.device("cpu"),
        reporter=SilentReporter(),
        chunks=cache.chunks("perception", KEY) if recorded else None,
    )
    cache.write("result", KEY, CacheEntry(found, (), 0.0))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
def test_detections_after_kills_are_those_of_an_undisturbed_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "CHUNK_SIZE", recording.CHUNK_SIZE)  # is put back
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    killed.mkdir()
    program = f"from pathlib import Path; from {__name__} import detect; detect(Path({str(killed)!r}), True)"
    command = [sys.executable, "-c", program]
    for parts in (1, 3):
        with subprocess.Popen(command, cwd=ROOT) as process:
            while len(list(killed.glob("perception-part-*.npz"))) < parts:
                assert process.poll() is None
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
    subprocess.run(command, cwd=ROOT, check=True)
    detect(whole, recorded=False)
    one, other = (Cache(place).read(Detections, "result", KEY) for place in (killed, whole))
    assert one is not None and other is not None
    for item in fields(Detections):
        np.testing.assert_array_equal(getattr(one.result, item.name), getattr(other.result, item.name), item.name)
