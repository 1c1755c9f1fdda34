"""Takes by the real stages, with small networks of random weights: only perception is made up."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from core import checkpoint
from core.checkpoint import Checkpoint, as_record, save_checkpoint, weights_file
from core.contract.edits import Edits, Pin
from core.contract.errors import UserError
from core.contract.reconstruction import load, load_info
from core.contract.requests import ReconstructRequest, RefineRequest
from core.contract.skeleton import JOINT_INDEX
from core.fitting.fit import Phase
from core.infilling.denoiser import Denoiser, DenoiserConfig
from core.observations.features import NODE_FEATURES, PERSON_FEATURES, VERSION
from core.perception.detections import Detections
from core.pipeline import jobs, resolve, result_body, retry, stages
from core.pipeline.jobs import reconstruct, refine
from core.pipeline.settings import FitPhases, PipelineSettings
from core.representation.residual import BETAS, CHANNELS, RESIDUAL_SIZE, ResidualScales
from core.smoothing.network import SequenceSmoother, SmootherConfig
from core.stgcn.network import STGCN, STGCNConfig
from tests.core.conftest import Recorder, load_body_once
from tests.core.fitting import synthetic

FEATURES = (len(NODE_FEATURES), len(PERSON_FEATURES))


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> synthetic.Scene:
    """Two people, the left arm of the first hidden for a while; networks in a folder, and descents of a few steps."""
    made = synthetic.scene(load_body_once(None), frames=14, apart=0.8)
    monkeypatch.setattr(
        stages, "perception", replace(stages.perception, function=found_by(stages.perception.function, made))
    )
    short = FitPhases((Phase(5, 0.02),), (Phase(5, 0.02),))
    settings = PipelineSettings(first_fit=short, contact_fit=short, edit_fit=replace(short, fixed_shape=True))
    monkeypatch.setattr(jobs, "PipelineSettings", lambda: settings)
    for module in (result_body, resolve):
        monkeypatch.setattr(module, "load_body", load_body_once)
    monkeypatch.setattr(checkpoint, "MODELS", tmp_path / "models")
    # random networks lead away from the picture; their takes are wanted here, not the fit alone
    monkeypatch.setattr(retry, "may_stray", lambda *_: False)
    torch.manual_seed(0)
    put(stages.STGCN, STGCN(STGCNConfig(*FEATURES, width=16, person_width=16, blocks=1)))
    denoiser = Denoiser(
        DenoiserConfig(*FEATURES, CHANNELS, static_channels=BETAS, width=16, depth=1, heads=2, node_width=4)
    )
    for value in denoiser.parameters():
        nn.init.normal_(value.data, 0, 0.2)
    put(
        stages.INFILLER,
        denoiser,
        **ResidualScales(torch.full((RESIDUAL_SIZE,), 0.2), torch.full((BETAS,), 0.5)).to_json(),
    )
    return made


def found_by(function: Callable[..., Detections], made: synthetic.Scene) -> Callable[..., Detections]:
    """The stage's function with made-up detections in the place of its own."""

    @functools.wraps(function)
    def run(**_: object) -> Detections:
        return made.detections

    return run


def put(kind: str, network: nn.Module, **statistics: list[float]) -> None:
    record = Checkpoint(kind, VERSION, as_record(network.config), network.state_dict(), statistics)
    save_checkpoint(weights_file(kind), record)


def joints(folder: Path, take: str) -> np.ndarray:
    return np.load(folder / "takes" / f"{take}.npz")["joints"]


@pytest.mark.slow
def test_seeds_differ_where_somebody_is_hidden_and_share_bodies_and_world(clip_file, tmp_path, scene):
    out, recorder = tmp_path / "out", Recorder()
    reconstruct(ReconstructRequest(clip_file, takes=2, fov=synthetic.FOV), out, recorder)
    info = load_info(out)
    assert [take.seed for take in info.takes] == [0, 1] and info.takes[0].energy != info.takes[1].energy
    assert info.take == min(info.takes, key=lambda take: take.energy).id
    one, other = (np.load(out / "takes" / f"{take.id}.npz") for take in info.takes)
    for shared in ("betas", "camera_world", "rest_joints"):
        np.testing.assert_array_equal(one[shared], other[shared])
    apart = np.linalg.norm(one["joints"] - other["joints"], axis=-1)[0, scene.hidden.start : scene.hidden.stop]
    assert apart[:, JOINT_INDEX["left_wrist"]].max() > 0.004

    for name in ("infilled-motion", "solved-motion"):
        for entry in (out / "cache").glob(f"{name}-*"):
            entry.unlink()
    before = joints(out, "take-002")
    assert reconstruct(ReconstructRequest(clip_file, seed=1, fov=synthetic.FOV), out, recorder).take.id == "take-002"
    np.testing.assert_allclose(joints(out, "take-002"), before, atol=1e-4)


