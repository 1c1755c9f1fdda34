"""SAM 3D Body in the pipeline: chosen by a setting, its weights part of the key, and left out where memory is too small."""

from __future__ import annotations

import pytest
import torch

from core.contract.errors import UserError
from core.contract.reconstruction import load_info
from core.contract.requests import ReconstructRequest, RefineRequest
from core.hub.store import MODELS_VARIABLE, folder_of, seal
from core.pipeline.jobs import reconstruct, refine
from core.pipeline.resolve import lifting_identity
from core.sam3d_body import lifting
from tests.core.sam3d_body import tiny

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
    assert "initial-motion" not in recorder.stages
    recorder.stages.clear()
    refine(RefineRequest(seed=1), out, recorder)  # never decodes video or runs the network
    assert not set(LIFTED) & set(recorder.stages)


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
    from pathlib import Path

    return Path("nobody.mp4")


def test_two_initial_motions_are_refused():
    request = ReconstructRequest(clip_file_of_nobody(), lifting="sam-3d-body", initial=(clip_file_of_nobody(),))
    with pytest.raises(UserError) as caught:
        request.check()
    assert caught.value.code == "bad-lifting"


def test_the_embedded_way_takes_over_where_the_memory_is_too_small(
    clip_file, tmp_path, quick, model, recorder, monkeypatch
):
    def crowded(*_):
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(lifting, "load_network", crowded)
    reconstruct(ReconstructRequest(clip_file, lifting="sam-3d-body"), tmp_path / "out", recorder)
    assert any("memory is too small for SAM 3D Body" in warning for warning in load_info(tmp_path / "out").warnings)


def test_it_is_cancelled_inside_the_network(clip_file, tmp_path, quick, model, recorder):
    from core.contract.errors import Cancelled

    recorder.stop_in = "lifted-people"
    with pytest.raises(Cancelled):
        reconstruct(ReconstructRequest(clip_file, lifting="sam-3d-body"), tmp_path / "out", recorder)
