"""SAM 3D Body in the pipeline: chosen by a setting, its weights part of the key, and left out where memory is too small."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from core.body.files import load_body
from core.contract.errors import UserError
from core.contract.reconstruction import load, load_info
from core.contract.requests import ReconstructRequest, RefineRequest
from core.fitting.camera import KnownCamera
from core.hub.store import MODELS_VARIABLE, folder_of
from core.pipeline import retry
from core.pipeline.jobs import reconstruct, refine
from core.pipeline.nodes import Lifting, TakeSettings, first_take_nodes, nodes_of_detections
from core.pipeline.resolve import lifting_identity
from core.pipeline.settings import PipelineSettings
from core.pipeline.stage import Given
from core.sam3d_body import initial, lifting
from tests.core.conftest import made_up_tracks
from tests.core.hub.installing import seal
from tests.core.sam3d_body import tiny

HUG = Path(__file__).parents[1] / "data" / "rendered" / "hug.mp4"
LIFTED = ["lifted-people", "lifted-motion"]


@pytest.fixture
def model(tmp_path, monkeypatch):
    """SAM 3D Body as the models manager installs it, tiny."""
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "hub"))
    folder = tiny.write_model(folder_of("sam-3d-body"))
    seal("sam-3d-body")
    return folder


def test_a_clip_is_lifted_by_the_fetched_network_and_refined_from_the_cache(
    clip_file, tmp_path, quick, model, recorder
):
    out = tmp_path / "out"
    reconstruct(ReconstructRequest(clip_file, lifting="sam-3d-body"), out, recorder)
    assert [stage for stage in recorder.stages if stage in LIFTED] == LIFTED
    recorder.stages.clear()
    refine(RefineRequest(seed=1), out, recorder)  # never decodes video or runs the network
    assert not set(LIFTED) & set(recorder.stages)


def test_what_the_network_sees_and_what_the_landmarks_show_are_weighed_as_independent():
    """The ST-GCN goes on from the landmarks' own motion, so that no error of the fetched network is counted twice."""
    body = load_body(None)
    start = Lifting(Given(None, ""), "model")
    clip = nodes_of_detections(Given(made_up_tracks(), ""), KnownCamera(), Given(body, body.identity), start)
    prediction = first_take_nodes(clip, TakeSettings(), PipelineSettings()).prediction
    assert clip.landmarks is not None
    assert [about.initial.stage.name for about in (clip, clip.landmarks)] == ["lifted-motion", "initial-motion"]
    assert {clip.scene.key, clip.landmarks.scene.key} <= {node.key for node in prediction.dependencies}


def test_other_weights_are_another_result(clip_file, tmp_path, quick, model, recorder):
    request = ReconstructRequest(clip_file, lifting="sam-3d-body")
    reconstruct(request, tmp_path / "out", recorder)
    first = load_info(tmp_path / "out").settings["choices"]["lifting"]
    file = next(model.rglob("*.safetensors"))
    file.unlink()
    file.parent.rmdir()
    (model / "manifest.json").unlink(missing_ok=True)
    for left in model.iterdir():
        left.unlink()
    model.rmdir()
    tiny.write_model(model, tiny.file_arrays(tiny.tiny_network(seed=5)))
    seal("sam-3d-body")
    recorder.stages.clear()
    reconstruct(request, tmp_path / "out", recorder)
    assert set(LIFTED) <= set(recorder.stages)
    assert load_info(tmp_path / "out").settings["choices"]["lifting"] != first


def test_automatic_is_the_embedded_way_on_a_cpu_and_the_network_on_a_gpu(model):
    request = ReconstructRequest(clip_file_of_nobody())
    assert lifting_identity(request, torch.device("cpu")) == ""
    assert lifting_identity(request, torch.device("cuda")) != ""
    model.rename(model.with_name("elsewhere"))
    assert lifting_identity(request, torch.device("cuda")) == ""
    with pytest.raises(UserError) as caught:
        lifting_identity(ReconstructRequest(clip_file_of_nobody(), lifting="sam-3d-body"), torch.device("cpu"))
    assert caught.value.code == "model-missing"


def clip_file_of_nobody():
    return Path("nobody.mp4")


def test_two_initial_motions_are_refused():
    request = ReconstructRequest(clip_file_of_nobody(), lifting="sam-3d-body", initial=(clip_file_of_nobody(),))
    with pytest.raises(UserError) as caught:
        request.check()
    assert caught.value.code == "bad-lifting"


def test_the_embedded_way_takes_over_where_the_memory_is_too_small_and_is_not_taken_for_the_networks_result_later(
    clip_file, tmp_path, quick, model, recorder, monkeypatch
):
    def crowded(*_):
        raise torch.OutOfMemoryError("out of memory")

    request, out = ReconstructRequest(clip_file, lifting="sam-3d-body"), tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(lifting, "load_network", crowded)
        reconstruct(request, out, recorder)
    info = load_info(out)
    assert any("memory is too small for SAM 3D Body" in warning for warning in info.warnings)
    assert info.settings["choices"]["lifting"] == "" and "lifted-motion" not in recorder.stages
    recorder.stages.clear()
    refine(RefineRequest(seed=1), out, recorder)  # of the embedded result
    assert "perception" not in recorder.stages
    recorder.stages.clear()
    reconstruct(request, out, recorder)  # there is enough memory now
    assert set(LIFTED) <= set(recorder.stages)
    assert load_info(out).settings["choices"]["lifting"] != ""


@pytest.mark.slow
def test_the_real_pipeline_goes_on_from_what_the_network_sees_to_the_end(tmp_path, model, recorder, monkeypatch):
    """Nothing is a stand-in but the network's weights, which are random: that it sees somebody else is overlooked."""
    monkeypatch.setattr(initial, "_LARGEST_RESIDUAL", float("inf"))
    for suspicion in ("is_bad", "may_stray"):  # it is bad, and would be made again without the learned models
        monkeypatch.setattr(retry, suspicion, lambda *_: False)
    request = ReconstructRequest(HUG, frames="8:15", lifting="sam-3d-body", device="cpu", fov=54.0)
    reconstruct(request, tmp_path / "out", recorder)
    before, after = recorder.stages.index("lifted-people"), recorder.stages.index("lifted-motion")
    assert recorder.stages.index("perception") < before < after < recorder.stages.index("joint-prediction")
    assert {"first-fit", "detected-contacts", "infilled-motion", "solved-motion", "caption"} <= set(recorder.stages)
    result = load(tmp_path / "out")  # checked as a whole
    assert result.motion.joints.shape == (2, 8, 55, 3)
    assert not any("lie over the two people" in warning for warning in result.info.warnings)
    assert result.info.settings["choices"]["lifting"]


def test_it_is_cancelled_inside_the_network(clip_file, tmp_path, quick, model, recorder):
    from core.contract.errors import Cancelled

    recorder.stop_in = "lifted-people"
    with pytest.raises(Cancelled):
        reconstruct(ReconstructRequest(clip_file, lifting="sam-3d-body"), tmp_path / "out", recorder)
