"""The 2D networks run once on a range of frames of a video, wherever the video lies."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from core.body.files import load_body
from core.perception.detections import Detections
from core.reporting import SilentReporter
from lab.evaluation import perception_cache
from lab.evaluation.perception_cache import PerceptionCache
from tests.lab.evaluation.synthetic import pair, perfect_detections


@pytest.fixture
def video(tmp_path: Path) -> Path:
    writer = cv2.VideoWriter(str(tmp_path / "clip.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 25, (96, 64))
    for shade in range(5):
        writer.write(np.full((64, 96, 3), 40 * shade, np.uint8))
    writer.release()
    return tmp_path / "clip.mp4"


def test_detections_are_cached_by_content_and_frames(video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    runs = []
    detections = perfect_detections(pair(5), load_body(None))

    def detect_people(clip: object, first: int, last: int, **_: object) -> Detections:
        runs.append((first, last))
        return detections

    monkeypatch.setattr(perception_cache, "detect_people", detect_people)
    perception = PerceptionCache(tmp_path / "cache", torch.device("cpu"), SilentReporter())
    first = perception.detect_two(video)
    moved = shutil.copy(video, tmp_path / "moved.mp4")
    again = perception.detect_two(Path(moved))
    perception.detect_two(video, (1, 3))
    assert runs == [(0, 4), (1, 3)]
    assert again.seconds == first.seconds
    assert np.array_equal(again.detections.keypoints, first.detections.keypoints)


def test_a_benchmark_of_many_clips_keeps_the_detections_of_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    detections = perfect_detections(pair(2), load_body(None))
    runs = []
    monkeypatch.setattr(perception_cache, "probe", lambda path: None)
    monkeypatch.setattr(perception_cache, "detect_people", lambda *_, **__: runs.append(1) or detections)
    videos = [tmp_path / f"{number}.mp4" for number in range(30)]
    perception = PerceptionCache(tmp_path / "cache", torch.device("cpu"), SilentReporter())
    for video in videos:
        video.write_text(video.name)
    for video in videos * 2:
        perception.detect_two(video, (0, 1))
    assert len(runs) == len(videos)
