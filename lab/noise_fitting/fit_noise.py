"""Runs `python -m lab fit-noise`: detects people in rendered clips, fits the noise model, and compares its simulations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Float

from core.body.files import load_body
from core.body.model import BodyModel
from core.clip import probe
from core.contract.errors import UserError
from core.motion import Camera, median_time_step
from core.perception.detections import Detections
from core.reporting import SilentReporter

from ..evaluation.detection_noise.noise_model import DetectionNoise, load_noise, save_noise
from ..evaluation.detection_noise.simulate import simulate_detections
from ..evaluation.occlusion.projection import ProjectedClip, project_clip
from ..evaluation.perception_cache import PerceptionCache, detections_beside
from ..evaluation.rendered import load_rendered
from ..evaluation.sample_truth import load_truth
from ..paths import SAMPLES
from .comparison import METRIC_SECOND_DIFFERENCE, SECOND_DIFFERENCE, comparison_table, detection_statistics
from .fit_model import fit_detection_noise
from .matching import MatchedClip, match_detections

_SAMPLE = SAMPLES / "handshake_hug.mp4"
_SEEDS = 4
"""Simulations of every clip for the comparison."""
_ROUNDS = 2
"""Iterations in which the jitter is matched by simulation."""


@dataclass(frozen=True)
class NoiseFit:
    """What to fit to, and where the results go."""

    folders: Sequence[Path]
    """Of rendered clips."""
    with_sample: bool
    compare_only: bool
    """Fit nothing; compare with the model in `out`."""
    work: Path
    """A folder that keeps the sample's detections."""
    out: Path


@dataclass(frozen=True)
class RenderedVideo:
    """A video whose ground truth is known."""

    name: str
    video: Path
    projected: ProjectedClip
    camera: Camera
    image_size: tuple[int, int]
    rate: float
    """Frames per second."""


def fit_noise(settings: NoiseFit) -> None:
    """Fit the model unless `compare_only`, and print the comparison of real and simulated detections."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    body = load_body(None)
    videos = [(video, folder) for folder in settings.folders for video in _rendered(folder, body)]
    if settings.with_sample:
        videos.append((_sample(body), settings.work))
    detected = [
        (video, found)
        for video, kept in videos
        if (found := _detect(video, detections_beside(kept, _Log()))) is not None
    ]
    clips = [match_detections(v.name, v.projected, v.camera, v.rate, found) for v, found in detected]
    if not settings.compare_only:
        failed = sorted({video.name for video, _ in videos} - {video.name for video, _ in detected})
        provenance = {
            "clips": [clip.name for clip in clips],
            "frames": sum(clip.skeleton_kind.shape[1] for clip in clips),
            "two people not found in": failed,
        }
        noise = match_jitter(fit_detection_noise(clips, provenance), clips, [video for video, _ in detected])
        save_noise(settings.out, noise)
        print(f"{settings.out}: {settings.out.stat().st_size / 1000:.0f} kB")
    noise = load_noise(settings.out)
    simulated = [_simulate(video, noise, seed) for video, _ in detected for seed in range(_SEEDS)]
    print(f"{len(clips)} clips, {sum(clip.skeleton_kind.shape[1] for clip in clips)} frames of two people")
    print(comparison_table(detection_statistics(clips), detection_statistics(simulated)))


def match_jitter(noise: DetectionNoise, clips: list[MatchedClip], videos: list[RenderedVideo]) -> DetectionNoise:
    """The model with as much jitter that simulated errors change as much between frames as real ones.

    The autocorrelation of errors within one condition does not determine this, because conditions change, too.
    """
    real = detection_statistics(clips)
    for _ in range(_ROUNDS):
        simulated = detection_statistics([_simulate(video, noise, seed) for video in videos for seed in range(_SEEDS)])
        noise = replace(
            noise,
            error_weights=scale_jitter(noise.error_weights, real[SECOND_DIFFERENCE] / simulated[SECOND_DIFFERENCE]),
            metric_weights=scale_jitter(
                noise.metric_weights, real[METRIC_SECOND_DIFFERENCE] / simulated[METRIC_SECOND_DIFFERENCE]
            ),
        )
    return noise


def scale_jitter(weights: Float[np.ndarray, "*batch C"], factor: float) -> Float[np.ndarray, "*batch C"]:
    """Shares of variance of which the two fast processes have `factor` times the amplitude."""
    fast = weights[..., :2] * factor**2
    fast = fast / np.maximum(fast.sum(-1, keepdims=True), 1)
    slow = weights[..., 2:] + 1e-6
    slow = slow / slow.sum(-1, keepdims=True) * (1 - fast.sum(-1, keepdims=True))
    return np.concatenate([fast, slow], -1)


class _Log(SilentReporter):
    """Prints which clips the 2D networks are run on."""

    def log(self, text: str) -> None:
        print(text, flush=True)


def _rendered(folder: Path, body: BodyModel) -> list[RenderedVideo]:
    videos = []
    for clip in load_rendered(folder, body):
        projected = project_clip(clip.truth.motion, clip.truth.bodies, clip.truth.camera, clip.image_size)
        videos.append(RenderedVideo(clip.name, clip.video, projected, clip.truth.camera, clip.image_size, clip.rate))
    return videos


def _sample(body: BodyModel) -> RenderedVideo:
    stem = _SAMPLE.with_suffix("")
    truth = load_truth(Path(f"{stem}_truth.npz"), Path(f"{stem}_contacts.json"))
    clip = probe(_SAMPLE)
    size = (clip.width, clip.height)
    rate = 1 / median_time_step(truth.time)
    projected = project_clip(truth.motion, (body, body), truth.camera, size)
    return RenderedVideo(_SAMPLE.stem, _SAMPLE, projected, truth.camera, size, rate)


def _detect(video: RenderedVideo, perception: PerceptionCache) -> Detections | None:
    """The 2D networks' detections, or None where two people are not found."""
    try:
        return perception.detect_two(video.video).detections
    except UserError as error:
        print(f"{video.name}: {error.message}")
        return None


def _simulate(video: RenderedVideo, noise: DetectionNoise, seed: int) -> MatchedClip:
    rng = np.random.default_rng(seed)
    detections = simulate_detections(video.projected, video.camera, video.image_size, video.rate, noise, rng)
    return match_detections(video.name, video.projected, video.camera, video.rate, detections)
