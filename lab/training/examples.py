"""What models learn from: two people as they were observed, and what they really did, clip by clip, and batches of windows.

An example is an interaction filmed by a drawn camera and seen by the model of the 2D stage (`evaluation.pairs_2d`), with the
first motion that geometry makes of that. Nothing of dev or test people may be among those that are trained on.
"""

from __future__ import annotations

import math
import multiprocessing
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from core.body.files import load_body
from core.body.model import BodyModel
from core.body.rotations import matrix_to_rotation_6d, rotation_6d_to_matrix
from core.contract.errors import UserError
from core.contract.files import put_json, put_npz, read_json, read_npz, replacing
from core.fitting.initial import estimate_initial_motion
from core.observations.features import NODE_FEATURES, PERSON_FEATURES, VERSION, extract_features
from core.pipeline import stages
from core.reporting import SilentReporter
from core.representation.body_parts import touching
from core.representation.ground_view import ground_view
from core.representation.residual import FOOT_CONTACT, TOUCHING, PoseState, encode_residual, pose_state
from core.semantics.captioner import generate_captions
from core.semantics.description import describe

from ..choreography.interaction import Interaction
from ..evaluation.benchmark_clip import BenchmarkClip
from ..evaluation.camera_sampling import NARROW_CAMERAS, WIDE_CAMERAS, CameraDistribution
from ..evaluation.detection_noise.model import DetectionNoise, load_noise
from ..evaluation.pairs_2d import simulate_clip
from .mirror import mirrored_interaction
from .variety import varied

_KNOWN_LENS_SHARE = 0.25
"""Of the examples whose camera's field of view is given, as users sometimes do."""
_LOOK_EVERY = 3
"""Frames: who hides whom is found out in each third, a tenth of a second apart."""
_BOLD_SHARE = 0.5
_CAPTIONS = 3
"""Of each clip, beside the generator's own sentences."""
_MOVING = ("nodes", "people", "joints", "seen", "base_turns", "truth_joints", "x", "hidden")
"""Fields with frames along their second axis."""
_STILL = ("base_betas", "betas")
_WHOLE = ("joints", "truth_joints", "base_betas", "betas")
"""Fields that need more than three digits."""


@dataclass(frozen=True)
class Example:
    """One clip, arrays of float16 or float32. P = 2 people, N frames of the models' clock; gravity views, metres."""

    name: str
    family: str
    nodes: np.ndarray
    """[P,N,22,F], see `representation.observed`, as the four below."""
    people: np.ndarray
    """[P,N,G]"""
    joints: np.ndarray
    """[P,N,22,3] of the first motion"""
    seen: np.ndarray
    """[P,N,22]"""
    base_turns: np.ndarray
    """[P,N,22,6] rotations of the first motion."""
    base_betas: np.ndarray
    """[P,16]"""
    truth_joints: np.ndarray
    """[P,N,22,3] in the true camera's view, whose origin and axes stand for those of the guessed one's."""
    x: np.ndarray
    """[P,N,SIZE], see `representation.residual`."""
    betas: np.ndarray
    """[P,16] true ones less those of the first motion."""
    hidden: np.ndarray
    """uint8 [P,N,22], codes of `evaluation.shot`: seen, hidden by the other person, outside the picture."""
    sentences: tuple[str, ...]

    @property
    def frames(self) -> int:
        return self.joints.shape[1]


Text = TypeVar("Text")


@dataclass(frozen=True)
class Batch(Generic[Text]):
    """B windows of T frames, float32, with the fields of an Example; `Text` is what sentences are given as."""

    nodes: Tensor
    people: Tensor
    joints: Tensor
    seen: Tensor
    base: PoseState
    """Rotations [B,P,T,22,3,3], pelvis [B,P,T,3], betas [B,P,16]."""
    truth_joints: Tensor
    x: Tensor
    betas: Tensor
    """[B,P,16]"""
    hidden: Tensor
    """uint8 [B,P,T,22]"""
    valid: Tensor
    """bool [B,T]: the clip has this frame; where it is shorter, its last one is repeated."""
    text: Text
    """One of each clip's sentences, or empty: B words, or the numbers [B,384] of `draw.Drawn`."""

    @property
    def planted(self) -> Tensor:
        """bool [B,P,T,2]"""
        return self.x[..., FOOT_CONTACT] > 0

    @property
    def touching(self) -> Tensor:
        """bool [B,P,T,8]"""
        return self.x[..., TOUCHING] > 0

    def to(self, device: torch.device | str) -> Batch[Text]:
        moved: dict[str, Any] = {
            name: value.to(device) for name, value in vars(self).items() if isinstance(value, Tensor)
        }
        base = PoseState(*(value.to(device) for value in (self.base.rotations, self.base.pelvis, self.base.betas)))
        return replace(self, base=base, **moved)


