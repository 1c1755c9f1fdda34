"""The model is shown the frames in which the two are near each other and something changes, as pictures with both labelled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.annotator.frame_choice import choose_frames, cut_stretches, pair_gap
from core.annotator.pictures import COLORS, labelled_picture
from tests.core.annotator.scripted import two_people


def test_frames_are_dense_where_the_two_are_near():
    gaps = np.r_[np.full(40, 2.0), np.full(20, 0.05), np.full(40, 2.0)]
    chosen = choose_frames(two_people(gaps), slice(0, 100), 8)
    assert len(chosen) == 8 and (np.diff(chosen) > 0).all()
    assert ((chosen >= 40) & (chosen < 60)).sum() >= 4
    assert chosen[0] < 40 and chosen[-1] >= 60


def test_frames_are_dense_where_something_changes():
    detections = two_people(np.full(100, 0.5))
    moving = detections.keypoints.copy()
    moving[:, 50:60, :, 1] += np.linspace(0, 60, 10, dtype=np.float32)[:, None] * np.where(np.arange(33) > 15, 1, 0)
    chosen = choose_frames(replace(detections, keypoints=moving), slice(0, 100), 8)
    assert ((chosen >= 45) & (chosen < 65)).sum() > 8 * 20 / 100


def test_frames_in_which_both_are_found_are_preferred_and_repeated_ones_never_shown():
    found = np.ones((2, 20), bool)
    found[1, :15] = False
    detections = two_people(np.full(20, 0.3), found=found)
    assert choose_frames(detections, slice(0, 20), 3).min() >= 15
    assert choose_frames(detections, slice(0, 10), 3).max() < 10  # there is nothing better
    repeated = replace(detections, duplicate=np.arange(20) % 2 == 1)
    assert (choose_frames(repeated, slice(0, 20), 3) % 2 == 0).all()


def test_short_clips_are_shown_whole():
    assert choose_frames(two_people([0.5]), slice(0, 1), 6).tolist() == [0]
    assert choose_frames(two_people([0.5] * 4), slice(0, 4), 6).tolist() == [0, 1, 2, 3]


def test_long_clips_are_cut_where_the_two_are_apart():
    gaps = np.full(200, 0.1)
    gaps[90:95] = 2.0
    detections = two_people(gaps)
    assert pair_gap(detections)[90] > 1.9
    cuts = cut_stretches(detections, 8.0, 12)
    assert cuts[0].start == 0 and cuts[-1].stop == 200
    assert all(one.stop == other.start for one, other in zip(cuts, cuts[1:]))
    two = cut_stretches(detections, 10.0, 12)
    assert [cut.start for cut in two] == [0, 94]  # the frame of the gap that is nearest to the middle
    assert len(cut_stretches(detections, 0.1, 12)) == 12


def test_both_people_are_outlined_and_labelled_where_they_are_found():
    image = np.full((240, 320, 3), 60, np.uint8)
    found = np.ones((2, 2), bool)
    found[1, 1] = False
    detections = two_people([0.5, 0.5], found=found)
    both, alone = (labelled_picture(image, detections, frame, 256) for frame in (0, 1))
    assert both.shape == (256, 256, 3)

    def columns(picture: np.ndarray, color: tuple[int, int, int]) -> np.ndarray:
        return np.nonzero((np.abs(picture.astype(int) - color) < 20).all(-1))[1]

    a, b = columns(both, COLORS["A"]), columns(both, COLORS["B"])
    assert len(a) > 100 and len(b) > 100 and np.median(a) < np.median(b)
    assert len(columns(alone, COLORS["A"])) > 100 and not len(columns(alone, COLORS["B"]))
    nobody = replace(detections, found=np.zeros((2, 2), bool))
    assert not len(columns(labelled_picture(image, nobody, 0, 256), COLORS["A"]))
