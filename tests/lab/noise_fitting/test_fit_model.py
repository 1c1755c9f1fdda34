"""Fitting the noise model to simulated detections recovers the model that they were simulated with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.body.files import load_body
from core.motion import Camera
from core.perception.detections import Detections
from lab.evaluation import perception_cache
from lab.evaluation.detection_noise.landmark_groups import GROUPS
from lab.evaluation.detection_noise.noise_model import load_noise
from lab.evaluation.detection_noise.states import (
    CLEAR,
    CLOSENESS_BINS,
    NOT_FOUND,
    OWN_SKELETON,
    PROBABILITIES,
    SKELETON_KINDS,
)
from lab.evaluation.occlusion.projection import ProjectedClip
from lab.evaluation.rendered import RenderedClip, save_rendered
from lab.noise_fitting.comparison import detection_statistics
from lab.noise_fitting.fit_model import fit_detection_noise
from lab.noise_fitting.fit_noise import NoiseFit, fit_noise, scale_jitter
from lab.noise_fitting.matching import match_detections
from lab.paths import NOISE_FILE
from tests.lab.evaluation.noise_helpers import RATE, always, sample_truth_clip, simulate, without_errors
from tests.lab.evaluation.synthetic import SIZE, perfect_detections, synthetic_clip

Clip = tuple[ProjectedClip, Camera]


@pytest.fixture(scope="module")
def clip() -> Clip:
    return sample_truth_clip()


@pytest.mark.slow
def test_error_sizes_and_failures_are_recovered(clip: Clip):
    true = always(load_noise(), OWN_SKELETON)
    transitions = np.tile(np.eye(SKELETON_KINDS), (CLOSENESS_BINS, 1, 1))
    transitions[:, OWN_SKELETON, OWN_SKELETON], transitions[:, OWN_SKELETON, NOT_FOUND] = 0.95, 0.05
    transitions[:, NOT_FOUND, NOT_FOUND], transitions[:, NOT_FOUND, OWN_SKELETON] = 0.8, 0.2
    small = {name: 0.3 * getattr(true, name) for name in ("error_radius", "error_bias", "metric_error")}
    true = replace(true, skeleton_transitions=transitions, **small)
    clips = [match_detections(f"clip {seed}", *clip, RATE, simulate(clip, true, seed)) for seed in range(6)]
    fitted = fit_detection_noise(clips, {})
    assert 0.05 < np.mean([each.skeleton_kind == NOT_FOUND for each in clips]) < 0.4
    lost = fitted.skeleton_transitions[:, OWN_SKELETON, NOT_FOUND].mean()
    assert abs(lost * 25 / 30 - 0.05 * 25 / 30) < 0.04
    np.testing.assert_allclose(fitted.metric_follow, true.metric_follow, atol=0.15)
    closeness = int(np.bincount(clips[0].conditions.closeness_bin.ravel()).argmax())
    median = int(np.argmin(np.abs(PROBABILITIES - 0.5)))
    groups = [GROUPS.index(name) for name in ("shoulder", "hip", "knee", "ankle")]
    cells = (closeness, CLEAR, groups, median)
    ratio = fitted.error_radius[cells] / true.error_radius[cells]
    assert ((ratio > 0.5) & (ratio < 2)).all(), ratio


def test_detections_without_errors_have_perfect_statistics(clip: Clip):
    detections = simulate(clip, always(without_errors(load_noise()), OWN_SKELETON))
    statistics = detection_statistics([match_detections("clip", *clip, RATE, detections)])
    assert statistics["PCK@0.03 %"] > 99
    assert statistics["skeleton: not found %"] == statistics["limb: other person's %"] == 0


def test_scaling_jitter_changes_the_fast_processes_and_keeps_the_variance():
    weights = np.array([[0.1, 0.1, 0.3, 0.5]])
    scaled = scale_jitter(weights, 0.5)
    np.testing.assert_allclose(scaled[..., :2], 0.25 * weights[..., :2])
    np.testing.assert_allclose(scaled.sum(-1), 1)


def test_detections_are_kept_beside_the_clips_until_the_networks_change(
    tmp_path: Path, clip_file: Path, monkeypatch: pytest.MonkeyPatch
):
    body = load_body(None)
    truth = synthetic_clip(body).truth
    save_rendered(tmp_path, RenderedClip(clip_file.stem, "hug", clip_file, (), SIZE, RATE, truth, (), (), ()))
    runs: list[str] = []

    def detect(*_: object, **__: object) -> Detections:
        runs.append("run")
        return perfect_detections(truth.motion, body)

    monkeypatch.setattr(perception_cache, "detect_people", detect)
    settings = NoiseFit([tmp_path], with_sample=False, compare_only=True, work=tmp_path / "work", out=NOISE_FILE)
    fit_noise(settings)
    fit_noise(settings)
    assert len(runs) == 1 and (tmp_path / "seen").is_dir()
    monkeypatch.setattr(perception_cache, "backend_identity", lambda _: "of other networks")
    fit_noise(settings)
    assert len(runs) == 2