@dataclass(frozen=True)
class Take:
    """One of the cameras that an interaction is filmed by; every other one sees it in the mirror."""

    interaction: Interaction
    camera: int
    seed: int
    varied: bool = False
    """Held boldly every other time, and seen by another 2D stage each time, drawn around the fitted one: for training, not for
    measuring."""


def takes_of(interactions: Sequence[Interaction], cameras: int, seed: int, varied: bool = False) -> list[Take]:
    """All first cameras come first: whoever stops early has seen all interactions."""
    return [Take(interaction, camera, seed, varied) for camera in range(cameras) for interaction in interactions]


def make_examples(takes: Sequence[Take], workers: int = 1) -> Iterator[Example | None]:
    """An example of each take, in order, whatever the number of processes; None where the 2D stage lost somebody."""
    if workers <= 1:
        yield from map(make_example, takes)
        return
    with multiprocessing.get_context("spawn").Pool(workers, initializer=_one_thread) as pool:
        yield from pool.imap(make_example, takes)


def make_example(take: Take) -> Example | None:
    """Film and observe: drawn from the seed, the interaction's name and the camera's number alone."""
    interaction = mirrored_interaction(take.interaction) if take.camera % 2 else take.interaction
    interaction = replace(interaction, name=f"{interaction.name}@{take.camera}")
    noise, cameras = load_noise(), NARROW_CAMERAS
    if take.varied:
        rng = np.random.default_rng((take.seed, zlib.crc32(interaction.name.encode()), 2))
        noise, cameras = varied(noise, rng), WIDE_CAMERAS if rng.random() < _BOLD_SHARE else NARROW_CAMERAS
    try:
        return example_of(interaction, take.seed, _default_body(), noise, cameras)
    except UserError as error:
        if error.code != "nobody":
            raise
        return None


def example_of(
    interaction: Interaction,
    seed: int,
    body: BodyModel,
    noise: DetectionNoise,
    cameras: CameraDistribution = NARROW_CAMERAS,
) -> Example:
    """UserError `nobody` where the 2D stage hardly found somebody."""
    filmed = simulate_clip(interaction, seed, body, noise, _LOOK_EVERY, cameras)
    detections, truth = filmed.detections, filmed.truth
    rng = np.random.default_rng((seed, zlib.crc32(interaction.name.encode()), 1))
    fov = None
    if rng.random() < _KNOWN_LENS_SHARE:
        fov = 2 * math.degrees(math.atan(detections.image_size[0] / 2 / truth.camera.K[0, 0]))
    observations = stages.observations(detections, fov, body.device)
    first = estimate_initial_motion(observations, body, reporter=SilentReporter())
    observed, frame = extract_features(observations, first, body)
    clock = frame.grid
    true_incam = truth.motion.transformed(truth.camera.T_cw)
    view = ground_view(truth.camera, torch.as_tensor(true_incam.pelvis))
    true = pose_state(true_incam, view, clock)
    planted, touches, hidden = (
        clock.flags_to_grid(torch.from_numpy(flags))
        for flags in (truth.foot_contact, touching(truth.contacts, detections.frame_index), truth.visibility)
    )
    x, betas = encode_residual(true, observed.reference, planted, touches)
    arrays = {
        "nodes": observed.nodes,
        "people": observed.people,
        "joints": observed.joints,
        "seen": observed.confidence,
        "base_turns": matrix_to_rotation_6d(observed.reference.rotations),
        "base_betas": observed.reference.betas,
        "truth_joints": true.joints(body),
        "x": x,
        "betas": betas,
    }
    kept = {name: value.numpy().astype(np.float32 if name in _WHOLE else np.float16) for name, value in arrays.items()}
    return Example(
        name=interaction.name,
        family=interaction.family,
        hidden=hidden.numpy(),
        sentences=(*interaction.sentences, *_captions(filmed, body, rng)),
        **kept,
    )


def _captions(filmed: BenchmarkClip, body: BodyModel, rng: np.random.Generator) -> tuple[str, ...]:
    """What the geometry captioner says of the truth: words for clips that come without, and other words for those with."""
    truth, detections = filmed.truth, filmed.detections
    description = describe(truth.motion, body, truth.contacts, detections.frame_index, detections.time)
    return generate_captions(description, rng, _CAPTIONS)


