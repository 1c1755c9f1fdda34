"""Guidance on people of known motion: energies reach the sampled residual, and what the animator says holds to a centimetre."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from core import contacts as contact_detection
from core.body.files import load_body
from core.body.model import BodyModel
from core.checkpoint import Checkpoint, as_record, save_checkpoint
from core.contract.contact import Contact
from core.contract.edits import Pin
from core.contract.errors import UserError
from core.contract.skeleton import JOINT_INDEX
from core.fitting.initial import InitialMotion, estimate_initial_motion
from core.infilling import guidance as guidance_module
from core.infilling.denoiser import Denoiser, DenoiserConfig, EncodedConditions
from core.infilling.guidance import Guidance, GuidanceSettings, ResidualDecoder
from core.infilling.infiller import KIND, Infiller, ReferenceMotion, infill, load_infiller
from core.infilling.sampling import SamplingSettings
from core.motion import PairMotion, pose_motion
from core.observations.features import (
    NODE_FEATURES,
    PERSON_FEATURES,
    VERSION,
    CanonicalFrame,
    Features,
    extract_features,
)
from core.reporting import SilentReporter
from core.representation.residual import BETAS, CHANNELS, RESIDUAL_SIZE, ResidualScales, apply_residual, to_channels
from tests.core.fitting import synthetic

CONFIG = DenoiserConfig(
    len(NODE_FEATURES), len(PERSON_FEATURES), CHANNELS, static_channels=BETAS, width=16, depth=1, heads=2, node_width=4
)
SCALES = ResidualScales(torch.full((RESIDUAL_SIZE,), 0.2), torch.full((BETAS,), 0.5))


@dataclass(frozen=True)
class Clip:
    scene: synthetic.Scene
    initial: InitialMotion
    observed: Features
    setting: CanonicalFrame


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body(None)


@pytest.fixture(scope="module")
def clip(body: BodyModel) -> Clip:
    scene = synthetic.scene(body, frames=16, apart=0.4)
    initial = estimate_initial_motion(scene.detections, body, fov=synthetic.FOV, reporter=SilentReporter())
    return Clip(scene, initial, *extract_features(scene.detections, initial, body))


class Wavering(Denoiser):
    """Its x0 is a little of the noise: an untrained network that differs from take to take."""

    def denoise(self, x: Tensor, t: Tensor, encoded: EncodedConditions, text: Tensor | None = None) -> Tensor:
        return 0.1 * x


@pytest.fixture(scope="module")
def wavering() -> Infiller:
    return Infiller(Wavering(CONFIG).eval(), SCALES)


def guide(clip: Clip, body: BodyModel, **options) -> Guidance:
    return Guidance(clip.scene.detections, clip.initial, clip.setting, SCALES, body, **options)


def first(clip: Clip) -> ReferenceMotion:
    return ReferenceMotion(clip.observed.reference, clip.initial.motion)


def nothing(clip: Clip) -> Tensor:
    return torch.zeros(2, clip.observed.nodes.shape[1], CHANNELS)


def some(clip: Clip, size: float = 0.3) -> Tensor:
    draw = torch.Generator().manual_seed(4)
    frames = clip.observed.nodes.shape[1]
    x = torch.randn(2, 1, RESIDUAL_SIZE, generator=draw).expand(-1, frames, -1)
    x = x * torch.linspace(0.5, 1, frames)[:, None]
    return size * to_channels(0.2 * x, 0.3 * torch.randn(2, BETAS, generator=draw), SCALES)


def test_the_people_before_the_camera_are_those_that_the_residual_leads_to(clip: Clip, body: BodyModel):
    """The bridge to the energies against the representation's own way to a motion, in the picture."""
    channels = some(clip)
    frames = slice(3, 11)
    rotations, pelvis, betas = ResidualDecoder.of(clip.initial, clip.setting, SCALES).placed(channels, frames)
    motion = apply_residual(
        channels[..., :RESIDUAL_SIZE] * SCALES.x, channels[:, 0, RESIDUAL_SIZE:] * SCALES.betas,
        clip.initial.motion, clip.setting.view, clip.setting.clock,
    )  # fmt: skip
    assert np.abs(motion.pelvis - clip.initial.motion.pelvis).max() > 0.02
    expected = pose_motion(body, motion)
    world = torch.as_tensor(clip.initial.camera.T_cw).float()
    before = expected.joints @ world[:3, :3].T + world[:3, 3]
    objective = guide(clip, body).parts[0].objective
    state = objective.state(rotations, pelvis, betas, objective.start_floor, torch.zeros(()))
    assert torch.allclose(state.posed.joints, before[:, frames], atol=1e-4)


def test_guiding_lowers_the_energy_and_leaves_shapes_and_states(clip: Clip, body: BodyModel):
    steer = guide(clip, body, settings=GuidanceSettings(steps=6))
    start = some(clip)
    guided = steer(start, 0.5)
    assert steer.energy(guided) < 0.9 * steer.energy(start)
    assert torch.equal(guided[..., 135:], start[..., 135:])
    late, early = guide(clip, body)(start, 0.0) - start, guide(clip, body)(start, 1.0) - start
    assert 0 < early.abs().mean() < 0.75 * late.abs().mean()


