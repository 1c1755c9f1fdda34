"""The stage in which MoGe-2 looks at a clip: what it stores, what it says, and what it does without enough memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.body.model import BodyModel
from core.clip import probe
from core.contract.errors import UserError
from core.contract.reconstruction import CameraAgreement
from core.fitting.camera import extrinsics
from core.fitting.camera_hypotheses import CameraCandidates
from core.fitting.scene_view import SceneView, nothing_seen
from core.hub import moge
from core.hub.memory import TooLittleMemory
from core.hub.store import MODELS_VARIABLE, identity
from core.perception.detections import Detections
from core.pipeline import scene_camera
from core.pipeline.cache import flatten, unflatten
from core.pipeline.stages import AgreementOnCamera
from core.records import check_record
from core.reporting import SilentReporter
from tests.core.conftest import load_body_once
from tests.core.fitting import synthetic
from tests.core.hub.installing import seal
from tests.core.hub.test_moge import tiny_moge

SAMPLE = Path(__file__).resolve().parents[3] / "samples" / "handshake_hug.mp4"


class Logging(SilentReporter):
    def __init__(self) -> None:
        super().__init__()
        self.logs: list[str] = []

    def log(self, text: str) -> None:
        self.logs.append(text)


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body_once(None)


@pytest.fixture(scope="module")
def scene(body: BodyModel) -> synthetic.Scene:
    return synthetic.scene(body, frames=6)


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The identity of a tiny model that is installed."""
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path))
    tiny_moge(tmp_path / moge.MODEL)
    seal(moge.MODEL)
    return identity(moge.MODEL)


def look(detections: Detections, model: str, reporter: SilentReporter) -> SceneView:
    return scene_camera.look_at_scene(probe(SAMPLE), detections, model, reporter)


def test_a_view_is_stored_and_read_again(model: str, scene: synthetic.Scene) -> None:
    full = SceneView(np.array([0.0, -1, 0]), 0.04, 1.5, 0.2, 0.9, 0.1, np.arange(3), np.ones((2, 3)))
    for view in (full, nothing_seen(2), look(scene.detections, model, SilentReporter())):
        check_record(view)
        again = unflatten(SceneView, flatten(view))
        assert again.focal == view.focal
        assert np.array_equal(again.feet_depth, view.feet_depth)


def test_only_an_installed_model_is_used_and_only_if_wanted(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert scene_camera.scene_model_identity("auto") == model
    assert scene_camera.scene_model_identity("off") == ""
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "none"))
    assert scene_camera.scene_model_identity("auto") == ""


def test_another_model_than_that_of_the_key_is_refused(model: str, scene: synthetic.Scene) -> None:
    with pytest.raises(UserError, match="replaced"):
        look(scene.detections, "0" * 64, SilentReporter())


def test_without_enough_memory_it_is_no_result(
    model: str, scene: synthetic.Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_large(folder: Path) -> None:
        raise RuntimeError("Failed to allocate memory for requested buffer of size 4294967296")

    monkeypatch.setattr(moge, "MogeModel", too_large)
    with pytest.raises(TooLittleMemory, match="estimated without it") as caught:
        look(scene.detections, model, SilentReporter())
    assert caught.value.choice == "scene_model"


def test_agreement_is_logged_and_contradiction_is_warned_of(scene: synthetic.Scene) -> None:
    camera = scene.camera
    embedded = CameraCandidates(camera.K[None], camera.T_cw[None].astype(np.float64), np.zeros(1))
    focal = float(camera.K[0, 0]) / float(np.hypot(synthetic.WIDTH, synthetic.HEIGHT))
    up = camera.T_cw[:3, 2].astype(np.float64)
    agreeing = SceneView(up, 0.04, 1.6, 0.2, focal, 0.1, np.arange(1), np.zeros((2, 1)))
    reporter = Logging()

    def compared(view: SceneView) -> CameraAgreement:
        return scene_camera.compare_cameras(view, embedded, scene.detections, reporter)

    found = compared(agreeing)
    assert "focal length +0%" in reporter.logs[0]
    assert "1.60 m instead of 1.50 m" in reporter.logs[0]
    assert found.agrees and not reporter.warnings
    assert (found.focal, found.vertical, found.pitch, found.roll) == pytest.approx((0, 0, 0, 0), abs=1e-3)
    found = compared(replace(agreeing, focal=1.5 * focal, up_sigma=0.0))
    assert found.focal == pytest.approx(0.5) and found.vertical is None and not found.agrees
    assert "disagree" in reporter.warnings[0]
    pitch, roll, height = (torch.tensor(value) for value in (0.5, 0.3, 1.5))
    for turned, angles in (((0.1, 0.0), (5.73, 0.0)), ((0.0, -0.1), (0.0, -5.73))):
        embedded = CameraCandidates(camera.K[None], extrinsics(pitch, roll, height).double().numpy()[None], np.zeros(1))
        seen = extrinsics(pitch + turned[0], roll + turned[1], height)[:3, 2].double().numpy()
        found = compared(replace(agreeing, up=seen))
        assert (found.pitch, found.roll) == pytest.approx(angles, abs=0.01)
        assert found.vertical is not None and 4 < found.vertical < 6


def test_agreement_is_stored_and_read_again() -> None:
    for found in (None, CameraAgreement("MoGe-2", 0.1), CameraAgreement("MoGe-2", -0.1, 3.0, -2.0, 1.0)):
        whole = AgreementOnCamera(found)
        check_record(whole)
        assert unflatten(AgreementOnCamera, flatten(whole)) == whole
