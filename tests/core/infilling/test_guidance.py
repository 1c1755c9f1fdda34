"""Guidance on people of known motion: the gradients of the energies reach the sampled residual."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from core import contacts as contact_detection
from core.body.files import load_body
from core.body.model import BodyModel
from core.checkpoint import Checkpoint, as_record, save_checkpoint
from core.contract.contact import Contact
from core.contract.errors import UserError
from core.fitting.initial import estimate_initial_motion
from core.fitting.targets import FitTargets
from core.infilling import guidance as guidance_module
from core.infilling.denoiser import Denoiser, DenoiserConfig
from core.infilling.guidance import Guidance, GuidanceSettings, ResidualDecoder
from core.infilling.infiller import KIND, load_infiller
from core.motion import pose_motion
from core.observations.clip_scene import ClipScene
from core.observations.features import NODE_FEATURES, PERSON_FEATURES, VERSION
from core.reporting import SilentReporter
from core.representation.residual import BETAS, CHANNELS, RESIDUAL_SIZE, ResidualScales, apply_residual, to_channels
from tests.core.fitting import synthetic

CONFIG = DenoiserConfig(
    len(NODE_FEATURES), len(PERSON_FEATURES), CHANNELS, static_channels=BETAS, width=16, depth=1, heads=2, node_width=4
)
SCALES = ResidualScales(torch.full((RESIDUAL_SIZE,), 0.2), torch.full((BETAS,), 0.5))


@dataclass(frozen=True)
class Clip:
    true: synthetic.Scene
    scene: ClipScene

    @property
    def decoder(self) -> ResidualDecoder:
        return ResidualDecoder.of(self.scene.initial.motion_incam, self.scene.frame, SCALES)


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body(None)


@pytest.fixture(scope="module")
def clip(body: BodyModel) -> Clip:
    true = synthetic.scene(body, frames=16, apart=0.4)
    initial = estimate_initial_motion(true.observations, body, reporter=SilentReporter())
    return Clip(true, ClipScene.of(true.observations, initial, body))


def guide(clip: Clip, settings: GuidanceSettings | None = None, targets: FitTargets | None = None) -> Guidance:
    scene = clip.scene
    return Guidance(scene.observations, scene.initial, scene.body, targets or FitTargets(), clip.decoder, settings)


def some(clip: Clip, size: float = 0.3) -> Tensor:
    """Channels of a residual that grows over the clip."""
    draw = torch.Generator().manual_seed(4)
    frames = clip.scene.features.nodes.shape[1]
    x = torch.randn(2, 1, RESIDUAL_SIZE, generator=draw).expand(-1, frames, -1)
    x = x * torch.linspace(0.5, 1, frames)[:, None]
    return size * to_channels(0.2 * x, 0.3 * torch.randn(2, BETAS, generator=draw), SCALES)


def energy(guidance: Guidance, channels: Tensor) -> float:
    """Of the guidance's own weights."""
    total = 0.0
    for chunk in guidance.chunks:
        state = chunk.state(guidance.decoder, channels)
        active = chunk.objective.active_set(state)
        total += chunk.weight * float(chunk.objective.energy(state, guidance.settings.weights, active))
    return total


def test_the_energies_see_the_motion_that_the_residual_decodes_to(clip: Clip, body: BodyModel):
    channels, frames, scene = some(clip), slice(3, 11), clip.scene
    rotations, pelvis, betas = clip.decoder.decode(channels, frames)
    x, change = channels[..., :RESIDUAL_SIZE] * SCALES.x, channels[:, 0, RESIDUAL_SIZE:] * SCALES.betas
    motion = apply_residual(x, change, scene.initial.motion_incam, scene.frame.view, scene.frame.grid)
    assert np.abs(motion.pelvis - scene.initial.motion_incam.pelvis).max() > 0.02
    objective = guide(clip).chunks[0].objective
    state = objective.state(rotations, pelvis, betas, objective.start_floor, torch.zeros(()))
    assert torch.allclose(state.posed.joints, pose_motion(body, motion).joints[:, frames], atol=1e-4)


def test_guiding_lowers_the_energy_and_leaves_shapes_and_states(clip: Clip):
    guidance = guide(clip, GuidanceSettings(steps=6))
    start = some(clip)
    guided = guidance(start, 0.5)
    assert energy(guidance, guided) < 0.9 * energy(guidance, start)
    assert torch.equal(guided[..., 135:], start[..., 135:])
    late, early = guide(clip)(start, 0.0) - start, guide(clip)(start, 1.0) - start
    assert 0 < early.abs().mean() < 0.75 * late.abs().mean()


def test_guiding_closes_an_enforced_contact(clip: Clip, body: BodyModel):
    frames = clip.true.detections.frame_index
    asked = Contact(0, "right_palm", 1, "left_palm", int(frames[6]), int(frames[12]), source="user", state="enforced")

    def gap(channels: Tensor) -> float:
        x, betas = channels[..., :RESIDUAL_SIZE] * SCALES.x, channels[:, 0, RESIDUAL_SIZE:] * SCALES.betas
        scene = clip.scene
        motion = apply_residual(x, betas, scene.initial.motion_incam, scene.frame.view, scene.frame.grid)
        estimate = replace(scene.initial, motion_incam=motion)
        distance = contact_detection.measure_contacts([asked], estimate, body, frames)[0].distance
        assert distance is not None
        return distance

    start = torch.zeros(2, clip.scene.features.nodes.shape[1], CHANNELS)
    guided = guide(clip, GuidanceSettings(steps=20), FitTargets((asked,)))(start, 0.0)
    assert gap(guided) < 0.5 * gap(start)


def test_chunks_of_a_long_clip_are_guided_as_the_whole(clip: Clip, monkeypatch: pytest.MonkeyPatch):
    start, settings = some(clip), GuidanceSettings(steps=1)
    whole = guide(clip, settings)(start, 0.0) - start
    monkeypatch.setattr(guidance_module, "_CHUNK", 9)
    parted = guide(clip, settings)
    assert [chunk.frames for chunk in parted.chunks] == [slice(0, 9), slice(7, 16)]
    parts = parted(start, 0.0) - start
    flat, other = whole[..., :135].flatten(), parts[..., :135].flatten()
    assert torch.nn.functional.cosine_similarity(flat, other, dim=0) > 0.8


def test_weights_come_back_from_their_file_with_their_scales(tmp_path):
    torch.manual_seed(0)
    denoiser, path = Denoiser(CONFIG), tmp_path / "infiller.safetensors"
    torch.nn.init.normal_(denoiser.proj_out.weight)
    record = Checkpoint(KIND, VERSION, as_record(CONFIG), denoiser.state_dict(), SCALES.to_json())
    save_checkpoint(path, record)
    back = load_infiller(path)
    assert torch.equal(back.denoiser.proj_out.weight, denoiser.proj_out.weight)
    assert torch.equal(back.scales.betas, SCALES.betas)
    with pytest.raises(UserError) as failure:
        load_infiller(tmp_path / "nowhere.safetensors")
    assert failure.value.code == "weights-missing"
