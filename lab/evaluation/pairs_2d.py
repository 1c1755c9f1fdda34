"""`pairs-2d`: choreographed pairs of recorded people, seen through drawn cameras by a model of the 2D stage.

Cheap enough for thousands of clips: what a method gets are tracks with the 2D stage's errors, no pictures.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

import numpy as np

from core.body.model import BodyModel
from core.contract.errors import UserError
from core.motion import pose_motion
from core.perception.detections import Detections

from ..choreography.interaction import Interaction, load_interactions
from ..paths import BENCHMARKS
from .benchmark_clip import BenchmarkClip, GroundTruth
from .camera_sampling import NARROW_CAMERAS, CameraDistribution, sample_camera
from .detection_noise.model import DetectionNoise, load_noise
from .detection_noise.simulate import simulate_detections
from .occlusion.projection import project_clip

PAIRS = {split: BENCHMARKS / f"pairs_{split}.npz" for split in ("test", "dev")}
"""The interactions of each split, see `choreography.interaction`; in the project's checkout, not in the extension."""
_TOGETHER_SHARE, _TOGETHER_FRAMES = 0.1, 5
"""Of the frames, those in which the 2D stage has to find both people: with fewer it gives up on a clip."""
_MOST_DRAWS = 20


def load_pairs(split: str) -> list[Interaction]:
    """The interactions of "test" or "dev". UserError where there is no such split, or its files are not there."""
    path = PAIRS.get(split)
    if path is None:
        raise UserError("no-such-split", f"pairs-2d has no split {split!r}.", f"Choose one of {', '.join(PAIRS)}.")
    if not path.is_file() or not path.with_suffix(".json").is_file():
        raise UserError(
            "no-pairs",
            f"The interactions of pairs-2d are not there: {path}.",
            f"Make them with `python -m lab choreograph --split {split} --out {path.stem}.npz`, or fetch the file.",
        )
    return load_interactions(path)


def simulate_clips(
    interactions: Iterable[Interaction], seed: int, body: BodyModel, noise: DetectionNoise | None = None
) -> Iterator[BenchmarkClip]:
    """A shot of each interaction. What is drawn depends on the seed and the clip's name alone, not on the order."""
    for interaction in interactions:
        yield simulate_clip(interaction, seed, body, noise or load_noise())


def simulate_clip(
    interaction: Interaction,
    seed: int,
    body: BodyModel,
    noise: DetectionNoise,
    every: int = 1,
    distribution: CameraDistribution = NARROW_CAMERAS,
) -> BenchmarkClip:
    """One interaction filmed: camera, truth with visibility, and tracks with the 2D stage's errors.

    `every`: see `visibility.see`; one for a benchmark, more where many clips are wanted soon.
    """
    rng = np.random.default_rng((seed, zlib.crc32(interaction.name.encode())))
    joints = pose_motion(body, interaction.motion).joints.numpy()
    camera, size = sample_camera(joints, rng, distribution)
    bodies = (body, body)
    sight = project_clip(interaction.motion, bodies, camera, size, every)
    detections = simulate_detections(sight, camera, size, interaction.rate, noise, rng)
    for _ in range(_MOST_DRAWS):
        if _both_found(detections):
            break
        detections = simulate_detections(sight, camera, size, interaction.rate, noise, rng)
    truth = GroundTruth(
        motion=interaction.motion,
        bodies=bodies,
        joints=joints.astype(np.float32),
        foot_contact=interaction.foot_contact,
        contacts=interaction.contacts,
        camera=camera,
        visibility=sight.joint_visibility,
    )
    return BenchmarkClip(interaction.name, interaction.family, truth, detections, interaction.sentences)


def _both_found(detections: Detections) -> bool:
    frames = detections.found.shape[1]
    return int(detections.found.all(0).sum()) >= max(min(_TOGETHER_FRAMES, frames), _TOGETHER_SHARE * frames)
