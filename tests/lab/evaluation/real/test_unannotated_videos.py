"""Which frames of a video without ground truth are reconstructed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.contract.errors import UserError
from lab.evaluation.real.unannotated_videos import best_range, choose_frames
from tests.lab.evaluation.real.studio import FRAMES, make_studio, perfect_perception


def test_frames_come_from_the_file_or_from_where_two_people_are_found(tmp_path: Path):
    studio = make_studio(tmp_path)
    perception, video = perfect_perception(studio), studio / "dance.mp4"
    assert choose_frames(video, studio, perception) == (0, FRAMES - 1)
    (studio / "frames.json").write_text('{"dance.mp4": [3, 7]}')
    assert choose_frames(video, studio, perception) == (3, 7)
    (studio / "frames.json").write_text('{"dance.mp4": "3:7"}')
    with pytest.raises(UserError, match="'3:7'"):
        choose_frames(video, studio, perception)


def test_the_range_in_which_two_people_are_found_most_often():
    found = np.zeros((3, 250), bool)
    found[0] = True
    found[1, 40:100] = True
    found[2, 100:130] = True
    assert best_range(found) == (30, 129)
    found[1:, 85:] = False
    assert best_range(found) is None
    assert best_range(np.ones((2, 12), bool)) == (0, 11)
