"""Infilling from an earlier take: motion far from every edit stays, a new prompt may change everything."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from core.body.files import load_body
from core.contract.contact import Contact
from core.contract.edits import Pin
from core.fitting.fit import FittedMotion
from core.fitting.initial import estimate_initial_motion
from core.fitting.targets import FitTargets
from core.infilling.denoiser import Denoiser, DenoiserConfig, EncodedConditions
from core.infilling.infill import Constraints, InfillerModels, InfillScene, InfillSettings, infill
from core.infilling.infiller import Infiller
from core.infilling.sampling import SamplingSettings
from core.motion import PairMotion, pose_motion
from core.observations.clip_scene import ClipScene
from core.observations.features import NODE_FEATURES, PERSON_FEATURES
from core.reporting import SilentReporter
from core.representation.residual import BETAS, CHANNELS, RESIDUAL_SIZE, ResidualScales
from core.stgcn.predict import JointPrediction
from tests.core.fitting import synthetic

FRAMES = 75
SIZES = (len(NODE_FEATURES), len(PERSON_FEATURES), CHANNELS)


class NoisyDenoiser(Denoiser):
    """Its x0 is a part of the noise: takes differ everywhere."""

    def denoise(self, x: Tensor, t: Tensor, encoded: EncodedConditions, text: Tensor | None = None) -> Tensor:
        return 0.2 * x


@pytest.fixture(scope="module")
def models() -> InfillerModels:
    denoiser = NoisyDenoiser(DenoiserConfig(*SIZES, static_channels=BETAS, width=16, depth=1, heads=2, node_width=4))
    scales = ResidualScales(torch.full((RESIDUAL_SIZE,), 0.2), torch.full((BETAS,), 0.5))
    return InfillerModels(Infiller(denoiser.eval(), scales), None)


@pytest.fixture(scope="module")
def scene() -> InfillScene:
    body = load_body(None)
    true = synthetic.scene(body, frames=FRAMES, apart=0.6)
    initial = estimate_initial_motion(true.observations, body, reporter=SilentReporter())
    confidence = np.ones((2, FRAMES, 22), np.float32)
    fitted = FittedMotion(initial.motion_incam, initial.camera, initial.foot_contact, confidence, 0.0)
    clip = ClipScene.of(true.observations, initial, body)
    return InfillScene.of(clip, JointPrediction(initial.motion_incam, None), fitted)


def distance(motion: PairMotion, before: PairMotion) -> np.ndarray:
    """[T] metres, the largest of any joint."""
    body = load_body(None)
    one, other = (pose_motion(body, each).joints.numpy()[:, :, :22] for each in (motion, before))
    return np.linalg.norm(one - other, axis=-1).max((0, 2))


def change(scene: InfillScene, models: InfillerModels, constraints: Constraints, *, everywhere: bool) -> np.ndarray:
    """How far a take moves that goes on from the scene's fitted motion."""
    sampling = SamplingSettings(seed=3, steps=4, strength=0.5)
    settings = InfillSettings(sampling, guidance=None, everywhere=everywhere)
    infilled = infill(models, scene, constraints, settings, SilentReporter(), Constraints())
    return distance(infilled.motion_incam, scene.fitted.motion_incam)


def test_only_frames_near_an_edit_are_sampled_anew(scene, models):
    observations = scene.clip.observations
    pin = Pin(0, "left_wrist", int(observations.frame_index[5]), position=(0.0, 0.0, 1.0))
    moved = change(scene, models, Constraints(FitTargets(pins=(pin,))), everywhere=False)
    seconds = observations.time - observations.time[5]
    assert moved[seconds < 0.3].min() > 0.01
    assert moved[seconds > 1.3].max() == 0


def test_a_contact_that_nobody_has_changed_is_no_edit(scene, models):
    first = int(scene.clip.observations.frame_index[0])
    refused = Contact(0, "chest", 1, "chest", first, first + 9, source="prompt", state="rejected")
    before = Constraints(FitTargets((refused,)))
    sampling = InfillSettings(SamplingSettings(seed=3, steps=4, strength=0.5), guidance=None)
    for contact, changed in ((refused, False), (replace(refused, state="enforced"), True)):
        after = Constraints(FitTargets((contact,)))
        motion = infill(models, scene, after, sampling, SilentReporter(), before).motion_incam
        assert (distance(motion, scene.fitted.motion_incam).max() > 0) == changed


def test_without_edits_the_earlier_take_stays_and_a_new_prompt_may_change_everything(scene, models):
    assert change(scene, models, Constraints(), everywhere=False).max() == 0
    assert change(scene, models, Constraints(), everywhere=True).min() > 0.01


def test_the_most_likely_take_is_the_reference_where_the_network_changes_nothing_and_others_differ(scene, models):
    def take(seed: int, temperature: float) -> PairMotion:
        settings = InfillSettings(SamplingSettings(seed=seed, steps=4, temperature=temperature), guidance=None)
        return infill(models, scene, Constraints(), settings, SilentReporter()).motion_incam

    likely = take(0, 0.0)
    assert distance(likely, scene.fitted.motion_incam).max() < 2e-3
    np.testing.assert_array_equal(take(7, 0.0).body_pose, likely.body_pose)
    assert distance(take(1, 1.0), take(2, 1.0)).min() > 0.01
    np.testing.assert_array_equal(likely.betas, scene.fitted.motion_incam.betas)