def save_examples(path: Path, examples: Sequence[Example]) -> None:
    """Write PATH.npz (clips one after the other along time) and PATH.json (words), each whole or not at all."""
    arrays = {"frames": np.array([example.frames for example in examples], np.int32)}
    arrays |= {name: np.concatenate([getattr(example, name) for example in examples], 1) for name in _MOVING}
    arrays |= {name: np.stack([getattr(example, name) for example in examples]) for name in _STILL}
    words = [
        {"name": example.name, "family": example.family, "sentences": list(example.sentences)} for example in examples
    ]
    with replacing(path.with_suffix(".npz")) as numbers, replacing(path.with_suffix(".json")) as beside:
        put_npz(numbers, arrays)
        put_json(beside, {"version": VERSION, "examples": words})


def load_examples(path: Path) -> list[Example]:
    """UserError where a file is missing or damaged, or made by another version."""
    record = read_json(path.with_suffix(".json"))
    arrays, words = read_npz(path.with_suffix(".npz")), record.get("examples", [])
    widths = tuple(arrays[name].shape[-1] if name in arrays else 0 for name in ("nodes", "people"))
    if record.get("version") != VERSION or widths != (len(NODE_FEATURES), len(PERSON_FEATURES)):
        raise UserError(
            "examples-outdated",
            f"{path} was made by another version.",
            "Make examples again with python -m lab examples.",
        )
    if len(words) != len(arrays["frames"]):
        raise UserError("file-unreadable", f"{path}.npz and .json are of different runs.", "Make both again.")
    ends = np.cumsum(arrays["frames"])
    return [
        Example(
            name=word["name"],
            family=word["family"],
            sentences=tuple(word["sentences"]),
            **{name: arrays[name][:, end - count : end] for name in _MOVING},
            **{name: arrays[name][index] for name in _STILL},
        )
        for index, (word, end, count) in enumerate(zip(words, ends.tolist(), arrays["frames"].tolist()))
    ]


def windows(
    examples: Sequence[Example], length: int, rng: np.random.Generator, size: int = 16
) -> Iterator[Batch[list[str]]]:
    """Batches of up to `size` windows in which every example has its turn once, in random order, from a random frame on."""
    order = rng.permutation(len(examples))
    for start in range(0, len(order), size):
        chosen = [examples[index] for index in order[start : start + size]]
        yield batch_of(chosen, [_start(example, length, rng) for example in chosen], length, rng)


def draw_batch(examples: Sequence[Example], length: int, rng: np.random.Generator, size: int) -> Batch[list[str]]:
    """`size` windows, each of any example, long ones more often: every frame is as likely."""
    share = np.array([example.frames for example in examples], float)
    chosen = [examples[index] for index in rng.choice(len(examples), size, p=share / share.sum())]
    return batch_of(chosen, [_start(example, length, rng) for example in chosen], length, rng)


def batch_of(
    examples: Sequence[Example], starts: Sequence[int], length: int, rng: np.random.Generator | None = None
) -> Batch[list[str]]:
    """Windows of `length` frames from the given ones on; the first sentences, or by `rng` any."""
    frames = [np.arange(start, start + length) for start in starts]
    kept = [np.minimum(index, example.frames - 1) for example, index in zip(examples, frames)]

    def stacked(name: str) -> Tensor:
        parts = [getattr(example, name)[:, index] for example, index in zip(examples, kept)]
        return torch.from_numpy(np.stack(parts).astype(parts[0].dtype if name == "hidden" else np.float32))

    def still(name: str) -> Tensor:
        return torch.from_numpy(np.stack([getattr(example, name) for example in examples]).astype(np.float32))

    joints = stacked("joints")
    return Batch(
        nodes=stacked("nodes"),
        people=stacked("people"),
        joints=joints,
        seen=stacked("seen"),
        base=PoseState(rotation_6d_to_matrix(stacked("base_turns")), joints[..., 0, :], still("base_betas")),
        truth_joints=stacked("truth_joints"),
        x=stacked("x"),
        betas=still("betas"),
        hidden=stacked("hidden"),
        valid=torch.from_numpy(np.stack([index < example.frames for example, index in zip(examples, frames)])),
        text=[_sentence(example, rng) for example in examples],
    )


def _start(example: Example, length: int, rng: np.random.Generator) -> int:
    return int(rng.integers(max(example.frames - length, 0) + 1))


def _sentence(example: Example, rng: np.random.Generator | None) -> str:
    if not example.sentences:
        return ""
    return example.sentences[0 if rng is None else int(rng.integers(len(example.sentences)))]


@lru_cache(maxsize=1)
def _default_body() -> BodyModel:
    return load_body(None)


def _one_thread() -> None:
    torch.set_num_threads(1)
