"""`python -m lab examples`: makes files of training examples from choreographed interactions and non-interacting pairs."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from core.body.files import load_body
from core.body.model import BodyModel
from core.contract.errors import UserError

from ..choreography.interaction import Interaction, load_interactions
from ..choreography.scene_sampler import SceneSampler
from ..choreography.splits import Split, captures_of, split_of
from ..evaluation.benchmark_clip import OCCLUDED, TRUNCATED, VISIBLE, BenchmarkClip
from ..evaluation.perception_cache import detections_beside
from ..mocap.action_detection import find_windows
from ..mocap.library import load_library
from .examples import Example, save_examples
from .non_interacting import CLOSE, PairSettings, non_interacting_pair
from .rendered_clips import detected_clips
from .simulated_examples import (
    NEARLY_KNOWN,
    SimulatedView,
    SimulationSettings,
    example_of,
    make_examples,
    view_of,
    views_of,
)

_SAVE_EVERY = 100
"""Examples after which the file is written anew, so that training can begin with a part of them."""


def write_example_files(options: argparse.Namespace) -> None:
    """Run `python -m lab examples` with the options of `lab.commands.examples`.

    UserError `wrong-split` or `same-name`, see `load_interactions_of`.
    """
    torch.set_num_threads(1)
    augmented = options.split == "train"
    interactions = load_interactions_of(options.split, options.interactions)
    views = views_of(interactions, options.cameras, options.seed, augmented)
    if options.non_interacting:
        views += _of_pairs(options, options.non_interacting, PairSettings())
    if options.close:
        views += _of_pairs(options, options.close, CLOSE)
    examples: list[Example] = []
    began = time.perf_counter()
    for number, example in enumerate(make_examples(views, options.workers), 1):
        if example is None:
            print(f"{views[number - 1].interaction.name} is left out: somebody was not detected")
        else:
            examples.append(example)
        if number % _SAVE_EVERY == 0 and number < len(views):
            save_examples(options.out, examples)
            print(f"{number} of {len(views)}, {time.perf_counter() - began:.0f} s", flush=True)
    body = load_body(None)
    for folder in options.rendered:
        clips = detected_clips(folder, options.split, body, detections_beside(folder))
        examples += rendered_examples(clips, options.cameras, options.seed, body)
    save_examples(options.out, examples)
    print(f"{len(examples)} examples in {time.perf_counter() - began:.0f} s\n{summarize(examples)}")


def rendered_examples(clips: Iterable[BenchmarkClip], cameras: int, seed: int, body: BodyModel) -> Iterator[Example]:
    """Examples of clips with the detections of the real 2D networks.

    A video has one true camera; `cameras` are those that are assumed of it: the first one estimated, the others nearly known.
    """
    assumed = (SimulationSettings(known_fov=0.0), *(NEARLY_KNOWN,) * (cameras - 1))
    for clip in clips:
        for number, settings in enumerate(assumed):
            yield example_of(replace(clip, name=f"{clip.name}@{number}"), seed, body, settings)


def _of_pairs(options: argparse.Namespace, count: int, settings: PairSettings) -> list[SimulatedView]:
    began, augmented = time.perf_counter(), options.split == "train"
    pairs = draw_pairs(options.motion, options.cache, options.split, count, options.seed, settings)
    print(f"{len(pairs)} {settings.family} pairs in {time.perf_counter() - began:.0f} s", flush=True)
    return [view_of(pair, number % 2, options.seed, augmented) for number, pair in enumerate(pairs)]


def load_interactions_of(split: Split, paths: Sequence[Path]) -> list[Interaction]:
    """All interactions of the files.

    UserError `wrong-split` if one belongs to another split, `same-name` if two files hold different ones of the same name.
    """
    interactions: dict[str, Interaction] = {}
    for path in paths:
        for interaction in load_interactions(path):
            found = split_of(interaction)
            if found != split:
                raise UserError(
                    "wrong-split",
                    f"{interaction.name} in {path} belongs to the split {found}, not to {split}.",
                    "Give files of one split only.",
                )
            if interactions.setdefault(interaction.name, interaction) is not interaction:
                raise UserError(
                    "same-name",
                    f"{path} holds another {interaction.name} than a file before it.",
                    "Choreograph the files with different --first.",
                )
    return list(interactions.values())


def draw_pairs(
    motion: Path, cache: Path, split: Split, count: int, seed: int, settings: PairSettings | None = None
) -> list[Interaction]:
    """Pairs that nobody choreographed, from the motion capture of the split's subjects."""
    captures = list(captures_of(load_library(motion, cache), split))
    sampler = SceneSampler(load_body(None), lambda action, frames: find_windows(captures, action, frames))
    return [non_interacting_pair(sampler, seed, number, settings) for number in range(count)]


def summarize(examples: Sequence[Example]) -> str:
    """The initial motion's errors in a few lines, by visibility, and of the depth between the people."""
    errors: dict[int, list[np.ndarray]] = {VISIBLE: [], OCCLUDED: [], TRUNCATED: []}
    depth_errors, frames = [], 0
    for example in examples:
        error = np.linalg.norm(example.reference_joints - example.true_joints, axis=-1)
        for code, parts in errors.items():
            parts.append(error[example.visibility == code])
        depths = [joints[1, :, 0, 1] - joints[0, :, 0, 1] for joints in (example.reference_joints, example.true_joints)]
        depth_errors.append(np.abs(depths[0] - depths[1]))
        frames += example.frames
    lines = [f"{frames} frames of two people; errors of the initial motion's joints:"]
    for code, name in ((VISIBLE, "seen"), (OCCLUDED, "hidden by the other person"), (TRUNCATED, "outside the picture")):
        values = np.concatenate(errors[code]) if errors[code] else np.zeros(0)
        mean = 1000 * float(values.mean()) if len(values) else float("nan")
        lines.append(f"  {name}: {mean:.0f} mm ({len(values)} joints)")
    lines.append(f"  depth between the pelvises: {1000 * float(np.concatenate(depth_errors).mean()):.0f} mm")
    return "\n".join(lines)
