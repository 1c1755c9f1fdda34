"""Frames and seconds of the clip lie on the scene's timeline where the frame rates put them."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from tests.blender.product import Product


@pytest.fixture
def timeline(product: Product) -> ModuleType:
    return product("socialmirror_blender.scene.timeline")


def test_equal_frame_rates_key_the_frames_of_the_clip(timeline: ModuleType) -> None:
    seconds = np.arange(5) / 24 + 0.5
    frames, at = timeline.frames_to_key(timeline.Timeline(zero_frame=-2.0, frame_rate=24.0), seconds)
    assert frames.tolist() == [10, 11, 12, 13, 14]
    np.testing.assert_array_equal(at, seconds)


def test_unequal_frame_rates_key_every_scene_frame_within_the_clip(timeline: ModuleType) -> None:
    frames, at = timeline.frames_to_key(timeline.Timeline(zero_frame=1.5, frame_rate=24.0), np.arange(11) / 10)
    assert frames.tolist() == list(range(2, 26))
    np.testing.assert_allclose(at, (frames - 1.5) / 24)


def test_frames_of_the_clip_map_to_scene_frames_and_back(timeline: ModuleType) -> None:
    """A clip of 48 frames per second in a scene of 24."""
    timing = timeline.ClipTiming(
        np.arange(100, 125), np.arange(25) / 48, timeline.Timeline(zero_frame=1.0, frame_rate=24.0)
    )
    assert timing.to_scene_frames([100, 110, 120]).tolist() == [1, 6, 11]
    assert timing.to_scene_frames([0, 500]).tolist() == [1, 13]  # the first and last reconstructed frame
    assert [timing.to_clip_frame(frame) for frame in (1, 6, 11)] == [100, 110, 120]
    assert [timing.nearest_index(frame) for frame in (-50, 13, 50)] == [0, 24, 24]
    np.testing.assert_allclose(timing.to_clip_times(range(-1, 17, 4)), [96, 104, 112, 120, 128])
    assert timing.scene_range(110, 120) == (6, 11)


def test_interpolation_is_linear_and_constant_beyond_the_ends(timeline: ModuleType) -> None:
    values, seconds = np.array([[0.0, 1.0], [2.0, 5.0]]), np.array([1.0, 2.0])
    result = timeline.interpolate(values, seconds, np.array([0.0, 1.25, 9.0]))
    np.testing.assert_allclose(result, [[0, 1], [0.5, 2], [2, 5]])
