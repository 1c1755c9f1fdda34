"""Rendered frames hold the truth of what they show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.contract.errors import UserError
from core.perception.prompted_landmarks import PROMPT_JOINTS
from lab.prompted_training.frames import load_frames
from lab.prompted_training.render_frames import FrameRenderer, RenderSettings, render_all
from tests.lab.rendering.test_clip_staging import interaction

pytest.importorskip("moderngl")


@pytest.mark.slow
def test_landmarks_lie_on_the_people_who_are_seen(tmp_path: Path) -> None:
    try:
        frames = FrameRenderer().render(interaction(), RenderSettings(frames=4, seed=1))
    except UserError as error:
        pytest.skip(error.message)
    assert len(frames) == 4
    on_body = []
    for frame in frames:
        for person in np.flatnonzero(frame.present):
            for number in PROMPT_JOINTS:
                x, y = frame.points[person, number]
                hidden = frame.is_occluded[person, number] or frame.is_outside[person, number]
                if not hidden and 0 <= x < 512 and 0 <= y < 512:
                    on_body.append(frame.seen[int(y / 2), int(x / 2)] == person)
        assert frame.map_values.max() > 50
    assert len(on_body) > 30 and np.mean(on_body) > 0.95

    render_all([interaction()], tmp_path, RenderSettings(frames=4, seed=1))
    again = load_frames(tmp_path / "hug-0.npz")
    for frame, same in zip(frames, again, strict=True):
        np.testing.assert_allclose(frame.points, same.points, atol=1e-3)
        assert (frame.seen == same.seen).mean() > 0.999
