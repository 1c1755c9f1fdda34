"""Makes training examples: an interaction seen by a random camera, through the noise model of the 2D stage.

Camera, initial motion and features are computed from the simulated detections by the product's own stages.
"""

from __future__ import annotations

import multiprocessing
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from core.body.files import load_body
from core.body.model import BodyModel
from core.body.rotations import matrix_to_rotation_6d
from core.contract.errors import UserError
from core.fitting.camera import KnownCamera
from core.observations.features import extract_features
from core.representation.ground_view import ground_view
from core.representation.residual import encode_residual, pose_state
from core.representation.touch_flags import touching
from core.semantics.description import describe

from ..choreography.interaction import Interaction
from ..evaluation.benchmark_clip import BenchmarkClip
from ..evaluation.camera_sampling import FREE_CAMERAS, NARROW_CAMERAS, WIDE_CAMERAS, CameraDistribution
from ..evaluation.detection_noise.noise_model import load_noise
from ..evaluation.initial_estimate import estimate_initial
from ..evaluation.pairs_2d import simulate_clip
from .captions import generate_captions
from .examples import Example
from .mirror import mirror_interaction
from .nearly_known_camera import field_of_view, nearly_known_camera
from .noise_augmentation import augment_noise

_FLOAT32 = ("reference_joints", "true_joints", "reference_betas", "residual_betas")
"""Arrays that need more than three digits."""


@dataclass(frozen=True)
class SimulationSettings:
    """How examples are simulated."""

    known_fov: float = 0.25
    """Part of the examples whose field of view is given, as users sometimes do."""
    nearly_known: float = 0.0
    """Part of the others whose camera is drawn about the true one, as far from it as estimates are, which is faster."""
    cameras: tuple[tuple[CameraDistribution, float], ...] = (
        (NARROW_CAMERAS, 0.4),
        (WIDE_CAMERAS, 0.3),
        (FREE_CAMERAS, 0.3),
    )
    """Distributions that the cameras of augmented examples are drawn from, and the part of each."""
    visibility_every: int = 3
    """Occlusion is computed in every third frame, a tenth of a second apart."""
    captions: int = 3
    """Generated for each clip, besides the interaction's own sentences."""


_TRAINING = SimulationSettings(nearly_known=0.8)
"""Dev examples have estimated cameras, as in the product."""
NEARLY_KNOWN = SimulationSettings(known_fov=0.0, nearly_known=1.0)
"""All cameras are drawn about the true one: of a rendered clip, whose one camera is estimated once already."""


@dataclass(frozen=True)
class SimulatedView:
    """An interaction and one of the cameras that it is seen by; every other camera sees the mirrored interaction."""

    interaction: Interaction
    camera: int
    seed: int
    augmented: bool = False
    """For training: the noise model is augmented, and cameras are drawn from several distributions."""
    settings: SimulationSettings = field(default_factory=SimulationSettings)


def views_of(
    interactions: Sequence[Interaction], cameras: int, seed: int, augmented: bool = False
) -> list[SimulatedView]:
    """All interactions by their first camera, then all by their second, so that a part of the list covers them all."""
    return [view_of(interaction, camera, seed, augmented) for camera in range(cameras) for interaction in interactions]


def view_of(interaction: Interaction, camera: int, seed: int, augmented: bool) -> SimulatedView:
    """An interaction seen by a camera, with the settings for training or for dev."""
    return SimulatedView(interaction, camera, seed, augmented, _TRAINING if augmented else SimulationSettings())


def make_examples(views: Sequence[SimulatedView], processes: int = 1) -> Iterator[Example | None]:
    """The example of each view, in order, the same for any number of processes. None where the 2D stage lost somebody."""
    if processes <= 1:
        yield from map(make_example, views)
        return
    with multiprocessing.get_context("spawn").Pool(processes, initializer=_use_one_thread) as pool:
        yield from pool.imap(make_example, views)


def make_example(view: SimulatedView) -> Example | None:
    """The example of a view, or None where the 2D stage hardly found somebody.

    Everything random is drawn from the seed, the interaction's name and the number of the camera alone.
    """
    settings, body = view.settings, load_body(None)
    mirrored = view.camera % 2 == 1
    interaction = mirror_interaction(view.interaction) if mirrored else view.interaction
    interaction = replace(interaction, name=f"{interaction.name}@{view.camera}")
    noise, cameras = load_noise(), NARROW_CAMERAS
    if view.augmented:
        rng = np.random.default_rng((view.seed, zlib.crc32(interaction.name.encode()), 2))
        noise = augment_noise(noise, rng)
        distributions, shares = zip(*settings.cameras)
        cameras = distributions[int(rng.choice(len(shares), p=shares))]
    try:
        clip = simulate_clip(interaction, view.seed, body, noise, settings.visibility_every, cameras)
        return example_of(clip, view.seed, body, settings)
    except UserError as error:
        if error.code != "nobody":
            raise
        return None


def example_of(clip: BenchmarkClip, seed: int, body: BodyModel, settings: SimulationSettings) -> Example:
    """The example of a clip with simulated detections. UserError `nobody` if the 2D stage hardly found somebody."""
    detections, truth = clip.detections, clip.truth
    rng = np.random.default_rng((seed, zlib.crc32(clip.name.encode()), 1))
    known = KnownCamera()
    if rng.random() < settings.known_fov:
        known = KnownCamera(field_of_view(truth.camera, detections.image_size))
    elif rng.random() < settings.nearly_known:
        known = nearly_known_camera(truth.camera, detections.image_size, rng)
    observations, initial = estimate_initial(detections, body, known)
    features, frame = extract_features(observations, initial, body)
    true_incam = truth.motion.transformed(truth.camera.T_cw)
    true = pose_state(true_incam, ground_view(truth.camera, torch.as_tensor(true_incam.pelvis)), frame.grid)
    foot_contact, touches, visibility = (
        frame.grid.flags_to_grid(torch.from_numpy(flags))
        for flags in (truth.foot_contact, touching(truth.contacts, detections.frame_index), truth.visibility)
    )
    residual, residual_betas = encode_residual(true, features.reference, foot_contact, touches)
    tensors = {
        "nodes": features.nodes,
        "people": features.people,
        "confidence": features.confidence,
        "reference_joints": features.joints,
        "reference_rotations": matrix_to_rotation_6d(features.reference.rotations),
        "reference_betas": features.reference.betas,
        "true_joints": true.joints(body),
        "residual": residual,
        "residual_betas": residual_betas,
    }
    arrays = {
        name: value.numpy().astype(np.float32 if name in _FLOAT32 else np.float16) for name, value in tensors.items()
    }
    return Example(
        name=clip.name,
        family=clip.family,
        visibility=visibility.numpy(),
        sentences=(*clip.sentences, *_captions(clip, body, settings.captions, rng)),
        **arrays,
    )


def _captions(clip: BenchmarkClip, body: BodyModel, count: int, rng: np.random.Generator) -> tuple[str, ...]:
    """Captions of the true motion: sentences for clips that have none, and other words for those that have some."""
    truth, detections = clip.truth, clip.detections
    description = describe(truth.motion, body, truth.contacts, detections.frame_index, detections.time)
    return generate_captions(description, rng, count)


def _use_one_thread() -> None:
    torch.set_num_threads(1)
