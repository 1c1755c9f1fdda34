"""Takes about edits: what is far from every edit stays, what the words change may change everywhere."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from core.body.files import load_body
from core.contract.edits import Pin
from core.fitting.fit import FittedMotion
from core.fitting.initial import InitialMotion, estimate_initial_motion
from core.infilling.denoiser import Denoiser, DenoiserConfig, EncodedConditions
from core.infilling.infiller import Infiller
from core.infilling.sampling import SamplingSettings
from core.motion import PairMotion, pose_motion
from core.observations.features import NODE_FEATURES, PERSON_FEATURES
from core.pipeline.take import Constraints, LearnedModels, TakeSettings, infill_clip, resample
from core.reporting import SilentReporter
from core.representation.residual import BETAS, CHANNELS, RESIDUAL_SIZE, ResidualScales
from core.stgcn.predict import JointPrediction
from tests.core.fitting import synthetic

FRAMES = 75
SIZES = (len(NODE_FEATURES), len(PERSON_FEATURES), CHANNELS)


class Wavering(Denoiser):
    """Its x0 is a part of the noise: takes differ everywhere."""

    def denoise(self, x: Tensor, t: Tensor, encoded: EncodedConditions, text: Tensor | None = None) -> Tensor:
        return 0.2 * x


@pytest.fixture(scope="module")
def networks() -> LearnedModels:
    denoiser = Wavering(DenoiserConfig(*SIZES, static_channels=BETAS, width=16, depth=1, heads=2, node_width=4))
    return LearnedModels(
        Infiller(denoiser.eval(), ResidualScales(torch.full((RESIDUAL_SIZE,), 0.2), torch.full((BETAS,), 0.5))), None
    )


@pytest.fixture(scope="module")
def clip() -> tuple[synthetic.Scene, InitialMotion, FittedMotion]:
    body = load_body(None)
    scene = synthetic.scene(body, frames=FRAMES, apart=0.6)
    initial = estimate_initial_motion(scene.detections, body, fov=synthetic.FOV, reporter=SilentReporter())
    seen = np.ones((2, FRAMES, 22), np.float32)
    return scene, initial, FittedMotion(initial.motion, initial.camera, initial.foot_contact, seen, 0.0)


def changed(motion: PairMotion, before: PairMotion) -> np.ndarray:
    """[T] metres, the largest of any joint."""
    body = load_body(None)
    one, other = (pose_motion(body, each).joints.numpy()[:, :, :22] for each in (motion, before))
    return np.linalg.norm(one - other, axis=-1).max((0, 2))


def again(clip: tuple, networks: LearnedModels, wishes: Constraints, *, everywhere: bool) -> np.ndarray:
    scene, initial, last = clip
    making = TakeSettings(SamplingSettings(seed=3, steps=4, strength=0.5), guided=False)
    filled = resample(
        networks, scene.detections, initial, JointPrediction(initial.motion, None), last, load_body(None), wishes, making,
        everywhere=everywhere, reporter=SilentReporter(),
    )  # fmt: skip
    return changed(filled.motion, last.motion)


def test_only_what_is_near_an_edit_is_made_anew(clip, networks):
    frame = int(clip[0].detections.frame_index[5])
    moved = again(
        clip, networks, Constraints(pins=[Pin(0, "left_wrist", frame, position=(0.0, 0.0, 1.0))]), everywhere=False
    )
    seconds = clip[0].detections.time - clip[0].detections.time[5]
    assert moved[seconds < 0.3].min() > 0.01
    assert moved[seconds > 1.3].max() < 2e-3


def test_without_edits_the_last_take_stays_and_with_new_words_all_may_change(clip, networks):
    assert again(clip, networks, Constraints(), everywhere=False).max() < 2e-3
    assert again(clip, networks, Constraints(), everywhere=True).min() > 0.01


def test_the_most_likely_take_changes_nothing_that_a_network_leaves_alone_and_drawn_ones_differ(clip, networks):
    scene, initial, fitted = clip

    def take(seed: int, temperature: float) -> PairMotion:
        making = TakeSettings(SamplingSettings(seed=seed, steps=4, temperature=temperature), guided=False)
        expected = JointPrediction(initial.motion, None)
        return infill_clip(
            networks, scene.detections, initial, expected, fitted, load_body(None), Constraints(), making,
            reporter=SilentReporter(),
        ).motion  # fmt: skip

    likely = take(0, 0.0)
    assert changed(likely, fitted.motion).max() < 2e-3
    np.testing.assert_array_equal(take(7, 0.0).body_pose, likely.body_pose)
    assert changed(take(1, 1.0), take(2, 1.0)).min() > 0.01
    np.testing.assert_array_equal(likely.betas, fitted.motion.betas)
