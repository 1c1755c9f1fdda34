"""The benchmark `real` on a synthetic studio: what its metrics measure, and that failures become notes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.body.files import load_body
from core.contract.errors import UserError
from core.motion import PairMotion
from core.perception.detections import Detections
from core.perception.landmarks import LIMBS
from lab.evaluation.benchmark_clip import Estimate
from lab.evaluation.methods import METHODS
from lab.evaluation.real.calibrated_views import CALIBRATION, INDEPENDENT, LANDMARKS_ROW
from lab.evaluation.real.evaluate_real import evaluate_real
from lab.evaluation.real.limbs import fitted_landmarks
from lab.evaluation.results import Report
from lab.evaluation.table import report_table
from tests.lab.evaluation.real.studio import (
    DISTANCE,
    FOCAL,
    FRAMES,
    RATE,
    make_studio,
    oracle,
    perfect_perception,
    standing,
)


@pytest.fixture
def studio(tmp_path: Path) -> Path:
    return make_studio(tmp_path)


def evaluate(studio: Path, methods: list[str], clips: int | None = None) -> Report:
    return evaluate_real(studio, methods, perfect_perception(studio), clips=clips)


def test_a_method_that_knows_the_motion_has_no_error(studio: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(METHODS, "oracle", oracle())
    report = evaluate(studio, ["oracle"])
    with_woman = [clip for clip in report.clips if clip.method == "oracle" and clip.family == "views-hidden"]
    assert len(with_woman) == 4
    for clip in with_woman:
        assert clip.frames == FRAMES
        assert clip.metrics["mpjpe"] == pytest.approx(0, abs=0.01)
        assert clip.metrics["pa_mpjpe"] == pytest.approx(0, abs=0.01)
        assert clip.metrics["reprojection"] == pytest.approx(0, abs=0.01)
        assert clip.seconds == {"perception": 1.5, "oracle": 2.0}
    landmarks = [clip for clip in report.clips if clip.method == LANDMARKS_ROW]
    assert {clip.family for clip in landmarks} == {"views-alone", "views-hidden"}
    assert all(clip.metrics["mpjpe"] < 0.01 for clip in landmarks)
    json.dumps(report.to_json(), allow_nan=False)


def test_the_independent_truth_and_the_calibration_are_compared(studio: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(METHODS, "oracle", oracle())
    limbs = fitted_landmarks(standing(), load_body(None))[0][:, LIMBS].copy()
    names = [f"{side}{part}" for part in ("Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle") for side in ("L", "R")]
    limbs[:, names.index("LWrist")] += (0, 0, 0.12)  # metres: 10 mm on the mean of twelve
    folder = next(studio.glob(f"**/{CALIBRATION}")).parent
    np.savez(folder / INDEPENDENT, names=np.array(names), points=limbs.astype(np.float32))
    report = evaluate(studio, ["oracle"], clips=1)
    (clip,) = (each for each in report.clips if each.method == "oracle" and each.family == "views-hidden")
    assert clip.metrics["mpjpe_openpose"] == pytest.approx(10, abs=0.1) and clip.metrics["mpjpe"] < 0.01
    for name in ("pitch_error", "roll_error", "focal_error"):
        assert clip.metrics[name] == pytest.approx(0, abs=1e-3)
    assert {"MPJPE*", "PA*", "pitch", "roll", "focal"} <= set(report_table(report).split())


def test_errors_have_the_right_units(studio: Path, monkeypatch: pytest.MonkeyPatch):
    def shifted(motion: PairMotion) -> PairMotion:
        """Both people 10 cm along the image's horizontal axis: their poses stay right."""
        return replace(motion, pelvis=motion.pelvis + np.array([0.1, 0, 0], np.float32))

    def bent(motion: PairMotion) -> PairMotion:
        """The man's left knee bent by a right angle: of the twelve limbs only that ankle moves."""
        pose = motion.body_pose.copy()
        pose[0, :, 3, 0] += np.pi / 2
        return replace(motion, body_pose=pose)

    monkeypatch.setitem(METHODS, "shifted", oracle(shifted))
    monkeypatch.setitem(METHODS, "bent", oracle(bent))
    report = evaluate(studio, ["shifted", "bent"], clips=1)
    found = {clip.method: clip.metrics for clip in report.clips if clip.family == "views-hidden"}
    assert found["shifted"]["mpjpe"] == pytest.approx(0, abs=0.01)
    # 10 cm at five metres are 20 px, a little less for points that are farther away
    assert found["shifted"]["reprojection"] == pytest.approx(0.1 / DISTANCE * FOCAL, rel=0.05)
    # in percent of the person's height: the landmarks from heels to eyes, about 1.6 m
    assert found["shifted"]["reprojection_share"] == pytest.approx(100 * 0.1 / 1.6, rel=0.15)
    body = load_body(None)
    shin = float((body.J_template[7] - body.J_template[4]).norm())
    assert found["bent"]["mpjpe"] == pytest.approx(1000 * np.sqrt(2) * shin / 12, rel=0.1)