def test_chunks_of_a_long_clip_are_guided_as_the_whole(clip: Clip, body: BodyModel, monkeypatch: pytest.MonkeyPatch):
    start = some(clip)
    whole = guide(clip, body, settings=GuidanceSettings(steps=1))
    slope, _ = whole._slope(start, whole.settings.weights, [])
    monkeypatch.setattr(guidance_module, "_CHUNK", 9)
    parted = guide(clip, body, settings=GuidanceSettings(steps=1))
    assert [part.frames for part in parted.parts] == [slice(0, 9), slice(7, 16)]
    parts, _ = parted._slope(start, whole.settings.weights, [])
    flat, other = slope[..., :135].flatten(), parts[..., :135].flatten()
    assert torch.nn.functional.cosine_similarity(flat, other, dim=0) > 0.9


def held(motion: PairMotion, contact: Contact, clip: Clip, body: BodyModel) -> float:
    distance = contact_detection.measure_contacts([contact], motion, body, clip.scene.detections.frame_index)[
        0
    ].distance
    assert distance is not None
    return distance


def test_an_enforced_contact_and_a_pin_hold_to_a_centimetre(clip: Clip, body: BodyModel, wavering: Infiller):
    frames = clip.scene.detections.frame_index
    asked = Contact(0, "right_palm", 1, "left_palm", int(frames[6]), int(frames[12]), source="user", state="enforced")
    knee = pose_motion(body, clip.initial.motion).joints[1, 2, JOINT_INDEX["right_knee"]]
    place = knee + torch.tensor([0.03, -0.05, 0.0])
    pins = [Pin(1, "right_knee", int(frames[2]), position=tuple(place.tolist()))]
    steer = guide(clip, body, contacts=[asked], pins=pins)
    assert len(steer.unmet(nothing(clip))) == 2 and held(clip.initial.motion, asked, clip, body) > 0.05
    reporter = SilentReporter()
    take = infill(
        wavering,
        clip.observed,
        clip.setting,
        first(clip),
        body,
        SamplingSettings(steps=4),
        guidance=steer,
        reporter=reporter,
    )
    assert held(take.motion, asked, clip, body) < 0.01
    joint = pose_motion(body, take.motion).joints[1, 2, JOINT_INDEX["right_knee"]]
    assert float((joint - place).norm()) < 0.01
    assert reporter.warnings == [] and take.energy is not None


def test_what_is_out_of_reach_is_reported(clip: Clip, body: BodyModel):
    frames = clip.scene.detections.frame_index
    asked = Contact(0, "left_foot", 1, "head", int(frames[2]), int(frames[14]), source="user", state="enforced")
    far = [Pin(1, "right_wrist", int(frames[8]), position=(9.0, 9.0, 9.0))]
    reporter = SilentReporter()
    guide(clip, body, contacts=[asked], pins=far, settings=GuidanceSettings(settling=3)).settle(nothing(clip), reporter)
    assert len(reporter.warnings) == 2
    assert "left_foot" in reporter.warnings[0] and "pin" in reporter.warnings[1]


def test_takes_differ_by_their_seed_and_an_earlier_one_can_be_gone_on_from(
    clip: Clip, body: BodyModel, wavering: Infiller
):
    def take(seed: int, **options) -> tuple[Tensor, PairMotion]:
        start = options.pop("start", None)
        done = infill(
            wavering, clip.observed, clip.setting, first(clip), body, SamplingSettings(seed=seed, **options),
            start=start, reporter=SilentReporter(),
        )  # fmt: skip
        return done.channels, done.motion

    channels, motion = take(0)
    assert np.array_equal(take(0)[1].body_pose, motion.body_pose)
    assert not np.array_equal(take(1)[1].body_pose, motion.body_pose)
    again, the_same = take(1, start=channels, strength=0.0)
    assert torch.equal(again, channels) and np.array_equal(the_same.body_pose, motion.body_pose)


def test_weights_come_back_from_their_file_with_their_scales(tmp_path):
    torch.manual_seed(0)
    denoiser, path = Denoiser(CONFIG), tmp_path / "infiller.safetensors"
    torch.nn.init.normal_(denoiser.head.weight)
    record = Checkpoint(KIND, VERSION, as_record(CONFIG), denoiser.state_dict(), SCALES.to_json())
    save_checkpoint(path, record)
    back = load_infiller(path)
    assert torch.equal(back.denoiser.head.weight, denoiser.head.weight)
    assert torch.equal(back.scales.betas, SCALES.betas)
    with pytest.raises(UserError) as failure:
        load_infiller(tmp_path / "nowhere.safetensors")
    assert failure.value.code == "weights-missing"
