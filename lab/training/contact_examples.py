"""Examples for the contact head: clips as it gets them in the product, its features of them, and which body parts truly touch.

The motion is the product's whole first fit of detections: in fits of a fifth of the steps, parts that touch are nearly
twice as far apart. Fits take most of the time, so they are what is kept in files; features are computed of them anew.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool

from core.body.model import BodyModel
from core.contacts.features import ContactFeatures, contact_features
from core.contacts.scene import ContactScene
from core.contract.errors import UserError
from core.contract.files import put_json, put_npz, read_json, read_npz, replacing
from core.fitting.camera import KnownCamera
from core.fitting.fit import FitSchedule, fit
from core.fitting.prior import JointPrior
from core.fitting.targets import FitTargets
from core.motion import PairMotion, Timeline
from core.observations.clip_scene import ClipScene
from core.pipeline.settings import FitPhases, PipelineSettings
from core.reporting import SilentReporter
from core.representation.resampling import TimeGrid
from core.stgcn.inference import load_stgcn
from core.stgcn.predict import predict_joints

from ..choreography.interaction import Interaction
from ..evaluation.benchmark_clip import BenchmarkClip
from ..evaluation.camera_sampling import NARROW_CAMERAS, WIDE_CAMERAS, CameraDistribution
from ..evaluation.detection_noise.noise_model import load_noise
from ..evaluation.initial_estimate import estimate_initial
from ..evaluation.pairs_2d import simulate_clip
from ..evaluation.surface_metrics import contact_matrix, touching_parts
from .mirror import mirror_interaction
from .nearly_known_camera import nearly_known_camera

_CAMERAS: tuple[tuple[CameraDistribution, float], ...] = ((NARROW_CAMERAS, 0.7), (WIDE_CAMERAS, 0.3))
"""Where cameras are drawn from, and the part of each."""
_PHASES = PipelineSettings().first_fit


@dataclass(frozen=True)
class FittedClip:
    """One clip at its own times: what the contact head gets in the product, and the truth."""

    name: str
    family: str
    scene: ContactScene
    touching: Bool[np.ndarray, "T Q Q"]
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class ContactExample:
    """One clip on the uniform grid."""

    name: str
    family: str
    features: ContactFeatures
    touching: Bool[np.ndarray, "N Q Q"]
    sentences: tuple[str, ...]


def fit_interactions(
    interactions: Sequence[Interaction],
    seed: int,
    body: BodyModel,
    *,
    camera: int = 0,
    nearly_known: float = 0.0,
    phases: FitPhases = _PHASES,
) -> Iterator[FittedClip]:
    """Each interaction, seen by a random camera, and fitted; those in which the 2D stage hardly found somebody are left out.

    Everything random is drawn from the seed, the interaction's name and the number of the camera. Odd cameras see the mirrored
    interaction. `nearly_known`: the part of the clips whose camera is drawn about the true one instead of estimated.
    """
    noise = load_noise()
    for interaction in interactions:
        seen = mirror_interaction(interaction) if camera % 2 else interaction
        seen = replace(seen, name=f"{seen.name}@{camera}")
        rng = np.random.default_rng((seed, zlib.crc32(seen.name.encode()), 3))
        cameras, shares = zip(*_CAMERAS)
        distribution = cameras[int(rng.choice(len(shares), p=shares))]
        try:
            clip = simulate_clip(seen, seed, body, noise, 3, distribution)
            known = KnownCamera()
            if rng.random() < nearly_known:
                known = nearly_known_camera(clip.truth.camera, clip.detections.image_size, rng)
            yield fit_clip(clip, body, known, phases)
        except UserError as error:
            if error.code != "nobody":
                raise


def fit_clip(
    clip: BenchmarkClip, body: BodyModel, known: KnownCamera | None = None, phases: FitPhases = _PHASES
) -> FittedClip:
    """A clip with its detections, fitted as in the product. UserError `nobody` if the 2D stage hardly found somebody."""
    observations, initial = estimate_initial(clip.detections, body, known)
    prediction = predict_joints(ClipScene.of(observations, initial, body), load_stgcn())
    motion_incam = fit(
        replace(initial, motion_incam=prediction.motion_incam),
        observations,
        body,
        FitTargets(prior=prediction.prior),
        FitSchedule(phases.for_prior(prediction.prior), phases.fixed_shape),
        SilentReporter(),
    ).motion_incam
    confidence = observations.joint_confidence.cpu().numpy()
    scene = ContactScene(motion_incam, observations.timeline, confidence, prediction.prior, body)
    touching = touching_parts(contact_matrix(clip.truth.contacts, clip.detections.frame_index))
    return FittedClip(clip.name, clip.family, scene, touching, clip.sentences)


def contact_example(clip: FittedClip) -> ContactExample:
    """The features that the head reads of a fitted clip, and what touches, on the uniform grid."""
    scene = clip.scene
    features = contact_features(scene)
    touching = TimeGrid.of(scene.timeline.time).flags_to_grid(torch.from_numpy(clip.touching)[None])[0].numpy()
    return ContactExample(clip.name, clip.family, features, touching, clip.sentences)


def save_fitted_clips(path: Path, clips: Sequence[FittedClip]) -> None:
    """Write PATH.npz (clips one after the other along time) and PATH.json (names and sentences), both or neither."""
    scenes = [clip.scene for clip in clips]
    arrays = {
        "frames": np.array([len(clip.touching) for clip in clips], np.int32),
        "touching": np.concatenate([clip.touching for clip in clips]),
        "frame_index": np.concatenate([scene.timeline.frame_index for scene in scenes]),
        "time": np.concatenate([scene.timeline.time for scene in scenes]),
        "confidence": np.concatenate([scene.confidence for scene in scenes], 1),
        "betas": np.stack([scene.motion_incam.betas for scene in scenes]),
    }
    for item in fields(PairMotion):
        if item.name != "betas":
            arrays[item.name] = np.concatenate([getattr(scene.motion_incam, item.name) for scene in scenes], 1)
    for item in fields(JointPrior):
        arrays[f"prior_{item.name}"] = np.concatenate([getattr(scene.prior, item.name) for scene in scenes], 1)
    records = [{"name": each.name, "family": each.family, "sentences": list(each.sentences)} for each in clips]
    with replacing(path.with_suffix(".npz")) as numbers, replacing(path.with_suffix(".json")) as words:
        put_npz(numbers, arrays)
        put_json(words, {"clips": records})


def load_fitted_clips(path: Path, body: BodyModel) -> list[FittedClip]:
    """Read PATH.npz and PATH.json. UserError `file-unreadable` if they do not belong together."""
    records, arrays = read_json(path.with_suffix(".json"))["clips"], read_npz(path.with_suffix(".npz"))
    if len(records) != len(arrays["frames"]):
        raise UserError("file-unreadable", f"{path}.npz and .json are of different runs.", "Make both again.")
    ends = np.cumsum(arrays["frames"]).tolist()
    clips: list[FittedClip] = []
    for index, (record, end, count) in enumerate(zip(records, ends, arrays["frames"].tolist())):
        frames = slice(end - count, end)
        moving = {item.name: arrays[item.name][:, frames] for item in fields(PairMotion) if item.name != "betas"}
        scene = ContactScene(
            PairMotion(**moving, betas=arrays["betas"][index]),
            Timeline(arrays["frame_index"][frames], arrays["time"][frames]),
            arrays["confidence"][:, frames],
            JointPrior(**{item.name: arrays[f"prior_{item.name}"][:, frames] for item in fields(JointPrior)}),
            body,
        )
        touching, sentences = arrays["touching"][frames], tuple(record["sentences"])
        clips.append(FittedClip(record["name"], record["family"], scene, touching, sentences))
    return clips
