"""Make training examples from interactions (python -m lab choreograph writes them): FILE.npz and FILE.json.

Every interaction is filmed by several drawn cameras, every other time in the mirror, and seen by the model of the 2D stage; those
of the train split by models drawn around it (lab/training/variety.py), those of dev by the one that the benchmark uses. The
file is written anew after every hundred examples, so that learning can begin with what is there. The same seed gives the same
examples, however many workers there are; interactions of another split than `--split` are refused.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from core.body.files import load_body
from core.contract.errors import UserError

from ..choreography.interaction import Interaction, load_interactions
from ..choreography.scene_sampler import SceneSampler
from ..choreography.splits import Split, captures_of, split_of
from ..evaluation.benchmark_clip import OCCLUDED, TRUNCATED, VISIBLE
from ..mocap.action_detection import find_windows
from ..mocap.library import load_library
from .examples import Example, Take, make_examples, save_examples, takes_of
from .strangers import stranger_pair

_SAVE_EVERY = 100


def make_files(arguments: argparse.Namespace) -> None:
    """Run `python -m lab examples`; the arguments are those of `lab.commands.examples`."""
    torch.set_num_threads(1)
    began = time.perf_counter()
    interactions = wanted(arguments.interactions, arguments.split)
    varied = arguments.split == "train"
    takes = takes_of(interactions, arguments.cameras, arguments.seed, varied)
    if arguments.strangers:
        pairs = strangers(arguments.motion, arguments.cache, arguments.split, arguments.strangers, arguments.seed)
        print(f"{len(pairs)} pairs of strangers in {time.perf_counter() - began:.0f} s", flush=True)
        takes += [Take(pair, number % 2, arguments.seed, varied) for number, pair in enumerate(pairs)]
    examples: list[Example] = []
    began = time.perf_counter()
    for number, example in enumerate(make_examples(takes, arguments.workers), 1):
        if example is None:
            print(f"{takes[number - 1].interaction.name}: somebody was not found")
        else:
            examples.append(example)
        if number % _SAVE_EVERY == 0 and number < len(takes):
            save_examples(arguments.out, examples)
            print(f"{number} of {len(takes)}, {time.perf_counter() - began:.0f} s", flush=True)
    save_examples(arguments.out, examples)
    print(f"{len(examples)} examples in {time.perf_counter() - began:.0f} s\n{summary(examples)}")


def wanted(paths: Sequence[Path], split: Split) -> list[Interaction]:
    """All interactions of the files, under names of their own. UserError where one belongs to another split."""
    interactions: dict[str, Interaction] = {}
    for path in paths:
        for interaction in load_interactions(path):
            found = split_of(interaction)
            if found != split:
                raise UserError(
                    "wrong-split",
                    f"{interaction.name} of {path} belongs to {found}, not to {split}.",
                    "Give files of one split only.",
                )
            if interactions.setdefault(interaction.name, interaction) is not interaction:
                raise UserError(
                    "same-name",
                    f"{path} holds another {interaction.name} than a file before it.",
                    "Draw the files with different --first.",
                )
    return list(interactions.values())


def strangers(motion: Path, cache: Path, split: Split, count: int, seed: int) -> list[Interaction]:
    captures = list(captures_of(load_library(motion, cache), split))
    studio = SceneSampler(load_body(None), lambda kind, frames: find_windows(captures, kind, frames))
    return [stranger_pair(studio, seed, number) for number in range(count)]


def summary(examples: Sequence[Example]) -> str:
    """Of each visibility, the first motion's error against truth, and that of the depth between the two."""
    errors: dict[int, list[np.ndarray]] = {VISIBLE: [], OCCLUDED: [], TRUNCATED: []}
    depths, frames = [], 0
    for example in examples:
        apart = np.linalg.norm(example.joints - example.truth_joints, axis=-1)
        for kind, lists in errors.items():
            lists.append(apart[example.hidden == kind])
        between = [part[1, :, 0, 1] - part[0, :, 0, 1] for part in (example.joints, example.truth_joints)]
        depths.append(np.abs(between[0] - between[1]))
        frames += example.frames
    lines = [f"{frames} frames of two people; error of the first motion's joints in the view:"]
    for kind, name in ((VISIBLE, "seen"), (OCCLUDED, "hidden by the other"), (TRUNCATED, "outside the picture")):
        values = np.concatenate(errors[kind]) if errors[kind] else np.zeros(0)
        mean = 1000 * float(values.mean()) if len(values) else float("nan")
        lines.append(f"  {name}: {mean:.0f} mm ({len(values)} joints)")
    lines.append(f"  depth between the pelvises: {1000 * float(np.concatenate(depths).mean()):.0f} mm")
    return "\n".join(lines)
