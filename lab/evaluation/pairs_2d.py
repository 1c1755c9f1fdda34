"""The benchmark `pairs-2d`: choreographed interactions, random cameras, and simulated detections instead of video.

It is cheap enough for thousands of clips, and training examples are made in the same way.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from core.body.model import BodyModel
from core.contract.errors import UserError
from core.motion import pose_motion
from core.perception.detections import Detections

from ..choreography.interaction import Interaction, load_interactions
from ..paths import BENCHMARKS
from .benchmark_clip import BenchmarkClip, GroundTruth
from .camera_sampling import NARROW_CAMERAS, CameraDistribution, sample_camera
from .detection_noise.noise_model import DetectionNoise, load_noise
from .detection_noise.simulate import simulate_detections
from .occlusion.projection import project_clip

PAIRS = {split: BENCHMARKS / f"pairs_{split}.npz" for split in ("test", "dev")}
"""The interactions of each split, see `choreography.interaction`."""
_BOTH_FOUND_SHARE, _BOTH_FOUND_FRAMES = 0.1, 5
"""Share and number of frames in which both people have to be found: with fewer the product refuses a clip."""
_MOST_ATTEMPTS = 20


def load_pairs(split: str) -> list[Interaction]:
    """The interactions of "test" or "dev". UserError `no-such-split`, or `no-pairs` where the files are missing."""
    path = PAIRS.get(split)
    if path is None:
        raise UserError("no-such-split", f"pairs-2d has no split {split!r}.", f"Choose one of {', '.join(PAIRS)}.")
    if not path.is_file() or not path.with_suffix(".json").is_file():
        raise UserError(
            "no-pairs",
            f"The interactions of pairs-2d are missing: {path}.",
            f"Make them with `{choreograph_command(split, path)}`, or fetch the file.",
        )
    return load_interactions(path)


def choreograph_command(split: str, path: Path) -> str:
    """How interactions are made."""
    return f"python -m lab choreograph --motion FOLDER --split {split} --out {path.with_suffix('')}"


def simulate_clips(interactions: Iterable[Interaction], seed: int, body: BodyModel) -> Iterator[BenchmarkClip]:
    """A clip of each interaction. It depends on the seed and the interaction's name, not on the order."""
    for interaction in interactions:
        yield simulate_clip(interaction, seed, body, load_noise())


def simulate_clip(
    interaction: Interaction,
    seed: int,
    body: BodyModel,
    noise: DetectionNoise,
    every: int = 1,
    distribution: CameraDistribution = NARROW_CAMERAS,
) -> BenchmarkClip:
    """One interaction in front of a random camera: ground truth with visibility, and simulated detections.

    `every`: see `project_clip`; 1 for a benchmark, more where speed matters.
    """
    rng = np.random.default_rng((seed, zlib.crc32(interaction.name.encode())))
    joints = pose_motion(body, interaction.motion).joints.numpy()
    camera, size = sample_camera(joints, rng, distribution)
    projected = project_clip(interaction.motion, (body, body), camera, size, every)
    detections = simulate_detections(projected, camera, size, interaction.rate, noise, rng)
    for _ in range(_MOST_ATTEMPTS):
        if _both_found(detections):
            break
        detections = simulate_detections(projected, camera, size, interaction.rate, noise, rng)
    truth = GroundTruth(
        motion=interaction.motion,
        bodies=(body, body),
        joints=joints.astype(np.float32),
        foot_contact=interaction.foot_contact,
        contacts=interaction.contacts,
        camera=camera,
        visibility=projected.joint_visibility,
    )
    return BenchmarkClip(interaction.name, interaction.family, truth, detections, interaction.sentences)


def _both_found(detections: Detections) -> bool:
    frames = detections.found.shape[1]
    return int(detections.found.all(0).sum()) >= max(min(_BOTH_FOUND_FRAMES, frames), _BOTH_FOUND_SHARE * frames)
