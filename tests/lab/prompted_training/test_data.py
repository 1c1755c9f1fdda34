"""Frames, prompts and samples for the prompted landmark network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.contract.errors import UserError
from core.perception.crops import cut_out
from core.perception.prompted_graph import COARSE_FEATURES
from core.perception.prompted_landmarks import PROMPT_JOINTS, JointPrompt, Query, crop_of_joints, to_cells
from lab.prompted_training.frames import load_frames, save_frames
from lab.prompted_training.loss import make_batch, prompted_loss
from lab.prompted_training.network import PromptedHead
from lab.prompted_training.prompts import matched_keypoints, sample_prompts
from lab.prompted_training.samples import CROP_SIZE, make_sample, mirror_frame, sample
from tests.lab.prompted_training.synthetic_frame import synthetic_frame

_SURE = np.ones(12)


def _no_features() -> tuple[torch.Tensor, ...]:
    return tuple(torch.zeros(1, channels, side, side) for side, channels in COARSE_FEATURES)


def _query(points: np.ndarray) -> Query:
    return Query(crop_of_joints(points[PROMPT_JOINTS], _SURE))


def test_frames_come_back_from_their_file(tmp_path: Path) -> None:
    frames = [synthetic_frame(0), synthetic_frame(1)]
    save_frames(tmp_path / "a.npz", frames)
    for frame, loaded in zip(frames, load_frames(tmp_path / "a.npz"), strict=True):
        assert np.abs(loaded.image[150:300, 180:220].astype(int) - frame.image[150:300, 180:220]).mean() < 3
        np.testing.assert_array_equal(loaded.points, frame.points)
        np.testing.assert_array_equal(loaded.map_values, frame.map_values)
        assert loaded.is_occluded.dtype == bool


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"no archive")
    with pytest.raises(UserError):
        load_frames(tmp_path / "a.npz")


def test_beyond_the_bounds_the_edge_is_repeated() -> None:
    picture = synthetic_frame().image_of_camera
    assert (picture[:, :40] == picture[:, 40:41]).all()
    assert (picture[500:] == picture[499:500]).all()


def test_keypoints_go_to_whom_they_fit_and_to_nobody_else() -> None:
    frame = synthetic_frame()
    own, other = matched_keypoints(frame)
    assert own is not None and other is not None
    np.testing.assert_allclose(own.points, frame.points[0, PROMPT_JOINTS] + 3)
    far = replace(frame, found_points=frame.found_points + np.where(np.arange(6) == 0, 300, 0)[:, None, None])
    assert matched_keypoints(far)[1] is None and matched_keypoints(far)[0] is not None
    alone = replace(frame, present=np.array([True, False]))
    assert matched_keypoints(alone)[1] is None


def test_prompts_are_near_the_truth_and_now_and_then_missing() -> None:
    frame, rng = synthetic_frame(), np.random.default_rng(0)
    drawn = [sample_prompts(frame, 0, rng) for _ in range(200)]
    assert any(own is None for own, _ in drawn) and any(other is None for _, other in drawn)
    assert all(own is not None or other is not None for own, other in drawn)
    near = [
        np.median(np.linalg.norm(own.points - frame.points[0, PROMPT_JOINTS], axis=-1)) / frame.height[0]
        for own, _ in drawn
        if own is not None
    ]
    assert max(near) < 0.15 and np.mean(near) > 0.005


def test_a_sample_says_where_the_landmarks_are_and_what_is_visible() -> None:
    frame = synthetic_frame()
    query = _query(frame.points[1])
    made = make_sample(frame, 1, query, cut_out(frame.image_of_camera, query.crop, CROP_SIZE, replicate=True))
    limbs = made.cells[PROMPT_JOINTS]
    hidden = np.arange(12) == 3
    assert (made.weight[PROMPT_JOINTS][~hidden] == 1).all() and made.weight[PROMPT_JOINTS[3]] > 1
    assert made.is_there and ((limbs > 0) & (limbs < 64)).all()
    assert made.visible[PROMPT_JOINTS[3]] == 0 and made.visible[PROMPT_JOINTS[2]] == 1
    assert made.front == 0 and made.overlap == 1
    # person 0 covers a strip of person 1; the mask holds what is left, the blue part of the crop
    blue = made.image[2::4, 2::4, 2] > 150
    assert ((made.mask > 0.5) == blue).mean() > 0.95
    assert 0.02 < made.mask.mean() < 0.5


def test_whoever_is_not_the_only_person_is_nowhere() -> None:
    both = synthetic_frame()
    frame = replace(both, present=np.array([True, False]), seen=np.where(both.seen == 1, np.uint8(255), both.seen))
    made = sample(frame, 1, np.random.default_rng(0))
    assert made.query.own is None and made.query.other is not None
    assert not made.is_there and not made.visible.any() and not made.mask.any()
    trunk = [np.zeros((1, 64, 64, 117), np.float32)]
    batch = make_batch(trunk, [made], torch.device("cpu"))
    assert float(batch.heat.max()) == pytest.approx(1 / 4096)
    _, parts = prompted_loss(PromptedHead().eval(), replace(batch, coarse=_no_features()))
    assert float(torch.as_tensor(parts["metric"]).detach()) == 0


def test_landmarks_beyond_the_image_weigh_less_and_are_not_visible() -> None:
    frame = replace(synthetic_frame(), bounds=np.array([0, 0, 512, 300], np.float32))
    made = make_sample(frame, 0, _query(frame.points[0]), np.zeros((CROP_SIZE, CROP_SIZE, 3), np.uint8))
    ankle, shoulder = PROMPT_JOINTS[10], PROMPT_JOINTS[0]
    assert 0 < made.weight[ankle] < made.weight[shoulder]
    assert made.visible[ankle] == 0 and made.visible[shoulder] == 1
    assert not made.mask[-12:].any()


def test_the_mirror_exchanges_left_and_right() -> None:
    frame = synthetic_frame()
    mirrored = mirror_frame(frame)
    left, right = PROMPT_JOINTS[4], PROMPT_JOINTS[5]
    assert mirrored.points[0, left, 0] == pytest.approx(512 - frame.points[0, right, 0])
    assert mirrored.is_occluded[1, PROMPT_JOINTS[2]] and not mirrored.is_occluded[1, PROMPT_JOINTS[3]]
    own = matched_keypoints(mirrored)[0]
    assert own is not None
    assert np.linalg.norm(own.points - mirrored.points[0, PROMPT_JOINTS], axis=-1).max() < 6
    query = Query(_query(frame.points[0]).crop)
    maps = frame.keypoint_maps.resampled(query.crop, 64)[..., 9]
    other = mirrored.keypoint_maps.resampled(_query(mirrored.points[0]).crop, 64)[:, ::-1, 10]
    np.testing.assert_allclose(maps, other, atol=0.02)
    twice = mirror_frame(mirrored)
    np.testing.assert_array_equal(twice.image, frame.image)
    np.testing.assert_allclose(twice.points, frame.points)
    np.testing.assert_array_equal(twice.map_values, frame.map_values)


def test_samples_of_one_frame_differ_and_keep_the_person_in_the_crop() -> None:
    frame, rng = synthetic_frame(), np.random.default_rng(1)
    samples = [sample(frame, 0, rng) for _ in range(20)]
    assert len({each.query.crop for each in samples}) == 20
    assert np.mean([(each.weight[PROMPT_JOINTS] > 0).mean() for each in samples]) > 0.9
    for each in samples:
        assert each.image.shape == (CROP_SIZE, CROP_SIZE, 3)
        if isinstance(each.query.own, JointPrompt):
            error = np.linalg.norm(
                to_cells(each.query.crop, each.query.own.points) - each.cells[PROMPT_JOINTS], axis=-1
            )
            assert np.median(error) < 10
