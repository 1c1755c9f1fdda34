"""Words say which two people are meant: who fits them, and what is said where nobody or the same one does."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch

from core.clip import Clip
from core.contract.errors import UserError
from core.perception.hub.naming import DescribedBox, choose_named, frames_to_look_at, load_phrase_finder
from core.perception.movenet import FoundPerson
from core.perception.track import Sighting, Track
from core.reporting import Pulse, SilentReporter
from tests.core.perception.hub.scripted import crossing, write_crossing
from tests.core.perception.hub.tiny_models import save_grounding_dino

_FRAMES = 12


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return write_crossing(tmp_path_factory.mktemp("named") / "crossing.mp4", crossing(_FRAMES))


def _track(points: np.ndarray) -> Track[Sighting]:
    track: Track[Sighting] = Track()
    for step, each in enumerate(points):
        box = np.concatenate([each.min(0), each.max(0)])
        person = FoundPerson(0.9, box, each, np.full(17, 0.9, np.float32))
        track.seen[step] = Sighting(person, np.zeros((3, 33), np.float32), abs(step - _FRAMES // 2) > 3)
    return track


@pytest.fixture
def tracks() -> list[Track[Sighting]]:
    points = crossing(_FRAMES)
    return [_track(points[:, person]) for person in (0, 1)]


@dataclass
class Finder:
    """Gives everyone a box, with a score that follows from the words and the colour of the middle of the box."""

    scores: dict[tuple[str, str], float]
    """By phrase and colour, red or blue."""
    looks: list[str] = field(default_factory=list)

    def find(self, image: np.ndarray, phrase: str) -> list[DescribedBox]:
        self.looks.append(phrase)
        found = [DescribedBox(np.array([0, 0, 320, 240], np.float32), 0.99)]
        for colour, channel in (("red", 0), ("blue", 2)):
            strong = image[..., channel].astype(int) - image[..., 2 - channel] > 100
            rows, columns = np.nonzero(strong)
            if len(rows) > 200:
                box = np.array([columns.min(), rows.min(), columns.max(), rows.max()], np.float32)
                found.append(DescribedBox(box, self.scores.get((phrase, colour), 0.05)))
        return found

    def free(self) -> None:
        pass


def _choose(clip: Clip, tracks: list[Track[Sighting]], a: str, b: str, **scores: float) -> tuple[int, int]:
    named = {(a if name[0] == "a" else b, name[2:]): value for name, value in scores.items()}
    return choose_named(clip, 0, tracks, (a, b), Finder(named), SilentReporter())


def test_descriptions_choose_the_people_whom_they_fit(clip: Clip, tracks: list[Track[Sighting]]) -> None:
    fits = {"a_red": 0.6, "a_blue": 0.4, "b_red": 0.35, "b_blue": 0.7}
    assert _choose(clip, tracks, "the dancer in red", "the dancer in blue", **fits) == (0, 1)
    assert _choose(clip, tracks[::-1], "the dancer in red", "the dancer in blue", **fits) == (1, 0)
    # "the person" fits both alike: the other description decides
    assert _choose(clip, tracks, "the person", "the man in red", a_red=0.8, a_blue=0.8, b_red=0.6, b_blue=0.2) == (1, 0)


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ({"a_red": 0.6, "a_blue": 0.1, "b_red": 0.1, "b_blue": 0.1}, ("Nobody", "a purple cow")),
        ({"a_red": 0.6, "a_blue": 0.4, "b_red": 0.6, "b_blue": 0.4}, ("same person", "tells the two apart")),
        ({"a_red": 0.6, "a_blue": 0.1, "b_red": 0.7, "b_blue": 0.1}, ("same person", "tells the two apart")),
    ],
)
def test_descriptions_of_nobody_or_of_one_person_twice_are_refused(
    clip: Clip, tracks: list[Track[Sighting]], scores: dict[str, float], words: tuple[str, str]
) -> None:
    with pytest.raises(UserError) as caught:
        _choose(clip, tracks, "the dancer in red", "a purple cow", **scores)
    assert caught.value.code == "bad-people"
    assert all(word in f"{caught.value.message} {caught.value.hint}" for word in words)


def test_a_clip_of_one_person_cannot_hold_two_who_are_described(clip: Clip, tracks: list[Track[Sighting]]) -> None:
    with pytest.raises(UserError):
        _choose(clip, tracks[:1], "the dancer in red", "the dancer in blue", a_red=0.6, b_red=0.6)


def test_frames_that_show_people_apart_are_looked_at(tracks: list[Track[Sighting]]) -> None:
    steps = frames_to_look_at(tracks)
    assert len(steps) == 5 and steps == sorted(set(steps)) and steps[0] < 4 and steps[-1] > 8
    assert frames_to_look_at([]) == []


def test_the_network_of_the_real_class_scores_the_words_of_a_phrase(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOCIALMIRROR_MODELS", str(tmp_path))
    with pytest.raises(UserError) as caught:
        load_phrase_finder(torch.device("cpu"), Pulse(SilentReporter()))
    assert caught.value.code == "model-missing" and "grounding-dino-tiny" in caught.value.hint
    save_grounding_dino()
    finder = load_phrase_finder(torch.device("cpu"), Pulse(SilentReporter()))
    image = np.random.default_rng(0).integers(0, 255, (96, 128, 3)).astype(np.uint8)
    found = finder.find(image, "The dancer in red.")
    assert len(found) == 9 and all(0 <= each.score <= 1 for each in found)
    assert all((each.box >= 0).all() and (each.box <= [128, 96, 128, 96]).all() for each in found)
    with pytest.raises(UserError) as caught:
        finder.find(image, "the .")
    assert caught.value.code == "bad-people"
