"""The whole 2D stage with networks of the hub that are scripted: two people who cross are found, kept apart and followed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from core.clip import Clip
from core.contract.errors import Cancelled
from core.contract.marks import PersonMark
from core.hub.memory import TooLittleMemory
from core.perception.detections import Detections
from core.perception.hub import tracker as hub_tracker
from core.perception.hub.running import NoMemory
from core.perception.perceive import detect_people
from core.perception.recording import ChunkStore
from core.perception.skeletons import SHARED
from core.pipeline.cache import Cache
from core.reporting import SilentReporter
from tests.core.perception.hub.scripted import Script, crossing, write_crossing

_CPU = torch.device("cpu")
_FRAMES = 24


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return write_crossing(tmp_path_factory.mktemp("crossing") / "crossing.mp4", crossing(_FRAMES))


@pytest.fixture
def script(clip: Clip, monkeypatch: pytest.MonkeyPatch) -> Script:
    """What the hub's networks answer in this test."""
    made = Script.of_clip(clip, crossing(_FRAMES))
    monkeypatch.setattr(hub_tracker, "load_hub_networks", lambda device, pulse: made.networks())
    return made


@dataclass(frozen=True)
class Run:
    found: Detections
    script: Script
    warnings: list[str]


@pytest.fixture(scope="module")
def undisturbed(clip: Clip) -> Run:
    """The whole stage, with nothing in its way."""
    made, reporter = Script.of_clip(clip, crossing(_FRAMES)), SilentReporter()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hub_tracker, "load_hub_networks", lambda device, pulse: made.networks())
        return Run(_detect(clip, reporter), made, reporter.warnings)


def _detect(
    clip: Clip,
    reporter: SilentReporter,
    marks: tuple[PersonMark, PersonMark] | None = None,
    store: ChunkStore | None = None,
) -> Detections:
    return detect_people(
        clip, 0, _FRAMES - 1, people=None, marks=marks, device=_CPU, with_hub=True, reporter=reporter, chunks=store
    )


def _errors(found: Detections, truth: np.ndarray, order: tuple[int, int] = (0, 1)) -> np.ndarray:
    """[2,T] px, mean over the keypoints."""
    places = found.keypoints[:, :, SHARED, :2]
    wanted = truth[:, list(order)].transpose(1, 0, 2, 3)
    return np.linalg.norm(places - wanted, axis=-1).mean(-1)


@pytest.mark.slow
def test_two_who_cross_are_found_kept_apart_and_have_their_keypoints_and_masks(undisturbed: Run) -> None:
    found, script = undisturbed.found, undisturbed.script
    assert found.found.mean() > 0.95 and not undisturbed.warnings
    errors = _errors(found, script.points)
    assert errors[found.found].mean() < 1.5 and errors[:, -5:].max() < 4
    assert {"people", "keypoints", "masks"} <= set(script.asked)
    middle = found.masks[:, 5, :, :].astype(float)
    columns = (middle * np.arange(middle.shape[2])).sum((1, 2)) / middle.sum((1, 2)) * 2  # the masks are half as wide
    assert columns == pytest.approx(script.points[5].mean(1)[:, 0], abs=8)
    sure = np.sqrt(np.linalg.eigvalsh(found.covariance[:, :, SHARED])[..., -1])
    assert np.median(sure) < 3, "the scripted network knows its keypoints to a pixel"


@pytest.mark.slow
def test_clicks_say_who_is_a_and_become_prompts(clip: Clip, script: Script) -> None:
    shown: list[object] = []
    advance = hub_tracker.track_pair

    def watched(*args: object, **kwargs: object) -> object:
        shown.append(args[2])
        return advance(*args, **kwargs)  # type: ignore[arg-type]

    x, y = script.points[3].mean(1)[:, 0], script.points[3].mean(1)[:, 1]
    marks = PersonMark(3, x[1], y[1], x[1], y[1]), PersonMark(3, x[0], y[0], x[0], y[0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hub_tracker, "track_pair", watched)
        found = _detect(clip, SilentReporter(), marks)
    assert shown == [marks]
    assert _errors(found, script.points, (1, 0))[found.found].mean() < 1.5


def test_where_no_memory_is_left_there_is_no_result(clip: Clip, script: Script) -> None:
    script.fails["masks"] = NoMemory("SAM 2.1")
    with pytest.raises(TooLittleMemory, match=r"SAM 2\.1, so the embedded networks") as caught:
        _detect(clip, SilentReporter())
    assert caught.value.choice == "hub"


@pytest.mark.slow
def test_a_gpu_that_is_full_for_masks_hands_over_and_the_answer_is_the_same(
    clip: Clip, script: Script, undisturbed: Run
) -> None:
    script.fails["masks"] = torch.OutOfMemoryError("CUDA out of memory")
    again = _detect(clip, SilentReporter())
    assert "less" in script.asked
    assert all(np.array_equal(value, vars(again)[name]) for name, value in vars(undisturbed.found).items())


class _Impatient(SilentReporter):
    """Cancels once a text begins in a certain way for the nth time."""

    def __init__(self, text: str, times: int) -> None:
        super().__init__()
        self._text, self._left = text, times

    def progress(self, fraction: float, text: str = "") -> None:
        assert 0 <= fraction <= 1
        self._left -= text.startswith(self._text)
        if self._left <= 0:
            raise Cancelled


@pytest.mark.slow
@pytest.mark.parametrize("text", ["Following outlines", "Following people"])
def test_a_run_that_was_stopped_goes_on_from_what_was_recorded(
    clip: Clip, script: Script, undisturbed: Run, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.perception.recording.CHUNK_SIZE", 8)
    chunks = Cache(tmp_path / "cache").chunks("perception", "a" * 64)
    with pytest.raises(Cancelled):
        _detect(clip, _Impatient(text, 15), None, chunks)
    script.asked = []
    again = _detect(clip, SilentReporter(), None, chunks)
    assert 0 < len(script.asked) < 0.8 * len(undisturbed.script.asked)
    assert all(np.array_equal(value, vars(again)[name]) for name, value in vars(undisturbed.found).items())