@pytest.mark.slow
def test_videos_without_ground_truth_get_the_metrics_that_need_none(studio: Path, monkeypatch: pytest.MonkeyPatch):
    def penetrating(motion: PairMotion) -> PairMotion:
        pelvis = motion.pelvis.copy()
        pelvis[1, :, 0] = 0.1
        return replace(motion, pelvis=pelvis)

    def sliding(motion: PairMotion) -> PairMotion:
        pelvis = motion.pelvis.copy()
        pelvis[..., 1] += 0.02 * np.arange(FRAMES, dtype=np.float32)
        return replace(motion, pelvis=pelvis)

    def trembling(motion: PairMotion) -> PairMotion:
        pelvis = motion.pelvis.copy()
        pelvis[:, ::2, 2] += 0.001
        return replace(motion, pelvis=pelvis)

    methods = {"oracle": oracle(), "penetrating": oracle(penetrating)}
    methods |= {"sliding": oracle(sliding), "trembling": oracle(trembling)}
    for name, method in methods.items():
        monkeypatch.setitem(METHODS, name, method)
    report = evaluate(studio, list(methods))
    wild = {clip.method: clip for clip in report.clips if clip.family.startswith("wild: dance")}
    assert wild["oracle"].clip == f"dance 0-{FRAMES - 1}"
    assert "mpjpe" not in wild["oracle"].metrics
    assert "contact_distance" not in wild["oracle"].metrics  # its estimate has no contacts
    assert wild["oracle"].metrics["penetration_max"] == 0
    assert wild["penetrating"].metrics["penetration_max"] > 50
    assert wild["oracle"].metrics["foot_slide"] == pytest.approx(0, abs=0.01)
    assert wild["sliding"].metrics["foot_slide"] == pytest.approx(20, rel=0.01)
    assert wild["oracle"].metrics["jitter"] < 1
    # up and down by a millimetre from frame to frame: the third difference of 0, a, 0, a is 4 a
    assert wild["trembling"].metrics["jitter"] == pytest.approx(4 * 0.001 * RATE**3, rel=0.01)


def test_a_method_that_fails_becomes_a_note(studio: Path, monkeypatch: pytest.MonkeyPatch):
    def failing(detections: Detections, body: object, **_: object) -> Estimate:
        raise ValueError("Nobody is there.")

    monkeypatch.setitem(METHODS, "failing", failing)
    monkeypatch.setitem(METHODS, "oracle", oracle())
    report = evaluate(studio, ["failing", "oracle"], clips=1)
    (note,) = (note for note in report.notes if "failing failed on camera 1, a woman in front of him" in note)
    assert "Nobody is there." in note
    assert {row.method for row in report.rows} == {LANDMARKS_ROW, "oracle"}


def test_methods_for_one_person_run_on_the_man_alone(studio: Path):
    report = evaluate(studio, ["raw", "one-euro"], clips=1)
    alone = {clip.method: clip.metrics for clip in report.clips if clip.family == "views-alone"}
    assert set(alone) == {LANDMARKS_ROW, "raw", "one-euro"}
    # detections without errors, but an unknown focal length: what is left is the error of the lifting
    assert all(metrics["mpjpe"] < 45 for metrics in alone.values())


def test_an_empty_folder_is_an_error(tmp_path: Path):
    with pytest.raises(UserError, match="holds no videos"):
        evaluate(tmp_path, ["raw"])