@pytest.mark.slow
def test_refined_takes_differ_about_what_was_edited(clip_file, tmp_path, scene):
    out = tmp_path / "out"
    reconstruct(ReconstructRequest(clip_file, seed=5, fov=synthetic.FOV), out, Recorder())
    refine(RefineRequest(), out, Recorder())
    same = load_info(out)
    np.testing.assert_array_equal(joints(out, same.take), joints(out, "take-001"))
    assert any("edits change nothing" in warning for warning in same.warnings)

    x, y, z = load(out).motion.joints[0, 8, JOINT_INDEX["left_wrist"]].tolist()
    pin = Pin(0, "left_wrist", int(scene.detections.frame_index[8]), position=(x + 0.05, y, z + 0.1))
    recorder = Recorder()
    refine(RefineRequest(edits=Edits(pins=(pin,)), takes=2), out, recorder)
    assert recorder.stages == 2 * ["infilled-motion", "solved-motion"]
    first, _, second, third = load_info(out).takes
    assert not any("edits change nothing" in warning for warning in load_info(out).warnings)
    assert [second.seed, third.seed] == [0, 1] and second.energy != third.energy
    assert np.abs(joints(out, second.id) - joints(out, third.id)).max() > 0.003
    assert first.scores is not None and second.scores is not None
    assert json.loads((out / "reconstruction.json").read_text())["settings"]["base_seed"] == 5


@pytest.mark.slow
def test_refine_under_a_corrected_camera_keeps_the_bodies_and_has_that_camera(clip_file, tmp_path, scene):
    out = tmp_path / "out"
    reconstruct(ReconstructRequest(clip_file, fov=synthetic.FOV, camera_roll=10.0), out, Recorder())
    before = load(out).motion
    recorder = Recorder()
    refine(RefineRequest(fov=40.0, camera_pitch=6.0, camera_roll=0.0, camera_height=1.5), out, recorder)
    after = load(out).motion
    np.testing.assert_array_equal(after.betas, before.betas)
    np.testing.assert_array_equal(after.rest_joints, before.rest_joints)
    assert after.camera_K[0, 0, 0] == pytest.approx(synthetic.WIDTH / 2 / np.tan(np.radians(20)), rel=1e-5)
    up_incam, place = after.camera_world[0, :3, 2], np.linalg.inv(after.camera_world[0])[:3, 3]
    np.testing.assert_allclose(up_incam, [0, -np.cos(np.radians(6)), -np.sin(np.radians(6))], atol=1e-4)
    np.testing.assert_allclose(place, [0, 0, 1.5], atol=1e-4)

    x, y, z = after.joints[0, 8, JOINT_INDEX["left_wrist"]].tolist()
    pin = Pin(0, "left_wrist", int(scene.detections.frame_index[8]), position=(x, y, z + 0.05))
    refine(RefineRequest(edits=Edits(pins=(pin,))), out, Recorder())
    pinned = load(out).motion
    np.testing.assert_array_equal(pinned.camera_world, after.camera_world)
    np.testing.assert_allclose(pinned.joints[0, 8, JOINT_INDEX["left_wrist"]], (x, y, z + 0.05), atol=0.01)


def test_weights_that_cannot_be_used_give_one_take_and_say_why(clip_file, tmp_path, scene):
    weights_file(stages.INFILLER).write_bytes(b"damaged")
    out = tmp_path / "out"
    reconstruct(ReconstructRequest(clip_file, takes=2, fov=synthetic.FOV), out, Recorder())
    info = load_info(out)
    assert len(info.takes) == 1
    said = " ".join(info.warnings)
    assert (
        "Hidden motion could not be sampled and is that of the fit alone" in said
        and "One take was made instead of 2" in said
    )


@pytest.mark.slow
def test_the_dial_calms_a_take_and_refine_keeps_it(clip_file, tmp_path, scene):
    torch.manual_seed(1)
    network = SequenceSmoother(SmootherConfig(width=8, blocks=1))
    for value in network.parameters():
        nn.init.constant_(value.data, 1.0)
    put(
        stages.SMOOTHER,
        network,
        **ResidualScales(torch.full((RESIDUAL_SIZE,), 0.2), torch.full((BETAS,), 0.5)).to_json(),
    )
    shaking = []
    for number, smoothness in enumerate((0.0, 1.0)):
        folder = tmp_path / f"out{number}"
        request = ReconstructRequest(clip_file, seed=3, smoothness=smoothness, fov=synthetic.FOV)
        take = reconstruct(request, folder, Recorder()).take
        shaking.append(np.abs(np.diff(joints(folder, take.id), n=2, axis=1)).mean())
    assert shaking[1] < shaking[0]
    refine(RefineRequest(), tmp_path / "out1", Recorder())
    assert load_info(tmp_path / "out1").settings["smoothness"] == 1.0
    with pytest.raises(UserError, match="smoothness"):
        refine(RefineRequest(smoothness=1.5), tmp_path / "out1", Recorder())
