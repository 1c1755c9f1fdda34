"""Examples for the contact head: its features of interactions seen by a random camera, and which body parts truly touch.

The motion is the product's whole first fit of simulated detections: in fits of a fifth of the steps, parts that touch are nearly
twice as far apart.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool

from core.body.model import BodyModel
from core.contacts.features import ContactFeatures, contact_features, touching_parts
from core.contract.errors import UserError
from core.contract.files import put_json, put_npz, read_json, read_npz, replacing
from core.fitting.fit import FitSchedule, Phase, fit
from core.fitting.targets import FitTargets
from core.observations.clip_scene import ClipScene
from core.pipeline.settings import PipelineSettings
from core.reporting import SilentReporter
from core.stgcn.inference import load_stgcn
from core.stgcn.predict import JointPrediction, predict_joints

from ..choreography.interaction import Interaction
from ..evaluation.benchmark_clip import BenchmarkClip
from ..evaluation.camera_sampling import NARROW_CAMERAS, WIDE_CAMERAS
from ..evaluation.detection_noise.noise_model import load_noise
from ..evaluation.pairs_2d import simulate_clip
from ..evaluation.surface_metrics import contact_matrix
from ..evaluation.usual_camera import start_of_product
from .mirror import mirror_interaction


@dataclass(frozen=True)
class ContactExample:
    """One clip on the uniform grid."""

    name: str
    family: str
    features: ContactFeatures
    touching: Bool[np.ndarray, "N Q Q"]
    sentences: tuple[str, ...]


def make_contact_examples(
    interactions: Sequence[Interaction], seed: int, body: BodyModel, *, camera: int = 0, fewer_steps: int = 1
) -> Iterator[ContactExample]:
    """An example of each interaction; those in which the 2D stage hardly found somebody are left out.

    Everything random is drawn from the seed, the interaction's name and the number of the camera. Odd cameras see the mirrored
    interaction. `fewer_steps`: the part of the fit's steps that is done, with a learning rate larger by its root; for tests.
    """
    noise = load_noise()
    for interaction in interactions:
        seen = mirror_interaction(interaction) if camera % 2 else interaction
        seen = replace(seen, name=f"{seen.name}@{camera}")
        wide = np.random.default_rng((seed, zlib.crc32(seen.name.encode()), 3)).random() < 0.3
        try:
            clip = simulate_clip(seen, seed, body, noise, 3, WIDE_CAMERAS if wide else NARROW_CAMERAS)
            yield contact_example(clip, body, fewer_steps)
        except UserError as error:
            if error.code != "nobody":
                raise


def contact_example(clip: BenchmarkClip, body: BodyModel, fewer_steps: int = 1) -> ContactExample:
    """The example of a clip with simulated detections. UserError `nobody` if the 2D stage hardly found somebody."""
    observations, initial = start_of_product(clip.detections, body)
    scene = ClipScene.of(observations, initial, body)
    prediction = predict_joints(scene, load_stgcn())
    phases = PipelineSettings().first_fit.for_prior(prediction.prior)
    fitted = fit(
        replace(initial, motion_incam=prediction.motion_incam),
        observations,
        body,
        FitTargets(prior=prediction.prior),
        FitSchedule(tuple(_shortened(phase, fewer_steps) for phase in phases)),
        SilentReporter(),
    )
    timeline = observations.timeline
    features = contact_features(fitted.motion_incam, timeline, fitted.confidence, joint_sigma(prediction), body)
    touching = touching_parts(contact_matrix(clip.truth.contacts, clip.detections.frame_index))
    on_grid = scene.frame.grid.flags_to_grid(torch.from_numpy(touching)[None])[0].numpy()
    return ContactExample(clip.name, clip.family, features, on_grid, clip.sentences)


def joint_sigma(prediction: JointPrediction) -> np.ndarray | None:
    return None if prediction.prior is None else prediction.prior.sigma


def _shortened(phase: Phase, fewer_steps: int) -> Phase:
    steps = max(1, phase.steps // fewer_steps)
    return replace(phase, steps=steps, learning_rate=phase.learning_rate * (phase.steps / steps) ** 0.5)


def save_contact_examples(path: Path, examples: Sequence[ContactExample]) -> None:
    """Write PATH.npz (clips one after the other along time) and PATH.json (names and sentences), both or neither."""
    arrays = {
        "frames": np.array([len(example.touching) for example in examples], np.int32),
        "pairs": np.concatenate([example.features.pairs.numpy().astype(np.float16) for example in examples]),
        "parts": np.concatenate([example.features.parts.numpy().astype(np.float16) for example in examples], 1),
        "touching": np.concatenate([example.touching for example in examples]),
    }
    records = [{"name": each.name, "family": each.family, "sentences": list(each.sentences)} for each in examples]
    with replacing(path.with_suffix(".npz")) as numbers, replacing(path.with_suffix(".json")) as words:
        put_npz(numbers, arrays)
        put_json(words, {"examples": records})


def load_contact_examples(path: Path) -> list[ContactExample]:
    """Read PATH.npz and PATH.json. UserError `file-unreadable` if they do not belong together."""
    records, arrays = read_json(path.with_suffix(".json"))["examples"], read_npz(path.with_suffix(".npz"))
    if len(records) != len(arrays["frames"]):
        raise UserError("file-unreadable", f"{path}.npz and .json are of different runs.", "Make both again.")
    ends = np.cumsum(arrays["frames"])
    examples: list[ContactExample] = []
    for record, end, count in zip(records, ends.tolist(), arrays["frames"].tolist()):
        frames = slice(end - count, end)
        pairs, parts = (torch.from_numpy(arrays["pairs"][frames]), torch.from_numpy(arrays["parts"][:, frames]))
        features = ContactFeatures(pairs.float(), parts.float())
        sentences = tuple(record["sentences"])
        examples.append(
            ContactExample(record["name"], record["family"], features, arrays["touching"][frames], sentences)
        )
    return examples
