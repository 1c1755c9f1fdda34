"""Tests of rendered clips as training examples: real detections with truth, in the truth's order of people."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from core.body.files import load_body
from core.contract.errors import UserError
from core.perception.detections import Detections
from lab.evaluation.detection_noise.noise_model import load_noise
from lab.evaluation.pairs_2d import simulate_clip
from lab.evaluation.perception_cache import CachedDetections, PerceptionCache
from lab.evaluation.rendered import RenderedClip
from lab.training.rendered_clips import detected_clip, in_order_of_truth
from tests.lab.training.synthetic_interaction import synthetic_interaction


@dataclass(frozen=True)
class ScriptedPerception:
    """Sees the same in every video; None: two people are not found."""

    detections: Detections | None

    def detect_two(self, path: Path) -> CachedDetections:
        if self.detections is None:
            raise UserError("one-person", "Only one person is found.", "")
        return CachedDetections(self.detections, 0.0)


@pytest.mark.slow
def test_a_rendered_clip_has_the_real_detections_in_the_order_of_its_truth():
    clip = simulate_clip(synthetic_interaction(), 3, load_body(None), load_noise())
    exchanged = clip.detections.along("P", [1, 0])
    for detections in (clip.detections, exchanged):
        ordered = in_order_of_truth(detections, clip.truth)
        assert np.array_equal(ordered.keypoints, clip.detections.keypoints)
    rendered = RenderedClip(
        "wave", "wave", Path("wave.mp4"), (), (960, 540), 30.0, clip.truth, clip.sentences, ("made/up",), ("nobody",)
    )
    seen = detected_clip(rendered, cast(PerceptionCache, ScriptedPerception(exchanged)))
    assert seen is not None and seen.sentences == clip.sentences
    assert np.array_equal(seen.detections.found, clip.detections.found)
    assert detected_clip(rendered, cast(PerceptionCache, ScriptedPerception(None))) is None
