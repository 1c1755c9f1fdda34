"""Shots of choreographed pairs: complete, the same for a seed whatever their order, and clear about missing data."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from core.body.files import load_body
from core.contract.contact import Contact
from core.contract.errors import UserError
from core.contract.files import read_npz
from core.motion import PairMotion
from lab.choreography.interaction import Interaction, save_interactions
from lab.evaluation import pairs_2d
from lab.evaluation.benchmark_clip import OCCLUDED, TRUNCATED, VISIBLE, BenchmarkClip
from lab.evaluation.pairs_2d import load_pairs, simulate_clips

SAMPLE = Path(__file__).resolve().parents[3] / "samples" / "handshake_hug_truth.npz"


def interaction(name: str, first: int) -> Interaction:
    arrays = read_npz(SAMPLE)
    frames = slice(first, first + 24)
    motion = {f.name: arrays[f.name][:, frames] for f in fields(PairMotion) if f.name != "betas"}
    return Interaction(
        name=name,
        family="hug",
        sources=("made/up",),
        subjects=("nobody",),
        rate=30.0,
        motion=PairMotion(**motion, betas=arrays["betas"]),
        foot_contact=arrays["planted"][:, frames],
        contacts=(Contact(0, "left_palm", 1, "back", 3, 12, id="c"),),
        sentences=("Two people hug.",),
    )


CLIPS = [interaction("hug-0001", 70), interaction("hug-0002", 95)]


@pytest.fixture(scope="module")
def made() -> list[BenchmarkClip]:
    return list(simulate_clips(CLIPS, 0, load_body(None)))


def test_a_shot_holds_the_interaction_and_what_was_seen_of_it(made: list[BenchmarkClip]) -> None:
    for clip, shot in zip(CLIPS, made):
        assert (shot.name, shot.family, shot.sentences) == (clip.name, clip.family, clip.sentences)
        truth = shot.truth
        assert truth.joints.shape == (2, 24, 55, 3) and truth.joints.dtype == np.float32
        np.testing.assert_allclose(truth.joints[:, :, 0], clip.motion.pelvis, atol=1e-5)
        assert truth.visibility.shape == (2, 24, 22)
        assert set(np.unique(truth.visibility)) <= {VISIBLE, OCCLUDED, TRUNCATED}
        assert truth.contacts == clip.contacts
        assert shot.detections.found.all(0).sum() >= 5
        assert len(shot.detections.time) == 24


def test_most_landmarks_that_are_sure_lie_on_the_person(made: list[BenchmarkClip]) -> None:
    for shot in made:
        camera, detections = shot.truth.camera, shot.detections
        joints = shot.truth.joints[:, :, :22].reshape(-1, 3) @ camera.T_cw[:3, :3].T + camera.T_cw[:3, 3]
        pixels = (joints[:, :2] / joints[:, 2:] * camera.K[0, 0] + camera.K[:2, 2]).reshape(2, 24, 22, 2)
        sure = detections.keypoints[..., 2] > 0.7
        apart = np.linalg.norm(detections.keypoints[..., None, :2] - pixels[:, :, None], axis=-1).min(-1)
        tall = np.ptp(pixels[..., 1], axis=-1)[..., None]
        assert ((apart / tall)[sure] < 0.15).mean() > 0.8


def test_order_does_not_matter_and_the_seed_does(made: list[BenchmarkClip]) -> None:
    body = load_body(None)
    again = list(simulate_clips(CLIPS[::-1], 0, body))[1]
    np.testing.assert_array_equal(again.detections.keypoints, made[0].detections.keypoints)
    np.testing.assert_array_equal(again.truth.camera.T_cw, made[0].truth.camera.T_cw)
    other = next(simulate_clips(CLIPS[:1], 1, body))
    assert not np.allclose(other.truth.camera.T_cw, made[0].truth.camera.T_cw)


def test_missing_interactions_and_unknown_splits_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs_2d, "PAIRS", {"test": tmp_path / "pairs_test.npz"})
    with pytest.raises(UserError) as missing:
        load_pairs("test")
    assert missing.value.code == "no-pairs" and "choreograph" in missing.value.hint
    with pytest.raises(UserError) as unknown:
        load_pairs("train")
    assert unknown.value.code == "no-such-split"
    save_interactions(tmp_path / "pairs_test", CLIPS)
    assert [clip.name for clip in load_pairs("test")] == ["hug-0001", "hug-0002"]
