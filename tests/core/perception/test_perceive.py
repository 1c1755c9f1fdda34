"""The 2D stage as a whole, on clips that need no people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from core.clip import Clip, probe, read_frames
from core.contract.errors import Cancelled, UserError
from core.perception import perceive, sightings_picture
from core.perception.crops import Crop
from core.perception.detections import MASK_WIDTH
from core.perception.everyone import Everyone, assemble
from core.perception.hands import Hand
from core.perception.identity import AFTER_EMBRACES, USUAL_JOINS
from core.perception.landmarks import Pose
from core.perception.movenet import FoundPerson
from core.perception.perceive import Scan, detect_people, scan_clip
from core.perception.scan import FrameFindings
from core.perception.sightings_picture import draw_people, frames_to_show
from core.perception.track import Sighting, Track, TrackedPose, tracked_pose
from core.reporting import SilentReporter

_CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where pictures of who was found are saved."""
    monkeypatch.setattr(sightings_picture, "cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache" / "logs"


def _street(path: Path, *seeds: int) -> Clip:
    """Six frames of a textured background for each seed, in which the camera pans."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25, (320, 240))
    for number, seed in enumerate(seeds):
        noise = np.random.default_rng(seed).integers(0, 255, (30, 40, 3)) // (1 + 2 * number)
        picture = cv2.resize(noise.astype(np.uint8), (320, 240), interpolation=cv2.INTER_CUBIC)
        for step in range(6):
            writer.write(np.roll(picture, 3 * step, 1))
    writer.release()
    return probe(path)


@pytest.fixture
def empty_street(tmp_path: Path) -> Clip:
    return _street(tmp_path / "street.mp4", 0)


def test_a_clip_without_people_ends_in_one_sentence_and_a_picture(empty_street: Clip, logs: Path) -> None:
    with pytest.raises(UserError) as caught:
        detect_people(empty_street, 0, 5, people=None, device=_CPU, reporter=SilentReporter())
    (picture,) = logs.iterdir()
    assert caught.value.code == "nobody" and str(picture) in caught.value.hint
    image = cv2.imread(str(picture))
    assert image is not None and image.shape == (240, 320, 3)


def test_a_clip_with_a_cut_is_refused_and_its_longest_shot_named(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        detect_people(_street(tmp_path / "cut.mp4", 0, 1), 1, 11, people=None, device=_CPU, reporter=SilentReporter())
    assert caught.value.code == "scene-cut" and "frame 6" in caught.value.message and "6 to 11" in caught.value.hint


class _Nobody:
    """A network that finds no one."""

    at_once = 4

    def find_everywhere(self, images: Sequence[np.ndarray]) -> list[list[FoundPerson]]:
        return [[] for _ in images]

    def find(self, image: np.ndarray, windows: Sequence[Crop], side: int = 0) -> list[Any]:
        return [([], None) for _ in windows]


def test_lines_of_a_clip_that_ends_early_are_those_of_the_middle_of_what_there_is(tmp_path: Path) -> None:
    pictures = [np.full((240, 320, 3), 60, np.uint8) for _ in range(7)]
    for number, picture in enumerate(pictures):
        picture[20:220, 60 + 20 * number : 140 + 20 * number] = 220
    networks: Any = SimpleNamespace(people=_Nobody(), pair=None)
    writer = cv2.VideoWriter(str(tmp_path / "lines.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25, (320, 240))
    for picture in pictures:
        writer.write(picture)
    writer.release()
    clip = probe(tmp_path / "lines.avi")
    expected = scan_clip(clip, 0, 6, networks, SilentReporter()).lines
    assert len(expected), "the test shows nothing"
    for missing in (3, 100):
        found = scan_clip(replace(clip, frame_count=7 + missing), 0, 6 + missing, networks, SilentReporter())
        assert len(found.findings) == 7
        np.testing.assert_array_equal(found.lines, expected)


def test_a_picture_of_people_has_a_skeleton_in_the_colour_of_each() -> None:
    blank = np.zeros((240, 320, 3), np.uint8)
    left = [(160, 40)] * 5 + [(140, 80), (180, 80), (130, 120), (190, 120), (125, 150), (195, 150)]
    points = np.array(left + [(145, 150), (175, 150), (145, 190), (175, 190), (145, 230), (175, 230)], np.float32)
    person = FoundPerson(0.9, np.array([125, 40, 195, 230], np.float32), points, np.ones(17, np.float32))
    other = FoundPerson(0.9, person.box, points - np.array([100, 0], np.float32), np.ones(17, np.float32))
    drawn = draw_people(blank, {0: person, 1: other})
    assert not blank.any()
    thigh = drawn[170, 145], drawn[170, 45]
    assert all(colour.any() for colour in thigh) and (thigh[0] != thigh[1]).any()


def _stays(x: float, steps: range, quality: float = 0.9) -> Track[Sighting]:
    """Somebody who stands at x in a picture of 320 x 240 px."""
    points = np.tile(np.array([[x, 60]], np.float32), (17, 1)) + np.arange(17, dtype=np.float32)[:, None] * (0, 8)
    box = np.concatenate([points.min(0), points.max(0)]).astype(np.float32)
    person = FoundPerson(0.9, box, points.astype(np.float32), np.full(17, quality, np.float32))
    return Track({step: Sighting(person, np.zeros((3, 33), np.float32), True) for step in steps})


def test_a_picture_shows_the_people_who_are_named_together_or_frames_beside_each_other() -> None:
    early, late, noise = range(0, 20), range(15, 40), range(30, 40)
    tracks = {0: _stays(40, early), 1: _stays(120, early), 2: _stays(200, late), 3: _stays(280, late)}
    assert frames_to_show(tracks, 40)[0] in range(15, 20) and len(frames_to_show(tracks, 40)) == 1
    apart = {**tracks, 2: _stays(200, range(25, 40)), 3: _stays(280, noise)}
    first, second = frames_to_show(apart, 40)
    assert first in early and second in noise
    assert frames_to_show({}, 40) == [20]


def test_the_picture_of_a_refusal_leaves_out_what_is_nobody(
    empty_street: Clip, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three people are equally near, in other frames than most of what is noise."""
    people = [_stays(x, range(0, 5)) for x in (60, 160, 260)]
    noise = [_stays(x, range(3, 6), quality=0.05) for x in (20, 100, 300)]
    nothing = np.zeros((0, 4), np.float32)
    findings = tuple(FrameFindings(step, step / 25, False, (), np.eye(3), False) for step in range(6))
    monkeypatch.setattr(perceive, "scan_clip", lambda *_: Scan(findings, (), (320, 240), nothing, 25.0))
    monkeypatch.setattr(perceive, "resolve_identities", lambda *_: [*noise, *people])
    with pytest.raises(UserError) as caught:
        detect_people(empty_street, 0, 5, people=None, device=_CPU, reporter=SilentReporter())
    (picture,) = logs.iterdir()
    assert caught.value.code == "ambiguous-people" and str(picture) in caught.value.hint
    assert set("012") >= {word.strip(",.") for word in caught.value.message.split() if word.strip(",.").isdigit()}
    index = int(picture.stem.rsplit("-", 1)[1])
    (frame,) = read_frames(empty_street, index, index)
    image = cv2.imread(str(picture))
    assert image is not None
    changed = (image[..., ::-1] != frame.image).any(-1)
    assert changed[100:180, 155:165].any() and not changed[100:180, 95:105].any() and not changed[100:180, :25].any()


def test_somebody_who_was_lost_and_found_again_is_no_third_person(
    empty_street: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = [_stays(60, range(100)), _stays(160, range(50)), _stays(170, range(46, 100))]
    joined = [_stays(60, range(100)), _stays(160, range(100))]
    findings = tuple(FrameFindings(step, step / 25, False, (), np.eye(3), False) for step in range(100))
    nothing, followed = np.zeros((0, 4), np.float32), list[Any]()

    def follow(clip: Clip, scan: Scan, tracks: Any, *_: Any) -> None:
        followed.extend(tracks)
        raise Cancelled

    monkeypatch.setattr(perceive, "scan_clip", lambda *_: Scan(findings, (), (320, 240), nothing, 25.0))
    monkeypatch.setattr(
        perceive, "identify", lambda _, limits=USUAL_JOINS: joined if limits is AFTER_EMBRACES else usual
    )
    monkeypatch.setattr(perceive, "follow_tracks", follow)
    for people, expected in ((None, joined), ((0, 2), [usual[0], usual[2]])):
        followed.clear()
        with pytest.raises(Cancelled):
            detect_people(empty_street, 0, 5, people=people, device=_CPU, reporter=SilentReporter())
        assert followed == expected  # whom the user names is whom the user saw


def test_the_user_can_stop_it(empty_street: Clip) -> None:
    class Impatient(SilentReporter):
        calls = 0

        def progress(self, fraction: float, text: str = "") -> None:
            assert 0 <= fraction <= 1
            self.calls += 1
            if self.calls == 3:
                raise Cancelled

    reporter = Impatient()
    with pytest.raises(Cancelled):
        detect_people(empty_street, 0, 5, people=None, device=_CPU, reporter=reporter)
    assert reporter.calls == 3


def _seen(x: float) -> Track[TrackedPose]:
    """Somebody at x, seen in steps 1 and 3 of five."""
    ones = np.ones(33, np.float32)
    appearance = np.zeros((3, 33), np.float32)
    crop = Crop(x, 120, 100)
    track: Track[TrackedPose] = Track()
    for step in (1, 3):
        points = np.full((33, 2), x + step, np.float32)
        whole = np.full((256, 256), 255, np.uint8)
        pose = Pose(
            crop,
            crop,
            0.9,
            points,
            ones,
            0.5 * ones,
            ones,
            np.full((33, 3), step, np.float32),
            whole,
            np.zeros((33, 2, 2)),
        )
        track.seen[step] = tracked_pose(pose, appearance, 0.9, (320, 240))
    return track


def test_what_was_not_seen_repeats_the_last_place_without_confidence() -> None:
    steps = np.arange(5)
    everyone = Everyone(
        (_seen(50), _seen(250)),
        steps.astype(np.int32),
        steps / 25,
        np.zeros(5, bool),
        (320, 240),
        np.tile(np.eye(3), (5, 1, 1)),
        np.zeros((0, 4), np.float32),
    )
    hand = Hand(np.full((21, 2), 60, np.float32), np.zeros((21, 3), np.float32), 0.8, 0.9, Crop(60, 60, 20))
    detections = assemble(everyone, (1, 0), [{}, {(1, 0): hand}, {}, {}, {}])
    assert detections.track_ids.tolist() == [1, 0]
    assert detections.found.tolist() == [[False, True, False, True, False]] * 2
    assert detections.keypoints[1, :, 0, 0].tolist() == [51, 51, 51, 53, 53]
    assert detections.keypoints[1, :, 0, 2].tolist() == [0, 0.5, 0, 0.5, 0]
    assert detections.world_landmarks[0, :, 0, 0].tolist() == [1, 1, 1, 3, 3]
    assert detections.hands[1, :, 0, 0, 0].tolist() == [60] * 5
    assert detections.hands[1, :, 0, 0, 2] == pytest.approx([0, 0.8, 0, 0, 0])
    assert not detections.hands[0].any()
    assert detections.masks.shape == (2, 5, 120, MASK_WIDTH)
    assert (
        detections.masks[0, 1, 60, 125] == 255
        and detections.masks[0, 1, 60, 25] == 0
        and not detections.masks[:, 0].any()
    )
    for name, array in vars(detections).items():
        assert np.isfinite(array).all(), name
