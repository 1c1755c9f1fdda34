"""Fit the model of the 2D stage's errors (`lab/evaluation/data/noise.json`) to rendered clips whose truth is known.

Folders are as `lab.evaluation.rendered` describes them. The real 2D stage runs on every clip once (a quarter of a second a
frame) and what it saw is kept in FOLDER/tracks. Prints how real and simulated tracks of the same motions compare.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch

from core.body.files import load_body
from core.body.model import BodyModel
from core.clip import probe
from core.contract.errors import UserError
from core.contract.files import read_npz, write_npz
from core.motion import Camera
from core.perception.detections import Detections
from core.perception.perceive import detect_people
from core.pipeline.cache import content_key, flatten, unflatten
from core.reporting import SilentReporter

from ..evaluation.detection_noise.model import DetectionNoise, load_noise, save_noise
from ..evaluation.detection_noise.simulate import simulate_detections
from ..evaluation.occlusion.projection import ProjectedClip, project_clip
from ..evaluation.rendered import load_rendered
from ..evaluation.sample_truth import load_truth
from ..paths import SAMPLES
from .comparison import comparison_table, detection_statistics
from .estimate import fit_detection_noise
from .matching import MatchedClip, match_detections

SAMPLE = SAMPLES / "handshake_hug.mp4"
_SEEDS = 4
"""Times that every clip is simulated for the comparison."""
_ROUNDS = 2
"""Times that the errors' quickness is put right by simulating it."""
_PICTURE, _METRIC = "error's second difference q0.5 %", "metric second difference q0.5 mm"


@dataclass(frozen=True)
class Film:
    """A clip and what there is to see in it."""

    name: str
    video: Path
    sight: ProjectedClip
    camera: Camera
    image_size: tuple[int, int]
    rate: float


def fit_noise(arguments: argparse.Namespace) -> None:
    """Run `python -m lab fit-noise`; the arguments are those of `lab.commands.fit_noise`."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    body = load_body(None)
    films = [(film, folder / "detections") for folder in arguments.folders for film in rendered(folder, body)]
    if arguments.sample:
        films.append((sample(body), arguments.work))
    seen = [(film, detections) for film, kept in films if (detections := look(film, kept)) is not None]
    clips = [match_detections(film.name, film.sight, film.camera, film.rate, detections) for film, detections in seen]
    if arguments.compare:
        noise = load_noise(arguments.out)
    else:
        provenance = {
            "clips": [clip.name for clip in clips],
            "frames": int(sum(clip.skeleton_kind.shape[1] for clip in clips)),
            "two people not found in": sorted({film.name for film, _ in films} - {film.name for film, _ in seen}),
        }
        noise = calmed(fit_detection_noise(clips, provenance), clips, [film for film, _ in seen])
        save_noise(arguments.out, noise)
        noise = load_noise(arguments.out)
        print(f"{arguments.out}: {arguments.out.stat().st_size / 1000:.0f} kB")
    again = [simulated(film, noise, seed) for film, _ in seen for seed in range(_SEEDS)]
    print(f"{len(clips)} clips, {sum(clip.skeleton_kind.shape[1] for clip in clips)} frames of two people")
    print(comparison_table(detection_statistics(clips), detection_statistics(again)))


def calmed(noise: DetectionNoise, clips: list[MatchedClip], films: list[Film]) -> DetectionNoise:
    """The noise with less of its quick parts, or more, so that simulated errors change as much between frames as real ones.

    What is measured of scores within one kind of situation does not say it quite: situations change, too.
    """
    for _ in range(_ROUNDS):
        again = detection_statistics([simulated(film, noise, seed) for film in films for seed in range(_SEEDS)])
        real = detection_statistics(clips)
        noise = replace(
            noise,
            error_times=quieter(noise.error_times, real[_PICTURE] / again[_PICTURE]),
            world_times=quieter(noise.world_times, real[_METRIC] / again[_METRIC]),
        )
    return noise


def quieter(times: np.ndarray, factor: float) -> np.ndarray:
    """Shares of variance [...,C] whose quick half changes `factor` times as much between frames."""
    quick = times[..., :2] * factor**2
    quick = quick / np.maximum(quick.sum(-1, keepdims=True), 1)
    slow = times[..., 2:] + 1e-6
    slow = slow / slow.sum(-1, keepdims=True) * (1 - quick.sum(-1, keepdims=True))
    return np.concatenate([quick, slow], -1)


def rendered(folder: Path, body: BodyModel) -> list[Film]:
    films = []
    for clip in load_rendered(folder, body):
        sight = project_clip(clip.truth.motion, clip.truth.bodies, clip.truth.camera, clip.image_size)
        films.append(Film(clip.name, clip.video, sight, clip.truth.camera, clip.image_size, clip.rate))
    return films


def sample(body: BodyModel) -> Film:
    stem = SAMPLE.with_suffix("")
    truth = load_truth(Path(f"{stem}_truth.npz"), Path(f"{stem}_contacts.json"))
    K = read_npz(Path(f"{stem}_truth.npz"))["camera_K"][0]
    camera = Camera(K.astype(float), truth.camera_world[0].astype(float))
    clip = probe(SAMPLE)
    size = (clip.width, clip.height)
    rate = 1 / float(np.median(np.diff(truth.time)))
    return Film(SAMPLE.stem, SAMPLE, project_clip(truth.motion, (body, body), camera, size), camera, size, rate)


def look(film: Film, kept: Path) -> Detections | None:
    """What the 2D stage sees, from the folder `kept` where it has been there before. None where it does not find two people."""
    file = kept / f"{film.name}-{content_key(film.video)[:12]}.npz"
    if file.exists():
        arrays = read_npz(file)
        return unflatten(Detections, arrays) if arrays else None
    clip = probe(film.video)
    print(f"{film.name}: {clip.frame_count} frames are looked at", flush=True)
    try:
        detections = detect_people(
            clip, 0, clip.frame_count - 1, people=None, device=torch.device("cpu"), reporter=SilentReporter()
        )
    except UserError as error:
        print(f"{film.name}: {error.message}")
        write_npz(file, {})
        return None
    write_npz(file, flatten(detections), compress=True)
    return detections


def simulated(film: Film, noise: DetectionNoise, seed: int) -> MatchedClip:
    rng = np.random.default_rng(seed)
    detections = simulate_detections(film.sight, film.camera, film.image_size, film.rate, noise, rng)
    return match_detections(film.name, film.sight, film.camera, film.rate, detections)
