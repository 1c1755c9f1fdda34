"""A clip of the sample to simulate detections of, and noise models that always fail in one way or never err."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.body.files import load_body
from core.motion import Camera
from core.perception.detections import Detections
from lab.evaluation.detection_noise.noise_model import DetectionNoise
from lab.evaluation.detection_noise.simulate import simulate_detections
from lab.evaluation.detection_noise.states import CLOSENESS_BINS, LIMB_BINS, LIMB_KINDS, OWN_LIMB, SKELETON_KINDS
from lab.evaluation.occlusion.projection import ProjectedClip, project_clip
from lab.evaluation.sample_truth import load_truth
from lab.paths import SAMPLES

SIZE, RATE = (960, 540), 25.0


def sample_truth_clip() -> tuple[ProjectedClip, Camera]:
    """50 frames of the sample clip, projected into its camera."""
    truth = load_truth(SAMPLES / "handshake_hug_truth.npz", SAMPLES / "handshake_hug_contacts.json")
    body = load_body(None)
    return project_clip(truth.motion.frames(slice(60, 110)), (body, body), truth.camera, SIZE), truth.camera


def simulate(clip: tuple[ProjectedClip, Camera], noise: DetectionNoise, seed: int = 0) -> Detections:
    return simulate_detections(*clip, SIZE, RATE, noise, np.random.default_rng(seed))


def always(noise: DetectionNoise, skeleton_kind: int) -> DetectionNoise:
    """The noise with one kind of skeleton for everybody all the time, and no wrong limbs."""
    skeleton, limb = np.eye(SKELETON_KINDS)[skeleton_kind], np.eye(LIMB_KINDS)[OWN_LIMB]
    return replace(
        noise,
        skeleton_initial=np.tile(skeleton, (CLOSENESS_BINS, 1)),
        skeleton_transitions=np.tile(skeleton, (CLOSENESS_BINS, SKELETON_KINDS, 1)),
        limb_initial=np.tile(limb, (LIMB_BINS, 1)),
        limb_transitions=np.tile(limb, (LIMB_BINS, LIMB_KINDS, 1)),
    )


def without_errors(noise: DetectionNoise) -> DetectionNoise:
    """The noise without errors of landmarks in the image and of masks."""
    names = ("error_radius", "error_bias", "mask_dilation", "mask_leak", "mask_miss")
    zeros = {name: np.zeros_like(getattr(noise, name)) for name in names}
    return replace(noise, **zeros, skeleton_scale=np.ones_like(noise.skeleton_scale))
